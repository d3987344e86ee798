//! A key holder that is asked for too much, and a provider that watches it fail.

use std::time::Duration;

use blindjoin_protocol::agree::{Agreement, Manifest, SessionSecret, Signer, Terms};
use blindjoin_protocol::parts::{
    Channel, EncryptedTable, Handshake, KeyAnnouncement, Provider, ProviderJobs, Querier,
    TableIntake, size_class,
};
use blindjoin_service::config::{Link, LinkOptions};
use blindjoin_service::identity::IdentityFiles;
use blindjoin_service::wire::key_holder_client::KeyHolderClient;
use blindjoin_service::wire::submit_comparisons_request::Part;
use blindjoin_service::wire::{
    Chunk, FetchResultRequest, GetPublicKeyRequest, KeyHolderOpenSessionRequest, ReserveRequest,
    ReserveResponse, SessionOpening, SubmitComparisonsRequest,
};
use blindjoin_service::{Code, Connection, Identity, Role};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tokio_stream::StreamExt as _;
use tonic::Status;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic_prost::ProstCodec;

use crate::common::{
    BITS, Serving, Setup, fingerprint, options, peer, querier_keys, registry, reserve, terms,
};
use crate::hand::{Hand, said};

const THEIRS: [[Option<&str>; 2]; 1] = [[Some("2"), None]];

async fn connect(setup: &Setup, files: &IdentityFiles, keyholder: &Serving) -> Connection {
    let at = peer(&setup.keyholder, keyholder.address);
    let identity = Identity::load(files).unwrap();
    Connection::open(&identity, Role::KeyHolder, &at)
        .await
        .unwrap()
}

/// A manifest on what a provider has answered.
async fn manifest(setup: &Setup, provider: &Serving, to: &Connection) -> Manifest {
    agree(setup, provider, to, terms(&options(), 1)).await
}

async fn agree(setup: &Setup, provider: &Serving, to: &Connection, terms: Terms) -> Manifest {
    let hand = Hand::at(setup, &setup.querier, provider).await;
    let offer = hand.offer(terms, size_class(257), None);
    let answer = hand.negotiate(&offer).await.unwrap();
    let mut parties = hand.parties();
    parties.keyholder.0 = to.public_key();
    Manifest::new(&offer, &answer, &hand.published, parties).unwrap()
}

async fn open(setup: &Setup, to: &Connection, manifest: Vec<u8>) -> Result<Vec<u8>, Status> {
    let request = KeyHolderOpenSessionRequest {
        manifest,
        provider_certificate_sha256: fingerprint(&setup.provider).as_bytes().to_vec(),
        reservation: reserve(to, &setup.provider).await?,
    };
    let response = KeyHolderClient::new(to.channel())
        .open_session(request)
        .await?;
    Ok(response.into_inner().announcement)
}

/// However often one querier asks, another finds a place; and what a connection held is free again when
/// it has ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_takes_all_places_at_the_key_holder() {
    let setup = Setup::new();
    let other = setup
        .authority
        .write_identity(setup.folder.path(), "other")
        .unwrap();
    let provider = fingerprint(&setup.provider);
    let link = |querier: &IdentityFiles| Link {
        querier: fingerprint(querier),
        provider,
    };
    let links = [&setup.querier, &other].map(link).to_vec();
    let keyholder = setup.serve_keyholder_for(links).await;
    let greedy = connect(&setup, &setup.querier, &keyholder).await;
    for _ in 0..setup.limits.sessions_per_querier {
        reserve(&greedy, &setup.provider).await.unwrap();
    }
    for _ in 0..50 {
        let refused = reserve(&greedy, &setup.provider).await.unwrap_err();
        assert_eq!(said(&refused), Code::Busy);
    }
    let honest = connect(&setup, &other, &keyholder).await;
    reserve(&honest, &setup.provider).await.unwrap();

    drop(greedy);
    let again = connect(&setup, &setup.querier, &keyholder).await;
    let freed = async {
        while let Err(status) = reserve(&again, &setup.provider).await {
            assert_eq!(said(&status), Code::Busy);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), freed)
        .await
        .unwrap();
    keyholder.stop().await;
}

