//! The data provider as a server.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use blindjoin_protocol::{
    Admitted, Allowance, Answer, Counting, Handshake, KeyAnnouncement, KeySize, Manifest, Offer,
    Policy, Published,
};
use rand::Rng;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use tracing::info;

use crate::client::{Connection, Peer};
use crate::config::ProviderConfig;
use crate::server::{Call, Caller, Listener};
use crate::sessions::{CloseOnDrop, Sessions, short};
use crate::wire::key_holder_client::KeyHolderClient;
use crate::wire::link_request::Part;
use crate::wire::link_response::Event;
use crate::wire::provider_server::{Provider as Service, ProviderServer};
use crate::wire::{
    DescribeRequest, DescribeResponse, GetPublicKeyRequest, LinkRequest, LinkResponse,
    NegotiateRequest, NegotiateResponse, ProviderOpenSessionRequest, ProviderOpenSessionResponse,
};
use crate::{Error, Fingerprint, Identity, Refusal, Role, pool, random, server, stream};

mod registry;
mod session;

use registry::Selected;
pub use registry::{Blocked, Registry, blocked_digest};
use session::Open;

/// How many offers of queriers may wait for their session.
const OFFERS: usize = 256;

/// A provider bound to its address, not answering yet.
#[derive(Debug)]
pub struct Provider {
    clients: BTreeSet<Fingerprint>,
    listener: Listener,
    service: Arc<Desk>,
}

