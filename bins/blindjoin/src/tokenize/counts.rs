//! What a run of the tokenizer has come to, for people and as data.

use std::sync::Arc;

use blindjoin_columnar::RowBuffer;
use blindjoin_record::{Binding, RuleSet};
use blindjoin_token::Tally;
use serde_json::{Value, json};

use crate::console::Console;

/// What a run has counted.
pub(super) struct Counts {
    input: Arc<str>,
    pub(super) tally: Tally,
    rules: usize,
    ragged_rows: u64,
    first_ragged_row: Option<u64>,
}

/// What one chunk has come to.
pub(super) struct Done {
    pub(super) rows: RowBuffer,
    pub(super) tally: Tally,
    pub(super) ragged_rows: u64,
    pub(super) first_ragged_row: Option<u64>,
    pub(super) progress: u64,
}

impl Counts {
    /// Nothing yet.
    pub(super) fn new(input: &Arc<str>, binding: &Binding) -> Self {
        Self {
            input: Arc::clone(input),
            tally: Tally::new(binding),
            rules: binding.rules().rules().len(),
            ragged_rows: 0,
            first_ragged_row: None,
        }
    }

    /// Counts the next chunk, and yields its rows.
    pub(super) fn take(&mut self, done: Done) -> RowBuffer {
        self.tally.merge(&done.tally);
        self.ragged_rows += done.ragged_rows;
        self.first_ragged_row = self.first_ragged_row.or(done.first_ragged_row);
        done.rows
    }

    /// Whether there are records, and none of them yields a token.
    pub(super) fn are_empty(&self) -> bool {
        self.tally.rows() > 0 && self.blank() == self.tokens()
    }

    /// Says what is not as it should be.
    pub(super) fn remark(&self, rules: &RuleSet, console: &Console) {
        let (input, tally) = (&self.input, &self.tally);
        if let Some(first) = self.first_ragged_row {
            console.note(format_args!(
                "{input}: {} rows have more or fewer cells than the header, the first is row {first}",
                self.ragged_rows,
            ));
        }
        if tally.generated_ids() > 0 {
            console.note(format_args!(
                "{input}: {} records have no record id and were given random ones",
                tally.generated_ids(),
            ));
        }
        if !tally.findings().is_clean() {
            console.note(tally.findings());
        }
        for (position, rule) in rules.rules().iter().enumerate() {
            let blank = tally.blank(position);
            if blank > 0 {
                let reasons = self.reasons(rules, position).into_iter();
                let reasons = reasons.map(|(reason, count)| format!("{reason} in {count}"));
                console.note(format_args!(
                    "rule {}: {blank} tokens are blank: {}",
                    rule.id(),
                    reasons.collect::<Vec<_>>().join(", ")
                ));
            }
        }
    }

    /// Says what was done, in a line.
    pub(super) fn tell(&self, outputs: &[String], console: &Console) {
        console.note(format_args!(
            "{}: {} records, {} tokens under {} rules, {} of them blank: {}",
            self.input,
            self.tally.rows(),
            self.tokens(),
            self.rules,
            self.blank(),
            outputs.join(", ")
        ));
    }

    /// The same as data.
    pub(super) fn data(&self, rules: &RuleSet, outputs: &[String]) -> serde_json::Result<Value> {
        let by_rule: Vec<Value> = rules
            .rules()
            .iter()
            .enumerate()
            .map(|(position, rule)| {
                let because: serde_json::Map<String, Value> = self
                    .reasons(rules, position)
                    .into_iter()
                    .map(|(reason, count)| (reason, count.into()))
                    .collect();
                json!({
                    "rule": rule.id(),
                    "tokens": self.tally.rows(),
                    "blank": self.tally.blank(position),
                    "because": because,
                })
            })
            .collect();
        Ok(json!({
            "input": &*self.input,
            "records": self.tally.rows(),
            "tokens": self.tokens(),
            "blank": self.blank(),
            "rules": by_rule,
            "rows_of_other_width": self.ragged_rows,
            "generated_record_ids": self.tally.generated_ids(),
            "findings": serde_json::to_value(self.tally.findings())?,
            "outputs": outputs,
        }))
    }

    fn tokens(&self) -> u64 {
        self.tally.rows() * self.rules as u64
    }

    /// Blank tokens.
    pub(super) fn blank(&self) -> u64 {
        (0..self.rules).map(|rule| self.tally.blank(rule)).sum()
    }

    /// Why tokens of a rule are blank, as in `birth_date is invalid`, and how many.
    fn reasons(&self, rules: &RuleSet, rule: usize) -> Vec<(String, u64)> {
        let reasons = self.tally.skipped(rule);
        reasons
            .map(|(reason, count)| {
                let field = rules.fields()[reason.field].name();
                (format!("{field} {}", reason.fault), count)
            })
            .collect()
    }
}
