//! Dates, times of day and timestamps as text.

use std::fmt::{self, Write};

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, ArrowTimestampType};
use arrow_array::{Array as _, ArrayRef, StringArray};
use arrow_schema::TimeUnit;
use blindjoin_record::Date;
use jiff::tz::TimeZone;

use super::text::{Unreadable, WRITTEN};
use super::zone::ahead_of_utc;
use crate::RowFault;

/// How a column's timestamps are shown.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// The zone of the clock that shows them, where they are moments and not what some clock showed.
    pub(crate) zone: Option<TimeZone>,
    /// Whether midnight is shown as a date, without time and offset.
    pub(crate) dates: bool,
}

/// Dates, in a unit of which so many make a day.
pub(super) fn dates<T>(column: &ArrayRef, per_day: i64) -> Result<StringArray, Unreadable>
where
    T: ArrowPrimitiveType<Native: Into<i64>>,
{
    render::<T>(column, |value, text| {
        let date = date(value.div_euclid(per_day))?;
        write!(text, "{date}").expect(WRITTEN);
        Ok(())
    })
}

/// Times of day.
pub(super) fn times<T>(column: &ArrayRef, unit: TimeUnit) -> Result<StringArray, Unreadable>
where
    T: ArrowPrimitiveType<Native: Into<i64>>,
{
    render::<T>(column, |value, text| {
        let (seconds, nanoseconds) = split(value, unit);
        if !(0..DAY).contains(&seconds) {
            return Err(RowFault::Time);
        }
        write_time(text, seconds, nanoseconds).expect(WRITTEN);
        Ok(())
    })
}

/// Timestamps: without a zone as they stand, else as a clock in the zone showed them, with its offset
/// from UTC.
pub(super) fn timestamps<T>(column: &ArrayRef, clock: &Clock) -> Result<StringArray, Unreadable>
where
    T: ArrowTimestampType,
{
    render::<T>(column, |value, text| {
        let (seconds, nanoseconds) = split(value, T::UNIT);
        let zone = clock.zone.as_ref();
        let offset = zone.map(|zone| ahead_of_utc(zone, seconds));
        let shown = seconds.checked_add(offset.unwrap_or(0));
        let shown = shown.ok_or(RowFault::Date)?;
        let date = date(shown.div_euclid(DAY))?;
        let time = shown.rem_euclid(DAY);
        write!(text, "{date}").expect(WRITTEN);
        if clock.dates && (time, nanoseconds) == (0, 0) {
            return Ok(());
        }
        text.write_char('T').expect(WRITTEN);
        write_time(text, time, nanoseconds).expect(WRITTEN);
        if let Some(offset) = offset {
            write_offset(text, offset).expect(WRITTEN);
        }
        Ok(())
    })
}

const DAY: i64 = 86_400;

fn render<T>(
    column: &ArrayRef,
    mut write: impl FnMut(i64, &mut StringBuilder) -> Result<(), RowFault>,
) -> Result<StringArray, Unreadable>
where
    T: ArrowPrimitiveType<Native: Into<i64>>,
{
    let mut text = StringBuilder::with_capacity(column.len(), column.len() * 10);
    for (row, value) in column.as_primitive::<T>().iter().enumerate() {
        match value {
            Some(value) => {
                write(value.into(), &mut text).map_err(|fault| Unreadable { row, fault })?;
                text.append_value("");
            }
            None => text.append_null(),
        }
    }
    Ok(text.finish())
}

/// The date so many days after 1970-01-01, in the years that are written with four digits.
fn date(days: i64) -> Result<Date, RowFault> {
    let date = Date::from_unix_days(days).filter(|date| date.year() > 0);
    date.ok_or(RowFault::Date)
}

/// Whole seconds, and nanoseconds beyond them.
fn split(value: i64, unit: TimeUnit) -> (i64, i64) {
    let per_second = match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let rest = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
    (value.div_euclid(per_second), rest)
}

/// `HH:mm:ss`, and as many digits of a fraction as there are, by three.
fn write_time(text: &mut impl Write, seconds: i64, nanoseconds: i64) -> fmt::Result {
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    write!(text, "{hours:02}:{minutes:02}:{:02}", seconds % 60)?;
    match nanoseconds {
        0 => Ok(()),
        n if n % 1_000_000 == 0 => write!(text, ".{:03}", n / 1_000_000),
        n if n % 1_000 == 0 => write!(text, ".{:06}", n / 1_000),
        n => write!(text, ".{n:09}"),
    }
}

/// `Z`, or `+HH:mm` with seconds where a zone's local mean time has them.
fn write_offset(text: &mut impl Write, offset: i64) -> fmt::Result {
    if offset == 0 {
        return text.write_char('Z');
    }
    let sign = if offset < 0 { '-' } else { '+' };
    let offset = offset.abs();
    write!(text, "{sign}{:02}:{:02}", offset / 3_600, offset / 60 % 60)?;
    match offset % 60 {
        0 => Ok(()),
        seconds => write!(text, ":{seconds:02}"),
    }
}
