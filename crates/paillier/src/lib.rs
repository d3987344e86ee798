//! Paillier encryption in batches.
#![forbid(unsafe_code)]
#![warn(clippy::integer_division_remainder_used)]

mod ciphertexts;
mod error;
mod primes;
mod profile;
mod public;
mod secret;

pub use blindjoin_bigint::{Backend, Batch, Elements, Lookup, Naturals, SquareRing};
pub use ciphertexts::Ciphertexts;
pub use error::Error;
pub use profile::{KeySize, Profile};
pub use public::PublicKey;
pub use secret::SecretKey;
