//! A world, what each party receives in a session of it, and the comparison of two worlds.

use std::collections::BTreeMap;

use blindjoin_protocol::agree::{Mask, Mode, TableKind, Terms};
use blindjoin_protocol::input::{
    BlockDirectory, ProviderKeys, ProviderRecords, QuerierKeys, QuerierRecords,
};
use blindjoin_protocol::parts::{CANARY_ROOM, published_class, size_class};
use num_bigint::BigUint;

use crate::common::{Session, key_of, provider_keys, querier_keys, run, session};

/// The sessions of a world whose random parts are pooled.
const SESSIONS: u64 = 7;

/// The name of the number of words that a counting key holder takes for matches.
const COUNTED: &str = "matches counted";

/// A linkage, and what both parties have for it.
pub(crate) struct World {
    pub(crate) terms: Terms,
    pub(crate) asked: Asked,
    pub(crate) blocks: Option<BlockDirectory>,
    /// What the provider's side has room for.
    pub(crate) provider_size: u64,
}

/// What the querier asks about, and what the provider holds.
pub(crate) enum Asked {
    Keys(QuerierKeys, ProviderKeys),
    Records(QuerierRecords, ProviderRecords),
}

impl World {
    /// A world of ids on both sides, under one rule.
    pub(crate) fn of_ids(terms: &Terms, ours: &[String], theirs: &[String]) -> Self {
        Self::new(
            terms.clone(),
            querier_keys(ours.iter().map(String::as_str)),
            provider_keys(theirs.iter().map(String::as_str)),
        )
    }

    /// A world without blocks, of the class that the provider publishes of its keys.
    pub(crate) fn new(terms: Terms, ours: QuerierKeys, theirs: ProviderKeys) -> Self {
        let provider_size = published_class(theirs.len() as u64, 0);
        Self {
            terms,
            asked: Asked::Keys(ours, theirs),
            blocks: None,
            provider_size,
        }
    }

    /// A world of pairs in the cells of a directory.
    pub(crate) fn of_pairs(
        terms: Terms,
        blocks: BlockDirectory,
        ours: QuerierRecords,
        theirs: ProviderRecords,
    ) -> Self {
        Self {
            terms,
            asked: Asked::Records(ours, theirs),
            provider_size: blocks.pairs() + CANARY_ROOM,
            blocks: Some(blocks),
        }
    }

    fn querier_size(&self) -> u64 {
        match (&self.terms.mode, &self.asked) {
            (Mode::Lookup, _) => self.terms.rules.len() as u64 + u64::from(self.terms.canaries),
            (_, Asked::Keys(ours, _)) => size_class(ours.len() as u64 + CANARY_ROOM),
            (_, Asked::Records(..)) => {
                let blocks = self.blocks.as_ref().unwrap();
                size_class(blocks.padded_rows() + CANARY_ROOM)
            }
        }
    }

    fn session(&self, seed: u64) -> Session {
        let (terms, blocks) = (self.terms.clone(), self.blocks.as_ref());
        session(terms, self.querier_size(), self.provider_size, blocks, seed).unwrap()
    }
}

/// What one party receives in the sessions of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    /// Of each session, what is not random.
    fixed: Vec<Vec<(&'static str, Vec<u64>)>>,
    /// Random parts of all sessions, each mapped to [0, 1).
    random: BTreeMap<&'static str, Vec<f64>>,
}

impl View {
    fn begin(&mut self, session: &Session) {
        let mut manifest = session.agreement.manifest().clone();
        // Fresh in every session, and drawn before anything else is known; so is the salt of the
        // blocks' digest.
        (manifest.querier_nonce, manifest.provider_nonce) = ([0; 32], [0; 32]);
        manifest.blocks = manifest.blocks.map(|_| [0; 32]);
        let bytes = manifest.encode().into_iter().map(u64::from).collect();
        self.fixed.push(vec![("manifest", bytes)]);
    }

    fn fixed(&mut self, name: &'static str, values: impl IntoIterator<Item = u64>) {
        let session = self.fixed.last_mut().unwrap();
        session.push((name, values.into_iter().collect()));
    }

    fn lengths(&mut self, name: &'static str, chunks: &[Vec<u8>]) {
        self.fixed(name, chunks.iter().map(|chunk| chunk.len() as u64));
    }

    /// What is not random.
    pub(crate) fn without_random(&self) -> Self {
        Self {
            fixed: self.fixed.clone(),
            random: BTreeMap::new(),
        }
    }

