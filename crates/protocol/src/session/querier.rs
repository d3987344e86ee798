//! The querier's session: from the key holder's announcement to the card.

use std::sync::Arc;

use crate::agreement::Agreement;
use crate::channel::Channel;
use crate::error::Error;
use crate::handshake::{Handshake, Peer};
use crate::querier::Querier;
use crate::role::Role;
use crate::session::event::{Action, Outcome, Own, Pace};
use crate::session::input::Question;
use crate::session::kept::Kept;
use crate::session::machine::Machine;
use crate::session::message::{Line, Message, unexpected};
use crate::session::stored::Checkpoint;
use crate::session::streams::{Receiving, Sending, payload};
use crate::session::work::{Step, Task, Ticket, Work, Yield};
use crate::signer::Signer;
use crate::stream::inbound::Ended;
use crate::stream::kind::StreamKind;

/// The querier's side of a session.
pub struct QuerierSession {
    identity: Arc<Signer>,
    pace: Pace,
    question: Question,
    kept: Kept,
    /// Payloads of the result.
    payloads: Arc<Vec<Vec<u8>>>,
    state: State,
}

pub(super) enum State {
    /// The key holder's announcement is due.
    Waiting,
    /// Its key is being checked.
    Checking,
    /// The provider's handshake is due.
    Greeting(Box<Agreed>),
    /// The table is being laid out.
    LayingOut(Box<Channels>),
    /// The table is on its way; result and summary are due.
    Asking(Box<Asking>),
    /// The result is being opened.
    Opening,
    /// The card has been revealed.
    Over,
}

/// What is known once the key is.
pub(super) struct Agreed {
    agreement: Agreement,
    keyholder: Peer,
}

pub(super) struct Channels {
    agreement: Agreement,
    to_provider: Channel,
    to_keyholder: Channel,
}

pub(super) struct Asking {
    agreement: Agreement,
    querier: Arc<Querier>,
    to_provider: Channel,
    table: Sending,
    result: Receiving<()>,
    summary: Option<Ended>,
}

impl QuerierSession {
    /// Begins a session.
    pub fn new(own: &Own, question: Question, actions: &mut Vec<Action>) -> Self {
        let kept = Kept::new(Role::Querier, &own.manifest, &own.secret);
        kept.store(None, actions);
        Self {
            identity: own.identity.clone(),
            pace: own.pace,
            question,
            kept,
            payloads: Arc::default(),
            state: State::Waiting,
        }
    }

    /// Goes on from what was stored, with the same question.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a checkpoint of another role or form; [`Error::Changed`], as soon as
    /// it is known, for another question.
    pub fn resume(
        identity: Arc<Signer>,
        pace: Pace,
        question: Question,
        checkpoint: Checkpoint,
        actions: &mut Vec<Action>,
    ) -> Result<Self, Error> {
        let (head, payloads) = checkpoint.into_parts();
        let kept = Kept::decode(&head, Role::Querier)?;
        let state = if kept.over {
            State::Over
        } else {
            State::Waiting
        };
        let session = Self {
            identity,
            pace,
            question,
            kept,
            payloads: Arc::new(payloads),
            state,
        };
        session.advance(actions)
    }

    /// Yields what was agreed, under the key, from when the key is known until the card is.
    pub fn agreement(&self) -> Option<&Agreement> {
        match &self.state {
            State::Greeting(agreed) => Some(&agreed.agreement),
            State::LayingOut(channels) => Some(&channels.agreement),
            State::Asking(asking) => Some(&asking.agreement),
            State::Waiting | State::Checking | State::Opening | State::Over => None,
        }
    }

    fn greet(&self, to: Role, agreement: &Agreement) -> Action {
        self.kept.greet(&self.identity, to, agreement)
    }
}

impl Machine for QuerierSession {
    type State = State;
    const OVER: State = State::Over;

    fn state(&mut self) -> &mut State {
        &mut self.state
    }

    fn kept(&self) -> &Kept {
        &self.kept
    }

