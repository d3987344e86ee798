//! Calendar dates: the proleptic Gregorian calendar, years 0 to 9999, and written forms.

mod moment;
mod partial;

pub use moment::Moment;
pub(crate) use moment::{Clock, split_clock};
pub(crate) use partial::PartialDate;

use std::fmt;

/// A day that exists in the calendar.
///
/// Ordered by time. [`fmt::Display`] writes `yyyy-MM-dd`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Yields the date, or nothing if the calendar has no such day.
    pub const fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        if year > 9999 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) {
            return None;
        }
        Some(Self { year, month, day })
    }

    /// Yields the date so many days after 1970-01-01, within the years 0 to 9999.
    ///
    /// # Source
    ///
    /// Hinnant, "chrono-compatible low-level date algorithms", `civil_from_days`.
    pub fn from_unix_days(days: i64) -> Option<Self> {
        if !(-800_000..=3_000_000).contains(&days) {
            return None;
        }
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self::new(
            u16::try_from(year).ok()?,
            u8::try_from(month).ok()?,
            u8::try_from(day).ok()?,
        )
    }

    /// Reads `yyyy-MM-dd`, exactly.
    pub fn from_iso(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' {
            return None;
        }
        Self::from_digits(&bytes[..4], &bytes[5..7], &bytes[8..])
    }

    /// Reads a date that begins with its year: `yyyy-M-d`, `yyyy/M/d` (month and day of one or two
    /// digits) or `yyyyMMdd`.
    ///
    /// These are the forms that can be read in one way only; for the others see [`DateForm`].
    pub fn from_year_first(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        if bytes.len() == 8 && bytes.iter().all(u8::is_ascii_digit) {
            return Self::from_digits(&bytes[..4], &bytes[4..6], &bytes[6..]);
        }
        let separator = *bytes.get(4)?;
        if separator != b'-' && separator != b'/' {
            return None;
        }
        let (year, rest) = (&bytes[..4], &bytes[5..]);
        let at = rest.iter().position(|&b| b == separator)?;
        Self::from_digits(year, &rest[..at], &rest[at + 1..])
    }

    /// The year, 0 to 9999.
    pub const fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    pub const fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, from 1.
    pub const fn day(self) -> u8 {
        self.day
    }

    /// The date `days` later (earlier when negative), within the years 0 to 9999.
    pub(crate) fn plus_days(self, days: i64) -> Option<Self> {
        Self::from_unix_days(self.unix_days() + days)
    }

    pub(crate) fn from_digits(year: &[u8], month: &[u8], day: &[u8]) -> Option<Self> {
        if year.len() != 4 || !matches!(month.len(), 1 | 2) || !matches!(day.len(), 1 | 2) {
            return None;
        }
        let month = u8::try_from(number(month)?).ok()?;
        let day = u8::try_from(number(day)?).ok()?;
        Self::new(number(year)?, month, day)
    }

    pub(crate) fn write_iso(self, out: &mut String) {
        write_digits(self.year, 4, out);
        out.push('-');
        write_digits(u16::from(self.month), 2, out);
        out.push('-');
        write_digits(u16::from(self.day), 2, out);
    }

    pub(crate) fn unix_days(self) -> i64 {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let march_month = (i64::from(self.month) + 9) % 12;
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let day_of_year = (153 * march_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

/// A written form of dates, such as `DD/MM/YYYY`, `YYYYMMDD` or `D.M.YYYY`.
///
/// `YYYY` is four digits, `MM` and `DD` exactly two, `M` and `D` one or two; everything else
/// stands for itself. Each of year, month and day occurs once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DateForm(Vec<Piece>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Piece {
    Year,
    Month { least: usize },
    Day { least: usize },
    Literal(u8),
}

impl DateForm {
    /// Reads a form; nothing if it is not one.
    pub fn new(form: &str) -> Option<Self> {
        let bytes = form.as_bytes();
        let mut pieces = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let byte = bytes[at].to_ascii_uppercase();
            let run = bytes[at..]
                .iter()
                .take_while(|b| b.to_ascii_uppercase() == byte)
                .count();
            pieces.push(match (byte, run) {
                (b'Y', 4) => Piece::Year,
                (b'M', 1 | 2) => Piece::Month { least: run },
                (b'D', 1 | 2) => Piece::Day { least: run },
                (b'-' | b'/' | b'.' | b' ', 1) => Piece::Literal(byte),
                _ => return None,
            });
            at += run;
        }
        let count = |wanted: fn(&Piece) -> bool| pieces.iter().filter(|p| wanted(p)).count();
        let once = count(|p| matches!(p, Piece::Year)) == 1
            && count(|p| matches!(p, Piece::Month { .. })) == 1
            && count(|p| matches!(p, Piece::Day { .. })) == 1;
        // A part of variable length must be followed by a separator or the end, or the form could
        // be read in two ways.
        let bounded = pieces.iter().enumerate().all(|(i, piece)| {
            !matches!(piece, Piece::Month { least: 1 } | Piece::Day { least: 1 })
                || matches!(pieces.get(i + 1), None | Some(Piece::Literal(_)))
        });
        (once && bounded).then_some(Self(pieces))
    }

    /// Reads a date written in this form.
    pub fn read(&self, text: &str) -> Option<Date> {
        let mut rest = text.as_bytes();
        let (mut year, mut month, mut day): (&[u8], &[u8], &[u8]) = (&[], &[], &[]);
        for piece in &self.0 {
            let taken = match piece {
                Piece::Literal(byte) => {
                    rest = rest.strip_prefix(&[*byte])?;
                    continue;
                }
                Piece::Year => 4,
                Piece::Month { least } | Piece::Day { least } => rest
                    .iter()
                    .take(2)
                    .take_while(|b| b.is_ascii_digit())
                    .count()
                    .max(*least),
            };
            let (head, tail) = rest.split_at_checked(taken)?;
            rest = tail;
            match piece {
                Piece::Year => year = head,
                Piece::Month { .. } => month = head,
                _ => day = head,
            }
        }
        if !rest.is_empty() {
            return None;
        }
        Date::from_digits(year, month, day)
    }
}

