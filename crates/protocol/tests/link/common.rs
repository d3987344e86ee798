//! Three parties in one process, with small keys that factor easily.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use blindjoin_protocol::agree::{
    Agreement, Manifest, Mask, Mode, Parties, Policy, Published, PublishedRule, SessionSecret,
    Signer, TableKind, Terms,
};
use blindjoin_protocol::input::{
    BlockDirectory, Blocking, OfferedCell, ProviderKeys, QuerierKeys, QuerierKeysBuilder, join_key,
};
use blindjoin_protocol::paillier::{KeySize, Profile, PublicKey, SecretKey};
use blindjoin_protocol::parts::{
    Channel, Columns, EncryptedTable, Handshake, Inbound, KeyAnnouncement, KeyHolder, Outbound,
    Output, Plan, Provider, ProviderJobs, Querier, Released, TableIntake, Ticket, block_class,
    published_class, size_class,
};
use blindjoin_protocol::session::{Message, Question, Selected, StreamKind, Work};
use blindjoin_protocol::{Card, Error, Role, local, parts};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// A seeded generator.
pub(crate) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// 1024-bit keys, one of each profile, shared by all tests: they factor easily.
static KEYS: LazyLock<[Arc<SecretKey>; 3]> = LazyLock::new(|| {
    let size = KeySize::insecure_test_key(1024).expect("a test size");
    Profile::ALL.map(|profile| Arc::new(SecretKey::generate(size, profile, &mut rng(1024))))
});

pub(crate) fn key(profile: Profile) -> Arc<SecretKey> {
    let found = KEYS.iter().find(|key| key.public().profile() == profile);
    Arc::clone(found.expect("a key of every profile"))
}

/// Keys of the two shorter sizes for use.
static REAL_KEYS: LazyLock<[Arc<SecretKey>; 2]> = LazyLock::new(|| {
    [2048, 3072].map(|bits| {
        let size = KeySize::new(bits).expect("a size for use");
        Arc::new(SecretKey::generate(size, Profile::DjnShort, &mut rng(2048)))
    })
});

/// The key that some terms ask for.
pub(crate) fn key_of(terms: &Terms) -> Arc<SecretKey> {
    if terms.key_size.bits() == 1024 {
        return key(terms.profile);
    }
    let found = REAL_KEYS
        .iter()
        .find(|key| key.public().size() == terms.key_size);
    Arc::clone(found.expect("a key of this size"))
}

/// Terms of a join over one rule, to be varied.
pub(crate) fn terms(table: TableKind) -> Terms {
    Terms {
        mode: Mode::Join { table },
        mask: Mask::Slot,
        blind: false,
        dummies: None,
        profile: Profile::DjnShort,
        key_size: KeySize::insecure_test_key(1024).expect("a test size"),
        rules: vec!["id".to_owned()],
        rules_digest: [7; 32],
        canaries: 4,
        match_cap: 1 << 20,
        expires: 2_000_000_000,
        columns: Columns::default(),
        agreement: [0; 32],
    }
}

/// The policy under which test keys are accepted.
pub(crate) fn policy() -> Policy {
    Policy {
        least_key_bits: 512,
        longest: u64::MAX,
        ..Policy::default()
    }
}

/// The three parties' identities.
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

/// A session after its handshakes: every party's view of it.
pub(crate) struct Session {
    pub(crate) agreement: Agreement,
    pub(crate) secrets: [SessionSecret; 3],
    pub(crate) querier_to_provider: Channel,
    pub(crate) provider_to_querier: Channel,
    pub(crate) provider_to_keyholder: Channel,
    pub(crate) keyholder_to_provider: Channel,
    pub(crate) keyholder_to_querier: Channel,
    pub(crate) querier_to_keyholder: Channel,
}

/// A manifest of these sizes, which need no publication and may be smaller than any.
pub(crate) fn manifest(
    terms: Terms,
    querier_size: u64,
    provider_size: u64,
    blocks: Option<&BlockDirectory>,
    rng: &mut ChaCha20Rng,
) -> Result<Manifest, Error> {
    let mut classes = vec![
        0;
        if blocks.is_some() {
            0
        } else {
            terms.rules.len()
        }
    ];
    if let Some(first) = classes.first_mut() {
        *first = provider_size;
    }
    let [querier_nonce, provider_nonce] = [0; 2].map(|_| {
        let mut nonce = [0; 32];
        rng.fill_bytes(&mut nonce);
        nonce
    });
    let manifest = Manifest {
        plan: Plan::of(&terms, querier_size, provider_size)?,
        terms,
        parties: people().parties(),
        querier_nonce,
        provider_nonce,
        querier_size,
        provider_size,
        classes,
        blocks: blocks.map(BlockDirectory::digest),
    };
    Manifest::decode(&manifest.encode())
}

