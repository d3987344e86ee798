//! Duplicates at home: the program itself, without any other party.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

mod copies;
mod desk;
mod endings;
mod values;
