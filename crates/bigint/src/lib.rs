//! Batches of residues modulo the square of an odd number.
#![warn(clippy::integer_division_remainder_used)]

mod backend;
mod batch;
mod elements;
mod error;
mod fixed_base;
mod modulus;
mod naturals;
mod ring;
mod words;

pub use backend::Backend;
pub use batch::Batch;
pub use elements::Elements;
pub use error::Error;
pub use fixed_base::{FixedBase, Lookup};
pub use naturals::Naturals;
pub use ring::{Reducer, SquareRing};
