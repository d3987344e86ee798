//! The secure equi-join over gRPC: who may talk to whom, and how batches cross the network.
//!
//! The linkage itself is in [`blindjoin_protocol`], which knows neither connections nor clocks. Here
//! are its three parties as two servers and a client, over mutual TLS with pinned certificates:
//!
//! ```text
//!   querier ── Describe, Negotiate, OpenSession, Link (table →, ← summary) ──► provider
//!      │                                                                         │
//!      └── OpenSession, FetchResult ──► key holder ◄── GetPublicKey, SubmitComparisons
//! ```
//!
//! 1. The querier reads what the provider publishes, and makes an offer that rests on it. The provider
//!    holds the offer against the same, charges it to the querier's allowance, and answers with a
//!    nonce: its records are not looked at.
//! 2. Both make the manifest out of these. The querier opens the session at the key holder, which
//!    checks whether the two may link, makes or takes a fresh key, and signs it.
//! 3. The querier opens the session at the provider, which fetches the public key from the key
//!    holder itself. All ephemeral keys are signed over manifest and public key.
//! 4. The querier streams its table. The provider compares and streams to the key holder, which
//!    decrypts meanwhile and releases nothing before the last chunk is in order.
//! 5. The querier, whose call has been waiting at the key holder, fetches the result, and checks it
//!    against the provider's summary.
//!
//! # Bounds
//!
//! Messages stay near 1 MiB, far under gRPC's limit of 4. Each session has a window of batches under
//! way ([`pool::window`]) and a short queue of sealed chunks; a slow reader holds its writer back
//! through HTTP/2. Arithmetic runs on rayon's pool, sealing and opening beside it, and the async
//! threads only move messages. A party that does not go on within the idle time loses its session;
//! so does one whose connection ends.
//!
//! # What is remembered
//!
//! A provider and a key holder keep in a journal what must outlive their programs: which sessions were
//! opened, and at the provider what each querier has spent, what was published and with which noise.
//!
//! # What leaks
//!
//! | to | beyond the protocol's table |
//! |---|---|
//! | the other parties | why a call failed, as one word of a fixed list ([`Code`]); nothing that depends on records |
//! | an eavesdropper | the parties' addresses, sizes and times: public parameters of the session |
//! | a log | session ids, certificate fingerprints, sizes, transcript hashes and times; never a key, a field or a number of matches |
//!
//! # Sources
//!
//! gRPC over HTTP/2; TLS 1.3 (RFC 8446) with Ed25519 certificates (RFC 8410).
#![forbid(unsafe_code)]

mod client;
mod code;
pub mod config;
mod drive;
mod error;
mod fault;
mod fingerprint;
pub mod identity;
pub mod keyholder;
pub mod pool;
pub mod program;
pub mod progress;
pub mod provider;
pub mod querier;
pub mod random;
mod refusal;
pub mod server;
mod sessions;
mod stream;
pub mod telemetry;
mod tls;

pub use blindjoin_protocol::Role;
pub use client::{Connection, Peer};
pub use code::Code;
pub use error::{Error, chain};
pub use fault::Fault;
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use identity::Identity;
pub use refusal::Refusal;

/// Messages, clients and servers, generated from `proto/`.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod wire {
    tonic::include_proto!("blindjoin.v1");
}
