//! The provider's session: from the key holder's announcement to the summary.

use std::sync::Arc;

use crate::agreement::Agreement;
use crate::channel::Channel;
use crate::error::Error;
use crate::handshake::{Handshake, Peer};
use crate::provider::Provider;
use crate::provider::jobs::ProviderJobs;
use crate::provider::table::{CheckedChunk, EncryptedTable, TableIntake};
use crate::random::SessionSecret;
use crate::role::Role;
use crate::session::event::{Action, Outcome, Own, Pace};
use crate::session::input::Select;
use crate::session::kept::Kept;
use crate::session::machine::Machine;
use crate::session::message::{Line, Message, unexpected};
use crate::session::stored::Checkpoint;
use crate::session::streams::{Receiving, Sending, payload};
use crate::session::work::{Step, Task, Ticket, Work, Yield};
use crate::signer::Signer;
use crate::stream::kind::StreamKind;

/// The provider's side of a session.
pub struct ProviderSession {
    identity: Arc<Signer>,
    pace: Pace,
    select: Arc<Select>,
    kept: Kept,
    state: State,
}

pub(super) enum State {
    /// The key holder's announcement is due.
    Waiting,
    /// Its key is being checked.
    Checking,
    /// The querier's handshake is due.
    Greeting(Box<Agreement>, Peer),
    /// The querier's table is due.
    Taking(Box<Taking>),
    /// The table has arrived; what does not depend on the querier is being brought together with it.
    Meeting(Box<Meeting>),
    /// The comparisons are on their way to the key holder.
    Comparing(Box<Comparing>),
    /// The summary is on its way to the querier.
    Closing(Summary),
    /// The querier has it.
    Over,
}

pub(super) struct Channels {
    agreement: Agreement,
    to_querier: Channel,
    to_keyholder: Channel,
}

pub(super) struct Taking {
    channels: Channels,
    chunks: Receiving<Arc<CheckedChunk>>,
    intake: TableIntake,
    jobs: Option<Arc<ProviderJobs>>,
}

pub(super) struct Meeting {
    channels: Channels,
    jobs: Option<Arc<ProviderJobs>>,
    table: Option<Arc<EncryptedTable>>,
    /// Whether that is under way.
    met: bool,
}

pub(super) struct Comparing {
    channels: Channels,
    provider: Arc<Provider>,
    comparisons: Sending,
}

/// The sealed summary.
pub(super) struct Summary(Vec<u8>);

impl ProviderSession {
    /// Begins a session. `select` finds the part of the registry that takes part: the same every time.
    pub fn new(own: &Own, select: Arc<Select>, actions: &mut Vec<Action>) -> Self {
        let kept = Kept::new(Role::Provider, &own.manifest, &own.secret);
        kept.store(None, actions);
        Self {
            identity: own.identity.clone(),
            pace: own.pace,
            select,
            kept,
            state: State::Waiting,
        }
    }

    /// Goes on from what was stored, with the same part of the registry. The table must come again,
    /// unless the key holder has all comparisons.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for a checkpoint of another role or form; [`Error::Changed`], as soon as
    /// it is known, for another selection or another table.
    pub fn resume(
        identity: Arc<Signer>,
        pace: Pace,
        select: Arc<Select>,
        checkpoint: Checkpoint,
        actions: &mut Vec<Action>,
    ) -> Result<Self, Error> {
        let (head, parts) = checkpoint.into_parts();
        let kept = Kept::decode(&head, Role::Provider)?;
        if !parts.is_empty() {
            return Err(Error::Malformed { what: "checkpoint" });
        }
        let state = match &kept.summary {
            _ if kept.over => State::Over,
            Some(summary) => State::Closing(Summary(summary.clone())),
            None => State::Waiting,
        };
        let session = Self {
            identity,
            pace,
            select,
            kept,
            state,
        };
        session.advance(actions)
    }

    /// Says whether the querier has been greeted: the table is due from then on.
    pub fn is_open(&self) -> bool {
        !matches!(
            self.state,
            State::Waiting | State::Checking | State::Greeting(..)
        )
    }

    /// Tells the querier that its table is no longer needed.
    fn tell_table(&self, actions: &mut Vec<Action>) -> Result<(), Error> {
        actions.push(Action::Accept {
            stream: StreamKind::Table,
            next: self.kept.manifest.sizes()?.table().chunks(),
        });
        Ok(())
    }

    fn greet(&self, to: Role, agreement: &Agreement) -> Action {
        self.kept.greet(&self.identity, to, agreement)
    }
}

