//! Turns whole records into columns.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use blindjoin_record::Encoding;

use super::decode::UTF_8_ALREADY;
use crate::RowFault;

/// What to do about rows with more or fewer cells than the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ragged {
    /// They are faults.
    Refuse,
    /// Missing cells are null, extra ones are dropped, and both are counted.
    Pad,
}

/// How records are taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) delimiter: u8,
    pub(crate) ragged: Ragged,
    pub(crate) fold_quoted_crlf: bool,
    /// What the text was before it became UTF-8.
    pub(crate) encoding: Option<Encoding>,
}

/// Columns of one piece, and the rows that had to be mended.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) columns: Vec<ArrayRef>,
    pub(crate) ragged_rows: u64,
    /// Position in the piece of the first such row.
    pub(crate) first_ragged: Option<usize>,
}

/// A fault, the position of its record in the piece and the offset of that record's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Located {
    pub(crate) record: usize,
    pub(crate) offset: usize,
    pub(crate) fault: RowFault,
}

/// Parses a piece of whole records into as many nullable text columns as the header has.
pub(crate) fn parse(
    bytes: &[u8],
    records: usize,
    width: usize,
    rules: Rules,
) -> Result<Parsed, Located> {
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(locate(bytes, error.valid_up_to(), rules));
    }
    let mut columns: Vec<Column> = (0..width)
        .map(|_| Column::with_capacity(records, bytes.len() / width.max(1)))
        .collect();
    let mut parsed = Parsed {
        columns: Vec::new(),
        ragged_rows: 0,
        first_ragged: None,
    };
    let mut record = 0;
    let mut at = 0;
    while at < bytes.len() {
        if let Some(width) = line_end(bytes, at) {
            at += width;
            continue;
        }
        let start = at;
        let mut cells = 0;
        loop {
            let column = columns.get_mut(cells);
            cells += 1;
            let end = cell(bytes, at, rules, column).map_err(|fault| Located {
                record,
                offset: start,
                fault,
            })?;
            if end < bytes.len() && bytes[end] == rules.delimiter {
                at = end + 1;
                continue;
            }
            at = end + line_end(bytes, end).unwrap_or(0);
            break;
        }
        if cells != width {
            if rules.ragged == Ragged::Refuse {
                let fault = RowFault::Cells {
                    expected: width,
                    found: cells,
                };
                return Err(Located {
                    record,
                    offset: start,
                    fault,
                });
            }
            parsed.ragged_rows += 1;
            parsed.first_ragged.get_or_insert(record);
            for column in columns.iter_mut().skip(cells) {
                column.push_null();
            }
        }
        record += 1;
    }
    parsed.columns = columns.into_iter().map(Column::finish).collect();
    Ok(parsed)
}

/// The cells of the first record, for headers; the whole of `bytes` must be that record.
pub(crate) fn cells(bytes: &[u8], rules: Rules) -> Result<Vec<Vec<u8>>, RowFault> {
    let mut cells = Vec::new();
    let mut at = 0;
    loop {
        let mut column = Column::with_capacity(1, 32);
        let end = cell(bytes, at, rules, Some(&mut column))?;
        cells.push(column.values);
        if end < bytes.len() && bytes[end] == rules.delimiter {
            at = end + 1;
        } else {
            return Ok(cells);
        }
    }
}

