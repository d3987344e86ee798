//! The dates on which a provider publishes.

use serde::Deserialize;
use time::{Date, Month, OffsetDateTime};

/// How often a provider publishes what it has: on the first moment of a day, week, month or quarter
/// by universal time.
///
/// What changes between two of these dates is not seen before the next one.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Every {
    /// Midnight.
    Day,
    /// Midnight before Monday.
    Week,
    /// The first of the month.
    #[default]
    Month,
    /// The first of January, April, July and October.
    Quarter,
}

const DAY: u64 = 86_400;

impl Every {
    /// The date at or before a time, and the next one, all in seconds since 1970.
    pub(super) fn around(self, now: u64) -> (u64, u64) {
        let day = now - now % DAY;
        match self {
            Self::Day => (day, day + DAY),
            Self::Week => {
                // 1 January 1970 was a Thursday.
                let since_monday = (day / DAY + 3) % 7 * DAY;
                let monday = day.saturating_sub(since_monday);
                (monday, day + 7 * DAY - since_monday)
            }
            Self::Month => months(now, 1),
            Self::Quarter => months(now, 3),
        }
    }
}

/// The first of a month, and of the one that comes so many months later.
fn months(now: u64, step: u8) -> (u64, u64) {
    let date = i64::try_from(now)
        .ok()
        .and_then(|now| OffsetDateTime::from_unix_timestamp(now).ok())
        .map_or(Date::MAX, OffsetDateTime::date);
    let first = (u8::from(date.month()) - 1) / step * step + 1;
    let (year, later) = if first + step > 12 {
        (date.year() + 1, first + step - 12)
    } else {
        (date.year(), first + step)
    };
    (start_of(date.year(), first), start_of(year, later))
}

/// The first moment of a month, or the end of all time where the calendar ends.
fn start_of(year: i32, month: u8) -> u64 {
    let month = Month::try_from(month).expect("1 to 12 by construction");
    Date::from_calendar_date(year, month, 1)
        .ok()
        .and_then(|date| u64::try_from(date.midnight().assume_utc().unix_timestamp()).ok())
        .unwrap_or(u64::MAX)
}

/// A time of this calendar for people.
pub(super) fn date(time: u64) -> String {
    i64::try_from(time)
        .ok()
        .and_then(|time| OffsetDateTime::from_unix_timestamp(time).ok())
        .map_or_else(|| time.to_string(), |time| time.date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of 25 November 2026, a Wednesday.
    const NOW: u64 = 1_795_608_000;

    #[test]
    fn dates_enclose_the_time() {
        let around = |every: Every, now| {
            let (before, next) = every.around(now);
            (date(before), date(next))
        };
        let days = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        for (every, before, next) in [
            (Every::Day, "2026-11-25", "2026-11-26"),
            (Every::Week, "2026-11-23", "2026-11-30"),
            (Every::Month, "2026-11-01", "2026-12-01"),
            (Every::Quarter, "2026-10-01", "2027-01-01"),
        ] {
            assert_eq!(around(every, NOW), days(before, next), "{every:?}");
        }
        let december = NOW + 30 * DAY;
        assert_eq!(
            around(Every::Month, december),
            days("2026-12-01", "2027-01-01")
        );
    }

    #[test]
    fn a_date_is_the_first_moment_of_its_own_time() {
        for every in [Every::Day, Every::Week, Every::Month, Every::Quarter] {
            let (before, next) = every.around(NOW);
            assert!(before <= NOW && NOW < next);
            assert_eq!(every.around(next).0, next);
            assert_eq!(every.around(next - 1), (before, next));
            assert_eq!(every.around(before), (before, next));
        }
    }

    #[test]
    fn clocks_that_are_wrong_have_dates_too() {
        for every in [Every::Day, Every::Week, Every::Month, Every::Quarter] {
            let (before, next) = every.around(0);
            assert!(before == 0 && next > 0);
        }
        for now in [1 << 40, u64::MAX] {
            let (before, next) = Every::Month.around(now);
            assert!(before <= next);
        }
    }
}
