//! Under construction.
#![forbid(unsafe_code)]

mod agreement;
mod blocks;
mod card;
mod codec;
mod error;
mod field;
mod identity;
mod input;
mod keyholder;
mod keys;
mod manifest;
mod mask;
mod number;
mod okvs;
mod opening;
mod pairs;
mod provider;
mod querier;
mod random;
mod records;
mod size;
mod stream;
mod suite;
mod terms;

pub use agreement::{Agreement, KeyAnnouncement, SessionId};
pub use blindjoin_paillier::{KeySize, Profile, PublicKey, SecretKey};
pub use blocks::{BlockDirectory, block_class};
pub use card::{Card, Cell, Notes};
pub use error::{Error, Fault};
pub use identity::{Handshake, Identity, IdentityKey, Peer, Role};
pub use input::{ProviderKeys, ProviderKeysBuilder, QuerierKeys, QuerierKeysBuilder, join_key};
pub use keyholder::{KeyHolder, Release, Released, Verdicts};
pub use keys::{Channel, JoinKeys};
pub use manifest::{Answer, Manifest, ManifestDigest, Offer, Parties, Policy};
pub use okvs::Shape;
pub use opening::Opening;
pub use pairs::{Pair, PairOpening, PairQuerier, PairResult};
pub use provider::{EncryptedTable, Provider, ProviderJobs, TableIntake};
pub use querier::Querier;
pub use random::SessionSecret;
pub use records::{ProviderRecords, QuerierRecords};
pub use size::{Geometry, Sizes, size_class};
pub use stream::{Account, Inbound, LONGEST_CHUNK, Outbound, StreamDigest, StreamKind};
pub use suite::Suite;
pub use terms::{Clause, Dummies, Mask, Mode, Pairwise, TableKind, Terms};
