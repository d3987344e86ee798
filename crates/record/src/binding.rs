//! Rules bound to a header, and what they make of a row.

use std::fmt;

use crate::date::Date;
use crate::dialect::Habits;
use crate::error::Error;
use crate::expression::Buffers;
use crate::field::Check;
use crate::findings::Finding;
use crate::ruleset::{Blanks, Form, RECORD_ID, Rule, RuleSet};

/// A row of a table: its cells by column index, nothing where a cell is null or absent.
pub trait Row {
    /// The cell in a column.
    fn cell(&self, column: usize) -> Option<&str>;
}

impl<T: AsRef<str>> Row for [T] {
    fn cell(&self, column: usize) -> Option<&str> {
        self.get(column).map(AsRef::as_ref)
    }
}

impl<T: AsRef<str>> Row for Vec<T> {
    fn cell(&self, column: usize) -> Option<&str> {
        self.as_slice().cell(column)
    }
}

impl<R: Row + ?Sized> Row for &R {
    fn cell(&self, column: usize) -> Option<&str> {
        (**self).cell(column)
    }
}

/// Rules bound to one header. Signing is `&self`, so threads may share one.
#[derive(Clone, Debug)]
pub struct Binding {
    rules: RuleSet,
    columns: Vec<Option<usize>>,
    column_names: Vec<Option<String>>,
    record_id: Option<usize>,
    habits: &'static Habits,
    today: Date,
}

/// What signing a row needs and the next row reuses: one per thread.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    fields: Vec<Cell>,
    parts: Vec<Cell>,
    values: String,
    forms: String,
    buffers: Buffers,
    text: String,
    signed: Vec<(usize, Cell)>,
    /// Fields that a rule has come upon and found missing or invalid.
    invalid: u64,
    /// For each finding, the fields of which it is true.
    found: [u64; Finding::ALL.len()],
}

/// Why a record has no signature under a rule.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Reason {
    /// The field, as an index into [`RuleSet::fields`].
    pub field: usize,
    /// What is the matter with it.
    pub fault: Fault,
}

/// What is the matter with a field of a record.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Fault {
    /// The table has no such column.
    NoColumn,
    /// Null, empty or blank.
    Missing,
    /// Not a valid value of its kind.
    Invalid,
    /// An expression does not apply to it, as `D` to what is no date.
    Inapplicable,
    /// Nothing is left of it after its expression.
    Empty,
}

/// What a querier inserts for one row: per rule a signature, or why there is none.
#[derive(Clone, Copy, Debug)]
pub struct Signatures<'s> {
    scratch: &'s Scratch,
}

/// What a provider probes for one row: per rule one signature or several, or why there is none.
#[derive(Clone, Copy, Debug)]
pub struct Probes<'s> {
    scratch: &'s Scratch,
}

/// What is to be said of one row's fields, for [`Findings`](crate::findings::Findings) to count.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'s> {
    scratch: &'s Scratch,
}

impl Binding {
    pub(crate) fn new(
        rules: &RuleSet,
        header: &[impl AsRef<str>],
        today: Date,
    ) -> Result<Self, Error> {
        let header: Vec<&str> = header.iter().map(AsRef::as_ref).collect();
        let habits = rules.habits();
        let mut columns = Vec::with_capacity(rules.fields().len());
        for field in rules.fields() {
            let (column, wanted) = if let Some(column) = field.column() {
                (mapped(&header, column), Some(column.to_owned()))
            } else {
                let names = field.customary_headers(habits);
                let column = customary_column(&header, &names);
                (column, field.is_required().then(|| names.join("` or `")))
            };
            if let (None, Some(column)) = (column, wanted) {
                return Err(Error::ColumnMissing {
                    field: field.name().to_owned(),
                    column,
                });
            }
            columns.push(column);
        }
        let record_id = match rules.record_id_column() {
            Some(column) => {
                let missing = || Error::ColumnMissing {
                    field: RECORD_ID.to_owned(),
                    column: column.to_owned(),
                };
                Some(mapped(&header, column).ok_or_else(missing)?)
            }
            None if rules.dialect().is_some() => customary_column(&header, &["RecordId", "Id"]),
            None => customary_column(&header, &["RecordId", "Id", RECORD_ID]),
        };
        let name = |column: Option<usize>| column.map(|column| header[column].trim().to_owned());
        Ok(Self {
            rules: rules.clone(),
            column_names: columns.iter().copied().map(name).collect(),
            columns,
            record_id,
            habits,
            today,
        })
    }

    /// The rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// The column of the record id, if there is one.
    pub fn record_id_column(&self) -> Option<usize> {
        self.record_id
    }

    /// The column of each field, in the order of [`RuleSet::fields`].
    pub fn columns(&self) -> &[Option<usize>] {
        &self.columns
    }

    /// The name of a field's column, trimmed; nothing if the table has none for it.
    pub fn column_name(&self, field: usize) -> Option<&str> {
        self.column_names[field].as_deref()
    }

