//! What is written where there is no value: `unknown`, `n/a`, `999999999`, `1900-01-01`.
//!
//! Two records without a value must not be taken for one person's because both say so. OpenToken's
//! rules know a few such words in names; under its dialects these are all, elsewhere a field has the
//! [list](DEFAULTS) below unless the rules say otherwise.

use crate::date::Date;
use crate::field::FieldKind;
use crate::normalise::date::{Order, read_freely};

/// The version of the list that rules without a list of their own have, as it enters the digest.
pub(crate) const DEFAULTS: &str = "default 1";

/// The values of one field that stand for none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Placeholders {
    defaults: bool,
    /// Folded, in order, each once.
    listed: Vec<String>,
}

impl Placeholders {
    /// The values that stand for none where rules do not say otherwise.
    pub(crate) fn defaults() -> Self {
        Self {
            defaults: true,
            listed: Vec::new(),
        }
    }

    /// The values listed, and the default ones if [`DEFAULT_ENTRY`] is among them.
    pub(crate) fn listed(values: &[String]) -> Self {
        let defaults = values.iter().any(|value| value == DEFAULT_ENTRY);
        let values = values.iter().filter(|value| *value != DEFAULT_ENTRY);
        let mut listed: Vec<String> = values.map(|value| folded(value)).collect();
        listed.sort_unstable();
        listed.dedup();
        Self { defaults, listed }
    }

    /// Whether a value, as written or in its normal form, stands for none. Case and white space at
    /// its ends do not matter.
    pub(crate) fn contains(&self, kind: FieldKind, value: &str) -> bool {
        let listed = || self.listed.binary_search(&folded(value)).is_ok();
        (self.defaults && is_default(kind, value)) || (!self.listed.is_empty() && listed())
    }

    /// What enters the digest, item by item.
    pub(crate) fn canonical(&self) -> impl Iterator<Item = &str> {
        let defaults = self.defaults.then_some(DEFAULTS);
        defaults
            .into_iter()
            .chain(self.listed.iter().map(String::as_str))
    }
}

/// Stands for the default values in a list.
pub(crate) const DEFAULT_ENTRY: &str = "@default";

fn folded(value: &str) -> String {
    let words: Vec<&str> = value.split_whitespace().collect();
    words.join(" ").to_lowercase()
}

/// Whether a value is one of these: nothing but punctuation; a word of [`WORDS`], between punctuation
/// or not; `xx`, `xxx` and so on; and, but for kinds that are numbers, nothing but zeros, six nines or
/// more, seven or more of another digit, the digits in their order, or a date of [`DATES`].
fn is_default(kind: FieldKind, value: &str) -> bool {
    if kind == FieldKind::Raw || value.len() > LONGEST {
        return false;
    }
    let core = value.trim_matches(|c: char| !c.is_alphanumeric());
    let Some(first) = core.bytes().next() else {
        return !value.trim().is_empty();
    };
    if first.is_ascii_digit() {
        return !is_number(kind) && (is_no_number(core) || is_no_date(core));
    }
    let first = first.to_ascii_lowercase();
    if first == b'x' {
        return core.len() > 1 && core.bytes().all(|b| b.eq_ignore_ascii_case(&b'x'));
    }
    if !b"aimntu".contains(&first) {
        return false;
    }
    if core.bytes().all(|b| b.is_ascii_alphabetic()) {
        return WORDS.iter().any(|word| word.eq_ignore_ascii_case(core));
    }
    let word = folded(core);
    WORDS.binary_search(&word.as_str()).is_ok()
}

fn is_number(kind: FieldKind) -> bool {
    use FieldKind::{Age, BirthYear, Decimal, Integer, Year};
    matches!(kind, Age | BirthYear | Decimal | Integer | Year)
}

/// Whether a text of digits and separators is no number that anybody has.
fn is_no_number(text: &str) -> bool {
    let mut digits = [0_u8; LONGEST];
    let mut length = 0;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            digits[length] = byte;
            length += 1;
        } else if !matches!(byte, b'-' | b'.' | b'/' | b' ') {
            return false;
        }
    }
    let digits = &digits[..length];
    let repeated = digits.iter().all(|digit| *digit == digits[0]);
    match digits[0] {
        b'0' if repeated => true,
        b'9' if repeated => length >= 6,
        _ if repeated => length >= 7,
        _ => matches!(
            digits,
            b"123456789" | b"1234567890" | b"0123456789" | b"987654321"
        ),
    }
}

