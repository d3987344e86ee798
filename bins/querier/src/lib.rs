//! The querier's work around a linkage: reading records, showing progress, writing the card.
#![forbid(unsafe_code)]

mod bars;
mod card;
mod pairs;
mod people;
mod query;
mod report;

pub use bars::Bars;
pub use card::{Summary, write};
pub use pairs::write_pairs;
pub use people::People;
pub use query::Query;
pub use report::{Told, human_bytes, learned, report};
