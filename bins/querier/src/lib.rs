//! The querier's work around a linkage: reading records, showing progress, writing the card.
#![forbid(unsafe_code)]

mod bars;
mod blocking;
mod card;
mod people;
mod query;
mod report;

pub use bars::Bars;
pub use blocking::Blocking;
pub use card::{Summary, write};
pub use people::People;
pub use query::Query;
pub use report::{human_bytes, report};
