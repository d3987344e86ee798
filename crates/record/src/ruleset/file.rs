//! Rules files.

mod input;

use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;

use super::spec::{FieldSpec, PartSpec, RuleSpec, Spec, check_name};
use super::{RECORD_ID, builtin};
use crate::dialect::Dialect;
use crate::encoding::Encoding;
use crate::error::Error;
use crate::field::FieldKind;
use input::Input;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    base: Option<Spanned<String>>,
    dialect: Option<Spanned<String>>,
    #[serde(default)]
    columns: BTreeMap<Spanned<String>, Columns>,
    #[serde(default)]
    fields: BTreeMap<Spanned<String>, Spanned<String>>,
    #[serde(default)]
    missing: BTreeMap<Spanned<String>, Vec<String>>,
    #[serde(default)]
    input: BTreeMap<Spanned<String>, Input>,
    #[serde(default)]
    rule: Vec<FileRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileRule {
    id: Spanned<String>,
    signature: Vec<Spanned<String>>,
    #[serde(default = "one")]
    weight: i64,
    #[serde(default)]
    probe: Vec<Vec<Spanned<String>>>,
}

/// A column, or several of which the first that has a valid value counts.
#[derive(Deserialize)]
#[serde(untagged, expecting = "a column's name, or { first_of = [names] }")]
enum Columns {
    One(String),
    FirstOf(FirstOf),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FirstOf {
    first_of: Vec<String>,
}

/// Reads a file into a specification; its rules are checked when that is compiled.
pub(super) fn read(text: &str) -> Result<Spec, Error> {
    let lines = Lines(text);
    let file: File = toml::from_str(text).map_err(|error| lines.syntax(&error))?;
    let mut spec = match &file.base {
        None => Spec::default(),
        Some(base) => builtin::spec(base.get_ref()).ok_or_else(|| Error::UnknownRuleSet {
            name: base.get_ref().clone(),
            known: builtin::NAMES.join(", "),
            line: lines.of(base),
        })?,
    };
    if let Some(name) = file.name {
        spec.name = name;
    }
    if let Some(dialect) = &file.dialect {
        let parsed: Dialect = dialect
            .get_ref()
            .parse()
            .map_err(|_| Error::UnknownDialect {
                dialect: dialect.get_ref().clone(),
                line: lines.of(dialect),
            })?;
        spec.dialect = Some(parsed);
    }
    for (name, kind) in &file.fields {
        let line = lines.of(kind);
        check_name(name.get_ref(), line)?;
        let parsed = FieldKind::from_name(kind.get_ref()).ok_or_else(|| Error::UnknownKind {
            field: name.get_ref().clone(),
            kind: kind.get_ref().clone(),
            known: FieldKind::ALL.map(FieldKind::name).join(", "),
            line,
        })?;
        match spec
            .fields
            .iter_mut()
            .find(|field| field.name == *name.get_ref())
        {
            Some(field) => field.kind = parsed,
            None => spec.fields.push(FieldSpec::new(name.get_ref(), parsed)),
        }
    }
    for (name, column) in &file.columns {
        let line = lines.of(name);
        let columns = column.names();
        let wrong = |expects| Error::Setting {
            name: name.get_ref().clone(),
            expects,
            line,
        };
        if name.get_ref() == RECORD_ID {
            let [column] = &columns[..] else {
                return Err(wrong("one column"));
            };
            spec.record_id = Some(column.clone());
            continue;
        }
        check_name(name.get_ref(), line)?;
        if columns.is_empty() {
            return Err(wrong("columns"));
        }
        let name = name.get_ref();
        let at = spec
            .fields
            .iter()
            .position(|field| field.name == *name)
            .unwrap_or_else(|| {
                spec.fields.push(FieldSpec::new(name, FieldKind::Text));
                spec.fields.len() - 1
            });
        spec.fields[at].columns = columns;
    }
    settings(&mut spec, file.missing, &file.input, &lines)?;
    for rule in &file.rule {
        let part = |part: &Spanned<String>| PartSpec::new(part.get_ref(), lines.of(part));
        spec.rules.push(RuleSpec {
            id: rule.id.get_ref().clone(),
            line: lines.of(&rule.id),
            weight: rule.weight,
            joiner: "|",
            blanks: None,
            signature: rule.signature.iter().map(part).collect(),
            probes: rule
                .probe
                .iter()
                .map(|probe| probe.iter().map(part).collect())
                .collect(),
        });
    }
    Ok(spec)
}

/// Takes in what stands for no value, and how this party writes its fields.
fn settings(
    spec: &mut Spec,
    missing: BTreeMap<Spanned<String>, Vec<String>>,
    input: &BTreeMap<Spanned<String>, Input>,
    lines: &Lines<'_>,
) -> Result<(), Error> {
    for (name, values) in missing {
        let line = lines.of(&name);
        field(spec, name.get_ref(), line)?.missing = Some((values, line));
    }
    for (name, input) in input {
        let line = lines.of(name);
        let wrong = |expects| Error::Setting {
            name: name.get_ref().clone(),
            expects,
            line,
        };
        if name.get_ref() == ENCODING {
            let Input::Form(encoding) = input else {
                return Err(wrong("the name of an encoding"));
            };
            let encoding = Encoding::from_name(encoding);
            spec.encoding = Some(encoding.ok_or_else(|| wrong(ENCODINGS))?);
            continue;
        }
        let field = field(spec, name.get_ref(), line)?;
        field.input = Some(input.form().map_err(wrong)?);
    }
    Ok(())
}

/// The declared field of that name.
fn field<'s>(
    spec: &'s mut Spec,
    name: &str,
    line: Option<usize>,
) -> Result<&'s mut FieldSpec, Error> {
    let declared = spec.declared();
    let found = spec.fields.iter_mut().find(|field| field.name == name);
    found.ok_or_else(|| Error::SettingOfNoField {
        field: name.to_owned(),
        declared,
        line,
    })
}

impl Columns {
    fn names(&self) -> Vec<String> {
        match self {
            Self::One(column) => vec![column.clone()],
            Self::FirstOf(columns) => columns.first_of.clone(),
        }
    }
}

/// The entry of `[input]` that is about the file and no field.
const ENCODING: &str = "encoding";

/// What it takes.
const ENCODINGS: &str = "one of utf-16, windows-1250, windows-1251, windows-1252, windows-1253, \
    windows-1254, windows-1257, iso-8859-1, iso-8859-2, iso-8859-15, ibm850, ibm852";

fn one() -> i64 {
    1
}

struct Lines<'a>(&'a str);

impl Lines<'_> {
    #[expect(clippy::unnecessary_wraps, reason = "errors hold an optional line")]
    fn of<T>(&self, spanned: &Spanned<T>) -> Option<usize> {
        Some(self.at(spanned.span().start).0)
    }

    fn at(&self, offset: usize) -> (usize, usize) {
        let before = self.0.get(..offset).unwrap_or(self.0);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[start..].chars().count() + 1)
    }

    fn syntax(&self, error: &toml::de::Error) -> Error {
        let (line, column) = error.span().map_or((1, 1), |span| self.at(span.start));
        Error::Syntax {
            line,
            column,
            message: error.message().trim_end().replace('\n', "; "),
        }
    }
}
