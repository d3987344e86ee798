use std::fmt;

use blindjoin_columnar::{CardWriter, Error, Format, Output, RecordIds};
use blindjoin_protocol::{Card, Cell};
use serde_json::{Value, json};

/// How many rows a message lists.
const LISTED: usize = 20;

/// Writes the card: a line per record in input order, a column per rule. The output is still to be
/// committed.
///
/// Cells without a valid value are empty, and so are those that could not be compared: these are
/// for [`Summary`] to tell.
pub fn write(
    card: &Card,
    ids: &RecordIds,
    rules: &[String],
    output: Output,
    format: Format,
) -> Result<Output, Error> {
    let mut writer = CardWriter::new(output, format, rules.iter().map(String::as_str))?;
    for row in 0..card.rows() {
        let cells = card.row(row).iter().map(|cell| match cell {
            Cell::Matched => Some(true),
            Cell::NotMatched => Some(false),
            Cell::NoValue | Cell::NotCompared => None,
        });
        writer.push(ids.get(row), cells)?;
    }
    writer.finish()
}

/// What a card says in sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Records with a match under some rule.
    pub matched: usize,
    /// Records of which a rule could not be compared, by their rows, counted from 1; the first of them.
    pub not_compared: Vec<usize>,
    /// How many such records there are.
    pub not_compared_count: usize,
    /// Records in all.
    pub records: usize,
    /// Rule, records matched, records without a value.
    pub rules: Vec<(String, usize, usize)>,
}

impl Summary {
    /// Counts a card.
    pub fn of(card: &Card, rules: &[String]) -> Self {
        Self::besides(card, rules, |_| false)
    }

    /// Counts a card, without telling of the rows that are `known` not to be compared.
    pub fn besides(card: &Card, rules: &[String], known: impl Fn(usize) -> bool) -> Self {
        let not_compared: Vec<usize> = (0..card.rows())
            .filter(|&row| card.row(row).contains(&Cell::NotCompared) && !known(row))
            .collect();
        Self {
            matched: card.matched_rows(),
            not_compared: not_compared
                .iter()
                .take(LISTED)
                .map(|&row| row + 1)
                .collect(),
            not_compared_count: not_compared.len(),
            records: card.rows(),
            rules: rules
                .iter()
                .enumerate()
                .map(|(rule, id)| {
                    (
                        id.clone(),
                        card.count(rule, Cell::Matched),
                        card.count(rule, Cell::NoValue),
                    )
                })
                .collect(),
        }
    }

    /// What should be said of records that could not be compared: which rows, never which records.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.not_compared_count > 0 {
            let rows = self.not_compared.iter().map(ToString::to_string);
            let more = if self.not_compared_count > LISTED {
                ", …"
            } else {
                ""
            };
            warnings.push(format!(
                "{} records could not be compared under some rule, and their cells are empty: rows {}{more}",
                self.not_compared_count,
                rows.collect::<Vec<_>>().join(", ")
            ));
        }
        warnings
    }

    /// The same as data.
    pub fn data(&self) -> Value {
        let rules = self.rules.iter().map(|(rule, matched, without)| {
            json!({ "rule": rule, "matched": matched, "without_value": without })
        });
        json!({
            "records": self.records,
            "matched": self.matched,
            "not_compared": self.not_compared_count,
            "rules": rules.collect::<Vec<_>>(),
        })
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} of {} records matched",
            self.matched, self.records
        )?;
        for (rule, matched, without) in &self.rules {
            write!(formatter, "\n  {rule}: {matched} matched")?;
            if *without > 0 {
                write!(formatter, ", {without} without a value")?;
            }
        }
        Ok(())
    }
}
