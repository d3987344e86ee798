//! White space, digits and letters as the two reference languages see them.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

use crate::dialect::Language;

/// What counts as white space.
///
/// # Source
///
/// Java SE `String.trim`, `Pattern` (`\s`) and `Character.isWhitespace`; Python `str.isspace`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum WhiteSpace {
    /// Trimming removes everything up to U+0020, patterns know six characters, and a value of
    /// no-break spaces is not blank.
    Java,
    /// One set everywhere: Unicode white space and the four separators U+001C to U+001F.
    Unicode,
}

impl WhiteSpace {
    pub(crate) fn trim(self, text: &str) -> &str {
        match self {
            Self::Java => text.trim_matches(|c| c <= ' '),
            Self::Unicode => text.trim_matches(is_unicode_space),
        }
    }

    /// Whether a pattern's `\s` matches.
    pub(crate) fn is_space(self, c: char) -> bool {
        match self {
            Self::Java => matches!(c, ' ' | '\t'..='\r'),
            Self::Unicode => is_unicode_space(c),
        }
    }

    /// Whether nothing but white space is there.
    pub(crate) fn is_blank(self, text: &str) -> bool {
        match self {
            Self::Java => text.chars().all(|c| {
                is_unicode_space(c) && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}' | '\u{85}')
            }),
            Self::Unicode => text.chars().all(is_unicode_space),
        }
    }
}

impl Language {
    /// The value of a character that `\\d` matches: ASCII digits, in Python those of every script.
    pub(crate) fn digit(self, c: char) -> Option<u8> {
        if c.is_ascii_digit() {
            return u8::try_from(u32::from(c) - u32::from('0')).ok();
        }
        if c.is_ascii() || self != Self::Python || !is_decimal(c) {
            return None;
        }
        // Digits come in runs of ten that begin at a code point ending in 0 or 6, but for the
        // mathematical ones, five runs from U+1D7CE on.
        let code = u32::from(c);
        let value = if (0x1d7ce..=0x1d7ff).contains(&code) {
            (code - 0x1d7ce) % 10
        } else {
            let low = code % 16;
            match char::from_u32(code - low) {
                Some(zero) if low < 10 && is_decimal(zero) => low,
                _ => low.checked_sub(6)?,
            }
        };
        u8::try_from(value).ok()
    }

    /// The letter that a case-insensitive pattern compares with: Python's are Unicode-aware.
    pub(crate) fn fold(self, c: char) -> char {
        match c {
            'ſ' if self == Self::Python => 's',
            'ı' | 'İ' if self == Self::Python => 'i',
            '\u{212a}' if self == Self::Python => 'k',
            _ => c.to_ascii_lowercase(),
        }
    }

    /// Whether two texts are equal but for case, `known` being ASCII: as Java's
    /// `equalsIgnoreCase`, which folds a few letters more than Python's `lower`.
    pub(crate) fn equal_but_for_case(self, text: &str, known: &str) -> bool {
        if text.is_ascii() {
            return text.eq_ignore_ascii_case(known);
        }
        let fold = |c: char| match c {
            '\u{212a}' => 'k',
            'ſ' if self != Self::Python => 's',
            'ı' | 'İ' if self != Self::Python => 'i',
            _ => c.to_ascii_lowercase(),
        };
        text.chars()
            .map(fold)
            .eq(known.chars().map(|c| c.to_ascii_lowercase()))
    }

    /// The text before a final line end, where `$` matches too, and that line end.
    pub(crate) fn split_line_end(self, text: &str) -> (&str, &str) {
        let ends: &[&str] = match self {
            Self::Java => &["\r\n", "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}"],
            Self::Python => &["\n"],
            Self::Ours => &[],
        };
        let end = ends
            .iter()
            .find(|end| text.ends_with(**end))
            .map_or(0, |end| end.len());
        text.split_at(text.len() - end)
    }
}

/// The text without characters that nobody sees, in normal form C: what our own rules take a value
/// for, so that neither they nor canonical equivalence make two values of one.
pub(crate) fn without_invisible(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let shown = |text: &str| !text.chars().any(is_default_ignorable);
    if shown(text) && is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().filter(|c| !is_default_ignorable(*c));
    Cow::Owned(shown.nfc().collect())
}

