//! What drives a session of the protocol's here: messages that arrive become events, work goes to the
//! pool, and what is to be sent, kept or told goes to a [`Port`].
//!
//! Whatever the party, a session is driven by one task: it reads the next message only while fewer
//! pieces of work are under way than the pool can use, and it waits for the transport to take what it
//! sends. So memory is bounded, and a slow reader holds its writer back.

use std::future::Future;
use std::pin::pin;

use blindjoin_protocol::session::{
    Action, Event, Line, Message, Outcome, Pace, Session, Stored, StreamKind,
};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::wire::Chunk;
use crate::{Error, Role, pool};

/// How the parties work here. The lines between them lose nothing and keep the order: a session ends
/// with its connections.
pub(crate) fn pace(constant_time_tables: bool) -> Pace {
    Pace {
        ahead: pool::window() as u64,
        line: Line::Ordered,
        constant_time_tables,
    }
}

/// Where a session keeps what must outlive a crash.
pub(crate) trait Store: Send {
    /// Keeps it, and returns when it is safe: whatever the session does next rests on it.
    ///
    /// # Errors
    ///
    /// Why it is not; the session ends.
    fn store(&mut self, stored: Stored) -> impl Future<Output = Result<(), Error>> + Send;
}

/// For sessions that end with their connections: nothing is kept, and nobody could go on with it.
pub(crate) struct Nowhere;

impl Store for Nowhere {
    async fn store(&mut self, _: Stored) -> Result<(), Error> {
        Ok(())
    }
}

/// Where a session's messages go, and what it has to tell.
pub(crate) trait Port {
    /// Hands a message over to the transport, and waits until it has room for it.
    ///
    /// # Errors
    ///
    /// [`Error::Truncated`] if nobody takes messages any more; whoever reads from that peer knows
    /// why.
    fn send(
        &mut self,
        to: Role,
        message: Message,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Tells the sender of a stream that everything before a chunk has been taken for good. A line
    /// that loses nothing acknowledges by itself what it carries.
    fn accept(&mut self, stream: StreamKind, next: u64) {
        let (_, _) = (stream, next);
    }

    /// Takes what the party has at its end.
    fn reveal(&mut self, outcome: Outcome) {
        drop(outcome);
    }

    /// Notes that the session goes on.
    fn goes_on(&mut self) {}
}

/// A session, and what is still to be carried out for it.
pub(crate) struct Driven<S> {
    pub(crate) session: S,
    pub(crate) actions: Vec<Action>,
}

/// Drives a session on the events that `feed` sends, until there are no more and all work is done.
///
/// # Errors
///
/// Whatever ends the feeding or the session: there is none left then. Where a peer takes no more
/// messages, what it says to that is preferred.
pub(crate) async fn drive<S, F>(
    driven: Driven<S>,
    port: &mut impl Port,
    store: &mut impl Store,
    feed: impl FnOnce(mpsc::Sender<Event>) -> F,
) -> Result<S, Error>
where
    S: Session + Send + 'static,
    F: Future<Output = Result<(), Error>>,
{
    let (sender, events) = mpsc::channel(1);
    let mut feeding = pin!(feed(sender));
    let mut driving = Box::pin(run(driven, events, port, store));
    tokio::select! {
        biased;
        fed = &mut feeding => {
            fed?;
            driving.await
        }
        driven = &mut driving => {
            if let Err(Error::Truncated { .. }) = driven {
                feeding.await?;
            }
            driven
        }
    }
}

async fn run<S: Session + Send + 'static>(
    mut driven: Driven<S>,
    mut events: mpsc::Receiver<Event>,
    port: &mut impl Port,
    store: &mut impl Store,
) -> Result<S, Error> {
    let mut working = JoinSet::new();
    let mut ended = false;
    loop {
        for action in driven.actions.drain(..) {
            match action {
                Action::Compute(ticket, work) => {
                    let output = pool::compute(ticket.step.name(), move || work.run());
                    working.spawn(async move { (ticket, output.await) });
                }
                Action::Send { to, message } => port.send(to, message).await?,
                Action::Store(stored) => store.store(stored).await?,
                Action::Accept { stream, next } => port.accept(stream, next),
                Action::Reveal(outcome) => port.reveal(outcome),
            }
        }
        let room = working.len() < pool::window();
        let event = tokio::select! {
            Some(done) = working.join_next() => {
                let task = "a piece of work";
                let (ticket, output) = done.map_err(|_| Error::Panicked { task })?;
                Event::Done(ticket, output?)
            }
            event = events.recv(), if room && !ended => {
                let Some(event) = event else {
                    ended = true;
                    continue;
                };
                event
            }
            else => return Ok(driven.session),
        };
        port.goes_on();
        driven = pool::step("a step of a session", move || driven.take(event)).await??;
    }
}

impl<S: Session> Driven<S> {
    fn take(mut self, event: Event) -> Result<Self, Error> {
        self.session = self.session.handle(event, &mut self.actions)?;
        Ok(self)
    }
}

impl<S> From<S> for Driven<S> {
    fn from(session: S) -> Self {
        Self {
            session,
            actions: Vec::new(),
        }
    }
}

/// Hands an event over; where the session has ended meanwhile, how it did is told elsewhere.
pub(crate) async fn feed(events: &mpsc::Sender<Event>, event: Event) {
    drop(events.send(event).await);
}

/// The event that a chunk makes.
pub(crate) fn arrived(from: Role, stream: StreamKind, chunk: Chunk) -> Event {
    let message = Message::Chunk {
        stream,
        number: chunk.number,
        sealed: chunk.sealed,
    };
    Event::Message { from, message }
}

/// The chunk in a message.
///
/// # Errors
///
/// [`Error::SessionState`] for a message of another kind, of which a session sends none here.
pub(crate) fn chunk(message: Message) -> Result<Chunk, Error> {
    match message {
        Message::Chunk { number, sealed, .. } => Ok(Chunk { number, sealed }),
        Message::Announcement(_) | Message::Handshake(_) => Err(Error::SessionState),
    }
}

#[cfg(test)]
mod tests;
