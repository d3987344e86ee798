//! Delta encodings of texts, looked at before they are decoded.
//!
//! A page of such an encoding begins with how many lengths follow, and the decoder takes memory for as
//! many before it has read one. Deltas of no bits at all cost no bytes, so that a page of a few bytes can
//! claim any number.
//!
//! # Source
//!
//! Apache Parquet, `Encodings.md`: `DELTA_BINARY_PACKED` (5), `DELTA_LENGTH_BYTE_ARRAY` (6) and
//! `DELTA_BYTE_ARRAY` (7).

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use super::check::{Refusal, Stop, Walk};
use crate::guard::guarded;
use crate::input::Stored;

/// The most values of a page: a row group of the most liberal writer, which puts them into many.
const MOST_VALUES: u64 = 1 << 26;

/// The most values for a byte of a page: twice what the writer with the largest blocks needs for texts
/// of one length.
const MOST_PER_BYTE: u64 = 512;

const DAMAGED: Refusal = Refusal::Damage("a page claims more values than it can hold");

/// Whether a page header names one of these encodings.
pub(super) fn is_delta(encoding: i64) -> bool {
    matches!(encoding, 6 | 7)
}

/// Looks at every page of a column of which some are so encoded.
pub(super) fn check(stored: &Stored, column: &ColumnChunkMetaData) -> Result<(), Refusal> {
    let looked = guarded(|| -> Result<bool, ParquetError> {
        let rows = usize::try_from(column.num_values()).unwrap_or(0);
        let mut pages = SerializedPageReader::new(Arc::new(stored.clone()), column, rows, None)?;
        while let Some(page) = pages.get_next_page()? {
            if !holds(&page, column) {
                return Ok(false);
            }
        }
        Ok(true)
    });
    match looked {
        Some(Ok(false)) | None => Err(DAMAGED),
        // What the reader itself refuses is told by it, when its turn comes.
        Some(Ok(true) | Err(_)) => Ok(()),
    }
}

/// Whether a page's counts are possible.
fn holds(page: &Page, column: &ColumnChunkMetaData) -> bool {
    let encoding = page.encoding();
    let twice = match encoding {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => false,
        Encoding::DELTA_BYTE_ARRAY => true,
        _ => return true,
    };
    let bytes: &[u8] = page.buffer();
    let mut walk = Walk::over(bytes);
    if pass_levels(&mut walk, page, column).is_err() {
        return false;
    }
    if walk.rest() == 0 {
        // No value at all.
        return true;
    }
    let most = u64::from(page.num_values()).min(MOST_VALUES);
    let prefixes = !twice || lengths(&mut walk, most, true).is_ok();
    prefixes && lengths(&mut walk, most, false).is_ok()
}

/// Goes to the values, behind what says where they are.
fn pass_levels(walk: &mut Walk<'_>, page: &Page, column: &ColumnChunkMetaData) -> Result<(), Stop> {
    if let Page::DataPageV2 {
        def_levels_byte_len,
        rep_levels_byte_len,
        ..
    } = page
    {
        return walk.pass(u64::from(*def_levels_byte_len) + u64::from(*rep_levels_byte_len));
    }
    let kinds = column.column_descr();
    for most in [kinds.max_rep_level(), kinds.max_def_level()] {
        if most > 0 {
            // Their length in four bytes, then they themselves.
            let length = walk.take(4)?.iter().rev();
            walk.pass(length.fold(0, |sum, &byte| sum << 8 | u64::from(byte)))?;
        }
    }
    Ok(())
}

/// Looks at lengths, packed as differences; `whole` walks to their end.
fn lengths(walk: &mut Walk<'_>, most: u64, whole: bool) -> Result<(), Stop> {
    let most = most.min(walk.rest().saturating_mul(MOST_PER_BYTE));
    let (block, parts, count) = (walk.unsigned()?, walk.unsigned()?, walk.unsigned()?);
    let _first = walk.unsigned()?;
    if count > most {
        return Err(Stop::Damaged);
    }
    if !whole || count <= 1 {
        return Ok(());
    }
    let in_part = block.checked_div(parts).unwrap_or(0);
    if in_part == 0 {
        return Err(Stop::Damaged);
    }
    let mut rest = count - 1;
    while rest > 0 {
        let _least = walk.unsigned()?;
        let widths = walk.take(parts)?;
        for &bits in widths {
            // Parts behind the last value are not there.
            if rest == 0 {
                break;
            }
            walk.pass(u64::from(bits).saturating_mul(in_part) / 8)?;
            rest = rest.saturating_sub(in_part);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(bytes: &[u8], most: u64, whole: bool) -> Result<usize, Stop> {
        let mut walk = Walk::over(bytes);
        lengths(&mut walk, most, whole)?;
        Ok(bytes.len() - usize::try_from(walk.rest()).expect("few"))
    }

    #[test]
    fn lengths_are_walked_to_their_end() {
        // Blocks of 128 in 4 parts, 40 values: the first, 32 of one bit, 7 of two bits, and no more.
        let mut bytes = vec![0x80, 0x01, 4, 40, 2, 0, 1, 2, 9, 9];
        bytes.extend([0xaa; 4 + 8]);
        bytes.extend(b"texts");
        assert_eq!(looked(&bytes, 40, true), Ok(22));
        assert_eq!(looked(&bytes, 40, false), Ok(5));
        assert_eq!(looked(&bytes, 39, true), Err(Stop::Damaged));
        assert_eq!(looked(&bytes[..20], 40, true), Err(Stop::Short));
        // One value, or none, needs no block.
        assert_eq!(looked(&[0x80, 0x01, 4, 1, 2], 1, true), Ok(5));
        assert_eq!(looked(&[0x80, 0x01, 4, 0, 0], 0, true), Ok(5));
    }

    #[test]
    fn counts_beyond_what_the_bytes_can_hold_are_refused() {
        let claims = [
            0x80, 0x01, 4, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0,
        ];
        assert_eq!(looked(&claims, u64::MAX, false), Err(Stop::Damaged));
        for (block, parts) in [(0, 4), (0x7f, 0)] {
            let bytes = [block, parts, 9, 0, 0, 0, 0, 0, 0];
            assert_eq!(looked(&bytes, 9, true), Err(Stop::Damaged));
        }
    }
}
