//! Counts, ratios, and how they are printed.

use std::fmt::Write;

use serde_json::{Value, json};

/// The counts of one rule, or of all together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Score {
    name: String,
    /// Records without a value for the rule.
    no_value: u64,
    /// What the result says is the same person.
    found: u64,
    /// What of that is.
    correct: u64,
    /// What is the same person in truth.
    truth: u64,
}

impl Score {
    pub(super) fn new(name: &str, truth: u64) -> Self {
        Self {
            name: name.to_owned(),
            no_value: 0,
            found: 0,
            correct: 0,
            truth,
        }
    }

    /// Takes in one record or pair: what the result says of it, and what is true.
    pub(super) fn count(&mut self, cell: Option<bool>, truth: bool) {
        match cell {
            None => self.no_value += 1,
            Some(found) => {
                self.found += u64::from(found);
                self.correct += u64::from(found && truth);
            }
        }
    }

    fn wrong(&self) -> u64 {
        self.found - self.correct
    }

    fn missed(&self) -> u64 {
        self.truth - self.correct
    }

    fn precision(&self) -> Ratio {
        Ratio(self.correct, self.found)
    }

    fn recall(&self) -> Ratio {
        Ratio(self.correct, self.truth)
    }

    fn f1(&self) -> Ratio {
        Ratio(2 * self.correct, self.found + self.truth)
    }

    fn to_json(&self) -> Value {
        json!({
            "name": self.name,
            "no_value": self.no_value,
            "found": self.found,
            "correct": self.correct,
            "wrong": self.wrong(),
            "missed": self.missed(),
            "precision": self.precision().to_json(),
            "recall": self.recall().to_json(),
            "f1": self.f1().to_json(),
        })
    }
}

/// A share, which does not exist of nothing.
#[derive(Clone, Copy, Debug)]
struct Ratio(u64, u64);

impl Ratio {
    /// With six digits, not rounded up: only what is whole prints as 1.
    fn to_text(self) -> String {
        const SCALE: u128 = 1_000_000;
        let Self(part, whole) = self;
        match (u128::from(part) * SCALE).checked_div(u128::from(whole)) {
            None => "-".to_owned(),
            Some(share) => format!("{}.{:06}", share / SCALE, share % SCALE),
        }
    }

    fn to_json(self) -> Value {
        #[expect(clippy::cast_precision_loss, reason = "counts are far below 2⁵³")]
        match self {
            Self(_, 0) => Value::Null,
            Self(part, whole) => json!(part as f64 / whole as f64),
        }
    }
}

/// All counts of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Report {
    /// Number of records, for a card.
    records: Option<u64>,
    overall: Score,
    rules: Vec<Score>,
}

impl Report {
    /// Of a card with so many records; the first score is of all rules together.
    pub(super) fn of_records(records: u64, scores: Vec<Score>) -> Self {
        Self {
            records: Some(records),
            ..Self::of_pairs(scores)
        }
    }

    /// Of pairs; the first score is of all rules together.
    pub(super) fn of_pairs(mut scores: Vec<Score>) -> Self {
        let overall = scores.remove(0);
        Self {
            records: None,
            overall,
            rules: scores,
        }
    }

    pub(super) fn to_json(&self) -> String {
        let rules: Vec<Value> = self.rules.iter().map(Score::to_json).collect();
        let value = json!({
            "kind": if self.records.is_some() { "card" } else { "pairs" },
            "records": self.records,
            "true": self.overall.truth,
            "overall": self.overall.to_json(),
            "rules": rules,
        });
        format!("{value:#}\n")
    }

    /// A summary, and a table with a line per rule.
    pub(super) fn to_text(&self) -> String {
        let mut lines = Vec::new();
        let overall = &self.overall;
        let unit = if let Some(records) = self.records {
            lines.push(("records", records.to_string()));
            "records"
        } else {
            "pairs"
        };
        for (what, value) in [
            ("true", overall.truth.to_string()),
            ("found", overall.found.to_string()),
            ("correct", overall.correct.to_string()),
            ("precision", overall.precision().to_text()),
            ("recall", overall.recall().to_text()),
            ("F1", overall.f1().to_text()),
        ] {
            lines.push((what, value));
        }
        let mut text = format!("measured by {unit}\n");
        let width = lines
            .iter()
            .map(|(_, value)| value.len())
            .max()
            .unwrap_or(0);
        for (what, value) in lines {
            writeln!(text, "{what:<9}  {value:>width$}").expect("text grows");
        }
        if !self.rules.is_empty() {
            text.push('\n');
            text.push_str(&self.table());
        }
        text
    }

    fn table(&self) -> String {
        let header = [
            "rule",
            "no value",
            "found",
            "correct",
            "wrong",
            "missed",
            "precision",
            "recall",
            "F1",
        ];
        let mut rows = vec![header.map(str::to_owned)];
        rows.extend(self.rules.iter().map(|rule| {
            [
                rule.name.clone(),
                rule.no_value.to_string(),
                rule.found.to_string(),
                rule.correct.to_string(),
                rule.wrong().to_string(),
                rule.missed().to_string(),
                rule.precision().to_text(),
                rule.recall().to_text(),
                rule.f1().to_text(),
            ]
        }));
        let widths: Vec<usize> = (0..header.len())
            .map(|column| {
                rows.iter()
                    .map(|row| row[column].chars().count())
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut text = String::new();
        for row in &rows {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(text, "{cell:<width$}").expect("text grows");
                } else {
                    write!(text, "  {cell:>width$}").expect("text grows");
                }
            }
            text.push('\n');
        }
        text
    }
}
