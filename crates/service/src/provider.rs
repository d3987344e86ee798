//! The data provider as a server.
//!
//! What it says before a session rests on what it publishes at fixed dates ([`Every`]), on the offer,
//! and on what the querier has spent. Records are counted when an edition is made, and selected when
//! a session has begun; in between nothing looks at them.
//!
//! ```text
//!   registry ── census ──► edition (at a date, with noise; kept in the journal)
//!      │                      │
//!      │                      ▼
//!      └── version ──────► served ──► Describe, Negotiate (charged, room taken) ──► OpenSession, Link
//! ```

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use blindjoin_journal::Journal;
use blindjoin_protocol::agree::Policy;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::{info, warn};

use crate::config::ProviderConfig;
use crate::server::{Bound, Bounded, Call, Caller, Listener, Reserved};
use crate::sessions::{CloseOnDrop, Sessions, short};
use crate::wire::link_request::Part;
use crate::wire::link_response::Event;
use crate::wire::provider_server::{Provider as Service, ProviderServer};
use crate::wire::{
    DescribeRequest, DescribeResponse, LinkRequest, LinkResponse, NegotiateRequest,
    NegotiateResponse, ProviderOpenSessionRequest, ProviderOpenSessionResponse,
};
use crate::{Error, Fingerprint, Identity, Refusal, Role, chain, pool, random, server, stream};

mod budget;
mod calendar;
mod census;
mod desk;
mod edition;
mod marks;
mod memory;
mod negotiations;
mod noise;
mod publisher;
mod registry;
mod rooms;
mod session;

use budget::Budget;
pub use calendar::Every;
use census::Census;
use desk::Desk;
use edition::Basis;
use negotiations::Negotiations;
use noise::Noise;
use publisher::{Choices, Publisher};
pub use registry::{Blocked, Registry};
use rooms::Rooms;

/// How long an answered offer waits for its session. What was charged for it is gone then.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a call may cost before it is looked at.
const BOUNDS: [Bound; 4] = [
    Bound {
        path: "/blindjoin.v1.Provider/Describe",
        largest: 64,
        arrives: Duration::from_secs(10),
        each: 2,
    },
    Bound {
        path: "/blindjoin.v1.Provider/Negotiate",
        // All that can be named: 2^18 blocks by position and rows, or 2^19 prefixes of a hash.
        largest: (2 << 20) + (1 << 17),
        arrives: Duration::from_secs(60),
        each: 2,
    },
    Bound {
        path: "/blindjoin.v1.Provider/OpenSession",
        largest: 1 << 18,
        arrives: Duration::from_secs(20),
        each: 4,
    },
    Bound {
        path: "/blindjoin.v1.Provider/Link",
        largest: stream::LONGEST_MESSAGE,
        arrives: Duration::from_secs(20),
        each: 8,
    },
];

/// A provider bound to its address, not answering yet.
#[derive(Debug)]
pub struct Provider {
    clients: BTreeSet<Fingerprint>,
    listener: Listener,
    service: Arc<Desk>,
}

/// What a provider needs besides its registry: who it is, what it remembers, and its address, at
/// which it does not answer yet.
#[derive(Debug)]
pub struct Prepared {
    identity: Identity,
    journal: Journal,
    reserved: Reserved,
}

impl Prepared {
    /// Loads the identity, opens the journal and takes the configured address: what can go wrong
    /// before a registry is read, which may take long.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] if the state folder cannot be used, [`Error::Listen`] if the address cannot,
    /// and what is wrong with the identity.
    pub fn new(config: &ProviderConfig) -> Result<Self, Error> {
        let identity = Identity::load(&config.identity)?;
        identity.differs_from(config.clients())?;
        identity.differs_from([config.keyholder.certificate_sha256])?;
        Ok(Self {
            identity,
            journal: Journal::open(&config.state_dir)?,
            reserved: Reserved::new(&config.listen)?,
        })
    }
}

impl Provider {
    /// Opens the journal, publishes if it is time to, and binds the configured address.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] if the state folder cannot be used, [`Error::Outgrown`] if the registry
    /// must be another one than was published.
    pub async fn bind(config: &ProviderConfig, registry: Registry) -> Result<Self, Error> {
        Self::bind_prepared(config, Prepared::new(config)?, registry, false).await
    }

