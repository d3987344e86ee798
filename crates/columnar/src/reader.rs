use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use blindjoin_record::Encoding;

use crate::chunk::Chunk;
use crate::csv::{self, Piece, Pieces, Ragged, Rules};
use crate::input::Stored;
use crate::parquet::{self, Batches, Meaning};
use crate::{Error, Format, Input};

/// About how many rows a [`Chunk`] holds.
pub const ROWS_PER_CHUNK: usize = 8192;

/// How a file is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a choice of its own, and named where it is made"
)]
pub struct ReadOptions {
    /// The format, where the name's extension does not say it.
    pub format: Option<Format>,
    /// What separates the cells of CSV: a comma unless something is said. Then a header without a
    /// comma and with another customary separator is a fault.
    pub delimiter: Option<u8>,
    /// How CSV is encoded, where that is not UTF-8.
    pub encoding: Option<Encoding>,
    /// Whether a file without any byte is a table without columns and rows.
    pub may_be_empty: bool,
    /// Whether the digest of what is read is taken meanwhile.
    pub digest: bool,
    /// What to do about rows with more or fewer cells than the header.
    pub ragged: Ragged,
    /// Whether two columns may share a name; which of them counts is then the caller's affair.
    pub duplicate_columns: bool,
    /// Whether a carriage return and line feed inside quotes become one line feed.
    pub fold_quoted_crlf: bool,
}

impl ReadOptions {
    /// Every departure from a clean table is a fault: what linkage wants.
    pub fn strict() -> Self {
        Self {
            format: None,
            delimiter: None,
            encoding: None,
            may_be_empty: false,
            digest: false,
            ragged: Ragged::Refuse,
            duplicate_columns: false,
            fold_quoted_crlf: false,
        }
    }

    /// Rows are padded and cut to the header's width: what token files of other programs do.
    pub fn lenient() -> Self {
        Self {
            ragged: Ragged::Pad,
            duplicate_columns: true,
            ..Self::strict()
        }
    }

    /// The same with a format that takes precedence over the extension.
    #[must_use]
    pub fn with_format(self, format: Option<Format>) -> Self {
        Self { format, ..self }
    }

    /// The same with a delimiter that takes precedence over the customary one.
    #[must_use]
    pub fn with_delimiter(self, delimiter: Option<u8>) -> Self {
        Self { delimiter, ..self }
    }

    /// The same with an encoding that takes precedence over UTF-8.
    #[must_use]
    pub fn with_encoding(self, encoding: Option<Encoding>) -> Self {
        Self { encoding, ..self }
    }

    fn rules(self) -> Rules {
        Rules {
            delimiter: self.delimiter.unwrap_or(b','),
            ragged: self.ragged,
            fold_quoted_crlf: self.fold_quoted_crlf,
            encoding: self.encoding,
        }
    }
}

/// Something about a file that is no fault and yet should be said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// The file begins with a UTF-8 byte order mark, which was skipped.
    ByteOrderMark,
    /// Columns whose type has no text form are not read.
    ColumnsLeftOut(Vec<String>),
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ByteOrderMark => f.write_str("a byte order mark at its start was skipped"),
            Self::ColumnsLeftOut(columns) => {
                write!(
                    f,
                    "columns that hold no plain values are not read: {}",
                    columns.join(", ")
                )
            }
        }
    }
}

/// A table being read: its header at once, its rows as a stream of [`Chunk`]s in file order.
///
/// Memory does not grow with the file. Reading has a sequential half, [`Reader::next_block`], and a
/// parallel one, [`Decoder::decode`]; the iterator does both, [`crate::pipeline`] spreads the second.
pub struct Reader {
    source: Source,
    decoder: Decoder,
    columns: Vec<String>,
    notes: Vec<Note>,
    total: Option<u64>,
}

enum Source {
    Csv(Box<Pieces>),
    Parquet(Box<Batches>),
}

impl Reader {
    /// Opens a file, or standard input for `-`, and reads its header; all else is as in
    /// [`Input::open`].
    ///
    /// Parquet from a stream is copied to a temporary file first, because its index stands at the
    /// end.
    pub fn open(path: &Path, options: ReadOptions) -> Result<Self, Error> {
        Input::open(path, options)?.into_reader()
    }

    /// Reads CSV from any source; `total` is its length in bytes, if known.
    pub fn from_csv(
        source: Box<dyn Read + Send>,
        name: Arc<str>,
        total: Option<u64>,
        options: ReadOptions,
    ) -> Result<Self, Error> {
        let mut pieces = Pieces::new(source, Arc::clone(&name), options.encoding, options.digest);
        match pieces.read_header(options.rules(), options.delimiter.is_some()) {
            Err(Error::EmptyFile { .. }) if options.may_be_empty => {}
            result => result?,
        }
        let columns = pieces.columns.clone();
        let notes = pieces
            .byte_order_mark
            .then_some(Note::ByteOrderMark)
            .into_iter()
            .collect();
        Self::new(
            Source::Csv(Box::new(pieces)),
            name,
            columns,
            notes,
            total,
            options,
        )
    }

