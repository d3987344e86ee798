//! White space as the two reference languages see it.

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
}
