//! Every mode against plain set intersection.

use blindjoin_protocol::Cell;
use blindjoin_protocol::agree::{Mask, Mode, TableKind, Terms};
use blindjoin_protocol::input::{
    BlockDirectory, ProviderKeysBuilder, QuerierKeysBuilder, join_key,
};
use blindjoin_protocol::paillier::{KeySize, Profile};
use blindjoin_protocol::parts::Dummies;
use blindjoin_protocol::session::Message;

use rayon::prelude::*;

use crate::common::{
    blocking, link, matched, population, provider_keys, querier_keys, rng, run, send_table,
    session, take_table, terms,
};

/// All ways to run a join.
fn variants() -> Vec<(&'static str, Terms)> {
    let mut out = Vec::new();
    for (name, table) in [("cuckoo", TableKind::Cuckoo), ("okvs", TableKind::Okvs)] {
        let plain = terms(table);
        out.push((name, plain.clone()));
        out.push((
            name,
            Terms {
                blind: true,
                ..plain.clone()
            },
        ));
        out.push((
            name,
            Terms {
                dummies: Some(Dummies::default()),
                ..plain.clone()
            },
        ));
        if table == TableKind::Cuckoo {
            for blind in [false, true] {
                out.push((
                    "full",
                    Terms {
                        mask: Mask::Full,
                        blind,
                        ..plain.clone()
                    },
                ));
            }
        }
    }
    out
}

#[test]
fn every_join_finds_the_intersection() {
    for (seed, querier, provider, common) in [
        (1, 40, 50, 17),
        (2, 1, 60, 1),
        (3, 70, 1, 0),
        (4, 60, 60, 60),
    ] {
        let (ours, theirs, shared) = population(seed, querier, provider, common);
        for (name, terms) in variants() {
            let (blind, dummies) = (terms.blind, terms.dummies.is_some());
            let (card, transcript) = link(terms, &ours, &theirs, seed).unwrap();
            assert_eq!(
                matched(&card),
                shared,
                "{name}, blind {blind}, dummies {dummies}, seed {seed}"
            );
            assert_eq!((card.notes().spurious, card.notes().unplaced), (0, 0));
            match transcript.keyholder_learned {
                None => assert!(blind),
                Some(count) if dummies => assert!(count >= shared.len() as u64 + 4),
                Some(count) => assert_eq!(count, shared.len() as u64 + 4),
            }
        }
    }
}

#[test]
fn many_seeds_agree_with_the_intersection() {
    for seed in 10..22 {
        let (ours, theirs, shared) = population(seed, 20, 25, usize::try_from(seed - 10).unwrap());
        for table in [TableKind::Cuckoo, TableKind::Okvs] {
            let (card, _) = link(terms(table), &ours, &theirs, seed).unwrap();
            assert_eq!(matched(&card), shared, "{table:?}, seed {seed}");
        }
    }
}

#[test]
fn lookups_say_whether_the_one_record_is_there() {
    let (_, theirs, _) = population(5, 0, 130, 0);
    for (id, present) in [(theirs[77].clone(), true), ("nobody".to_owned(), false)] {
        for canaries in [0, 1, 4] {
            let terms = Terms {
                mode: Mode::Lookup,
                blind: true,
                canaries,
                ..terms(TableKind::Cuckoo)
            };
            let (card, _) = link(terms, std::slice::from_ref(&id), &theirs, 5).unwrap();
            assert_eq!(card.matched(0), Some(present), "{canaries} canaries");
        }
    }
}

#[test]
fn every_profile_links() {
    let (ours, theirs, shared) = population(6, 12, 15, 5);
    for profile in Profile::ALL {
        let terms = Terms {
            profile,
            ..terms(TableKind::Cuckoo)
        };
        let (card, _) = link(terms, &ours, &theirs, 6).unwrap();
        assert_eq!(matched(&card), shared, "{profile}");
    }
}

#[test]
fn key_sizes_for_use_link() {
    let (ours, theirs, shared) = population(7, 12, 15, 5);
    for bits in [2048, 3072] {
        for table in [TableKind::Cuckoo, TableKind::Okvs] {
            let terms = Terms {
                key_size: KeySize::new(bits).unwrap(),
                ..terms(table)
            };
            let (card, transcript) = link(terms, &ours, &theirs, 7).unwrap();
            assert_eq!(matched(&card), shared, "{bits} bits");
            assert!(
                transcript
                    .table
                    .iter()
                    .all(|chunk| chunk.len() <= Message::LONGEST)
            );
        }
        let key_size = KeySize::new(bits).unwrap();
        let terms = Terms {
            key_size,
            mode: Mode::Lookup,
            blind: true,
            canaries: 2,
            ..terms(TableKind::Cuckoo)
        };
        let (card, _) = link(terms, &theirs[3..4], &theirs, 7).unwrap();
        assert_eq!(card.matched(0), Some(true), "{bits} bits");
    }
}

