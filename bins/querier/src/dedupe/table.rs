//! The input with columns added.

use anyhow::{bail, ensure};
use blindjoin_columnar::{
    Format, Header, Input, Note, Output, OutputColumn, Quoting, Reader, RecordIds, TableWriter,
    widen,
};
use blindjoin_protocol::Cell;

use super::decide::Decisions;
use super::links::Standing;
use super::local::Local;

/// Stands between the names in a cell that lists several.
const SEPARATOR: &str = "|";

/// The columns that a de-duplication adds, in order.
pub(crate) fn added(others: &[&str]) -> Vec<String> {
    let mut columns = vec!["duplicate_of".to_owned(), "duplicate_rules".to_owned()];
    if !others.is_empty() {
        columns.push("held_by".to_owned());
        columns.extend(others.iter().map(|name| format!("rules_{name}")));
        columns.push("not_compared".to_owned());
        columns.push("stays_with".to_owned());
    }
    columns.push("keep".to_owned());
    columns
}

/// The columns of an input that an earlier run of the same plan has added, and this one adds again.
///
/// # Errors
///
/// Some of the columns that are to be added are there already, but not as that run would have left
/// them.
pub(crate) fn replaced(reader: &Reader, added: &[String]) -> anyhow::Result<Vec<String>> {
    // Of lists and structures too, which are copied.
    let nested = reader.notes().iter().flat_map(|note| match note {
        Note::ColumnsLeftOut(columns) => columns.as_slice(),
        _ => &[],
    });
    for column in nested {
        ensure!(!added.contains(column), in_the_way(reader.name(), column));
    }
    let own = own_columns(reader.name(), reader.columns(), added)?;
    Ok(reader.columns()[own..].to_vec())
}

/// How many of an input's columns are its own: all, or all before those that an earlier run of the
/// same plan has added.
fn own_columns(name: &str, header: &[String], added: &[String]) -> anyhow::Result<usize> {
    let header: Vec<&str> = header.iter().map(|column| column.trim()).collect();
    if header.ends_with(&added.iter().map(String::as_str).collect::<Vec<_>>()) {
        return Ok(header.len() - added.len());
    }
    match added
        .iter()
        .find(|column| header.contains(&column.as_str()))
    {
        Some(column) => bail!(in_the_way(name, column)),
        None => Ok(header.len()),
    }
}

fn in_the_way(name: &str, column: &str) -> String {
    format!(
        "{name}: has a column \"{column}\" already, and is no output of this plan: rename the column or leave it out"
    )
}

/// What the added columns are filled from.
pub(crate) struct Contents<'a> {
    pub(crate) ids: &'a RecordIds,
    pub(crate) rules: &'a [String],
    pub(crate) local: &'a Local,
    /// Across jurisdictions, where that was asked for.
    pub(crate) across: Option<Across<'a>>,
}

/// What is known of the other jurisdictions, in order of priority.
pub(crate) struct Across<'a> {
    pub(crate) names: &'a [String],
    pub(crate) standings: &'a [Standing],
    pub(crate) decisions: &'a Decisions,
}

impl Contents<'_> {
    /// Reads the input once more, and writes it with the added columns in place of those replaced.
    pub(crate) fn write(
        &self,
        input: &Input,
        replaced: &[String],
        added: &[String],
        output: (Output, Format),
    ) -> anyhow::Result<Output> {
        let columns = added.iter().map(|name| match name.as_str() {
            "keep" => OutputColumn::integer(name),
            _ => OutputColumn::text(name),
        });
        let cells = |row: usize, cells: &mut Vec<String>| {
            // Checked below: a file that grows meanwhile is no reason to panic.
            if row < self.ids.len() {
                self.cells(row, cells);
            } else {
                cells.resize(added.len(), String::new());
            }
        };
        let (output, rows) = widen(input, replaced, columns.collect(), output, cells)?;
        ensure!(
            rows == self.ids.len() as u64,
            "{}: has changed while it was read",
            input.name()
        );
        Ok(output)
    }

    fn cells(&self, row: usize, cells: &mut Vec<String>) {
        let representative = self.local.representative_of(row);
        let represents = representative == row;
        cells.push(if represents {
            String::new()
        } else {
            self.ids.get(representative).to_owned()
        });
        let locally = self.local.rules[row];
        cells.push(self.rules_where(|rule| locally >> rule & 1 == 1));
        let Some(Across {
            names,
            standings,
            decisions,
        }) = &self.across
        else {
            cells.push(flag(represents));
            return;
        };
        let person = self.local.person[row] as usize;
        let holders = decisions
            .holders(person)
            .filter(|&place| place != decisions.ours);
        cells.push(
            holders
                .map(|place| names[place].as_str())
                .collect::<Vec<_>>()
                .join(SEPARATOR),
        );
        for standing in *standings {
            match standing {
                Standing::Ours => {}
                Standing::Failed => cells.push(String::new()),
                Standing::Linked(linked) => {
                    let found = linked.card.row(row);
                    cells.push(self.rules_where(|rule| found[rule] == Cell::Matched));
                }
            }
        }
        let not_compared = names
            .iter()
            .zip(*standings)
            .filter(|(_, standing)| match standing {
                Standing::Ours => false,
                Standing::Failed => true,
                Standing::Linked(linked) => linked.card.row(row).contains(&Cell::NotCompared),
            });
        cells.push(
            not_compared
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(SEPARATOR),
        );
        cells.push(
            decisions
                .stays_with(person)
                .map_or_else(String::new, |place| names[place].clone()),
        );
        cells.push(match decisions.stays_here(person) {
            _ if !represents => flag(false),
            Some(here) => flag(here),
            None => String::new(),
        });
    }

    fn rules_where(&self, wanted: impl Fn(usize) -> bool) -> String {
        let rules = self
            .rules
            .iter()
            .enumerate()
            .filter(|&(rule, _)| wanted(rule));
        rules
            .map(|(_, id)| id.as_str())
            .collect::<Vec<_>>()
            .join(SEPARATOR)
    }
}

/// Writes all pairs of records that are one person's, in input order.
pub(crate) fn write_pairs(
    local: &Local,
    ids: &RecordIds,
    output: Output,
    format: Format,
) -> anyhow::Result<Output> {
    let columns = ["a_record_id", "b_record_id"]
        .map(OutputColumn::text)
        .to_vec();
    let mut table = TableWriter::new(output, format, columns, Quoting::Needed, Header::Always)?;
    for rows in local.groups() {
        for (position, &one) in rows.iter().enumerate() {
            let mut buffer = table.buffers().buffer(rows.len());
            for &other in &rows[position + 1..] {
                buffer.push([Some(ids.get(one as usize)), Some(ids.get(other as usize))]);
            }
            table.append(buffer)?;
        }
    }
    Ok(table.finish()?)
}

fn flag(flag: bool) -> String {
    if flag { "1" } else { "0" }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn own_output_is_told_from_columns_that_are_in_the_way() {
        let added = added(&["east"]);
        let text = "duplicate_of,duplicate_rules,held_by,rules_east,not_compared,stays_with,keep";
        assert_eq!(added.join(","), text);
        let own = |text: &str| own_columns("people.csv", &header(text), &added);
        assert_eq!(own("id, name").unwrap(), 2);
        assert_eq!(own(&format!("id, name,{text}")).unwrap(), 2);
        for bad in [
            format!("id,{text},name"),
            "id,keep".to_owned(),
            text.replace("east", "west"),
        ] {
            let error = own(&bad).unwrap_err().to_string();
            assert!(
                error.contains("already") && error.contains("people.csv"),
                "{error}"
            );
        }
    }
}
