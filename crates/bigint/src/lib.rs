//! Batches of residues modulo the square of an odd number.
//!
//! Paillier's cryptosystem computes modulo n², its key holder modulo p² and q². Such a ring has more structure
//! than its size shows. Written to the base m, an element of Z/m² is a pair of digits, x = x₀ + x₁·m, and
//!
//! * a Montgomery reduction modulo m satisfies a₀·b₀ = r·R − q·m *exactly*, so its quotient q, which is
//!   usually discarded, is the part of a₀·b₀ that belongs to digit 1. A product modulo m² costs
//!   three products and two reductions of half the length: 10 units instead of 16, a square 7
//!   instead of 12 (derived, with every bound, in `docs/ifma.md` and `docs/avx2.md`);
//! * 1 + y·m is the pair (1, y): multiplying by it, which adds y to a plaintext, touches digit 1 only;
//! * its logarithm is digit 1: decryption needs no division;
//! * x is a unit exactly if x₀ is one modulo m: one gcd of half length serves a whole batch.
//!
//! A [`SquareRing`] holds the constants of one m for one [`Backend`]; a [`Batch`] holds any number of
//! elements packed for that backend; [`Naturals`] are plain integers: exponents, plaintexts. Everything
//! works on batches, in the thread of the caller unless it says otherwise.
//!
//! | backend | layout | product modulo n², n of 2048 bits |
//! |---|---|---|
//! | [`Backend::Ifma`] | eight elements, one per 64-bit lane, 52-bit limbs | 0.29 µs |
//! | [`Backend::Avx2`] | four elements, one per 64-bit lane, limbs of 28 or 27 bits | 1.15 µs |
//! | [`Backend::Portable`] | one element, 64-bit limbs | 3 µs |
//!
//! (Times on one core of a 4 GHz Zen 5; `cargo bench -p blindjoin-bigint` measures yours.)
//!
//! # Example
//!
//! ```
//! use blindjoin_bigint::{Backend, FixedBase, Lookup, Naturals, SquareRing};
//! use num_bigint::BigUint;
//!
//! let m = BigUint::from(1_000_003u32);
//! let ring = SquareRing::new(&m, Backend::detect())?;
//!
//! // (1 + y·m)·g^a, for three y and a at once.
//! let g = ring.from_integers(&[BigUint::from(5u8)]);
//! let table = FixedBase::new(&ring, &g, 0, 64, Lookup::Direct);
//! let mut x = table.pow(&Naturals::from_u128s(&[10, 20, 30], 64));
//! ring.mul_one_plus_assign(&mut x, &Naturals::from_u128s(&[7, 8, 9], 16));
//!
//! // m is prime, so any unit to the power m − 1 is one plus a multiple of m.
//! ring.pow_shared_assign(&mut x, &Naturals::from_u128s(&[1_000_002], 20), 0);
//! assert!(ring.log_one_plus(&x).is_ok());
//! # Ok::<(), blindjoin_bigint::Error>(())
//! ```
//!
//! # What leaks
//!
//! | operation | time depends on | addresses depend on |
//! |---|---|---|
//! | products, squares, `mul_one_plus_assign`, `encode`, `scale`, `combine`, `join` | m, lengths | lengths |
//! | `pow_assign`, `pow_shared_assign`, `pow_product` | m, lengths, [`Naturals::bits`] | the same |
//! | [`PowerLog::log`] | m, lengths, bits of the exponent, whether it fails | m, lengths, bits of the exponent |
//! | [`PowerLog::new`] | **the exponent** | **the exponent** |
//! | [`FixedBase::pow`], [`FixedBase::product`], [`Lookup::ConstantTime`] | m, lengths, [`Naturals::bits`] | the same |
//! | the same, [`Lookup::Direct`] | the same, and caches | **the exponents' digits** |
//! | making a [`FixedBase`] | **the base** | m, lengths |
//! | `decode` | m, lengths, position of the first residue out of range | lengths |
//! | `log_one_plus` | m, lengths, whether it fails | lengths |
//! | [`SquareRing::products_vartime`] | m, lengths of rows, bits, caches | **the exponents' digits** |
//! | whatever else ends in `_vartime` | **its data** | **its data** |
//! | `from_integers`, `to_integers`, `Naturals::to_biguint` | **their data** | **their data** |
//!
//! [`Naturals`], rings and working memory are erased on drop. A [`Batch`] is not.
//!
//! # Sources
//!
//! P. L. Montgomery, *Modular multiplication without trial division*, Mathematics of Computation 44
//! (1985); P. Paillier, *Public-key cryptosystems based on composite degree residuosity classes*,
//! EUROCRYPT 1999, for the ring; E. F. Brickell, D. M. Gordon, K. S. `McCurley`, D. B. Wilson, *Fast exponentiation with
//! precomputation*, EUROCRYPT 1992, for fixed bases; E. G. Straus, *Addition chains of vectors*, American Mathematical
//! Monthly 71 (1964), for products of powers.
#![warn(clippy::integer_division_remainder_used)]

mod backend;
mod batch;
mod elements;
mod error;
mod filling;
mod fixed_base;
mod kernels;
mod modulus;
mod naturals;
mod products;
mod ring;
#[cfg(feature = "watch")]
pub mod watch;
mod words;

pub use backend::Backend;
pub use batch::Batch;
pub use elements::Elements;
pub use error::Error;
pub use fixed_base::{FixedBase, Lookup};
pub use naturals::Naturals;
pub use ring::SquareRing;
pub use ring::power_log::PowerLog;
pub use ring::wire::Reducer;