/// Several rules, duplicate keys on both sides, a provider that probes neighbours, and blocks.
#[test]
fn many_keys_fill_a_card_cell_by_cell() {
    let rules = vec!["name".to_owned(), "year".to_owned(), "never".to_owned()];
    let ours = [
        ("ANN", Some(1950), "N"),
        ("ANN", Some(1961), "N"),
        ("BOB", None, "S"),
        ("EVE", Some(1970), "X"),
    ];
    let theirs = [
        ("ANN", 1951, "N"),
        ("BOB", 1940, "N"),
        ("ANN", 1951, "N"),
        ("EVE", 1970, "X"),
    ];
    let blocks: [(&[u8], usize); 2] = [(b"N", 2), (b"S", 1)];
    for table in [TableKind::Cuckoo, TableKind::Okvs] {
        let directory = BlockDirectory::all(&blocking(&blocks), &mut rng(9));
        let mut querier = QuerierKeysBuilder::new(3);
        let mut key = Vec::new();
        for (name, year, block) in ours {
            let row = querier.row().unwrap();
            let signatures = [
                Some(name.to_owned()),
                year.map(|y| format!("{name}|{y}")),
                None,
            ];
            for ((rule, id), signature) in (0..).zip(&rules).zip(signatures) {
                let Some(signature) = signature else { continue };
                if !directory.admits(block.as_bytes()) {
                    querier.not_compared(row, rule);
                    continue;
                }
                join_key(&mut key, id, signature.as_bytes(), Some(block.as_bytes())).unwrap();
                querier.push(row, rule, &key).unwrap();
            }
        }
        let mut provider = ProviderKeysBuilder::default();
        for (name, year, block) in theirs {
            if !directory.admits(block.as_bytes()) {
                continue;
            }
            let probes = [year - 1, year, year + 1].map(|y| ("year", format!("{name}|{y}")));
            for (rule, signature) in probes.into_iter().chain([("name", name.to_owned())]) {
                join_key(&mut key, rule, signature.as_bytes(), Some(block.as_bytes())).unwrap();
                provider.push(&key).unwrap();
            }
        }
        let (querier, provider) = (querier.build(), provider.build());
        assert_eq!((querier.len(), provider.len()), (4, 8), "distinct keys");
        let terms = Terms {
            rules: rules.clone(),
            ..terms(table)
        };
        let session = session(terms, 64, 64, Some(&directory), 9).unwrap();
        let (card, _) = run(&session, querier, &provider).unwrap();
        let [matched, missed, none, left_out] = [
            Cell::Matched,
            Cell::NotMatched,
            Cell::NoValue,
            Cell::NotCompared,
        ];
        let cells: Vec<&[Cell]> = (0..4).map(|row| card.row(row)).collect();
        assert_eq!(cells[0], [matched, matched, none]);
        assert_eq!(cells[1], [matched, missed, none]);
        assert_eq!(
            cells[2],
            [missed, none, none],
            "the same name in another block"
        );
        assert_eq!(
            cells[3],
            [left_out, left_out, none],
            "a block that was not revealed"
        );
    }
}

/// Batches on all threads of a pool at once, which is how a service runs them.
#[test]
fn batches_in_parallel_are_the_batches_in_order() {
    let (ours, theirs, _) = population(11, 420, 1300, 40);
    let session = session(terms(TableKind::Cuckoo), 448, 1536, None, 11).unwrap();
    let keys = querier_keys(ours.iter().map(String::as_str));
    let (querier, table) = send_table(&session, keys).unwrap();
    let chunks: Vec<Vec<u8>> = (0..querier.table().chunks())
        .into_par_iter()
        .map(|i| querier.table_chunk(i).unwrap())
        .collect();
    assert_eq!(chunks.len(), table.len());
    let theirs = provider_keys(theirs.iter().map(String::as_str));
    let provider = take_table(&session, &theirs, &table).unwrap();
    let batches = provider.comparisons().chunks();
    let parallel: Vec<Vec<u8>> = (0..batches)
        .into_par_iter()
        .map(|i| provider.compare(i).unwrap())
        .collect();
    for (i, batch) in (0..).zip(parallel) {
        assert_eq!(provider.compare(i).unwrap(), batch, "batch {i}");
    }
}
