//! Parquet files column for column, with the types they have.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{SchemaRef, TimeUnit};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader};
use parquet::errors::ParquetError;

use super::{UNREADABLE, builder, damaged, reader_of};
use crate::Error;
use crate::guard::guarded;
use crate::input::Stored;

/// All columns of a file but some, lists and structures included.
pub(crate) struct Whole {
    /// Gone once it has failed.
    reader: Option<ParquetRecordBatchReader>,
    file: Arc<str>,
    pub(crate) schema: SchemaRef,
}

impl Whole {
    /// Opens a file, without the columns of the names `but`.
    pub(crate) fn open(source: &Stored, file: Arc<str>, but: &[String]) -> Result<Self, Error> {
        // Reading the same file as text has refused the days that are too far for this unit.
        let options = ArrowReaderOptions::new();
        let builder = builder(source, &file, options, TimeUnit::Microsecond)?;
        let fields = builder.schema().fields().iter();
        let kept = fields.enumerate().filter_map(|(root, field)| {
            let dropped = but.iter().any(|name| name.trim() == field.name().trim());
            (!dropped).then_some(root)
        });
        let mask = ProjectionMask::roots(builder.parquet_schema(), kept);
        let reader = reader_of(builder, mask, &file)?;
        let schema = arrow_array::RecordBatchReader::schema(&reader);
        Ok(Self {
            reader: Some(reader),
            file,
            schema,
        })
    }

    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>, Error> {
        let Some(mut reader) = self.reader.take() else {
            return Ok(None);
        };
        let (next, reader) = guarded(move || (reader.next(), reader))
            .ok_or_else(|| damaged(&self.file, UNREADABLE))?;
        self.reader = Some(reader);
        next.transpose().map_err(|source| Error::Parquet {
            file: Arc::clone(&self.file),
            source: ParquetError::from(source),
        })
    }
}
