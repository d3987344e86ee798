//! Encodings of text files other than UTF-8, one byte a character or two.

/// How a party's text files are encoded, where that is not UTF-8.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-16 of either byte order, which a byte order mark tells.
    Utf16,
    /// Western European, as Windows has it; where ISO 8859-1 has control characters, letters.
    Windows1252,
    /// Central European, as Windows has it.
    Windows1250,
    /// ISO 8859-1, Western European.
    Latin1,
    /// ISO 8859-2, Central European.
    Latin2,
    /// ISO 8859-15, Western European with the euro sign.
    Latin9,
}

impl Encoding {
    /// All encodings.
    pub const ALL: [Self; 6] = [
        Self::Utf16,
        Self::Windows1252,
        Self::Windows1250,
        Self::Latin1,
        Self::Latin2,
        Self::Latin9,
    ];

    /// The name by which rules files and command lines know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf16 => "utf-16",
            Self::Windows1252 => "windows-1252",
            Self::Windows1250 => "windows-1250",
            Self::Latin1 => "iso-8859-1",
            Self::Latin2 => "iso-8859-2",
            Self::Latin9 => "iso-8859-15",
        }
    }

    /// The encoding of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|encoding| encoding.name().eq_ignore_ascii_case(name.trim()))
    }

    /// The character that a byte stands for; nothing if it stands for none, or not alone.
    pub fn character(self, byte: u8) -> Option<char> {
        let at = usize::from(byte.saturating_sub(0x80));
        let upper = at.checked_sub(0x20);
        let table =
            |table: &[u16], at: usize| char::from_u32(u32::from(table[at])).filter(|c| *c != '\0');
        match (self, upper) {
            (Self::Utf16, _) => None,
            _ if byte < 0x80 => Some(char::from(byte)),
            (Self::Windows1252, None) => table(&WINDOWS_1252, at),
            (Self::Windows1250, _) => table(&WINDOWS_1250, at),
            (Self::Latin2, Some(upper)) => table(&LATIN_2, upper),
            (Self::Latin9, _) => match byte {
                0xa4 => Some('€'),
                0xa6 => Some('Š'),
                0xa8 => Some('š'),
                0xb4 => Some('Ž'),
                0xb8 => Some('ž'),
                0xbc => Some('Œ'),
                0xbd => Some('œ'),
                0xbe => Some('Ÿ'),
                _ => Some(char::from(byte)),
            },
            _ => Some(char::from(byte)),
        }
    }
}

/// From 0x80 to 0x9f; 0 where there is none.
#[rustfmt::skip]
const WINDOWS_1252: [u16; 32] = [
    0x20ac, 0x0000, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
    0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x0000, 0x017d, 0x0000,
    0x0000, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x0000, 0x017e, 0x0178,
];

/// From 0x80.
#[rustfmt::skip]
const WINDOWS_1250: [u16; 128] = [
    0x20ac, 0x0000, 0x201a, 0x0000, 0x201e, 0x2026, 0x2020, 0x2021,
    0x0000, 0x2030, 0x0160, 0x2039, 0x015a, 0x0164, 0x017d, 0x0179,
    0x0000, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
    0x0000, 0x2122, 0x0161, 0x203a, 0x015b, 0x0165, 0x017e, 0x017a,
    0x00a0, 0x02c7, 0x02d8, 0x0141, 0x00a4, 0x0104, 0x00a6, 0x00a7,
    0x00a8, 0x00a9, 0x015e, 0x00ab, 0x00ac, 0x00ad, 0x00ae, 0x017b,
    0x00b0, 0x00b1, 0x02db, 0x0142, 0x00b4, 0x00b5, 0x00b6, 0x00b7,
    0x00b8, 0x0105, 0x015f, 0x00bb, 0x013d, 0x02dd, 0x013e, 0x017c,
    0x0154, 0x00c1, 0x00c2, 0x0102, 0x00c4, 0x0139, 0x0106, 0x00c7,
    0x010c, 0x00c9, 0x0118, 0x00cb, 0x011a, 0x00cd, 0x00ce, 0x010e,
    0x0110, 0x0143, 0x0147, 0x00d3, 0x00d4, 0x0150, 0x00d6, 0x00d7,
    0x0158, 0x016e, 0x00da, 0x0170, 0x00dc, 0x00dd, 0x0162, 0x00df,
    0x0155, 0x00e1, 0x00e2, 0x0103, 0x00e4, 0x013a, 0x0107, 0x00e7,
    0x010d, 0x00e9, 0x0119, 0x00eb, 0x011b, 0x00ed, 0x00ee, 0x010f,
    0x0111, 0x0144, 0x0148, 0x00f3, 0x00f4, 0x0151, 0x00f6, 0x00f7,
    0x0159, 0x016f, 0x00fa, 0x0171, 0x00fc, 0x00fd, 0x0163, 0x02d9,
];