pub(crate) fn write_digits(value: u16, width: u32, out: &mut String) {
    for place in (0..width).rev() {
        let digit = value / 10_u16.pow(place) % 10;
        out.push(char::from(
            b'0' + u8::try_from(digit).expect("a digit is below ten"),
        ));
    }
}

/// The value of one to four ASCII digits.
pub(crate) fn number(digits: &[u8]) -> Option<u16> {
    if digits.is_empty() || digits.len() > 4 {
        return None;
    }
    digits.iter().try_fold(0_u16, |value, &digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u16::from(digit - b'0'))
    })
}

const fn days_in_month(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(year: u16, month: u8, day: u8) -> Date {
        Date::new(year, month, day).unwrap()
    }

    #[test]
    fn the_calendar_is_strict() {
        assert_eq!(Date::new(1999, 2, 29), None);
        assert_eq!(Date::new(1900, 2, 29), None);
        assert_eq!(Date::new(1985, 4, 31), None);
        assert_eq!(Date::new(1985, 0, 1), None);
        assert_eq!(Date::new(1985, 13, 1), None);
        assert_eq!(Date::new(1985, 1, 0), None);
        assert!(Date::new(2000, 2, 29).is_some());
        assert!(Date::new(2004, 2, 29).is_some());
    }

    #[test]
    fn days_since_the_epoch_round_trip() {
        assert_eq!(Date::from_unix_days(0), Some(date(1970, 1, 1)));
        assert_eq!(Date::from_unix_days(20_778), Some(date(2026, 11, 21)));
        assert_eq!(Date::from_unix_days(-719_528), Some(date(0, 1, 1)));
        assert_eq!(Date::from_unix_days(-719_529), None);
        for days in (-700_000..100_000).step_by(37) {
            assert_eq!(Date::from_unix_days(days).unwrap().unix_days(), days);
        }
        assert_eq!(date(1999, 12, 31).plus_days(1), Some(date(2000, 1, 1)));
    }

    #[test]
    fn year_first_forms_are_read() {
        let day = Some(date(1985, 3, 5));
        for text in ["1985-03-05", "1985-3-5", "1985/3/05", "19850305"] {
            assert_eq!(Date::from_year_first(text), day, "{text}");
        }
        for text in [
            "1985-03/05",
            "85-03-05",
            "1985-03-005",
            "1985",
            "1985-",
            "1985-3",
            "198503",
        ] {
            assert_eq!(Date::from_year_first(text), None, "{text}");
        }
        assert_eq!(Date::from_year_first("19850231"), None);
        assert_eq!(Date::from_iso("1985-3-05"), None);
    }

    #[test]
    fn named_forms_are_read() {
        let form = DateForm::new("DD/MM/YYYY").unwrap();
        assert_eq!(form.read("31/12/1999"), Some(date(1999, 12, 31)));
        assert_eq!(form.read("1/12/1999"), None);
        assert_eq!(form.read("31/12/1999 "), None);
        assert_eq!(form.read("31-12-1999"), None);
        let form = DateForm::new("d.m.yyyy").unwrap();
        assert_eq!(form.read("1.2.1999"), Some(date(1999, 2, 1)));
        assert_eq!(form.read("01.02.1999"), Some(date(1999, 2, 1)));
        assert_eq!(
            DateForm::new("MMDDYYYY").unwrap().read("12311999"),
            Some(date(1999, 12, 31))
        );
        for bad in [
            "",
            "YYYY-MM",
            "YY-MM-DD",
            "YYYY-MM-DD-DD",
            "YYYYMD",
            "MMM D YYYY",
            "YYYY-MM-DDx",
        ] {
            assert_eq!(DateForm::new(bad), None, "{bad}");
        }
    }
}