    /// All but the number of small words.
    pub(crate) fn without_count(&self) -> Self {
        let mut view = self.clone();
        for session in &mut view.fixed {
            session.retain(|(name, _)| *name != COUNTED);
        }
        view
    }

    fn random(&mut self, name: &'static str, values: impl IntoIterator<Item = f64>) {
        self.random.entry(name).or_default().extend(values);
    }
}

/// The views of the sessions of a world.
pub(crate) struct Views {
    pub(crate) provider: View,
    pub(crate) keyholder: View,
    pub(crate) querier: View,
}

/// Runs the sessions of a world.
pub(crate) fn play(world: &World, seed: u64) -> Views {
    let [mut provider, mut keyholder, mut querier] = [(); 3].map(|()| View::default());
    for number in 0..SESSIONS {
        play_one(
            world,
            1000 * seed + number,
            [&mut provider, &mut keyholder, &mut querier],
        );
    }
    Views {
        provider,
        keyholder,
        querier,
    }
}

fn play_one(world: &World, seed: u64, views: [&mut View; 3]) {
    let session = world.session(seed);
    let [at_provider, at_keyholder, at_querier] = views;
    let (suite, sizes) = (session.agreement.suite(), session.agreement.sizes());
    let t_bits = u64::from(suite.t_bits());
    let blocks = || world.blocks.clone().unwrap();
    let (card, transcript) = match &world.asked {
        Asked::Keys(ours, theirs) => run(&session, ours.clone(), theirs),
        Asked::Records(ours, theirs) => run(
            &session,
            (ours.clone(), blocks()),
            &(theirs.clone(), blocks()),
        ),
    }
    .unwrap();
    let [entries, comparisons, words] = transcript.payloads;

    // The provider receives the table, and from the key holder nothing but that it is closed.
    at_provider.begin(&session);
    at_provider.lengths("table", &transcript.table);
    let width = sizes.table().item_bytes();
    let tails = entries.iter().flat_map(|entries| {
        let ciphertexts = entries.chunks_exact(width);
        ciphertexts
            .map(|ciphertext| fraction(&BigUint::from_bytes_be(&ciphertext[width - 8..]), 64))
    });
    at_provider.random("ciphertexts", tails);

    // The key holder receives the comparisons, and decrypts them.
    at_keyholder.begin(&session);
    at_keyholder.lengths("comparisons", &transcript.comparisons);
    let key = key_of(&world.terms);
    let t = BigUint::from(suite.t());
    // How many ciphertexts show a match in none, one, two, ... of their slots.
    let mut small = vec![0; sizes.slots() + 1];
    for payload in comparisons {
        let plain = key.decrypt(&payload).unwrap();
        for i in 0..plain.len() {
            let mut shown = 0;
            for slot in slots(&plain.to_biguint(i), world, &session) {
                let (quotient, word) = (&slot / &t, &slot % &t);
                shown += usize::from(word.bits() <= u64::from(suite.label_bits()));
                at_keyholder.random("words", [fraction(&word, t_bits)]);
                let quotient = fraction(&quotient, suite.rho_bits() as u64);
                at_keyholder.random("quotients", [quotient]);
            }
            small[shown] += 1;
        }
    }
    at_keyholder.fixed(COUNTED, small);

    // The querier receives the key holder's result and the provider's summary.
    at_querier.begin(&session);
    at_querier.lengths("result", &transcript.result);
    at_querier.fixed("summary", [transcript.summary.len() as u64]);
    let cells = (0..card.rows()).flat_map(|row| card.row(row).to_vec());
    at_querier.fixed("card", cells.map(|cell| cell as u64));
    // Handles are drawn afresh: which pairs share one is what they say.
    let pairs = card.pairs();
    let mut handles: Vec<u32> = pairs.iter().map(|pair| pair.handle).collect();
    handles.sort_unstable();
    handles.dedup();
    at_querier.fixed("provider's records in pairs", [handles.len() as u64]);
    let rows = pairs.iter().flat_map(|pair| {
        let rules = pair.rules.iter().map(|&rule| u64::from(rule));
        [u64::from(pair.row)]
            .into_iter()
            .chain(rules)
            .collect::<Vec<_>>()
    });
    at_querier.fixed("pairs", rows);
    if world.terms.blind {
        let words = words.iter().flat_map(|payload| {
            let words = payload.chunks_exact(suite.residue_bytes());
            words.map(|word| fraction(&BigUint::from_bytes_be(word), t_bits))
        });
        at_querier.random("words", words);
    }
}

