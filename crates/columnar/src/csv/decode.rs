//! Text in other encodings, turned into UTF-8 as it is read.

use blindjoin_record::Encoding;

/// Stands where a byte has no character. Like the other mark it is a byte that no UTF-8 has, so that
/// whoever takes records apart finds it, and with it the row.
pub(crate) const NO_CHARACTER: u8 = 0xff;
/// Stands before the first character beyond ASCII of a text that is UTF-8 already.
pub(crate) const UTF_8_ALREADY: u8 = 0xfe;

/// Turns a stream into UTF-8, some bytes at a time.
#[derive(Debug)]
pub(crate) enum Decoder {
    Bytes(Box<[char; 128]>),
    Utf16(Utf16),
}

impl Decoder {
    pub(crate) fn new(encoding: Encoding) -> Self {
        let Some(characters) = encoding.characters() else {
            return Self::Utf16(Utf16::default());
        };
        let mut table = [Encoding::NO_CHARACTER; 128];
        for (place, character) in table.iter_mut().zip(characters.chars()) {
            *place = character;
        }
        Self::Bytes(Box::new(table))
    }

    /// Appends to `text` what these bytes, and those left over before, stand for; `last` says that
    /// there are no others.
    pub(crate) fn decode(&mut self, bytes: &[u8], last: bool, text: &mut Vec<u8>) {
        match self {
            Self::Bytes(table) => by_byte(table, bytes, last, text),
            Self::Utf16(utf16) => utf16.decode(bytes, last, text),
        }
    }
}

fn by_byte(table: &[char; 128], bytes: &[u8], last: bool, text: &mut Vec<u8>) {
    text.reserve(bytes.len() + bytes.len() / 8);
    let mut rest = bytes;
    let mut already = is_utf_8_already(bytes, last);
    while let Some(at) = rest.iter().position(|byte| !byte.is_ascii()) {
        text.extend_from_slice(&rest[..at]);
        if std::mem::take(&mut already) {
            text.push(UTF_8_ALREADY);
        }
        match table[usize::from(rest[at] & 0x7f)] {
            Encoding::NO_CHARACTER => text.push(NO_CHARACTER),
            character => push(character, text),
        }
        rest = &rest[at + 1..];
    }
    text.extend_from_slice(rest);
}

/// Whether all that is not ASCII among these bytes is UTF-8, and there is something.
///
/// Text in another encoding hardly ever is, while UTF-8 is text in all of them, full of strange
/// letters.
fn is_utf_8_already(bytes: &[u8], last: bool) -> bool {
    // A character may have begun before the first byte, and may end behind the last if others follow.
    let begun = bytes.iter().take_while(|byte| (0x80..0xc0).contains(*byte));
    let begun = begun.count().min(3);
    let whole = match std::str::from_utf8(&bytes[begun..]) {
        Ok(text) => text.len(),
        Err(error) if error.error_len().is_none() && !last => error.valid_up_to(),
        Err(_) => return false,
    };
    !bytes[begun..begun + whole].is_ascii()
}

/// UTF-16 on its way.
#[derive(Debug, Default)]
pub(crate) struct Utf16 {
    /// Whether the higher byte of two comes first, once that is known.
    big: Option<bool>,
    /// A byte without its other half.
    odd: Option<u8>,
    /// The first of two that make one character.
    high: Option<u16>,
}

impl Utf16 {
    fn decode(&mut self, bytes: &[u8], last: bool, text: &mut Vec<u8>) {
        text.reserve(bytes.len());
        for &byte in bytes {
            let Some(first) = self.odd.take() else {
                self.odd = Some(byte);
                continue;
            };
            // The mark says it, or a header's first letter.
            let big = *self.big.get_or_insert(match (first, byte) {
                (0xfe, 0xff) => true,
                (0xff, 0xfe) => false,
                (first, _) => first == 0,
            });
            let pair = [first, byte];
            let unit = if big {
                u16::from_be_bytes(pair)
            } else {
                u16::from_le_bytes(pair)
            };
            self.unit(unit, text);
        }
        if last && (self.odd.take().is_some() | self.high.take().is_some()) {
            text.push(NO_CHARACTER);
        }
    }

