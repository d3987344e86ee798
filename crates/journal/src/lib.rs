//! What a party must remember whatever happens to its program.
//!
//! A budget that a restart resets is none, a session id that a crash forgets can be used twice, and
//! a random number that is drawn again tells what it was to hide. Here are these three, in one file
//! of one folder:
//!
//! | | what is kept | when it goes |
//! |---|---|---|
//! | [charges](Journal::charge) | per caller the start of its period, per unit what was spent since | when the next period begins |
//! | [used ids](Journal::use_id) | the id of every session ever opened, and when its agreement ends | after that end |
//! | [values](Journal::keep) | bytes under a name: salts, noise, what was published | when they are replaced |
//!
//! Every call is one transaction. When it returns, what it wrote is on the disk; a call that fails
//! has changed nothing that a later one could see, but for one case: a failure of the disk itself
//! may leave a charge paid or an id used. After such a failure every further call fails until the
//! journal is opened again: a party that cannot remember must not answer.
//!
//! Time is handed in, in seconds since 1970, and never runs backwards here: a clock that does gives
//! no budget back and makes no id fresh.
//!
//! ```
//! # fn main() -> Result<(), blindjoin_journal::Error> {
//! # let folder = tempfile::tempdir().unwrap();
//! use blindjoin_journal::{Charge, Error, Journal};
//!
//! let journal = Journal::open(&folder.path().join("state"))?;
//! let places = |amount| [Charge { unit: "places", amount, allowance: 100 }];
//! let (month, now) = (30 * 86_400, 1_800_000_000);
//! journal.charge(b"one caller", &places(60), month, now)?;
//! let refused = journal.charge(b"one caller", &places(60), month, now + 1);
//! assert!(matches!(refused, Err(Error::Exhausted { spent: 60, .. })));
//! journal.charge(b"one caller", &places(60), month, now + month)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What leaks
//!
//! Nothing but to who reads the file: callers' names, what they spent, session ids, and the values.
//! The file is its owner's alone (mode 0600), and the folder nobody else's to write to.
//!
//! # The file
//!
//! A redb database with a table for each of the above, and one that says which layout these have. A
//! program that meets a newer layout than its own, another program's file or a damaged one does not
//! start. Two programs cannot have it open at once.
//!
//! # Source
//!
//! redb's file format, `docs/design.md` of its repository: copy-on-write B-trees, two commit slots,
//! a checksum over every page.
#![forbid(unsafe_code)]

mod charge;
#[cfg(test)]
mod crash;
mod error;
mod folder;
mod store;
mod used;
mod value;

pub use charge::{Charge, Spent};
pub use error::Error;
pub use store::Journal;
