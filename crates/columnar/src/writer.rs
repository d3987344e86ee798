use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow_array::builder::{Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::{Error, Format, Output};

/// Rows per Parquet row group: large enough to be scanned efficiently, small enough to be held in
/// memory while it is being written.
const ROW_GROUP: usize = 262_144;

/// A column of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputColumn {
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Distinct,
    Integer,
}

impl OutputColumn {
    /// Text.
    pub fn text(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Text,
        }
    }

    /// Text that hardly ever repeats, for which a Parquet dictionary would be wasted.
    pub fn distinct_text(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Distinct,
        }
    }

    /// Whole numbers: text in CSV, 64-bit integers in Parquet.
    pub fn integer(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: Kind::Integer,
        }
    }

    /// The column's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Which cells are quoted in CSV beyond those that must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoting {
    /// Only those that hold a comma, a quotation mark or a line end.
    #[default]
    Needed,
    /// Also those that begin or end with a character up to the blank, as Apache Commons CSV does.
    OuterBlanks,
}

/// When CSV gets its header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// Always.
    #[default]
    Always,
    /// Only when a row follows: no rows, no bytes.
    WithRows,
}

/// Writes a table, CSV or Parquet, to an [`Output`].
///
/// Rows are put into [`RowBuffer`]s, on any thread, and those appended in order.
#[derive(Debug)]
pub struct TableWriter {
    encoder: Encoder,
    columns: Arc<[OutputColumn]>,
    quoting: Quoting,
    pool: Pool,
    rows: u64,
}

#[derive(Debug)]
enum Encoder {
    Csv {
        output: Output,
        header: Option<Vec<u8>>,
    },
    Parquet {
        writer: Box<ArrowWriter<Output>>,
        schema: SchemaRef,
        path: std::path::PathBuf,
    },
}

impl TableWriter {
    /// Begins a table.
    pub fn new(
        output: Output,
        format: Format,
        columns: Vec<OutputColumn>,
        quoting: Quoting,
        header: Header,
    ) -> Result<Self, Error> {
        let columns: Arc<[OutputColumn]> = columns.into();
        let encoder = match format {
            Format::Csv => {
                let mut line = Vec::new();
                for (position, column) in columns.iter().enumerate() {
                    append_cell(&mut line, position, column.name(), Quoting::Needed);
                }
                line.push(b'\n');
                let mut encoder = Encoder::Csv {
                    output,
                    header: Some(line),
                };
                if header == Header::Always {
                    encoder.write_csv(&[])?;
                }
                encoder
            }
            Format::Parquet => {
                let schema = Arc::new(Schema::new(parquet_fields(&columns).collect::<Vec<_>>()));
                let path = output.path().to_owned();
                let writer = parquet_writer(output, &schema, &columns)?;
                Encoder::Parquet {
                    writer: Box::new(writer),
                    schema,
                    path,
                }
            }
        };
        Ok(Self {
            encoder,
            columns,
            quoting,
            pool: Pool::default(),
            rows: 0,
        })
    }

    /// A maker of empty buffers for rows of this table, to be taken to other threads.
    pub fn buffers(&self) -> Buffers {
        let format = match self.encoder {
            Encoder::Csv { .. } => Format::Csv,
            Encoder::Parquet { .. } => Format::Parquet,
        };
        Buffers {
            format,
            columns: Arc::clone(&self.columns),
            quoting: self.quoting,
            pool: Arc::clone(&self.pool),
        }
    }

