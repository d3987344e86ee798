//! Merged blocks against a join in the clear, and what the provider sees of them.

use std::collections::BTreeSet;

use blindjoin_protocol::{
    Answer, BlockDirectory, BlockRange, Cell, Error, Manifest, Offer, Pairwise, ProviderKeys,
    ProviderKeysBuilder, QuerierKeys, QuerierKeysBuilder, QuerierRecords, TableKind, join_key,
    size_class,
};
use rand::Rng;

use crate::common::{people, rng, run, session, session_without, terms};

/// A name and a year.
type Record = (String, u32);

const LEAST: usize = 11;

/// Records of few names, more of them in some years than in others.
fn records(seed: u64, count: usize) -> Vec<Record> {
    let mut rng = rng(seed);
    let mut draw = |below| rng.next_u32() % below;
    let record = |_| {
        let year = 1950 + draw(9).min(draw(9));
        (format!("N{}", draw(40)), year)
    };
    (0..count).map(record).collect()
}

/// Years side by side, put together until there are enough records.
fn merged(records: &[Record]) -> Vec<(u32, u32, usize)> {
    let mut years: Vec<u32> = records.iter().map(|(_, year)| *year).collect();
    years.sort_unstable();
    let mut ranges: Vec<(u32, u32, usize)> = Vec::new();
    for years in years.chunk_by(|a, b| a == b) {
        let (year, size) = (years[0], years.len());
        match ranges.last_mut().filter(|range| range.2 < LEAST) {
            Some(range) => (range.1, range.2) = (year, range.2 + size),
            None => ranges.push((year, year, size)),
        }
    }
    // Some are left when the last is small.
    ranges.retain(|range| range.2 >= LEAST);
    ranges
}

fn directory(ranges: &[(u32, u32, usize)], seed: u64) -> BlockDirectory {
    let keys: Vec<_> = ranges
        .iter()
        .map(|&(first, last, size)| (first.to_string(), last.to_string(), size))
        .collect();
    let ranges = keys.iter().map(|(first, last, records)| BlockRange {
        first: first.as_bytes(),
        last: last.as_bytes(),
        records: *records,
    });
    BlockDirectory::of_keys(ranges, LEAST, &mut rng(seed)).unwrap()
}

fn key_of((name, year): &Record) -> Vec<u8> {
    let mut key = Vec::new();
    let block = year.to_string();
    join_key(&mut key, "id", name.as_bytes(), Some(block.as_bytes())).unwrap();
    key
}

fn ours(records: &[Record], directory: &BlockDirectory) -> QuerierKeys {
    let mut builder = QuerierKeysBuilder::new(1);
    for record in records {
        let row = builder.row().unwrap();
        if directory.admits(record.1.to_string().as_bytes()) {
            builder.push(row, 0, &key_of(record)).unwrap();
        } else {
            builder.not_compared(row, 0);
        }
    }
    builder.build()
}

fn theirs(records: &[Record], directory: &BlockDirectory) -> ProviderKeys {
    let mut builder = ProviderKeysBuilder::default();
    for record in records {
        if directory.admits(record.1.to_string().as_bytes()) {
            builder.push(&key_of(record)).unwrap();
        }
    }
    builder.build()
}

#[test]
fn merged_blocks_match_as_blocks_do() {
    for (seed, table) in [(1, TableKind::Cuckoo), (2, TableKind::Okvs)] {
        let (mine, others) = (records(seed, 60), records(seed + 100, 200));
        let ranges = merged(&mine);
        assert!(
            ranges.iter().any(|(first, last, _)| first < last),
            "{ranges:?}"
        );
        let directory = directory(&ranges, seed);
        let session = session(terms(table), 96, 256, Some(directory.clone()), seed).unwrap();
        let (keys, their_keys) = (ours(&mine, &directory), theirs(&others, &directory));
        let (card, _) = run(&session, keys, &their_keys).unwrap();

        let held: BTreeSet<&Record> = others.iter().collect();
        let inside = |year: u32| {
            ranges
                .iter()
                .any(|range| (range.0..=range.1).contains(&year))
        };
        let mut cells = BTreeSet::new();
        for (row, record) in mine.iter().enumerate() {
            let due = match (inside(record.1), held.contains(record)) {
                (false, _) => Cell::NotCompared,
                (true, true) => Cell::Matched,
                (true, false) => Cell::NotMatched,
            };
            assert_eq!(card.row(row), [due], "{record:?}");
            cells.insert(format!("{due:?}"));
        }
        assert!(cells.contains("Matched") && cells.contains("NotMatched"));
    }
}

