//! Cuckoo hashing with two choices, one in each of two disjoint halves of the table.
//!
//! A set of `n` items is laid out over `2H` bins so that every item sits in one of its two
//! candidate bins and every bin holds at most one item. Whoever looks for an item therefore looks
//! into exactly two bins, whatever the set is, and the table's length says nothing but its size
//! class. The halves are disjoint so that the two candidates of an item never coincide.
//!
//! The caller hashes: an item comes as a [`Candidates`] pair, and the table speaks of items by
//! their index. An item that cannot be placed is *reported*, never hidden and never cured by new
//! hash functions, because hash functions that depend on the set tell their reader about the set.
//!
//! ```
//! use blindjoin_cuckoo::{Candidates, Parameters, Table};
//! use rand::SeedableRng;
//!
//! let parameters = Parameters::for_size(64)?;
//! let half = parameters.half();
//! let items: Vec<Candidates> = (0..64)
//!     .map(|i| Candidates::new(parameters, i * 7 % half, half + i * 11 % half))
//!     .collect();
//! let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
//! let table = Table::build(parameters, &items, &mut rng);
//! assert!(table.unplaced().is_empty());
//! assert_eq!(table.iter().flatten().count(), 64);
//! # Ok::<(), blindjoin_cuckoo::Error>(())
//! ```
//!
//! # Leakage
//!
//! | who sees | learns |
//! |---|---|
//! | the number of bins | the size the parameters were made for |
//! | the time of [`Table::build`] | how crowded the table was; build it where nobody measures |
//! | the placement itself | everything about collisions: encrypt the table before it leaves |
//!
//! # Sources
//!
//! R. Pagh and F. Rodler, *Cuckoo hashing*, J. Algorithms 51 (2004). The number of bins follows the
//! project's own simulation of exact placement over two halves (see [`Parameters::for_size`]); the
//! tests of this crate repeat its figures with binomial bounds.
#![forbid(unsafe_code)]

mod error;
mod parameters;
mod table;

pub use error::Error;
pub use parameters::Parameters;
pub use table::{Candidates, Table};
