//! The versions of OpenToken whose results are reproduced, and where they differ.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::expression::operator::Units;
use crate::text::WhiteSpace;

/// A version of OpenToken (since 2026 OpenLinkToken).
///
/// On ordinary data all of them yield the same signatures; they part on unusual names, dates and
/// numbers. Everything in which they differ stands in one table, the `Habits` of this module.
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
#[expect(clippy::struct_excessive_bools, reason = "a table of yes and no")]
pub(crate) struct Habits {
    /// The language: its white space, its digits, what `(?i)` and `$` match.
    pub(crate) language: Language,
    /// What is trimmed, blank, and matched by `\s`.
    pub(crate) white_space: WhiteSpace,
    /// What the substring operator counts.
    pub(crate) units: Units,
    /// Whether a substring that starts past its end is an error.
    pub(crate) strict_substring: bool,
    /// Whether a null cell is like an absent column, rather than an invalid value.
    pub(crate) null_is_absent: bool,
    /// Whether only non-spacing marks are diacritics, or all marks.
    pub(crate) non_spacing_marks_only: bool,
    /// Whether Latin letters without decomposition are spelled out before diacritics go.
    pub(crate) transliterates: bool,
    /// How many titles a first name loses.
    pub(crate) titles: Times,
    /// How many generational suffixes in a row a pass removes.
    pub(crate) suffixes: Times,
    /// Whether a last name has a second pass, which may leave nothing.
    pub(crate) second_last_name_pass: bool,
    /// Whether of a compound first name only the first group counts.
    pub(crate) first_of_compound: bool,
    /// Whether a timestamp's date is that of its instant in UTC, or the one written.
    pub(crate) utc_instants: bool,
    /// Whether white space around the sex is ignored.
    pub(crate) sex_is_trimmed: bool,
    /// Whether the rules for social security numbers are applied to the normal form, or to what is
    /// written.
    pub(crate) normalises_ssn_first: bool,
    /// Social security numbers that nobody has.
    pub(crate) denied_ssns: &'static [&'static [&'static str]],
    /// Headers beyond those that every dialect knows, with the kind's name.
    pub(crate) more_headers: &'static [(&'static str, &'static [&'static str])],
}

/// The language a dialect is written in, for what its standard library does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Language {
    Java,
    Python,
    /// None: our own conventions.
    Ours,
}

/// How often something is removed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Times {
    Once,
    All,
}

impl Habits {
    /// Rules of our own, outside any dialect. Typed fields follow the default dialect's tables.
    pub(crate) const fn plain() -> &'static Self {
        &PLAIN
    }
}

const OT1_JAVA: Habits = Habits {
    language: Language::Java,
    white_space: WhiteSpace::Java,
    units: Units::Utf16,
    strict_substring: true,
    null_is_absent: true,
    non_spacing_marks_only: false,
    transliterates: false,
    titles: Times::Once,
    suffixes: Times::Once,
    second_last_name_pass: true,
    first_of_compound: false,
    utc_instants: true,
    sex_is_trimmed: false,
    normalises_ssn_first: true,
    denied_ssns: &[DENIED, DENIED_BY_JAVA],
    more_headers: &[
        ("BirthDate", &["DateOfBirth"]),
        ("USPostalCode", &["USZipCode"]),
        ("CanadianPostalCode", &["CanadianZipCode"]),
    ],
};

const OT1_PYTHON: Habits = Habits {
    language: Language::Python,
    white_space: WhiteSpace::Unicode,
    units: Units::CodePoints,
    strict_substring: false,
    null_is_absent: false,
    non_spacing_marks_only: true,
    second_last_name_pass: false,
    utc_instants: false,
    sex_is_trimmed: true,
    normalises_ssn_first: false,
    denied_ssns: &[DENIED],
    more_headers: &[],
    ..OT1_JAVA
};

const OLT20: Habits = Habits {
    non_spacing_marks_only: false,
    transliterates: true,
    ..OT1_PYTHON
};

const OLT212: Habits = Habits {
    denied_ssns: &[DENIED, DENIED_SINCE_2_1_2],
    ..OLT20
};

const OLT22: Habits = Habits {
    titles: Times::All,
    suffixes: Times::All,
    first_of_compound: true,
    more_headers: &[
        ("BirthDate", &["DateOfBirth"]),
        ("SocialSecurityNumber", &["SSN"]),
    ],
    ..OLT212
};

const PLAIN: Habits = Habits {
    language: Language::Ours,
    white_space: WhiteSpace::Unicode,
    units: Units::CodePoints,
    strict_substring: false,
    null_is_absent: false,
    transliterates: true,
    utc_instants: false,
    sex_is_trimmed: true,
    denied_ssns: &[DENIED, DENIED_BY_JAVA, DENIED_SINCE_2_1_2],
    more_headers: &[
        ("BirthDate", &["DateOfBirth"]),
        ("SocialSecurityNumber", &["SSN"]),
    ],
    ..OT1_JAVA
};

const DENIED: &[&str] = &[
    "001-23-4567",
    "010-10-1010",
    "012-34-5678",
    "087-65-4321",
    "098-76-5432",
    "099-99-9999",
    "111-11-1111",
    "111-22-3333",
    "121-21-2121",
    "123-45-6789",
    "222-22-2222",
    "333-33-3333",
    "444-44-4444",
    "555-55-5555",
    "777-77-7777",
    "888-88-8888",
];

const DENIED_BY_JAVA: &[&str] = &["009-99-9999", "123-45-9999"];

const DENIED_SINCE_2_1_2: &[&str] = &[
    "001-01-0001",
    "001-01-0101",
    "001-01-9999",
    "001-10-0110",
    "001-11-1111",
    "001-12-2334",
    "007-77-7777",
    "011-11-1111",
    "022-22-2222",
    "055-55-5555",
    "077-77-7777",
    "088-88-8888",
    "100-10-1000",
    "111-11-1112",
    "111-11-1234",
    "111-11-9999",
    "111-22-1111",
    "111-22-2333",
    "123-12-1234",
    "123-12-3123",
    "123-45-1234",
    "123-45-6788",
    "123-45-6798",
    "123-45-6879",
    "123-45-6987",
    "123-45-7896",
    "199-99-9999",
    "222-33-4444",
    "299-99-9999",
    "399-99-9999",
    "454-54-5454",
    "499-99-9999",
    "599-99-9999",
    "699-99-9999",
    "799-99-9999",
    "899-99-9999",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for dialect in Dialect::ALL {
            assert_eq!(dialect.name().parse(), Ok(dialect));
        }
        assert!(matches!(
            "OT1-JAVA".parse::<Dialect>(),
            Err(Error::UnknownDialect { .. })
        ));
    }

    #[test]
    fn every_denied_number_is_written_with_dashes() {
        for number in Dialect::ALL
            .iter()
            .flat_map(|d| d.habits().denied_ssns)
            .copied()
            .flatten()
        {
            assert_eq!(number.len(), 11);
            assert!(number.bytes().all(|b| b.is_ascii_digit() || b == b'-'));
        }
    }
}
