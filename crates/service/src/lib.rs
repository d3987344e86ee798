//! blindjoin over gRPC.
#![forbid(unsafe_code)]

mod client;
pub mod config;
mod error;
mod fault;
pub mod identity;
mod party;
pub mod pool;
pub mod server;
pub mod telemetry;
mod tls;

pub use client::Peer;
pub use error::{Error, chain};
pub use fault::Fault;
pub use identity::Identity;
pub use party::{Fingerprint, NotAFingerprint, Party};

/// Messages, clients and servers, generated from `proto/`.
#[expect(
    missing_docs,
    unused_qualifications,
    clippy::pedantic,
    reason = "generated code"
)]
pub mod wire {
    tonic::include_proto!("blindjoin.v1");
}
