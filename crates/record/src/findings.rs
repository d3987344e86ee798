//! What a table's values are like, field by field: how many are missing, invalid or stand for
//! nothing, and in which rows they were first seen.
//!
//! A run fills one [`Findings`] with what its binding observes of every record, parts of it on every
//! thread, and shows the whole to the person whose table it is. A clean table has none.
//!
//! ```
//! use blindjoin_record::findings::{Finding, Findings};
//! use blindjoin_record::{Date, RuleSet, Scratch};
//!
//! let rules = RuleSet::from_toml(
//!     "[columns]\nborn = \"born\"\n[[rule]]\nid = \"A\"\nsignature = [\"born:D\"]\n",
//! )?;
//! let binding = rules.bind(&["born"], Date::new(2026, 11, 21).expect("a day"))?;
//! let mut findings = Findings::new(&binding);
//! let mut scratch = Scratch::default();
//! for (row, born) in (1..).zip(["1980-02-03", "", "1980-02-31", "1981-07-30"]) {
//!     findings.add(row, binding.sign([born].as_slice(), &mut scratch).observed());
//! }
//! let born = &findings.fields()[0];
//! assert_eq!((born.of(Finding::Missing).count, born.of(Finding::Missing).first_rows()), (1, &[2][..]));
//! assert_eq!((born.of(Finding::Invalid).count, born.of(Finding::Invalid).first_rows()), (1, &[3][..]));
//! # Ok::<(), blindjoin_record::Error>(())
//! ```
//!
//! # Leakage
//!
//! Names of fields and columns, counts and row numbers, for the holder of the table; never a value.

mod frequent;
mod table;

use crate::binding::{Binding, Observed};
use crate::error::Error;
use frequent::Frequent;

pub use frequent::Shared;

/// What may be said of a value.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Finding {
    /// Null, empty or blank.
    Missing,
    /// Not a value of its kind, or one that an expression does not apply to.
    Invalid,
    /// A word or number that is written where there is no value.
    Placeholder,
    /// A date with a time of day, which was dropped.
    TimeOfDay,
    /// Invalid because it has no such month, while it would be a date with its day first.
    NoSuchMonth,
    /// A date that was read month first and would be another one with its day first.
    EitherWay,
    /// Invalid because the year of what looks like a date comes last, and only dates that begin
    /// with it are read.
    YearLast,
    /// A date that can be read month first only: nothing to say, but it tells the others' order.
    MonthFirst,
}

/// What was found in a table, over its records and the fields that its rules use.
///
/// Parts counted apart, by threads or chunks, [merge](Findings::merge) into the findings of the
/// whole, in any order.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Findings {
    records: u64,
    fields: Vec<FieldFindings>,
    /// Whether the rules are our own, and not bound to read as another program does.
    ours: bool,
}

/// What was found in the values of one field.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct FieldFindings {
    field: usize,
    name: String,
    column: Option<String>,
    sightings: [Sightings; Finding::ALL.len()],
    frequent: Frequent,
}

/// How often something was found, and where first.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Sightings {
    /// In how many records.
    pub count: u64,
    rows: [u64; FEW],
}

/// How many rows are named.
const FEW: usize = 3;

impl Finding {
    /// All findings.
    pub const ALL: [Self; 8] = [
        Self::Missing,
        Self::Invalid,
        Self::Placeholder,
        Self::TimeOfDay,
        Self::NoSuchMonth,
        Self::EitherWay,
        Self::YearLast,
        Self::MonthFirst,
    ];

    /// The finding's name in data.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::Placeholder => "placeholder",
            Self::TimeOfDay => "time_of_day",
            Self::NoSuchMonth => "no_such_month",
            Self::EitherWay => "either_way",
            Self::YearLast => "year_last",
            Self::MonthFirst => "month_first",
        }
    }

    pub(crate) const fn place(self) -> usize {
        self as usize
    }
}

impl Findings {
    /// Nothing found yet in a table of this binding's header.
    pub fn new(binding: &Binding) -> Self {
        let fields = binding.rules().fields().iter().enumerate();
        let fields = fields
            .filter(|(_, field)| field.is_used())
            .map(|(at, field)| FieldFindings {
                field: at,
                name: field.name().to_owned(),
                column: binding.column_name(at).map(str::to_owned),
                sightings: Default::default(),
                frequent: Frequent::default(),
            });
        Self {
            records: 0,
            fields: fields.collect(),
            ours: binding.rules().dialect().is_none(),
        }
    }

    /// Takes in what a binding has observed of one record; `row` is the record's number in its
    /// table, from 1.
    pub fn add(&mut self, row: u64, observed: Observed<'_>) {
        self.records += 1;
        for finding in Finding::ALL {
            let found = observed.found(finding);
            if found == 0 {
                continue;
            }
            for line in &mut self.fields {
                if found >> line.field & 1 == 1 {
                    line.sightings[finding.place()].see(row);
                }
            }
        }
        if Frequent::looks_at(row) {
            for line in &mut self.fields {
                if let Some(value) = observed.value(line.field) {
                    line.frequent.see(value, row);
                }
            }
        }
    }

    /// Adds what was found in another part of the same table.
    ///
    /// # Panics
    ///
    /// If the other part was read under another binding.
    pub fn merge(&mut self, other: &Self) {
        assert_eq!(self.fields.len(), other.fields.len(), "one binding");
        self.records += other.records;
        for (line, other) in self.fields.iter_mut().zip(&other.fields) {
            assert_eq!(line.name, other.name, "one binding");
            for (sightings, other) in line.sightings.iter_mut().zip(&other.sightings) {
                sightings.merge(other);
            }
            line.frequent.merge(&other.frequent);
        }
    }

