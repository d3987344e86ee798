//! Rule sets: which fields in which form make up which signature.

mod builtin;
mod file;
mod spec;

use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::binding::Binding;
use crate::date::Date;
use crate::dialect::{Dialect, Habits};
use crate::encoding::Encoding;
use crate::error::Error;
use crate::expression::Expression;
use crate::field::FieldKind;
use crate::input::InputForm;
use crate::placeholder::Placeholders;
use spec::{FieldSpec, Spec};

/// An ordered set of match rules over declared fields.
///
/// Both parties of a linkage must use the same rules: they compare [`RuleSet::digest`]. Columns are
/// each party's own affair and not part of it.
#[derive(Clone, Debug)]
pub struct RuleSet {
    spec: Spec,
    fields: Vec<Field>,
    parts: Vec<Part>,
    rules: Vec<Rule>,
}

/// A declared field.
#[derive(Clone, Debug)]
pub struct Field {
    name: String,
    kind: FieldKind,
    columns: Vec<String>,
    pub(crate) placeholders: Placeholders,
    pub(crate) input: Option<InputForm>,
    headers: &'static [&'static str],
    by_own_name: bool,
    required: bool,
    used: bool,
}

/// One match rule.
#[derive(Clone, Debug)]
pub struct Rule {
    id: String,
    weight: u8,
    pub(crate) joiner: &'static str,
    pub(crate) blanks: Blanks,
    pub(crate) signature: Form,
    pub(crate) probes: Vec<Form>,
}

/// One field in one form, shared by all signatures that contain it.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    pub(crate) field: usize,
    pub(crate) expression: Expression,
}

/// A list of parts, as indices.
pub(crate) type Form = Vec<usize>;

/// What a blank part does to its signature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Blanks {
    /// There is no signature.
    Refuse,
    /// It is left out, as OpenToken does.
    Drop,
    /// It is part of it.
    Keep,
}