    /// Appends the rows of a buffer.
    ///
    /// # Panics
    ///
    /// If the buffer was made for another table.
    pub fn append(&mut self, buffer: RowBuffer) -> Result<(), Error> {
        self.rows += buffer.rows as u64;
        match (&mut self.encoder, buffer.cells) {
            (encoder @ Encoder::Csv { .. }, Cells::Csv(mut bytes)) => {
                if !bytes.is_empty() {
                    encoder.write_csv(&bytes)?;
                }
                bytes.clear();
                spare(&self.pool).push(bytes);
                Ok(())
            }
            (
                Encoder::Parquet {
                    writer,
                    schema,
                    path,
                },
                Cells::Columns(columns),
            ) => {
                let columns = columns.into_iter().map(Builder::finish).collect();
                let batch = RecordBatch::try_new(Arc::clone(schema), columns)
                    .expect("every row of a buffer has all cells");
                writer
                    .write(&batch)
                    .map_err(|error| parquet_error(path, error))
            }
            _ => unreachable!("buffers are made by the table they are appended to"),
        }
    }

    /// Rows appended so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Completes the table; the output is still to be committed.
    pub fn finish(self) -> Result<Output, Error> {
        match self.encoder {
            Encoder::Csv { output, .. } => Ok(output),
            Encoder::Parquet { writer, path, .. } => writer
                .into_inner()
                .map_err(|error| parquet_error(&path, error)),
        }
    }
}

/// The fields of columns in Parquet.
pub(crate) fn parquet_fields(columns: &[OutputColumn]) -> impl Iterator<Item = Field> {
    columns.iter().map(|column| {
        let data_type = match column.kind {
            Kind::Text | Kind::Distinct => DataType::Utf8,
            Kind::Integer => DataType::Int64,
        };
        Field::new(column.name(), data_type, true)
    })
}

/// Begins a Parquet file, in which some columns may be ours.
pub(crate) fn parquet_writer(
    output: Output,
    schema: &SchemaRef,
    ours: &[OutputColumn],
) -> Result<ArrowWriter<Output>, Error> {
    let path = output.path().to_owned();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP));
    for column in ours.iter().filter(|column| column.kind == Kind::Distinct) {
        properties = properties.set_column_dictionary_enabled(column.name().into(), false);
    }
    ArrowWriter::try_new(output, Arc::clone(schema), Some(properties.build()))
        .map_err(|source| Error::ParquetOutput { path, source })
}

/// Columns of so many rows, as `fill` puts them into a buffer.
pub(crate) fn finish_columns(
    columns: &[OutputColumn],
    rows: usize,
    fill: impl FnOnce(&mut RowBuffer),
) -> Vec<ArrayRef> {
    let buffers = Buffers {
        format: Format::Parquet,
        columns: columns.into(),
        quoting: Quoting::Needed,
        pool: Pool::default(),
    };
    let mut buffer = buffers.buffer(rows);
    fill(&mut buffer);
    match buffer.cells {
        Cells::Columns(columns) => columns.into_iter().map(Builder::finish).collect(),
        Cells::Csv(_) => unreachable!("these buffers are for Parquet"),
    }
}

impl Encoder {
    fn write_csv(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let Self::Csv { output, header } = self else {
            unreachable!("called for CSV alone");
        };
        if let Some(header) = header.take() {
            output
                .write_all(&header)
                .map_err(|error| output.error(error))?;
        }
        output.write_all(bytes).map_err(|error| output.error(error))
    }
}

/// Makes [`RowBuffer`]s.
#[derive(Clone, Debug)]
pub struct Buffers {
    format: Format,
    columns: Arc<[OutputColumn]>,
    quoting: Quoting,
    pool: Pool,
}

/// Texts that have been written and can be filled again: fresh memory costs more than writing to it.
type Pool = Arc<Mutex<Vec<Vec<u8>>>>;

fn spare(pool: &Pool) -> MutexGuard<'_, Vec<Vec<u8>>> {
    pool.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Buffers {
    /// An empty buffer for about `rows` rows of middling length.
    pub fn buffer(&self, rows: usize) -> RowBuffer {
        self.buffer_of(rows, self.columns.len() * 24)
    }

    /// An empty buffer for about `rows` rows of about `bytes` bytes each.
    pub fn buffer_of(&self, rows: usize, bytes: usize) -> RowBuffer {
        let cells = match self.format {
            Format::Csv => {
                let mut text = spare(&self.pool).pop().unwrap_or_default();
                text.reserve(rows * bytes);
                Cells::Csv(text)
            }
            Format::Parquet => Cells::Columns(
                self.columns
                    .iter()
                    .map(|column| match column.kind {
                        Kind::Text | Kind::Distinct => Builder::Text(StringBuilder::with_capacity(
                            rows,
                            rows * bytes / self.columns.len(),
                        )),
                        Kind::Integer => Builder::Integer(Int64Builder::with_capacity(rows)),
                    })
                    .collect(),
            ),
        };
        RowBuffer {
            cells,
            quoting: self.quoting,
            width: self.columns.len(),
            rows: 0,
        }
    }
}

