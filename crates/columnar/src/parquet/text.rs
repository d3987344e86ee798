//! Values of Parquet's primitive types, as a person would type them.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Decimal256Type, DecimalType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type,
    Int32Type, Int64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, PrimitiveArray, StringArray};
use arrow_schema::{DataType, TimeUnit};

use super::time::{self, Clock};
use crate::RowFault;

/// A value that has no text, and its row in the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    pub(crate) row: usize,
    pub(crate) fault: RowFault,
}

/// What a column's values mean, where its type alone does not say it.
#[derive(Clone, Debug)]
pub(crate) enum Meaning {
    /// What the type says.
    Plain,
    /// The sixteen bytes of each are a UUID.
    Uuid,
    /// Timestamps of some clock.
    Clock(Clock),
}

/// Whether a column of this type can be turned into text.
pub(crate) fn readable(data_type: &DataType) -> bool {
    data_type.is_numeric()
        || data_type.is_temporal()
            && !matches!(data_type, DataType::Duration(_) | DataType::Interval(_))
        || matches!(
            data_type,
            DataType::Null
                | DataType::Boolean
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Binary
                | DataType::LargeBinary
                | DataType::BinaryView
                | DataType::FixedSizeBinary(_)
        )
}

/// A column as text.
///
/// Whole floating-point numbers lose their `.0` and not-a-number is null, because that is how
/// nullable integers look after a detour through data frames. Timestamps are shown as their clock
/// shows them. Bytes are a UUID where the file says so, and else must be UTF-8.
pub(crate) fn to_text(column: &ArrayRef, meaning: &Meaning) -> Result<ArrayRef, Unreadable> {
    let text = match column.data_type() {
        DataType::Utf8 => return Ok(Arc::clone(column)),
        DataType::Null => StringArray::new_null(column.len()),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().collect(),
        DataType::Utf8View => column.as_string_view().iter().collect(),
        DataType::Binary => bytes(column.as_binary::<i32>().iter())?,
        DataType::LargeBinary => bytes(column.as_binary::<i64>().iter())?,
        DataType::BinaryView => bytes(column.as_binary_view().iter())?,
        DataType::FixedSizeBinary(16) if matches!(meaning, Meaning::Uuid) => {
            render(column.len(), column.as_fixed_size_binary().iter(), uuid)
        }
        DataType::FixedSizeBinary(_) => bytes(column.as_fixed_size_binary().iter())?,
        DataType::Boolean => render(column.len(), column.as_boolean().iter(), |value, text| {
            text.write_str(if value { "true" } else { "false" })
        }),
        DataType::Int8 => whole::<Int8Type>(column),
        DataType::Int16 => whole::<Int16Type>(column),
        DataType::Int32 => whole::<Int32Type>(column),
        DataType::Int64 => whole::<Int64Type>(column),
        DataType::UInt8 => whole::<UInt8Type>(column),
        DataType::UInt16 => whole::<UInt16Type>(column),
        DataType::UInt32 => whole::<UInt32Type>(column),
        DataType::UInt64 => whole::<UInt64Type>(column),
        DataType::Float16 => float(column.as_primitive::<Float16Type>(), f64::from),
        // Through the shortest decimal form, so that 0.1 stays 0.1.
        DataType::Float32 => float(column.as_primitive::<Float32Type>(), |value| {
            value.to_string().parse().unwrap_or(f64::NAN)
        }),
        DataType::Float64 => float(column.as_primitive::<Float64Type>(), |value| value),
        DataType::Decimal32(precision, scale) => {
            decimal::<Decimal32Type>(column, *precision, *scale)
        }
        DataType::Decimal64(precision, scale) => {
            decimal::<Decimal64Type>(column, *precision, *scale)
        }
        DataType::Decimal128(precision, scale) => {
            decimal::<Decimal128Type>(column, *precision, *scale)
        }
        DataType::Decimal256(precision, scale) => {
            decimal::<Decimal256Type>(column, *precision, *scale)
        }
        DataType::Date32 => time::dates::<Date32Type>(column, 1)?,
        DataType::Date64 => time::dates::<Date64Type>(column, 86_400_000)?,
        DataType::Time32(TimeUnit::Second) => {
            time::times::<Time32SecondType>(column, TimeUnit::Second)?
        }
        DataType::Time32(_) => time::times::<Time32MillisecondType>(column, TimeUnit::Millisecond)?,
        DataType::Time64(TimeUnit::Microsecond) => {
            time::times::<Time64MicrosecondType>(column, TimeUnit::Microsecond)?
        }
        DataType::Time64(_) => time::times::<Time64NanosecondType>(column, TimeUnit::Nanosecond)?,
        DataType::Timestamp(unit, _) => {
            let Meaning::Clock(clock) = meaning else {
                unreachable!("every column of timestamps has a clock");
            };
            match unit {
                TimeUnit::Second => time::timestamps::<TimestampSecondType>(column, clock)?,
                TimeUnit::Millisecond => {
                    time::timestamps::<TimestampMillisecondType>(column, clock)?
                }
                TimeUnit::Microsecond => {
                    time::timestamps::<TimestampMicrosecondType>(column, clock)?
                }
                TimeUnit::Nanosecond => time::timestamps::<TimestampNanosecondType>(column, clock)?,
            }
        }
        other => unreachable!("columns of type {other} are left out of the projection"),
    };
    Ok(Arc::new(text))
}

/// Why writing to a builder does not fail.
pub(super) const WRITTEN: &str = "builders take all text";

fn render<T>(
    rows: usize,
    values: impl Iterator<Item = Option<T>>,
    mut write: impl FnMut(T, &mut StringBuilder) -> fmt::Result,
) -> StringArray {
    let mut text = StringBuilder::with_capacity(rows, rows * 8);
    for value in values {
        match value {
            Some(value) => {
                write(value, &mut text).expect(WRITTEN);
                text.append_value("");
            }
            None => text.append_null(),
        }
    }
    text.finish()
}

fn whole<T: ArrowPrimitiveType<Native: fmt::Display>>(column: &ArrayRef) -> StringArray {
    render(
        column.len(),
        column.as_primitive::<T>().iter(),
        |value, text| write!(text, "{value}"),
    )
}

fn float<T: ArrowPrimitiveType>(
    column: &PrimitiveArray<T>,
    widen: impl Fn(T::Native) -> f64,
) -> StringArray {
    let values = column
        .iter()
        .map(|value| value.map(&widen).filter(|value| !value.is_nan()));
    render(column.len(), values, |value, text| write!(text, "{value}"))
}

fn decimal<T: DecimalType>(column: &ArrayRef, precision: u8, scale: i8) -> StringArray {
    render(
        column.len(),
        column.as_primitive::<T>().iter(),
        |value, text| text.write_str(&T::format_decimal(value, precision, scale)),
    )
}

fn uuid(bytes: &[u8], text: &mut StringBuilder) -> fmt::Result {
    for (position, byte) in bytes.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.write_char('-')?;
        }
        write!(text, "{byte:02x}")?;
    }
    Ok(())
}

fn bytes<'a>(values: impl Iterator<Item = Option<&'a [u8]>>) -> Result<StringArray, Unreadable> {
    values
        .enumerate()
        .map(|(row, value)| {
            let fault = RowFault::Encoding;
            value
                .map(|value| std::str::from_utf8(value).map_err(|_| Unreadable { row, fault }))
                .transpose()
        })
        .collect()
}