/// Ids of sessions are remembered until their agreement ends, so no agreement lasts for ever; keys
/// of other sizes than the stock's are not made. Who is refused keeps no place.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_cost_too_much_is_refused_by_one_code() {
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let to = connect(&setup, &setup.querier, &keyholder).await;
    let good = manifest(&setup, &provider, &to).await;
    let mut lasting = good.clone();
    lasting.terms.expires += 30 * 86_400;
    for _ in 0..2 * setup.limits.sessions_per_querier {
        let refused = open(&setup, &to, lasting.encode()).await.unwrap_err();
        assert_eq!(said(&refused), Code::Refused);
    }
    let request = ReserveRequest {
        provider_certificate_sha256: fingerprint(&setup.provider).as_bytes().to_vec(),
        key_bits: 2 * BITS,
    };
    let refused = KeyHolderClient::new(to.channel())
        .reserve(request)
        .await
        .unwrap_err();
    assert_eq!(said(&refused), Code::Refused);
    let invented = KeyHolderOpenSessionRequest {
        manifest: lasting.encode(),
        provider_certificate_sha256: fingerprint(&setup.provider).as_bytes().to_vec(),
        reservation: vec![7; 16],
    };
    let refused = KeyHolderClient::new(to.channel())
        .open_session(invented)
        .await
        .unwrap_err();
    assert_eq!(
        said(&refused),
        Code::Closed,
        "a place that nobody has reserved"
    );
    open(&setup, &to, good.encode()).await.unwrap();
    provider.stop().await;
    keyholder.stop().await;
}

/// A session to which no provider comes leaves its place, though its querier waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_without_a_provider_ends_soon() {
    let mut setup = Setup::new();
    (
        setup.limits.sessions_per_querier,
        setup.limits.orphan_seconds,
    ) = (1, 1);
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let to = connect(&setup, &setup.querier, &keyholder).await;
    let manifest = manifest(&setup, &provider, &to).await;
    open(&setup, &to, manifest.encode()).await.unwrap();
    let refused = reserve(&to, &setup.provider).await.unwrap_err();
    assert_eq!(said(&refused), Code::Busy);
    let freed = async { while reserve(&to, &setup.provider).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(20), freed)
        .await
        .unwrap();
    provider.stop().await;
    keyholder.stop().await;
}

/// A querier that waits for its result keeps the session, however long its table takes to the provider.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_table_does_not_end_a_session() {
    let mut setup = Setup::new();
    setup.limits.idle_seconds = 1;
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let to = connect(&setup, &setup.querier, &keyholder).await;
    let by_hand = connect(&setup, &setup.provider, &keyholder).await;
    let (request, id) = waiting(&setup, &provider, (&to, &by_hand)).await;
    let mut client = KeyHolderClient::new(to.channel());
    // Three times as long as the key holder is patient with a session in which nothing happens.
    let result = client.fetch_result(request);
    tokio::time::timeout(Duration::from_secs(3), result)
        .await
        .unwrap_err();
    let mut client = KeyHolderClient::new(by_hand.channel());
    let key = GetPublicKeyRequest {
        manifest_sha256: id,
    };
    // It ends with the call that waits, once the key holder has heard that this has ended.
    let ended = async {
        loop {
            if let Err(gone) = client.get_public_key(key.clone()).await {
                return said(&gone);
            }
        }
    };
    let said = tokio::time::timeout(Duration::from_secs(20), ended).await;
    assert_eq!(said.unwrap(), Code::Closed);
    provider.stop().await;
    keyholder.stop().await;
}

/// Sixteen calls of one kind at once, of one caller; connections likewise.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_and_connections_of_one_caller_are_bounded() {
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let to = connect(&setup, &setup.querier, &keyholder).await;
    let by_hand = connect(&setup, &setup.provider, &keyholder).await;
    let (request, _) = waiting(&setup, &provider, (&to, &by_hand)).await;
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (mut client, request) = (KeyHolderClient::new(to.channel()), request.clone());
        calls.spawn(async move { client.fetch_result(request).await.map(drop) });
    }
    for _ in 0..4 {
        let next = tokio::time::timeout(Duration::from_secs(20), calls.join_next()).await;
        let refused = next.unwrap().unwrap().unwrap().unwrap_err();
        assert_eq!(said(&refused), Code::Busy);
    }
    calls.abort_all();

    let identity = Identity::load(&setup.querier).unwrap();
    let at = peer(&setup.keyholder, keyholder.address);
    let mut held = Vec::new();
    let mut refused = 0;
    for _ in 0..24 {
        match Connection::open(&identity, Role::KeyHolder, &at).await {
            Ok(connection) => {
                let mut client = KeyHolderClient::new(connection.channel());
                let unknown = GetPublicKeyRequest {
                    manifest_sha256: vec![1; 32],
                };
                let status = client.get_public_key(unknown).await.unwrap_err();
                // An answer in our words is one of a server that has taken the connection.
                match Code::of_status(&status) {
                    Some(_) => held.push(connection),
                    None => refused += 1,
                }
            }
            Err(_) => refused += 1,
        }
    }
    // One more is held from the beginning.
    assert_eq!((held.len(), refused), (15, 9));
    provider.stop().await;
    keyholder.stop().await;
}

