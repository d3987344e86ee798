//! A session as a value: what each party does from the manifest to the card, without a line, a clock
//! or a thread.
//!
//! A party's session takes one [`Event`] after the other and says what is to be done: send a message,
//! do some [`Work`], store what must outlive a crash, reveal a result. It is consumed by every event,
//! so after an error there is none left to misuse. Whoever carries out the actions is its driver:
//! [`local`](crate::local) is one, for three parties in one thread; the services are another.
//!
//! # What a driver does
//!
//! * It carries out actions in their order: whatever stands behind an [`Action::Store`] waits until
//!   that is stored. So nothing is acknowledged that a crash could undo.
//! * Work is pure. It may be done anywhere, any number of times and in any order; its output is handed
//!   back under the same [`Ticket`].
//! * Messages may be lost, repeated, late and out of order where the line is [`Line::Lossy`]. After a
//!   while without news, or when a line is opened again, [`Event::Silence`] has sent again whatever may
//!   have been lost.
//! * Time is the driver's: a session that takes too long is dropped.
//!
//! # What is stored
//!
//! A [`Checkpoint`] is all that was stored: what was received for good, the session's secret, and where the streams
//! stand. With it and the party's own input a session goes on as if nothing had happened: everything
//! random follows from the secret, so what is sent again is the same, byte by byte. The input must be
//! the same as well, which is checked before anything is sent.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.

mod checkpoint;
mod keyholder;
mod provider;
mod querier;
mod streams;
mod work;

use std::sync::Arc;

pub use checkpoint::{Checkpoint, Stored};
pub use keyholder::KeyHolderSession;
pub use provider::{ProviderSession, Select, Selected};
pub use querier::{QuerierSession, Question};
pub use work::{Output, Step, Ticket, Work};

use checkpoint::Kept;
use work::Yield;

use crate::{Account, Card, Error, Identity, Manifest, Role, SessionSecret, StreamKind};

/// What a party is in a session, and how it goes about it.
#[derive(Clone, Debug)]
pub struct Own {
    /// Who it is.
    pub identity: Arc<Identity>,
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

/// What may happen to messages between two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// They arrive once and in order: anything else is somebody's doing, and ends the session.
    Ordered,
    /// They may be lost, repeated, late or out of order: what is not due is ignored.
    Lossy,
}

/// What crosses between two parties of a session.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// The key holder's [`KeyAnnouncement`](crate::KeyAnnouncement).
    Announcement(Vec<u8>),
    /// A [`Handshake`](crate::Handshake) of the querier's or the provider's.
    Handshake(Vec<u8>),
    /// A sealed chunk.
    Chunk {
        /// Of which stream.
        stream: StreamKind,
        /// Its place in the stream.
        number: u64,
        /// The chunk.
        sealed: Vec<u8>,
    },
}

impl Message {
    /// Yields its name for logs and errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Announcement(_) => "key announcement",
            Self::Handshake(_) => "handshake",
            Self::Chunk { stream, .. } => stream.name(),
        }
    }

    /// Says whether it is the last chunk of its stream, as it says itself: nothing rests on that
    /// before the seal is opened.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Chunk { sealed, .. } if sealed.first() == Some(&1))
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Announcement(_) | Self::Handshake(_) => f.write_str(self.name()),
            Self::Chunk { number, .. } => write!(f, "{} {number}", self.name()),
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

/// What the three machines have in common. A machine is consumed by an error, so its state need not
/// be put back then.
trait Machine: Sized {
    /// Where the session stands.
    type State;
    /// Where nothing is left to do.
    const OVER: Self::State;

    fn state(&mut self) -> &mut Self::State;

    fn kept(&self) -> &Kept;

    fn message(
        &mut self,
        from: Role,
        message: &Message,
        actions: &mut Vec<Action>,
    ) -> Result<(), Error>;

    /// Takes what came of work; of work that was done more than once, nothing.
    fn done(
        &mut self,
        state: Self::State,
        ticket: Ticket,
        output: Yield,
        actions: &mut Vec<Action>,
    ) -> Result<Self::State, Error>;

    /// Notes what the receiver of a stream has for good.
    fn accepted(&mut self, stream: StreamKind, next: u64, actions: &mut Vec<Action>);

    /// Sends again what may have been lost.
    fn repeat(&mut self, actions: &mut Vec<Action>) -> Result<(), Error>;

    /// Goes a step further if what is known allows it, and says whether another may follow.
    fn step(
        &mut self,
        state: Self::State,
        actions: &mut Vec<Action>,
    ) -> Result<(Self::State, bool), Error>;

    fn take_state(&mut self) -> Self::State {
        std::mem::replace(self.state(), Self::OVER)
    }

    /// Goes as far as what is known allows.
    fn advance(mut self, actions: &mut Vec<Action>) -> Result<Self, Error> {
        loop {
            let state = self.take_state();
            let (state, went_on) = self.step(state, actions)?;
            *self.state() = state;
            if !went_on {
                return Ok(self);
            }
        }
    }
}

impl<M: Machine> Session for M {
    fn handle(mut self, event: Event, actions: &mut Vec<Action>) -> Result<Self, Error> {
        match event {
            Event::Message { from, message } => self.message(from, &message, actions)?,
            Event::Done(ticket, output) => {
                let state = self.take_state();
                *self.state() = self.done(state, ticket, output?.0, actions)?;
            }
            Event::Accepted { stream, next } => self.accepted(stream, next, actions),
            Event::Silence => self.repeat(actions)?,
        }
        self.advance(actions)
    }

    fn is_over(&self) -> bool {
        self.kept().over
    }
}

/// What a message is that nobody waits for: an error, unless the line may have repeated it.
fn unexpected(line: Line, from: Role, message: &Message) -> Result<(), Error> {
    match line {
        Line::Lossy => Ok(()),
        Line::Ordered => Err(Error::Unexpected {
            from,
            what: message.name(),
        }),
    }
}