    /// [`bind`](Self::bind) with what was prepared before the registry was read. Where it is to publish
    /// `anew` it does so whatever the date: queriers see new classes out of turn, and so that the
    /// registry has changed. That is for a registry that is another one than was published.
    ///
    /// # Errors
    ///
    /// [`Error::Outgrown`], which does not occur `anew`, and what is wrong with the journal.
    pub async fn bind_prepared(
        config: &ProviderConfig,
        prepared: Prepared,
        registry: Registry,
        anew: bool,
    ) -> Result<Self, Error> {
        let Prepared {
            identity,
            journal,
            reserved,
        } = prepared;
        let signer = Arc::new(blindjoin_protocol::agree::Signer::from_seed(
            identity.seed(),
        ));
        let journal = Arc::new(journal);
        let publisher = Arc::new(publisher(config, registry, &journal, signer.key().0)?);
        let publish = publisher.clone();
        let publish = move || publish.serve(random::now(), anew);
        let served = pool::compute("publishing", publish).await??;
        let limits = &config.limits;
        let budget = Budget::new(journal.clone(), limits);
        let allowance = budget.allowance(&served.published);
        info!(
            places = allowance.places,
            lookups = allowance.lookups,
            pairs = allowance.pairs,
            days = limits.period_days,
            "what each querier may ask for in a period"
        );
        let memory = limits
            .table_mib
            .map_or_else(memory::half_of_the_machine, |mib| {
                mib.saturating_mul(1 << 20)
            });
        let listener = reserved.listen()?;
        let idle = Duration::from_secs(limits.idle_seconds);
        let service = Arc::new(Desk {
            budget: Arc::new(budget),
            constant_time_tables: config.constant_time_tables,
            identity,
            idle,
            journal,
            keyholder: config.keyholder.clone(),
            negotiations: Negotiations::new(PATIENCE.min(idle)),
            policy: Policy {
                least_key_bits: if config.insecure_test_keys { 0 } else { 2048 },
                // Bounded by memory and by the budget.
                most_table_entries: u64::MAX,
                most_comparisons: u64::MAX,
                most_matches: u64::MAX,
                ..Policy::default()
            },
            publisher,
            publishing: tokio::sync::Mutex::new(()),
            rooms: Rooms::new(limits.sessions, limits.sessions_per_querier, memory),
            served: RwLock::new(Arc::new(served)),
            sessions: Sessions::new(limits.sessions, idle),
            signer,
        });
        Ok(Self {
            clients: config.clients(),
            listener,
            service,
        })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Serves until `stop` resolves.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let sweeper = tokio::spawn(self.service.sessions.clone().sweep());
        let impatient = tokio::spawn(give_up_offers(self.service.clone()));
        let service = Bounded::new(Role::Querier, &BOUNDS, |largest| {
            ProviderServer::from_arc(self.service.clone()).max_decoding_message_size(largest)
        });
        let outcome = server::serve(
            self.listener,
            &self.service.identity,
            self.clients,
            service,
            stop,
        )
        .await;
        sweeper.abort();
        impatient.abort();
        // It holds the journal, which another start may want now. That it was cancelled is no news.
        drop(impatient.await);
        outcome
    }
}

#[tonic::async_trait]
impl Service for Desk {
    async fn describe(
        &self,
        request: Request<DescribeRequest>,
    ) -> Result<Response<DescribeResponse>, Status> {
        let call = Call::new("Describe", &request);
        call.answer(async {
            let published = self.describe(Caller::of(&request)?).await?;
            Ok(DescribeResponse { published })
        })
        .await
    }

    async fn negotiate(
        &self,
        request: Request<NegotiateRequest>,
    ) -> Result<Response<NegotiateResponse>, Status> {
        let call = Call::new("Negotiate", &request);
        call.answer(async {
            let caller = Caller::of(&request)?;
            let answer = self.answer(caller, request.into_inner().offer).await?;
            Ok(NegotiateResponse {
                answer: answer.encode(),
            })
        })
        .await
    }

    async fn open_session(
        &self,
        request: Request<ProviderOpenSessionRequest>,
    ) -> Result<Response<ProviderOpenSessionResponse>, Status> {
        let call = Call::new("OpenSession", &request);
        // Large: the session's keys are checked in it.
        let opened = Box::pin(async {
            let caller = Caller::of(&request)?;
            let handshake = self.open(&call, caller, request.into_inner()).await?;
            Ok(ProviderOpenSessionResponse { handshake })
        });
        call.answer(opened).await
    }

