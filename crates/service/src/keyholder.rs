//! The key holder as a server.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use blindjoin_protocol::{
    Agreement, Channel, Handshake, KeyAnnouncement, Manifest, Peer, Policy, Released, SecretKey,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};
use tracing::{info, warn};

use crate::config::{KeyHolderConfig, Link, key_size};
use crate::fingerprint::hex;
use crate::server::{Call, Caller, Listener};
use crate::sessions::{CloseOnDrop, Id, Sessions, short};
use crate::wire::key_holder_server::{KeyHolder as Service, KeyHolderServer};
use crate::wire::submit_comparisons_request::Part;
use crate::wire::{
    Chunk, FetchResultRequest, FetchResultResponse, GetPublicKeyRequest, GetPublicKeyResponse,
    KeyHolderOpenSessionRequest, KeyHolderOpenSessionResponse, SessionOpening,
    SubmitComparisonsRequest, SubmitComparisonsResponse,
};
use crate::{Error, Fingerprint, Identity, Refusal, Role, chain, pool, random, server, stream};

mod session;
mod stock;

use session::Open;
use stock::Stock;

/// A key holder bound to its address, not answering yet.
#[derive(Debug)]
pub struct KeyHolder {
    identity: Identity,
    listener: Listener,
    service: Arc<Holder>,
}

impl KeyHolder {
    /// Binds the configured address and begins to make keys.
    pub async fn bind(config: &KeyHolderConfig) -> Result<Self, Error> {
        let identity = Identity::load(&config.identity)?;
        let listener = Listener::bind(&config.listen).await?;
        let size = key_size(config.keys.bits)?;
        let idle = Duration::from_secs(config.limits.idle_seconds);
        let policy = Policy {
            least_key_bits: if config.insecure_test_keys { 0 } else { 2048 },
            most_table_entries: u64::MAX,
            most_comparisons: config.limits.comparisons,
            most_matches: config.limits.matches,
            allow_blind: config.limits.blind,
            ..Policy::default()
        };
        let service = Arc::new(Holder {
            decided: watch::Sender::new(None),
            idle,
            links: config.links.clone(),
            policy,
            sessions: Sessions::new(config.limits.sessions, idle),
            signer: blindjoin_protocol::Identity::from_seed(identity.seed()),
            stock: Stock::start(size, config.keys.ready),
        });
        Ok(Self {
            identity,
            listener,
            service,
        })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What it saw of the latest session.
    pub fn decided(&self) -> watch::Receiver<Option<Decided>> {
        self.service.decided.subscribe()
    }

    /// Serves until `stop` resolves.
    pub async fn serve(self, stop: impl Future<Output = ()>) -> Result<(), Error> {
        let clients = self
            .service
            .links
            .iter()
            .flat_map(|link| [link.querier, link.provider])
            .collect();
        let sweeper = tokio::spawn(self.service.sessions.clone().sweep());
        let router = server::builder().add_service(KeyHolderServer::from_arc(self.service));
        let outcome = server::serve(self.listener, &self.identity, clients, router, stop).await;
        sweeper.abort();
        outcome
    }
}

/// What the key holder saw of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Ciphertexts decrypted.
    pub comparisons: u64,
    /// Matches, canaries and false matches together; nothing in a blind session.
    pub matches: Option<u64>,
}

/// What the calls share.
struct Holder {
    decided: watch::Sender<Option<Decided>>,
    idle: Duration,
    links: Vec<Link>,
    policy: Policy,
    sessions: Arc<Sessions<Open>>,
    signer: blindjoin_protocol::Identity,
    stock: Stock,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Holder")
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

#[tonic::async_trait]
impl Service for Holder {
    async fn open_session(
        &self,
        request: Request<KeyHolderOpenSessionRequest>,
    ) -> Result<Response<KeyHolderOpenSessionResponse>, Status> {
        let call = Call::new("OpenSession", &request);
        let opened = async {
            let caller = Caller::of(&request)?;
            self.open(&call, caller, request.into_inner()).await
        };
        let announcement = opened.await.map_err(|error| call.refuse(&error))?;
        Ok(Response::new(KeyHolderOpenSessionResponse { announcement }))
    }

    async fn get_public_key(
        &self,
        request: Request<GetPublicKeyRequest>,
    ) -> Result<Response<GetPublicKeyResponse>, Status> {
        let call = Call::new("GetPublicKey", &request);
        let answer = || {
            let caller = Caller::of(&request)?;
            let (_, session) =
                self.session_of_provider(&call, caller, &request.get_ref().manifest_sha256)?;
            Ok(session.announcement.clone())
        };
        let announcement = answer().map_err(|error: Error| call.refuse(&error))?;
        Ok(Response::new(GetPublicKeyResponse { announcement }))
    }