/// A message that never ends is waited for no longer than it may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_never_ends_is_given_up() {
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let to = connect(&setup, &setup.querier, &keyholder).await;
    let mut client = Grpc::new(to.channel());
    client.ready().await.unwrap();
    let first = ReserveRequest {
        provider_certificate_sha256: fingerprint(&setup.provider).as_bytes().to_vec(),
        key_bits: BITS,
    };
    let endless = tokio_stream::once(first).chain(tokio_stream::pending());
    let path = PathAndQuery::from_static("/blindjoin.v1.KeyHolder/Reserve");
    let codec = ProstCodec::<ReserveRequest, ReserveResponse>::default();
    let call = client.client_streaming(tonic::Request::new(endless), path, codec);
    let status = tokio::time::timeout(Duration::from_secs(30), call)
        .await
        .unwrap()
        .unwrap_err();
    assert!(Code::of_status(&status).is_some(), "{status:?}");
    keyholder.stop().await;
}

/// A session that the provider has taken up, and the call in which its querier waits for the result.
async fn waiting(
    setup: &Setup,
    provider: &Serving,
    (querier, by_hand): (&Connection, &Connection),
) -> (FetchResultRequest, Vec<u8>) {
    let manifest = manifest(setup, provider, querier).await;
    let id = manifest.digest().0.to_vec();
    let announced = open(setup, querier, manifest.encode()).await.unwrap();
    let mut generator = ChaCha20Rng::from_seed([3; 32]);
    let announcement = KeyAnnouncement::decode(&announced).unwrap();
    let (agreement, _) = announcement.accept(manifest, &mut generator).unwrap();
    let secret = SessionSecret::from_bytes([5; 32]);
    let signer = Signer::from_seed(Identity::load(&setup.querier).unwrap().seed());
    let handshake = Handshake::sign(Role::Querier, &signer, &agreement, &secret).encode();
    let mut client = KeyHolderClient::new(by_hand.channel());
    let key = GetPublicKeyRequest {
        manifest_sha256: id.clone(),
    };
    client.get_public_key(key).await.unwrap();
    let opening = SessionOpening {
        manifest_sha256: id.clone(),
        handshake,
    };
    let request = FetchResultRequest {
        opening: Some(opening),
    };
    (request, id)
}

/// How a batch of comparisons may be spoilt.
type Spoil = fn(&Agreement) -> Vec<u8>;

/// A provider that submits what no honest one would, at the beginning, in the middle and at the end of
/// its stream: all that it receives is what it receives for an honest stream.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_provider_cannot_watch_the_key_holder_fail() {
    let mut setup = Setup::new();
    (setup.limits.sessions, setup.limits.sessions_per_querier) = (20, 20);
    (
        setup.provider_limits.sessions,
        setup.provider_limits.sessions_per_querier,
    ) = (20, 20);
    let keyholder = setup.serve_keyholder().await;
    // Enough records for three chunks.
    let ids: Vec<String> = (0..2200).map(|id| id.to_string()).collect();
    let theirs: Vec<[Option<&str>; 2]> = ids.iter().map(|id| [Some(id.as_str()), None]).collect();
    let provider = setup.serve_provider(keyholder.address, &theirs).await;
    let to = connect(&setup, &setup.querier, &keyholder).await;
    let by_hand = connect(&setup, &setup.provider, &keyholder).await;
    let spoils: [(&str, Spoil); 4] = [
        ("zero", |_| vec![0]),
        ("shares a factor", |agreement| {
            agreement.public_key().n().to_bytes_be()
        }),
        ("out of range", |agreement| {
            let n = agreement.public_key().n();
            (n * n).to_bytes_be()
        }),
        ("beyond the slot", |agreement| {
            // 1 + m·n encrypts m.
            let shift = agreement.suite().slot_bits() + 1;
            ((agreement.public_key().n() << shift) + 1_u8).to_bytes_be()
        }),
    ];
    let blind = || terms(&options(), 1);
    let honest = submitted(&setup, &provider, (&to, &by_hand), blind(), None).await;
    assert_eq!(honest.0, Ok(()));
    assert!(honest.1 >= 3, "{} chunks", honest.1);
    for (name, spoil) in spoils {
        for chunk in [0, honest.1 / 2, honest.1 - 1] {
            let spoilt = Some((spoil, chunk));
            let seen = submitted(&setup, &provider, (&to, &by_hand), blind(), spoilt).await;
            assert_eq!(seen, honest, "{name} in chunk {chunk}");
        }
    }
    // More matches than are let out, which depends on the querier's table: the canaries alone are.
    let counted = LinkOptions {
        counting: Some(true),
        ..options()
    };
    let capped = Terms {
        match_cap: 1,
        ..terms(&counted, 1)
    };
    let seen = submitted(&setup, &provider, (&to, &by_hand), capped, None).await;
    assert_eq!(seen, honest, "too many matches");
    provider.stop().await;
    keyholder.stop().await;
}

