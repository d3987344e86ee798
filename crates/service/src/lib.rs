//! blindjoin over gRPC.
#![forbid(unsafe_code)]

mod client;
pub mod config;
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
mod random;
pub mod server;
mod sessions;
mod stream;
pub mod telemetry;
mod tls;

pub use blindjoin_protocol::Role;
pub use client::{Connection, Peer};
pub use error::{Error, chain};
pub use fault::Fault;
pub use fingerprint::{Fingerprint, NotAFingerprint};
pub use identity::Identity;

/// Messages, clients and servers, generated from `proto/`.
#[expect(missing_docs, unused_qualifications, clippy::pedantic, reason = "generated code")]
pub mod wire {
    tonic::include_proto!("blindjoin.v1");
}