    /// The row's record id, untouched.
    pub fn record_id<'r>(&self, row: &'r (impl Row + ?Sized)) -> Option<&'r str> {
        row.cell(self.record_id?)
    }

    /// Signs a row under every rule, as the querier and the token engine do.
    pub fn sign<'s>(&self, row: &(impl Row + ?Sized), scratch: &'s mut Scratch) -> Signatures<'s> {
        scratch.reset(self.rules.fields().len(), self.rules.parts().len());
        for (i, rule) in self.rules.rules().iter().enumerate() {
            let cell = self.form(rule, &rule.signature, row, scratch);
            scratch.signed.push((i, cell));
        }
        self.observe(row, scratch);
        Signatures { scratch }
    }

    /// Signs a row in every form under which a querier may hold its key, as the provider does.
    ///
    /// For a rule without probe forms that is the signature itself.
    pub fn probe<'s>(&self, row: &(impl Row + ?Sized), scratch: &'s mut Scratch) -> Probes<'s> {
        scratch.reset(self.rules.fields().len(), self.rules.parts().len());
        for (i, rule) in self.rules.rules().iter().enumerate() {
            if rule.probes.is_empty() {
                let cell = self.form(rule, &rule.signature, row, scratch);
                scratch.signed.push((i, cell));
            }
            for probe in &rule.probes {
                let cell = self.form(rule, probe, row, scratch);
                scratch.signed.push((i, cell));
            }
        }
        self.observe(row, scratch);
        Probes { scratch }
    }

    fn form(
        &self,
        rule: &Rule,
        form: &Form,
        row: &(impl Row + ?Sized),
        scratch: &mut Scratch,
    ) -> Cell {
        let start = scratch.text.len();
        let mut joined = false;
        for &part in form {
            let (from, to) = match self.part(part, row, scratch) {
                Cell::Text(from, to) => (from, to),
                other => {
                    scratch.text.truncate(start);
                    return other;
                }
            };
            let text = &scratch.forms[from..to];
            let blank = match rule.blanks {
                Blanks::Keep => false,
                Blanks::Drop => self.habits.white_space.is_blank(text),
                Blanks::Refuse => text.is_empty(),
            };
            if blank {
                if rule.blanks == Blanks::Drop {
                    continue;
                }
                scratch.text.truncate(start);
                return Cell::Fault(self.reason(part, Fault::Empty));
            }
            if joined {
                scratch.text.push_str(rule.joiner);
            }
            scratch.text.push_str(text);
            joined = true;
        }
        if scratch.text.len() == start {
            return Cell::Fault(self.reason(form[0], Fault::Empty));
        }
        Cell::Text(start, scratch.text.len())
    }

    fn part(&self, part: usize, row: &(impl Row + ?Sized), scratch: &mut Scratch) -> Cell {
        if scratch.parts[part] != Cell::Unknown {
            return scratch.parts[part];
        }
        let field = self.rules.parts()[part].field;
        let cell = match self.field_of_rule(field, row, scratch) {
            Cell::Text(from, to) => {
                let start = scratch.forms.len();
                let expression = &self.rules.parts()[part].expression;
                let value = &scratch.values[from..to];
                if expression
                    .apply(value, &mut scratch.forms, &mut scratch.buffers)
                    .is_ok()
                {
                    Cell::Text(start, scratch.forms.len())
                } else {
                    scratch.forms.truncate(start);
                    scratch.find(Finding::Invalid, field);
                    Cell::Fault(Reason {
                        field,
                        fault: Fault::Inapplicable,
                    })
                }
            }
            fault => fault,
        };
        scratch.parts[part] = cell;
        cell
    }

    /// A field that a rule comes upon: only then it counts among [`Signatures::invalid_fields`].
    fn field_of_rule(
        &self,
        field: usize,
        row: &(impl Row + ?Sized),
        scratch: &mut Scratch,
    ) -> Cell {
        let cell = self.field(field, row, scratch);
        if let Cell::Fault(Reason { fault, .. }) = cell
            && fault != Fault::NoColumn
        {
            scratch.invalid |= 1 << field;
        }
        cell
    }

    /// Looks at what no rule has come upon, because it stopped at a fault before it.
    fn observe(&self, row: &(impl Row + ?Sized), scratch: &mut Scratch) {
        let invalid = scratch.invalid;
        for (part, known) in self.rules.parts().iter().enumerate() {
            let needed = if known.expression.can_fail() {
                scratch.parts[part] == Cell::Unknown
            } else {
                scratch.fields[known.field] == Cell::Unknown
            };
            if needed {
                self.part(part, row, scratch);
            }
        }
        scratch.invalid = invalid;
    }

    fn field(&self, field: usize, row: &(impl Row + ?Sized), scratch: &mut Scratch) -> Cell {
        if scratch.fields[field] != Cell::Unknown {
            return scratch.fields[field];
        }
        let cell = match self.columns[field] {
            None => Cell::Fault(Reason {
                field,
                fault: Fault::NoColumn,
            }),
            Some(column) => {
                let value = row.cell(column);
                let start = scratch.values.len();
                let kind = self.rules.fields()[field].kind();
                let check = kind.normalise(value, self.habits, self.today, &mut scratch.values);
                if check == Check::Valid {
                    // Where an empty value is as good as any, it is missing all the same.
                    if scratch.values[start..].trim().is_empty() {
                        scratch.find(Finding::Missing, field);
                    }
                    Cell::Text(start, scratch.values.len())
                } else {
                    scratch.values.truncate(start);
                    let fault = match check {
                        _ if value.is_none() && kind.null_is_absent(self.habits) => Fault::NoColumn,
                        Check::Missing => Fault::Missing,
                        _ => Fault::Invalid,
                    };
                    match fault {
                        Fault::Invalid => scratch.find(Finding::Invalid, field),
                        _ => scratch.find(Finding::Missing, field),
                    }
                    Cell::Fault(Reason { field, fault })
                }
            }
        };
        scratch.fields[field] = cell;
        cell
    }

    fn reason(&self, part: usize, fault: Fault) -> Reason {
        Reason {
            field: self.rules.parts()[part].field,
            fault,
        }
    }
}

