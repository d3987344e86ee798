//! Parquet files as text columns.

mod text;

use std::fs::File;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use crate::chunk::Chunk;
use crate::{Error, ROWS_PER_CHUNK};

/// The sequential half of reading Parquet.
pub(crate) struct Batches {
    reader: ParquetRecordBatchReader,
    file: Arc<str>,
    /// The columns that can be read as text.
    pub(crate) columns: Vec<String>,
    /// The others: lists, maps, structures.
    pub(crate) left_out: Vec<String>,
    pub(crate) rows: u64,
    next_row: u64,
}

impl Batches {
    pub(crate) fn open(source: File, file: Arc<str>) -> Result<Self, Error> {
        let fail = |source| Error::Parquet {
            file: Arc::clone(&file),
            source,
        };
        // Without the writer's own Arrow schema every column has its plain type: no dictionaries,
        // no views.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder =
            ParquetRecordBatchReaderBuilder::try_new_with_options(source, options).map_err(fail)?;
        let mut columns = Vec::new();
        let mut left_out = Vec::new();
        let mut roots = Vec::new();
        for (root, field) in builder.schema().fields().iter().enumerate() {
            if text::readable(field.data_type()) {
                columns.push(field.name().clone());
                roots.push(root);
            } else {
                left_out.push(field.name().clone());
            }
        }
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        let reader = builder
            .with_projection(mask)
            .with_batch_size(ROWS_PER_CHUNK)
            .build()
            .map_err(fail)?;
        if columns.is_empty() {
            return Err(Error::EmptyFile { file });
        }
        Ok(Self {
            reader,
            file,
            columns,
            left_out,
            rows,
            next_row: 1,
        })
    }

    pub(crate) fn next(&mut self) -> Result<Option<(RecordBatch, u64)>, Error> {
        let Some(batch) = self.reader.next() else {
            return Ok(None);
        };
        let batch = batch.map_err(|source| Error::Parquet {
            file: Arc::clone(&self.file),
            source: ParquetError::from(source),
        })?;
        let first_row = self.next_row;
        self.next_row += batch.num_rows() as u64;
        Ok(Some((batch, first_row)))
    }
}

/// Turns every column of a batch into text.
pub(crate) fn decode(
    batch: &RecordBatch,
    first_row: u64,
    file: &Arc<str>,
    schema: &arrow_schema::SchemaRef,
) -> Result<Chunk, Error> {
    let columns = batch
        .columns()
        .iter()
        .map(|column| {
            text::to_text(column).map_err(|bad| Error::Row {
                file: Arc::clone(file),
                row: first_row + bad.row as u64,
                line: None,
                fault: crate::RowFault::Encoding,
            })
        })
        .collect::<Result<Vec<ArrayRef>, Error>>()?;
    Ok(Chunk::new(
        schema,
        columns,
        first_row,
        batch.num_rows() as u64,
    ))
}
