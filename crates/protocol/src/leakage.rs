//! What each party learns from a session, in one place: for documents in general, and for the
//! report of one session with its figures.
//!
//! A `Linkage` says which modes a session combines. `Linkage::learned` yields what an
//! [`Observer`] learns from it: `Fact`s, each with a general wording and one for a [`Session`].
//! `table` renders all of it.

pub(crate) mod fact;
pub(crate) mod table;
mod words;

pub use fact::Observer;
pub use words::{Named, Session};
