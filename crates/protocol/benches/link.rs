//! A whole linkage in one process, phase by phase, in records per CPU-second.
//!
//! ```text
//! cargo bench -p blindjoin-protocol --bench link -- [--records N] [--bits 2048] [--mode NAME]...
//! ```
//!
//! Modes: `host` (what is not arithmetic, in isolation), `cuckoo`, `okvs`, `blind` (okvs), `full`, `lookup`, `pairwise`. Without any, all but `full`.
//! Both sides hold N records (default 4000), one in three in common; `full` and `pairwise` take N
//! as the number of comparisons instead. CPU time is that of all threads of the process.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench prints, and may panic"
)]

use std::sync::Arc;

use blindjoin_protocol::{
    Agreement, BlockDirectory, Blocking, CANARY_ROOM, Card, Channel, Clause, Columns, Handshake,
    Identity, Inbound, KeyAnnouncement, KeyHolder, KeySize, Manifest, Mask, Mode, OfferedCell,
    Outbound, Pairwise, Parties, Plan, Profile, Provider, ProviderJobs, ProviderKeys,
    ProviderKeysBuilder, ProviderRecords, Querier, QuerierKeys, QuerierKeysBuilder, QuerierRecords,
    Role, SecretKey, SessionSecret, TableIntake, TableKind, Terms, block_class, join_key,
    published_class, size_class,
};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = arguments.iter().position(|a| a == name)?;
        arguments.get(at + 1)
    };
    let records: usize = value("--records").map_or(4000, |v| v.parse().unwrap());
    let bits: usize = value("--bits").map_or(2048, |v| v.parse().unwrap());
    let chosen: Vec<&str> = arguments
        .windows(2)
        .filter(|pair| pair[0] == "--mode")
        .map(|pair| pair[1].as_str())
        .collect();
    let size = KeySize::insecure_test_key(bits).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let key = Arc::new(SecretKey::generate(size, Profile::DjnShort, &mut rng));
    key.public().noise_table();
    println!("{bits} bits, {records} records on either side");
    for mode in [
        "host", "cuckoo", "okvs", "blind", "lookup", "pairwise", "full",
    ] {
        let run = if chosen.is_empty() {
            mode != "full"
        } else {
            chosen.contains(&mode)
        };
        if run {
            println!(
                "\n{mode:<24}{:>12}{:>14}{:>14}",
                "CPU s", "µs/record", "records/CPU s"
            );
            match mode {
                "host" => host(&key, records),
                "pairwise" => pairwise(&key, records),
                _ => join(&key, mode, records),
            }
        }
    }
}

/// Time in all threads of the process so far, in seconds.
fn cpu() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let nanoseconds = threads.map(|thread| {
        let path = thread.unwrap().path().join("schedstat");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split(' ')
            .next()
            .and_then(|first| first.parse().ok())
            .unwrap_or(0.0)
    });
    nanoseconds.sum::<f64>() / 1e9
}

struct Clock {
    last: f64,
    records: usize,
    total: f64,
}

impl Clock {
    fn new(records: usize) -> Self {
        Self {
            last: cpu(),
            records,
            total: 0.0,
        }
    }

    fn lap(&mut self, phase: &str) {
        let now = cpu();
        self.total += now - self.last;
        self.print(phase, now - self.last);
        self.last = cpu();
    }

    fn print(&self, phase: &str, seconds: f64) {
        let records = f64::from(u32::try_from(self.records).unwrap());
        println!(
            "  {phase:<22}{seconds:>12.3}{:>14.2}{:>14.0}",
            seconds / records * 1e6,
            records / seconds
        );
    }
}

fn terms(key: &SecretKey, mode: Mode) -> Terms {
    Terms {
        canaries: if matches!(mode, Mode::Pairwise(_)) {
            0
        } else {
            2
        },
        blind: mode == Mode::Lookup,
        mode,
        mask: Mask::Slot,
        dummies: None,
        profile: key.public().profile(),
        key_size: key.public().size(),
        rules: vec!["id".to_owned()],
        rules_digest: [0; 32],
        match_cap: 1 << 24,
        expires: u64::MAX,
        columns: Columns::default(),
        agreement: [0; 32],
    }
}

/// The channels of a session: querier and provider, provider and key holder, key holder and querier.
struct Session {
    agreement: Agreement,
    secrets: [SessionSecret; 3],
    channels: [Channel; 3],
    /// The same seen from the other end.
    others: [Channel; 3],
}

