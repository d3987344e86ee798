//! Fields and their kinds.

use crate::dialect::Habits;

/// How a field's values are checked and brought into one form before expressions see them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum FieldKind {
    /// Any text that is not blank, trimmed.
    Text,
    /// The value as it is, white space and all; a missing one is the empty text.
    Raw,
}

/// The outcome of checking one value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Check {
    Valid,
    Missing,
    Invalid,
}

impl FieldKind {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Text, Self::Raw];

    /// The kind's name, as it is written in rules files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "Text",
            Self::Raw => "Raw",
        }
    }

    /// The kind of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// Headers by which a column of this kind is recognised, besides the field's own name.
    pub(crate) const fn headers(self, _habits: &Habits) -> &'static [&'static str] {
        &[]
    }

    /// Checks a value and appends its normal form to `out`.
    pub(crate) fn normalise(self, value: Option<&str>, habits: &Habits, out: &mut String) -> Check {
        match self {
            Self::Raw => {
                let value = value.unwrap_or_default();
                if value.contains('\0') {
                    return Check::Invalid;
                }
                out.push_str(value);
                Check::Valid
            }
            Self::Text => {
                let Some(value) = value.filter(|value| !habits.white_space.is_blank(value)) else {
                    return Check::Missing;
                };
                if value.contains('\0') {
                    return Check::Invalid;
                }
                out.push_str(habits.white_space.trim(value));
                Check::Valid
            }
        }
    }
}
