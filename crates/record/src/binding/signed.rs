//! What rules made of a row, or why they made nothing of it.

use std::fmt;

use super::{Cell, Scratch};
use crate::findings::Finding;

/// Why a record has no signature under a rule.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Reason {
    /// The field, as an index into [`RuleSet::fields`](crate::RuleSet::fields).
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
    /// Something that is written where there is no value, as `unknown` or `999999999`.
    Placeholder,
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
    pub(super) scratch: &'s Scratch,
}

/// What a provider probes for one row: per rule one signature or several, or why there is none.
#[derive(Clone, Copy, Debug)]
pub struct Probes<'s> {
    pub(super) scratch: &'s Scratch,
}

/// What is to be said of one row's fields, for [`Findings`](crate::findings::Findings) to count.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'s> {
    pub(super) scratch: &'s Scratch,
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

impl Fault {
    /// The fault's name in reports: `MISSING`, `INVALID` and so on.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoColumn => "NO_COLUMN",
            Self::Missing => "MISSING",
            Self::Placeholder => "PLACEHOLDER",
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
            Self::Placeholder => "is a placeholder",
            Self::Invalid => "is invalid",
            Self::Inapplicable => "does not fit its expression",
            Self::Empty => "is empty after its expression",
        })
    }
}
