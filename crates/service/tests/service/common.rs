//! Three parties on loopback, with small insecure keys.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use blindjoin_journal::Journal;
use blindjoin_protocol::agree::Terms;
use blindjoin_protocol::input::{ProviderKeys, QuerierKeys, QuerierKeysBuilder, join_key};
use blindjoin_service::config::{
    Client, KeyHolderConfig, KeyHolderLimits, KeyStock, Link, LinkOptions, ProviderConfig,
    ProviderLimits,
};
use blindjoin_service::identity::IdentityFiles;
use blindjoin_service::identity::authority::Authority;
use blindjoin_service::keyholder::KeyHolder;
use blindjoin_service::provider::{Every, Provider, Registry};
use blindjoin_service::querier::{Counterparts, Linked, Question, link};
use blindjoin_service::wire::ReserveRequest;
use blindjoin_service::wire::key_holder_client::KeyHolderClient;
use blindjoin_service::{Connection, Error, Identity, Peer};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::Status;

/// Bits of the test keys.
pub(crate) const BITS: u32 = 512;

/// The rules of every test session.
pub(crate) const RULES: [&str; 2] = ["ID", "NAME"];

/// The digest of these rules.
pub(crate) const DIGEST: [u8; 32] = [7; 32];

/// A party that serves, until it is stopped.
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), Error>>,
}

impl Serving {
    /// A provider that serves.
    pub(crate) async fn provider(config: &ProviderConfig, registry: Registry) -> Self {
        let provider = Provider::bind(config, registry).await.unwrap();
        let address = provider.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(provider.serve(async { drop(stopped.await) }));
        Self {
            address,
            stop,
            task,
        }
    }

    /// Asks it to end, and waits until it has.
    pub(crate) async fn stop(self) {
        drop(self.stop);
        self.task.await.unwrap().unwrap();
    }
}

/// The files of a set-up.
pub(crate) struct Setup {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) authority: Authority,
    pub(crate) keyholder: IdentityFiles,
    pub(crate) provider: IdentityFiles,
    pub(crate) querier: IdentityFiles,
    /// Listed like the querier, but its time is over.
    pub(crate) expired: IdentityFiles,
    pub(crate) limits: KeyHolderLimits,
    pub(crate) provider_limits: ProviderLimits,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(1).unwrap();
        let write = |name| authority.write_identity(folder.path(), name).unwrap();
        let (keyholder, provider, querier) =
            (write("keyholder"), write("provider"), write("querier"));
        let expired = authority
            .write_expired_identity(folder.path(), "expired")
            .unwrap();
        Self {
            expired,
            folder,
            authority,
            keyholder,
            provider,
            querier,
            limits: KeyHolderLimits {
                idle_seconds: 20,
                ..KeyHolderLimits::default()
            },
            provider_limits: ProviderLimits {
                idle_seconds: 20,
                ..ProviderLimits::default()
            },
        }
    }

    pub(crate) async fn serve_keyholder(&self) -> Serving {
        let provider = fingerprint(&self.provider);
        let link = |querier| Link {
            querier: fingerprint(querier),
            provider,
        };
        self.serve_keyholder_for([&self.querier, &self.expired].map(link).to_vec())
            .await
    }

    pub(crate) async fn serve_keyholder_for(&self, links: Vec<Link>) -> Serving {
        let state = tempfile::tempdir_in(self.folder.path()).unwrap().keep();
        self.serve_keyholder_in(state, links).await
    }

    /// A key holder that remembers what the last one in this folder did.
    pub(crate) async fn serve_keyholder_in(&self, state: PathBuf, links: Vec<Link>) -> Serving {
        let config = KeyHolderConfig {
            listen: "127.0.0.1:0".to_owned(),
            insecure_test_keys: true,
            identity: self.keyholder.clone(),
            state_dir: state,
            keys: KeyStock {
                bits: vec![BITS],
                ready: 1,
            },
            limits: self.limits.clone(),
            links,
        };
        let keyholder = KeyHolder::bind(&config).await.unwrap();
        let address = keyholder.address();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(keyholder.serve(async { drop(stopped.await) }));
        Serving {
            address,
            stop,
            task,
        }
    }

    pub(crate) async fn serve_provider(
        &self,
        keyholder: SocketAddr,
        values: &[[Option<&str>; 2]],
    ) -> Serving {
        let config = self.provider_config(keyholder);
        Serving::provider(&config, registry(values)).await
    }

    /// The configuration of a provider without a past.
    pub(crate) fn provider_config(&self, keyholder: SocketAddr) -> ProviderConfig {
        static STATES: AtomicUsize = AtomicUsize::new(0);
        let number = STATES.fetch_add(1, Ordering::Relaxed);
        ProviderConfig {
            listen: "127.0.0.1:0".to_owned(),
            data: "unused".into(),
            rules: "unused".to_owned(),
            state_dir: self.folder.path().join(format!("state-{number}")),
            blocks: Vec::new(),
            publish_every: Every::Month,
            key_bits: Vec::new(),
            constant_time_tables: true,
            insecure_test_keys: true,
            insecure_exact_classes: false,
            identity: self.provider.clone(),
            keyholder: peer(&self.keyholder, keyholder),
            limits: self.provider_limits.clone(),
            queriers: [&self.querier, &self.expired]
                .map(|querier| Client {
                    certificate_sha256: fingerprint(querier),
                })
                .to_vec(),
        }
    }

    /// The same for a provider whose dice have fallen: two of them differ in their registries only.
    pub(crate) fn provider_config_with_dice(&self, keyholder: SocketAddr) -> ProviderConfig {
        let config = self.provider_config(keyholder);
        let salt = [b"salt ".as_slice(), fingerprint(&self.querier).as_bytes()].concat();
        let dice: [(&[u8], &[u8]); 2] = [(b"noise", &[5; 32]), (&salt, &[6; 32])];
        let journal = Journal::open(&config.state_dir).unwrap();
        journal.replace(&dice).unwrap();
        config
    }

    pub(crate) fn counterparts(&self, keyholder: SocketAddr, provider: SocketAddr) -> Counterparts {
        Counterparts {
            keyholder: peer(&self.keyholder, keyholder),
            provider: peer(&self.provider, provider),
            idle: Duration::from_secs(20),
            constant_time_tables: false,
        }
    }

    /// Links as the querier of the set-up.
    pub(crate) async fn link(
        &self,
        counterparts: &Counterparts,
        options: &LinkOptions,
        values: &[[Option<&str>; 2]],
    ) -> Result<Linked, Error> {
        let identity = Identity::load_unchecked(&self.querier).unwrap();
        let keys = querier_keys(values);
        let terms = terms(options, keys.len());
        let question = Question::Keys(keys, None);
        link(&identity, counterparts, terms, question, &()).await
    }
}

