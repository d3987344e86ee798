//! The streams of a session: sealed chunks, what is in them, and where a stream stands.

use std::sync::{Arc, LazyLock};

use blindjoin_protocol::agree::{Agreement, Mask, Mode, Pairwise, TableKind, Terms};
use blindjoin_protocol::input::{
    BlockDirectory, Blocking, OfferedCell, ProviderKeys, ProviderRecords, QuerierKeysBuilder,
    QuerierRecords, join_key,
};
use blindjoin_protocol::paillier::SecretKey;
use blindjoin_protocol::parts::{
    Channel, EncryptedTable, Handshake, Inbound, KeyHolder, Outbound, Peer, Provider, ProviderJobs,
    Querier, Released, StreamCheckpoint, TableIntake, size_class,
};
use blindjoin_protocol::{Error, Role};

use crate::session::{KEY, PAIRS_KEY, manifest, rng, secrets, sign, terms};

/// A session that all parties have gone through, once and honestly.
struct Honest {
    agreement: Agreement,
    querier: Querier,
    provider: Provider,
    keyholder: KeyHolder,
    released: Released,
    /// What was sealed: table, comparisons, result.
    payloads: [Vec<Vec<u8>>; 3],
    sealed: [Vec<Vec<u8>>; 3],
    summary: Vec<u8>,
    channels: Channels,
}

/// Joins through either table, counted, blind and under a full mask, a lookup, and pairs.
static SESSIONS: LazyLock<Vec<Honest>> = LazyLock::new(|| {
    let join = terms;
    let blind = |terms: Terms| Terms {
        blind: true,
        ..terms
    };
    let full = Terms {
        mask: Mask::Full,
        ..blind(join(TableKind::Cuckoo))
    };
    let lookup = Terms {
        mode: Mode::Lookup,
        match_cap: 5,
        ..blind(join(TableKind::Okvs))
    };
    let (cuckoo, okvs) = (join(TableKind::Cuckoo), join(TableKind::Okvs));
    vec![
        Honest::of_keys(cuckoo, 8, 64),
        Honest::of_keys(okvs.clone(), 8, 64),
        Honest::of_keys(blind(okvs), 8, 64),
        Honest::of_keys(full, 8, 64),
        Honest::of_keys(lookup, 1, 5),
        Honest::of_pairs(None, true),
        Honest::of_pairs(Some(2), false),
    ]
});

/// The channels of a session, each from whom a stream comes to whom it goes.
struct Channels {
    table: [Channel; 2],
    comparisons: [Channel; 2],
    result: [Channel; 2],
}

impl Channels {
    fn new(agreement: &Agreement) -> Self {
        let [qs, ps, ks] = secrets();
        let verify = |(role, handshake): (Role, Handshake)| {
            let peer = handshake.verify(role, agreement);
            peer.expect("it was signed just now")
        };
        let [q, p, k] = sign(agreement).map(verify);
        let channel = |own, secret, peer: &Peer| {
            let derived = Channel::derive(agreement, own, secret, peer);
            derived.expect("an honest peer")
        };
        Self {
            table: [
                channel(Role::Querier, &qs, &p),
                channel(Role::Provider, &ps, &q),
            ],
            comparisons: [
                channel(Role::Provider, &ps, &k),
                channel(Role::KeyHolder, &ks, &p),
            ],
            result: [
                channel(Role::KeyHolder, &ks, &q),
                channel(Role::Querier, &qs, &k),
            ],
        }
    }
}

