//! The key holder's session: from its announcement to the delivered result.

use std::sync::Arc;

use blindjoin_paillier::SecretKey;

use crate::agreement::Agreement;
use crate::announcement::KeyAnnouncement;
use crate::channel::Channel;
use crate::error::Error;
use crate::handshake::Handshake;
use crate::keyholder::{KeyHolder, Release, Released, Verdicts};
use crate::role::Role;
use crate::session::event::{Action, Outcome, Own, Pace};
use crate::session::kept::Kept;
use crate::session::machine::Machine;
use crate::session::message::{Line, Message, unexpected};
use crate::session::stored::Checkpoint;
use crate::session::streams::{Receiving, Sending, payload};
use crate::session::work::{Step, Task, Ticket, Work, Yield};
use crate::signer::Signer;
use crate::stream::kind::StreamKind;

/// The key holder's side of a session.
///
/// Nothing is released before the last chunk: a [`Released`] comes about where the state `Deciding`
/// ends, of all its chunks, and the state `Delivering` is the only one that can reach the querier.
pub struct KeyHolderSession {
    identity: Arc<Signer>,
    pace: Pace,
    agreement: Agreement,
    role: Arc<KeyHolder>,
    kept: Kept,
    state: State,
}

pub(super) enum State {
    /// The provider's handshake is due.
    Waiting,
    /// Comparisons are due. The querier is out of reach: there is no channel to it here.
    Deciding(Box<Deciding>),
    /// All comparisons have been decided; the querier's handshake is due.
    Decided(Arc<Released>),
    /// The result is on its way.
    Delivering(Box<Delivering>),
    /// The querier has it.
    Over,
}

pub(super) struct Deciding {
    comparisons: Receiving<Verdicts>,
    release: Release,
}

pub(super) struct Delivering {
    released: Arc<Released>,
    to_querier: Channel,
    result: Sending,
}

impl KeyHolderSession {
    /// Begins a session under a key that is used for nothing else.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestMismatch`] when the key is of another profile or length than agreed.
    pub fn new(
        own: &Own,
        secret_key: Arc<SecretKey>,
        actions: &mut Vec<Action>,
    ) -> Result<Self, Error> {
        let kept = Kept::new(Role::KeyHolder, &own.manifest, &own.secret);
        kept.store(None, actions);
        let session = Self::of(own.identity.clone(), own.pace, secret_key, kept)?;
        for to in [Role::Querier, Role::Provider] {
            actions.push(session.announce(to));
        }
        Ok(session)
    }

    /// Goes on from what was stored, with the same key.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a checkpoint of another role or form, and as [`new`](Self::new).
    pub fn resume(
        identity: Arc<Signer>,
        pace: Pace,
        secret_key: Arc<SecretKey>,
        checkpoint: Checkpoint,
        actions: &mut Vec<Action>,
    ) -> Result<Self, Error> {
        let (head, parts) = checkpoint.into_parts();
        let kept = Kept::decode(&head, Role::KeyHolder)?;
        let mut session = Self::of(identity, pace, secret_key, kept)?;
        if session.kept.over {
            session.state = State::Over;
        }
        let session = session.advance(actions)?;
        session.restore(&parts)?.advance(actions)
    }

    fn of(
        identity: Arc<Signer>,
        pace: Pace,
        secret_key: Arc<SecretKey>,
        kept: Kept,
    ) -> Result<Self, Error> {
        let agreement = Agreement::new(kept.manifest.clone(), secret_key.public().clone())?;
        Ok(Self {
            identity,
            pace,
            role: Arc::new(KeyHolder::new(&agreement, secret_key)),
            agreement,
            kept,
            state: State::Waiting,
        })
    }

