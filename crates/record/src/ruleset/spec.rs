//! A rule set as it is written, before it is compiled.

use super::Blanks;
use crate::dialect::Dialect;
use crate::encoding::Encoding;
use crate::error::Error;
use crate::field::FieldKind;
use crate::input::InputForm;

#[derive(Clone, Debug, Default)]
pub(super) struct Spec {
    pub(super) name: String,
    /// The built-in set that it is or extends.
    pub(super) base: Option<&'static str>,
    pub(super) dialect: Option<Dialect>,
    /// Whether every value is a value, as in definitions that others keep.
    pub(super) takes_all: bool,
    pub(super) record_id: Option<String>,
    /// The encoding of the party's text files, as the party names it.
    pub(super) encoding: Option<Encoding>,
    pub(super) fields: Vec<FieldSpec>,
    pub(super) rules: Vec<RuleSpec>,
}

#[derive(Clone, Debug)]
pub(super) struct FieldSpec {
    pub(super) name: String,
    pub(super) kind: FieldKind,
    /// The columns it is mapped to: the first that has a value counts.
    pub(super) columns: Vec<String>,
    /// What stands for no value, with the line of the rules file; by convention of the rule set if
    /// nothing is said.
    pub(super) missing: Option<(Vec<String>, Option<usize>)>,
    pub(super) input: Option<InputForm>,
    /// Headers by which its column is recognised, besides its own name and those of its kind.
    pub(super) headers: &'static [&'static str],
    /// Whether a column that has the field's own name is its column.
    pub(super) by_own_name: bool,
    pub(super) required: bool,
}

#[derive(Clone, Debug)]
pub(super) struct RuleSpec {
    pub(super) id: String,
    pub(super) line: Option<usize>,
    pub(super) weight: i64,
    pub(super) joiner: &'static str,
    /// By convention of the rule set if nothing is said.
    pub(super) blanks: Option<Blanks>,
    pub(super) signature: Vec<PartSpec>,
    pub(super) probes: Vec<Vec<PartSpec>>,
}

#[derive(Clone, Debug)]
pub(super) struct PartSpec {
    pub(super) field: String,
    pub(super) expression: String,
    pub(super) line: Option<usize>,
}

impl Spec {
    pub(super) fn declared(&self) -> String {
        let names: Vec<&str> = self
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        if names.is_empty() {
            "none".to_owned()
        } else {
            names.join(", ")
        }
    }
}

impl FieldSpec {
    pub(super) fn new(name: &str, kind: FieldKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            columns: Vec::new(),
            missing: None,
            input: None,
            headers: &[],
            by_own_name: true,
            required: true,
        }
    }
}

impl RuleSpec {
    pub(super) fn new(id: &str, signature: &[&str]) -> Self {
        Self {
            id: id.to_owned(),
            line: None,
            weight: 1,
            joiner: "|",
            blanks: None,
            signature: signature
                .iter()
                .map(|part| PartSpec::new(part, None))
                .collect(),
            probes: Vec::new(),
        }
    }

    /// The same rule, in which a blank part always means that there is no signature.
    pub(super) fn strict(self) -> Self {
        Self {
            blanks: Some(Blanks::Refuse),
            ..self
        }
    }

    /// The same rule with the provider's probes.
    pub(super) fn with_probes(mut self, probes: &[Vec<&str>]) -> Self {
        self.probes = probes
            .iter()
            .map(|probe| probe.iter().map(|part| PartSpec::new(part, None)).collect())
            .collect();
        self
    }
}

impl PartSpec {
    /// Reads `field` or `field:expression`.
    pub(super) fn new(written: &str, line: Option<usize>) -> Self {
        let (field, expression) = written.split_once(':').unwrap_or((written, ""));
        Self {
            field: field.trim().to_owned(),
            expression: expression.to_owned(),
            line,
        }
    }
}

pub(super) fn check_name(name: &str, line: Option<usize>) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        return Err(Error::Name {
            name: name.to_owned(),
            line,
        });
    }
    Ok(())
}
