//! Parquet files as text columns.

mod check;
mod delta;
mod text;
mod whole;

use std::io::{BufReader, Read};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::DataType;
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::basic::LogicalType;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use sha2::{Digest, Sha256};

use crate::chunk::Chunk;
use crate::guard::guarded;
use crate::input::{FromPlace, Stored};
use crate::{Error, Format, ROWS_PER_CHUNK};
use check::Refusal;
pub(crate) use text::Meaning;
pub(crate) use whole::Whole;

/// The sequential half of reading Parquet.
pub(crate) struct Batches {
    /// Gone once it has failed.
    reader: Option<ParquetRecordBatchReader>,
    file: Arc<str>,
    /// The columns that can be read as text.
    pub(crate) columns: Vec<String>,
    /// What they mean beyond their types.
    pub(crate) meanings: Arc<[Meaning]>,
    /// The others: lists, maps, structures.
    pub(crate) left_out: Vec<String>,
    pub(crate) rows: u64,
    pub(crate) digest: Option<[u8; 32]>,
    next_row: u64,
}

impl Batches {
    pub(crate) fn open(source: &Stored, file: Arc<str>, digest: bool) -> Result<Self, Error> {
        if source.length == 0 {
            return Err(Error::EmptyFile { file });
        }
        check::footer(source).map_err(|refusal| refused(&file, refusal))?;
        // Without the writer's own Arrow schema every column has its plain type: no dictionaries,
        // no views.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let builder = builder(source, &file, options)?;
        let mut columns = Vec::new();
        let mut meanings = Vec::new();
        let mut left_out = Vec::new();
        let mut roots = Vec::new();
        let types = builder.parquet_schema().root_schema().get_fields();
        for (root, field) in builder.schema().fields().iter().enumerate() {
            if text::readable(field.data_type()) && !is_wide(field.data_type()) {
                let logical = types[root].get_basic_info().logical_type_ref();
                columns.push(field.name().clone());
                meanings.push(match logical {
                    Some(LogicalType::Uuid) => Meaning::Uuid,
                    _ => Meaning::Plain,
                });
                roots.push(root);
            } else {
                left_out.push(field.name().clone());
            }
        }
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        if columns.is_empty() {
            return Err(Error::EmptyFile { file });
        }
        let built = guarded(|| {
            builder
                .with_projection(mask)
                .with_batch_size(ROWS_PER_CHUNK)
                .build()
        });
        let reader = settled(built, &file)?;
        let digest = if digest {
            Some(digest_of(source, &file)?)
        } else {
            None
        };
        Ok(Self {
            reader: Some(reader),
            file,
            columns,
            meanings: meanings.into(),
            left_out,
            rows,
            digest,
            next_row: 1,
        })
    }

    pub(crate) fn next(&mut self) -> Result<Option<(RecordBatch, u64)>, Error> {
        let Some(mut reader) = self.reader.take() else {
            return Ok(None);
        };
        let (next, reader) = guarded(move || (reader.next(), reader))
            .ok_or_else(|| damaged(&self.file, UNREADABLE))?;
        let Some(batch) = next else { return Ok(None) };
        let batch = batch.map_err(|source| Error::Parquet {
            file: Arc::clone(&self.file),
            source: ParquetError::from(source),
        })?;
        self.reader = Some(reader);
        let first_row = self.next_row;
        self.next_row += batch.num_rows() as u64;
        Ok(Some((batch, first_row)))
    }
}

/// Whether the values are fixed bytes, so many that the decoder's memory for a batch, which it takes
/// whatever the file holds, would be out of proportion.
fn is_wide(data_type: &DataType) -> bool {
    const WIDEST: i32 = 4096;
    matches!(*data_type, DataType::FixedSizeBinary(width) if width > WIDEST)
}

/// Turns every column of a batch into text.
pub(crate) fn decode(
    batch: &RecordBatch,
    first_row: u64,
    file: &Arc<str>,
    schema: &arrow_schema::SchemaRef,
    meanings: &[Meaning],
) -> Result<Chunk, Error> {
    let columns = guarded(|| {
        batch
            .columns()
            .iter()
            .zip(meanings)
            .map(|(column, &meaning)| {
                text::to_text(column, meaning).map_err(|bad| Error::Row {
                    file: Arc::clone(file),
                    row: first_row + bad.row as u64,
                    line: None,
                    fault: crate::RowFault::Encoding,
                })
            })
            .collect::<Result<Vec<ArrayRef>, Error>>()
    });
    let columns = columns.ok_or_else(|| damaged(file, UNREADABLE))??;
    Ok(Chunk::new(
        schema,
        columns,
        first_row,
        batch.num_rows() as u64,
    ))
}

/// What is said where the decoder has panicked.
const UNREADABLE: &str = "its pages do not hold what its footer says";

/// Opens a file whose footer has been looked at, and looks at its pages.
fn builder(
    source: &Stored,
    file: &Arc<str>,
    options: ArrowReaderOptions,
) -> Result<ParquetRecordBatchReaderBuilder<Stored>, Error> {
    let opened =
        guarded(|| ParquetRecordBatchReaderBuilder::try_new_with_options(source.clone(), options));
    let builder = settled(opened, file)?;
    check::pages(source, builder.metadata()).map_err(|refusal| refused(file, refusal))?;
    Ok(builder)
}

/// What has become of a guarded call of the Parquet reader.
fn settled<T>(outcome: Option<Result<T, ParquetError>>, file: &Arc<str>) -> Result<T, Error> {
    let outcome = outcome.ok_or_else(|| damaged(file, UNREADABLE))?;
    outcome.map_err(|source| Error::Parquet {
        file: Arc::clone(file),
        source,
    })
}

fn refused(file: &Arc<str>, refusal: Refusal) -> Error {
    let file = Arc::clone(file);
    match refusal {
        Refusal::Content(found) => Error::Content {
            file,
            found,
            expected: Format::Parquet,
        },
        Refusal::Damage(what) => Error::DamagedParquet { file, what },
        Refusal::Read(source) => Error::Input { file, source },
    }
}

fn damaged(file: &Arc<str>, what: &'static str) -> Error {
    Error::DamagedParquet {
        file: Arc::clone(file),
        what,
    }
}

fn digest_of(source: &Stored, file: &Arc<str>) -> Result<[u8; 32], Error> {
    let fail = |source| Error::Input {
        file: Arc::clone(file),
        source,
    };
    let mut bytes = source.from(0);
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = bytes.read(&mut buffer).map_err(fail)?;
        if read == 0 {
            return Ok(digest.finalize().into());
        }
        digest.update(&buffer[..read]);
    }
}

impl Length for Stored {
    fn len(&self) -> u64 {
        self.length
    }
}

impl ChunkReader for Stored {
    type T = BufReader<FromPlace>;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(BufReader::new(self.from(start)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let end = start.checked_add(length as u64);
        if end.is_none_or(|end| end > self.length) {
            return Err(ParquetError::EOF(format!(
                "{length} bytes at {start} are not within the file"
            )));
        }
        let mut buffer = vec![0; length];
        self.from(start).read_exact(&mut buffer)?;
        Ok(buffer.into())
    }
}
