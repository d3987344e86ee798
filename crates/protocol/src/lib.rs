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
//!   the provider's has a part in it. Every count and length of a session follows ([`Sizes`]). All
//!   this is in [`agree`].
//! * What each side brings are keys or records ([`input`]).
//! * A manifest and the key holder's public key make an [`Agreement`], which the parties sign
//!   together with ephemeral keys, in handshakes; any two of them then share a channel.
//! * A [`session`] is what one party does from the manifest on: a value, which takes events and says
//!   what is to be sent, computed and stored. Each step consumes it, and after an error there is
//!   nothing left to misuse. Its [`Checkpoint`](session::Checkpoint) and the party's own input are all
//!   that it takes to go on after a crash.
//! * [`local`] runs three of them in one thread.
//! * [`leakage`] says what each party learns of it, in general and with a session's figures.
//!
//! Inside, the roles are functions on batches: `&self`, in any order, on as many threads as the caller
//! has. All randomness of a session follows from one [`SessionSecret`] of the party, so a batch
//! computed again is the same bit by bit. The order of batches is the affair of streams, which are
//! values, too.
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
//! equi-joins of that kind. A session may be about some [blocks](input::BlockDirectory) only, of those that
//! the provider offers; a block of fields then belongs to the [join key](input::join_key).
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
//!
//! [`Published`]: agree::Published
//! [`Manifest`]: agree::Manifest
//! [`Offer`]: agree::Offer
//! [`Answer`]: agree::Answer
//! [`Sizes`]: agree::Sizes
//! [`Agreement`]: agree::Agreement
//! [`SessionSecret`]: agree::SessionSecret
//! [`Mode`]: agree::Mode
//! [`Mask::Full`]: agree::Mask::Full
#![forbid(unsafe_code)]

mod admission;
mod agreement;
mod announcement;
mod binary;
mod blocks;
mod card;
mod channel;
mod class;
mod codec;
mod error;
mod fingerprint;
mod geometry;
mod handshake;
mod keyholder;
mod keys;
pub mod leakage;
pub mod local;
mod manifest;
mod mask;
mod mersenne;
mod names;
mod objection;
mod offer;
mod plan;
mod provider;
mod publication;
mod querier;
mod random;
mod records;
mod role;
pub mod session;
mod signer;
mod size;
mod stream;
mod suite;
mod terms;
mod ways;
mod widths;

pub use blindjoin_paillier as paillier;
pub use card::{Card, Cell};
pub use error::{Error, Fault};
pub use role::Role;

/// What is agreed before a session, by whom, and what follows from it.
pub mod agree {
    pub use crate::admission::Admitted;
    pub use crate::agreement::Agreement;
    pub use crate::manifest::{Manifest, Parties, Policy};
    pub use crate::objection::Objection;
    pub use crate::offer::{Answer, Offer};
    pub use crate::publication::{Allowance, Counting, OwnTerms, Published, PublishedRule};
    pub use crate::random::SessionSecret;
    pub use crate::signer::{IdentityKey, Signer};
    pub use crate::size::Sizes;
    pub use crate::terms::{Choices, Mask, Mode, Pairwise, TableKind, Terms};
}

/// What takes part in a linkage: keys and records of either side, and blocks of them.
pub mod input {
    pub use crate::blocks::{BlockDirectory, Blocking, OfferedCell};
    pub use crate::class::CellRule;
    pub use crate::keys::{
        ProviderKeys, ProviderKeysBuilder, QuerierKeys, QuerierKeysBuilder, join_key,
    };
    pub use crate::records::{ProviderRecords, QuerierRecords};
}

/// The parts of a session one by one, for this project's own tests, fuzz targets and benchmarks: no
/// promise is made of them, and no program uses them.
#[doc(hidden)]
pub mod parts {
    pub use crate::agreement::SessionId;
    pub use crate::announcement::KeyAnnouncement;
    pub use crate::blocks::{BlockOffer, NamedCell};
    pub use crate::card::{Notes, Pair};
    pub use crate::channel::Channel;
    pub use crate::class::{
        CANARY_ROOM, block_class, bound, class_noise, most_hash_bits, published_class, shard_bits,
        size_class,
    };
    pub use crate::fingerprint::Fingerprints;
    pub use crate::geometry::Geometry;
    pub use crate::handshake::{Handshake, Peer};
    pub use crate::keyholder::{KeyHolder, Release, Released, Verdicts};
    pub use crate::leakage::fact::{Counting, Fact, Linkage, Part, Way};
    pub use crate::leakage::table::{Row, rows, summary, table};
    pub use crate::local::{Tap, link_tapped};
    pub use crate::manifest::ManifestDigest;
    pub use crate::plan::Plan;
    pub use crate::provider::{
        CheckedChunk, EncryptedTable, Provider, ProviderJobs, ReceivedTable, TableIntake,
    };
    pub use crate::querier::{Opening, Querier};
    pub use crate::session::work::{Output, Step, Ticket};
    pub use crate::size::Shape;
    pub use crate::stream::{Ended, Inbound, Outbound, StreamCheckpoint, StreamDigest};
    pub use crate::suite::Suite;
    pub use crate::terms::{Clause, Columns, Dummies};
    pub use crate::ways::selection::{Grid, GridShape, Place};
}
