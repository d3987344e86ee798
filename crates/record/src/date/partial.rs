//! Dates of which the day, or day and month, are not known.

use super::{Date, number, split_clock, write_digits};

/// A year, a year and month, or a date.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct PartialDate {
    pub(crate) year: u16,
    pub(crate) month: Option<u8>,
    pub(crate) day: Option<u8>,
}

impl PartialDate {
    /// Reads what [`Date::from_year_first`] reads, and `yyyy`, `yyyy-MM`, `yyyy/MM`, `yyyyMM`, and
    /// dates whose day, or day and month, are zero. A time of day behind a date must be midnight.
    ///
    /// Six digits are read if they cannot be a date of a two-digit year as well: `198002`, but not
    /// `190203`.
    pub(crate) fn from_year_first(text: &str) -> Option<Self> {
        let (text, clock) = split_clock(text)?;
        if clock.is_some_and(|clock| !clock.is_midnight()) {
            return None;
        }
        if let Some(date) = Date::from_year_first(text) {
            return Some(Self::from(date));
        }
        if clock.is_some() {
            return None;
        }
        let bytes = text.as_bytes();
        let (year, month, day): (&[u8], &[u8], &[u8]) = match bytes {
            [_, _, _, _] => (bytes, b"00", b"00"),
            [year @ .., b'-' | b'/', m1, m2] if year.len() == 4 => (year, &[*m1, *m2], b"00"),
            [year @ .., a @ (b'-' | b'/'), m1, m2, b, b'0', b'0'] if year.len() == 4 && a == b => {
                (year, &[*m1, *m2], b"00")
            }
            [_, _, m1, m2, _, _] if number(&[*m1, *m2])?.wrapping_sub(1) >= 12 => {
                (&bytes[..4], &bytes[4..], b"00")
            }
            [_, _, _, _, _, _, b'0', b'0'] => (&bytes[..4], &bytes[4..6], b"00"),
            _ => return None,
        };
        Self::from_numbers(number(year)?, number(month)?, number(day)?)
    }

    /// Reads `MM/yyyy` and `MM-yyyy`.
    pub(crate) fn from_month_first(text: &str) -> Option<Self> {
        match text.as_bytes() {
            [m1, m2, b'-' | b'/', year @ ..] if year.len() == 4 => {
                let month = number(&[*m1, *m2]).filter(|month| *month > 0)?;
                Self::from_numbers(number(year)?, month, 0)
            }
            _ => None,
        }
    }

    /// Appends `yyyy`, `yyyy-MM` or `yyyy-MM-dd`.
    pub(crate) fn write_iso(self, out: &mut String) {
        write_digits(self.year, 4, out);
        for part in [self.month, self.day].into_iter().flatten() {
            out.push('-');
            write_digits(u16::from(part), 2, out);
        }
    }

    fn from_numbers(year: u16, month: u16, day: u16) -> Option<Self> {
        let month = u8::try_from(month).ok().filter(|month| *month <= 12)?;
        // A year below 1000 is a number of another kind.
        (year >= 1000 && day == 0).then_some(Self {
            year,
            month: Some(month).filter(|month| *month > 0),
            day: None,
        })
    }
}

impl From<Date> for PartialDate {
    fn from(date: Date) -> Self {
        Self {
            year: date.year(),
            month: Some(date.month()),
            day: Some(date.day()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Option<(u16, Option<u8>, Option<u8>)> {
        let date = PartialDate::from_year_first(text)?;
        Some((date.year, date.month, date.day))
    }

    #[test]
    fn what_is_known_of_a_date_is_read() {
        for (text, year, month, day) in [
            ("1980", 1980, None, None),
            ("1980-02", 1980, Some(2), None),
            ("1980/02", 1980, Some(2), None),
            ("198002", 1980, Some(2), None),
            ("1980-02-00", 1980, Some(2), None),
            ("19800200", 1980, Some(2), None),
            ("1980-00-00", 1980, None, None),
            ("19800000", 1980, None, None),
            ("1980-2-3", 1980, Some(2), Some(3)),
            ("1980-02-03T00:00:00Z", 1980, Some(2), Some(3)),
            ("1980-02-03 00:00:00", 1980, Some(2), Some(3)),
        ] {
            assert_eq!(parts(text), Some((year, month, day)), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_or_may_be_another_is_not() {
        for text in [
            "",
            "80",
            "0042",
            "29254",
            "190203",
            "198013",
            "1980-13",
            "1980-02-30",
            "19800299",
            "1980-00-03",
            "19800003",
            "80-02-03",
            "02/03/1980",
            "1980-02-03T10:00:00Z",
            "1980 00:00:00",
            "197x",
        ] {
            assert_eq!(parts(text), None, "{text}");
        }
    }
}
