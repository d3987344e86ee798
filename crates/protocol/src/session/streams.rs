//! The ends of a stream as a session has them: work under way, in order, from where the other end is.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use crate::error::Error;
use crate::role::Role;
use crate::session::event::Action;
use crate::session::message::{Line, Message};
use crate::session::work::Step;
use crate::session::work::Ticket;
use crate::stream::checkpoint::StreamCheckpoint;
use crate::stream::inbound::{Ended, Inbound};
use crate::stream::kind::StreamKind;
use crate::stream::outbound::Outbound;

/// The end that sends: payloads are made several at once, sealed in order, and made again from where
/// the receiver has them for good.
pub(super) struct Sending {
    outbound: Outbound,
    kind: StreamKind,
    to: Role,
    ahead: u64,
    /// The first chunk of which nobody makes the payload yet.
    begun: u64,
    /// Payloads that were made before their turn.
    made: BTreeMap<u64, Vec<u8>>,
    /// Where the stream stood before the first chunk that is not accepted, and after each since.
    behind: VecDeque<StreamCheckpoint>,
    accepted: u64,
}

impl Sending {
    /// Starts, or goes on from where the receiver is known to be.
    pub(super) fn new(
        outbound: Outbound,
        stored: Option<&StreamCheckpoint>,
        kind: StreamKind,
        ahead: u64,
    ) -> Result<Self, Error> {
        let outbound = match stored {
            Some(stored) => outbound.resume(stored)?,
            None => outbound,
        };
        let (_, to) = kind.direction();
        Ok(Self {
            behind: [outbound.checkpoint()].into(),
            begun: outbound.next(),
            accepted: outbound.next(),
            outbound,
            kind,
            to,
            ahead: ahead.max(1),
            made: BTreeMap::new(),
        })
    }

    /// The numbers of the payloads to begin with now.
    pub(super) fn begin(&mut self) -> std::ops::Range<u64> {
        let until = (self.outbound.next() + self.ahead).min(self.outbound.chunks());
        let from = self.begun;
        self.begun = self.begun.max(until);
        from..self.begun
    }

    /// Takes a payload, and sends what is due.
    pub(super) fn take(
        &mut self,
        number: u64,
        payload: Vec<u8>,
        actions: &mut Vec<Action>,
    ) -> Result<(), Error> {
        if !(self.outbound.next()..self.begun).contains(&number) {
            // It was made more than once.
            return Ok(());
        }
        self.made.insert(number, payload);
        while let Some(payload) = self.made.remove(&self.outbound.next()) {
            let number = self.outbound.next();
            let sealed = self.outbound.seal_next(&payload)?;
            self.behind.push_back(self.outbound.checkpoint());
            actions.push(Action::Send {
                to: self.to,
                message: Message::Chunk {
                    stream: self.kind,
                    number,
                    sealed,
                },
            });
        }
        Ok(())
    }

    /// Notes what the receiver has; says whether that is news.
    pub(super) fn accept(&mut self, next: u64) -> bool {
        // What was not sent cannot be accepted, and what is accepted stays so.
        let news = (self.accepted + 1..=self.outbound.next()).contains(&next);
        if news {
            let passed = next - self.accepted;
            self.behind.drain(..crate::widths::index(passed));
            self.accepted = next;
        }
        news
    }

    /// Goes back to the first chunk that the receiver does not have.
    pub(super) fn rewind(&mut self, outbound: Outbound) -> Result<(), Error> {
        self.behind.truncate(1);
        self.outbound = outbound.resume(self.base())?;
        self.begun = self.outbound.next();
        self.made.clear();
        Ok(())
    }

    /// Where the stream stands at the receiver.
    pub(super) fn base(&self) -> &StreamCheckpoint {
        self.behind.front().expect("there is always one")
    }

    /// Whether the receiver has all of it.
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted == self.outbound.chunks()
    }

    /// The whole stream as it was sent.
    pub(super) fn outbound(&self) -> &Outbound {
        &self.outbound
    }
}

/// The end that receives: chunks are opened in order, worked on several at once, and taken in order.
pub(super) struct Receiving<T> {
    inbound: Inbound,
    kind: StreamKind,
    line: Line,
    /// What came of chunks before their turn.
    done: BTreeMap<u64, T>,
    /// Where the stream stood after each chunk that is opened and not taken.
    opened: VecDeque<StreamCheckpoint>,
    taken: u64,
}

impl<T> Receiving<T> {
    /// Starts, or goes on from a checkpoint.
    pub(super) fn new(
        inbound: Inbound,
        stored: Option<&StreamCheckpoint>,
        kind: StreamKind,
        line: Line,
    ) -> Result<Self, Error> {
        let inbound = match stored {
            Some(stored) => inbound.resume(stored)?,
            None => inbound,
        };
        Ok(Self {
            taken: inbound.next(),
            inbound,
            kind,
            line,
            done: BTreeMap::new(),
            opened: VecDeque::new(),
        })
    }

    /// Opens a chunk if it is due; of one that was taken the sender is told so.
    pub(super) fn open(
        &mut self,
        number: u64,
        sealed: &[u8],
        actions: &mut Vec<Action>,
    ) -> Result<Option<Vec<u8>>, Error> {
        if self.line == Line::Lossy && number != self.inbound.next() {
            if number < self.taken {
                self.tell(actions);
            }
            return Ok(None);
        }
        let payload = self.inbound.open_next(number, sealed)?;
        self.opened.push_back(self.inbound.checkpoint());
        Ok(Some(payload))
    }

    /// Takes what came of a chunk; yields what is due with where the stream then stands.
    pub(super) fn take(&mut self, number: u64, done: T) -> Vec<(T, StreamCheckpoint)> {
        let mut due = Vec::new();
        if (self.taken..self.inbound.next()).contains(&number) {
            self.done.insert(number, done);
        }
        while let Some(done) = self.done.remove(&self.taken) {
            let stands = self.opened.pop_front();
            due.push((done, stands.expect("what was opened is noted")));
            self.taken += 1;
        }
        due
    }

    /// Tells the sender what has been taken.
    pub(super) fn tell(&self, actions: &mut Vec<Action>) {
        actions.push(Action::Accept {
            stream: self.kind,
            next: self.taken,
        });
    }

    /// How many chunks have been taken.
    pub(super) fn taken(&self) -> u64 {
        self.taken
    }

    /// Whether nothing has arrived yet.
    pub(super) fn is_new(&self) -> bool {
        self.inbound.next() == 0
    }

    /// Whether all of the stream has been taken.
    pub(super) fn is_taken(&self) -> bool {
        self.inbound.is_closed() && self.taken == self.inbound.next()
    }

    /// The stream's end, before which nothing rests on it.
    pub(super) fn end(self) -> Result<Ended, Error> {
        self.inbound.end()
    }
}

/// The ticket of a payload of the one long stream that each party sends.
pub(super) fn payload(number: u64) -> Ticket {
    Step::Payload.of(number)
}