impl Honest {
    /// So many keys of the querier's, in a table of that size.
    fn of_keys(terms: Terms, ours: u8, size: u64) -> Self {
        let manifest = manifest(terms, size, 64, None);
        let agreement = Agreement::new(manifest, KEY.public().clone()).expect("the key fits");
        let channels = Channels::new(&agreement);
        let fingerprints = || channels.table[0].fingerprints(agreement.suite());
        let [qs, ps, _] = secrets();
        let mut keys = QuerierKeysBuilder::new(1);
        for id in 0..ours {
            let row = keys.row().expect("few rows");
            keys.push(row, 0, &key(id)).expect("few keys");
        }
        let querier = Querier::new(&agreement, fingerprints(), keys.build(), &qs);
        let theirs: Vec<Vec<u8>> = (0..16).map(key).collect();
        let theirs = ProviderKeys::collect(theirs.iter().map(Vec::as_slice)).expect("few keys");
        let jobs = ProviderJobs::prepare(&agreement, &fingerprints(), &theirs, &ps);
        let (querier, jobs) = (querier.expect("few keys"), jobs.expect("few keys"));
        Self::new(agreement, &KEY, channels, querier, jobs)
    }

    /// Pairs of a few records in one cell, by three rules.
    fn of_pairs(threshold: Option<u8>, blind: bool) -> Self {
        let pairwise = Pairwise::of_rules([(1, 1), (1, 1), (1, 1)], threshold);
        let pairwise = pairwise.expect("few rules");
        let (mut ours, mut theirs) = (
            QuerierRecords::new(&pairwise),
            ProviderRecords::new(&pairwise),
        );
        for record in 0..4 {
            let parts = [0, 1, 2].map(|part| format!("{part}-{}", record / (part + 1)));
            let parts = parts.each_ref().map(|part| Some(part.as_bytes()));
            ours.push(Some(b"all"), &parts).expect("joinable parts");
            theirs.push(b"all", &parts).expect("joinable parts");
        }
        let cell = OfferedCell {
            key: b"all".to_vec(),
            keys: 64,
            records: 4,
        };
        let cells = Blocking::new("all", [8; 32], vec![cell]).expect("one cell");
        let blocks = BlockDirectory::of_pairs(&cells, &[4], 1, false, &mut rng(7));
        let terms = Terms {
            mode: Mode::Pairwise(pairwise),
            blind,
            key_size: PAIRS_KEY.public().size(),
            rules: ["a", "b", "c"].map(str::to_owned).to_vec(),
            ..terms(TableKind::Okvs)
        };
        let (rows, pairs) = (size_class(blocks.padded_rows()), blocks.pairs() + 4);
        let manifest = manifest(terms, rows, pairs, Some(blocks.digest()));
        let agreement = Agreement::new(manifest, PAIRS_KEY.public().clone()).expect("the key fits");
        let channels = Channels::new(&agreement);
        let fingerprints = channels.table[0].fingerprints(agreement.suite());
        let [qs, ps, _] = secrets();
        let querier = Querier::for_pairs(&agreement, fingerprints.clone(), &blocks, ours, &qs);
        let jobs = ProviderJobs::prepare_pairs(&agreement, &fingerprints, &blocks, &theirs, &ps);
        let (querier, jobs) = (querier.expect("few records"), jobs.expect("few records"));
        Self::new(agreement, &PAIRS_KEY, channels, querier, jobs)
    }