/// Rows on their way to a [`TableWriter`], already in the shape in which they are written.
#[derive(Debug)]
pub struct RowBuffer {
    cells: Cells,
    quoting: Quoting,
    width: usize,
    rows: usize,
}

#[derive(Debug)]
enum Cells {
    Csv(Vec<u8>),
    Columns(Vec<Builder>),
}

#[derive(Debug)]
enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
}

impl Builder {
    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut builder) => Arc::new(builder.finish()),
            Self::Integer(mut builder) => Arc::new(builder.finish()),
        }
    }
}

impl RowBuffer {
    /// Appends a row. Missing cells are null in Parquet and empty in CSV.
    ///
    /// # Panics
    ///
    /// If there are not as many cells as columns, or text in an integer column is no integer.
    pub fn push<'a>(&mut self, cells: impl IntoIterator<Item = Option<&'a str>>) {
        let mut width = 0;
        match &mut self.cells {
            Cells::Csv(bytes) => {
                for cell in cells {
                    append_cell(bytes, width, cell.unwrap_or(""), self.quoting);
                    width += 1;
                }
                // A line of one empty cell would read as a blank line.
                if width == 1 && bytes.last().is_none_or(|&byte| byte == b'\n') {
                    bytes.extend_from_slice(b"\"\"");
                }
                bytes.push(b'\n');
            }
            Cells::Columns(builders) => {
                for (builder, cell) in builders.iter_mut().zip(cells) {
                    match builder {
                        Builder::Text(builder) => builder.append_option(cell),
                        Builder::Integer(builder) => builder.append_option(
                            cell.map(|cell| cell.parse().expect("an integer column gets integers")),
                        ),
                    }
                    width += 1;
                }
            }
        }
        assert_eq!(
            width, self.width,
            "a row has as many cells as there are columns"
        );
        self.rows += 1;
    }

    /// Rows in the buffer.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }
}

fn append_cell(line: &mut Vec<u8>, position: usize, cell: &str, quoting: Quoting) {
    if position > 0 {
        line.push(b',');
    }
    let bytes = cell.as_bytes();
    let outer_blank = || {
        quoting == Quoting::OuterBlanks
            && bytes
                .first()
                .into_iter()
                .chain(bytes.last())
                .any(|&byte| byte <= b' ')
    };
    // Without an early end, so that it compiles to vector instructions.
    let special = bytes.iter().fold(0, |special, &byte| {
        special
            | u8::from(byte == b',')
            | u8::from(byte == b'"')
            | u8::from(byte == b'\n')
            | u8::from(byte == b'\r')
    });
    if special == 0 && !outer_blank() {
        line.extend_from_slice(bytes);
        return;
    }
    line.push(b'"');
    for part in bytes.split_inclusive(|&byte| byte == b'"') {
        line.extend_from_slice(part);
        if part.last() == Some(&b'"') {
            line.push(b'"');
        }
    }
    line.push(b'"');
}

pub(crate) fn parquet_error(path: &std::path::Path, source: ParquetError) -> Error {
    let path = path.to_owned();
    match source {
        ParquetError::External(inner) => match inner.downcast::<std::io::Error>() {
            Ok(source) => Error::Output {
                path,
                source: *source,
            },
            Err(inner) => Error::ParquetOutput {
                path,
                source: ParquetError::External(inner),
            },
        },
        source => Error::ParquetOutput { path, source },
    }
}
