//! The secure equi-join: a querier links its records with a data provider's through a key holder.
//!
//! Three parties take part. The **querier** encrypts fingerprints of its join keys under the key
//! holder's Paillier key and lays them out in a table. The **provider** forms, for each of its own
//! keys, a masked difference to the table entries where the key could be, and sends these
//! comparisons in a secret random order. The **key holder** decrypts: a comparison of equal keys
//! shows a label, masked with a pad that it does not know, any other shows a uniformly random
//! number. It returns the numbers to the querier, all as they are or, if it is to count, the masked
//! labels alone; the querier alone can tell which of its records they name, and fills the [`Card`]:
//! records against match rules.
//!
//! This crate does no I/O. It has no clock and draws no randomness: both are handed in.
//!
//! * Before a session a provider says what it has [`Published`], to every querier alike. What the
//!   parties agree on is a [`Manifest`], made of that, an [`Offer`] and its [`Answer`]: no record of
//!   the provider's has a part in it. Every count and length of a session follows ([`Sizes`]).
//! * A manifest and the key holder's public key make an [`Agreement`], which the parties sign
//!   together with ephemeral keys ([`KeyAnnouncement`], [`Handshake`]); any two of them then share
//!   a [`Channel`].
//! * The roles [`Querier`], [`Provider`] and [`KeyHolder`] are functions on
//!   batches: `&self`, in any order, on as many threads as the caller has. All randomness of a
//!   session follows from one [`SessionSecret`] of the party, so a batch computed again is the same
//!   bit by bit.
//! * The order of batches is the affair of the streams [`Outbound`] and [`Inbound`], and of
//!   [`TableIntake`], [`Release`] and [`Opening`], which collect what arrived. They are values:
//!   each step consumes them, and after an error there is nothing left to misuse.
//! * A [`session`] is what one party does with all of these, from the manifest on: a value too, which
//!   takes events and says what is to be sent, computed and stored. Its
//!   [`Checkpoint`](session::Checkpoint) and the party's own input are all that it takes to go on
//!   after a crash. [`local`] runs three of them in one thread.
//!
//! ```text
//!            Offer, Answer, Handshake
//!  Querier ───────────────────────────► Provider
//!     │  ▲      Table (sealed)             │ ▲
//!     │  │      Summary (sealed) ◄─────────┤ │
//!     │  │                                 │ │
//!     │  └── Result (sealed) ── Key holder ◄┘ │  Comparisons (sealed)
//!     └── Manifest, Handshake ──────► │ └──────┘  KeyAnnouncement
//! ```
//!
//! # Example
//!
//! ```
#![doc = include_str!("../docs/example.rs")]
//! ```
//!
//! # Modes
//!
//! | [`Mode`] | compares | per key of the provider's |
//! |---|---|---|
//! | `Join`, cuckoo | all keys of either side, two candidate bins for each | 2 ciphertexts |
//! | `Join`, key-value store | the same, one sum of table entries for each | 1 ciphertext |
//! | `Lookup` | one record, an entry for each rule | 1/8 ciphertext at 2048 bits |
//! | `Pairwise` | every pair of records of a block, a slot per clause | 1 ciphertext per pair |
//!
//! A provider may probe several keys for one record: rules that tolerate a neighbouring year are
//! equi-joins of that kind. A session may be about some [blocks](BlockDirectory) only, of those that
//! the provider offers; a block of fields then belongs to the [join key](join_key).
//!
//! # Leakage
//!
#![doc = include_str!("../docs/leakage.md")]
//!
//! All parties follow the protocol but look at what they receive. Provider and key holder together
//! read the querier's keys by trial; querier and key holder together learn no more than the
//! querier, and with [`Mask::Full`] this holds even if they cheat. Not protected: correctness
//! against a cheating provider, availability, the times of messages.
//!
//! # Sources
//!
//! K. El Emam and L. Arbuckle, *Anonymizing Health Data* (2013), chapter 12, for the three roles;
//! P. Paillier, *Public-key cryptosystems based on composite degree residuosity classes* (1999);
//! I. Damgård, M. Jurik, J. B. Nielsen, *A generalization of Paillier's public-key system* (2010),
//! for the noise; R. Pagh and F. Rodler (2004) for the table; S. Raghuraman and P. Rindal (2022)
//! for the key-value store; A. Shamir (1979) for thresholds; RFC 5869, 7748, 8032 and 8439 for
//! keys, exchanges, signatures and seals. The masks, labels and bounds are the project's own; see
//! the threat model for where they differ from the book.
#![forbid(unsafe_code)]

mod agreement;
mod binary;
mod blocks;
mod card;
mod codec;
mod error;
mod identity;
mod input;
mod keyholder;
mod keys;
pub mod leakage;
pub mod local;
mod manifest;
mod mask;
mod mersenne;
mod number;
mod objection;
mod opening;
mod provider;
mod publication;
mod querier;
mod random;
mod records;
pub mod session;
mod size;
mod stream;
mod suite;
mod terms;
mod ways;

pub use agreement::{Agreement, KeyAnnouncement, SessionId};
pub use blindjoin_paillier::{KeySize, Profile, PublicKey, SecretKey};
pub use blocks::{BlockDirectory, BlockOffer, Blocking, NamedCell, OfferedCell, hash_prefix};
pub use card::{Card, Cell, Notes, Pair};
pub use codec::VERSION;
pub use error::{Error, Fault};
pub use identity::{Handshake, Identity, IdentityKey, Peer, Role};
pub use input::{ProviderKeys, ProviderKeysBuilder, QuerierKeys, QuerierKeysBuilder, join_key};
pub use keyholder::{KeyHolder, Release, Released, Verdicts};
pub use keys::{Channel, JoinKeys};
pub use manifest::{Answer, Manifest, ManifestDigest, Offer, Parties, Policy};
pub use objection::Objection;
pub use opening::Opening;
pub use provider::{
    CheckedChunk, EncryptedTable, Provider, ProviderJobs, ReceivedTable, TableIntake,
};
pub use publication::{Admitted, Allowance, Counting, OwnTerms, Published, PublishedRule};
pub use querier::Querier;
pub use random::SessionSecret;
pub use records::{ProviderRecords, QuerierRecords};
pub use size::{
    CANARY_ROOM, CellRule, Geometry, Plan, Sizes, block_class, bound, class_noise, most_hash_bits,
    published_class, shard_bits, size_class,
};
pub use stream::{
    Account, Inbound, LONGEST_CHUNK, Outbound, StreamCheckpoint, StreamDigest, StreamKind,
};
pub use suite::Suite;
pub use terms::{Choices, Clause, Columns, Dummies, Mask, Mode, Pairwise, TableKind, Terms};
pub use ways::Shape;
