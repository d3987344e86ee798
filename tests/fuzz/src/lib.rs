//! What every reader of outside bytes promises, as one function for each kind of bytes.
//!
//! Each takes any input and says whether it was read, or panics where a promise is broken: that
//! there is no panic below, that what was read is written back byte for byte, that a signed thing
//! verifies only as it was signed. Bounds on memory and time are the fuzzer's (`tests/fuzz/run`).
//!
//! The functions know nothing of a fuzzer. `fuzz_targets` hands them to libFuzzer, and
//! `tests/corpus.rs` runs them over every input kept in `corpus`, on any toolchain.
#![forbid(unsafe_code)]

mod csv;
mod events;
mod keys;
mod negotiation;
mod parquet;
mod rules;
mod seeds;
mod session;
mod streams;
mod tokens;
mod wire;

pub use csv::csv;
pub use events::events;
pub use keys::{announcement, handshake};
pub use negotiation::{answer, manifest, offer, publication};
pub use parquet::{let_caught_panics_pass, parquet};
pub use rules::rules;
pub use seeds::{Seed, seeds};
pub use streams::{checkpoint, chunk};
pub use tokens::tokens;

use blindjoin_record::Date;

/// A target's name, which is its corpus's folder, and what takes its input.
pub type Target = (&'static str, fn(&[u8]) -> bool);

/// All targets.
pub const TARGETS: &[Target] = &[
    ("announcement", announcement),
    ("answer", answer),
    ("checkpoint", checkpoint),
    ("chunk", chunk),
    ("csv", csv),
    ("events", events),
    ("handshake", handshake),
    ("manifest", manifest),
    ("offer", offer),
    ("parquet", parquet),
    ("publication", publication),
    ("rules", rules),
    ("tokens", tokens),
];

fn today() -> Date {
    Date::new(2026, 11, 21).expect("a day of the calendar")
}