fn session(
    key: &SecretKey,
    terms: Terms,
    sizes: [u64; 2],
    blocks: Option<&BlockDirectory>,
) -> Session {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let [q, p, k] = [1, 2, 3].map(|seed: u8| Identity::from_seed(&[seed; 32]));
    let parties = Parties {
        querier: q.key(),
        provider: p.key(),
        keyholder: k.key(),
    };
    let manifest = Manifest {
        plan: Plan::of(&terms, sizes[0], sizes[1]).unwrap(),
        terms,
        parties,
        querier_nonce: [1; 32],
        provider_nonce: [2; 32],
        querier_size: sizes[0],
        provider_size: sizes[1],
        classes: if blocks.is_some() {
            Vec::new()
        } else {
            vec![sizes[1]]
        },
        blocks: blocks.map(BlockDirectory::digest),
    };
    let [qs, ps, ks] = [0; 3].map(|_| SessionSecret::generate(&mut rng));
    let agreement = Agreement::new(manifest.clone(), key.public().clone()).unwrap();
    let announced = KeyAnnouncement::sign(&k, &agreement, &ks);
    let keyholder = announced.accept(manifest, &mut rng).unwrap().1;
    let shake = |role, identity, secret| {
        Handshake::sign(role, identity, &agreement, secret)
            .verify(role, &agreement)
            .unwrap()
    };
    let (querier, provider) = (
        shake(Role::Querier, &q, &qs),
        shake(Role::Provider, &p, &ps),
    );
    let channel = |role, secret, peer| Channel::derive(&agreement, role, secret, peer).unwrap();
    let channels = [
        channel(Role::Querier, &qs, &provider),
        channel(Role::Provider, &ps, &keyholder),
        channel(Role::KeyHolder, &ks, &querier),
    ];
    let others = [
        channel(Role::Provider, &ps, &querier),
        channel(Role::KeyHolder, &ks, &provider),
        channel(Role::Querier, &qs, &keyholder),
    ];
    Session {
        channels,
        others,
        secrets: [qs, ps, ks],
        agreement,
    }
}

fn seal(mut stream: Outbound, mut payload: impl FnMut(u64) -> Vec<u8>) -> (Outbound, Vec<Vec<u8>>) {
    let mut out = Vec::new();
    for number in 0..stream.chunks() {
        let (next, chunk) = stream.seal(&payload(number)).unwrap();
        stream = next;
        out.push(chunk);
    }
    (stream, out)
}

fn open(mut stream: Inbound, chunks: &[Vec<u8>], mut take: impl FnMut(u64, Vec<u8>)) -> Inbound {
    for (number, chunk) in (0..).zip(chunks) {
        let (next, payload) = stream.open(number, chunk).unwrap();
        stream = next;
        take(number, payload);
    }
    stream
}

/// Keys of `ours` records at the querier and `theirs` at the provider, one in three in common.
fn keys(ours: usize, theirs: usize) -> (QuerierKeys, ProviderKeys) {
    let mut bytes = Vec::new();
    let mut querier = QuerierKeysBuilder::new(1);
    for i in 0..ours {
        let row = querier.row().unwrap();
        join_key(&mut bytes, "id", format!("{:011}", i * 3).as_bytes(), None).unwrap();
        querier.push(row, 0, &bytes).unwrap();
    }
    let mut provider = ProviderKeysBuilder::default();
    for i in 0..theirs {
        join_key(&mut bytes, "id", format!("{i:011}").as_bytes(), None).unwrap();
        provider.push(&bytes).unwrap();
    }
    (querier.build(), provider.build())
}

fn join_terms(key: &SecretKey, mode: &str) -> Terms {
    let (kind, blind) = match mode {
        "okvs" => (
            Mode::Join {
                table: TableKind::Okvs,
            },
            false,
        ),
        "blind" => (
            Mode::Join {
                table: TableKind::Okvs,
            },
            true,
        ),
        "lookup" => (Mode::Lookup, true),
        _ => (
            Mode::Join {
                table: TableKind::Cuckoo,
            },
            false,
        ),
    };
    let mask = if mode == "full" {
        Mask::Full
    } else {
        Mask::Slot
    };
    Terms {
        blind,
        mask,
        ..terms(key, kind)
    }
}

