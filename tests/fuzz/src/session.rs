//! A session with fixed parties and a fixed key of 512 bits, up to its handshakes.

use std::sync::{Arc, LazyLock};

use blindjoin_protocol::Role;
use blindjoin_protocol::agree::{
    Agreement, Manifest, Mask, Mode, Parties, SessionSecret, Signer, TableKind, Terms,
};
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use blindjoin_protocol::parts::{Columns, Handshake, KeyAnnouncement, Plan};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// The key holder's key, which factors at once.
pub(crate) static KEY: LazyLock<Arc<SecretKey>> = LazyLock::new(|| key(512));

/// Its key where pairs are compared, whose slots are longer.
pub(crate) static PAIRS_KEY: LazyLock<Arc<SecretKey>> = LazyLock::new(|| key(1024));

fn key(bits: usize) -> Arc<SecretKey> {
    let size = KeySize::insecure_test_key(bits).expect("a test size");
    Arc::new(SecretKey::generate(size, Profile::DjnShort, &mut rng(512)))
}

pub(crate) struct People {
    pub(crate) querier: Signer,
    pub(crate) provider: Signer,
    pub(crate) keyholder: Signer,
}

pub(crate) fn people() -> People {
    let [querier, provider, keyholder] = [1, 2, 3].map(|seed: u8| Signer::from_seed(&[seed; 32]));
    People {
        querier,
        provider,
        keyholder,
    }
}

impl People {
    pub(crate) fn parties(&self) -> Parties {
        Parties {
            querier: self.querier.key(),
            provider: self.provider.key(),
            keyholder: self.keyholder.key(),
        }
    }
}

/// Terms of a join over one rule.
pub(crate) fn terms(table: TableKind) -> Terms {
    Terms {
        mode: Mode::Join { table },
        mask: Mask::Slot,
        blind: false,
        dummies: None,
        profile: Profile::DjnShort,
        key_size: KEY.public().size(),
        rules: vec!["id".to_owned()],
        rules_digest: [7; 32],
        canaries: 4,
        match_cap: 1 << 20,
        expires: 2_000_000_000,
        columns: Columns::default(),
        agreement: [0; 32],
    }
}

/// A manifest of a session of these sizes, in blocks of this digest or without any.
pub(crate) fn manifest(
    terms: Terms,
    querier_size: u64,
    provider_size: u64,
    blocks: Option<[u8; 32]>,
) -> Manifest {
    let plan = Plan::of(&terms, querier_size, provider_size).expect("sizes that fit");
    let classes = if blocks.is_none() {
        vec![provider_size]
    } else {
        Vec::new()
    };
    Manifest {
        plan,
        terms,
        parties: people().parties(),
        querier_nonce: [21; 32],
        provider_nonce: [22; 32],
        querier_size,
        provider_size,
        classes,
        blocks,
    }
}

/// A manifest under the key, with what each party signs.
pub(crate) struct Session {
    pub(crate) agreement: Agreement,
    pub(crate) announcement: KeyAnnouncement,
    /// In the order querier, provider, key holder.
    pub(crate) handshakes: [(Role, Handshake); 3],
}

pub(crate) fn secrets() -> [SessionSecret; 3] {
    [11, 12, 13].map(|byte| SessionSecret::from_bytes([byte; 32]))
}

/// A join over the key-value store.
pub(crate) static SESSION: LazyLock<Session> = LazyLock::new(|| {
    let manifest = manifest(terms(TableKind::Okvs), 64, 64, None);
    let agreement = Agreement::new(manifest, KEY.public().clone()).expect("the key fits");
    let [_, _, secret] = secrets();
    Session {
        announcement: KeyAnnouncement::sign(&people().keyholder, &agreement, &secret),
        handshakes: sign(&agreement),
        agreement,
    }
});

/// What querier, provider and key holder sign.
pub(crate) fn sign(agreement: &Agreement) -> [(Role, Handshake); 3] {
    let (people, [qs, ps, ks]) = (people(), secrets());
    let sign = |role, identity, secret| (role, Handshake::sign(role, identity, agreement, secret));
    [
        sign(Role::Querier, &people.querier, &qs),
        sign(Role::Provider, &people.provider, &ps),
        sign(Role::KeyHolder, &people.keyholder, &ks),
    ]
}