impl Machine for ProviderSession {
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
            (
                Role::Querier,
                Message::Handshake(bytes),
                State::Waiting | State::Checking | State::Greeting(..),
            ) if self.kept.from_querier.is_none() => {
                self.kept.from_querier = Some(bytes.clone());
                self.kept.store(None, actions);
            }
            (
                Role::Querier,
                Message::Chunk {
                    stream: StreamKind::Table,
                    number,
                    sealed,
                },
                State::Taking(taking),
            ) => {
                let first = taking.chunks.is_new();
                let opened = taking.chunks.open(*number, sealed, &mut Vec::new())?;
                let Some(payload) = opened else {
                    return Ok(());
                };
                if first {
                    let jobs = taking.prepare(&self.select, &self.kept.secret);
                    actions.push(Action::Compute(Step::Jobs.whole(), jobs));
                }
                let work = Work::new(Task::CheckTable {
                    agreement: taking.channels.agreement.clone(),
                    number: *number,
                    payload,
                });
                actions.push(Action::Compute(Step::Check.of(*number), work));
            }
            (
                Role::Querier,
                Message::Chunk {
                    stream: StreamKind::Table,
                    ..
                },
                State::Closing(_) | State::Over,
            ) if self.pace.line == Line::Lossy => self.tell_table(actions)?,
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
                State::Greeting(agreement, keyholder)
            }
            (State::Taking(taking), Step::Check, Yield::Checked(chunk)) => {
                State::Taking(Box::new(taking.take(ticket.number, chunk)?))
            }
            (State::Taking(mut taking), Step::Jobs, Yield::Jobs(jobs, digest)) => {
                Kept::uses(&mut self.kept.input, digest, "another registry")?;
                taking.jobs = Some(jobs);
                State::Taking(taking)
            }
            (State::Meeting(mut meeting), Step::Jobs, Yield::Jobs(jobs, digest)) => {
                Kept::uses(&mut self.kept.input, digest, "another registry")?;
                meeting.jobs = Some(jobs);
                State::Meeting(meeting)
            }
            (State::Meeting(mut meeting), Step::Table, Yield::Table(table)) => {
                meeting.table = Some(table);
                State::Meeting(meeting)
            }
            (State::Meeting(meeting), Step::Meeting, Yield::Provider(provider)) => {
                // Before anything is sent that rests on them.
                self.kept.store(None, actions);
                let channels = meeting.channels;
                actions.push(self.greet(Role::KeyHolder, &channels.agreement));
                let stream = provider.comparison_stream(&channels.to_keyholder);
                let (kind, sent) = (StreamKind::Comparisons, self.kept.sent.as_ref());
                State::Comparing(Box::new(Comparing {
                    comparisons: Sending::new(stream, sent, kind, self.pace.ahead)?,
                    channels,
                    provider,
                }))
            }
            (State::Comparing(mut comparing), Step::Payload, Yield::Payload(payload)) => {
                comparing
                    .comparisons
                    .take(ticket.number, payload, actions)?;
                State::Comparing(comparing)
            }
            (state, ..) => state,
        })
    }

    fn accepted(&mut self, stream: StreamKind, next: u64, actions: &mut Vec<Action>) {
        if let (StreamKind::Comparisons, State::Comparing(comparing)) = (stream, &mut self.state)
            && comparing.comparisons.accept(next)
        {
            self.kept.sent = Some(comparing.comparisons.base().clone());
            self.kept.store(None, actions);
        }
        if let (StreamKind::Summary, State::Closing(_)) = (stream, &self.state) {
            self.kept.over = true;
            self.kept.store(None, actions);
            self.state = State::Over;
        }
    }

    fn repeat(&mut self, actions: &mut Vec<Action>) -> Result<(), Error> {
        match &mut self.state {
            State::Taking(taking) if taking.chunks.is_new() => {
                let agreement = taking.channels.agreement.clone();
                actions.push(self.greet(Role::Querier, &agreement));
            }
            State::Comparing(comparing) => {
                let stream =
                    (comparing.provider).comparison_stream(&comparing.channels.to_keyholder);
                comparing.comparisons.rewind(stream)?;
                let agreement = comparing.channels.agreement.clone();
                if self.kept.sent.is_none() {
                    actions.push(self.greet(Role::KeyHolder, &agreement));
                }
            }
            State::Closing(summary) => actions.push(summary.send()),
            State::Waiting
            | State::Checking
            | State::Greeting(..)
            | State::Taking(_)
            | State::Meeting(_)
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
            State::Greeting(agreement, keyholder) => {
                let Some(handshake) = &self.kept.from_querier else {
                    return Ok((State::Greeting(agreement, keyholder), false));
                };
                let querier = Handshake::decode(handshake)?.verify(Role::Querier, &agreement)?;
                let channel =
                    |peer| Channel::derive(&agreement, Role::Provider, &self.kept.secret, peer);
                let channels = Channels {
                    to_querier: channel(&querier)?,
                    to_keyholder: channel(&keyholder)?,
                    agreement: *agreement,
                };
                actions.push(self.greet(Role::Querier, &channels.agreement));
                let taking = Taking::new(channels, self.pace.line)?;
                (State::Taking(Box::new(taking)), true)
            }
            State::Taking(taking) => {
                if !taking.chunks.is_taken() {
                    return Ok((State::Taking(taking), false));
                }
                let Taking {
                    channels,
                    chunks,
                    intake,
                    jobs,
                } = *taking;
                let received = Arc::new(intake.finish(&chunks.end()?)?);
                Kept::uses(&mut self.kept.table, *received.digest(), "another table")?;
                let work = Work::new(Task::Complete(received));
                actions.push(Action::Compute(Step::Table.whole(), work));
                let meeting = Meeting {
                    channels,
                    jobs,
                    table: None,
                    met: false,
                };
                (State::Meeting(Box::new(meeting)), true)
            }
            State::Meeting(mut meeting) => {
                if let (Some(jobs), Some(table), false) =
                    (&meeting.jobs, &meeting.table, meeting.met)
                {
                    let agreement = meeting.channels.agreement.clone();
                    let work = Work::new(Task::Meet {
                        fingerprints: meeting.channels.to_querier.fingerprints(agreement.suite()),
                        agreement,
                        jobs: jobs.clone(),
                        table: table.clone(),
                        secret: self.kept.secret.clone(),
                    });
                    actions.push(Action::Compute(Step::Meeting.whole(), work));
                    meeting.met = true;
                }
                (State::Meeting(meeting), false)
            }
            State::Comparing(mut comparing) => {
                for number in comparing.comparisons.begin() {
                    let work = Work::new(Task::Compare(comparing.provider.clone(), number));
                    actions.push(Action::Compute(payload(number), work));
                }
                if !comparing.comparisons.is_accepted() {
                    return Ok((State::Comparing(comparing), false));
                }
                // The key holder has all of it: table and registry are no longer needed.
                let account = comparing.comparisons.outbound().account()?;
                let channels = &comparing.channels;
                let sealed = comparing.provider.summary(&channels.to_querier, account)?;
                actions.push(Action::Reveal(Outcome::Compared(account)));
                self.kept.summary = Some(sealed.clone());
                self.kept.store(None, actions);
                self.tell_table(actions)?;
                let summary = Summary(sealed);
                actions.push(summary.send());
                (State::Closing(summary), false)
            }
            state @ (State::Checking | State::Closing(_) | State::Over) => (state, false),
        })
    }
}

