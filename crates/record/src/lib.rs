//! Records before cryptography: fields, normalisation, phonetic codes, dates, and the match rules
//! that turn a record into signatures.
#![forbid(unsafe_code)]

mod binding;
mod date;
mod dialect;
mod error;
mod expression;
mod field;
mod normalise;
pub mod phonetic;
mod ruleset;
mod text;

pub use binding::{Binding, Fault, Probes, Reason, Row, Scratch, Signatures};
pub use date::{Date, DateForm};
pub use dialect::Dialect;
pub use error::{Error, ExpressionError};
pub use expression::Expression;
pub use field::FieldKind;
pub use ruleset::{Field, Rule, RuleSet};