/// From 0xa0.
#[rustfmt::skip]
const LATIN_2: [u16; 96] = [
    0x00a0, 0x0104, 0x02d8, 0x0141, 0x00a4, 0x013d, 0x015a, 0x00a7,
    0x00a8, 0x0160, 0x015e, 0x0164, 0x0179, 0x00ad, 0x017d, 0x017b,
    0x00b0, 0x0105, 0x02db, 0x0142, 0x00b4, 0x013e, 0x015b, 0x02c7,
    0x00b8, 0x0161, 0x015f, 0x0165, 0x017a, 0x02dd, 0x017e, 0x017c,
    0x0154, 0x00c1, 0x00c2, 0x0102, 0x00c4, 0x0139, 0x0106, 0x00c7,
    0x010c, 0x00c9, 0x0118, 0x00cb, 0x011a, 0x00cd, 0x00ce, 0x010e,
    0x0110, 0x0143, 0x0147, 0x00d3, 0x00d4, 0x0150, 0x00d6, 0x00d7,
    0x0158, 0x016e, 0x00da, 0x0170, 0x00dc, 0x00dd, 0x0162, 0x00df,
    0x0155, 0x00e1, 0x00e2, 0x0103, 0x00e4, 0x013a, 0x0107, 0x00e7,
    0x010d, 0x00e9, 0x0119, 0x00eb, 0x011b, 0x00ed, 0x00ee, 0x010f,
    0x0111, 0x0144, 0x0148, 0x00f3, 0x00f4, 0x0151, 0x00f6, 0x00f7,
    0x0159, 0x016f, 0x00fa, 0x0171, 0x00fc, 0x00fd, 0x0163, 0x02d9,
];

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: Encoding, bytes: &[u8]) -> Option<String> {
        bytes.iter().map(|byte| encoding.character(*byte)).collect()
    }

    #[test]
    fn names_of_europe_are_read() {
        let latin = b"Jos\xe9 M\xfcller";
        for encoding in [Encoding::Latin1, Encoding::Latin9, Encoding::Windows1252] {
            assert_eq!(decoded(encoding, latin).as_deref(), Some("José Müller"));
        }
        let polish = decoded(Encoding::Windows1250, b"\xa3ukasz W\xf3jcik \x9aafr\xe1nek");
        assert_eq!(polish.as_deref(), Some("Łukasz Wójcik šafránek"));
        let polish = decoded(Encoding::Latin2, b"\xa3ukasz \xb9afr\xe1nek");
        assert_eq!(polish.as_deref(), Some("Łukasz šafránek"));
        assert_eq!(
            decoded(Encoding::Windows1252, b"O\x92Brien").as_deref(),
            Some("O’Brien")
        );
        assert_eq!(
            decoded(Encoding::Latin9, b"\xbcuvrard \xa4").as_deref(),
            Some("Œuvrard €")
        );
    }

    #[test]
    fn bytes_that_stand_for_nothing_are_no_characters() {
        assert_eq!(Encoding::Windows1252.character(0x81), None);
        assert_eq!(Encoding::Windows1250.character(0x83), None);
        assert_eq!(Encoding::Utf16.character(b'a'), None);
        for encoding in Encoding::ALL {
            assert_eq!(
                Encoding::from_name(&encoding.name().to_uppercase()),
                Some(encoding)
            );
        }
        assert_eq!(Encoding::from_name("ebcdic"), None);
    }
}