/// What a provider of 1000 keys under the rule `id` publishes.
pub(crate) fn published() -> Published {
    let rule = PublishedRule {
        id: "id".to_owned(),
        class: published_class(1000, 0),
        forms: 1,
        weight: 1,
    };
    let sizes = vec![KeySize::insecure_test_key(1024).expect("a test size")];
    Published::new(vec![rule], [7; 32], sizes, [5; 32])
}

/// A blocking of these blocks, each with the classes of so many keys and records.
pub(crate) fn blocking(cells: &[(&[u8], usize)]) -> Blocking {
    let cell = |&(key, records): &(&[u8], usize)| OfferedCell {
        key: key.to_vec(),
        keys: size_class(records as u64),
        records: u32::try_from(block_class(records as u64)).expect("few records"),
    };
    Blocking::new("year", [8; 32], cells.iter().map(cell).collect()).expect("distinct blocks")
}

/// Agrees, announces the key and shakes hands, all through the encodings.
pub(crate) fn session(
    terms: Terms,
    querier_size: u64,
    provider_size: u64,
    blocks: Option<&BlockDirectory>,
    seed: u64,
) -> Result<Session, Error> {
    let public_key = key_of(&terms).public().clone();
    session_under(public_key, terms, querier_size, provider_size, blocks, seed)
}

/// [`session`] under a public key that the key holder may have made as it likes.
pub(crate) fn session_under(
    public_key: PublicKey,
    terms: Terms,
    querier_size: u64,
    provider_size: u64,
    blocks: Option<&BlockDirectory>,
    seed: u64,
) -> Result<Session, Error> {
    let mut rng = rng(seed);
    let people = people();
    let manifest = manifest(terms, querier_size, provider_size, blocks, &mut rng)?;
    manifest.check(&policy(), 1_900_000_000)?;

    let [qs, ps, ks] = [0; 3].map(|_| SessionSecret::generate(&mut rng));
    let own = Agreement::new(manifest.clone(), public_key)?;
    let announcement = KeyAnnouncement::sign(&people.keyholder, &own, &ks);
    let announcement = KeyAnnouncement::decode(&announcement.encode())?;
    let (agreement, keyholder) = announcement.accept(manifest, &mut rng)?;
    let querier = Handshake::sign(Role::Querier, &people.querier, &agreement, &qs);
    let querier = Handshake::decode(&querier.encode())?.verify(Role::Querier, &agreement)?;
    let provider = Handshake::sign(Role::Provider, &people.provider, &agreement, &ps);
    let provider = Handshake::decode(&provider.encode())?.verify(Role::Provider, &agreement)?;
    let channel = |role, secret, peer| Channel::derive(&agreement, role, secret, peer);
    Ok(Session {
        querier_to_provider: channel(Role::Querier, &qs, &provider)?,
        provider_to_querier: channel(Role::Provider, &ps, &querier)?,
        provider_to_keyholder: channel(Role::Provider, &ps, &keyholder)?,
        keyholder_to_provider: channel(Role::KeyHolder, &ks, &provider)?,
        keyholder_to_querier: channel(Role::KeyHolder, &ks, &querier)?,
        querier_to_keyholder: channel(Role::Querier, &qs, &keyholder)?,
        secrets: [qs, ps, ks],
        agreement,
    })
}

/// What went over the wire, for those who look at sizes or bytes, and what was sealed in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Transcript {
    pub(crate) table: Vec<Vec<u8>>,
    pub(crate) comparisons: Vec<Vec<u8>>,
    pub(crate) result: Vec<Vec<u8>>,
    pub(crate) summary: Vec<u8>,
    /// Of table, comparisons and result.
    pub(crate) payloads: [Vec<Vec<u8>>; 3],
    pub(crate) keyholder_learned: Option<u64>,
}

impl parts::Tap for Transcript {
    fn work(&mut self, role: Role, _: Ticket, work: &Work) -> Result<Output, Error> {
        let output = work.run()?;
        let of = [Role::Querier, Role::Provider, Role::KeyHolder];
        for (payloads, sender) in self.payloads.iter_mut().zip(of) {
            payloads.extend(
                output
                    .payload()
                    .filter(|_| sender == role)
                    .map(<[u8]>::to_vec),
            );
        }
        Ok(output)
    }