impl<'s> Signatures<'s> {
    /// The signature under a rule, or why there is none.
    pub fn get(&self, rule: usize) -> Result<&'s str, Reason> {
        self.scratch.read(self.scratch.signed[rule].1)
    }

    /// The signatures in the order of the rules.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Result<&'s str, Reason>> + use<'s> {
        let scratch = self.scratch;
        scratch.signed.iter().map(|&(_, cell)| scratch.read(cell))
    }

    /// The fields found missing or invalid: bit `i` stands for field `i`.
    ///
    /// A rule stops at its first such field, so those behind it are not seen unless another rule
    /// comes upon them.
    pub fn invalid_fields(&self) -> u64 {
        self.scratch.invalid
    }

    /// What is to be said of the row's fields, whether or not a rule came upon them.
    pub fn observed(&self) -> Observed<'s> {
        Observed {
            scratch: self.scratch,
        }
    }
}

impl<'s> Probes<'s> {
    /// Rule and signature, or why there is none, in the order of the rules and their probe forms.
    pub fn iter(
        &self,
    ) -> impl ExactSizeIterator<Item = (usize, Result<&'s str, Reason>)> + use<'s> {
        let scratch = self.scratch;
        scratch
            .signed
            .iter()
            .map(|&(rule, cell)| (rule, scratch.read(cell)))
    }

    /// What is to be said of the row's fields, whether or not a rule came upon them.
    pub fn observed(&self) -> Observed<'s> {
        Observed {
            scratch: self.scratch,
        }
    }
}

impl<'s> Observed<'s> {
    /// The fields of which something is to be said: bit `i` stands for field `i`.
    pub fn found(self, finding: Finding) -> u64 {
        self.scratch.found[finding.place()]
    }

    /// The normal form of a field's value, if it is a valid one.
    pub(crate) fn value(self, field: usize) -> Option<&'s str> {
        match self.scratch.fields[field] {
            Cell::Text(from, to) => Some(&self.scratch.values[from..to]),
            _ => None,
        }
    }
}

impl Scratch {
    fn reset(&mut self, fields: usize, parts: usize) {
        self.fields.clear();
        self.fields.resize(fields, Cell::Unknown);
        self.parts.clear();
        self.parts.resize(parts, Cell::Unknown);
        self.values.clear();
        self.forms.clear();
        self.text.clear();
        self.signed.clear();
        self.invalid = 0;
        self.found = Default::default();
    }

    fn find(&mut self, finding: Finding, field: usize) {
        self.found[finding.place()] |= 1 << field;
    }

    fn read(&self, cell: Cell) -> Result<&str, Reason> {
        match cell {
            Cell::Text(from, to) => Ok(&self.text[from..to]),
            Cell::Fault(reason) => Err(reason),
            Cell::Unknown => unreachable!("every form has been evaluated"),
        }
    }
}

impl Fault {
    /// The fault's name in reports: `MISSING`, `INVALID` and so on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoColumn => "NO_COLUMN",
            Self::Missing => "MISSING",
            Self::Invalid => "INVALID",
            Self::Inapplicable => "INAPPLICABLE",
            Self::Empty => "EMPTY",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoColumn => "has no column",
            Self::Missing => "is missing",
            Self::Invalid => "is invalid",
            Self::Inapplicable => "does not fit its expression",
            Self::Empty => "is empty after its expression",
        })
    }
}

/// A span of one of the scratch's texts, once known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cell {
    Unknown,
    Text(usize, usize),
    Fault(Reason),
}

fn mapped(header: &[&str], column: &str) -> Option<usize> {
    let column = column.trim();
    let exact = header.iter().rposition(|name| name.trim() == column);
    exact.or_else(|| {
        let column = column.to_lowercase();
        header
            .iter()
            .rposition(|name| name.trim().to_lowercase() == column)
    })
}

fn customary_column(header: &[&str], names: &[&str]) -> Option<usize> {
    header.iter().rposition(|column| {
        let column = column.to_lowercase();
        names.iter().any(|name| column == name.to_lowercase())
    })
}