    /// Takes the verdicts that were stored.
    fn restore(mut self, parts: &[Vec<u8>]) -> Result<Self, Error> {
        let malformed = Error::Malformed { what: "checkpoint" };
        match self.state {
            State::Deciding(mut deciding) => {
                for part in parts {
                    let verdicts = Verdicts::decode(part, &self.agreement)?;
                    deciding.release = deciding.release.take(verdicts)?;
                }
                if deciding.comparisons.taken() != parts.len() as u64 {
                    return Err(malformed);
                }
                self.state = State::Deciding(deciding);
                Ok(self)
            }
            State::Over => Ok(self),
            _ if parts.is_empty() => Ok(self),
            _ => Err(malformed),
        }
    }

    /// Checks a handshake before the session is given it.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`], and [`Error::BadSignature`] for one of another role or session.
    pub fn verify(agreement: &Agreement, role: Role, handshake: &[u8]) -> Result<(), Error> {
        Handshake::decode(handshake)?.verify(role, agreement)?;
        Ok(())
    }

    /// Yields what was agreed, under the key.
    pub fn agreement(&self) -> &Agreement {
        &self.agreement
    }

    /// Yields the key holder's announcement, which is the same for both other parties.
    pub fn announcement(&self) -> Vec<u8> {
        KeyAnnouncement::sign(&self.identity, &self.agreement, &self.kept.secret).encode()
    }

    /// Says whether all comparisons have been decided: only from then on the querier gets anything.
    pub fn has_decided(&self) -> bool {
        !matches!(self.state, State::Waiting | State::Deciding(_))
    }

    fn announce(&self, to: Role) -> Action {
        let message = Message::Announcement(self.announcement());
        Action::Send { to, message }
    }

    fn channel(&self, role: Role, handshake: &[u8]) -> Result<Channel, Error> {
        let peer = Handshake::decode(handshake)?.verify(role, &self.agreement)?;
        Channel::derive(&self.agreement, Role::KeyHolder, &self.kept.secret, &peer)
    }

    /// Tells the provider that all comparisons have been decided.
    fn tell_all(&self, actions: &mut Vec<Action>) {
        actions.push(Action::Accept {
            stream: StreamKind::Comparisons,
            next: self.agreement.sizes().comparisons().chunks(),
        });
    }
}