    fn carry(&mut self, _: Role, _: Role, message: Message) -> Message {
        if let Message::Chunk { stream, sealed, .. } = &message {
            let sealed = sealed.clone();
            match stream {
                StreamKind::Table => self.table.push(sealed),
                StreamKind::Comparisons => self.comparisons.push(sealed),
                StreamKind::Result => self.result.push(sealed),
                StreamKind::Summary => self.summary = sealed,
            }
        }
        message
    }
}

/// Runs a session from the key's announcement to the card.
pub(crate) fn run(
    session: &Session,
    question: impl Into<Question>,
    selected: &(impl Clone + Into<Selected>),
) -> Result<(Card, Transcript), Error> {
    let People {
        querier,
        provider,
        keyholder,
    } = people();
    let people = local::People::new([querier, provider, keyholder], session.secrets.clone());
    let manifest = session.agreement.manifest();
    let mut transcript = Transcript::default();
    let linked = parts::link_tapped(
        &people,
        manifest,
        key_of(&manifest.terms),
        question,
        selected.clone(),
        &mut transcript,
    )?;
    transcript.keyholder_learned = linked.counted;
    Ok((linked.card, transcript))
}

pub(crate) fn seal_all(
    mut stream: Outbound,
    mut payload: impl FnMut(u64) -> Result<Vec<u8>, Error>,
) -> Result<(Outbound, Vec<Vec<u8>>), Error> {
    let mut sealed = Vec::new();
    for number in 0..stream.chunks() {
        let (next, chunk) = stream.seal(&payload(number)?)?;
        stream = next;
        sealed.push(chunk);
    }
    Ok((stream, sealed))
}

pub(crate) fn open_all(
    mut stream: Inbound,
    chunks: &[Vec<u8>],
) -> Result<(Inbound, Vec<Vec<u8>>), Error> {
    let mut payloads = Vec::new();
    for (number, chunk) in (0..).zip(chunks) {
        let (next, payload) = stream.open(number, chunk)?;
        stream = next;
        payloads.push(payload);
    }
    Ok((stream, payloads))
}

/// The table on its way: the querier, and its sealed chunks.
pub(crate) fn send_table(
    session: &Session,
    question: impl Into<Question>,
) -> Result<(Querier, Vec<Vec<u8>>), Error> {
    let (agreement, secret) = (&session.agreement, &session.secrets[0]);
    let channel = &session.querier_to_provider;
    let keys = channel.fingerprints(agreement.suite());
    let querier = match question.into() {
        Question::Keys(ours) => Querier::new(agreement, keys, ours, secret),
        Question::Records(ours, blocks) => {
            Querier::for_pairs(agreement, keys, &blocks, ours, secret)
        }
    }?;
    let (_, table) = seal_all(querier.table_stream(channel), |i| querier.table_chunk(i))?;
    Ok((querier, table))
}

/// The provider, once it has taken in the table.
pub(crate) fn take_table(
    session: &Session,
    selected: &(impl Clone + Into<Selected>),
    table: &[Vec<u8>],
) -> Result<Provider, Error> {
    let (agreement, secret) = (&session.agreement, &session.secrets[1]);
    let keys = session.provider_to_querier.fingerprints(agreement.suite());
    let jobs = match selected.clone().into() {
        Selected::Keys(theirs) => ProviderJobs::prepare(agreement, &keys, &theirs, secret),
        Selected::Records(theirs, blocks) => {
            ProviderJobs::prepare_pairs(agreement, &keys, &blocks, &theirs, secret)
        }
    }?;
    let mut intake = TableIntake::new(agreement);
    let (stream, payloads) = open_all(intake.stream(&session.provider_to_querier), table)?;
    for (number, payload) in (0..).zip(payloads) {
        intake = intake.take(&TableIntake::check(agreement, number, &payload)?)?;
    }
    let table = EncryptedTable::new(intake.finish(&stream.end()?)?);
    Ok(Provider::new(agreement, keys, jobs, table, secret))
}

/// All comparisons, sealed, and the sealed summary.
pub(crate) fn send_comparisons(
    session: &Session,
    provider: &Provider,
) -> Result<(Vec<Vec<u8>>, Vec<u8>), Error> {
    let stream = provider.comparison_stream(&session.provider_to_keyholder);
    let (stream, comparisons) = seal_all(stream, |i| provider.compare(i))?;
    Ok((
        comparisons,
        provider.summary(&session.provider_to_querier, stream.account()?)?,
    ))
}

