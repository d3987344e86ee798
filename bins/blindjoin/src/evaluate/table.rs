//! Reading tables by column names, and record ids by number.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use blindjoin_columnar::{Error, InputOptions, ReadOptions, Reader, Row};

use crate::console::Console;

/// A table whose header has been read.
pub(super) struct Table {
    reader: Reader,
    /// Column names without blanks around them.
    pub(super) columns: Vec<String>,
}

impl Table {
    pub(super) fn open(
        path: &Path,
        reading: InputOptions,
        console: &Console,
    ) -> anyhow::Result<Self> {
        let reader = Reader::open(path, reading.over(ReadOptions::strict()))?;
        console.notes_on(&reader);
        let columns = reader
            .columns()
            .iter()
            .map(|name| name.trim().to_owned())
            .collect();
        Ok(Self { reader, columns })
    }

    pub(super) fn name(&self) -> &Arc<str> {
        self.reader.name()
    }

    /// The column of that name, case aside.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns
            .iter()
            .position(|column| column.eq_ignore_ascii_case(name))
    }

    /// The columns whose names end in `record_id`.
    pub(super) fn record_id_columns(&self) -> Vec<usize> {
        let ends = |name: &String| {
            let name = name.to_ascii_lowercase();
            name.ends_with("record_id") || name.ends_with("recordid")
        };
        (0..self.columns.len())
            .filter(|&column| ends(&self.columns[column]))
            .collect()
    }

    /// Calls `row` for every row with its number from 1.
    pub(super) fn for_each(
        self,
        mut row: impl FnMut(u64, Row<'_>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        for chunk in self.reader {
            let chunk = chunk?;
            for (number, cells) in (chunk.first_row()..).zip(chunk.rows().iter()) {
                row(number, cells)?;
            }
        }
        Ok(())
    }
}

/// The content of a cell that must not be blank.
pub(super) fn present<'r>(
    file: &Arc<str>,
    number: u64,
    row: Row<'r>,
    column: usize,
) -> Result<&'r str, Error> {
    row.cell(column)
        .filter(|id| !id.trim().is_empty())
        .ok_or_else(|| Error::MissingRecordId {
            file: Arc::clone(file),
            row: number,
        })
}

/// Record ids of one table and their numbers, in the order in which they came.
#[derive(Debug)]
pub(super) struct Ids {
    /// The table, for messages.
    pub(super) file: Arc<str>,
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Ids {
    pub(super) fn new(file: &Arc<str>) -> Self {
        Self {
            file: Arc::clone(file),
            numbers: HashMap::new(),
            texts: Vec::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The ids by number.
    pub(super) fn texts(&self) -> &[Arc<str>] {
        &self.texts
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(|text| &**text)
    }

    pub(super) fn number(&self, id: &str) -> Option<u32> {
        self.numbers.get(id).copied()
    }

    /// The number of an id, a new one if it has not come before.
    pub(super) fn intern(&mut self, id: &str) -> anyhow::Result<u32> {
        if let Some(number) = self.number(id) {
            return Ok(number);
        }
        let number = u32::try_from(self.texts.len()).context("more than 2³² record ids")?;
        let text: Arc<str> = id.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        Ok(number)
    }

    /// Takes the id of the next row, which must be new; rows are counted from 1 without gaps.
    pub(super) fn add(&mut self, row: u64, id: &str) -> anyhow::Result<()> {
        if let Some(earlier) = self.number(id) {
            bail!(Error::DuplicateRecordId {
                file: Arc::clone(&self.file),
                first: u64::from(earlier) + 1,
                second: row,
                more: 0,
            });
        }
        self.intern(id).map(|_| ())
    }
}

/// The record ids of a registry. Without a name for their column, `record_id`, `rec_id` or `id`.
pub(super) fn record_ids(
    path: &Path,
    column: Option<&str>,
    reading: InputOptions,
    console: &Console,
) -> anyhow::Result<Ids> {
    let table = Table::open(path, reading, console)?;
    let file = Arc::clone(table.name());
    let column = match column {
        Some(name) => table
            .column(name.trim())
            .with_context(|| format!("--id-column: {file} has no column '{}'", name.trim()))?,
        None => ["record_id", "recordid", "rec_id", "id"]
            .into_iter()
            .find_map(|name| table.column(name))
            .with_context(|| {
                format!("{file}: has no column record_id, rec_id or id; name it with --id-column")
            })?,
    };
    let mut ids = Ids::new(&file);
    table.for_each(|number, row| ids.add(number, present(&file, number, row, column)?))?;
    Ok(ids)
}