/// What the provider is told at the end of a stream, and after how many chunks.
async fn submitted(
    setup: &Setup,
    provider: &Serving,
    (querier, by_hand): (&Connection, &Connection),
    terms: Terms,
    spoil: Option<(Spoil, u64)>,
) -> (Result<(), String>, u64) {
    let manifest = agree(setup, provider, querier, terms).await;
    let announcement = open(setup, querier, manifest.encode()).await.unwrap();
    let id = manifest.digest().0.to_vec();
    let announcement = KeyAnnouncement::decode(&announcement).unwrap();
    let mut generator = ChaCha20Rng::from_seed([3; 32]);
    let (agreement, peer) = announcement.accept(manifest, &mut generator).unwrap();
    let secret = SessionSecret::from_bytes([4; 32]);
    let signer = Signer::from_seed(Identity::load(&setup.provider).unwrap().seed());
    let handshake = Handshake::sign(Role::Provider, &signer, &agreement, &secret).encode();
    let channel = Channel::derive(&agreement, Role::Provider, &secret, &peer).unwrap();
    let role = bring_together(setup, &agreement, &secret);
    let mut client = KeyHolderClient::new(by_hand.channel());
    let key = GetPublicKeyRequest {
        manifest_sha256: id.clone(),
    };
    let again = key.clone();
    client.get_public_key(key).await.unwrap();

    let geometry = agreement.sizes().comparisons();
    let width = geometry.item_bytes();
    let mut parts = vec![Part::Opening(SessionOpening {
        manifest_sha256: id,
        handshake,
    })];
    let mut outbound = role.comparison_stream(&channel);
    for number in 0..geometry.chunks() {
        let mut payload = role.compare(number).unwrap();
        if let Some((spoil, _)) = spoil.filter(|(_, at)| *at == number) {
            let bytes = spoil(&agreement);
            let place = &mut payload[..width];
            place.fill(0);
            place[width - bytes.len()..].copy_from_slice(&bytes);
        }
        let sealed;
        (outbound, sealed) = outbound.seal(&payload).unwrap();
        parts.push(Part::Chunk(Chunk { number, sealed }));
    }
    let requests = parts
        .into_iter()
        .map(|part| SubmitComparisonsRequest { part: Some(part) });
    let answer = client
        .submit_comparisons(tokio_stream::iter(requests.collect::<Vec<_>>()))
        .await;
    let answer = answer
        .map(drop)
        .map_err(|status| format!("{:?} {}", status.code(), status.message()));
    // How long the result takes is not to be seen by asking for the key again.
    let asked = client.get_public_key(again).await.unwrap_err();
    assert_eq!(said(&asked), Code::Closed);
    (answer, geometry.chunks())
}

/// The provider of a session, with the table of a querier that asks for nobody.
fn bring_together(setup: &Setup, agreement: &Agreement, secret: &SessionSecret) -> Provider {
    let (one, other) = (SessionSecret::from_bytes([5; 32]), secret);
    let signer = |files| Signer::from_seed(Identity::load(files).unwrap().seed());
    let met = |role, files, secret: &SessionSecret| {
        let handshake = Handshake::sign(role, &signer(files), agreement, secret);
        handshake.verify(role, agreement).unwrap()
    };
    let provider = met(Role::Provider, &setup.provider, other);
    let querier = met(Role::Querier, &setup.querier, &one);
    let there = Channel::derive(agreement, Role::Querier, &one, &provider).unwrap();
    let here = Channel::derive(agreement, Role::Provider, other, &querier).unwrap();
    let keys = || here.fingerprints(agreement.suite());
    let asked = querier_keys(&[[Some("nobody"), None]]);
    let laid_out = Querier::new(agreement, keys(), asked, &one).unwrap();
    let jobs = ProviderJobs::prepare(agreement, &keys(), &registry(&THEIRS).keys, other).unwrap();
    let mut intake = TableIntake::new(agreement);
    let (mut from, mut to) = (laid_out.table_stream(&there), intake.stream(&here));
    for number in 0..from.chunks() {
        let (sealed, payload);
        (from, sealed) = from.seal(&laid_out.table_chunk(number).unwrap()).unwrap();
        (to, payload) = to.open(number, &sealed).unwrap();
        let checked = TableIntake::check(agreement, number, &payload).unwrap();
        intake = intake.take(&checked).unwrap();
    }
    let table = EncryptedTable::new(intake.finish(&to.end().unwrap()).unwrap());
    Provider::new(agreement, keys(), jobs, table, other)
}