    pub(crate) fn of_file(
        stored: &Stored,
        name: Arc<str>,
        format: Format,
        options: ReadOptions,
    ) -> Result<Self, Error> {
        if format == Format::Csv {
            let total = Some(stored.length);
            return Self::from_csv(Box::new(stored.from(0)), name, total, options);
        }
        if stored.length == 0 && options.may_be_empty {
            return Self::from_csv(Box::new(std::io::empty()), name, None, options);
        }
        let batches = Batches::open(stored, Arc::clone(&name), options.digest)?;
        let columns = batches.columns.clone();
        let notes = if batches.left_out.is_empty() {
            Vec::new()
        } else {
            vec![Note::ColumnsLeftOut(batches.left_out.clone())]
        };
        let total = Some(batches.rows);
        let source = Source::Parquet(Box::new(batches));
        Self::new(source, name, columns, notes, total, options)
    }

    fn new(
        source: Source,
        file: Arc<str>,
        columns: Vec<String>,
        notes: Vec<Note>,
        total: Option<u64>,
        options: ReadOptions,
    ) -> Result<Self, Error> {
        if !options.duplicate_columns {
            let mut seen = BTreeSet::new();
            let names = columns.iter().map(|column| column.trim());
            for name in names.filter(|name| !name.is_empty()) {
                if !seen.insert(name) {
                    return Err(Error::DuplicateColumn {
                        file,
                        column: name.to_owned(),
                    });
                }
            }
        }
        let fields: Vec<Field> = columns
            .iter()
            .map(|column| Field::new(column, DataType::Utf8, true))
            .collect();
        let decoder = Decoder {
            schema: Arc::new(Schema::new(fields)),
            file,
            rules: options.rules(),
            meanings: match &source {
                Source::Csv(_) => Arc::new([]),
                Source::Parquet(batches) => Arc::clone(&batches.meanings),
            },
        };
        Ok(Self {
            source,
            decoder,
            columns,
            notes,
            total,
        })
    }

    /// SHA-256 of the file or stream, where the options asked for it: of its bytes, whatever stands
    /// under its name by now.
    ///
    /// Of CSV it is taken while reading, and so is that of the whole only after the last row.
    pub fn digest(&self) -> Option<[u8; 32]> {
        match &self.source {
            Source::Csv(pieces) => pieces.digest(),
            Source::Parquet(batches) => batches.digest,
        }
    }

    /// The names in the header, in order and as they stand there, blanks included.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The file's name, for messages.
    pub fn name(&self) -> &Arc<str> {
        &self.decoder.file
    }

    /// What should be said about the file.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// The whole of what [`Chunk::progress`] counts, where known: bytes of CSV, rows of Parquet.
    pub fn total(&self) -> Option<u64> {
        self.total
    }

    /// Writes the moments of a column, where it is one of Parquet's in a time zone, with time and offset
    /// even at midnight, where they would else be dates: what is to be compared as times needs this.
    pub fn keep_times(&mut self, column: usize) {
        let meanings = Arc::make_mut(&mut self.decoder.meanings);
        if let Some(Meaning::Clock(clock)) = meanings.get_mut(column) {
            clock.dates &= clock.zone.is_none();
        }
    }

    /// The parallel half of reading.
    pub fn decoder(&self) -> Decoder {
        self.decoder.clone()
    }

    /// The next rows, not yet taken apart; `None` at the end.
    pub fn next_block(&mut self) -> Result<Option<Block>, Error> {
        Ok(match &mut self.source {
            Source::Csv(pieces) => pieces.next()?.map(|piece| Block(Undecoded::Csv(piece))),
            Source::Parquet(batches) => batches
                .next()?
                .map(|(batch, first_row)| Block(Undecoded::Parquet { batch, first_row })),
        })
    }
}

impl Iterator for Reader {
    type Item = Result<Chunk, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_block() {
            Ok(Some(block)) => Some(self.decoder.decode(&block)),
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("file", &self.decoder.file)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

/// Rows that were read and not yet decoded.
pub struct Block(Undecoded);

enum Undecoded {
    Csv(Piece),
    Parquet { batch: RecordBatch, first_row: u64 },
}

impl std::fmt::Debug for Block {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Block")
    }
}

/// Turns blocks into chunks, on any thread.
#[derive(Clone, Debug)]
pub struct Decoder {
    schema: SchemaRef,
    file: Arc<str>,
    rules: Rules,
    meanings: Arc<[Meaning]>,
}

impl Decoder {
    /// The rows of a block as text columns.
    pub fn decode(&self, block: &Block) -> Result<Chunk, Error> {
        match &block.0 {
            Undecoded::Csv(piece) => csv::decode(piece, &self.file, &self.schema, self.rules),
            Undecoded::Parquet { batch, first_row } => {
                parquet::decode(batch, *first_row, &self.file, &self.schema, &self.meanings)
            }
        }
    }
}