    fn message(
        &mut self,
        from: Role,
        message: &Message,
        actions: &mut Vec<Action>,
    ) -> Result<(), Error> {
        match (from, message, &mut self.state) {
            (Role::KeyHolder, Message::Announcement(bytes), State::Waiting) => {
                self.kept.announcement = Some(bytes.clone());
                self.kept.store(None, actions);
            }
            (Role::Provider, Message::Handshake(bytes), State::Greeting(_)) => {
                self.kept.from_provider = Some(bytes.clone());
                self.kept.store(None, actions);
            }
            (
                Role::KeyHolder,
                Message::Chunk {
                    stream: StreamKind::Result,
                    number,
                    sealed,
                },
                State::Asking(asking),
            ) => {
                let Some(payload) = asking.result.open(*number, sealed, actions)? else {
                    return Ok(());
                };
                for ((), stands) in asking.result.take(*number, ()) {
                    self.kept.received = Some(stands);
                }
                self.kept.store(Some(payload.clone()), actions);
                Arc::make_mut(&mut self.payloads).push(payload);
                asking.result.tell(actions);
            }
            (
                Role::Provider,
                Message::Chunk {
                    stream: StreamKind::Summary,
                    number: 0,
                    sealed,
                },
                State::Asking(asking),
            ) if asking.summary.is_none() => {
                asking.take_summary(sealed)?;
                self.kept.summary = Some(sealed.clone());
                self.kept.store(None, actions);
                tell_summary(actions);
            }
            (Role::Provider, Message::Chunk { stream, .. }, State::Asking(_) | State::Over)
                if *stream == StreamKind::Summary && self.pace.line == Line::Lossy =>
            {
                tell_summary(actions);
            }
            (Role::KeyHolder, Message::Chunk { stream, .. }, State::Over)
                if *stream == StreamKind::Result && self.pace.line == Line::Lossy =>
            {
                let (stream, next) = (*stream, self.payloads.len() as u64);
                actions.push(Action::Accept { stream, next });
            }
            _ => unexpected(self.pace.line, from, message)?,
        }
        Ok(())
    }

    fn done(
        &mut self,
        state: State,
        ticket: Ticket,
        output: Yield,
        actions: &mut Vec<Action>,
    ) -> Result<State, Error> {
        Ok(match (state, ticket.step, output) {
            (State::Checking, Step::Key, Yield::Key(agreement, keyholder)) => {
                let agreed = Agreed {
                    agreement: *agreement,
                    keyholder,
                };
                actions.push(self.greet(Role::Provider, &agreed.agreement));
                State::Greeting(Box::new(agreed))
            }
            (State::LayingOut(channels), Step::Layout, Yield::Querier(querier)) => {
                Kept::uses(&mut self.kept.input, querier.digest(), "another question")?;
                self.kept.store(None, actions);
                actions.push(self.greet(Role::KeyHolder, &channels.agreement));
                let asking = Asking::new(*channels, querier, &self.kept, self.pace)?;
                if asking.result.taken() != self.payloads.len() as u64 {
                    return Err(Error::Malformed { what: "checkpoint" });
                }
                State::Asking(Box::new(asking))
            }
            (State::Asking(mut asking), Step::Payload, Yield::Payload(payload)) => {
                asking.table.take(ticket.number, payload, actions)?;
                State::Asking(asking)
            }
            (State::Opening, Step::Card, Yield::Card(card)) => {
                // Stored behind: a crash in between reveals the same card once more.
                actions.push(Action::Reveal(Outcome::Card(card)));
                self.kept.over = true;
                self.kept.store(None, actions);
                State::Over
            }
            (state, ..) => state,
        })
    }

    fn accepted(&mut self, stream: StreamKind, next: u64, actions: &mut Vec<Action>) {
        if let (StreamKind::Table, State::Asking(asking)) = (stream, &mut self.state)
            && asking.table.accept(next)
        {
            self.kept.sent = Some(asking.table.base().clone());
            self.kept.store(None, actions);
        }
    }

    fn repeat(&mut self, actions: &mut Vec<Action>) -> Result<(), Error> {
        match &mut self.state {
            State::Greeting(agreed) => {
                let agreement = agreed.agreement.clone();
                actions.push(self.greet(Role::Provider, &agreement));
            }
            State::Asking(asking) => {
                if !asking.table.is_accepted() {
                    let outbound = asking.querier.table_stream(&asking.to_provider);
                    asking.table.rewind(outbound)?;
                }
                if asking.result.is_new() {
                    let agreement = asking.agreement.clone();
                    actions.push(self.greet(Role::KeyHolder, &agreement));
                }
            }
            State::Waiting
            | State::Checking
            | State::LayingOut(_)
            | State::Opening
            | State::Over => {}
        }
        Ok(())
    }

