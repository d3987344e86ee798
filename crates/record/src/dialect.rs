//! The versions of OpenToken whose results are reproduced, and where they differ.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::expression::operator::Units;
use crate::text::WhiteSpace;

/// A version of OpenToken (since 2026 OpenLinkToken).
///
/// On ordinary data all of them yield the same signatures; they part on unusual names, dates and
/// numbers. Everything in which they differ stands in one table, [`Dialect::habits`].
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Dialect {
    /// `ot1-java`: Java 1.x, to 1.13.2.
    #[default]
    Ot1Java,
    /// `ot1-python`: Python 1.x.
    Ot1Python,
    /// `olt2.0`: Python 2.0.0 to 2.1.1.
    Olt20,
    /// `olt2.1.2`: Python 2.1.2.
    Olt212,
    /// `olt2.2`: Python 2.2.1.
    Olt22,
}

impl Dialect {
    /// All dialects, in order of age.
    pub const ALL: [Self; 5] = [
        Self::Ot1Java,
        Self::Ot1Python,
        Self::Olt20,
        Self::Olt212,
        Self::Olt22,
    ];

    /// The dialect's name, as it is given on command lines and in rules files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ot1Java => "ot1-java",
            Self::Ot1Python => "ot1-python",
            Self::Olt20 => "olt2.0",
            Self::Olt212 => "olt2.1.2",
            Self::Olt22 => "olt2.2",
        }
    }

    pub(crate) const fn habits(self) -> &'static Habits {
        match self {
            Self::Ot1Java => &OT1_JAVA,
            Self::Ot1Python => &OT1_PYTHON,
            Self::Olt20 => &OLT20,
            Self::Olt212 => &OLT212,
            Self::Olt22 => &OLT22,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Dialect {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = Self::ALL.into_iter().find(|dialect| dialect.name() == name);
        found.ok_or_else(|| Error::UnknownDialect {
            dialect: name.to_owned(),
            line: None,
        })
    }
}

/// What a dialect does where dialects differ: one line per difference.
#[derive(Debug)]
pub(crate) struct Habits {
    /// What is trimmed, blank, and matched by `\s`.
    pub(crate) white_space: WhiteSpace,
    /// What the substring operator counts.
    pub(crate) units: Units,
    /// Whether a substring that starts past its end is an error.
    pub(crate) strict_substring: bool,
    /// Whether patterns are Unicode-aware.
    pub(crate) unicode_patterns: bool,
}

const OT1_JAVA: Habits = Habits {
    white_space: WhiteSpace::Java,
    units: Units::Utf16,
    strict_substring: true,
    unicode_patterns: false,
};

const OT1_PYTHON: Habits = Habits {
    white_space: WhiteSpace::Unicode,
    units: Units::CodePoints,
    strict_substring: false,
    unicode_patterns: true,
};

const OLT20: Habits = Habits { ..OT1_PYTHON };

const OLT212: Habits = Habits { ..OLT20 };

const OLT22: Habits = Habits { ..OLT212 };

/// Rules of our own, outside any dialect.
const PLAIN: Habits = Habits {
    white_space: WhiteSpace::Unicode,
    units: Units::CodePoints,
    strict_substring: false,
    unicode_patterns: false,
};

impl Habits {
    pub(crate) const fn plain() -> &'static Self {
        &PLAIN
    }
}