fn join(key: &Arc<SecretKey>, mode: &str, records: usize) {
    let records = if mode == "full" {
        records.min(200)
    } else {
        records
    };
    let terms = join_terms(key, mode);
    let mut clock = Clock::new(records);

    let ours = if terms.mode == Mode::Lookup {
        1
    } else {
        records
    };
    let (querier_keys, provider_keys) = keys(ours, records);
    clock.lap("collect keys");

    let querier_size = match terms.mode {
        Mode::Lookup => 1 + u64::from(terms.canaries),
        Mode::Join { .. } | Mode::Pairwise(_) => size_class(ours as u64 + CANARY_ROOM),
    };
    let provider_size = published_class(records as u64, 0);
    let Session {
        agreement,
        secrets,
        channels,
        others,
    } = session(key, terms, [querier_size, provider_size], None);
    clock.lap("handshake");

    let join_keys = channels[0].join_keys(agreement.suite());
    let querier = Querier::new(&agreement, join_keys.clone(), querier_keys, &secrets[0]).unwrap();
    clock.lap("Q prepares");
    let (_, table) = seal(querier.table_stream(&channels[0]), |i| {
        querier.table_chunk(i).unwrap()
    });
    clock.lap("Q encrypts");
    let jobs = ProviderJobs::prepare(&agreement, &join_keys, &provider_keys, &secrets[1]).unwrap();
    clock.lap("P prepares");
    let (summary, comparisons) = compare(
        &agreement,
        &secrets[1],
        join_keys,
        jobs,
        &table,
        [&others[0], &channels[1]],
        &mut clock,
    );
    let result = decide(
        key,
        &agreement,
        &comparisons,
        [&others[1], &channels[2]],
        &mut clock,
    );
    let mut opening = Some(querier.opening());
    let stream = open(querier.result_stream(&others[2]), &result, |_, payload| {
        opening = Some(opening.take().unwrap().take(&payload).unwrap());
    });
    let (summary, _) = querier
        .summary_stream(&channels[0])
        .open(0, &summary)
        .unwrap();
    let card: Card = opening.unwrap().finish(&stream, &summary).unwrap();
    clock.lap("Q opens");
    clock.print("all", clock.total);
    let bytes = |chunks: &[Vec<u8>]| chunks.iter().map(Vec::len).sum::<usize>() / records;
    println!(
        "  bytes/record: Q→P {}, P→K {}, K→Q {}; {} of {ours} matched",
        bytes(&table),
        bytes(&comparisons),
        bytes(&result),
        card.matched_rows()
    );
}

/// The provider's phases: takes the table in, and compares.
fn compare(
    agreement: &Agreement,
    secret: &SessionSecret,
    join_keys: blindjoin_protocol::JoinKeys,
    jobs: ProviderJobs,
    table: &[Vec<u8>],
    channels: [&Channel; 2],
    clock: &mut Clock,
) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut intake = Some(TableIntake::new(agreement));
    let stream = intake.as_ref().unwrap().stream(channels[0]);
    let stream = open(stream, table, |_, payload| {
        intake = Some(intake.take().unwrap().take(&payload).unwrap());
    });
    let table = intake.unwrap().finish(&stream).unwrap();
    clock.lap("P takes the table");
    let provider = Provider::new(agreement, join_keys, jobs, table, secret);
    clock.lap("P builds tables");
    let (stream, comparisons) = seal(provider.comparison_stream(channels[1]), |i| {
        provider.compare(i).unwrap()
    });
    let summary = provider
        .summary(channels[0], stream.account().unwrap())
        .unwrap();
    clock.lap("P compares");
    (summary, comparisons)
}

/// The key holder's phases.
fn decide(
    key: &Arc<SecretKey>,
    agreement: &Agreement,
    comparisons: &[Vec<u8>],
    channels: [&Channel; 2],
    clock: &mut Clock,
) -> Vec<Vec<u8>> {
    let keyholder = KeyHolder::new(agreement, Arc::clone(key));
    let mut release = Some(keyholder.release());
    let stream = open(
        keyholder.comparison_stream(channels[0]),
        comparisons,
        |number, payload| {
            let verdicts = keyholder.decide(number, &payload).unwrap();
            release = Some(release.take().unwrap().take(verdicts).unwrap());
        },
    );
    let released = release.unwrap().finish(&stream).unwrap();
    let (_, result) = seal(released.stream(channels[1]), |i| released.chunk(i).unwrap());
    clock.lap("K decides");
    result
}

