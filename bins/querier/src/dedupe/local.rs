//! Duplicates within this registry.

use anyhow::{Context, ensure};
use blindjoin_columnar::{Input, Reader, RecordIds, today};
use blindjoin_linkage::duplicates::Keys;
use blindjoin_record::{InputForm, Moment, RuleSet, Scratch};
use blindjoin_service::config::Keep;

/// This registry's records by person.
#[derive(Debug, Default)]
pub(crate) struct Local {
    /// Record to person; persons are numbered in the order of their first records.
    pub(crate) person: Vec<u32>,
    /// Person to the record that stands for her.
    pub(crate) representative: Vec<u32>,
    /// The rules under which a record has a duplicate here: bit `i` stands for rule `i`.
    pub(crate) rules: Vec<u64>,
}

impl Local {
    /// Reads the records again and finds which are of one person.
    pub(crate) fn find(
        input: &Input,
        rules: &RuleSet,
        keep: &Keep,
        ids: &RecordIds,
    ) -> anyhow::Result<Self> {
        let mut reader = input.reader()?;
        let binding = rules.bind(reader.columns(), today())?;
        let dates = match keep {
            Keep::First => None,
            Keep::Latest(column) => Some(Dates::of(column, &reader, rules)?),
        };
        if let Some(dates) = &dates {
            // A column that rules use as well reads as it did when they first did.
            if !binding.columns().contains(&Some(dates.column)) {
                reader.keep_times(dates.column);
            }
        }
        let (mut keys, mut scratch) = (Keys::default(), Scratch::default());
        let mut latest = Vec::new();
        let name = reader.name().clone();
        let mut rows = 0;
        for chunk in reader {
            let chunk = chunk?;
            for (row, number) in chunk.rows().iter().zip(chunk.first_row()..) {
                keys.add(&binding, &row, &mut scratch);
                if let Some(dates) = &dates {
                    let date = dates.read(row.cell(dates.column));
                    latest.push(date.with_context(|| format!("{name}: row {number}"))?);
                }
                rows += 1;
            }
        }
        ensure!(rows == ids.len(), "{name}: has changed while it was read");
        ensure!(
            dates.is_none() || rows == 0 || latest.iter().any(Option::is_some),
            "{name}: no cell of the column to keep the latest by has a date"
        );
        let groups = keys.group();
        let rules = (0..rows).map(|row| groups.rules(row)).collect();
        Ok(Self::new(groups.first_rows(), rules, &latest))
    }

    /// Numbers the persons, given each record's first duplicate, and chooses who stands for them:
    /// the record with the latest date or, where there are no dates, the first. A record without a
    /// date is older than any with one.
    fn new(first_rows: &[u32], rules: Vec<u64>, dates: &[Option<Moment>]) -> Self {
        let mut local = Self {
            rules,
            ..Self::default()
        };
        for (row, &first) in (0..).zip(first_rows) {
            if first == row {
                local
                    .person
                    .push(u32::try_from(local.representative.len()).expect("no more than rows"));
                local.representative.push(row);
                continue;
            }
            let person = local.person[first as usize];
            local.person.push(person);
            let chosen = &mut local.representative[person as usize];
            // `None` is earlier than every date.
            if dates.get(row as usize) > dates.get(*chosen as usize) {
                *chosen = row;
            }
        }
        local
    }

    /// The number of persons.
    pub(crate) fn persons(&self) -> usize {
        self.representative.len()
    }

    /// The record that stands for the person of a record.
    pub(crate) fn representative_of(&self, row: usize) -> usize {
        self.representative[self.person[row] as usize] as usize
    }

    /// The records of each person who has several, in order.
    pub(crate) fn groups(&self) -> Vec<Vec<u32>> {
        let mut groups = vec![Vec::new(); self.persons()];
        for (row, &person) in (0..).zip(&self.person) {
            groups[person as usize].push(row);
        }
        groups.retain(|rows| rows.len() > 1);
        groups
    }
}

/// The column of dates or times to keep the latest record by.
struct Dates<'r> {
    column: usize,
    /// How they are written, if not year first.
    form: Option<&'r InputForm>,
}

impl<'r> Dates<'r> {
    fn of(column: &str, reader: &Reader, rules: &'r RuleSet) -> anyhow::Result<Self> {
        let mut columns = reader.columns().iter();
        let found = columns.position(|name| name.trim() == column.trim());
        let found = found.with_context(|| {
            format!(
                "{}: has no column \"{column}\" to keep the latest by",
                reader.name()
            )
        })?;
        Ok(Self {
            column: found,
            form: rules.input_of_column(column),
        })
    }

    /// The moment in a cell; nothing for an empty one. What cannot be read is never taken for old.
    fn read(&self, cell: Option<&str>) -> anyhow::Result<Option<Moment>> {
        let Some(cell) = cell.map(str::trim).filter(|cell| !cell.is_empty()) else {
            return Ok(None);
        };
        let mut buffer = String::new();
        let text = match self.form {
            None => Some(cell),
            Some(form) => form.read(cell, &mut buffer),
        };
        let moment = text.and_then(Moment::read);
        moment.map(Some).context(
            "the cell to keep the latest by is no date or time that begins with its year; if all are written \
             otherwise, map the column to a field under [columns] and say how under [input], such as \"DD/MM/YYYY\"",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_record_stands_for_its_person_and_else_the_first() {
        let day = |day: u8| Moment::read(&format!("2020-01-0{day}"));
        let first_rows = [0, 1, 0, 1, 1];
        let local = Local::new(&first_rows, vec![0; 5], &[]);
        assert_eq!(
            (&*local.person, &*local.representative),
            (&[0, 1, 0, 1, 1][..], &[0, 1][..])
        );
        assert_eq!(local.groups(), [vec![0, 2], vec![1, 3, 4]]);
        let dates = [day(2), None, day(2), day(5), day(5)];
        let local = Local::new(&first_rows, vec![0; 5], &dates);
        assert_eq!(*local.representative, [0, 3]);
        assert_eq!(
            (local.representative_of(1), local.representative_of(4)),
            (3, 3)
        );
    }
}
