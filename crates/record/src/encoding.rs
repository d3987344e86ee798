//! Encodings of text files other than UTF-8.

/// How a party's text files are encoded, where that is not UTF-8.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Encoding {
    /// UTF-16 of either byte order, which the file's first bytes tell.
    Utf16,
    /// Central European, as Windows has it.
    Windows1250,
    /// Cyrillic, as Windows has it.
    Windows1251,
    /// Western European, as Windows has it.
    Windows1252,
    /// Greek, as Windows has it.
    Windows1253,
    /// Turkish, as Windows has it.
    Windows1254,
    /// Baltic, as Windows has it.
    Windows1257,
    /// Western European.
    Latin1,
    /// Central European.
    Latin2,
    /// Western European, with the euro sign.
    Latin9,
    /// Western European, as DOS had it.
    Ibm850,
    /// Central European, as DOS had it.
    Ibm852,
}

impl Encoding {
    /// All encodings.
    pub const ALL: [Self; 12] = [
        Self::Utf16,
        Self::Windows1250,
        Self::Windows1251,
        Self::Windows1252,
        Self::Windows1253,
        Self::Windows1254,
        Self::Windows1257,
        Self::Latin1,
        Self::Latin2,
        Self::Latin9,
        Self::Ibm850,
        Self::Ibm852,
    ];

    /// What stands among [`Encoding::characters`] where a byte has none, or a control character that
    /// no text has.
    pub const NO_CHARACTER: char = '\0';

    /// The name by which rules files and command lines know it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Utf16 => "utf-16",
            Self::Windows1250 => "windows-1250",
            Self::Windows1251 => "windows-1251",
            Self::Windows1252 => "windows-1252",
            Self::Windows1253 => "windows-1253",
            Self::Windows1254 => "windows-1254",
            Self::Windows1257 => "windows-1257",
            Self::Latin1 => "iso-8859-1",
            Self::Latin2 => "iso-8859-2",
            Self::Latin9 => "iso-8859-15",
            Self::Ibm850 => "ibm850",
            Self::Ibm852 => "ibm852",
        }
    }

    /// The encoding of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        let named = |encoding: &Self| encoding.name().eq_ignore_ascii_case(name.trim());
        Self::ALL.into_iter().find(named)
    }

    /// The characters of the bytes from 0x80 on, [`Encoding::NO_CHARACTER`] where a byte stands for none; nothing
    /// of an encoding in which bytes stand for no characters alone. The bytes below are ASCII.
    pub const fn characters(self) -> Option<&'static str> {
        Some(match self {
            Self::Utf16 => return None,
            Self::Windows1250 => WINDOWS1250,
            Self::Windows1251 => WINDOWS1251,
            Self::Windows1252 => WINDOWS1252,
            Self::Windows1253 => WINDOWS1253,
            Self::Windows1254 => WINDOWS1254,
            Self::Windows1257 => WINDOWS1257,
            Self::Latin1 => LATIN1,
            Self::Latin2 => LATIN2,
            Self::Latin9 => LATIN9,
            Self::Ibm850 => IBM850,
            Self::Ibm852 => IBM852,
        })
    }
}

impl std::fmt::Display for Encoding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

const WINDOWS1250: &str = "\
    €\0‚\0„…†‡\0‰Š‹ŚŤŽŹ\0‘’“”•–—\0™š›śťžź\
    \u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľż\
    ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß\
    ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙\
";

const WINDOWS1251: &str = "\
    ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\0™љ›њќћџ\
    \u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕї\
    АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ\
    абвгдежзийклмнопрстуфхцчшщъыьэюя\
";

const WINDOWS1252: &str = "\
    €\0‚ƒ„…†‡ˆ‰Š‹Œ\0Ž\0\0‘’“”•–—˜™š›œ\0žŸ\
    \u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿\
    ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß\
    àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ\
";

const WINDOWS1253: &str = "\
    €\0‚ƒ„…†‡\0‰\0‹\0\0\0\0\0‘’“”•–—\0™\0›\0\0\0\0\
    \u{a0}΅Ά£¤¥¦§¨©\0«¬\u{ad}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏ\
    ΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡ\0ΣΤΥΦΧΨΩΪΫάέήί\
    ΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώ\0\
";

