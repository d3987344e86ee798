//! Paillier encryption in batches.
//!
//! A key holder publishes n = p·q and a generator h of noise. Anyone encrypts m < n as
//!
//! > E(m) = (1 + m·n)·hsᵃ mod n²,  hs = hⁿ mod n², a random.
//!
//! Multiplying ciphertexts adds plaintexts; raising one to the power r multiplies its plaintext by r.
//! Whoever knows p computes c^(p−1) mod p² = 1 + m·(p−1)·q·p and reads m mod p from it, at a quarter of
//! the price of an exponentiation modulo n²; with q the same way, m mod n. If the plaintext is known to be
//! below p, the first half is enough, and several short plaintexts can be packed into one ciphertext
//! before it: [`SecretKey::decrypt_packed`].
//!
//! That hs is an n-th residue is not a matter of trust: everyone computes it from h. How h is made, and how long a
//! must be, is the [`Profile`].
//!
//! # Example
//!
//! ```
//! use blindjoin_paillier::{KeySize, Naturals, Profile, SecretKey};
//! use rand::SeedableRng;
//!
//! // A seeded generator and a small key serve the example only.
//! let mut rng = rand_chacha::ChaCha20Rng::from_seed([7; 32]);
//! let key = SecretKey::generate(KeySize::insecure_test_key(512)?, Profile::DjnShort, &mut rng);
//! let public = key.public();
//!
//! let mut c = public.encrypt_random(&Naturals::from_u128s(&[1, 2, 3], 64), &mut rng)?;
//! public.add_plain(&mut c, &Naturals::from_u128s(&[10, 10, 10], 64))?;
//! public.multiply_plain(&mut c, &Naturals::from_u128s(&[5, 6, 7], 8));
//!
//! let bytes = public.encode(&c);
//! let m = key.decrypt_packed(&bytes, 72)?;
//! assert_eq!([m.to_u128(0), m.to_u128(1), m.to_u128(2)], [55, 72, 91]);
//! # Ok::<(), blindjoin_paillier::Error>(())
//! ```
//!
//! # What leaks
//!
//! | operation | time and addresses depend on |
//! |---|---|
//! | encryption, noise | lengths, sizes; **addresses on the exponents**, unless [`PublicKey::with_lookup`] was given [`Lookup::ConstantTime`] |
//! | `add`, `multiply_plain` | lengths, sizes |
//! | `weighted_sums_vartime` | lengths of rows, sizes; **addresses on the weights** |
//! | `add_plain` | lengths, sizes; with plaintexts of the full length of n also **whether each is below n** |
//! | decoding and its checks | public values only |
//! | decryption, exponentiation with the secret | lengths, sizes, the key's length |
//! | key generation | **the primes**, as every search for primes does |
//!
//! A process that shares a cache with an encrypting party, and can watch which lines of the noise table it
//! reads, learns digits of exponents and so plaintexts. Parties run on machines of their own; where that is not
//! so, use [`Lookup::ConstantTime`] at about twice the price.
//!
//! # Sources
//!
//! P. Paillier, *Public-key cryptosystems based on composite degree residuosity classes*, EUROCRYPT 1999,
//! §4 for the scheme, §7 for decryption modulo p² and q². I. Damgård, M. Jurik, J. B. Nielsen, *A generalization of
//! Paillier's public-key system with applications to electronic voting*, International Journal of Information
//! Security 9 (2010). H. Ma, S. Han, H. Lei, *Optimized Paillier's cryptosystem with fast encryption and
//! decryption*, ACSAC 2021.
#![forbid(unsafe_code)]
#![warn(clippy::integer_division_remainder_used)]

mod ciphertexts;
mod error;
mod parts;
mod primes;
mod profile;
mod public;
mod secret;
mod sums;

pub use blindjoin_bigint::Error as ArithmeticError;
pub use blindjoin_bigint::{Backend, Batch, Elements, FixedBase, Lookup, Naturals, SquareRing};
pub use ciphertexts::Ciphertexts;
pub use error::Error;
pub use profile::{KeySize, Profile};
pub use public::PublicKey;
pub use secret::SecretKey;