impl Provider {
    /// Binds the configured address.
    pub async fn bind(config: &ProviderConfig, registry: Registry) -> Result<Self, Error> {
        let identity = Identity::load(&config.identity)?;
        let listener = Listener::bind(&config.listen).await?;
        let idle = Duration::from_secs(config.limits.idle_seconds);
        let policy = Policy {
            least_key_bits: if config.insecure_test_keys { 0 } else { 2048 },
            most_table_entries: config.limits.table,
            most_comparisons: u64::MAX,
            most_matches: u64::MAX,
            allow_blind: config.limits.blind,
            ..Policy::default()
        };
        let mut published = registry.publish(key_sizes(config.insecure_test_keys))?;
        published.hash_bits = config.limits.hash_bits;
        if !config.limits.blind {
            published.counting = Counting::Required;
        }
        let service = Arc::new(Desk {
            idle,
            keyholder: config.keyholder.clone(),
            constant_time_tables: config.constant_time_tables,
            offers: Mutex::new(VecDeque::new()),
            policy,
            published,
            salts: Mutex::new(BTreeMap::new()),
            registry: Arc::new(registry),
            sessions: Sessions::new(config.limits.sessions, idle),
            signer: blindjoin_protocol::Identity::from_seed(identity.seed()),
            spent: Mutex::new(BTreeMap::new()),
            table_total: config.limits.table_total,
            identity,
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
        let router = server::builder().add_service(ProviderServer::from_arc(self.service.clone()));
        let outcome = server::serve(
            self.listener,
            &self.service.identity,
            self.clients,
            router,
            stop,
        )
        .await;
        sweeper.abort();
        outcome
    }
}

/// What the calls share.
struct Desk {
    constant_time_tables: bool,
    identity: Identity,
    idle: Duration,
    keyholder: Peer,
    offers: Mutex<VecDeque<Pending>>,
    policy: Policy,
    /// What is the same for all queriers.
    published: Published,
    salts: Mutex<BTreeMap<Fingerprint, [u8; 32]>>,
    registry: Arc<Registry>,
    sessions: Arc<Sessions<Open>>,
    signer: blindjoin_protocol::Identity,
    spent: Mutex<BTreeMap<Fingerprint, u64>>,
    table_total: u64,
}

/// An offer that was answered, and waits for its session.
struct Pending {
    admitted: Admitted,
    answer: Answer,
    offer: Offer,
    querier: Fingerprint,
    /// What takes part, unless keeping it costs too much memory.
    selected: Option<Selected>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Desk")
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl Service for Desk {
    async fn describe(
        &self,
        request: Request<DescribeRequest>,
    ) -> Result<Response<DescribeResponse>, Status> {
        let call = Call::new("Describe", &request);
        let described = Caller::of(&request).and_then(|caller| self.published(caller));
        let published = described.map_err(|error| call.refuse(&error))?.encode();
        Ok(Response::new(DescribeResponse { published }))
    }

    async fn negotiate(
        &self,
        request: Request<NegotiateRequest>,
    ) -> Result<Response<NegotiateResponse>, Status> {
        let call = Call::new("Negotiate", &request);
        let answered = async {
            let caller = Caller::of(&request)?;
            self.answer(caller, &request.get_ref().offer).await
        };
        let answer = answered.await.map_err(|error| call.refuse(&error))?;
        Ok(Response::new(NegotiateResponse {
            answer: answer.encode(),
        }))
    }

    async fn open_session(
        &self,
        request: Request<ProviderOpenSessionRequest>,
    ) -> Result<Response<ProviderOpenSessionResponse>, Status> {
        let call = Call::new("OpenSession", &request);
        let opened = async {
            let caller = Caller::of(&request)?;
            self.open(&call, caller, request.into_inner()).await
        };
        let handshake = opened.await.map_err(|error| call.refuse(&error))?;
        Ok(Response::new(ProviderOpenSessionResponse { handshake }))
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
            session.begin()?;
            Ok((session, parts))
        };
        let (session, parts) = begun.await.map_err(|error| call.refuse(&error))?;
        let guard = CloseOnDrop::new(&self.sessions, session.id());
        let chunks = parts.map(|part| match part? {
            Some(Part::Chunk(chunk)) => Ok(chunk),
            _ => Err(Error::Message {
                role: Role::Querier,
                part: "chunk",
            }),
        });
        let (events, receiver) = mpsc::channel(stream::QUEUE);
        let (sessions, idle) = (self.sessions.clone(), self.idle);
        tokio::spawn(async move {
            let touch = || sessions.touch(&session.id());
            let outcome = tokio::select! {
                outcome = session.link(chunks, &events, idle, touch) => outcome,
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
                Err(error) => Err(call.refuse(&error)),
            };
            // The querier may have left; the log has the outcome.
            drop(events.send(last).await);
            drop(guard);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

impl Desk {
    /// What is published, and what concerns the caller alone.
    fn published(&self, caller: Caller) -> Result<Published, Error> {
        let mut published = self.published.clone();
        let mut salts = self.salts.lock().unwrap_or_else(PoisonError::into_inner);
        published.own.salt = match salts.entry(caller.fingerprint) {
            Entry::Occupied(salt) => *salt.get(),
            Entry::Vacant(entry) => {
                let mut salt = [0; 32];
                random::generator()?.fill_bytes(&mut salt);
                *entry.insert(salt)
            }
        };
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = spent.get(&caller.fingerprint).copied().unwrap_or_default();
        published.own.left = Allowance {
            places: self.table_total.saturating_sub(spent),
            lookups: u64::MAX,
            pairs: self.registry.most_pairs,
        };
        Ok(published)
    }

    async fn answer(&self, caller: Caller, offer: &[u8]) -> Result<Answer, Error> {
        let offer = Offer::decode(offer)?;
        let published = self.published(caller)?;
        let admitted = published.admit(&offer)?;
        self.policy
            .check(&offer.terms, &admitted.sizes, random::now())?;
        published
            .own
            .check(&admitted.charge)
            .map_err(blindjoin_protocol::Error::from)?;
        let answer = Answer::new(&mut random::generator()?);
        let (terms, blocks) = (offer.terms.clone(), admitted.clone());
        let registry = self.registry.clone();
        let select = move || registry.select(&terms, &blocks);
        let selected = pool::compute("selecting records", select).await??;
        let mut offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        if offers.len() >= OFFERS {
            offers.pop_front();
        }
        offers.push_back(Pending {
            admitted,
            answer: answer.clone(),
            offer,
            querier: caller.fingerprint,
            selected: Some(selected).filter(Selected::is_small),
        });
        Ok(answer)
    }

    async fn open(
        &self,
        call: &Call,
        caller: Caller,
        request: ProviderOpenSessionRequest,
    ) -> Result<Vec<u8>, Error> {
        let manifest = Manifest::decode(&request.manifest)?;
        let id = manifest.digest().0;
        call.is_about(id);
        let pending = self.take_offer(&manifest, caller)?;
        manifest.check_negotiation(&pending.offer, &pending.answer, &pending.admitted)?;
        if manifest.parties.querier.0 != caller.public_key
            || manifest.parties.provider != self.signer.key()
        {
            return Err(Refusal::OtherParties.into());
        }
        let now = random::now();
        manifest.check(&self.policy, now)?;
        self.sessions.reserve(id, manifest.terms.expires, now)?;
        self.spend(caller.fingerprint, &manifest)?;
        let selected = if let Some(selected) = pending.selected {
            selected
        } else {
            let registry = self.registry.clone();
            let select = move || registry.select(&pending.offer.terms, &pending.admitted);
            pool::compute("selecting records", select).await??
        };
        let started = Instant::now();
        let connection = Connection::open(&self.identity, Role::KeyHolder, &self.keyholder).await?;
        if manifest.parties.keyholder.0 != connection.public_key() {
            return Err(Refusal::OtherKeyHolder.into());
        }
        let mut keyholder = KeyHolderClient::new(connection.channel());
        let response = keyholder
            .get_public_key(GetPublicKeyRequest {
                manifest_sha256: id.to_vec(),
            })
            .await
            .map_err(|status| connection.error(&status))?;
        let announcement = KeyAnnouncement::decode(&response.into_inner().announcement)?;
        let mut generator = random::generator()?;
        let constant_time = self.constant_time_tables;
        let (agreement, keyholder_peer) = pool::compute("checking the public key", move || {
            let (agreement, peer) = announcement.accept(manifest, &mut generator)?;
            Ok::<_, Error>((agreement.with_constant_time_tables(constant_time), peer))
        })
        .await??;
        let querier_peer =
            Handshake::decode(&request.handshake)?.verify(Role::Querier, &agreement)?;
        let secret = random::session_secret()?;
        let handshake = Handshake::sign(Role::Provider, &self.signer, &agreement, &secret).encode();
        info!(
            session = %short(&id),
            querier = %caller.fingerprint,
            table = agreement.sizes().table_entries(),
            comparisons = agreement.sizes().comparison_ciphertexts(),
            key_bits = agreement.public_key().size().bits(),
            ms = started.elapsed().as_millis(),
            "session opened"
        );
        let session = Open::new(session::Parts {
            agreement,
            connection,
            handshake: handshake.clone(),
            keyholder: keyholder_peer,
            querier: querier_peer,
            caller: caller.fingerprint,
            selected,
            secret,
        });
        self.sessions.insert(id, Arc::new(session))?;
        Ok(handshake)
    }

    /// The answered offer behind a manifest, once.
    fn take_offer(&self, manifest: &Manifest, caller: Caller) -> Result<Pending, Error> {
        let mut offers = self.offers.lock().unwrap_or_else(PoisonError::into_inner);
        let position = offers.iter().position(|pending| {
            pending.querier == caller.fingerprint && pending.answer.nonce == manifest.provider_nonce
        });
        position
            .and_then(|position| offers.remove(position))
            .ok_or(Error::Replayed)
    }

    /// Counts the identifiers that a querier can test against its allowance.
    fn spend(&self, querier: Fingerprint, manifest: &Manifest) -> Result<(), Error> {
        let entries = manifest.sizes()?.table_entries();
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = spent.entry(querier).or_default();
        if spent.saturating_add(entries) > self.table_total {
            return Err(Refusal::Allowance {
                allowance: self.table_total,
                spent: *spent,
                needed: entries,
            }
            .into());
        }
        *spent += entries;
        Ok(())
    }
}

/// The lengths of keys that are accepted.
fn key_sizes(insecure_test_keys: bool) -> Vec<KeySize> {
    let sizes = [2048, 3072, 4096].into_iter().map(KeySize::new);
    let tests = [256, 512, 768, 1024, 1536].map(KeySize::insecure_test_key);
    let tests = tests.into_iter().filter(|_| insecure_test_keys);
    sizes.chain(tests).flatten().collect()
}