/// What each comparison costs besides arithmetic, in isolation.
fn host(key: &SecretKey, records: usize) {
    let terms = join_terms(key, "cuckoo");
    let Session { channels, .. } = session(key, terms, [1024, 1024], None);
    let keys = channels[0].join_keys(blindjoin_protocol::Suite::J89);
    let mut clock = Clock::new(records);
    let mut sum = 0_u64;
    for i in 0..records {
        let value = format!("id\0{i:011}");
        let [low, _] = keys.bins(value.as_bytes(), 1 << 20);
        let print = keys.fingerprint(b"id", value.as_bytes()).to_le_bytes()[0];
        sum = sum.wrapping_add(u64::from(low) + u64::from(print));
    }
    clock.lap("fingerprint and bins");
    sum = (0..records as u64).fold(sum, |sum, i| sum.wrapping_add(keys.cover(i, sum >> 8)));
    clock.lap("P masks a label");
    sum = (0..records as u64).fold(sum, |sum, i| sum.wrapping_add(keys.uncover(i, sum >> 8)));
    clock.lap("Q unmasks a label");
    let mut words: Vec<u128> = (0..records as u64)
        .map(|i| keys.cover_blind(i, u128::from(i)))
        .collect();
    clock.lap("P masks, blind");
    keys.uncover_blind(0, &mut words);
    clock.lap("Q unmasks, blind");
    sum = words
        .iter()
        .fold(sum, |sum, word| sum ^ u64::from(word % 7 == 0));
    println!("  ({sum:x})");
}

fn pairwise(key: &Arc<SecretKey>, pairs: usize) {
    let clause = |parts: &[u8]| Clause {
        rule: 0,
        parts: parts.to_vec(),
        weight: 1,
    };
    let clauses = vec![clause(&[0]), clause(&[1, 2]), clause(&[1, 3])];
    let pairwise = Pairwise {
        parts: 4,
        clauses,
        threshold: None,
    };
    let terms = terms(key, Mode::Pairwise(pairwise.clone()));
    let mut clock = Clock::new(pairs);
    let ours = 16;
    let mut querier_records = QuerierRecords::new(&pairwise);
    let mut provider_records = ProviderRecords::new(&pairwise);
    for i in 0..ours {
        let value = format!("{i}");
        querier_records
            .push(Some(b"block"), &[Some(value.as_bytes()); 4])
            .unwrap();
    }
    for i in 0..pairs / ours {
        let value = format!("{}", 2 * i);
        let value = value.as_bytes();
        provider_records.push(b"block", &[Some(value); 5]).unwrap();
    }
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    let cell = OfferedCell {
        key: b"block".to_vec(),
        keys: 0,
        records: u32::try_from(block_class((pairs / ours) as u64)).unwrap(),
    };
    let cells = Blocking::new("all", [0; 32], vec![cell]).unwrap();
    let counts = cells.count(querier_records.blocks());
    let blocks = BlockDirectory::of_pairs(&cells, &counts, 1, false, &mut rng);
    let sizes = [
        size_class(blocks.padded_rows()),
        blocks.pairs() + CANARY_ROOM,
    ];
    let Session {
        agreement,
        secrets,
        channels,
        others,
    } = session(key, terms, sizes, Some(&blocks));
    let join_keys = channels[0].join_keys(agreement.suite());
    clock.lap("handshake");
    let querier = Querier::for_pairs(
        &agreement,
        join_keys.clone(),
        &blocks,
        querier_records,
        &secrets[0],
    )
    .unwrap();
    let (_, table) = seal(querier.table_stream(&channels[0]), |i| {
        querier.table_chunk(i).unwrap()
    });
    clock.lap("Q encrypts");
    let jobs = ProviderJobs::prepare_pairs(
        &agreement,
        &join_keys,
        &blocks,
        &provider_records,
        &secrets[1],
    )
    .unwrap();
    clock.lap("P prepares");
    let (summary, comparisons) = compare(
        &agreement,
        &secrets[1],
        join_keys,
        jobs,
        &table,
        [&others[0], &channels[1]],
        &mut clock,
    );
    let result = decide(
        key,
        &agreement,
        &comparisons,
        [&others[1], &channels[2]],
        &mut clock,
    );
    let mut opening = Some(querier.opening());
    let stream = open(querier.result_stream(&others[2]), &result, |_, payload| {
        opening = Some(opening.take().unwrap().take(&payload).unwrap());
    });
    let (summary, _) = querier
        .summary_stream(&channels[0])
        .open(0, &summary)
        .unwrap();
    let card = opening.unwrap().finish(&stream, &summary).unwrap();
    clock.lap("Q opens");
    clock.print("all, per pair", clock.total);
    println!("  {} pairs match", card.pairs().len());
}
