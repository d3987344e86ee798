//! Medians, and the tables made of them.

use std::fmt::Write;

use crate::case::Operation;

/// One figure.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was measured.
    pub operation: Operation,
    /// Bits of n.
    pub bits: usize,
    /// Whose it is.
    pub who: String,
    /// Nanoseconds per item.
    pub nanoseconds: f64,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Results(Vec<Entry>);

impl Results {
    /// Adds a figure.
    pub fn push(&mut self, entry: Entry) {
        self.0.push(entry);
    }

    /// Nanoseconds per item, if it was measured; `who` is a prefix of the name.
    pub fn nanoseconds(&self, operation: Operation, bits: usize, who: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|e| e.operation == operation && e.bits == bits && e.who.starts_with(who))
            .map(|e| e.nanoseconds)
    }

    /// How many times faster `who` is than `peer`.
    pub fn ratio(&self, operation: Operation, bits: usize, who: &str, peer: &str) -> Option<f64> {
        let ours = self.nanoseconds(operation, bits, who)?;
        Some(self.nanoseconds(operation, bits, peer)? / ours)
    }

    /// A table in Markdown for one key size: operations per second, and in brackets how many times faster the first column is.
    pub fn table(&self, bits: usize) -> String {
        let entries = || self.0.iter().filter(|e| e.bits == bits);
        let mut columns: Vec<&str> = Vec::new();
        for e in entries() {
            if !columns.contains(&e.who.as_str()) {
                columns.push(&e.who);
            }
        }
        let mut rows: Vec<Operation> = entries().map(|e| e.operation).collect();
        rows.sort();
        rows.dedup();
        let mut out = format!("| n of {bits} bits, operations per second |");
        for who in &columns {
            write!(out, " {who} |").expect("strings grow");
        }
        out.push_str("\n|---|");
        out.push_str(&"--:|".repeat(columns.len()));
        for row in rows {
            write!(out, "\n| {} |", row.name()).expect("strings grow");
            for (i, who) in columns.iter().enumerate() {
                let cell = match self.nanoseconds(row, bits, who) {
                    None => String::new(),
                    Some(ns) if i == 0 => grouped(1e9 / ns),
                    Some(ns) => match self.ratio(row, bits, columns[0], who) {
                        Some(ratio) => format!("{} ({}×)", grouped(1e9 / ns), short(ratio)),
                        None => grouped(1e9 / ns),
                    },
                };
                write!(out, " {cell} |").expect("strings grow");
            }
        }
        out.push('\n');
        out
    }
}

/// Three significant digits or so.
pub fn short(value: f64) -> String {
    match value {
        v if v >= 100.0 => grouped(v),
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

/// A whole number with commas, to three significant digits.
pub fn grouped(value: f64) -> String {
    let mut magnitude = 1.0;
    while value / magnitude >= 999.5 {
        magnitude *= 10.0;
    }
    let digits = format!("{:.0}", (value / magnitude).round() * magnitude);
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
