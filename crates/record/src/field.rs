//! Fields and their kinds.

use crate::date::Date;
use crate::dialect::{Habits, Language};
use crate::findings::Finding;
use crate::normalise::date::{Order, Reading};
use crate::normalise::{contact, date, name, number, postal, sex, ssn};

/// How a field's values are checked and brought into one form before expressions see them.
///
/// Kinds other than [`FieldKind::Text`], [`FieldKind::Raw`], [`FieldKind::DayFirstDate`],
/// [`FieldKind::PartialDate`], [`FieldKind::Phone`] and [`FieldKind::Email`] are OpenToken's
/// attributes and follow the rule set's dialect.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum FieldKind {
    /// Any text that is not blank, trimmed; without a dialect also in normal form C and without
    /// invisible characters, as all kinds but the next.
    Text,
    /// The value as it is, white space and all; a missing one is the empty text.
    Raw,
    /// First name: letters A to Z, without title, generational suffix and trailing initial.
    FirstName,
    /// Last name: letters A to Z, without generational suffix.
    LastName,
    /// Date of birth from 1910 to today, as `yyyy-MM-dd`.
    BirthDate,
    /// `Male` or `Female`.
    Sex,
    /// ZIP code or Canadian postal code, partial codes filled up.
    PostalCode,
    /// ZIP code of five digits.
    UsPostalCode,
    /// Canadian postal code, `A1A 1A1`.
    CanadianPostalCode,
    /// Social security number, `ddd-dd-dddd`.
    SocialSecurityNumber,
    /// Any date, as `yyyy-MM-dd`. What does not begin with its year is read month first, or day first
    /// with dots: `02/03/1980` is 3 February, `03.02.1980` too.
    Date,
    /// The same, but day first: `02/03/1980` is 2 March.
    DayFirstDate,
    /// A date as [`FieldKind::Date`] reads it, or what is known of one: `yyyy-MM` or `yyyy`.
    PartialDate,
    /// A year of four digits, as an integer.
    Year,
    /// A year from 1910 to this one.
    BirthYear,
    /// An integer.
    Integer,
    /// A decimal number in its shortest form.
    Decimal,
    /// An age in years, 0 to 120.
    Age,
    /// A telephone number's digits, 7 to 15, without North America's country code.
    Phone,
    /// An e-mail address, trimmed, in lower case.
    Email,
}

/// The outcome of checking one value, and what else is to be said of it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) check: Check,
    pub(crate) finding: Option<Finding>,
}

/// Whether there is a valid value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Check {
    Valid,
    Missing,
    Invalid,
}

impl FieldKind {
    /// All kinds.
    pub const ALL: [Self; 20] = [
        Self::Text,
        Self::Raw,
        Self::FirstName,
        Self::LastName,
        Self::BirthDate,
        Self::Sex,
        Self::PostalCode,
        Self::UsPostalCode,
        Self::CanadianPostalCode,
        Self::SocialSecurityNumber,
        Self::Date,
        Self::DayFirstDate,
        Self::PartialDate,
        Self::Year,
        Self::BirthYear,
        Self::Integer,
        Self::Decimal,
        Self::Age,
        Self::Phone,
        Self::Email,
    ];

