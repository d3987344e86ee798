//! A querier driven by hand that does not keep to the protocol. Nothing it sends may bring a server
//! down, and the next honest session works.

use blindjoin_protocol::agree::{
    Agreement, Answer, IdentityKey, Manifest, Offer, Parties, Published, SessionSecret, Signer,
};
use blindjoin_protocol::parts::{Channel, Handshake, KeyAnnouncement, Querier};
use blindjoin_service::config::{KeyHolderLimits, ProviderLimits};
use blindjoin_service::wire::key_holder_client::KeyHolderClient;
use blindjoin_service::wire::link_request::Part;
use blindjoin_service::wire::link_response::Event;
use blindjoin_service::wire::provider_client::ProviderClient;
use blindjoin_service::wire::{
    Chunk, DescribeRequest, FetchResultRequest, GetPublicKeyRequest, KeyHolderOpenSessionRequest,
    LinkRequest, NegotiateRequest, ProviderOpenSessionRequest, SessionOpening,
    SubmitComparisonsRequest, submit_comparisons_request,
};
use blindjoin_service::{Code, Connection, Identity, Role};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use tonic::Status;

use crate::common::{Serving, Setup, fingerprint, options, peer, querier_keys, reserve, terms};
use crate::hand::said;

const OURS: [[Option<&str>; 2]; 2] = [[Some("1"), None], [Some("2"), None]];
const THEIRS: [[Option<&str>; 2]; 1] = [[Some("2"), None]];

/// Servers, and the hand's connections to them.
struct Scene {
    setup: Setup,
    keyholder: Serving,
    provider: Serving,
    to_keyholder: Connection,
    to_provider: Connection,
}

/// A session that all three have opened.
struct Session {
    agreement: Agreement,
    handshake: Vec<u8>,
    manifest: Vec<u8>,
    secret: SessionSecret,
    to_provider: Channel,
}

impl Scene {
    async fn new(setup: Setup) -> Self {
        let keyholder = setup.serve_keyholder().await;
        let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
        let identity = Identity::load(&setup.querier).unwrap();
        let to_keyholder = Connection::open(
            &identity,
            Role::KeyHolder,
            &peer(&setup.keyholder, keyholder.address),
        )
        .await
        .unwrap();
        let to_provider = Connection::open(
            &identity,
            Role::Provider,
            &peer(&setup.provider, provider.address),
        )
        .await
        .unwrap();
        Self {
            setup,
            keyholder,
            provider,
            to_keyholder,
            to_provider,
        }
    }

    fn signer(&self) -> Signer {
        Signer::from_seed(Identity::load(&self.setup.querier).unwrap().seed())
    }

    /// Agrees on a manifest; `seed` makes its nonce.
    async fn negotiate(&self, seed: u8) -> Manifest {
        let keys = querier_keys(&OURS);
        let terms = terms(&options(), keys.len());
        let described = ProviderClient::new(self.to_provider.channel())
            .describe(DescribeRequest {})
            .await
            .unwrap();
        let published = Published::decode(&described.into_inner().published).unwrap();
        let mut generator = ChaCha20Rng::from_seed([seed; 32]);
        let offer = Offer::for_keys(terms, &published, &keys, None, &mut generator).unwrap();
        let request = NegotiateRequest {
            offer: offer.encode(),
        };
        let response = ProviderClient::new(self.to_provider.channel())
            .negotiate(request)
            .await
            .unwrap();
        let answer = Answer::decode(&response.into_inner().answer).unwrap();
        let parties = Parties {
            querier: self.signer().key(),
            provider: IdentityKey(self.to_provider.public_key()),
            keyholder: IdentityKey(self.to_keyholder.public_key()),
        };
        Manifest::new(&offer, &answer, &published, parties).unwrap()
    }

    async fn open_at_keyholder(&self, manifest: Vec<u8>) -> Result<Vec<u8>, Status> {
        let provider_certificate_sha256 = fingerprint(&self.setup.provider).as_bytes().to_vec();
        let request = KeyHolderOpenSessionRequest {
            manifest,
            provider_certificate_sha256,
            reservation: reserve(&self.to_keyholder, &self.setup.provider).await?,
        };
        let response = KeyHolderClient::new(self.to_keyholder.channel())
            .open_session(request)
            .await?;
        Ok(response.into_inner().announcement)
    }

    async fn open_at_provider(
        &self,
        manifest: Vec<u8>,
        handshake: Vec<u8>,
    ) -> Result<Vec<u8>, Status> {
        let request = ProviderOpenSessionRequest {
            manifest,
            handshake,
        };
        let response = ProviderClient::new(self.to_provider.channel())
            .open_session(request)
            .await?;
        Ok(response.into_inner().handshake)
    }