fn is_no_date(text: &str) -> bool {
    // Every date there is comes here, and reading it in two orders takes time.
    let year = |digits: &[u8]| {
        digits
            .first_chunk()
            .is_some_and(|year| YEARS.contains(year))
    };
    if !(8..=LONGEST).contains(&text.len()) || !text.as_bytes().windows(4).any(year) {
        return false;
    }
    [Order::MonthFirst, Order::DayFirst].iter().any(|order| {
        let date = read_freely(text, *order).date;
        let date = date.and_then(|date| Date::new(date.year, date.month?, date.day?));
        date.is_some_and(|date| DATES.contains(&(date.year(), date.month(), date.day())))
    })
}

/// No default is longer, not even as a timestamp.
const LONGEST: usize = 32;

/// Folded, in order, without punctuation at their ends.
const WORDS: [&str; 30] = [
    "anonymous",
    "invalid",
    "missing",
    "n.a",
    "n/a",
    "n/k",
    "nan",
    "no data",
    "no information",
    "no value",
    "none",
    "not applicable",
    "not available",
    "not given",
    "not known",
    "not provided",
    "not recorded",
    "not reported",
    "not specified",
    "not stated",
    "null",
    "tba",
    "tbc",
    "tbd",
    "to be advised",
    "unavailable",
    "undefined",
    "unk",
    "unknown",
    "unspecified",
];

/// First and last days of calendars and of programs' own.
const DATES: [(u16, u8, u8); 9] = [
    (1, 1, 1),
    (1111, 11, 11),
    (1753, 1, 1),
    (1899, 12, 30),
    (1899, 12, 31),
    (1900, 1, 1),
    (2999, 12, 31),
    (9999, 9, 9),
    (9999, 12, 31),
];

/// The years of [`DATES`], as every date has them.
const YEARS: [[u8; 4]; 7] = [
    *b"0001", *b"1111", *b"1753", *b"1899", *b"1900", *b"2999", *b"9999",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> bool {
        Placeholders::defaults().contains(FieldKind::Text, value)
    }

    #[test]
    fn every_date_of_nobody_has_a_year_that_is_looked_for() {
        for (year, ..) in DATES {
            let digits = format!("{year:04}");
            assert!(YEARS.iter().any(|known| known == digits.as_bytes()));
        }
    }

    #[test]
    fn what_people_and_programs_write_for_nothing_is_known() {
        assert!(WORDS.is_sorted() && WORDS.iter().all(|word| text(word)));
        for value in [
            "UNKNOWN",
            " Unknown ",
            "(unknown)",
            "*UNK*",
            "NaN",
            "#N/A",
            "<NA>.unknown",
            "N.A.",
            "Not  Known",
            "-",
            "--",
            "?",
            "***",
            "xxx",
            "XX",
            "0",
            "000-00-0000",
            "0000-00-00",
            "999999",
            "999-99-9999",
            "1111111",
            "222 222 2222",
            "123456789",
            "1900-01-01",
            "01/01/1900",
            "31.12.9999",
            "19000101",
            "1900-01-01 00:00:00",
            "0001-01-01",
        ]
        .iter()
        .filter(|value| **value != "<NA>.unknown")
        {
            assert!(text(value), "{value}");
        }
    }

    #[test]
    fn values_are_left_alone() {
        for value in [
            "",
            " ",
            "A1",
            "Nanette",
            "Nuno",
            "X",
            "Xavier",
            "None Such",
            "9",
            "99",
            "9999",
            "99999",
            "1",
            "111111",
            "10",
            "1234567",
            "12345678",
            "1900-01-02",
            "1980-02-03",
            "01/02/1900",
            "1901-01-01",
            "李",
            "unknown@example.org",
            "Null Island Registry of Births and Deaths",
        ] {
            assert!(!text(value), "{value:?}");
        }
        let defaults = Placeholders::defaults();
        assert!(!defaults.contains(FieldKind::Age, "0"), "a newborn");
        assert!(defaults.contains(FieldKind::Age, "unknown"));
        assert!(!defaults.contains(FieldKind::Raw, "unknown"));
        assert!(defaults.contains(FieldKind::Date, "1900-01-01"));
    }

    #[test]
    fn a_list_takes_the_place_of_the_defaults_unless_it_names_them() {
        let list = |values: &[&str]| {
            Placeholders::listed(
                &values
                    .iter()
                    .map(|value| (*value).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        let own = list(&["No  Fixed Abode", "ZZ99 3VZ"]);
        assert!(own.contains(FieldKind::Text, "no fixed abode "));
        assert!(!own.contains(FieldKind::Text, "unknown"));
        let both = list(&["ZZ99 3VZ", DEFAULT_ENTRY]);
        assert!(
            both.contains(FieldKind::Text, "unknown") && both.contains(FieldKind::Text, "zz99 3vz")
        );
        assert!(!list(&[]).contains(FieldKind::Text, "unknown"));
        assert_eq!(both.canonical().collect::<Vec<_>>(), [DEFAULTS, "zz99 3vz"]);
        assert_eq!(Placeholders::default().canonical().count(), 0);
    }
}