    async fn submit_comparisons(
        &self,
        request: Request<Streaming<SubmitComparisonsRequest>>,
    ) -> Result<Response<SubmitComparisonsResponse>, Status> {
        let call = Call::new("SubmitComparisons", &request);
        let submitted = async {
            let caller = Caller::of(&request)?;
            let parts = request.into_inner().map(|part| match part {
                Ok(message) => Ok(message.part),
                Err(status) => Err(stream::vanished(Role::Provider, &status)),
            });
            self.submit(&call, caller, parts).await
        };
        submitted.await.map_err(|error| call.refuse(&error))?;
        Ok(Response::new(SubmitComparisonsResponse {}))
    }

    type FetchResultStream = ReceiverStream<Result<FetchResultResponse, Status>>;

    async fn fetch_result(
        &self,
        request: Request<FetchResultRequest>,
    ) -> Result<Response<Self::FetchResultStream>, Status> {
        let call = Arc::new(Call::new("FetchResult", &request));
        let fetched = async {
            let caller = Caller::of(&request)?;
            self.fetch(&call, caller, request.into_inner().opening)
                .await
        };
        let chunks = fetched.await.map_err(|error| call.refuse(&error))?;
        Ok(Response::new(ReceiverStream::new(chunks)))
    }
}

impl Holder {
    async fn open(
        &self,
        call: &Call,
        caller: Caller,
        request: KeyHolderOpenSessionRequest,
    ) -> Result<Vec<u8>, Error> {
        let manifest = Manifest::decode(&request.manifest)?;
        let id = manifest.digest().0;
        call.is_about(id);
        let provider = <[u8; 32]>::try_from(&*request.provider_certificate_sha256)
            .map(Fingerprint::from_bytes)
            .map_err(|_| Error::Message {
                role: Role::Querier,
                part: "provider certificate fingerprint",
            })?;
        if !self.links.contains(&Link {
            querier: caller.fingerprint,
            provider,
        }) {
            let querier = caller.fingerprint;
            return Err(Refusal::NotLinked { querier, provider }.into());
        }
        if manifest.parties.querier.0 != caller.public_key
            || manifest.parties.keyholder != self.signer.key()
        {
            return Err(Refusal::OtherParties.into());
        }
        let now = random::now();
        manifest.check(&self.policy, now)?;
        self.sessions.reserve(id, manifest.terms.expires, now)?;
        let started = Instant::now();
        let fresh = self
            .stock
            .take(manifest.terms.key_size, manifest.terms.profile)
            .await?;
        let agreement = Agreement::new(manifest, fresh.key.public().clone())?;
        let announcement = KeyAnnouncement::sign(&self.signer, &agreement, &fresh.secret).encode();
        info!(
            session = %short(&id),
            querier = %caller.fingerprint,
            %provider,
            comparisons = agreement.sizes().positions(),
            key_bits = agreement.manifest().terms.key_size.bits(),
            waited_ms = started.elapsed().as_millis(),
            "session opened"
        );
        let material = (fresh.key, fresh.secret);
        let session = Open::new(agreement, announcement.clone(), material, caller, provider);
        self.sessions.insert(id, Arc::new(session))?;
        Ok(announcement)
    }

    async fn submit(
        &self,
        call: &Call,
        caller: Caller,
        mut parts: impl Stream<Item = Result<Option<Part>, Error>> + Unpin,
    ) -> Result<(), Error> {
        let Some(Part::Opening(opening)) =
            stream::next(&mut parts, Role::Provider, self.idle).await?
        else {
            return Err(Error::Message {
                role: Role::Provider,
                part: "opening",
            });
        };
        let (id, session) = self.session_of_provider(call, caller, &opening.manifest_sha256)?;
        let provider =
            Handshake::decode(&opening.handshake)?.verify(Role::Provider, &session.agreement)?;
        let key = session.take_key()?;
        let guard = CloseOnDrop::new(&self.sessions, id);
        let chunks = parts.map(|part| match part? {
            Some(Part::Chunk(chunk)) => Ok(chunk),
            _ => Err(Error::Message {
                role: Role::Provider,
                part: "chunk",
            }),
        });
        let released = tokio::select! {
            released = self.decide(&session, key, &provider, chunks) => released?,
            () = session.abandoned() => return Err(Error::SessionState),
        };
        session.complete(released);
        guard.keep();
        Ok(())
    }

