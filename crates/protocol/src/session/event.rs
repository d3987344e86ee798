//! What happens to a session, and what is to be done for it.

use std::sync::Arc;

use crate::card::Card;
use crate::error::Error;
use crate::manifest::Manifest;
use crate::random::SessionSecret;
use crate::role::Role;
use crate::session::message::{Line, Message};
use crate::session::stored::Stored;
use crate::session::work::{Output, Ticket, Work};
use crate::signer::Signer;
use crate::stream::kind::{Account, StreamKind};

/// What a party is in a session, and how it goes about it.
#[derive(Clone, Debug)]
pub struct Own {
    /// Who it is.
    pub identity: Arc<Signer>,
    /// What was agreed.
    pub manifest: Manifest,
    /// Where everything random comes from.
    pub secret: SessionSecret,
    /// How it works.
    pub pace: Pace,
}

/// How a party works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How many pieces of a stream to have under way, at least 1.
    pub ahead: u64,
    /// What may happen to messages.
    pub line: Line,
    /// Whether to read tables of powers at addresses that depend on nothing secret.
    pub constant_time_tables: bool,
}

impl Default for Pace {
    /// One piece of work at a time, over an ordered line.
    fn default() -> Self {
        Self {
            ahead: 1,
            line: Line::Ordered,
            constant_time_tables: false,
        }
    }
}

/// What happens to a session.
#[derive(Debug)]
pub enum Event {
    /// A message arrived.
    Message {
        /// From whom, as the line knows it.
        from: Role,
        /// The message.
        message: Message,
    },
    /// Work was done.
    Done(Ticket, Result<Output, Error>),
    /// The receiver of a stream has all chunks before this one for good.
    Accepted {
        /// The stream.
        stream: StreamKind,
        /// The number of the first chunk that it does not have.
        next: u64,
    },
    /// Nothing was heard for a while, or a line was opened again: what may be lost is sent again.
    Silence,
}

/// What is to be done for a session.
#[derive(Debug)]
pub enum Action {
    /// A message is to be sent.
    Send {
        /// To whom.
        to: Role,
        /// The message.
        message: Message,
    },
    /// Work is to be done.
    Compute(Ticket, Work),
    /// This is to be stored before what follows is carried out.
    Store(Stored),
    /// All chunks before this one have been taken for good: the sender is to be told, unless the line
    /// tells it anyway.
    Accept {
        /// The stream.
        stream: StreamKind,
        /// The number of the first chunk that was not.
        next: u64,
    },
    /// The party has what it takes part for.
    Reveal(Outcome),
}

/// What a party has at the end, for itself alone.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The querier's card.
    Card(Box<Card>),
    /// What the provider sent.
    Compared(Account),
    /// What the key holder saw.
    Decided {
        /// Of which stream.
        account: Account,
        /// Matches, canaries and dummies together, or nothing where it is blind or has failed.
        matches: Option<u64>,
        /// Why the session has failed, if it has: for its own log, and nobody else's.
        failure: Option<Error>,
    },
}

/// A party's side of a session.
pub trait Session: Sized {
    /// Takes an event, and says what is to be done.
    ///
    /// # Errors
    ///
    /// Whatever ends the session. What the peers may be told of it is the driver's affair.
    fn handle(self, event: Event, actions: &mut Vec<Action>) -> Result<Self, Error>;

    /// Says whether the party has done all that the others need of it. It goes on answering those
    /// that have not heard so.
    fn is_over(&self) -> bool;
}
