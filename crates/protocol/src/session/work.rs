//! Work: pure, repeatable, and independent of when and where it is done.

use std::sync::Arc;

use crate::agreement::Agreement;
use crate::announcement::KeyAnnouncement;
use crate::card::Card;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::handshake::Peer;
use crate::keyholder::{KeyHolder, Released, Verdicts};
use crate::manifest::Manifest;
use crate::provider::Provider;
use crate::provider::jobs::ProviderJobs;
use crate::provider::table::{CheckedChunk, EncryptedTable, ReceivedTable, TableIntake};
use crate::querier::Querier;
use crate::random::SessionSecret;
use crate::session::input::{Question, Select};
use crate::stream::inbound::Ended;

/// Which work of a session: the same ticket always stands for the same work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket {
    /// Of what kind.
    pub step: Step,
    /// The number of the chunk that it is about; 0 where there is one of a kind.
    pub number: u64,
}

/// A kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Querier and provider: checking the key holder's key.
    Key,
    /// Querier: laying out the table.
    Layout,
    /// Provider: preparing the comparisons.
    Jobs,
    /// Provider: checking a chunk of the table.
    Check,
    /// Provider: building the tables of powers of the whole table.
    Table,
    /// Provider: bringing comparisons and table together.
    Meeting,
    /// Anybody: making the payload of a chunk.
    Payload,
    /// Key holder: deciding a batch.
    Verdicts,
    /// Querier: opening the result.
    Card,
}

impl Step {
    /// Yields its name for logs and errors.
    pub fn name(self) -> &'static str {
        match self {
            Self::Key => "checking the public key",
            Self::Layout => "laying out the table",
            Self::Jobs => "preparing the comparisons",
            Self::Check => "checking a chunk",
            Self::Table => "completing the table",
            Self::Meeting => "building tables of powers",
            Self::Payload => "making a chunk",
            Self::Verdicts => "deciding a batch",
            Self::Card => "opening the result",
        }
    }

    pub(super) fn whole(self) -> Ticket {
        self.of(0)
    }

    pub(super) fn of(self, number: u64) -> Ticket {
        Ticket { step: self, number }
    }
}

/// A piece of work of a session.
///
/// It holds all that it needs and changes nothing: it may be done on any thread, more than once, or
/// not at all where its output is at hand.
pub struct Work(Box<Task>);

pub(super) enum Task {
    CheckKey {
        announcement: KeyAnnouncement,
        manifest: Manifest,
        secret: SessionSecret,
        constant_time_tables: bool,
    },
    LayOut {
        agreement: Agreement,
        fingerprints: Fingerprints,
        question: Question,
        secret: SessionSecret,
    },
    Encrypt(Arc<Querier>, u64),
    Open {
        querier: Arc<Querier>,
        payloads: Arc<Vec<Vec<u8>>>,
        result: Arc<Ended>,
        summary: Arc<Ended>,
    },
    Prepare {
        agreement: Agreement,
        fingerprints: Fingerprints,
        select: Arc<Select>,
        secret: SessionSecret,
    },
    CheckTable {
        agreement: Agreement,
        number: u64,
        payload: Vec<u8>,
    },
    Complete(Arc<ReceivedTable>),
    Meet {
        agreement: Agreement,
        fingerprints: Fingerprints,
        jobs: Arc<ProviderJobs>,
        table: Arc<EncryptedTable>,
        secret: SessionSecret,
    },
    Compare(Arc<Provider>, u64),
    Decide {
        keyholder: Arc<KeyHolder>,
        number: u64,
        payload: Vec<u8>,
    },
    Deliver(Arc<Released>, u64),
}

/// What work yields.
#[derive(Clone)]
pub struct Output(pub(super) Yield);

#[derive(Clone)]
pub(super) enum Yield {
    Key(Box<Agreement>, Peer),
    Querier(Arc<Querier>),
    Jobs(Arc<ProviderJobs>, [u8; 32]),
    Checked(Arc<CheckedChunk>),
    Table(Arc<EncryptedTable>),
    Provider(Arc<Provider>),
    Payload(Vec<u8>),
    Verdicts(Verdicts),
    Card(Box<Card>),
}

impl Work {
    pub(super) fn new(task: Task) -> Self {
        Self(Box::new(task))
    }

    /// Does the work, on the current rayon pool where it is divided.
    ///
    /// # Errors
    ///
    /// What ends the session, for [`Event::Done`](super::Event::Done).
    pub fn run(&self) -> Result<Output, Error> {
        Ok(Output(match &*self.0 {
            Task::CheckKey {
                announcement,
                manifest,
                secret,
                constant_time_tables,
            } => {
                let mut bases = secret.rng(&[b"primality"]);
                let (agreement, peer) = announcement.accept(manifest.clone(), &mut bases)?;
                let agreement = agreement.with_constant_time_tables(*constant_time_tables);
                Yield::Key(Box::new(agreement), peer)
            }
            Task::LayOut {
                agreement,
                fingerprints,
                question,
                secret,
            } => {
                let fingerprints = fingerprints.clone();
                let querier = match question {
                    Question::Keys(keys) => {
                        Querier::new(agreement, fingerprints, keys.clone(), secret)
                    }
                    Question::Records(records, blocks) => {
                        Querier::for_pairs(agreement, fingerprints, blocks, records.clone(), secret)
                    }
                };
                Yield::Querier(Arc::new(querier?))
            }
            Task::Encrypt(querier, number) => Yield::Payload(querier.table_chunk(*number)?),
            Task::Open {
                querier,
                payloads,
                result,
                summary,
            } => {
                let mut opening = querier.opening();
                for payload in payloads.iter() {
                    opening = opening.take(payload)?;
                }
                Yield::Card(Box::new(opening.finish(result, summary)?))
            }
            Task::Prepare {
                agreement,
                fingerprints,
                select,
                secret,
            } => {
                let selected = select()?;
                let jobs = selected.prepare(agreement, fingerprints, secret)?;
                Yield::Jobs(Arc::new(jobs), selected.digest())
            }
            Task::CheckTable {
                agreement,
                number,
                payload,
            } => {
                let checked = TableIntake::check(agreement, *number, payload)?;
                Yield::Checked(Arc::new(checked))
            }
            Task::Complete(received) => {
                Yield::Table(Arc::new(EncryptedTable::new(received.clone())))
            }
            Task::Meet {
                agreement,
                fingerprints,
                jobs,
                table,
                secret,
            } => {
                let (jobs, table) = (jobs.clone(), table.clone());
                let provider = Provider::new(agreement, fingerprints.clone(), jobs, table, secret);
                Yield::Provider(Arc::new(provider))
            }
            Task::Compare(provider, number) => Yield::Payload(provider.compare(*number)?),
            Task::Decide {
                keyholder,
                number,
                payload,
            } => Yield::Verdicts(keyholder.decide(*number, payload)?),
            Task::Deliver(released, number) => Yield::Payload(released.chunk(*number)?),
        }))
    }
}

impl Output {
    /// Yields the payload of a chunk, if that is what was made.
    pub fn payload(&self) -> Option<&[u8]> {
        match &self.0 {
            Yield::Payload(payload) => Some(payload),
            _ => None,
        }
    }

    /// Yields another payload in the place of what was made: what a party does that cheats.
    pub fn of_payload(payload: Vec<u8>) -> Self {
        Self(Yield::Payload(payload))
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}
