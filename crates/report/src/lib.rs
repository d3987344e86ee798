//! The report of a linkage as one HTML file: figures, plots as SVG, no script, nothing fetched.
//!
//! A [`Report`] holds plain results (counts, durations, sizes) and renders itself to text. It never
//! holds a record, an identifier or a name of a person: what goes in is what may be passed on, and a
//! count below the threshold its maker chose must already be suppressed.
//!
//! ```
//! use blindjoin_report::{Report, RuleCount};
//!
//! let report = Report {
//!     title: "Registry A at registry B".to_owned(),
//!     records: 3,
//!     matched: 2,
//!     rules: vec![RuleCount { rule: "ID".to_owned(), matched: 2, unmatched: 1, no_value: 0 }],
//!     ..Report::default()
//! };
//! assert!(report.to_html().contains("2 of 3 records matched"));
//! ```
#![forbid(unsafe_code)]

use std::borrow::Borrow;

use askama::Template;

use crate::svg::Bars;

mod svg;

/// The results of one linkage, as the querier may keep and show them.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "report.html")]
pub struct Report {
    /// What was linked, as the heading.
    pub title: String,
    /// When, already formatted.
    pub generated: String,
    /// Number of the querier's records.
    pub records: u64,
    /// How many of them matched by any rule.
    pub matched: u64,
    /// How many could not be compared by every rule they have a value for.
    pub not_compared: u64,
    /// One entry per rule, in the order of the card's columns.
    pub rules: Vec<RuleCount>,
    /// How long each phase took, in order.
    pub phases: Vec<Phase>,
    /// How much crossed each connection.
    pub links: Vec<Link>,
    /// What each party learned, and what parties learn that pool what they see.
    pub learned: Vec<Learned>,
    /// The public parameters of the session.
    pub parameters: Vec<Fact>,
}

/// How the cells of one rule's column came out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleCount {
    /// The rule's name.
    pub rule: String,
    /// Cells that matched.
    pub matched: u64,
    /// Cells that did not.
    pub unmatched: u64,
    /// Records without a valid value for the rule.
    pub no_value: u64,
}

/// One phase of the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Phase {
    /// What was done.
    pub name: String,
    /// Wall time, seconds.
    pub seconds: f64,
}

/// Traffic on one connection, in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// From whom to whom, and what.
    pub name: String,
    /// Bytes, without the transport's own overhead.
    pub bytes: u64,
}

/// What somebody learned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// The party, or the parties together.
    pub who: String,
    /// What it is, a clause each; none means nothing.
    pub what: Vec<String>,
}

/// A named statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fact {
    /// The parameter.
    pub name: String,
    /// What is said of it.
    pub value: String,
}

impl Report {
    /// The whole report as one HTML document.
    ///
    /// # Panics
    ///
    /// Never: the template is checked when this crate is compiled, and writes to memory.
    pub fn to_html(&self) -> String {
        self.render().expect("writing to a string cannot fail")
    }

    fn has_not_compared(&self) -> bool {
        self.not_compared > 0
    }

    fn matched_share(&self) -> String {
        match self.records {
            0 => "no records".to_owned(),
            records => format!("{:.1} %", 100.0 * to_f64(self.matched) / to_f64(records)),
        }
    }

    fn rules_svg(&self) -> String {
        let mut bars = Bars::new("Cells per rule", &["matched", "not matched", "no value"]);
        for rule in &self.rules {
            let parts = [rule.matched, rule.unmatched, rule.no_value];
            bars.push(&rule.rule, &parts.map(to_f64), &group_digits(rule.matched));
        }
        bars.to_svg()
    }

    fn phases_svg(&self) -> String {
        let mut bars = Bars::new("Wall time per phase", &["seconds"]);
        for phase in &self.phases {
            bars.push(
                &phase.name,
                &[phase.seconds],
                &format!("{:.2} s", phase.seconds),
            );
        }
        bars.to_svg()
    }
}

/// Counts as lengths of bars; beyond 2^53 a bar's length is rounded, its label is not.
#[expect(clippy::cast_precision_loss, reason = "the length of a bar on a page")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

fn group_digits(count: impl Borrow<u64>) -> String {
    let digits = count.borrow().to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Report {
        Report {
            title: "A <at> B".to_owned(),
            generated: "2026-11-22".to_owned(),
            records: 12_345,
            matched: 1_234,
            not_compared: 2,
            rules: vec![
                RuleCount {
                    rule: "ID".to_owned(),
                    matched: 1_200,
                    unmatched: 11_000,
                    no_value: 145,
                },
                RuleCount {
                    rule: "N&D".to_owned(),
                    matched: 34,
                    unmatched: 12_311,
                    no_value: 0,
                },
            ],
            phases: vec![Phase {
                name: "table".to_owned(),
                seconds: 1.5,
            }],
            links: vec![Link {
                name: "querier to provider".to_owned(),
                bytes: 1_048_576,
            }],
            learned: vec![
                Learned {
                    who: "key holder".to_owned(),
                    what: vec!["1,266 matches".to_owned(), "the sizes".to_owned()],
                },
                Learned {
                    who: "data provider".to_owned(),
                    what: Vec::new(),
                },
            ],
            parameters: vec![Fact {
                name: "modulus".to_owned(),
                value: "3072 bits".to_owned(),
            }],
        }
    }

    #[test]
    fn every_figure_appears_and_text_is_escaped() {
        let html = example().to_html();
        for figure in [
            "1,234 of 12,345",
            "1,200",
            "11,000",
            "1.50 s",
            "1,048,576",
            "3072 bits",
            "<td>1,266 matches;<br>the sizes</td>",
            "<th>data provider</th><td>nothing</td>",
        ] {
            assert!(html.contains(figure), "{figure} is missing");
        }
        assert!(html.contains("N&#38;D") || html.contains("N&amp;D"));
        assert!(!html.contains("A <at> B"));
    }

    #[test]
    fn nothing_is_fetched_and_nothing_runs() {
        let html = example().to_html().to_lowercase();
        for banned in ["<script", "http://", "https://", "src=", "@import", "url("] {
            assert!(!html.contains(banned), "{banned}");
        }
    }

    #[test]
    fn an_empty_linkage_still_renders() {
        assert!(
            Report::default()
                .to_html()
                .contains("0 of 0 records matched")
        );
    }

    #[test]
    fn digits_are_grouped_by_three() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(group_digits),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
