//! A table as it is, with columns added behind its own.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};

use crate::input::Stored;
use crate::parquet::Whole;
use crate::writer::{finish_columns, parquet_error, parquet_fields, parquet_writer};
use crate::{
    Chunk, Error, Format, Header, Input, Note, Output, OutputColumn, Quoting, Reader, TableWriter,
};

/// Checks that all of a table's columns can be copied to an output of a format: lists and structures
/// go from Parquet to Parquet alone.
///
/// # Errors
///
/// [`Error::NestedColumns`].
pub fn check_copy(reader: &Reader, format: Format) -> Result<(), Error> {
    let nested = reader.notes().iter().find_map(|note| match note {
        Note::ColumnsLeftOut(columns) => Some(columns.join(", ")),
        Note::ByteOrderMark => None,
    });
    match nested {
        Some(columns) if format == Format::Csv => Err(Error::NestedColumns {
            file: Arc::clone(reader.name()),
            columns,
        }),
        _ => Ok(()),
    }
}

/// Copies a table to an output, with columns added behind its own; yields the output, still to be
/// committed, and the number of rows.
///
/// From Parquet to Parquet every column keeps its type, lists and structures included; otherwise
/// columns are text. Columns of the names `but` are left out. `cells` is asked for the cells of each
/// row, counted from 0, in the columns added; an empty cell is null in Parquet.
///
/// # Errors
///
/// [`Error::NestedColumns`], and all that reading and writing can yield.
pub fn widen(
    input: &Input,
    but: &[String],
    added: Vec<OutputColumn>,
    (output, format): (Output, Format),
    cells: impl FnMut(usize, &mut Vec<String>),
) -> Result<(Output, u64), Error> {
    match input.stored() {
        Some(stored) if (input.format(), format) == (Format::Parquet, Format::Parquet) => {
            copy_parquet(stored, input, but, &added, output, cells)
        }
        _ => copy_text(input, but, added, (output, format), cells),
    }
}

fn copy_text(
    input: &Input,
    but: &[String],
    added: Vec<OutputColumn>,
    (output, format): (Output, Format),
    mut cells: impl FnMut(usize, &mut Vec<String>),
) -> Result<(Output, u64), Error> {
    let reader = input.reader()?;
    check_copy(&reader, format)?;
    let kept: Vec<usize> = (0..reader.columns().len())
        .filter(|&column| {
            let name = reader.columns()[column].trim();
            !but.iter().any(|dropped| dropped.trim() == name)
        })
        .collect();
    let own = kept
        .iter()
        .map(|&column| OutputColumn::text(&reader.columns()[column]));
    let columns = own.chain(added).collect();
    let mut table = TableWriter::new(output, format, columns, Quoting::Needed, Header::Always)?;
    let mut filled = Vec::new();
    let mut row = 0;
    for chunk in reader {
        let chunk: Chunk = chunk?;
        let mut buffer = table.buffers().buffer(chunk.len());
        for own in chunk.rows().iter() {
            filled.clear();
            cells(row, &mut filled);
            let added = filled
                .iter()
                .map(|cell| (!cell.is_empty()).then_some(cell.as_str()));
            buffer.push(kept.iter().map(|&column| own.cell(column)).chain(added));
            row += 1;
        }
        table.append(buffer)?;
    }
    Ok((table.finish()?, row as u64))
}

fn copy_parquet(
    stored: &Stored,
    input: &Input,
    but: &[String],
    added: &[OutputColumn],
    output: Output,
    mut cells: impl FnMut(usize, &mut Vec<String>),
) -> Result<(Output, u64), Error> {
    let mut whole = Whole::open(stored, Arc::clone(input.name()), but)?;
    let own = whole
        .schema
        .fields()
        .iter()
        .map(|field| Field::clone(field));
    let fields: Vec<Field> = own.chain(parquet_fields(added)).collect();
    let schema = Schema::new_with_metadata(fields, whole.schema.metadata().clone());
    let schema = Arc::new(schema);
    let path = output.path().to_owned();
    let mut writer = parquet_writer(output, &schema, added)?;
    let mut filled = Vec::new();
    let mut row = 0;
    while let Some(batch) = whole.next()? {
        let rows = row..row + batch.num_rows();
        row = rows.end;
        let behind = finish_columns(added, rows.len(), |buffer| {
            for row in rows {
                filled.clear();
                cells(row, &mut filled);
                let added = filled.iter();
                buffer.push(added.map(|cell| (!cell.is_empty()).then_some(cell.as_str())));
            }
        });
        let columns = batch.columns().iter().cloned().chain(behind).collect();
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
            .expect("the columns are those of the schema, and of one length");
        let written = writer.write(&batch);
        written.map_err(|error| parquet_error(&path, error))?;
    }
    let output = writer
        .into_inner()
        .map_err(|error| parquet_error(&path, error))?;
    Ok((output, row as u64))
}
