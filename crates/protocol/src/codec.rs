//! Canonical byte strings: fixed-width big-endian integers and length-prefixed strings.

use crate::error::Error;

/// The version of the protocol, which every message of an agreement opens with after its name.
///
/// # Source
///
/// `spec/protocol.md`, §20.2.
pub(crate) const VERSION: u16 = 2;

/// Appends values in the canonical encoding.
///
/// # Source
///
/// `spec/protocol.md`, §20.1.
#[derive(Debug, Default)]
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Begins a message of this version of the protocol.
    pub(crate) fn message(name: &'static str) -> Self {
        let mut out = Self::new();
        out.raw(name.as_bytes()).u16(VERSION);
        out
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.raw(&[value])
    }

    pub(crate) fn flag(&mut self, value: bool) -> &mut Self {
        self.u8(u8::from(value))
    }

    /// How many items follow.
    ///
    /// # Panics
    ///
    /// If there are 65 536 or more.
    pub(crate) fn count(&mut self, items: usize) -> &mut Self {
        self.u16(u16::try_from(items).expect("checked against the most items"))
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.raw(&value.to_be_bytes())
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A string after its length in 32 bits.
    ///
    /// # Panics
    ///
    /// If the string is 4 GiB or longer.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.u32(u32::try_from(bytes.len()).expect("strings stay below 4 GiB"))
            .raw(bytes)
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// Reads what [`Writer`] wrote, refusing anything else.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Self { rest: bytes, what }
    }

    /// Begins to read a message, and checks its name and version.
    pub(crate) fn message(bytes: &'a [u8], name: &'static str) -> Result<Self, Error> {
        let mut input = Self::new(bytes, name);
        if input.raw(name.len())? != name.as_bytes() {
            return Err(input.malformed());
        }
        match input.u16()? {
            VERSION => Ok(input),
            theirs => Err(Error::Version {
                what: name,
                ours: VERSION,
                theirs,
            }),
        }
    }

    pub(crate) fn malformed(&self) -> Error {
        Error::Malformed { what: self.what }
    }

    pub(crate) fn raw(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or_else(|| self.malformed())?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        Ok(self.raw(N)?.try_into().expect("as many bytes as asked for"))
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Error> {
        self.array().map(u64::from_be_bytes)
    }

    /// A flag: 0 or 1, nothing else.
    pub(crate) fn flag(&mut self) -> Result<bool, Error> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.malformed()),
        }
    }

    /// How many items follow, at most `most`.
    pub(crate) fn count(&mut self, most: usize) -> Result<usize, Error> {
        let count = usize::from(self.u16()?);
        if count > most {
            return Err(self.malformed());
        }
        Ok(count)
    }

    /// A length-prefixed text of at most `longest` bytes.
    pub(crate) fn text(&mut self, longest: usize) -> Result<&'a str, Error> {
        let bytes = self.bytes(longest)?;
        str::from_utf8(bytes).map_err(|_| self.malformed())
    }

    /// A length-prefixed string of at most `longest` bytes.
    pub(crate) fn bytes(&mut self, longest: usize) -> Result<&'a [u8], Error> {
        let length = self.u32()? as usize;
        if length > longest {
            return Err(self.malformed());
        }
        self.raw(length)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn finish(self) -> Result<(), Error> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.malformed())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::new();
        writer.u8(1).u16(2).u32(3).u64(4).bytes(b"five");
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes, "test");
        assert!(reader.flag().unwrap());
        assert_eq!(
            (reader.u16(), reader.u32(), reader.u64()),
            (Ok(2), Ok(3), Ok(4))
        );
        assert_eq!(reader.bytes(4), Ok(&b"five"[..]));
        reader.finish().unwrap();
    }

    #[test]
    fn surplus_shortage_and_overlong_strings_are_malformed() {
        let malformed = Error::Malformed { what: "test" };
        assert_eq!(Reader::new(&[1], "test").u16(), Err(malformed.clone()));
        assert_eq!(Reader::new(&[1], "test").finish(), Err(malformed.clone()));
        assert_eq!(Reader::new(&[2], "test").flag(), Err(malformed.clone()));
        assert_eq!(
            Reader::new(&[0, 0, 0, 2, 7, 7], "test").bytes(1),
            Err(malformed.clone())
        );
        assert_eq!(
            Reader::new(&[255, 255, 255, 255, 7], "test").bytes(usize::MAX),
            Err(malformed)
        );
    }
}