    fn unit(&mut self, unit: u16, text: &mut Vec<u8>) {
        if let Some(high) = self.high.take() {
            if let Some(Ok(character)) = char::decode_utf16([high, unit]).next() {
                push(character, text);
                return;
            }
            text.push(NO_CHARACTER);
        }
        match char::from_u32(unit.into()) {
            Some(character) => push(character, text),
            None if unit < 0xdc00 => self.high = Some(unit),
            None => text.push(NO_CHARACTER),
        }
    }
}

fn push(character: char, text: &mut Vec<u8>) {
    text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes some bytes at a time.
    fn decoded(encoding: Encoding, bytes: &[u8], at_once: usize) -> Vec<u8> {
        let mut decoder = Decoder::new(encoding);
        let mut text = Vec::new();
        let mut parts = bytes.chunks(at_once).peekable();
        while let Some(part) = parts.next() {
            decoder.decode(part, parts.peek().is_none(), &mut text);
        }
        text
    }

    fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn characters_are_the_same_however_the_bytes_come() {
        let text = "id,name\n1,Jörg\n2,Łucja 𝄞\n";
        let marked = format!("\u{feff}{text}");
        for at_once in 1..9 {
            for (text, bytes) in [
                (text, utf16(text, u16::to_le_bytes)),
                (text, utf16(text, u16::to_be_bytes)),
                (&marked, utf16(&marked, u16::to_le_bytes)),
                (&marked, utf16(&marked, u16::to_be_bytes)),
            ] {
                let found = decoded(Encoding::Utf16, &bytes, at_once);
                assert_eq!(String::from_utf8(found).as_deref(), Ok(text), "{at_once}");
            }
            let found = decoded(Encoding::Windows1250, b"\xa3ucja,W\xf3jcik\n", at_once);
            assert_eq!(String::from_utf8(found).as_deref(), Ok("Łucja,Wójcik\n"));
        }
    }

    #[test]
    fn what_has_no_character_is_marked() {
        assert_eq!(decoded(Encoding::Windows1252, b"a\x81b", 9), b"a\xffb");
        assert_eq!(decoded(Encoding::Latin1, b"O\x92Brien", 9), b"O\xffBrien");
        let halves = [0xd834, 0x61, 0xdd1e, 0x62, 0xd834];
        let bytes: Vec<u8> = halves
            .iter()
            .flat_map(|unit: &u16| unit.to_le_bytes())
            .collect();
        let bytes = [b"i\0", &bytes[..]].concat();
        assert_eq!(decoded(Encoding::Utf16, &bytes, 99), b"i\xffa\xffb\xff");
        assert_eq!(decoded(Encoding::Utf16, b"i\0d\0,", 99), b"id\xff");
    }

    #[test]
    fn text_that_is_utf_8_already_is_marked_once() {
        for encoding in [
            Encoding::Windows1252,
            Encoding::Ibm852,
            Encoding::Windows1251,
        ] {
            let text = "id,Jörg,Łucja,…".as_bytes();
            for cut in 0..4 {
                let mut found = Vec::new();
                let text = &text[..text.len() - cut];
                Decoder::new(encoding).decode(text, false, &mut found);
                assert_eq!(found[..5], *b"id,J\xfe", "{encoding}");
                let marks = found.iter().filter(|byte| **byte == UTF_8_ALREADY);
                assert_eq!(marks.count(), 1);
            }
        }
        let behind = decoded(Encoding::Windows1252, &"\u{fc},Ł".as_bytes()[1..], 99);
        assert!(behind.contains(&UTF_8_ALREADY));
    }

    #[test]
    fn text_of_the_encoding_is_not_taken_for_utf_8() {
        // Each has two neighbours that would be one character of UTF-8.
        for (encoding, bytes, text) in [
            (
                Encoding::Windows1250,
                &b"P\xd3\xa3TORAK,W\xd3JCIK"[..],
                "PÓŁTORAK,WÓJCIK",
            ),
            (
                Encoding::Windows1251,
                b"\xcf\xb3\xe4\xe3\xee\xf0\xed\xe8\xe9",
                "Підгорний",
            ),
            (
                Encoding::Windows1252,
                b"ANDR\xc9\x92S,Jos\xe9",
                "ANDRÉ’S,José",
            ),
            (Encoding::Windows1252, b"Ann,Ben", "Ann,Ben"),
        ] {
            let found = decoded(encoding, bytes, 99);
            assert_eq!(String::from_utf8(found).as_deref(), Ok(text), "{encoding}");
        }
    }
}