/// The slots of a plaintext, which are one plaintext each where a stream is not packed.
fn slots(plain: &BigUint, world: &World, session: &Session) -> Vec<BigUint> {
    let bits = session.agreement.suite().slot_bits();
    let slots = session.agreement.sizes().slots();
    if world.terms.mask == Mask::Full {
        // Whole plaintexts are uniform below n, so their low bits are.
        let low = (BigUint::from(1_u8) << bits) - 1_u8;
        return vec![plain & low];
    }
    let slot = |i| (plain >> (i * bits)) % (BigUint::from(1_u8) << bits);
    (0..slots).map(slot).collect()
}

fn fraction(value: &BigUint, bits: u64) -> f64 {
    let top: u64 = if bits > 53 {
        (value >> (bits - 53)).try_into().unwrap_or(0)
    } else {
        u64::try_from(value).unwrap() << (53 - bits)
    };
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let fraction = top as f64 / (1_u64 << 53) as f64;
    fraction
}

/// Says what tells two views apart, if anything does.
pub(crate) fn distinguish(one: &View, other: &View) -> Option<String> {
    let first = &one.fixed[0];
    for session in one.fixed.iter().chain(&other.fixed) {
        for ((name, due), (_, seen)) in first.iter().zip(session) {
            if due != seen {
                return Some(format!("{name}: {} and {} values", due.len(), seen.len()));
            }
        }
    }
    for (name, values) in &one.random {
        let theirs = &other.random[name];
        let least = values.len().min(theirs.len());
        assert!(least >= 2000, "{name}: {least} values decide nothing");
        let statistic = two_samples(values.clone(), theirs.clone());
        // 2.23 is the 10⁻⁴ point.
        if statistic > 2.23 {
            return Some(format!("{name}: {statistic:.2} in {least} values"));
        }
    }
    None
}

/// √(nm/(n+m))·sup|F - G| of two samples.
fn two_samples(mut one: Vec<f64>, mut other: Vec<f64>) -> f64 {
    one.sort_by(f64::total_cmp);
    other.sort_by(f64::total_cmp);
    let count = |n: usize| f64::from(u32::try_from(n).unwrap());
    let (n, m) = (count(one.len()), count(other.len()));
    let (mut i, mut j, mut gap) = (0, 0, 0.0_f64);
    while i < one.len() && j < other.len() {
        let at = one[i].min(other[j]);
        while i < one.len() && one[i] <= at {
            i += 1;
        }
        while j < other.len() && other[j] <= at {
            j += 1;
        }
        gap = gap.max((count(i) / n - count(j) / m).abs());
    }
    gap * (n * m / (n + m)).sqrt()
}

/// The ways of joining and looking up, by name.
pub(crate) fn modes() -> Vec<(&'static str, Terms)> {
    let join = |table, blind| Terms {
        blind,
        ..crate::common::terms(table)
    };
    let full = Terms {
        mask: Mask::Full,
        ..join(TableKind::Cuckoo, false)
    };
    let lookup = Terms {
        mode: Mode::Lookup,
        canaries: 1,
        ..join(TableKind::Cuckoo, true)
    };
    vec![
        ("cuckoo, blind", join(TableKind::Cuckoo, true)),
        ("key-value store, blind", join(TableKind::Okvs, true)),
        ("cuckoo, counting", join(TableKind::Cuckoo, false)),
        ("key-value store, counting", join(TableKind::Okvs, false)),
        ("full mask, counting", full),
        ("lookup", lookup),
    ]
}

/// The test of the test: equal and unequal distributions, and fixed parts that differ.
#[test]
fn what_differs_is_noticed() {
    let uniform = |shift: f64, seed: u64| -> View {
        let mut rng = crate::common::rng(seed);
        let mut view = View {
            fixed: vec![vec![("length", vec![7])]],
            ..View::default()
        };
        let values = (0..2000).map(|_| {
            let drawn = f64::from(rand::Rng::next_u32(&mut rng)) / f64::from(u32::MAX);
            // A tenth of all values moves to one end.
            if drawn < shift { 0.99 } else { drawn }
        });
        view.random("drawn", values.collect::<Vec<_>>());
        view
    };
    assert_eq!(distinguish(&uniform(0.0, 1), &uniform(0.0, 2)), None);
    let noticed =
        (0..20).filter(|seed| distinguish(&uniform(0.0, 50), &uniform(0.1, *seed)).is_some());
    assert!(noticed.count() >= 17);
    let mut longer = uniform(0.0, 3);
    longer.fixed[0][0].1 = vec![8];
    assert!(
        distinguish(&uniform(0.0, 1), &longer)
            .unwrap()
            .contains("length")
    );
}
