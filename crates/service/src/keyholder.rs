//! The key holder as a server.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use blindjoin_journal::Journal;
use blindjoin_protocol::agree::Policy;
use tokio::sync::watch;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use crate::config::{KeyHolderConfig, Link, key_size};
use crate::server::{Bound, Bounded, Call, Caller, Line, Listener, Places};
use crate::sessions::Sessions;
use crate::wire::key_holder_server::{KeyHolder as Service, KeyHolderServer};
use crate::wire::{
    FetchResultRequest, FetchResultResponse, GetPublicKeyRequest, GetPublicKeyResponse,
    KeyHolderOpenSessionRequest, KeyHolderOpenSessionResponse, ReserveRequest, ReserveResponse,
    SubmitComparisonsRequest, SubmitComparisonsResponse,
};
use crate::{Error, Fingerprint, Identity, Role, pool, server, stream};

mod deciding;
mod opening;
mod reservations;
mod session;
mod stock;

use reservations::Reservations;
use session::Open;
use stock::Stock;

/// What a call may cost before it is looked at. A manifest has at most 256 rules and columns with
/// names of 256 bytes.
const BOUNDS: [Bound; 5] = [
    bound("/blindjoin.v1.KeyHolder/Reserve", 256, 4),
    bound("/blindjoin.v1.KeyHolder/OpenSession", 1 << 17, 4),
    bound("/blindjoin.v1.KeyHolder/GetPublicKey", 256, 16),
    bound(
        "/blindjoin.v1.KeyHolder/SubmitComparisons",
        stream::LONGEST_MESSAGE,
        32,
    ),
    bound("/blindjoin.v1.KeyHolder/FetchResult", 4096, 16),
];

const fn bound(path: &'static str, largest: usize, each: usize) -> Bound {
    Bound {
        path,
        largest,
        arrives: Duration::from_secs(10),
        each,
    }
}

/// A key holder bound to its address, not answering yet.
#[derive(Debug)]
pub struct KeyHolder {
    /// Who may call.
    clients: BTreeSet<Fingerprint>,
    identity: Identity,
    listener: Listener,
    service: Arc<Holder>,
}

impl KeyHolder {
    /// Binds the configured address and begins to make keys.
    pub async fn bind(config: &KeyHolderConfig) -> Result<Self, Error> {
        let identity = Identity::load(&config.identity)?;
        let clients = config.clients();
        identity.differs_from(clients.iter().copied())?;
        let state = config.state_dir.clone();
        let journal = pool::step("opening the journal", move || Journal::open(&state)).await??;
        let listener = Listener::bind(&config.listen).await?;
        let sizes = config.keys.bits.iter().map(|&bits| key_size(bits));
        let limits = &config.limits;
        let idle = Duration::from_secs(limits.idle_seconds);
        let stock = Arc::new(Stock::start(
            &sizes.collect::<Result<Vec<_>, _>>()?,
            config.keys.ready,
        ));
        let service = Arc::new(Holder {
            decided: watch::Sender::new(None),
            idle,
            journal: Arc::new(journal),
            links: config.links.clone(),
            orphan: Duration::from_secs(limits.orphan_seconds),
            places: Places::new("sessions", limits.sessions_per_querier, limits.sessions),
            policy: Policy {
                least_key_bits: if config.insecure_test_keys { 0 } else { 2048 },
                most_table_entries: u64::MAX,
                most_comparisons: limits.comparisons,
                most_matches: limits.matches,
                allow_blind: limits.blind,
                longest: limits.expiry_days.saturating_mul(86_400),
            },
            reservations: Reservations::new(
                Duration::from_secs(limits.reservation_seconds),
                stock.clone(),
            ),
            sessions: Sessions::new(limits.sessions, idle),
            signer: Arc::new(blindjoin_protocol::agree::Signer::from_seed(
                identity.seed(),
            )),
            stock,
        });
        Ok(Self {
            clients,
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
        let sweeper = tokio::spawn(self.service.sessions.clone().sweep());
        let service = Bounded::new(Role::Querier, &BOUNDS, |largest| {
            KeyHolderServer::from_arc(self.service.clone()).max_decoding_message_size(largest)
        });
        let outcome = {
            let (listener, clients) = (self.listener, self.clients);
            server::serve(listener, &self.identity, clients, service, stop).await
        };
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
    journal: Arc<Journal>,
    links: Vec<Link>,
    /// How long an open session waits for its provider.
    orphan: Duration,
    /// For sessions and for reservations of sessions.
    places: Arc<Places>,
    policy: Policy,
    reservations: Arc<Reservations>,
    sessions: Arc<Sessions<Open>>,
    signer: Arc<blindjoin_protocol::agree::Signer>,
    stock: Arc<Stock>,
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
    async fn reserve(
        &self,
        request: Request<ReserveRequest>,
    ) -> Result<Response<ReserveResponse>, Status> {
        let call = Call::new("Reserve", &request);
        call.answer(async {
            let (caller, line) = (Caller::of(&request)?, Line::of(&request)?);
            let reservation = self.reserve(caller, line, &request.into_inner()).await?;
            Ok(ReserveResponse { reservation })
        })
        .await
    }

    async fn open_session(
        &self,
        request: Request<KeyHolderOpenSessionRequest>,
    ) -> Result<Response<KeyHolderOpenSessionResponse>, Status> {
        let call = Call::new("OpenSession", &request);
        call.answer(async {
            let from = (Caller::of(&request)?, Line::of(&request)?);
            let announcement = self.open(&call, from, request.into_inner()).await?;
            Ok(KeyHolderOpenSessionResponse { announcement })
        })
        .await
    }

    async fn get_public_key(
        &self,
        request: Request<GetPublicKeyRequest>,
    ) -> Result<Response<GetPublicKeyResponse>, Status> {
        let call = Call::new("GetPublicKey", &request);
        call.answer(async {
            let (caller, line) = (Caller::of(&request)?, Line::of(&request)?);
            let id = &request.get_ref().manifest_sha256;
            let (id, session) = self.session_of_provider(&call, caller, id)?;
            let announcement = session.announcement()?;
            self.end_with(id, session, line);
            Ok(GetPublicKeyResponse { announcement })
        })
        .await
    }

    async fn submit_comparisons(
        &self,
        request: Request<Streaming<SubmitComparisonsRequest>>,
    ) -> Result<Response<SubmitComparisonsResponse>, Status> {
        let call = Call::new("SubmitComparisons", &request);
        call.answer(async {
            let caller = Caller::of(&request)?;
            let parts = request.into_inner().map(|part| match part {
                Ok(message) => Ok(message.part),
                Err(status) => Err(stream::vanished(Role::Provider, &status)),
            });
            self.submit(&call, caller, parts).await?;
            Ok(SubmitComparisonsResponse {})
        })
        .await
    }

    type FetchResultStream = ReceiverStream<Result<FetchResultResponse, Status>>;

    async fn fetch_result(
        &self,
        request: Request<FetchResultRequest>,
    ) -> Result<Response<Self::FetchResultStream>, Status> {
        let call = Arc::new(Call::new("FetchResult", &request));
        call.answer(async {
            let caller = Caller::of(&request)?;
            let opening = request.into_inner().opening;
            let chunks = self.fetch(&call, caller, opening).await?;
            Ok(ReceiverStream::new(chunks))
        })
        .await
    }
}