/// What the key holder lets out.
pub(crate) fn decide(session: &Session, comparisons: &[Vec<u8>]) -> Result<Released, Error> {
    let agreement = &session.agreement;
    let keyholder = KeyHolder::new(agreement, key_of(&agreement.manifest().terms));
    let stream = keyholder.comparison_stream(&session.keyholder_to_provider);
    let (stream, payloads) = open_all(stream, comparisons)?;
    let mut release = keyholder.release();
    for (number, payload) in (0..).zip(payloads) {
        release = release.take(keyholder.decide(number, &payload)?)?;
    }
    release.finish(&stream.end()?)
}

/// The result, sealed, each payload passed through `change` first.
pub(crate) fn send_result(
    session: &Session,
    released: &Released,
    mut change: impl FnMut(Vec<u8>) -> Vec<u8>,
) -> Result<Vec<Vec<u8>>, Error> {
    let stream = released.stream(&session.keyholder_to_querier);
    Ok(seal_all(stream, |i| Ok(change(released.chunk(i)?)))?.1)
}

/// The card that the querier makes of result and summary.
pub(crate) fn open_result(
    session: &Session,
    querier: &Querier,
    result: &[Vec<u8>],
    summary: &[u8],
) -> Result<Card, Error> {
    let (result, payloads) =
        open_all(querier.result_stream(&session.querier_to_keyholder), result)?;
    let mut opening = querier.opening();
    for payload in payloads {
        opening = opening.take(&payload)?;
    }
    let (summary, _) = querier
        .summary_stream(&session.querier_to_provider)
        .open(0, summary)?;
    opening.finish(&result.end()?, &summary.end()?)
}

/// A querier's keys: one row for each id, under rule 0 named `id`.
pub(crate) fn querier_keys<'a>(ids: impl IntoIterator<Item = &'a str>) -> QuerierKeys {
    let mut builder = QuerierKeysBuilder::new(1);
    let mut key = Vec::new();
    for id in ids {
        let row = builder.row().expect("few rows");
        join_key(&mut key, "id", id.as_bytes(), None).expect("a joinable id");
        builder.push(row, 0, &key).expect("few keys");
    }
    builder.build()
}

/// A provider's keys under the rule `id`.
pub(crate) fn provider_keys<'a>(ids: impl IntoIterator<Item = &'a str>) -> ProviderKeys {
    let keys: Vec<Vec<u8>> = ids
        .into_iter()
        .map(|id| {
            let mut key = Vec::new();
            join_key(&mut key, "id", id.as_bytes(), None).expect("a joinable id");
            key
        })
        .collect();
    ProviderKeys::collect(keys.iter().map(Vec::as_slice)).expect("few keys")
}

/// Two lists of ids with some in common, and the rows of the first that are.
pub(crate) fn population(
    seed: u64,
    querier: usize,
    provider: usize,
    common: usize,
) -> (Vec<String>, Vec<String>, BTreeSet<usize>) {
    let id = |side: &str, number: usize| format!("{side}{seed:03}{number:06}");
    let ours: Vec<String> = (0..querier).map(|i| id("Q", i)).collect();
    let step = querier.checked_div(common).unwrap_or(1).max(1);
    let shared: BTreeSet<usize> = (0..common)
        .map(|i| i * step)
        .filter(|&row| row < querier)
        .collect();
    let mut theirs: Vec<String> = shared.iter().map(|&row| ours[row].clone()).collect();
    theirs.extend((shared.len()..provider).map(|i| id("P", i)));
    (ours, theirs, shared)
}

/// Runs a one-rule linkage of two lists; yields the card and the transcript.
pub(crate) fn link(
    terms: Terms,
    ours: &[String],
    theirs: &[String],
    seed: u64,
) -> Result<(Card, Transcript), Error> {
    let ours = querier_keys(ours.iter().map(String::as_str));
    let theirs = provider_keys(theirs.iter().map(String::as_str));
    let canaries = u64::from(terms.canaries);
    let querier_size = match terms.mode {
        Mode::Lookup => terms.rules.len() as u64 + canaries,
        Mode::Join { .. } | Mode::Pairwise(_) => size_class(ours.len() as u64 + canaries),
    };
    let provider_size = size_class(theirs.len() as u64 + canaries);
    let session = session(terms, querier_size, provider_size, None, seed)?;
    run(&session, ours, &theirs)
}

/// The rows of the card that match.
pub(crate) fn matched(card: &Card) -> BTreeSet<usize> {
    (0..card.rows())
        .filter(|&row| card.matched(row) == Some(true))
        .collect()
}
