//! Blocks against a join in the clear.

use std::collections::BTreeSet;

use blindjoin_protocol::Cell;
use blindjoin_protocol::agree::{Pairwise, TableKind};
use blindjoin_protocol::input::{
    BlockDirectory, ProviderKeys, QuerierKeys, QuerierKeysBuilder, QuerierRecords, join_key,
};
use rand::Rng;

use crate::common::{blocking, rng, run, session, terms};

/// A name and a year.
type Record = (String, u32);

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

fn key_of((name, year): &Record) -> Vec<u8> {
    let mut key = Vec::new();
    let block = year.to_string();
    join_key(&mut key, "id", name.as_bytes(), Some(block.as_bytes())).unwrap();
    key
}

fn querier_keys(records: &[Record]) -> QuerierKeys {
    let mut builder = QuerierKeysBuilder::new(1);
    for record in records {
        let row = builder.row().unwrap();
        builder.push(row, 0, &key_of(record)).unwrap();
    }
    builder.build()
}

fn provider_keys(records: &[Record], directory: &BlockDirectory) -> ProviderKeys {
    let keys: Vec<Vec<u8>> = records.iter().map(key_of).collect();
    let admitted = keys.iter().filter(|key| directory.admits_join_key(key));
    ProviderKeys::collect(admitted.map(Vec::as_slice)).unwrap()
}

#[test]
fn records_match_within_the_blocks_named_and_the_others_are_not_compared() {
    let (mine, others) = (records(1, 60), records(101, 200));
    let years: Vec<String> = others.iter().map(|(_, year)| year.to_string()).collect();
    let offered = |year: &str| years.iter().filter(|other| *other == year).count() >= 11;
    let cells: BTreeSet<&str> = years.iter().map(String::as_str).collect();
    let cells: Vec<(&[u8], usize)> = cells
        .into_iter()
        .filter(|year| offered(year))
        .map(|year| (year.as_bytes(), 40))
        .collect();
    let cells = blocking(&cells);
    let keys = querier_keys(&mine);
    let blocks = keys.blocks();
    assert!(
        blocks
            .iter()
            .zip(&mine)
            .all(|(block, (_, year))| { *block == Some(year.to_string().as_bytes()) })
    );
    let counts = cells.count(blocks.into_iter().flatten());
    let fingerprints = || keys.iter();
    for (seed, table, directory) in [
        (
            1,
            TableKind::Cuckoo,
            BlockDirectory::all(&cells, &mut rng(1)),
        ),
        (2, TableKind::Okvs, BlockDirectory::all(&cells, &mut rng(2))),
        (
            3,
            TableKind::Okvs,
            BlockDirectory::occurring(&cells, &counts, 8, &mut rng(3)),
        ),
        (
            4,
            TableKind::Cuckoo,
            BlockDirectory::hashed(2, [6; 32], fingerprints().take(9), &mut rng(4)),
        ),
    ] {
        let outside = |record| !directory.admits_join_key(&key_of(record));
        let mut keys = keys.clone();
        let rows = keys.leave_out(&directory);
        let due: Vec<u32> = (0..)
            .zip(&mine)
            .filter(|(_, record)| outside(record))
            .map(|(row, _)| row)
            .collect();
        assert_eq!(rows, due);

        let session = session(terms(table), 96, 320, Some(&directory), seed).unwrap();
        let manifest = session.agreement.manifest();
        assert_eq!(manifest.blocks, Some(directory.digest()));
        let (card, _) = run(&session, keys, &provider_keys(&others, &directory)).unwrap();
        let mut cells = BTreeSet::new();
        for (row, record) in mine.iter().enumerate() {
            let due = match (outside(record), others.contains(record)) {
                (true, _) => Cell::NotCompared,
                (false, true) => Cell::Matched,
                (false, false) => Cell::NotMatched,
            };
            assert_eq!(card.row(row), [due], "{record:?}");
            cells.insert(format!("{due:?}"));
        }
        assert_eq!(cells.contains("NotCompared"), !due.is_empty());
        assert!(cells.contains("Matched") && cells.contains("NotMatched"));
    }
}

/// Naming all cells shows nothing of the querier's records; naming some shows which.
#[test]
fn all_cells_are_the_same_whatever_the_records_are() {
    let cells = blocking(&[(b"1950", 20), (b"1951", 20), (b"1952", 20)]);
    let named = |years: &[u32], least| {
        let mine: Vec<Record> = years.iter().map(|&year| ("N".to_owned(), year)).collect();
        let keys = querier_keys(&mine);
        let counts = cells.count(keys.blocks().into_iter().flatten());
        let occurring = BlockDirectory::occurring(&cells, &counts, least, &mut rng(5));
        let years = occurring.iter().map(|(cell, _)| cell.key.clone());
        (
            BlockDirectory::all(&cells, &mut rng(5)).digest(),
            years.collect::<Vec<_>>(),
        )
    };
    let (one, other) = (named(&[1950, 1950], 1), named(&[1951, 1952, 1999], 1));
    assert_eq!(one.0, other.0);
    assert_eq!((one.1.len(), other.1.len()), (1, 2));
    assert_eq!(named(&[1950, 1950, 1951], 2).1, [b"1950"]);
}

#[test]
fn records_outside_the_blocks_named_are_told() {
    let pairwise = Pairwise::of_rules([(1, 1)], None).unwrap();
    let mut records = QuerierRecords::new(&pairwise);
    for block in [Some("1950"), None, Some("1960"), Some("1970"), Some("1950")] {
        records
            .push(block.map(str::as_bytes), &[Some(b"x")])
            .unwrap();
    }
    let cells = blocking(&[(b"1950", 20), (b"1960", 11)]);
    let counts = cells.count(records.blocks());
    assert_eq!(counts, [2, 1]);
    let all = BlockDirectory::of_pairs(&cells, &counts, 1, false, &mut rng(1));
    assert_eq!(records.outside(&all), [3]);
    let none = BlockDirectory::of_pairs(&blocking(&[]), &[], 1, false, &mut rng(1));
    assert_eq!(records.outside(&none), [0, 2, 3, 4]);
    assert!(none.is_empty());
}
