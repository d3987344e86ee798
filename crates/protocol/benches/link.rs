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

use blindjoin_protocol::agree::{Manifest, Mask, Mode, Pairwise, TableKind, Terms};
use blindjoin_protocol::input::{
    BlockDirectory, Blocking, OfferedCell, ProviderKeys, ProviderKeysBuilder, ProviderRecords,
    QuerierKeys, QuerierKeysBuilder, QuerierRecords, join_key,
};
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use blindjoin_protocol::parts::{
    CANARY_ROOM, Clause, Columns, Output, Plan, Ticket, block_class, published_class, size_class,
};
use blindjoin_protocol::session::{Message, Question, Selected, StreamKind, Work};
use blindjoin_protocol::{Card, Error, Role, local, parts};
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
                "host" => host(records),
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

/// Runs a session and tells what each step of it takes.
fn run(
    key: &Arc<SecretKey>,
    terms: Terms,
    sizes: [u64; 2],
    blocks: Option<&BlockDirectory>,
    question: impl Into<Question>,
    selected: impl Into<Selected>,
    clock: &mut Clock,
) -> (Card, [usize; 3]) {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let people = local::People::draw(&mut rng);
    let manifest = Manifest {
        plan: Plan::of(&terms, sizes[0], sizes[1]).unwrap(),
        terms,
        parties: people.parties(),
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
    let mut steps = Steps::default();
    let before = cpu();
    let linked = parts::link_tapped(
        &people,
        &manifest,
        key.clone(),
        question,
        selected,
        &mut steps,
    )
    .unwrap();
    let all = cpu() - before;
    let mut rest = all;
    for (name, seconds) in &steps.seconds {
        clock.print(name, *seconds);
        rest -= seconds;
    }
    // Seals, handshakes, and whatever else stands between the steps.
    clock.print("seals and the rest", rest);
    clock.total += all;
    (linked.card, steps.bytes)
}

/// What each step has taken, and the sealed bytes of table, comparisons and result.
#[derive(Default)]
struct Steps {
    seconds: Vec<(String, f64)>,
    bytes: [usize; 3],
}

impl parts::Tap for Steps {
    fn work(&mut self, role: Role, ticket: Ticket, work: &Work) -> Result<Output, Error> {
        let letter = match role {
            Role::Querier => "Q",
            Role::Provider => "P",
            Role::KeyHolder => "K",
        };
        let name = format!("{letter} {}", ticket.step.name());
        let before = cpu();
        let output = work.run();
        let took = cpu() - before;
        match self.seconds.iter_mut().find(|(other, _)| *other == name) {
            Some((_, seconds)) => *seconds += took,
            None => self.seconds.push((name, took)),
        }
        output
    }

    fn carry(&mut self, _: Role, _: Role, message: Message) -> Message {
        if let Message::Chunk { stream, sealed, .. } = &message {
            let of = [
                StreamKind::Table,
                StreamKind::Comparisons,
                StreamKind::Result,
            ];
            for (bytes, kind) in self.bytes.iter_mut().zip(of) {
                *bytes += if kind == *stream { sealed.len() } else { 0 };
            }
        }
        message
    }
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
    let sizes = [querier_size, provider_size];
    let (card, bytes) = run(
        key,
        terms,
        sizes,
        None,
        querier_keys,
        provider_keys,
        &mut clock,
    );
    clock.print("all", clock.total);
    let [table, comparisons, result] = bytes.map(|bytes| bytes / records);
    println!(
        "  bytes/record: Q→P {table}, P→K {comparisons}, K→Q {result}; {} of {ours} matched",
        card.matched_rows()
    );
}

/// What each comparison costs besides arithmetic, in isolation.
fn host(records: usize) {
    let suite = parts::Suite::J89;
    let keys = parts::Fingerprints::from_keys(suite, &[1; 32], &[2; 32], &[3; 32]);
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
    let (card, _) = run(
        key,
        terms,
        sizes,
        Some(&blocks),
        (querier_records, blocks.clone()),
        (provider_records, blocks.clone()),
        &mut clock,
    );
    clock.print("all, per pair", clock.total);
    println!("  {} pairs match", card.pairs().len());
}
