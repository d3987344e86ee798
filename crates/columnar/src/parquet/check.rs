//! What is looked at before a Parquet file is read, so that a damaged or hostile one costs no more
//! than its size.
//!
//! The footer and the header of every page are structures of Thrift's compact protocol. Two things in
//! them make a reader work or allocate out of all proportion: a list of truth values in a field it
//! does not know, of which each costs a step and no byte, and sizes that nothing bears out. Neither is
//! in any file that a program has written, and so such files are refused.
//!
//! # Source
//!
//! Apache Parquet, `parquet.thrift`, structures `FileMetaData` and `PageHeader`; Apache Thrift,
//! "Thrift compact protocol encoding".

use std::io::{self, Read};

use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::delta;
use crate::content::Content;
use crate::input::Stored;

/// The largest page, decompressed. Writers aim at 1 MB; the largest known limit is 100 MB.
const LARGEST_PAGE: i64 = 512 << 20;

/// The longest page header: it holds a column's least and greatest value.
const LONGEST_HEADER: usize = 16 << 20;

/// How deep structures nest; in honest files five deep.
const DEEPEST: u8 = 32;

/// The mark at both ends, and the length of the footer before the second.
const MARK: u64 = 4;
const TAIL: u64 = 8;

/// Why a file is not read.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// It is something else.
    Content(Content),
    /// What does not hold together in it.
    Damage(&'static str),
    Read(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// Looks at both ends of a file and at its footer.
pub(crate) fn footer(stored: &Stored) -> Result<(), Refusal> {
    let content = stored.content()?;
    if content != Content::Parquet {
        return Err(Refusal::Content(content));
    }
    let cut_off = Refusal::Damage("its end is missing; was it copied whole?");
    if stored.length < MARK + TAIL {
        return Err(cut_off);
    }
    let mut tail = [0; 8];
    stored.from(stored.length - TAIL).read_exact(&mut tail)?;
    let [a, b, c, d, mark @ ..] = tail;
    match &mark {
        b"PAR1" => {}
        b"PARE" => return Err(Refusal::Content(Content::EncryptedParquet)),
        _ => return Err(cut_off),
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if length > stored.length - MARK - TAIL {
        return Err(Refusal::Damage("its footer is longer than the file"));
    }
    let mut footer = Vec::new();
    stored
        .from(stored.length - TAIL - length)
        .take(length)
        .read_to_end(&mut footer)?;
    let mut encrypted = false;
    Walk::over(&footer)
        .structure(DEEPEST, &mut |walk, field, kind| {
            encrypted |= field == ENCRYPTION;
            walk.skip(kind, DEEPEST - 1)
        })
        .map_err(|_| Refusal::Damage("its footer does not hold together"))?;
    if encrypted {
        return Err(Refusal::Content(Content::EncryptedParquet));
    }
    Ok(())
}

/// `FileMetaData.encryption_algorithm`: there where columns are encrypted and the footer is not.
const ENCRYPTION: i16 = 8;

/// Looks at the header of every page of every column.
pub(crate) fn pages(stored: &Stored, metadata: &ParquetMetaData) -> Result<(), Refusal> {
    const OUTSIDE: Refusal = Refusal::Damage("a column lies outside of the file");
    let mut buffer = Vec::new();
    for column in metadata
        .row_groups()
        .iter()
        .flat_map(RowGroupMetaData::columns)
    {
        let start = column
            .dictionary_page_offset()
            .unwrap_or(column.data_page_offset());
        let start = u64::try_from(start).map_err(|_| OUTSIDE)?;
        let length = u64::try_from(column.compressed_size()).map_err(|_| OUTSIDE)?;
        let end = start.checked_add(length).ok_or(OUTSIDE)?;
        if end > stored.length {
            return Err(OUTSIDE);
        }
        let mut at = start;
        let mut is_delta = false;
        while at < end {
            let (length, encoding) = page(stored, at, end, &mut buffer)?;
            is_delta |= encoding.is_some_and(delta::is_delta);
            at += length;
        }
        if is_delta {
            delta::check(stored, column)?;
        }
    }
    Ok(())
}

/// How long the page at a place is, with its header, and how its values are encoded.
fn page(
    stored: &Stored,
    at: u64,
    end: u64,
    buffer: &mut Vec<u8>,
) -> Result<(u64, Option<i64>), Refusal> {
    const DAMAGED: Refusal = Refusal::Damage("the header of a page does not hold together");
    let mut wanted = 1 << 10;
    loop {
        buffer.clear();
        let rest = (end - at).min(wanted as u64);
        stored.from(at).take(rest).read_to_end(buffer)?;
        let mut walk = Walk::over(buffer);
        match Page::read(&mut walk) {
            Ok(page) => {
                let data = page.check().ok_or(DAMAGED)?;
                let length = walk.at as u64 + data;
                return if length <= end - at {
                    Ok((length, page.encoding))
                } else {
                    Err(DAMAGED)
                };
            }
            Err(Stop::Short) if (buffer.len() as u64) < end - at && wanted < LONGEST_HEADER => {
                wanted *= 8;
            }
            Err(_) => return Err(DAMAGED),
        }
    }
}

/// What counts in the header of a page.
#[derive(Default)]
struct Page {
    decompressed: Option<i64>,
    compressed: Option<i64>,
    /// How many values a dictionary has; no dictionary, no entry.
    dictionary: Option<i64>,
    /// Of the values, where it is no dictionary.
    encoding: Option<i64>,
}

impl Page {
    fn read(walk: &mut Walk<'_>) -> Result<Self, Stop> {
        let mut page = Self::default();
        walk.structure(DEEPEST, &mut |walk, field, kind| match (field, kind) {
            (2, Kind::Number) => {
                page.decompressed = Some(walk.number()?);
                Ok(())
            }
            (3, Kind::Number) => {
                page.compressed = Some(walk.number()?);
                Ok(())
            }
            (7, Kind::Structure) => {
                walk.structure(DEEPEST - 1, &mut |walk, field, kind| match (field, kind) {
                    (1, Kind::Number) => {
                        page.dictionary = Some(walk.number()?);
                        Ok(())
                    }
                    _ => walk.skip(kind, DEEPEST - 2),
                })
            }
            (5 | 8, Kind::Structure) => {
                let encoding = if field == 5 { 2 } else { 4 };
                walk.structure(DEEPEST - 1, &mut |walk, field, kind| {
                    if (field, kind) == (encoding, Kind::Number) {
                        page.encoding = Some(walk.number()?);
                        Ok(())
                    } else {
                        walk.skip(kind, DEEPEST - 2)
                    }
                })
            }
            _ => walk.skip(kind, DEEPEST - 1),
        })?;
        Ok(page)
    }

    /// The length of the page's data, if its numbers can be true.
    fn check(&self) -> Option<u64> {
        let decompressed = self
            .decompressed
            .filter(|size| (0..=LARGEST_PAGE).contains(size))?;
        // A value of a dictionary takes a byte at least.
        let fits = |values| (0..=decompressed).contains(&values);
        if !self.dictionary.is_none_or(fits) {
            return None;
        }
        u64::try_from(self.compressed?).ok()
    }
}

/// Why a walk over a structure ends before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Damaged,
    /// The bytes end first.
    Short,
}

/// The kinds of values as far as their encodings differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// In a field, the field's header is all of it; anywhere else it is refused.
    Truth,
    Byte,
    Number,
    Double,
    Binary,
    List,
    Map,
    Structure,
    Uuid,
}

impl Kind {
    fn of(code: u8) -> Result<Self, Stop> {
        Ok(match code {
            1 | 2 => Self::Truth,
            3 => Self::Byte,
            4..=6 => Self::Number,
            7 => Self::Double,
            8 => Self::Binary,
            9 | 10 => Self::List,
            11 => Self::Map,
            12 => Self::Structure,
            13 => Self::Uuid,
            _ => return Err(Stop::Damaged),
        })
    }

    /// That of a list's elements, which must take room.
    fn of_element(code: u8) -> Result<Self, Stop> {
        match Self::of(code)? {
            Self::Truth => Err(Stop::Damaged),
            kind => Ok(kind),
        }
    }
}

/// What is done with a field: it is taken or skipped, by number and kind.
type Visit<'v, 'a> = dyn FnMut(&mut Walk<'a>, i16, Kind) -> Result<(), Stop> + 'v;

/// A walk over bytes, of which every step takes one at least.
pub(super) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    pub(super) fn over(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes are left.
    pub(super) fn rest(&self) -> u64 {
        (self.bytes.len() - self.at) as u64
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        let byte = *self.bytes.get(self.at).ok_or(Stop::Short)?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn take(&mut self, bytes: u64) -> Result<&'a [u8], Stop> {
        let bytes = usize::try_from(bytes).map_err(|_| Stop::Short)?;
        let end = self.at.checked_add(bytes).ok_or(Stop::Short)?;
        let taken = self.bytes.get(self.at..end).ok_or(Stop::Short)?;
        self.at = end;
        Ok(taken)
    }

    pub(super) fn pass(&mut self, bytes: u64) -> Result<(), Stop> {
        self.take(bytes).map(drop)
    }

    pub(super) fn unsigned(&mut self) -> Result<u64, Stop> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Stop::Damaged)
    }

    fn number(&mut self) -> Result<i64, Stop> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    fn structure(&mut self, depth: u8, visit: &mut Visit<'_, 'a>) -> Result<(), Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::Damaged)?;
        if depth == 0 {
            return Err(Stop::Damaged);
        }
        let mut field = 0_i16;
        loop {
            let header = self.byte()?;
            let code = header & 0x0f;
            if code == 0 {
                return Ok(());
            }
            field = match header >> 4 {
                0 => i16::try_from(self.number()?).map_err(|_| Stop::Damaged)?,
                step => field.checked_add(i16::from(step)).ok_or(Stop::Damaged)?,
            };
            visit(self, field, Kind::of(code)?)?;
        }
    }

    fn skip(&mut self, kind: Kind, depth: u8) -> Result<(), Stop> {
        let below = depth.checked_sub(1).ok_or(Stop::Damaged)?;
        match kind {
            Kind::Truth => Ok(()),
            Kind::Byte => self.pass(1),
            Kind::Number => self.unsigned().map(drop),
            Kind::Double => self.pass(8),
            Kind::Uuid => self.pass(16),
            Kind::Binary => {
                let length = self.unsigned()?;
                self.pass(length)
            }
            Kind::Structure => self.structure(depth, &mut |walk, _, kind| walk.skip(kind, below)),
            Kind::List => {
                let header = self.byte()?;
                // Some writers name no kind where there are no elements.
                if header == 0 {
                    return Ok(());
                }
                let elements = match header >> 4 {
                    15 => self.unsigned()?,
                    few => u64::from(few),
                };
                let kind = Kind::of_element(header & 0x0f)?;
                (0..elements).try_for_each(|_| self.skip(kind, below))
            }
            Kind::Map => {
                let entries = self.unsigned()?;
                if entries == 0 {
                    return Ok(());
                }
                let kinds = self.byte()?;
                let (key, value) = (
                    Kind::of_element(kinds >> 4)?,
                    Kind::of_element(kinds & 0x0f)?,
                );
                (0..entries).try_for_each(|_| {
                    self.skip(key, below)?;
                    self.skip(value, below)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(bytes: &[u8]) -> Result<usize, Stop> {
        let mut walk = Walk::over(bytes);
        walk.skip(Kind::Structure, DEEPEST)?;
        Ok(walk.at)
    }

    #[test]
    fn structures_are_walked_to_their_end() {
        // Field 1: -3; field 2: true; field 3: a list of two texts; field 5: a structure; the end.
        let bytes = [
            0x15, 0x05, 0x11, 0x19, 0x28, 1, b'a', 0, 0x2c, 0x15, 0x02, 0x00, 0x00, 0xff,
        ];
        assert_eq!(skipped(&bytes), Ok(13));
        for end in 0..13 {
            assert_eq!(skipped(&bytes[..end]), Err(Stop::Short), "{end}");
        }
    }

    #[test]
    fn lists_of_truth_values_are_refused_however_long() {
        let long = [0x19, 0xf1, 0xff, 0xff, 0xff, 0xff, 0x07, 0x00];
        assert_eq!(skipped(&long), Err(Stop::Damaged));
        assert_eq!(skipped(&[0x19, 0x21, 1, 1, 0x00]), Err(Stop::Damaged));
        assert_eq!(skipped(&[0x1b, 0x02, 0x15, 0x00]), Err(Stop::Damaged));
    }

    #[test]
    fn nesting_ends() {
        let deep = [0x1c; 200];
        assert_eq!(skipped(&deep), Err(Stop::Damaged));
    }

    #[test]
    fn sizes_of_pages_must_be_possible() {
        let page = |decompressed, compressed, dictionary| {
            let page = Page {
                decompressed: Some(decompressed),
                compressed: Some(compressed),
                dictionary,
                encoding: None,
            };
            page.check()
        };
        assert_eq!(page(100, 50, None), Some(50));
        assert_eq!(page(100, 50, Some(100)), Some(50));
        assert_eq!(page(100, 50, Some(101)), None);
        assert_eq!(page(LARGEST_PAGE + 1, 50, None), None);
        assert_eq!(page(-1, 50, None), None);
        assert_eq!(page(100, -1, None), None);
    }
}
