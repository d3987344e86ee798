//! Rules bound to a header, and what they make of a row.

mod columns;
mod signed;

use crate::date::Date;
use crate::dialect::{Habits, Language};
use crate::error::Error;
use crate::expression::Buffers;
use crate::field::{Check, FieldKind};
use crate::findings::Finding;
use crate::normalise::date::is_year_last;
use crate::ruleset::{Blanks, Field, Form, RECORD_ID, Rule, RuleSet};
use crate::text::without_invisible;
use columns::Finder;
pub use signed::{Fault, Observed, Probes, Reason, Signatures};

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
    /// By field, further columns that count where the first has no valid value.
    further: Vec<Vec<usize>>,
    column_names: Vec<Option<String>>,
    remarks: Vec<String>,
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
    input: String,
    text: String,
    signed: Vec<(usize, Cell)>,
    /// Fields that a rule has come upon and found missing or invalid.
    invalid: u64,
    /// For each finding, the fields of which it is true.
    found: [u64; Finding::ALL.len()],
}

impl Binding {
    pub(crate) fn new(
        rules: &RuleSet,
        header: &[impl AsRef<str>],
        today: Date,
    ) -> Result<Self, Error> {
        let header: Vec<&str> = header.iter().map(AsRef::as_ref).collect();
        let habits = rules.habits();
        let mut finder = Finder {
            header: &header,
            last_counts: rules.dialect().is_some(),
            remarks: Vec::new(),
        };
        let mut columns = Vec::with_capacity(rules.fields().len());
        let mut further = Vec::with_capacity(rules.fields().len());
        for field in rules.fields() {
            let mut found = Vec::new();
            for column in field.columns() {
                found.push(finder.mapped(field.name(), column)?);
            }
            if field.columns().is_empty() {
                let names = field.customary_headers(habits);
                let column = finder.customary(field.name(), &names, field.is_used())?;
                if column.is_none() && field.is_required() {
                    return Err(Error::ColumnMissing {
                        field: field.name().to_owned(),
                        column: names.join("` or `"),
                    });
                }
                found.extend(column);
            }
            columns.push(found.first().copied());
            further.push(found.split_off(found.len().min(1)));
        }
        let record_id = if let Some(column) = rules.record_id_column() {
            Some(finder.mapped(RECORD_ID, column)?)
        } else {
            let names = ["RecordId", "Id", RECORD_ID];
            let known = if rules.dialect().is_some() { 2 } else { 3 };
            finder.customary(RECORD_ID, &names[..known], true)?
        };
        let remarks = finder.remarks;
        let name = |column: Option<usize>| column.map(|column| header[column].trim().to_owned());
        Ok(Self {
            rules: rules.clone(),
            column_names: columns.iter().copied().map(name).collect(),
            columns,
            further,
            remarks,
            record_id,
            habits,
            today,
        })
    }

    pub(crate) fn of_fields(rules: &RuleSet, today: Date) -> Self {
        let fields = rules.fields();
        Self {
            rules: rules.clone(),
            columns: (0..fields.len()).map(Some).collect(),
            further: vec![Vec::new(); fields.len()],
            column_names: fields
                .iter()
                .map(|field| Some(field.name().to_owned()))
                .collect(),
            remarks: Vec::new(),
            record_id: None,
            habits: rules.habits(),
            today,
        }
    }

    /// The rules.
    pub fn rules(&self) -> &RuleSet {
        &self.rules
    }

    /// What should be said of how the columns were found: that there are several for one field, of
    /// which a dialect takes the last.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
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

    /// The fields without which a rule yields nothing and for which the table has no column; none if
    /// it may yield something. A provider may `probe` forms with other fields than the signature's.
    pub fn lacking(&self, rule: usize, probe: bool) -> Vec<&Field> {
        let rule = &self.rules.rules()[rule];
        let fields = |form: &Form| -> Vec<usize> {
            let fields = form.iter().map(|&part| self.rules.parts()[part].field);
            let mut lacking: Vec<usize> = fields
                .filter(|&field| self.columns[field].is_none())
                .collect();
            lacking.sort_unstable();
            lacking.dedup();
            lacking
        };
        let probes = probe && rule.has_probes();
        let forms = if probes {
            &rule.probes[..]
        } else {
            std::slice::from_ref(&rule.signature)
        };
        let fewest = forms.iter().map(fields).min_by_key(Vec::len);
        let fewest = fewest.unwrap_or_default().into_iter();
        fewest.map(|field| &self.rules.fields()[field]).collect()
    }

