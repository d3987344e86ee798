//! The three parties over real sockets and mutual TLS, in one process.

mod common;
mod hostile;
mod linkage;
mod refusals;