impl RuleSet {
    /// The names that [`RuleSet::builtin`] knows.
    pub const BUILTIN: &'static [&'static str] = builtin::NAMES;

    /// Yields a built-in rule set.
    pub fn builtin(name: &str) -> Result<Self, Error> {
        let spec = builtin::spec(name).ok_or_else(|| Error::UnknownRuleSet {
            name: name.to_owned(),
            known: builtin::NAMES.join(", "),
            line: None,
        })?;
        Self::compile(spec)
    }

    /// Reads a rules file.
    ///
    /// Unknown keys are refused. Every error says the line.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        Self::compile(file::read(text)?)
    }

    /// The name: of the built-in set, or what the file calls itself; empty if it does not.
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The built-in set that this is or extends, whatever it calls itself.
    pub fn base(&self) -> Option<&'static str> {
        self.spec.base
    }

    /// The dialect in force, if the rules are OpenToken's or say that they follow it.
    pub fn dialect(&self) -> Option<Dialect> {
        self.spec.dialect
    }

    /// The same rules under a dialect. This changes the digest.
    pub fn with_dialect(mut self, dialect: Dialect) -> Result<Self, Error> {
        self.spec.dialect = Some(dialect);
        Self::compile(self.spec)
    }

    /// The same rules with a field read from the named column, which must then be there.
    ///
    /// `record_id` may be mapped too. This does not change the digest.
    pub fn with_column(mut self, field: &str, column: &str) -> Result<Self, Error> {
        if field == RECORD_ID {
            self.spec.record_id = Some(column.to_owned());
            return Ok(self);
        }
        let known = self
            .spec
            .fields
            .iter_mut()
            .find(|known| known.name == field);
        let Some(known) = known else {
            return Err(Error::NoField {
                field: field.to_owned(),
                declared: self.spec.declared(),
            });
        };
        known.columns = vec![column.to_owned()];
        Self::compile(self.spec)
    }

    /// The fields, in order of declaration; a [`crate::Reason`] names them by index.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether some rule has probe forms of its own, as approximate rules do.
    pub fn has_probes(&self) -> bool {
        self.rules.iter().any(Rule::has_probes)
    }

    /// For each rule, under how many forms a provider probes for it, and its weight: what pairs of
    /// records are compared by.
    pub fn forms(&self) -> Vec<(usize, u8)> {
        let form = |rule: &Rule| (rule.probe_count(), rule.weight());
        self.rules.iter().map(form).collect()
    }

    /// The column of the record id as mapped, if it is.
    pub fn record_id_column(&self) -> Option<&str> {
        self.spec.record_id.as_deref()
    }

    /// How this party's text files are encoded, if not in UTF-8.
    pub fn encoding(&self) -> Option<Encoding> {
        self.spec.encoding
    }

    /// The input form of a field that is mapped to this column.
    pub fn input_of_column(&self, column: &str) -> Option<&InputForm> {
        let column = column.trim();
        let reads = |field: &&Field| field.columns.iter().any(|known| known.trim() == column);
        self.fields.iter().find(reads)?.input()
    }

    /// Binds the rules to rows that hold the fields themselves, in the order of
    /// [`RuleSet::fields`]: a single person's, say, for which there is no table.
    pub fn bind_fields(&self, today: Date) -> Binding {
        Binding::of_fields(self, today)
    }

    /// Binds the rules to a table's header.
    ///
    /// A mapped column is found by its name, blanks at the ends and case aside (exact case first);
    /// other fields by their own name or, where the kind has some, by its customary headers. Of
    /// several columns the right-most counts under a dialect, which [`Binding::remarks`] says.
    /// `today` bounds dates of birth.
    ///
    /// # Errors
    ///
    /// [`Error::SeveralColumns`] names the first field that more than one column may be, where the
    /// rules follow no dialect.
    ///
    /// [`Error::ColumnMissing`] names the first field that lacks its column. The fields of the
    /// `opentoken` rule sets may lack theirs unless they are mapped: then the rules that need them
    /// yield no signature.
    pub fn bind(&self, header: &[impl AsRef<str>], today: Date) -> Result<Binding, Error> {
        Binding::new(self, header, today)
    }

    /// Derives the rule set whose only rule joins the given parts, over the same fields.
    ///
    /// `parts` are `field:expression` as in rules files; where one is blank there is no signature,
    /// under a dialect too. This is how blocking keys are read.
    pub fn with_only_rule(&self, id: &str, parts: &[&str]) -> Result<Self, Error> {
        let mut spec = self.spec.clone();
        spec.rules = vec![spec::RuleSpec::new(id, parts).strict()];
        Self::compile(spec)
    }

    /// The same set with only the named rules, in the order of their names here.
    pub fn with_only_these_rules(&self, ids: &[&str]) -> Result<Self, Error> {
        let mut spec = self.spec.clone();
        spec.rules = ids
            .iter()
            .map(|id| {
                let rule = self.spec.rules.iter().find(|rule| rule.id == *id);
                rule.cloned().ok_or_else(|| Error::UnknownRule {
                    rule: (*id).to_owned(),
                })
            })
            .collect::<Result<_, _>>()?;
        Self::compile(spec)
    }

    /// SHA-256 of [`RuleSet::canonical`].
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.canonical()).into()
    }

    /// Everything on which signatures depend, as text: dialect, the fields used with their kinds and
    /// what stands for no value in them, and the rules in order. Neither columns and input forms,
    /// which are each party's own, nor names of rule sets are in it.
    ///
    /// The first line tells the version of the expression language: 2 since values are taken in
    /// normal form C and without invisible characters, and phonetic codes rest on Latin folding.
    ///
    /// One item a line; names, and expressions in their canonical spelling, preceded by their
    /// length in bytes, so that no two rule sets share a text.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §1.
    pub fn canonical(&self) -> String {
        let mut out = String::from("blindjoin rules 2\n");
        let mut line = |words: &[&str]| {
            for (i, word) in words.iter().enumerate() {
                if i > 0 {
                    out.push(' ');
                }
                write!(out, "{}:{word}", word.len()).expect("a string takes any text");
            }
            out.push('\n');
        };
        line(&["dialect", self.dialect().map_or("none", Dialect::name)]);
        for field in self.fields.iter().filter(|field| field.used) {
            line(&["field", &field.name, field.kind.name()]);
            let missing: Vec<&str> = field.placeholders.canonical().collect();
            if !missing.is_empty() {
                line(&[&["missing", &field.name], &missing[..]].concat());
            }
        }
        for rule in &self.rules {
            line(&["rule", &rule.id, rule.joiner, rule.blanks.name()]);
            let forms = std::iter::once(("signature", &rule.signature))
                .chain(rule.probes.iter().map(|probe| ("probe", probe)));
            for (what, form) in forms {
                line(&[what]);
                for &part in form {
                    let part = &self.parts[part];
                    line(&[
                        "part",
                        &self.fields[part.field].name,
                        part.expression.canonical(),
                    ]);
                }
            }
        }
        out
    }

    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub(crate) fn habits(&self) -> &'static Habits {
        self.dialect().map_or(Habits::plain(), Dialect::habits)
    }

    fn compile(spec: Spec) -> Result<Self, Error> {
        let habits = spec.dialect.map_or(Habits::plain(), Dialect::habits);
        let listing = |field: &&FieldSpec| field.missing.is_some() && spec.dialect.is_some();
        if let Some(field) = spec.fields.iter().find(listing) {
            return Err(Error::MissingUnderDialect {
                field: field.name.clone(),
                line: field.missing.as_ref().and_then(|(_, line)| *line),
            });
        }
        let mut compiler = Compiler {
            spec: &spec,
            habits,
            parts: Vec::new(),
        };
        let rules = compiler.rules()?;
        let parts = compiler.parts;
        let fields: Vec<Field> = spec
            .fields
            .iter()
            .enumerate()
            .map(|(i, field)| Field {
                name: field.name.clone(),
                kind: field.kind,
                columns: field.columns.clone(),
                placeholders: match &field.missing {
                    _ if spec.dialect.is_some() => Placeholders::default(),
                    Some((listed, _)) => Placeholders::listed(listed),
                    None if spec.takes_all => Placeholders::default(),
                    None => Placeholders::defaults(),
                },
                input: field.input.clone(),
                headers: field.headers,
                by_own_name: field.by_own_name,
                required: field.required,
                used: parts.iter().any(|part| part.field == i),
            })
            .collect();
        Ok(Self {
            spec,
            fields,
            parts,
            rules,
        })
    }
}

