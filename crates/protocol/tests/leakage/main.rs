//! Two-world games: what must stay hidden from a party differs, and everything that reaches the party is
//! compared.
//!
//! A party's view has parts that must be equal in both worlds (what the manifest says, lengths and
//! numbers of messages, the party's own output) and parts that are random (ciphertexts, words,
//! quotients, positions). Random parts are pooled over the sessions of a world and compared by the
//! two-sample test of Kolmogorov and Smirnov at the 10⁻⁴ point; with the 2,000 values and more that
//! every game has on each side, distributions that differ by a tenth anywhere are told apart nineteen
//! times of twenty. Every kind of game has a control in which something granted differs: it must be
//! noticed.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../link/common.rs"]
#[expect(dead_code, reason = "shared with the tests of whole linkages")]
mod common;

mod blocks;
mod coalitions;
mod keyholder;
mod pairs;
mod provider;
mod querier;
mod rules;
mod view;