impl Machine for KeyHolderSession {
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
            (Role::Provider, Message::Handshake(bytes), State::Waiting) => {
                Self::verify(&self.agreement, Role::Provider, bytes)?;
                self.kept.from_provider = Some(bytes.clone());
                self.kept.store(None, actions);
            }
            (Role::Querier, Message::Handshake(bytes), _) if self.kept.from_querier.is_none() => {
                Self::verify(&self.agreement, Role::Querier, bytes)?;
                self.kept.from_querier = Some(bytes.clone());
                self.kept.store(None, actions);
            }
            (
                Role::Provider,
                Message::Chunk {
                    stream: StreamKind::Comparisons,
                    number,
                    sealed,
                },
                State::Deciding(deciding),
            ) => {
                if let Some(payload) = deciding.comparisons.open(*number, sealed, actions)? {
                    let work = Work::new(Task::Decide {
                        keyholder: self.role.clone(),
                        number: *number,
                        payload,
                    });
                    actions.push(Action::Compute(Step::Verdicts.of(*number), work));
                }
            }
            (
                Role::Provider,
                Message::Chunk {
                    stream: StreamKind::Comparisons,
                    ..
                },
                State::Decided(_) | State::Delivering(_) | State::Over,
            ) if self.pace.line == Line::Lossy => self.tell_all(actions),
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
            (State::Deciding(deciding), Step::Verdicts, Yield::Verdicts(verdicts)) => {
                let Deciding {
                    mut comparisons,
                    mut release,
                } = *deciding;
                for (verdicts, stands) in comparisons.take(ticket.number, verdicts) {
                    self.kept.received = Some(stands);
                    self.kept.store(Some(verdicts.encode()), actions);
                    release = release.take(verdicts)?;
                }
                // Behind everything that is stored: what is acknowledged is not sent again.
                comparisons.tell(actions);
                State::Deciding(Box::new(Deciding {
                    comparisons,
                    release,
                }))
            }
            (State::Delivering(mut delivering), Step::Payload, Yield::Payload(payload)) => {
                delivering.result.take(ticket.number, payload, actions)?;
                State::Delivering(delivering)
            }
            (state, ..) => state,
        })
    }

    fn accepted(&mut self, stream: StreamKind, next: u64, actions: &mut Vec<Action>) {
        if let (StreamKind::Result, State::Delivering(delivering)) = (stream, &mut self.state)
            && delivering.result.accept(next)
        {
            self.kept.sent = Some(delivering.result.base().clone());
            self.kept.store(None, actions);
        }
    }

    fn repeat(&mut self, actions: &mut Vec<Action>) -> Result<(), Error> {
        if self.kept.from_querier.is_none() {
            actions.push(self.announce(Role::Querier));
        }
        match &mut self.state {
            State::Waiting => actions.push(self.announce(Role::Provider)),
            State::Deciding(deciding) => deciding.comparisons.tell(actions),
            State::Delivering(delivering) => {
                let stream = delivering.released.stream(&delivering.to_querier);
                delivering.result.rewind(stream)?;
            }
            State::Decided(_) | State::Over => {}
        }
        Ok(())
    }

    fn step(&mut self, state: State, actions: &mut Vec<Action>) -> Result<(State, bool), Error> {
        Ok(match state {
            State::Waiting => {
                let Some(handshake) = &self.kept.from_provider else {
                    return Ok((State::Waiting, false));
                };
                let channel = self.channel(Role::Provider, handshake)?;
                let stream = self.role.comparison_stream(&channel);
                let (kind, stored) = (StreamKind::Comparisons, self.kept.received.as_ref());
                let deciding = Deciding {
                    comparisons: Receiving::new(stream, stored, kind, self.pace.line)?,
                    release: self.role.release(),
                };
                // Not further: what was stored of the verdicts comes first.
                (State::Deciding(Box::new(deciding)), false)
            }
            State::Deciding(deciding) => {
                if !deciding.comparisons.is_taken() {
                    return Ok((State::Deciding(deciding), false));
                }
                let Deciding {
                    comparisons,
                    release,
                } = *deciding;
                let released = release.finish(&comparisons.end()?)?;
                actions.push(Action::Reveal(Outcome::Decided {
                    account: released.account(),
                    matches: released.matches(),
                    failure: released.failure().cloned(),
                }));
                (State::Decided(Arc::new(released)), true)
            }
            State::Decided(released) => {
                let Some(handshake) = &self.kept.from_querier else {
                    return Ok((State::Decided(released), false));
                };
                let to_querier = self.channel(Role::Querier, handshake)?;
                let stream = released.stream(&to_querier);
                let (kind, sent) = (StreamKind::Result, self.kept.sent.as_ref());
                let delivering = Delivering {
                    result: Sending::new(stream, sent, kind, self.pace.ahead)?,
                    released,
                    to_querier,
                };
                (State::Delivering(Box::new(delivering)), true)
            }
            State::Delivering(mut delivering) => {
                for number in delivering.result.begin() {
                    let work = Work::new(Task::Deliver(delivering.released.clone(), number));
                    actions.push(Action::Compute(payload(number), work));
                }
                if !delivering.result.is_accepted() {
                    return Ok((State::Delivering(delivering), false));
                }
                self.kept.over = true;
                self.kept.store(None, actions);
                (State::Over, false)
            }
            State::Over => (State::Over, false),
        })
    }
}

impl std::fmt::Debug for KeyHolderSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.state {
            State::Waiting => "KeyHolderSession: waiting for the provider",
            State::Deciding(_) => "KeyHolderSession: deciding",
            State::Decided(_) => "KeyHolderSession: waiting for the querier",
            State::Delivering(_) => "KeyHolderSession: delivering",
            State::Over => "KeyHolderSession: over",
        })
    }
}