    type LinkStream = ReceiverStream<Result<LinkResponse, Status>>;

    async fn link(
        &self,
        request: Request<Streaming<LinkRequest>>,
    ) -> Result<Response<Self::LinkStream>, Status> {
        let call = Call::new("Link", &request);
        let begun = async {
            let caller = Caller::of(&request)?;
            let mut parts = request.into_inner().map(|part| match part {
                Ok(message) => Ok(message.part),
                Err(status) => Err(stream::vanished(Role::Querier, &status)),
            });
            let Some(Part::ManifestSha256(id)) =
                stream::next(&mut parts, Role::Querier, self.idle).await?
            else {
                return Err(Error::Message {
                    role: Role::Querier,
                    part: "session",
                });
            };
            let session = self.sessions.find(&id)?;
            call.is_about(session.id());
            if session.querier != caller.fingerprint {
                return Err(Refusal::AnothersSession {
                    role: Role::Querier,
                }
                .into());
            }
            let begun = session.begin()?;
            Ok((session, begun, parts))
        };
        let (session, begun, parts) = begun.await.map_err(|error| call.refuse(&error))?;
        let guard = CloseOnDrop::new(&self.sessions, session.id());
        let chunks = parts.map(|part| match part? {
            Some(Part::Chunk(chunk)) => Ok(chunk),
            _ => Err(Error::Message {
                role: Role::Querier,
                part: "chunk",
            }),
        });
        let (events, receiver) = mpsc::channel(stream::QUEUE);
        let (budget, sessions, idle) = (self.budget.clone(), self.sessions.clone(), self.idle);
        tokio::spawn(async move {
            let touch = || sessions.touch(&session.id());
            let outcome = tokio::select! {
                outcome = session.link(begun, chunks, &events, (idle, touch)) => outcome,
                () = events.closed() => Err(Error::Vanished {
                    role: Role::Querier,
                    reason: "it no longer waits for the session".to_owned(),
                }),
                () = session.abandoned() => Err(Error::SessionState),
            };
            let last = match outcome {
                Ok(summary) => {
                    info!(session = %short(&session.id()), "session ended");
                    Ok(LinkResponse {
                        event: Some(Event::Summary(summary)),
                    })
                }
                Err(error) => {
                    if session.is_overfull(&error) {
                        another_salt(budget, session.querier).await;
                    }
                    Err(call.refuse(&error))
                }
            };
            // The querier may have left; the log has the outcome.
            drop(events.send(last).await);
            drop(guard);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

fn publisher(
    config: &ProviderConfig,
    registry: Registry,
    journal: &Arc<Journal>,
    identity: [u8; 32],
) -> Result<Publisher, Error> {
    let exact = config.insecure_exact_classes;
    let limits = &config.limits;
    Ok(Publisher {
        noise: Noise::open(journal, exact, &mut random::generator()?)?,
        journal: journal.clone(),
        folder: config.state_dir.clone(),
        every: config.publish_every,
        least: limits.k_min,
        basis: Basis::new(&registry, identity, exact),
        choices: Choices {
            key_sizes: config.key_sizes()?,
            counting: limits.counting,
            pairs: limits.pairs > 0,
            hash_bits: limits.hash_bits,
        },
        census: Census::take(&registry),
        registry,
    })
}

/// Gives a querier another salt where a hashed block was fuller than its bound, which happens to one
/// salt in 10^12. The session has failed like any other, and the next one rests on the new salt.
async fn another_salt(budget: Arc<Budget>, querier: Fingerprint) {
    let redraw = move || budget.redraw(querier, &mut random::generator()?);
    let redrawn = pool::step("drawing a salt", redraw).await;
    if let Err(error) | Ok(Err(error)) = redrawn {
        warn!(%querier, reason = %chain(&error), "no new salt for hashed blocks");
    }
}

/// Frees the room of offers whose session nobody opens, as long as the provider serves.
async fn give_up_offers(desk: Arc<Desk>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    loop {
        ticks.tick().await;
        desk.negotiations.sweep(Instant::now());
    }
}