/// The name that maps the record id in `[columns]`.
pub(crate) const RECORD_ID: &str = "record_id";

impl Field {
    /// The field's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The field's kind.
    pub fn kind(&self) -> FieldKind {
        self.kind
    }

    /// The column it is mapped to, if it is; of several the first.
    pub fn column(&self) -> Option<&str> {
        self.columns.first().map(String::as_str)
    }

    /// The columns it is mapped to, if it is: the first that has a valid value counts.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How this party writes it, if not as the rules read it.
    pub fn input(&self) -> Option<&InputForm> {
        self.input.as_ref()
    }

    /// Whether a rule uses it.
    pub fn is_used(&self) -> bool {
        self.used
    }

    /// The headers by which its column is recognised if it is not mapped.
    pub(crate) fn customary_headers(&self, habits: &Habits) -> Vec<&str> {
        let own = self.by_own_name.then_some(self.name.as_str());
        let of_kind = self.kind.headers(habits);
        own.into_iter()
            .chain(of_kind)
            .chain(self.headers.iter().copied())
            .collect()
    }

    pub(crate) fn is_required(&self) -> bool {
        self.required && self.used
    }
}

impl Rule {
    /// The rule's id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the rule counts towards a score, where pairs are scored: 1 unless the file says so.
    ///
    /// It is not part of the digest: it decides nothing about signatures.
    pub fn weight(&self) -> u8 {
        self.weight
    }