    /// The kind's name, as it is written in rules files: for OpenToken's attributes, theirs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Raw => "Raw",
            Self::FirstName => "FirstName",
            Self::LastName => "LastName",
            Self::BirthDate => "BirthDate",
            Self::Sex => "Sex",
            Self::PostalCode => "PostalCode",
            Self::UsPostalCode => "USPostalCode",
            Self::CanadianPostalCode => "CanadianPostalCode",
            Self::SocialSecurityNumber => "SocialSecurityNumber",
            Self::Date => "Date",
            Self::DayFirstDate => "DayFirstDate",
            Self::PartialDate => "PartialDate",
            Self::Year => "Year",
            Self::BirthYear => "BirthYear",
            Self::Integer => "Integer",
            Self::Decimal => "Decimal",
            Self::Age => "Age",
            Self::Phone => "Phone",
            Self::Email => "Email",
        }
    }

    /// The kind of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("String") {
            return Some(Self::Text);
        }
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Headers by which a column of this kind is recognised.
    pub(crate) fn headers(self, habits: &Habits) -> Vec<&'static str> {
        let known: &[&str] = match self {
            Self::FirstName => &["FirstName", "GivenName"],
            Self::LastName => &["LastName", "Surname"],
            Self::BirthDate => &["BirthDate"],
            Self::Sex => &["Sex", "Gender"],
            Self::PostalCode => &["PostalCode", "ZipCode", "ZIP3", "ZIP4", "ZIP5"],
            Self::UsPostalCode => &["USPostalCode", "USZipCode"],
            Self::CanadianPostalCode => &["CanadianPostalCode", "CanadianZipCode"],
            Self::SocialSecurityNumber => &["SocialSecurityNumber", "NationalIdentificationNumber"],
            Self::BirthYear => &["BirthYear", "YearOfBirth"],
            _ => &[],
        };
        let more = habits
            .more_headers
            .iter()
            .filter(|(kind, _)| *kind == self.name());
        known
            .iter()
            .chain(more.flat_map(|(_, headers)| *headers))
            .copied()
            .collect()
    }

    /// Checks a value and appends its normal form to `out`; what an invalid one has left there is
    /// the caller's to remove.
    pub(crate) fn normalise(
        self,
        value: Option<&str>,
        habits: &Habits,
        today: Date,
        out: &mut String,
    ) -> Outcome {
        let value = value.unwrap_or_default();
        if self == Self::Raw {
            out.push_str(value);
            return Outcome::of(!value.contains('\0'));
        }
        if habits.white_space.is_blank(value) {
            return Outcome {
                check: Check::Missing,
                finding: None,
            };
        }
        Outcome::of(match self {
            Self::Text | Self::Raw => {
                out.push_str(habits.white_space.trim(value));
                !value.contains('\0')
            }
            Self::FirstName => name::first(value, habits, out),
            Self::LastName => name::last(value, habits, out),
            Self::BirthDate => return push_date(date::read(value, habits).of_birth(today), out),
            Self::Date => return push_date(date::read(value, habits), out),
            Self::DayFirstDate => return push_date(date::read_freely(value, Order::DayFirst), out),
            Self::PartialDate => {
                return push_date(date::read_in_part(value, Order::MonthFirst), out);
            }
            Self::Sex => sex::sex(value, habits, out),
            Self::PostalCode => postal::either(value, habits, out),
            Self::UsPostalCode => postal::us(value, false, habits, out),
            Self::CanadianPostalCode => postal::canadian(value, false, habits, out),
            Self::SocialSecurityNumber => ssn::ssn(value, habits, out),
            Self::Year => number::year(value, None, habits, out),
            Self::BirthYear => number::year(value, Some(number::birth_years(today)), habits, out),
            Self::Integer => number::integer(value, habits, out),
            Self::Decimal => number::decimal(value, habits, out),
            Self::Age => number::age(value, habits, out),
            Self::Phone => contact::phone(value, out),
            Self::Email => contact::email(value, out),
        })
    }

    /// Whether a null cell counts as an absent column.
    pub(crate) fn null_is_absent(self, habits: &Habits) -> bool {
        habits.null_is_absent && habits.language != Language::Ours && self != Self::Raw
    }
}

impl Outcome {
    fn of(valid: bool) -> Self {
        Self {
            check: if valid { Check::Valid } else { Check::Invalid },
            finding: None,
        }
    }
}

fn push_date(reading: Reading, out: &mut String) -> Outcome {
    if let Some(date) = reading.date {
        date.write_iso(out);
    }
    Outcome {
        finding: reading.finding,
        ..Outcome::of(reading.date.is_some())
    }
}