/// The offer, all that the provider gets before the table, and the manifest are the same bytes
/// whether or not a year inside a merged range occurs.
#[test]
fn a_provider_cannot_tell_whether_an_inner_block_occurs() {
    let years = |inner: &[u32]| -> Vec<Record> {
        let mut years = vec![1950; 6];
        years.extend(inner);
        years.extend([1955; 6]);
        years.iter().map(|&year| ("N".to_owned(), year)).collect()
    };
    let sent = |records: &[Record]| {
        let directory = directory(&merged(records), 5);
        let keys = ours(records, &directory);
        let size = size_class(keys.len() as u64 + 4);
        let offer = Offer::new(terms(TableKind::Okvs), size, Some(directory), &mut rng(6)).unwrap();
        let answer = Answer::new(64, &mut rng(7));
        let manifest = Manifest::new(&offer, &answer, people().parties()).unwrap();
        (offer.encode(), manifest.encode())
    };
    let without = sent(&years(&[]));
    for inner in [&[1951][..], &[1953, 1953], &[1951, 1952, 1953, 1954]] {
        assert_eq!(sent(&years(inner)), without);
    }
    assert_ne!(sent(&years(&[1949])), without, "an end is seen");
}

#[test]
fn a_provider_counts_its_records_by_range() {
    let directory = directory(&[(1950, 1955, 20), (1960, 1960, 11)], 8);
    let check = |years: &[u32], least| {
        let keys: Vec<String> = years.iter().map(u32::to_string).collect();
        directory.check_sizes(keys.iter().map(String::as_bytes), least)
    };
    assert_eq!(check(&[1950, 1952, 1954, 1999], 3), Ok(()));
    let refused = |blocks, smallest| {
        Err(Error::BlockTooSmall {
            blocks,
            smallest,
            least: 3,
        })
    };
    assert_eq!(check(&[1950, 1952, 1960], 3), refused(2, 1));
    assert_eq!(check(&[1951, 1960, 1960, 1960], 3), refused(1, 1));
}

