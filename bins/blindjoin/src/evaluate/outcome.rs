//! What is to be measured: a card, or pairs.

use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use blindjoin_columnar::Row;

use crate::console::Console;

use super::score::{Report, Score};
use super::table::{self, Ids, Table};
use super::truth::PairTruth;

/// What a table is, by its header.
#[derive(Debug)]
pub(super) enum Outcome {
    Card(CardColumns),
    Pairs(PairColumns),
}

#[derive(Debug)]
pub(super) struct CardColumns {
    record_id: usize,
    /// `matched`, then the rules.
    cells: Vec<usize>,
}

#[derive(Debug)]
pub(super) struct PairColumns {
    first: usize,
    second: usize,
    /// `matched`, then the rules; empty where there is no such column.
    cells: Vec<usize>,
    /// The column that lists rules.
    rules: Option<usize>,
}

impl Outcome {
    pub(super) fn of(table: &Table) -> anyhow::Result<Self> {
        let matched = table.column("matched");
        let cells =
            matched.map_or_else(Vec::new, |matched| (matched..table.columns.len()).collect());
        match (table.record_id_columns()[..].as_ref(), matched) {
            (&[record_id], Some(_)) => Ok(Self::Card(CardColumns { record_id, cells })),
            (&[first, second], matched) => {
                let rules = if matched.is_some() {
                    None
                } else {
                    table.column("rules")
                };
                Ok(Self::Pairs(PairColumns {
                    first,
                    second,
                    cells,
                    rules,
                }))
            }
            _ if table.column("handle").is_some() => bail!(
                "{}: names the other party's records by handles that mean nothing to others; \
                 evaluate the card that blindjoin-querier pairs writes with --card",
                table.name()
            ),
            _ => bail!(
                "{}: is neither a card (columns record_id and matched) nor a table of pairs (two \
                 columns whose names end in record_id); its columns are {}",
                table.name(),
                table.columns.join(", ")
            ),
        }
    }
}

/// A card in memory.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) ids: Ids,
    /// `matched`, then the rules.
    columns: Vec<String>,
    /// Record by record.
    cells: Vec<Option<bool>>,
}

impl CardColumns {
    pub(super) fn read(&self, table: Table) -> anyhow::Result<Card> {
        let file = Arc::clone(table.name());
        let columns: Vec<String> = self
            .cells
            .iter()
            .map(|&column| table.columns[column].clone())
            .collect();
        let mut card = Card {
            ids: Ids::new(&file),
            columns,
            cells: Vec::new(),
        };
        table.for_each(|number, row| {
            card.ids
                .add(number, table::present(&file, number, row, self.record_id)?)?;
            for (name, &column) in card.columns.iter().zip(&self.cells) {
                card.cells.push(cell(&file, number, row, column, name)?);
            }
            Ok(())
        })?;
        Ok(card)
    }
}

impl Card {
    /// Measures the card where `truth` says for each record whether it has a partner.
    pub(super) fn score(&self, truth: &[bool]) -> Report {
        let total = truth.iter().filter(|&&partnered| partnered).count() as u64;
        let mut scores: Vec<Score> = self
            .columns
            .iter()
            .map(|name| Score::new(name, total))
            .collect();
        for (record, &partnered) in self.cells.chunks(self.columns.len()).zip(truth) {
            for (score, cell) in scores.iter_mut().zip(record) {
                score.count(*cell, partnered);
            }
        }
        Report::of_records(truth.len() as u64, scores)
    }
}

/// Rules that a pair can be marked with.
const MOST_RULES: usize = 64;

impl PairColumns {
    pub(super) fn read(
        &self,
        table: Table,
        mut truth: PairTruth,
        console: &Console,
    ) -> anyhow::Result<Report> {
        let file = Arc::clone(table.name());
        let columns = table.columns.clone();
        let mut rules: Vec<String> = self
            .cells
            .iter()
            .skip(1)
            .map(|&column| columns[column].clone())
            .collect();
        ensure!(
            rules.len() <= MOST_RULES,
            "{file}: has more than {MOST_RULES} rules"
        );
        let mut pairs: Vec<((u32, u32), u64)> = Vec::new();
        table.for_each(|number, row| {
            let first = table::present(&file, number, row, self.first)?;
            let second = table::present(&file, number, row, self.second)?;
            let pair = truth.pair(&file, number, first, second)?;
            let mut marks = 0;
            let mut found = true;
            for (position, &column) in self.cells.iter().enumerate() {
                let set = cell(&file, number, row, column, &columns[column])? == Some(true);
                match position {
                    0 => found = set,
                    rule => marks |= u64::from(set) << (rule - 1),
                }
            }
            let listed = self
                .rules
                .and_then(|column| row.cell(column))
                .unwrap_or_default();
            for rule in listed.split(LIST_MARKS).filter(|rule| !rule.is_empty()) {
                let position = rules.iter().position(|known| known == rule);
                let position = position.unwrap_or_else(|| {
                    rules.push(rule.to_owned());
                    rules.len() - 1
                });
                let bit = 1_u64.checked_shl(u32::try_from(position)?);
                marks |=
                    bit.with_context(|| format!("{file}: has more than {MOST_RULES} rules"))?;
            }
            if found {
                pairs.push((pair, marks));
            }
            Ok(())
        })?;
        let lines = pairs.len();
        pairs.sort_unstable();
        pairs.dedup_by(|later, earlier| {
            let same = later.0 == earlier.0;
            if same {
                earlier.1 |= later.1;
            }
            same
        });
        if pairs.len() < lines {
            console.note(format_args!(
                "{file}: {} repeated pairs count once",
                lines - pairs.len()
            ));
        }
        let mut overall = Score::new("matched", truth.total);
        let mut scores: Vec<Score> = rules
            .iter()
            .map(|rule| Score::new(rule, truth.total))
            .collect();
        for &(pair, marks) in &pairs {
            let holds = truth.holds(pair);
            overall.count(Some(true), holds);
            for (rule, score) in scores.iter_mut().enumerate() {
                score.count(Some(marks >> rule & 1 == 1), holds);
            }
        }
        scores.insert(0, overall);
        Ok(Report::of_pairs(scores))
    }
}

/// What stands between the rules of a list.
const LIST_MARKS: [char; 5] = ['|', ',', ';', ' ', '+'];

fn cell(
    file: &Arc<str>,
    number: u64,
    row: Row<'_>,
    column: usize,
    name: &str,
) -> anyhow::Result<Option<bool>> {
    match row.cell(column).unwrap_or_default() {
        "1" => Ok(Some(true)),
        "0" => Ok(Some(false)),
        "" => Ok(None),
        _ => bail!("{file}: row {number}, column '{name}': the cell is neither 1 nor 0 nor empty"),
    }
}