const WINDOWS1254: &str = "\
    €\0‚ƒ„…†‡ˆ‰Š‹Œ\0\0\0\0‘’“”•–—˜™š›œ\0\0Ÿ\
    \u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿\
    ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞß\
    àáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ\
";

const WINDOWS1257: &str = "\
    €\0‚\0„…†‡\0‰\0‹\0¨ˇ¸\0‘’“”•–—\0™\0›\0¯˛\0\
    \u{a0}\0¢£¤\0¦§Ø©Ŗ«¬\u{ad}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æ\
    ĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽß\
    ąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙\
";

const LATIN1: &str = "\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿\
    ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß\
    àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ\
";

const LATIN2: &str = "\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žż\
    ŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢß\
    ŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙\
";

const LATIN9: &str = "\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \u{a0}¡¢£€¥Š§š©ª«¬\u{ad}®¯°±²³Žµ¶·ž¹º»ŒœŸ¿\
    ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß\
    àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ\
";

const IBM850: &str = "\
    ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ\
    áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐\
    └┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀\
    ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}\
";

const IBM852: &str = "\
    ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×č\
    áíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐\
    └┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀\
    ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}\
";

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(encoding: Encoding, bytes: &[u8]) -> String {
        let characters = encoding.characters().expect("one byte a character");
        let character = |byte: &u8| match byte.checked_sub(0x80) {
            Some(at) => characters.chars().nth(at.into()).expect("128 characters"),
            None => char::from(*byte),
        };
        bytes.iter().map(character).collect()
    }

    #[test]
    fn names_of_europe_are_read() {
        for (encoding, bytes, name) in [
            (Encoding::Latin1, &b"Jos\xe9 M\xfcller"[..], "José Müller"),
            (Encoding::Latin9, b"\xbcuvrard \xa4", "Œuvrard €"),
            (Encoding::Windows1252, b"O\x92Brien", "O’Brien"),
            (
                Encoding::Windows1250,
                b"\xa3ukasz W\xf3jcik \x9aafr\xe1nek",
                "Łukasz Wójcik šafránek",
            ),
            (
                Encoding::Latin2,
                b"\xa3ukasz \xb9afr\xe1nek",
                "Łukasz šafránek",
            ),
            (
                Encoding::Ibm852,
                b"\x9dukasz \xe7afr\xa0nek",
                "Łukasz šafránek",
            ),
            (Encoding::Ibm850, b"M\x81ller", "Müller"),
            (Encoding::Windows1251, b"\xbe\xf0\xe8\xe9", "ѕрий"),
            (
                Encoding::Windows1253,
                b"\xc3\xe9\xfe\xf1\xe3\xef\xf2",
                "Γιώργος",
            ),
            (Encoding::Windows1254, b"I\xfe\xfdk \xddnan", "Işık İnan"),
            (Encoding::Windows1257, b"\xd0ar\xfbnas", "Šarūnas"),
        ] {
            assert_eq!(decoded(encoding, bytes), name, "{encoding}");
        }
    }

    #[test]
    fn every_byte_has_its_place_and_no_character_two() {
        for encoding in Encoding::ALL {
            let Some(characters) = encoding.characters() else {
                continue;
            };
            let mut characters: Vec<char> = characters.chars().collect();
            assert_eq!(characters.len(), 128, "{encoding}");
            characters.retain(|character| *character != Encoding::NO_CHARACTER);
            let some = characters.len();
            characters.sort_unstable();
            characters.dedup();
            assert_eq!(characters.len(), some, "{encoding}");
            assert!(characters.iter().all(|character| *character >= '\u{a0}'));
        }
    }

    #[test]
    fn bytes_that_stand_for_nothing_are_no_characters() {
        assert_eq!(decoded(Encoding::Windows1252, b"\x81"), "\0");
        assert_eq!(decoded(Encoding::Windows1250, b"\x83"), "\0");
        assert_eq!(decoded(Encoding::Latin1, b"\x92"), "\0");
    }

    #[test]
    fn encodings_are_known_by_name() {
        for encoding in Encoding::ALL {
            let name = encoding.name().to_uppercase();
            assert_eq!(Encoding::from_name(&name), Some(encoding));
        }
        assert_eq!(Encoding::from_name("ebcdic"), None);
    }
}