    fn new(
        agreement: Agreement,
        key: &Arc<SecretKey>,
        channels: Channels,
        querier: Querier,
        jobs: ProviderJobs,
    ) -> Self {
        let Channels {
            table,
            comparisons,
            result,
        } = &channels;
        let [_, ps, _] = secrets();
        let (table_payloads, table_sealed, _) =
            seal(querier.table_stream(&table[0]), |i| querier.table_chunk(i));
        let mut intake = TableIntake::new(&agreement);
        let mut inbound = intake.stream(&table[1]);
        for (number, chunk) in (0..).zip(&table_sealed) {
            let (next, payload) = inbound.open(number, chunk).expect("an honest chunk");
            let checked = TableIntake::check(&agreement, number, &payload);
            let checked = checked.expect("honest ciphertexts");
            (inbound, intake) = (next, intake.take(&checked).expect("chunks in order"));
        }
        let ended = inbound.end().expect("the last chunk has arrived");
        let taken = EncryptedTable::new(intake.finish(&ended).expect("the whole table"));
        let fingerprints = table[1].fingerprints(agreement.suite());
        let provider = Provider::new(&agreement, fingerprints, jobs, taken, &ps);
        let (comparison_payloads, comparison_sealed, sent) =
            seal(provider.comparison_stream(&comparisons[0]), |i| {
                provider.compare(i)
            });
        let account = sent.account().expect("the whole stream");
        let summary = provider.summary(&table[1], account).expect("a summary");
        let keyholder = KeyHolder::new(&agreement, Arc::clone(key));
        let released = decide(&keyholder, &comparisons[1], &comparison_sealed);
        let (result_payloads, result_sealed, _) =
            seal(released.stream(&result[0]), |i| released.chunk(i));
        Self {
            querier,
            provider,
            keyholder,
            released,
            payloads: [table_payloads, comparison_payloads, result_payloads],
            sealed: [table_sealed, comparison_sealed, result_sealed],
            summary,
            channels,
            agreement,
        }
    }

    /// The streams at their receivers, before the first chunk.
    fn inbound(&self, stream: usize) -> Inbound {
        match stream {
            0 => TableIntake::new(&self.agreement).stream(&self.channels.table[1]),
            1 => self
                .keyholder
                .comparison_stream(&self.channels.comparisons[1]),
            _ => self.querier.result_stream(&self.channels.result[1]),
        }
    }

    /// The streams at their senders.
    fn outbound(&self, stream: usize) -> Outbound {
        match stream {
            0 => self.querier.table_stream(&self.channels.table[0]),
            1 => self
                .provider
                .comparison_stream(&self.channels.comparisons[0]),
            _ => self.released.stream(&self.channels.result[0]),
        }
    }
}

pub(crate) fn key(id: u8) -> Vec<u8> {
    let mut key = Vec::new();
    let id = format!("{id:03}");
    join_key(&mut key, "id", id.as_bytes(), None).expect("a joinable id");
    key
}

type Chunks = Vec<Vec<u8>>;

fn seal(
    mut stream: Outbound,
    mut payload: impl FnMut(u64) -> Result<Vec<u8>, Error>,
) -> (Chunks, Chunks, Outbound) {
    let (mut payloads, mut sealed) = (Vec::new(), Vec::new());
    for number in 0..stream.chunks() {
        let plain = payload(number).expect("there is such a chunk");
        let (next, chunk) = stream.seal(&plain).expect("a payload of the length due");
        stream = next;
        payloads.push(plain);
        sealed.push(chunk);
    }
    (payloads, sealed, stream)
}

/// The key holder goes on to the end, whatever it is sent.
fn decide(keyholder: &KeyHolder, provider: &Channel, sealed: &[Vec<u8>]) -> Released {
    let mut stream = keyholder.comparison_stream(provider);
    let mut release = keyholder.release();
    for (number, chunk) in (0..).zip(sealed) {
        let (next, payload) = stream
            .open(number, chunk)
            .expect("a chunk of the length due");
        let verdicts = keyholder
            .decide(number, &payload)
            .expect("a payload of the length due");
        (stream, release) = (next, release.take(verdicts).expect("verdicts in order"));
    }
    let ended = stream.end().expect("the last chunk has arrived");
    release.finish(&ended).expect("all verdicts")
}

/// The first byte chooses a session, the second what the rest is: a sealed chunk of each stream as it
/// arrives, or changes to the payloads of table, comparisons or result, which are then sealed and
/// travel on as if an honest party had made them.
pub fn chunk(input: &[u8]) -> bool {
    let Some(([session, step], rest)) = input.split_first_chunk() else {
        return false;
    };
    let session = &SESSIONS[usize::from(*session) % SESSIONS.len()];
    match step % 4 {
        0 => arriving(session, rest),
        1 => table(session, rest),
        2 => comparisons(session, rest),
        _ => result(session, rest),
    }
}