    /// The names by which a field's column is known in this table.
    pub fn names_of<'f>(&self, field: &'f Field) -> Vec<&'f str> {
        if field.columns().is_empty() {
            return field.customary_headers(self.habits);
        }
        field.columns().iter().map(String::as_str).collect()
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
                    let year_last = is_year_last(value);
                    scratch.forms.truncate(start);
                    scratch.find(Finding::Invalid, field);
                    if year_last {
                        scratch.find(Finding::YearLast, field);
                    }
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
        let mut read = match self.columns[field] {
            None => Read {
                cell: Err(Fault::NoColumn),
                finding: None,
            },
            Some(column) => self.read(field, row.cell(column), scratch),
        };
        for &column in &self.further[field] {
            if read.cell.is_ok() {
                break;
            }
            let next = self.read(field, row.cell(column), scratch);
            // Of several faults the first counts that is more than an empty cell.
            if next.cell.is_ok() || read.cell == Err(Fault::Missing) {
                read = next;
            }
        }
        if let Some(finding) = read.finding {
            scratch.find(finding, field);
        }
        let cell = match read.cell {
            Ok((from, to)) => {
                // Where an empty value is as good as any, it is missing all the same.
                if scratch.values[from..to].trim().is_empty() {
                    scratch.find(Finding::Missing, field);
                }
                Cell::Text(from, to)
            }
            Err(fault) => {
                match fault {
                    Fault::Invalid => scratch.find(Finding::Invalid, field),
                    Fault::Placeholder => scratch.find(Finding::Placeholder, field),
                    _ if self.columns[field].is_none() => {}
                    _ => scratch.find(Finding::Missing, field),
                }
                Cell::Fault(Reason { field, fault })
            }
        };
        scratch.fields[field] = cell;
        cell
    }

    /// Reads one cell for a field: its input form, what stands for no value, and the normal form of
    /// its kind, appended to the scratch's values.
    fn read(&self, field: usize, value: Option<&str>, scratch: &mut Scratch) -> Read {
        let known = &self.rules.fields()[field];
        let kind = known.kind();
        let fault = |fault| Read {
            cell: Err(fault),
            finding: None,
        };
        if value.is_none() && kind.null_is_absent(self.habits) {
            return fault(Fault::NoColumn);
        }
        let ours = self.habits.language == Language::Ours && kind != FieldKind::Raw;
        let shown = match value {
            Some(value) if ours => without_invisible(value),
            value => value.unwrap_or_default().into(),
        };
        let code = known.input.as_ref().and_then(|input| input.code(&shown));
        if code.is_none() && known.placeholders.contains(kind, &shown) {
            return fault(Fault::Placeholder);
        }
        let Scratch { values, input, .. } = scratch;
        let value = match (&known.input, code) {
            (_, Some(code)) => Some(code),
            (Some(form), None) if !shown.trim().is_empty() => form.rewrite(&shown, input),
            _ => Some(&*shown),
        };
        let start = values.len();
        let outcome = match value {
            Some(value) => kind.normalise(Some(value), self.habits, self.today, values),
            None => return fault(Fault::Invalid),
        };
        let normal = &values[start..];
        let cell = match outcome.check {
            Check::Missing => Err(Fault::Missing),
            Check::Invalid => Err(Fault::Invalid),
            Check::Valid if normal != &*shown && known.placeholders.contains(kind, normal) => {
                Err(Fault::Placeholder)
            }
            Check::Valid => Ok((start, values.len())),
        };
        if cell.is_err() {
            values.truncate(start);
        }
        Read {
            finding: outcome.finding.filter(|_| cell != Err(Fault::Placeholder)),
            cell,
        }
    }

    fn reason(&self, part: usize, fault: Fault) -> Reason {
        Reason {
            field: self.rules.parts()[part].field,
            fault,
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

/// A span of one of the scratch's texts, once known.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cell {
    Unknown,
    Text(usize, usize),
    Fault(Reason),
}

/// One cell as it was read: the span of its normal form or what is the matter with it, and what else
/// is to be said.
struct Read {
    cell: Result<(usize, usize), Fault>,
    finding: Option<Finding>,
}