    async fn open(&self, seed: u8) -> Session {
        let manifest = self.negotiate(seed).await;
        let bytes = manifest.encode();
        let announcement = self.open_at_keyholder(bytes.clone()).await.unwrap();
        let mut generator = ChaCha20Rng::from_seed([seed; 32]);
        let (agreement, _) = KeyAnnouncement::decode(&announcement)
            .unwrap()
            .accept(manifest, &mut generator)
            .unwrap();
        let secret = SessionSecret::from_bytes([seed; 32]);
        let handshake =
            Handshake::sign(Role::Querier, &self.signer(), &agreement, &secret).encode();
        let answer = self
            .open_at_provider(bytes.clone(), handshake.clone())
            .await
            .unwrap();
        let provider = Handshake::decode(&answer)
            .unwrap()
            .verify(Role::Provider, &agreement)
            .unwrap();
        let to_provider = Channel::derive(&agreement, Role::Querier, &secret, &provider).unwrap();
        Session {
            agreement,
            handshake,
            manifest: bytes,
            secret,
            to_provider,
        }
    }

    /// Sends the parts of a table stream; yields how the provider ends the session.
    async fn link(&self, parts: Vec<Part>) -> Result<(), Status> {
        let requests: Vec<LinkRequest> = parts
            .into_iter()
            .map(|part| LinkRequest { part: Some(part) })
            .collect();
        let response = ProviderClient::new(self.to_provider.channel())
            .link(tokio_stream::iter(requests))
            .await?;
        let mut events = response.into_inner();
        while let Some(event) = events.message().await? {
            if let Some(Event::Summary(_)) = event.event {
                return Ok(());
            }
        }
        panic!("the provider ended without a word")
    }

    /// An honest linkage, with room for the time that servers take to notice that one is over.
    async fn still_serving(&self) {
        let counterparts = self
            .setup
            .counterparts(self.keyholder.address, self.provider.address);
        let honest = async {
            loop {
                match self.setup.link(&counterparts, &options(), &OURS).await {
                    Ok(linked) => return linked.card.matched_rows(),
                    Err(error) => {
                        assert_eq!(error.fault(), blindjoin_service::Fault::Busy, "{error:?}");
                    }
                }
            }
        };
        let matched = tokio::time::timeout(std::time::Duration::from_secs(30), honest)
            .await
            .unwrap();
        assert_eq!(matched, 1);
    }
}

impl Session {
    fn id(&self) -> Vec<u8> {
        self.agreement.manifest_digest().0.to_vec()
    }

    fn begin(&self) -> Part {
        Part::ManifestSha256(self.id())
    }

    /// The table as one sealed chunk, its payload changed before it is sealed.
    fn table(&self, change: impl FnOnce(&mut Vec<u8>)) -> Chunk {
        let fingerprints = self.to_provider.fingerprints(self.agreement.suite());
        let querier = Querier::new(
            &self.agreement,
            fingerprints,
            querier_keys(&OURS),
            &self.secret,
        )
        .unwrap();
        assert_eq!(querier.table().chunks(), 1);
        let mut payload = querier.table_chunk(0).unwrap();
        change(&mut payload);
        let (_, sealed) = querier
            .table_stream(&self.to_provider)
            .seal(&payload)
            .unwrap();
        Chunk { number: 0, sealed }
    }
}