/// Appends the cell that begins at `at`, and yields where it ends: a delimiter, a line end or the
/// end of `bytes`.
fn cell(
    bytes: &[u8],
    at: usize,
    rules: Rules,
    column: Option<&mut Column>,
) -> Result<usize, RowFault> {
    if bytes.get(at) != Some(&b'"') {
        let rest = &bytes[at..];
        let length = memchr::memchr3(rules.delimiter, b'\n', b'\r', rest).unwrap_or(rest.len());
        if let Some(column) = column {
            column.push(&rest[..length]);
        }
        return Ok(at + length);
    }
    let mut at = at + 1;
    let mut unused = Column::with_capacity(0, 0);
    let column = column.unwrap_or(&mut unused);
    loop {
        let length = memchr::memchr(b'"', &bytes[at..]).ok_or(RowFault::UnclosedQuote)?;
        column.extend(&bytes[at..at + length], rules.fold_quoted_crlf);
        at += length + 1;
        match bytes.get(at) {
            Some(b'"') => {
                column.values.push(b'"');
                at += 1;
            }
            Some(&byte) if byte != rules.delimiter && byte != b'\n' && byte != b'\r' => {
                return Err(RowFault::TextAfterQuote);
            }
            _ => {
                column.close();
                return Ok(at);
            }
        }
    }
}

fn line_end(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'\r' if bytes.get(at + 1) == Some(&b'\n') => Some(2),
        b'\n' | b'\r' => Some(1),
        _ => None,
    }
}

/// What is wrong with text that holds a byte which no UTF-8 has at its place.
pub(crate) fn not_utf_8(byte: u8, rules: Rules) -> RowFault {
    match rules.encoding {
        None => RowFault::Encoding,
        Some(encoding) if byte == UTF_8_ALREADY => RowFault::Utf8Already(encoding),
        Some(encoding) => RowFault::NoCharacter(encoding),
    }
}

/// The record that holds the first byte that is no UTF-8.
fn locate(bytes: &[u8], bad: usize, rules: Rules) -> Located {
    let mut located = Located {
        record: 0,
        offset: 0,
        fault: not_utf_8(bytes[bad], rules),
    };
    let mut at = 0;
    while at <= bad {
        if let Some(width) = line_end(bytes, at) {
            at += width;
            continue;
        }
        located.offset = at;
        while let Ok(end) = cell(bytes, at, rules, None) {
            let ended = bytes.get(end) != Some(&rules.delimiter);
            at = end
                + if ended {
                    line_end(bytes, end).unwrap_or(0)
                } else {
                    1
                };
            if ended {
                break;
            }
        }
        if at > bad || at == located.offset {
            break;
        }
        located.record += 1;
    }
    located
}

#[derive(Debug)]
struct Column {
    values: Vec<u8>,
    ends: Vec<i32>,
    /// Present or not, one per row, once the first null has come.
    valid: Option<Vec<bool>>,
}

impl Column {
    fn with_capacity(rows: usize, bytes: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self {
            values: Vec::with_capacity(bytes),
            ends,
            valid: None,
        }
    }

    fn push(&mut self, value: &[u8]) {
        self.values.extend_from_slice(value);
        self.close();
    }

    fn extend(&mut self, part: &[u8], fold_crlf: bool) {
        if !fold_crlf {
            self.values.extend_from_slice(part);
            return;
        }
        let mut rest = part;
        while let Some(cr) = memchr::memchr(b'\r', rest) {
            let folded = rest.get(cr + 1) == Some(&b'\n');
            self.values
                .extend_from_slice(&rest[..cr + usize::from(!folded)]);
            rest = &rest[cr + 1..];
        }
        self.values.extend_from_slice(rest);
    }

    fn close(&mut self) {
        let end = i32::try_from(self.values.len()).expect("a piece is far below 2 GiB");
        self.ends.push(end);
        if let Some(valid) = &mut self.valid {
            valid.push(true);
        }
    }

    fn push_null(&mut self) {
        let rows = self.ends.len() - 1;
        let end = *self.ends.last().expect("offsets begin with a zero");
        self.ends.push(end);
        self.valid
            .get_or_insert_with(|| vec![true; rows])
            .push(false);
    }

    fn finish(self) -> ArrayRef {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        let nulls = self.valid.map(NullBuffer::from);
        let array = StringArray::try_new(offsets, Buffer::from_vec(self.values), nulls)
            .expect("the piece was checked to be UTF-8 and cut at ASCII bytes");
        Arc::new(array)
    }
}