    /// Decrypts the whole stream; nothing of it is released before the last chunk is in order.
    async fn decide(
        &self,
        session: &Open,
        key: Arc<SecretKey>,
        provider: &Peer,
        chunks: impl Stream<Item = Result<Chunk, Error>> + Unpin,
    ) -> Result<Released, Error> {
        let started = Instant::now();
        let id = session.agreement.manifest_digest().0;
        let channel = Channel::derive(
            &session.agreement,
            Role::KeyHolder,
            &session.secret,
            provider,
        )?;
        let role = Arc::new(blindjoin_protocol::KeyHolder::new(&session.agreement, key));
        let inbound = role.comparison_stream(&channel);
        let mut release = Some(role.release());
        let decide = Arc::new(move |number, payload: Vec<u8>| role.decide(number, &payload));
        let inbound = stream::receive(
            inbound,
            chunks,
            (Role::Provider, self.idle),
            decide,
            |verdicts| {
                self.sessions.touch(&id);
                release = release
                    .take()
                    .map(|release| release.take(verdicts))
                    .transpose()?;
                Ok(())
            },
        )
        .await?;
        let released = release.ok_or(Error::SessionState)?.finish(&inbound)?;
        if let Some(failure) = released.failure() {
            warn!(session = %short(&id), reason = %chain(failure), "the session has failed");
        }
        info!(
            session = %short(&id),
            comparisons = released.account().ciphertexts,
            transcript = %hex(&released.account().digest.0),
            ms = started.elapsed().as_millis(),
            "stream decrypted"
        );
        let decided = Decided {
            comparisons: released.account().ciphertexts,
            matches: released.matches(),
        };
        self.decided.send_replace(Some(decided));
        Ok(released)
    }

    fn session_of_provider(
        &self,
        call: &Call,
        caller: Caller,
        id: &[u8],
    ) -> Result<(Id, Arc<Open>), Error> {
        let session = self.sessions.find(id)?;
        let id = session.agreement.manifest_digest().0;
        call.is_about(id);
        let agreed = session.agreement.manifest().parties.provider.0;
        if caller.fingerprint != session.provider || caller.public_key != agreed {
            return Err(Refusal::AnothersSession {
                role: Role::Provider,
            }
            .into());
        }
        Ok((id, session))
    }

    async fn fetch(
        &self,
        call: &Arc<Call>,
        caller: Caller,
        opening: Option<SessionOpening>,
    ) -> Result<mpsc::Receiver<Result<FetchResultResponse, Status>>, Error> {
        let opening = opening.ok_or(Error::Message {
            role: Role::Querier,
            part: "opening",
        })?;
        let session = self.sessions.find(&opening.manifest_sha256)?;
        let id = session.agreement.manifest_digest().0;
        call.is_about(id);
        if caller.fingerprint != session.querier.fingerprint {
            return Err(Refusal::AnothersSession {
                role: Role::Querier,
            }
            .into());
        }
        let guard = CloseOnDrop::new(&self.sessions, id);
        let querier =
            Handshake::decode(&opening.handshake)?.verify(Role::Querier, &session.agreement)?;
        let channel = Channel::derive(
            &session.agreement,
            Role::KeyHolder,
            &session.secret,
            &querier,
        )?;
        let released = session.released().await?;
        let (sender, receiver) = mpsc::channel(stream::QUEUE);
        let call = call.clone();
        tokio::spawn(async move {
            if let Err(error) = deliver(released, &channel, &sender).await {
                drop(sender.send(Err(call.refuse(&error))).await);
            } else {
                info!(session = %short(&id), "result handed over");
            }
            drop(guard);
        });
        Ok(receiver)
    }
}

/// Seals the result chunk by chunk.
async fn deliver(
    released: Arc<Released>,
    channel: &Channel,
    sender: &mpsc::Sender<Result<FetchResultResponse, Status>>,
) -> Result<(), Error> {
    let mut outbound = released.stream(channel);
    while outbound.next() < released.chunks() {
        let number = outbound.next();
        let payload = released.chunk(number)?;
        let sealed;
        (outbound, sealed) =
            pool::step("sealing a chunk", move || outbound.seal(&payload)).await??;
        let response = FetchResultResponse {
            chunk: Some(Chunk { number, sealed }),
        };
        if sender.send(Ok(response)).await.is_err() {
            return Err(Error::Vanished {
                role: Role::Querier,
                reason: "it left before its result".to_owned(),
            });
        }
    }
    Ok(())
}
