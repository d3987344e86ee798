//! What is only announced takes no memory, in a process of its own, since it is measured.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

#[expect(
    dead_code,
    reason = "shared with the tests of the service, which use all of it"
)]
#[path = "../service/common.rs"]
mod common;
#[path = "../service/hand.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the service, which use all of it"
)]
mod hand;

use blindjoin_protocol::agree::{Manifest, SessionSecret, Signer};
use blindjoin_protocol::parts::{BlockOffer, Handshake, KeyAnnouncement, size_class};
use blindjoin_service::config::{KeyHolderLimits, ProviderLimits};
use blindjoin_service::wire::key_holder_client::KeyHolderClient;
use blindjoin_service::wire::link_request::Part;
use blindjoin_service::wire::provider_client::ProviderClient;
use blindjoin_service::wire::{
    KeyHolderOpenSessionRequest, LinkRequest, ProviderOpenSessionRequest,
};
use blindjoin_service::{Code, Connection, Identity, Role};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use common::{Serving, Setup, fingerprint, options, peer, reserve, terms};
use hand::{Hand, at_once, said};

const THEIRS: [[Option<&str>; 2]; 1] = [[Some("2"), None]];

/// Mebibytes of this process, in memory or only reserved.
fn mebibytes(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    let kibibytes = line.unwrap().trim().strip_suffix(" kB").unwrap();
    kibibytes.trim().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offers_and_announced_tables_take_no_memory() {
    let mut setup = Setup::new();
    setup.provider_limits = ProviderLimits {
        hash_bits: 19,
        places: Some(u64::MAX),
        table_mib: Some(1 << 30),
        ..setup.provider_limits
    };
    setup.limits = KeyHolderLimits {
        comparisons: u64::MAX,
        matches: u64::MAX,
        ..setup.limits
    };
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    many_large_offers(&setup, &provider).await;
    announced_table(&setup, &keyholder, &provider).await;
    provider.stop().await;
    keyholder.stop().await;
}

/// 256 offers that name as many blocks as can be named.
async fn many_large_offers(setup: &Setup, provider: &Serving) {
    let hand = Hand::at(setup, &setup.querier, provider).await;
    let blocks = BlockOffer::Prefixes {
        salt: [1; 32],
        provider_salt: hand.published.own.salt,
        bits: 19,
        prefixes: (0..1 << 19).collect(),
    };
    let offer = hand.offer(terms(&options(), 1), 320, Some(blocks));
    assert!(offer.encode().len() > 2_000_000);
    // It arrives and is read: its prefixes are too long for this registry.
    let refused = hand.negotiate(&offer).await.unwrap_err();
    assert_eq!(said(&refused), Code::Refused);
    let before = mebibytes("VmRSS:");
    for _ in 0..128 {
        let asked: Vec<_> = (0..2).map(|_| hand.negotiate(&offer)).collect();
        for asked in at_once(asked).await {
            asked.unwrap_err();
        }
    }
    let grown = mebibytes("VmRSS:").saturating_sub(before);
    assert!(grown < 150, "{grown} MiB more after 256 offers");
}

/// A session for a table of 2^25 places and more, of which not one comes.
async fn announced_table(setup: &Setup, keyholder: &Serving, provider: &Serving) {
    let identity = Identity::load(&setup.querier).unwrap();
    let connect = |role, files, address| {
        let identity = Identity::load(&setup.querier).unwrap();
        let at = peer(files, address);
        async move { Connection::open(&identity, role, &at).await.unwrap() }
    };
    let to_keyholder = connect(Role::KeyHolder, &setup.keyholder, keyholder.address).await;
    let to_provider = connect(Role::Provider, &setup.provider, provider.address).await;
    let hand = Hand::at(setup, &setup.querier, provider).await;
    let offer = hand.offer(terms(&options(), 1), size_class(1 << 25), None);
    let places = hand.published.admit(&offer).unwrap().sizes.table_entries();
    assert!(places > 1 << 25, "{places} places");

    let answer = hand.negotiate(&offer).await.unwrap();
    let mut parties = hand.parties();
    parties.keyholder.0 = to_keyholder.public_key();
    let manifest = Manifest::new(&offer, &answer, &hand.published, parties).unwrap();
    let id = manifest.digest().0.to_vec();
    let announced = KeyHolderClient::new(to_keyholder.channel())
        .open_session(KeyHolderOpenSessionRequest {
            manifest: manifest.encode(),
            provider_certificate_sha256: fingerprint(&setup.provider).as_bytes().to_vec(),
            reservation: reserve(&to_keyholder, &setup.provider).await.unwrap(),
        })
        .await
        .unwrap();
    let announcement = KeyAnnouncement::decode(&announced.into_inner().announcement).unwrap();
    let bytes = manifest.encode();
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let (agreement, _) = announcement.accept(manifest, &mut rng).unwrap();
    let (signer, secret) = (
        Signer::from_seed(identity.seed()),
        SessionSecret::from_bytes([1; 32]),
    );
    let handshake = Handshake::sign(Role::Querier, &signer, &agreement, &secret);
    let mut client = ProviderClient::new(to_provider.channel());
    client
        .open_session(ProviderOpenSessionRequest {
            manifest: bytes,
            handshake: handshake.encode(),
        })
        .await
        .unwrap();

    let (resident, reserved) = (mebibytes("VmRSS:"), mebibytes("VmSize:"));
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let begin = LinkRequest {
        part: Some(Part::ManifestSha256(id)),
    };
    sender.send(begin).await.unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let events = client.link(requests).await.unwrap();
    // The end of the stream of tables is an answer to all that the provider did before.
    drop(sender);
    let mut events = events.into_inner();
    while let Ok(Some(_)) = events.message().await {}
    let resident = mebibytes("VmRSS:").saturating_sub(resident);
    let reserved = mebibytes("VmPeak:").saturating_sub(reserved);
    assert!(resident < 150, "{resident} MiB for {places} places");
    assert!(
        reserved < 1500,
        "{reserved} MiB reserved for {places} places"
    );
}