/// The provider leaves out what it has too little of; the querier knows which cells that concerns,
/// and the key holder nothing.
#[test]
fn blocks_that_the_provider_leaves_out_are_not_compared() {
    let mine: Vec<Record> = (1950..1954)
        .flat_map(|year| (0..12).map(move |i| (format!("N{i}"), year)))
        .collect();
    let others: Vec<Record> = mine
        .iter()
        .filter(|(name, year)| *year != 1952 && (*year != 1951 || name == "N3"))
        .cloned()
        .collect();
    let years = [1950, 1951, 1952, 1953].map(|year: u32| (year, year, 12));
    let offered = directory(&years, 3);
    let blocks: Vec<String> = others.iter().map(|(_, year)| year.to_string()).collect();
    let left_out = offered.small(blocks.iter().map(String::as_bytes), LEAST);
    assert_eq!(left_out, [1, 2], "one record, and none");
    let hashed = |keys: &QuerierKeys| {
        let directory = BlockDirectory::of_hash(2, keys.iter(), 0, &mut rng(4)).unwrap();
        (directory, vec![0, 2])
    };

    for (seed, table) in [(1, TableKind::Cuckoo), (2, TableKind::Okvs)] {
        for by_hash in [false, true] {
            let mut keys = ours(&mine, &offered);
            let (offered, left_out) = if by_hash {
                hashed(&keys)
            } else {
                (offered.clone(), left_out.clone())
            };
            let sizes = [size_class(keys.len() as u64 + 4), 64];
            let session =
                session_without(terms(table), sizes, Some(offered.clone()), &left_out, seed);
            let session = session.unwrap();
            let agreed = offered.without(&left_out).unwrap();
            let manifest = session.agreement.manifest();
            assert_eq!(manifest.blocks, Some(agreed.digest()));
            let outside = |record| !agreed.admits_join_key(&key_of(record));
            let rows = keys.leave_out(&agreed);
            let due: Vec<u32> = (0..)
                .zip(&mine)
                .filter(|(_, record)| outside(record))
                .map(|(row, _)| row)
                .collect();
            assert_eq!(rows, due);
            assert!((1..mine.len()).contains(&rows.len()), "{}", rows.len());

            let their_keys: Vec<Vec<u8>> = others.iter().map(key_of).collect();
            let admitted = their_keys.iter().filter(|key| agreed.admits_join_key(key));
            let their_keys = ProviderKeys::collect(admitted.map(Vec::as_slice)).unwrap();
            let (card, _) = run(&session, keys, &their_keys).unwrap();
            for (row, record) in mine.iter().enumerate() {
                let due = match (outside(record), others.contains(record)) {
                    (true, _) => Cell::NotCompared,
                    (false, true) => Cell::Matched,
                    (false, false) => Cell::NotMatched,
                };
                assert_eq!(card.row(row), [due], "{record:?}");
            }
        }
    }
}

#[test]
fn records_beyond_the_agreed_blocks_are_told() {
    let pairwise = Pairwise::of_rules([(1, 1)], None).unwrap();
    let mut records = QuerierRecords::new(&pairwise);
    for block in [Some("1950"), None, Some("1960"), Some("1970"), Some("1953")] {
        records
            .push(block.map(str::as_bytes), &[Some(b"x")])
            .unwrap();
    }
    let offered = directory(&[(1950, 1955, 20), (1960, 1960, 11)], 8);
    for (left_out, beyond) in [(&[][..], &[][..]), (&[0], &[0, 4]), (&[0, 1], &[0, 2, 4])] {
        let agreed = offered.without(left_out).unwrap();
        assert_eq!(records.beyond(&offered, &agreed), beyond);
    }
}

#[test]
fn answers_name_blocks_that_were_offered_in_order() {
    let offered = directory(&[(1950, 1955, 20), (1960, 1960, 11)], 8);
    let offer = |blocks| Offer::new(terms(TableKind::Okvs), 64, blocks, &mut rng(6)).unwrap();
    let (blocked, plain) = (offer(Some(offered)), offer(None));
    let answer = |left_out: &[u32]| Answer::new(64, &mut rng(7)).leaving_out(left_out.to_vec());
    let read = |left_out| Answer::decode(&answer(left_out).encode());
    assert_eq!(read(&[0, 1]), Ok(answer(&[0, 1])));
    let malformed = Error::Malformed { what: "answer" };
    for bad in [&[1, 0][..], &[1, 1]] {
        assert_eq!(read(bad), Err(malformed.clone()));
    }
    let mut bytes = answer(&[1]).encode();
    let end = bytes.len();
    bytes[end - 8..end - 4].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(Answer::decode(&bytes), Err(malformed.clone()), "too many");

    let parties = people().parties();
    for (offer, left_out) in [(&blocked, &[2][..]), (&plain, &[0])] {
        let manifest = Manifest::new(offer, &answer(left_out), parties);
        assert_eq!(manifest, Err(malformed.clone()));
    }
    let manifest = Manifest::new(&blocked, &answer(&[1]), parties).unwrap();
    assert_eq!(manifest.check_negotiation(&blocked, &answer(&[1])), Ok(()));
    for other in [&[][..], &[0], &[0, 1]] {
        assert_eq!(
            manifest.check_negotiation(&blocked, &answer(other)),
            Err(Error::ManifestMismatch { field: "blocks" })
        );
    }
}