/// Whether a character is shown by nothing, as soft hyphens, zero-width spaces and joiners, marks of
/// direction and variation selectors are.
///
/// # Source
///
/// The Unicode Standard 16, `DerivedCoreProperties`, `Default_Ignorable_Code_Point`.
fn is_default_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Whether a character is a combining mark, or a non-spacing one.
pub(crate) fn is_mark(c: char, non_spacing_only: bool) -> bool {
    static NON_SPACING: LazyLock<Regex> = LazyLock::new(|| class(r"\p{Mn}"));
    if c.is_ascii() {
        return false;
    }
    if non_spacing_only {
        NON_SPACING.is_match(c.encode_utf8(&mut [0; 4]))
    } else {
        unicode_normalization::char::is_combining_mark(c)
    }
}

fn is_decimal(c: char) -> bool {
    static DECIMAL: LazyLock<Regex> = LazyLock::new(|| class(r"\p{Nd}"));
    DECIMAL.is_match(c.encode_utf8(&mut [0; 4]))
}

fn class(pattern: &str) -> Regex {
    Regex::new(pattern).expect("a character class is a regular expression")
}

fn is_unicode_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_languages_differ_on_no_break_spaces_and_control_characters() {
        assert_eq!(WhiteSpace::Unicode.trim("\u{a0}x\u{2003}"), "x");
        assert_eq!(WhiteSpace::Java.trim("\u{a0}x"), "\u{a0}x");
        assert_eq!(WhiteSpace::Java.trim("\u{0}\u{7}x\n"), "x");
        assert_eq!(WhiteSpace::Unicode.trim("\u{7}x"), "\u{7}x");
        assert!(WhiteSpace::Unicode.is_blank("\u{a0}"));
        assert!(!WhiteSpace::Java.is_blank("\u{a0}"));
        assert!(WhiteSpace::Java.is_blank("\u{2003}\u{1c}"));
        assert!(!WhiteSpace::Java.is_space('\u{2003}'));
        assert!(!WhiteSpace::Java.is_space('\u{1c}'));
    }

    #[test]
    fn digits_of_every_script_have_their_value_in_python() {
        for (text, value) in [
            ("0", 0),
            ("٣", 3),
            ("۹", 9),
            ("५", 5),
            ("９", 9),
            ("𝟠", 8),
            ("𑁯", 9),
        ] {
            let c = text.chars().next().unwrap();
            assert_eq!(Language::Python.digit(c), Some(value), "{c}");
            assert_eq!(Language::Java.digit(c).is_some(), c.is_ascii());
        }
        for c in ['x', '²', 'Ⅳ', '½'] {
            assert_eq!(Language::Python.digit(c), None);
        }
    }

    #[test]
    fn case_is_folded_as_the_languages_do() {
        assert!(Language::Java.equal_but_for_case("teſt", "Test"));
        assert!(!Language::Python.equal_but_for_case("teſt", "Test"));
        assert!(Language::Python.equal_but_for_case("UN\u{212a}NOWN", "Unknown"));
        assert_eq!(Language::Python.fold('ſ'), 's');
        assert_eq!(Language::Java.fold('ſ'), 'ſ');
    }

    #[test]
    fn what_nobody_sees_is_taken_out_and_the_rest_composed() {
        for text in [
            "Smi\u{200b}th",
            "Smith\u{200d}",
            "\u{feff}Smith",
            "Smi\u{ad}th",
            "\u{200f}Smith\u{2060}",
            "Smith\u{fe0f}",
        ] {
            assert_eq!(without_invisible(text), "Smith", "{text:?}");
        }
        assert_eq!(without_invisible("Jose\u{301}"), "José");
        assert_eq!(without_invisible("e\u{34f}\u{301}"), "é");
        assert_eq!(without_invisible("\u{200b}"), "");
        assert!(matches!(without_invisible("José 李"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_mark_may_be_spacing() {
        assert!(is_mark('\u{301}', true));
        assert!(is_mark('\u{903}', false));
        assert!(!is_mark('\u{903}', true));
        assert!(!is_mark('e', false));
    }
}