/// Only what was sealed opens, and only where it belongs.
fn arriving(session: &Honest, chunk: &[u8]) -> bool {
    let mut opened = false;
    for stream in 0..3 {
        if let Ok((_, payload)) = session.inbound(stream).open(0, chunk) {
            assert_eq!(chunk, session.sealed[stream][0], "nobody sealed this");
            assert_eq!(payload, session.payloads[stream][0]);
            opened = true;
        }
        assert!(
            session.inbound(stream).open(1, chunk).is_err(),
            "the first chunk is due"
        );
    }
    opened
}

fn table(session: &Honest, changes: &[u8]) -> bool {
    let payloads = changed(session, 0, changes);
    let (_, sealed, _) = seal(session.outbound(0), |i| Ok(payloads[index(i)].clone()));
    let mut intake = TableIntake::new(&session.agreement);
    let mut stream = session.inbound(0);
    for (number, chunk) in (0..).zip(&sealed) {
        let (next, payload) = stream.open(number, chunk).expect("it was sealed");
        stream = next;
        intake = match TableIntake::check(&session.agreement, number, &payload) {
            Ok(checked) => intake.take(&checked).expect("chunks in order"),
            Err(error) => {
                let malformed = matches!(error, Error::MalformedCiphertext { .. });
                assert!(malformed && payloads != session.payloads[0], "{error}");
                return false;
            }
        };
    }
    let ended = stream.end().expect("the last chunk has arrived");
    intake.finish(&ended).expect("the whole table");
    true
}

fn comparisons(session: &Honest, changes: &[u8]) -> bool {
    let payloads = changed(session, 1, changes);
    let (_, sealed, _) = seal(session.outbound(1), |i| Ok(payloads[index(i)].clone()));
    let released = decide(
        &session.keyholder,
        &session.channels.comparisons[1],
        &sealed,
    );
    let honest = payloads == session.payloads[1];
    if honest {
        assert!(released.failure().is_none());
    }
    // The result has the length that a result has, whatever was found.
    let (_, sealed, _) = seal(released.stream(&session.channels.result[0]), |i| {
        released.chunk(i)
    });
    let opened = open(session, &sealed);
    assert_eq!(opened, honest, "another stream than the provider's account");
    released.failure().is_none()
}

fn result(session: &Honest, changes: &[u8]) -> bool {
    let payloads = changed(session, 2, changes);
    let (_, sealed, _) = seal(session.outbound(2), |i| Ok(payloads[index(i)].clone()));
    let opened = open(session, &sealed);
    if payloads == session.payloads[2] {
        assert!(opened, "an honest result");
    }
    opened
}

/// Whether the querier gets a card out of a result.
fn open(session: &Honest, sealed: &[Vec<u8>]) -> bool {
    let querier = &session.querier;
    let mut stream = session.inbound(2);
    let mut opening = querier.opening();
    for (number, chunk) in (0..).zip(sealed) {
        let Ok((next, payload)) = stream.open(number, chunk) else {
            return false;
        };
        stream = next;
        opening = match opening.take(&payload) {
            Ok(opening) => opening,
            Err(_) => return false,
        };
    }
    let summary = querier.summary_stream(&session.channels.table[0]);
    let (summary, _) = summary
        .open(0, &session.summary)
        .expect("an honest summary");
    let ends = (stream.end(), summary.end());
    matches!(ends, (Ok(result), Ok(summary)) if opening.finish(&result, &summary).is_ok())
}

