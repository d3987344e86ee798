//! Whole linkages in one process, three parties and every message, at small insecure keys.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod agreements;
mod blocks;
mod census;
mod checkpoints;
mod checks;
mod common;
mod full_mask;
mod memory;
mod messages;
mod modes;
mod pairwise;
mod publication;
mod statistics;
mod tampering;
mod transcript;
mod vectors;