impl Taking {
    fn new(channels: Channels, line: Line) -> Result<Self, Error> {
        let intake = TableIntake::new(&channels.agreement);
        let stream = intake.stream(&channels.to_querier);
        Ok(Self {
            chunks: Receiving::new(stream, None, StreamKind::Table, line)?,
            intake,
            channels,
            jobs: None,
        })
    }

    fn prepare(&self, select: &Arc<Select>, secret: &SessionSecret) -> Work {
        let agreement = self.channels.agreement.clone();
        Work::new(Task::Prepare {
            fingerprints: self.channels.to_querier.fingerprints(agreement.suite()),
            agreement,
            select: select.clone(),
            secret: secret.clone(),
        })
    }

    fn take(mut self, number: u64, chunk: Arc<CheckedChunk>) -> Result<Self, Error> {
        for (chunk, _) in self.chunks.take(number, chunk) {
            self.intake = self.intake.take(&chunk)?;
        }
        Ok(self)
    }
}

impl Summary {
    fn send(&self) -> Action {
        let message = Message::Chunk {
            stream: StreamKind::Summary,
            number: 0,
            sealed: self.0.clone(),
        };
        Action::Send {
            to: Role::Querier,
            message,
        }
    }
}

impl std::fmt::Debug for ProviderSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.state {
            State::Waiting => "ProviderSession: waiting for the key",
            State::Checking => "ProviderSession: checking the key",
            State::Greeting(..) => "ProviderSession: waiting for the querier",
            State::Taking(_) => "ProviderSession: taking the table",
            State::Meeting(_) => "ProviderSession: preparing",
            State::Comparing(_) => "ProviderSession: comparing",
            State::Closing(_) => "ProviderSession: telling the summary",
            State::Over => "ProviderSession: over",
        })
    }
}