    /// Records looked at.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The fields that the rules use, in the order of their declaration.
    pub fn fields(&self) -> &[FieldFindings] {
        &self.fields
    }

    /// Whether there is nothing to say.
    pub fn is_clean(&self) -> bool {
        self.fields.iter().all(FieldFindings::is_clean)
    }

    /// Refuses a table whose dates have been misread: some can be read day first only, none month
    /// first only, and others, which can be read either way, were read month first.
    ///
    /// Under a dialect that is what the reference does, and only remarked on.
    ///
    /// # Errors
    ///
    /// [`Error::DayFirst`], for the first such field.
    pub fn check(&self) -> Result<(), Error> {
        let misread = |line: &&FieldFindings| {
            let count = |finding| line.of(finding).count;
            count(Finding::NoSuchMonth) > 0
                && count(Finding::EitherWay) > 0
                && count(Finding::MonthFirst) == 0
        };
        match self.fields.iter().find(misread).filter(|_| self.ours) {
            None => Ok(()),
            Some(line) => Err(Error::DayFirst {
                field: line.name.clone(),
                column: line.column.clone().unwrap_or_default(),
                unread: line.of(Finding::NoSuchMonth).count,
                misread: line.of(Finding::EitherWay).count,
            }),
        }
    }
}

impl FieldFindings {
    /// The field.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The column it was read from; nothing if the table has none for it.
    pub fn column(&self) -> Option<&str> {
        self.column.as_deref()
    }

    /// How often something was found, and where first.
    pub fn of(&self, finding: Finding) -> &Sightings {
        &self.sightings[finding.place()]
    }

    /// A value that far more records share than any other, so that it may stand for none.
    pub fn shared(&self) -> Option<Shared> {
        self.frequent.outstanding()
    }

    /// Whether there is nothing to say of the field.
    pub fn is_clean(&self) -> bool {
        let silent = |finding: &Finding| match finding {
            Finding::MonthFirst => true,
            Finding::EitherWay => !self.is_ambiguous(),
            finding => self.of(*finding).count == 0,
        };
        Finding::ALL.iter().all(silent) && self.shared().is_none()
    }

    /// Whether dates may have been read in the wrong order, and no other date of the column tells.
    fn is_ambiguous(&self) -> bool {
        let count = |finding| self.of(finding).count;
        let told = count(Finding::MonthFirst) > 0 && count(Finding::NoSuchMonth) == 0;
        count(Finding::EitherWay) > 0 && !told
    }
}

impl Sightings {
    /// The numbers of the first rows it was found in, ascending, at most three.
    pub fn first_rows(&self) -> &[u64] {
        let known = self.rows.partition_point(|&row| row != 0);
        &self.rows[..known]
    }

    fn see(&mut self, row: u64) {
        self.count += 1;
        self.name(row);
    }

    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        other.first_rows().iter().for_each(|&row| self.name(row));
    }

    /// Keeps a row's number if it is among the first.
    fn name(&mut self, row: u64) {
        let at = self
            .rows
            .iter()
            .position(|&known| known == 0 || row < known);
        if let Some(at) = at {
            self.rows[at..].rotate_right(1);
            self.rows[at] = row;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Date, RuleSet, Scratch};

    fn found(rows: &[[&str; 2]], first_row: u64) -> Findings {
        let rules = RuleSet::from_toml(
            "[columns]\nname = \"Name\"\nborn = \"Born\"\nidle = \"Name\"\n\
             [[rule]]\nid = \"A\"\nsignature = [\"name\", \"born:D\"]\n",
        )
        .unwrap();
        let today = Date::new(2026, 11, 21).unwrap();
        let binding = rules.bind(&["Name", "Born"], today).unwrap();
        let (mut findings, mut scratch) = (Findings::new(&binding), Scratch::default());
        for (number, row) in (first_row..).zip(rows) {
            let signatures = binding.sign(row.as_slice(), &mut scratch);
            findings.add(number, signatures.observed());
        }
        findings
    }

    #[test]
    fn every_field_is_looked_at_though_a_rule_stops_at_its_first_fault() {
        let findings = found(&[["", "1980-02-31"], ["Ann", "1980-02-03"]], 1);
        let names: Vec<&str> = findings.fields().iter().map(FieldFindings::name).collect();
        assert_eq!(names, ["born", "name"], "fields that no rule uses are left");
        let [born, name] = findings.fields() else {
            panic!("two fields")
        };
        assert_eq!(name.column(), Some("Name"));
        assert_eq!(name.of(Finding::Missing).first_rows(), [1]);
        assert_eq!(born.of(Finding::Invalid).first_rows(), [1]);
        assert_eq!(born.of(Finding::Missing).count, 0);
        assert!(!findings.is_clean());
        assert!(found(&[["Ann", "1980-02-03"]], 1).is_clean());
    }

    #[test]
    fn parts_merge_in_any_order_into_the_first_rows_of_the_whole() {
        let rows = [["", "1980-02-03"]; 4];
        let (one, other) = (found(&rows, 1), found(&rows, 5));
        for (mut whole, part) in [(one.clone(), &other), (other.clone(), &one)] {
            whole.merge(part);
            let missing = whole.fields()[1].of(Finding::Missing);
            assert_eq!((missing.count, missing.first_rows()), (8, &[1, 2, 3][..]));
            assert_eq!(whole.records(), 8);
        }
    }
}