/// A number at the width of a ciphertext, in the place of the table's first.
fn put(payload: &mut [u8], width: usize, number: &[u8]) {
    let mut bytes = vec![0; width - number.len()];
    bytes.extend_from_slice(number);
    payload[..width].copy_from_slice(&bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ciphertexts_that_are_none_are_refused() {
    let scene = Scene::new(Setup::new()).await;
    for case in 0..4 {
        let session = scene.open(case).await;
        let n = session.agreement.public_key().n().clone();
        let number = match case {
            0 => vec![0],
            1 => n.to_bytes_be(),
            2 => (&n * &n).to_bytes_be(),
            _ => (&n * 5u8).to_bytes_be(),
        };
        let width = session.agreement.sizes().table().item_bytes();
        let chunk = session.table(|payload| put(payload, width, &number));
        let status = scene
            .link(vec![session.begin(), Part::Chunk(chunk)])
            .await
            .unwrap_err();
        assert_eq!(said(&status), Code::Aborted, "case {case}");
    }
    scene.still_serving().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_end_early_or_are_altered_are_refused() {
    let scene = Scene::new(Setup::new()).await;

    let session = scene.open(1).await;
    let status = scene.link(vec![session.begin()]).await.unwrap_err();
    assert_eq!(said(&status), Code::Aborted, "truncated");

    let session = scene.open(2).await;
    let mut chunk = session.table(|_| ());
    let middle = chunk.sealed.len() / 2;
    chunk.sealed[middle] ^= 1;
    let status = scene
        .link(vec![session.begin(), Part::Chunk(chunk)])
        .await
        .unwrap_err();
    assert_eq!(said(&status), Code::Aborted, "altered");

    let session = scene.open(3).await;
    let mut chunk = session.table(|_| ());
    chunk.number = 1;
    let status = scene
        .link(vec![session.begin(), Part::Chunk(chunk)])
        .await
        .unwrap_err();
    assert_eq!(said(&status), Code::Aborted, "out of order");

    let session = scene.open(4).await;
    let mut chunk = session.table(|_| ());
    chunk.sealed.truncate(middle);
    let status = scene
        .link(vec![session.begin(), Part::Chunk(chunk)])
        .await
        .unwrap_err();
    assert_eq!(said(&status), Code::Aborted, "cut");

    let session = scene.open(5).await;
    let status = scene
        .link(vec![session.begin(), session.begin()])
        .await
        .unwrap_err();
    assert_eq!(said(&status), Code::Aborted, "two beginnings");

    scene.still_serving().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_id_serves_once() {
    let scene = Scene::new(Setup::new()).await;
    let session = scene.open(1).await;

    let status = scene
        .open_at_keyholder(session.manifest.clone())
        .await
        .unwrap_err();
    assert_eq!(said(&status), Code::Closed);
    let status = scene
        .open_at_provider(session.manifest.clone(), session.handshake.clone())
        .await
        .unwrap_err();
    assert_eq!(said(&status), Code::Closed);

    let table = session.table(|_| ());
    scene
        .link(vec![session.begin(), Part::Chunk(table.clone())])
        .await
        .unwrap();
    let status = scene
        .link(vec![session.begin(), Part::Chunk(table)])
        .await
        .unwrap_err();
    assert_eq!(said(&status), Code::Closed, "a second table");
    scene.still_serving().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nonsense_is_refused() {
    let scene = Scene::new(Setup::new()).await;
    let session = scene.open(1).await;
    let mut provider = ProviderClient::new(scene.to_provider.channel());
    for offer in [Vec::new(), vec![0xff; 100], vec![0; 1 << 20]] {
        let status = provider
            .negotiate(NegotiateRequest { offer })
            .await
            .unwrap_err();
        assert_eq!(said(&status), Code::Aborted);
    }
    for length in [0, 1, session.manifest.len() - 1] {
        let cut = session.manifest[..length].to_vec();
        assert_eq!(
            said(&scene.open_at_keyholder(cut.clone()).await.unwrap_err()),
            Code::Aborted
        );
        let status = scene
            .open_at_provider(cut, session.handshake.clone())
            .await
            .unwrap_err();
        assert_eq!(said(&status), Code::Aborted);
    }
    assert_eq!(
        said(
            &scene
                .link(vec![Part::ManifestSha256(vec![1; 31])])
                .await
                .unwrap_err()
        ),
        Code::Closed
    );
    assert_eq!(
        said(&scene.link(Vec::new()).await.unwrap_err()),
        Code::Aborted
    );
    let mut keyholder = KeyHolderClient::new(scene.to_keyholder.channel());
    let status = keyholder
        .fetch_result(FetchResultRequest { opening: None })
        .await
        .unwrap_err();
    assert_eq!(said(&status), Code::Aborted);
    scene.still_serving().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_querier_cannot_act_as_the_provider() {
    let scene = Scene::new(Setup::new()).await;
    let session = scene.open(1).await;
    let mut keyholder = KeyHolderClient::new(scene.to_keyholder.channel());
    let manifest_sha256 = session.id();
    let request = GetPublicKeyRequest {
        manifest_sha256: manifest_sha256.clone(),
    };
    assert_eq!(
        said(&keyholder.get_public_key(request).await.unwrap_err()),
        Code::Refused
    );
    let opening = SessionOpening {
        manifest_sha256,
        handshake: session.handshake.clone(),
    };
    let part = Some(submit_comparisons_request::Part::Opening(opening));
    let requests = tokio_stream::iter([SubmitComparisonsRequest { part }]);
    assert_eq!(
        said(&keyholder.submit_comparisons(requests).await.unwrap_err()),
        Code::Refused
    );
    scene.still_serving().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_querier_that_vanishes_frees_its_sessions() {
    let setup = Setup::new();
    let limits = KeyHolderLimits {
        sessions: 1,
        ..setup.limits.clone()
    };
    let provider_limits = ProviderLimits {
        sessions: 1,
        ..setup.provider_limits.clone()
    };
    let scene = Scene::new(Setup {
        limits,
        provider_limits,
        ..setup
    })
    .await;
    let session = scene.open(1).await;

    // Both calls are under way when the hand drops them.
    let opening = SessionOpening {
        manifest_sha256: session.id(),
        handshake: session.handshake.clone(),
    };
    let mut keyholder = KeyHolderClient::new(scene.to_keyholder.channel());
    let fetching = tokio::spawn(async move {
        keyholder
            .fetch_result(FetchResultRequest {
                opening: Some(opening),
            })
            .await
    });
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender
        .send(LinkRequest {
            part: Some(session.begin()),
        })
        .await
        .unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(receiver);
    let events = ProviderClient::new(scene.to_provider.channel())
        .link(requests)
        .await
        .unwrap();
    drop(events);
    drop(sender);
    fetching.abort();
    scene.still_serving().await;
}