/// A stream's payloads with some items changed: a byte says how each item comes about, the honest one
/// where there are no more.
fn changed(session: &Honest, stream: usize, changes: &[u8]) -> Vec<Vec<u8>> {
    let blind = session.agreement.manifest().terms.blind;
    let width = match stream {
        0 | 1 => session.agreement.public_key().ciphertext_bytes(),
        _ if blind => session.agreement.suite().residue_bytes(),
        _ => 8 + session.agreement.suite().label_bytes(),
    };
    let mut changes = changes.iter().copied();
    let mut payloads = session.payloads[stream].clone();
    for item in payloads
        .iter_mut()
        .flat_map(|payload| payload.chunks_mut(width))
    {
        match changes.next().map(|how| how >> 6) {
            None | Some(0) => {}
            Some(1) => {
                let (at, bits) = (changes.next().unwrap_or(0), changes.next().unwrap_or(1));
                let at = usize::from(at) % item.len();
                item[at] ^= bits;
            }
            Some(2) => {
                let low = changes.next().unwrap_or(0);
                item.fill(0);
                item[item.len() - 1] = low;
            }
            Some(_) => item.fill_with(|| changes.next().unwrap_or(0xff)),
        }
    }
    payloads
}

fn index(number: u64) -> usize {
    usize::try_from(number).expect("few chunks")
}

/// The first byte chooses a session, the second a stream and its end; the rest is a checkpoint. Where
/// it is one of the stream, the stream stands where it says, and takes any chunk.
pub fn checkpoint(input: &[u8]) -> bool {
    let Some(([session, which], bytes)) = input.split_first_chunk() else {
        return false;
    };
    let session = &SESSIONS[usize::from(*session) % SESSIONS.len()];
    let stream = usize::from(which >> 1) % 3;
    let checkpoint = StreamCheckpoint::from_bytes(bytes);
    if which & 1 == 0 {
        let Ok(inbound) = session.inbound(stream).resume(&checkpoint) else {
            return false;
        };
        assert_eq!(
            inbound.checkpoint().as_bytes(),
            bytes,
            "there is one encoding"
        );
        for chunk in &session.sealed[stream] {
            let inbound = session
                .inbound(stream)
                .resume(&checkpoint)
                .expect("it was resumed");
            let number = inbound.next();
            drop(inbound.open(number, chunk));
        }
    } else {
        let Ok(outbound) = session.outbound(stream).resume(&checkpoint) else {
            return false;
        };
        assert_eq!(
            outbound.checkpoint().as_bytes(),
            bytes,
            "there is one encoding"
        );
        drop(outbound.seal(&session.payloads[stream][0]));
    }
    true
}

/// What was sealed, where every stream stands at its ends and between, and payloads unchanged: by
/// name, for `chunk` and for `checkpoint`.
pub(crate) fn honest() -> [Vec<(String, Vec<u8>)>; 2] {
    let (mut chunks, mut checkpoints) = (Vec::new(), Vec::new());
    let names = ["table", "comparisons", "result"];
    for (number, session) in (0u8..).zip(SESSIONS.iter()) {
        for (stream, name) in (0u8..).zip(names) {
            let at = usize::from(stream);
            if number == 0 && stream == 2 {
                let chunk = [&[number, 0], &session.sealed[at][0][..]].concat();
                chunks.push((format!("sealed-{name}"), chunk));
            }
            chunks.push((format!("{number}-{name}"), vec![number, stream + 1]));
            let changed = [number, stream + 1, 0x40, 3, 1, 0x80, 1, 0xc0];
            chunks.push((format!("bad-{number}-{name}-changed"), changed.to_vec()));
            if number == 0 {
                let inbound = session.inbound(at);
                let mut keep = |when: &str, end: u8, bytes: &[u8]| {
                    let which = stream << 1 | end;
                    let bytes = [&[number, which], bytes].concat();
                    checkpoints.push((format!("{name}-{when}"), bytes));
                };
                keep("before", 0, inbound.checkpoint().as_bytes());
                let (inbound, _) = inbound.open(0, &session.sealed[at][0]).expect("honest");
                keep("after", 0, inbound.checkpoint().as_bytes());
                keep("sender", 1, session.outbound(at).checkpoint().as_bytes());
            }
        }
    }
    [chunks, checkpoints]
}