    fn step(&mut self, state: State, actions: &mut Vec<Action>) -> Result<(State, bool), Error> {
        Ok(match state {
            State::Waiting => {
                let Some(work) = self.kept.check_key(self.pace)? else {
                    return Ok((State::Waiting, false));
                };
                actions.push(work);
                (State::Checking, true)
            }
            State::Greeting(agreed) => {
                let Some(handshake) = &self.kept.from_provider else {
                    return Ok((State::Greeting(agreed), false));
                };
                let Agreed {
                    agreement,
                    keyholder,
                } = *agreed;
                let provider = Handshake::decode(handshake)?.verify(Role::Provider, &agreement)?;
                let channel =
                    |peer| Channel::derive(&agreement, Role::Querier, &self.kept.secret, peer);
                let (to_provider, to_keyholder) = (channel(&provider)?, channel(&keyholder)?);
                let work = Work::new(Task::LayOut {
                    fingerprints: to_provider.fingerprints(agreement.suite()),
                    question: self.question.clone(),
                    secret: self.kept.secret.clone(),
                    agreement: agreement.clone(),
                });
                actions.push(Action::Compute(Step::Layout.whole(), work));
                let channels = Channels {
                    agreement,
                    to_provider,
                    to_keyholder,
                };
                (State::LayingOut(Box::new(channels)), true)
            }
            State::Asking(mut asking) => {
                for number in asking.table.begin() {
                    let work = Work::new(Task::Encrypt(asking.querier.clone(), number));
                    actions.push(Action::Compute(payload(number), work));
                }
                if !asking.result.is_taken() || asking.summary.is_none() {
                    return Ok((State::Asking(asking), false));
                }
                let Asking {
                    querier,
                    result,
                    summary,
                    ..
                } = *asking;
                let work = Work::new(Task::Open {
                    querier,
                    payloads: self.payloads.clone(),
                    result: Arc::new(result.end()?),
                    summary: Arc::new(summary.ok_or(Error::Disagreement)?),
                });
                actions.push(Action::Compute(Step::Card.whole(), work));
                (State::Opening, true)
            }
            state @ (State::Checking | State::LayingOut(_) | State::Opening | State::Over) => {
                (state, false)
            }
        })
    }
}

impl Asking {
    fn new(
        channels: Channels,
        querier: Arc<Querier>,
        kept: &Kept,
        pace: Pace,
    ) -> Result<Self, Error> {
        let Channels {
            agreement,
            to_provider,
            to_keyholder,
        } = channels;
        let (kind, sent) = (StreamKind::Table, kept.sent.as_ref());
        let table = Sending::new(querier.table_stream(&to_provider), sent, kind, pace.ahead)?;
        let (kind, received) = (StreamKind::Result, kept.received.as_ref());
        let inbound = querier.result_stream(&to_keyholder);
        let mut asking = Self {
            agreement,
            table,
            result: Receiving::new(inbound, received, kind, pace.line)?,
            summary: None,
            querier,
            to_provider,
        };
        if let Some(summary) = &kept.summary {
            asking.take_summary(summary)?;
        }
        Ok(asking)
    }

    fn take_summary(&mut self, sealed: &[u8]) -> Result<(), Error> {
        let stream = self.querier.summary_stream(&self.to_provider);
        let (stream, _) = stream.open(0, sealed)?;
        self.summary = Some(stream.end()?);
        Ok(())
    }
}

fn tell_summary(actions: &mut Vec<Action>) {
    actions.push(Action::Accept {
        stream: StreamKind::Summary,
        next: 1,
    });
}

impl std::fmt::Debug for QuerierSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.state {
            State::Waiting => "QuerierSession: waiting for the key",
            State::Checking => "QuerierSession: checking the key",
            State::Greeting(_) => "QuerierSession: waiting for the provider",
            State::LayingOut(_) => "QuerierSession: laying out the table",
            State::Asking(_) => "QuerierSession: asking",
            State::Opening => "QuerierSession: opening the result",
            State::Over => "QuerierSession: over",
        })
    }
}
