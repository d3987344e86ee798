use crate::writer::RowBuffer;
use crate::{Error, Format, Header, Output, OutputColumn, Quoting, ROWS_PER_CHUNK, TableWriter};

/// Writes a bingo card: `record_id,matched,<rule>,…`, one line per querier record in input order,
/// cells `1`, `0` or empty.
#[derive(Debug)]
pub struct CardWriter {
    table: TableWriter,
    rows: RowBuffer,
}

impl CardWriter {
    /// Begins a card with a column per rule.
    pub fn new<'a>(
        output: Output,
        format: Format,
        rules: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let mut columns = vec![
            OutputColumn::text("record_id"),
            OutputColumn::integer("matched"),
        ];
        columns.extend(rules.into_iter().map(OutputColumn::integer));
        let table = TableWriter::new(output, format, columns, Quoting::Needed, Header::Always)?;
        let rows = table.buffers().buffer(ROWS_PER_CHUNK);
        Ok(Self { table, rows })
    }

    /// Appends a record: its identifier, one cell per rule, where `None` says that the record has no
    /// value for that rule. `matched` is the disjunction of the cells, and empty where all are.
    ///
    /// # Panics
    ///
    /// If there are not as many cells as rules.
    pub fn push(
        &mut self,
        record_id: &str,
        cells: impl IntoIterator<Item = Option<bool>, IntoIter: Clone>,
    ) -> Result<(), Error> {
        let cells = cells.into_iter();
        let matched = cells.clone().flatten().reduce(|any, cell| any | cell);
        let digits = std::iter::once(matched).chain(cells).map(digit);
        self.rows
            .push(std::iter::once(Some(record_id)).chain(digits));
        if self.rows.len() >= ROWS_PER_CHUNK {
            let empty = self.table.buffers().buffer(ROWS_PER_CHUNK);
            self.table
                .append(std::mem::replace(&mut self.rows, empty))?;
        }
        Ok(())
    }

    /// Completes the card; the output is still to be committed.
    pub fn finish(mut self) -> Result<Output, Error> {
        self.table.append(self.rows)?;
        self.table.finish()
    }
}

fn digit<'a>(cell: Option<bool>) -> Option<&'a str> {
    cell.map(|cell| if cell { "1" } else { "0" })
}
