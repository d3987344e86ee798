//! Moments in UTC, as files show them.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;
use blindjoin_record::Date;

/// A second in UTC; displays as `2026-11-22T02:15:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Timestamp {
    date: Date,
    second_of_day: u64,
}

impl Timestamp {
    pub(crate) fn now() -> anyhow::Result<Self> {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .context("the clock stands before 1970")?
            .as_secs();
        let days = i64::try_from(now / 86_400).unwrap_or(i64::MAX);
        let date = Date::from_unix_days(days).context("the clock stands beyond the calendar")?;
        Ok(Self {
            date,
            second_of_day: now % 86_400,
        })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            date,
            second_of_day: s,
        } = self;
        write!(
            f,
            "{date}T{:02}:{:02}:{:02}Z",
            s / 3600,
            s / 60 % 60,
            s % 60
        )
    }
}
