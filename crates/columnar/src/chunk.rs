use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::SchemaRef;

/// Some consecutive rows of a file: a batch of nullable text columns, one per column of the header,
/// and where in the file it stands.
#[derive(Clone)]
pub struct Chunk {
    batch: RecordBatch,
    first_row: u64,
    progress: u64,
    pub(crate) ragged_rows: u64,
    pub(crate) first_ragged_row: Option<u64>,
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chunk")
            .field("first_row", &self.first_row)
            .field("rows", &self.batch.num_rows())
            .finish_non_exhaustive()
    }
}

impl Chunk {
    pub(crate) fn new(
        schema: &SchemaRef,
        columns: Vec<ArrayRef>,
        first_row: u64,
        progress: u64,
    ) -> Self {
        let batch = RecordBatch::try_new(SchemaRef::clone(schema), columns)
            .expect("as many text columns of one length as the schema has");
        Self {
            batch,
            first_row,
            progress,
            ragged_rows: 0,
            first_ragged_row: None,
        }
    }

    /// The rows as an Arrow batch of nullable `Utf8` columns.
    pub fn batch(&self) -> &RecordBatch {
        &self.batch
    }

    /// Number of the first row in its file, from 1; the header and blank lines do not count.
    pub fn first_row(&self) -> u64 {
        self.first_row
    }

    /// How far this chunk carries the reading, in the unit of [`crate::Reader::total`].
    pub fn progress(&self) -> u64 {
        self.progress
    }

    /// How many rows had more or fewer cells than the header, where that is accepted.
    pub fn ragged_rows(&self) -> u64 {
        self.ragged_rows
    }

    /// The first of the [`Self::ragged_rows`].
    pub fn first_ragged_row(&self) -> Option<u64> {
        self.first_ragged_row
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows in order.
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(&self.batch)
    }
}

/// The text columns of a batch, looked up once, from which rows are taken.
#[derive(Clone)]
pub struct Rows<'a> {
    columns: Vec<&'a StringArray>,
    len: usize,
}

impl std::fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows")
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

impl<'a> Rows<'a> {
    /// The rows of a batch whose columns are all of type `Utf8`.
    ///
    /// # Panics
    ///
    /// If a column has another type; batches of this crate's readers have none.
    pub fn new(batch: &'a RecordBatch) -> Self {
        let columns = batch
            .columns()
            .iter()
            .map(AsArray::as_string::<i32>)
            .collect();
        Self {
            columns,
            len: batch.num_rows(),
        }
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The row at a position.
    pub fn row(&self, position: usize) -> Row<'_> {
        debug_assert!(position < self.len, "rows are asked for below their number");
        Row {
            columns: &self.columns,
            position,
        }
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len).map(|position| self.row(position))
    }
}

impl blindjoin_record::Row for Row<'_> {
    fn cell(&self, column: usize) -> Option<&str> {
        Row::cell(self, column)
    }
}

/// One row of a batch, by column number.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [&'a StringArray],
    position: usize,
}

impl std::fmt::Debug for Row<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row")
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl<'a> Row<'a> {
    /// The text of a cell; `None` where it is null or there is no such column.
    pub fn cell(&self, column: usize) -> Option<&'a str> {
        let column = self.columns.get(column)?;
        column
            .is_valid(self.position)
            .then(|| column.value(self.position))
    }
}
