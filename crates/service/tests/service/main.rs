//! The three parties over real sockets and mutual TLS, in one process.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod agreement;
mod allowances;
mod common;
mod hand;
mod hostile;
mod linkage;
mod load;
mod oracle;
mod refusals;
