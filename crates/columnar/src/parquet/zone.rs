//! Time zones of Parquet columns.
//!
//! Parquet keeps moments in UTC and not where they were. The writer's Arrow schema, which most
//! writers put beside it, does say where.

use arrow_schema::{DataType, Schema};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone, TimeZoneDatabase};
use parquet::arrow::ARROW_SCHEMA_META_KEY;
use parquet::file::metadata::FileMetaData;

use crate::guard::guarded;

/// What the writer left for its schema is none.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoSchema;

/// The schema that the writer had, where it left one.
pub(super) fn writers_schema(file: &FileMetaData) -> Result<Option<Schema>, NoSchema> {
    let entries = file.key_value_metadata().into_iter().flatten();
    let mut entries = entries.filter(|entry| entry.key == ARROW_SCHEMA_META_KEY);
    let Some(text) = entries.next().and_then(|entry| entry.value.as_ref()) else {
        return Ok(None);
    };
    let bytes = STANDARD.decode(text).map_err(|_| NoSchema)?;
    let mut message = bytes.as_slice();
    // A mark of newer writers, and the length.
    if let [0xff, 0xff, 0xff, 0xff, _, _, _, _, rest @ ..] = message {
        message = rest;
    }
    let schema = guarded(|| arrow_ipc::convert::try_schema_from_flatbuffer_bytes(message).ok());
    schema.flatten().map(Some).ok_or(NoSchema)
}

/// The name of the zone that the writer's column was in.
pub(super) fn zone_of<'s>(schema: &'s Schema, root: usize, column: &str) -> Option<&'s str> {
    let field = schema.fields().get(root)?;
    match field.data_type() {
        // In whatever unit: writers keep coarser ones than they had.
        DataType::Timestamp(_, Some(zone)) if field.name() == column => Some(zone),
        _ => None,
    }
}

/// A zone by its name in the database of time zones, or an offset from UTC such as `+05:30`.
///
/// The database is the one that the program was built with and not the machine's, so that a table
/// reads the same everywhere.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    let seconds = match name.split_at_checked(1)? {
        ("+", digits) => offset(digits)?,
        ("-", digits) => -offset(digits)?,
        _ => return TimeZoneDatabase::bundled().get(name).ok(),
    };
    Some(Offset::from_seconds(seconds).ok()?.to_time_zone())
}

/// Seconds that a zone is ahead of UTC at a moment, in seconds since 1970.
pub(super) fn ahead_of_utc(zone: &TimeZone, moment: i64) -> i64 {
    let earliest = Timestamp::MIN.as_second();
    let latest = Timestamp::MAX.as_second();
    // Beyond what a calendar of four digits has, no zone changes any more.
    let moment = Timestamp::from_second(moment.clamp(earliest, latest));
    let moment = moment.expect("between the earliest and the latest");
    i64::from(zone.to_offset(moment).seconds())
}

/// Seconds of `HH`, `HHmm` and `HH:mm`.
fn offset(digits: &str) -> Option<i32> {
    let (hours, minutes) = match digits.len() {
        2 => (digits, "00"),
        4 => digits.split_at_checked(2)?,
        _ => digits.split_once(':')?,
    };
    let below = |digits: &str, limit: i32| {
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        let number: i32 = digits.parse().ok()?;
        (two && number < limit).then_some(number)
    };
    Some((below(hours, 24)? * 60 + below(minutes, 60)?) * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds ahead of UTC on a day, in that many days since 1970.
    fn ahead(name: &str, day: i64) -> Option<i64> {
        zone(name).map(|zone| ahead_of_utc(&zone, day * 86_400))
    }

    #[test]
    fn zones_are_known_by_name_and_by_offset() {
        // 1980-02-02 and 1980-07-02.
        assert_eq!(ahead("Europe/Berlin", 3_684), Some(3_600));
        assert_eq!(ahead("Europe/Berlin", 3_835), Some(7_200));
        assert_eq!(ahead("America/New_York", 3_684), Some(-18_000));
        assert_eq!(ahead("Asia/Kolkata", 3_684), Some(19_800));
        for name in ["UTC", "Etc/UTC", "GMT", "+00:00", "-00"] {
            assert_eq!(ahead(name, 3_684), Some(0), "{name}");
        }
        for (name, minutes) in [
            ("+05:30", 330),
            ("-0330", -210),
            ("+14", 840),
            ("-12:00", -720),
        ] {
            assert_eq!(ahead(name, 3_684), Some(minutes * 60), "{name}");
        }
        // Local mean time, to the second.
        assert_eq!(ahead("Europe/Berlin", -30_000), Some(3_208));
    }

    #[test]
    fn what_names_no_zone_is_none() {
        for name in [
            "",
            "+",
            "Mars/Olympus",
            "+5",
            "+05:60",
            "+24:00",
            "-1:30",
            "+é0",
        ] {
            assert!(zone(name).is_none(), "{name}");
        }
    }

    #[test]
    fn no_moment_is_beyond_a_zone() {
        let zone = zone("Pacific/Auckland").expect("a zone");
        for moment in [i64::MIN, -400_000_000_000, 253_402_300_799, i64::MAX] {
            assert!(ahead_of_utc(&zone, moment).abs() <= 14 * 3_600, "{moment}");
        }
    }
}