pub(crate) fn options() -> LinkOptions {
    LinkOptions {
        key_bits: BITS,
        idle_seconds: 20,
        ..LinkOptions::default()
    }
}

pub(crate) fn terms(options: &LinkOptions, keys: usize) -> Terms {
    options
        .terms(RULES.map(str::to_owned).to_vec(), DIGEST, keys as u64)
        .unwrap()
}

pub(crate) fn peer(files: &IdentityFiles, address: SocketAddr) -> Peer {
    Peer {
        address: address.to_string(),
        certificate_sha256: fingerprint(files),
    }
}

/// Reserves a place at the key holder, by hand.
pub(crate) async fn reserve(to: &Connection, provider: &IdentityFiles) -> Result<Vec<u8>, Status> {
    let request = ReserveRequest {
        provider_certificate_sha256: fingerprint(provider).as_bytes().to_vec(),
        key_bits: BITS,
    };
    let mut keyholder = KeyHolderClient::new(to.channel());
    Ok(keyholder.reserve(request).await?.into_inner().reservation)
}

pub(crate) fn fingerprint(files: &IdentityFiles) -> blindjoin_service::Fingerprint {
    blindjoin_service::identity::fingerprint_of_file(&files.certificate).unwrap()
}

pub(crate) fn querier_keys(values: &[[Option<&str>; 2]]) -> QuerierKeys {
    let mut builder = QuerierKeysBuilder::new(2);
    let mut key = Vec::new();
    for values in values {
        let row = builder.row().unwrap();
        for (rule, value) in (0_u16..).zip(values) {
            if let Some(value) = value {
                join_key(&mut key, RULES[usize::from(rule)], value.as_bytes(), None).unwrap();
                builder.push(row, rule, &key).unwrap();
            }
        }
    }
    builder.build()
}

pub(crate) fn registry(values: &[[Option<&str>; 2]]) -> Registry {
    let mut keys = BTreeSet::new();
    let mut key = Vec::new();
    for values in values {
        for (rule, value) in RULES.iter().zip(values) {
            if let Some(value) = value {
                join_key(&mut key, rule, value.as_bytes(), None).unwrap();
                keys.insert(key.clone());
            }
        }
    }
    Registry {
        rules: RULES.map(str::to_owned).to_vec(),
        rules_digest: DIGEST,
        forms: vec![(1, 1); 2],
        keys: ProviderKeys::collect(keys.iter().map(Vec::as_slice))
            .unwrap()
            .into(),
        blocked: Vec::new(),
    }
}