    /// Whether the provider probes other forms than the signature.
    pub fn has_probes(&self) -> bool {
        !self.probes.is_empty()
    }

    /// How many keys a provider probes per record: the number of probe forms, or 1.
    pub fn probe_count(&self) -> usize {
        self.probes.len().max(1)
    }
}

impl Blanks {
    const fn name(self) -> &'static str {
        match self {
            Self::Refuse => "refuse",
            Self::Drop => "drop",
            Self::Keep => "keep",
        }
    }
}

struct Compiler<'a> {
    spec: &'a Spec,
    habits: &'static Habits,
    parts: Vec<Part>,
}

impl Compiler<'_> {
    fn rules(&mut self) -> Result<Vec<Rule>, Error> {
        let spec = self.spec;
        if spec.rules.is_empty() {
            return Err(Error::NoRules);
        }
        if spec.rules.len() > MOST_RULES {
            return Err(Error::TooMany {
                what: "rules",
                limit: MOST_RULES,
            });
        }
        // A row's invalid fields are one bit each of a word.
        if spec.fields.len() > 64 {
            return Err(Error::TooMany {
                what: "fields",
                limit: 64,
            });
        }
        let mut rules = Vec::with_capacity(spec.rules.len());
        for rule in &spec.rules {
            spec::check_name(&rule.id, rule.line)?;
            if rules.iter().any(|known: &Rule| known.id == rule.id) {
                return Err(Error::DuplicateRule {
                    rule: rule.id.clone(),
                    line: rule.line,
                });
            }
            let empty = rule.signature.is_empty() || rule.probes.iter().any(Vec::is_empty);
            if empty {
                return Err(Error::EmptyRule {
                    rule: rule.id.clone(),
                    line: rule.line,
                });
            }
            if rule.probes.len() > MOST_PROBES {
                return Err(Error::TooMany {
                    what: "probes in a rule",
                    limit: MOST_PROBES,
                });
            }
            let weight = u8::try_from(rule.weight).ok();
            let weight = weight.filter(|weight| (1..=MOST_WEIGHT).contains(weight));
            let weight = weight.ok_or_else(|| Error::Weight {
                rule: rule.id.clone(),
                most: MOST_WEIGHT,
                line: rule.line,
            })?;
            let signature = self.form(rule, &rule.signature)?;
            let probes = rule
                .probes
                .iter()
                .map(|probe| self.form(rule, probe))
                .collect::<Result<Vec<_>, _>>()?;
            rules.push(Rule {
                id: rule.id.clone(),
                weight,
                joiner: rule.joiner,
                blanks: rule.blanks.unwrap_or(match spec.dialect {
                    Some(_) => Blanks::Drop,
                    None => Blanks::Refuse,
                }),
                signature,
                probes,
            });
        }
        Ok(rules)
    }

    fn form(&mut self, rule: &spec::RuleSpec, form: &[spec::PartSpec]) -> Result<Form, Error> {
        form.iter().map(|part| self.part(rule, part)).collect()
    }

    fn part(&mut self, rule: &spec::RuleSpec, part: &spec::PartSpec) -> Result<usize, Error> {
        let line = part.line;
        let field = self
            .spec
            .fields
            .iter()
            .position(|field| field.name == part.field);
        let field = field.ok_or_else(|| Error::UnknownField {
            rule: rule.id.clone(),
            field: part.field.clone(),
            declared: self.spec.declared(),
            line,
        })?;
        let expression =
            Expression::new(&part.expression, self.habits).map_err(|source| Error::Expression {
                rule: rule.id.clone(),
                field: part.field.clone(),
                line,
                source,
            })?;
        let known = self
            .parts
            .iter()
            .position(|known| known.field == field && known.expression == expression);
        Ok(known.unwrap_or_else(|| {
            self.parts.push(Part { field, expression });
            self.parts.len() - 1
        }))
    }
}

const MOST_RULES: usize = 64;
const MOST_PROBES: usize = 64;
const MOST_WEIGHT: u8 = 16;
