//! Parquet files as text columns.

mod check;
mod delta;
mod text;
mod time;
mod whole;
mod zone;

use std::io::{BufReader, Read};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, Fields, Schema, TimeUnit};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use parquet::schema::types::ColumnDescPtr;

use crate::chunk::Chunk;
use crate::guard::guarded;
use crate::input::{FromPlace, Stored};
use crate::{Error, Format, ROWS_PER_CHUNK};
use check::Refusal;
pub(crate) use text::Meaning;
use time::Clock;
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
        let builder = builder(source, &file, options, TimeUnit::Millisecond)?;
        let mut columns = Vec::new();
        let mut left_out = Vec::new();
        let mut roots = Vec::new();
        for (root, field) in builder.schema().fields().iter().enumerate() {
            if text::readable(field.data_type()) && !is_wide(field.data_type()) {
                columns.push(field.name().clone());
                roots.push(root);
            } else {
                left_out.push(field.name().clone());
            }
        }
        let meanings = meanings(&builder, &roots, &file)?;
        let rows = u64::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let mask = ProjectionMask::roots(builder.parquet_schema(), roots);
        if columns.is_empty() {
            return Err(Error::EmptyFile { file });
        }
        let reader = reader_of(builder, mask, &file)?;
        let digest = if digest {
            let digest = source.digest();
            Some(digest.map_err(|source| Error::Input {
                file: Arc::clone(&file),
                source,
            })?)
        } else {
            None
        };
        Ok(Self {
            reader: Some(reader),
            file,
            columns,
            meanings,
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
        let columns = batch.columns().iter().enumerate().zip(meanings);
        columns
            .map(|((place, column), meaning)| {
                text::to_text(column, meaning).map_err(|bad| Error::Cell {
                    file: Arc::clone(file),
                    row: first_row + bad.row as u64,
                    column: schema.field(place).name().clone(),
                    fault: bad.fault,
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

/// Opens a file whose footer has been looked at, and looks at its pages. Timestamps of 96 bits are read
/// in the given unit.
///
/// They reach beyond the years 1677 to 2262, which are all that nanoseconds have: the reader's own choice
/// of unit would take them for others. No day of theirs is too far away for milliseconds, and none of
/// four digits of a year for microseconds.
fn builder(
    source: &Stored,
    file: &Arc<str>,
    options: ArrowReaderOptions,
    unit: TimeUnit,
) -> Result<ParquetRecordBatchReaderBuilder<Stored>, Error> {
    let loaded = guarded(|| ArrowReaderMetadata::load(source, options.clone()));
    let mut loaded = settled(loaded, file)?;
    if let Some(schema) = retyped(&loaded, unit) {
        let options = options.with_schema(Arc::new(schema));
        let metadata = Arc::clone(loaded.metadata());
        let again = guarded(|| ArrowReaderMetadata::try_new(metadata, options));
        loaded = settled(again, file)?;
    }
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(source.clone(), loaded);
    check::pages(source, builder.metadata()).map_err(|refusal| refused(file, refusal))?;
    Ok(builder)
}

/// Reads the columns of the mask in chunks.
fn reader_of(
    builder: ParquetRecordBatchReaderBuilder<Stored>,
    mask: ProjectionMask,
    file: &Arc<str>,
) -> Result<ParquetRecordBatchReader, Error> {
    let built = guarded(|| {
        builder
            .with_projection(mask)
            .with_batch_size(ROWS_PER_CHUNK)
            .build()
    });
    settled(built, file)
}

/// The schema with other types, where the reader's own choice would lose something: timestamps of 96
/// bits in that unit, days as days, and zones as the writer had them.
fn retyped(loaded: &ArrowReaderMetadata, unit: TimeUnit) -> Option<Schema> {
    let leaves = loaded.parquet_schema().columns().iter();
    let mut leaves = leaves.map(|leaf: &ColumnDescPtr| leaf.physical_type());
    let written = zone::writers_schema(loaded.metadata().file_metadata());
    let written = written.ok().flatten();
    let fields = loaded.schema().fields().iter().enumerate();
    let fields = fields.map(|(root, field)| {
        let field = field_retyped(field, unit, &mut leaves);
        let zone = written
            .as_ref()
            .and_then(|it| zone::zone_of(it, root, field.name()));
        match (field.data_type(), zone) {
            // The reader forgets it where the writer's unit was another.
            (DataType::Timestamp(unit, Some(_)), Some(zone)) => {
                let data_type = DataType::Timestamp(*unit, Some(zone.into()));
                Arc::new(field.as_ref().clone().with_data_type(data_type))
            }
            _ => field,
        }
    });
    let fields: Fields = fields.collect();
    let metadata = loaded.schema().metadata().clone();
    let changed = fields != *loaded.schema().fields();
    changed.then(|| Schema::new_with_metadata(fields, metadata))
}

/// The same of one field, but for zones; `leaves` yields the physical type of each primitive column in
/// turn.
fn field_retyped(
    field: &FieldRef,
    unit: TimeUnit,
    leaves: &mut impl Iterator<Item = PhysicalType>,
) -> FieldRef {
    let mut within = |field| field_retyped(field, unit, leaves);
    let data_type = match field.data_type() {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(within).collect()),
        DataType::List(item) => DataType::List(within(item)),
        DataType::LargeList(item) => DataType::LargeList(within(item)),
        DataType::FixedSizeList(item, length) => DataType::FixedSizeList(within(item), *length),
        DataType::Map(entries, sorted) => DataType::Map(within(entries), *sorted),
        other => match (other, leaves.next()) {
            (DataType::Timestamp(_, zone), Some(PhysicalType::INT96)) => {
                DataType::Timestamp(unit, zone.clone())
            }
            // Milliseconds, which would be written as a mere number.
            (DataType::Date64, Some(PhysicalType::INT32)) => DataType::Date32,
            _ => return Arc::clone(field),
        },
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// What the columns at these places mean beyond their types.
fn meanings(
    builder: &ParquetRecordBatchReaderBuilder<Stored>,
    roots: &[usize],
    file: &Arc<str>,
) -> Result<Arc<[Meaning]>, Error> {
    let types = builder.parquet_schema().root_schema().get_fields();
    let written = zone::writers_schema(builder.metadata().file_metadata());
    let meaning = |&root: &usize| {
        let field = builder.schema().field(root);
        let logical = types[root].get_basic_info().logical_type_ref();
        Ok(match (field.data_type(), logical) {
            (DataType::Timestamp(_, zone), _) => {
                let zone = zone.as_deref().map(|utc| {
                    let written = written.as_ref().map_err(|_| damaged(file, NO_SCHEMA))?;
                    let written = written.as_ref();
                    let named = written.and_then(|it| zone::zone_of(it, root, field.name()));
                    let name = named.unwrap_or(utc);
                    zone::zone(name).ok_or_else(|| Error::TimeZone {
                        file: Arc::clone(file),
                        column: field.name().clone(),
                        zone: name.to_owned(),
                    })
                });
                Meaning::Clock(Clock {
                    zone: zone.transpose()?,
                    dates: true,
                })
            }
            (_, Some(LogicalType::Uuid)) => Meaning::Uuid,
            _ => Meaning::Plain,
        })
    };
    roots.iter().map(meaning).collect()
}

/// What is said where a file has moments in time, and its writer's schema, which tells their zones,
/// cannot be read.
const NO_SCHEMA: &str = "its Arrow schema, which tells the time zones, cannot be read";

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

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::Field;

    #[test]
    fn timestamps_of_96_bits_get_their_unit_wherever_they_stand() {
        let moments = |unit| DataType::Timestamp(unit, None);
        let field = |unit| {
            let item = Field::new("item", moments(unit), true);
            let parts = vec![
                Field::new("name", DataType::Utf8, true),
                Field::new("visits", DataType::List(Arc::new(item)), true),
                Field::new("born", moments(TimeUnit::Nanosecond), true),
            ];
            Arc::new(Field::new("person", DataType::Struct(parts.into()), false))
        };
        let long = PhysicalType::INT96;
        let mut leaves = [PhysicalType::BYTE_ARRAY, long, PhysicalType::INT64, long].into_iter();
        let person = field(TimeUnit::Nanosecond);
        let changed = field_retyped(&person, TimeUnit::Microsecond, &mut leaves);
        assert_eq!(changed, field(TimeUnit::Microsecond));
        assert_eq!(
            leaves.collect::<Vec<_>>(),
            [long],
            "one is taken for each column"
        );
    }
}
