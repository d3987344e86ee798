//! A session, what its work yields, and what is true of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use blindjoin_protocol::agree::{Manifest, Mode, SessionSecret, Signer, TableKind, Terms};
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use blindjoin_protocol::parts::{Output, Ticket, size_class};
use blindjoin_protocol::session::{Line, Message, Pace, Question, Selected, Work};
use blindjoin_protocol::{Card, Error, Role, local, parts};

use crate::common;
use crate::common::{manifest, matched, population, provider_keys, querier_keys, rng, terms};

pub(crate) const ROLES: [Role; 3] = [Role::Querier, Role::Provider, Role::KeyHolder];

pub(crate) const PACE: Pace = Pace {
    ahead: 2,
    line: Line::Lossy,
    constant_time_tables: false,
};

/// A session, what all of its work yields, and what is true of it.
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    pub(crate) manifest: Manifest,
    pub(crate) secret_key: Arc<SecretKey>,
    pub(crate) question: Question,
    pub(crate) selected: Selected,
    pub(crate) recorded: BTreeMap<(usize, Ticket), Output>,
    /// Every chunk that is ever sent, by its stream and number.
    pub(crate) chunks: BTreeMap<(&'static str, u64), Vec<u8>>,
    pub(crate) card: Card,
}

pub(crate) fn identity(role: Role) -> Arc<Signer> {
    let people = common::people();
    Arc::new(match role {
        Role::Querier => people.querier,
        Role::Provider => people.provider,
        Role::KeyHolder => people.keyholder,
    })
}

pub(crate) fn people() -> local::People {
    let common::People {
        querier,
        provider,
        keyholder,
    } = common::people();
    let secrets = [1, 2, 3].map(|byte| SessionSecret::from_bytes([byte; 32]));
    local::People::new([querier, provider, keyholder], secrets)
}

pub(crate) fn place(role: Role) -> usize {
    ROLES.iter().position(|other| *other == role).unwrap()
}

impl Scene {
    pub(crate) fn new(name: &'static str, terms: Terms, [ours, theirs]: [usize; 2]) -> Self {
        let size = KeySize::insecure_test_key(512).unwrap();
        let terms = Terms {
            key_size: size,
            canaries: 2,
            ..terms
        };
        let lookup = terms.mode == Mode::Lookup;
        let (ours, theirs, shared) = population(7, ours, theirs, ours.div_ceil(3));
        let sizes = [ours.len(), theirs.len()].map(|count| size_class(count as u64 + 2));
        let querier_size = if lookup { 3 } else { sizes[0] };
        let manifest = manifest(terms, querier_size, sizes[1], None, &mut rng(7)).unwrap();
        let secret_key = SecretKey::generate(size, Profile::DjnShort, &mut rng(512));
        let mut scene = Self {
            name,
            manifest,
            secret_key: Arc::new(secret_key),
            question: querier_keys(ours.iter().map(String::as_str)).into(),
            selected: provider_keys(theirs.iter().map(String::as_str)).into(),
            recorded: BTreeMap::new(),
            chunks: BTreeMap::new(),
            card: Recorder::blank(),
        };
        let mut recorder = Recorder::default();
        let linked = parts::link_tapped(
            &people(),
            &scene.manifest,
            scene.secret_key.clone(),
            scene.question.clone(),
            scene.selected.clone(),
            &mut recorder,
        )
        .unwrap();
        assert_eq!(matched(&linked.card), shared, "{name}");
        scene.recorded = recorder.recorded;
        scene.chunks = recorder.chunks;
        scene.card = linked.card;
        scene
    }

    /// A join of more than one chunk through the key-value store, smaller ones, and a lookup.
    pub(crate) fn all() -> Vec<Self> {
        let blind = |terms| Terms {
            blind: true,
            ..terms
        };
        let (cuckoo, okvs) = (terms(TableKind::Cuckoo), terms(TableKind::Okvs));
        let lookup = Terms {
            mode: Mode::Lookup,
            ..blind(terms(TableKind::Cuckoo))
        };
        vec![
            Self::new("key-value store, blind", blind(okvs.clone()), [1000, 2500]),
            Self::new("key-value store, counting", okvs, [20, 1200]),
            Self::new("cuckoo, counting", cuckoo, [20, 30]),
            Self::new("lookup", lookup, [1, 60]),
        ]
    }
}

/// Notes the work and the chunks of an undisturbed session.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) recorded: BTreeMap<(usize, Ticket), Output>,
    pub(crate) chunks: BTreeMap<(&'static str, u64), Vec<u8>>,
}

impl Recorder {
    /// A card of nothing.
    pub(crate) fn blank() -> Card {
        let (ours, theirs, _) = population(1, 1, 1, 0);
        let cuckoo = terms(TableKind::Cuckoo);
        common::link(cuckoo, &ours, &theirs, 1).unwrap().0
    }
}

impl parts::Tap for Recorder {
    fn work(&mut self, role: Role, ticket: Ticket, work: &Work) -> Result<Output, Error> {
        let output = work.run()?;
        let before = self.recorded.insert((place(role), ticket), output.clone());
        assert!(before.is_none(), "{ticket:?} twice");
        Ok(output)
    }

    fn carry(&mut self, _: Role, _: Role, message: Message) -> Message {
        if let Message::Chunk {
            stream,
            number,
            sealed,
        } = &message
        {
            self.chunks.insert((stream.name(), *number), sealed.clone());
        }
        message
    }
}
