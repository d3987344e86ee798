//! The real executables on loopback, with keys that are small and protect nothing.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod bad_input;
mod blocks;
#[path = "../../../../tests/common/data.rs"]
mod data;
mod dedupe;
mod febrl;
mod file_modes;
mod jurisdictions;
mod linkage;
mod pairs;
mod reports;
mod silence;
mod world;
