//! Dates with a time of day.

use super::Date;

/// A point in time as it is written, with or without a time of day and a zone; ordered by time.
///
/// A date without a time is its first moment. What names no zone is taken for UTC, so that times of
/// one table compare as they stand.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Moment {
    /// Nanoseconds since 1970-01-01, UTC.
    nanoseconds: i128,
}

/// What stands behind a date: a time of day, and an offset from UTC in seconds if it names one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Clock {
    nanoseconds: i64,
    offset: Option<i64>,
}

impl Moment {
    /// Reads a date that begins with its year ([`Date::from_year_first`]) and perhaps, after `T` or a
    /// blank, a time `HH:mm[:ss[.f]]` with `Z` or an offset.
    pub fn read(text: &str) -> Option<Self> {
        let (date, clock) = split_clock(text.trim())?;
        let date = Date::from_year_first(date)?;
        let clock = clock.unwrap_or(Clock {
            nanoseconds: 0,
            offset: None,
        });
        let seconds = i128::from(date.unix_days()) * 86_400 - i128::from(clock.offset.unwrap_or(0));
        Some(Self {
            nanoseconds: seconds * 1_000_000_000 + i128::from(clock.nanoseconds),
        })
    }

    /// Whole microseconds since 1970-01-01, UTC.
    ///
    /// # Panics
    ///
    /// Never: 64 bits hold those of 290,000 years.
    pub fn unix_microseconds(self) -> i64 {
        let microseconds = self.nanoseconds.div_euclid(1_000);
        i64::try_from(microseconds).expect("years have four digits")
    }
}

impl Clock {
    /// Whether it is the beginning of the day, as where a date has been through a program that knows
    /// times only.
    pub(crate) fn is_midnight(self) -> bool {
        self.nanoseconds == 0
    }

    fn read(text: &str) -> Option<Self> {
        let (time, zone) = match text.find(['Z', 'z', '+', '-']) {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let offset = match zone.trim_end() {
            "" => None,
            "Z" | "z" => Some(0),
            zone => Some(offset(zone)?),
        };
        let mut parts = time.trim_end().split(':');
        let hour = below(parts.next()?, 24)?;
        let minute = below(parts.next()?, 60)?;
        let seconds = parts.next().unwrap_or("00");
        if parts.next().is_some() {
            return None;
        }
        let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
        let second = below(second, 60)?;
        let digits = fraction.bytes().all(|b| b.is_ascii_digit());
        if !digits || !(1..=9).contains(&fraction.len()) {
            return None;
        }
        let nanoseconds: i64 = format!("{fraction:0<9}").parse().ok()?;
        Some(Self {
            nanoseconds: ((hour * 60 + minute) * 60 + second) * 1_000_000_000 + nanoseconds,
            offset,
        })
    }
}

/// Cuts a text into a date and the time of day behind it, if there is one.
///
/// Nothing where what follows the date is no time of day.
pub(crate) fn split_clock(text: &str) -> Option<(&str, Option<Clock>)> {
    // No date is shorter, and none that is read holds a blank or a T.
    let Some(at) = text.get(6..).and_then(|rest| rest.find(['T', 't', ' '])) else {
        return Some((text, None));
    };
    let (date, clock) = text.split_at(at + 6);
    let clock = Clock::read(clock[1..].trim_start())?;
    Some((date, Some(clock)))
}

/// Seconds of `+HH:mm`, `+HHmm` or `+HH`, and of `+HH:mm:ss`, as local mean time has it.
fn offset(zone: &str) -> Option<i64> {
    let (sign, digits) = zone.split_at(1);
    let (hours, rest) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        _ => digits.split_once(':')?,
    };
    let (minutes, seconds) = rest.split_once(':').unwrap_or((rest, "00"));
    let seconds = (below(hours, 24)? * 60 + below(minutes, 60)?) * 60 + below(seconds, 60)?;
    Some(if sign == "-" { -seconds } else { seconds })
}

/// The value of two digits, if it is below a limit.
fn below(digits: &str, limit: i64) -> Option<i64> {
    let two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
    digits
        .parse()
        .ok()
        .filter(|&value: &i64| two && value < limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_ordered_by_time_and_not_by_text() {
        let ascending = [
            "1890-01-01T00:53:27+00:53:28",
            "1890-01-01",
            "2020-12-31",
            "2021-01-01T00:30:00+01:00",
            "2021-1-1",
            "20210101 00:00:00.000000001",
            "2021/01/01 09:05",
            "2021-01-01 10:00:00",
            "2021-01-01T09:30:00-0100",
            "2021-01-01T11:00Z",
        ];
        let moments = ascending.map(|text| Moment::read(text).expect(text));
        assert!(moments.is_sorted(), "{moments:?}");
        assert_eq!(
            Moment::read("2021-01-01"),
            Moment::read(" 2021-01-01T00:00:00.000Z ")
        );
        assert_eq!(
            Moment::read("2021-01-01T01:00:00+01"),
            Moment::read("2021-01-01 00:00:00")
        );
    }

    #[test]
    fn what_is_no_moment_is_not_read() {
        for text in [
            "",
            "03/04/2021",
            "2021-02-30",
            "2021-01-01T24:00:00",
            "2021-01-01T10",
            "2021-01-01T10:00:60",
            "2021-01-01T10:00:00.",
            "2021-01-01T10:00:00+25:00",
            "2021-01-01T10:00:00+01:00:60",
            "2021-01-01 noon",
            "2021-01-01T10:00:00 CET",
            "soon",
        ] {
            assert_eq!(Moment::read(text), None, "{text}");
        }
    }
}
