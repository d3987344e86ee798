//! The rule sets that come with the program.

use super::spec::{FieldSpec, RuleSpec, Spec};
use crate::field::FieldKind;

pub(super) const NAMES: &[&str] = &["ssn"];

pub(super) fn spec(name: &str) -> Option<Spec> {
    match name {
        "ssn" => Some(ssn()),
        _ => None,
    }
}

/// One rule: the social security number's digits.
fn ssn() -> Spec {
    Spec {
        name: "ssn".to_owned(),
        fields: vec![FieldSpec::new("ssn", FieldKind::Text)],
        rules: vec![RuleSpec::new("SSN", &[r"ssn:M(\d+)"])],
        ..Spec::default()
    }
}
