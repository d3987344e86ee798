//! The way from a record to its keys, for both sides of a linkage.
//!
//! A [`Signer`] makes of a row, under rules and blockings, a record that is [`Signed`]: its place, its
//! block under each blocking and all its signatures. It is handed over whole, so that whoever takes it
//! knows at once whether it takes part, and needs no second look at the table:
//!
//! | takes records | yields |
//! |---|---|
//! | [`QuerierKeyInput`] | join keys with the cells of the card that they decide |
//! | [`QuerierRecordInput`] | records of a comparison of pairs |
//! | [`ProviderInput`] | keys, keys and records in each blocking, sizes of blocks |
//! | [`blocking::BlockCount`], [`blocking::HashCount`] | sizes of blocks |
//!
//! Two parties mean the same if their [`digest`]s are equal. What stays at home is here too:
//! [`duplicates`] within one registry, and a linkage in the [`clear`].
//!
//! ```
//! use blindjoin_linkage::{ProviderInput, QuerierKeyInput, Side, Signer, clear};
//! use blindjoin_record::{Date, RuleSet, Scratch};
//!
//! let rules = RuleSet::from_toml(
//!     "[columns]\nname = \"name\"\n[[rule]]\nid = \"NAME\"\nsignature = [\"name:U\"]\n",
//! )?;
//! let today = Date::new(2026, 11, 21).expect("a day");
//! let sign = |side, rows: [&str; 2]| -> Result<_, blindjoin_record::Error> {
//!     let signer = Signer::new(rules.bind(&["name"], today)?, Vec::new(), side);
//!     let (mut batch, mut scratch) = (signer.batch(), Scratch::default());
//!     for (number, row) in (1..).zip(rows) {
//!         signer.sign([row].as_slice(), number, &mut scratch, &mut batch);
//!     }
//!     Ok(batch)
//! };
//!
//! let mut ours = QuerierKeyInput::new(&rules);
//! sign(Side::Querier, ["Ann", "Ben"])?.for_each(0, |record| ours.take(record))?;
//! let mut theirs = ProviderInput::new(&rules, 0, false)?;
//! sign(Side::Provider, ["Cy", "ANN"])?.for_each(0, |record| theirs.take(record))?;
//!
//! let ((ours, outside), theirs) = (ours.finish(), theirs.finish().keys);
//! assert!(outside.is_empty());
//! let mut cells: Vec<_> = clear::cells(&ours, &theirs).collect();
//! cells.sort_unstable();
//! assert_eq!(cells, [(0, 0, true), (1, 0, false)]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Leakage
//!
//! Everything here happens at the party that holds the records, on plain data, in time that depends on
//! them.
//!
//! | what | contains |
//! |---|---|
//! | errors | names of rules, fields and columns; never a value |
//! | `Debug` | how much there is; never a value or a block |
//! | [`digest`] | the rules; neither columns nor records |
//! | keys and records | identifiers: they go into a session and nowhere else |
//! | sizes of blocks | for the holder of the table; a provider publishes classes of them |
//!
//! # Source
//!
//! `spec/protocol.md`, §1.
#![forbid(unsafe_code)]

pub mod blocking;
pub mod clear;
pub mod duplicates;
mod error;
mod keys;
mod provider;
mod querier;
mod rules;
mod signer;

pub use error::Error;
pub use provider::{InBlocks, ProviderInput, ProviderSide};
pub use querier::{QuerierKeyInput, QuerierRecordInput};
pub use rules::{Rules, digest, rule_ids};
pub use signer::{Batch, Reasons, Side, Signature, Signed, Signer, add_reasons};
