//! Every mode against plain set intersection.

use crate::common::{link, matched, population, terms};
use blindjoin_protocol::{Dummies, Mask, Mode, TableKind, Terms};

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
            out.push((
                "full",
                Terms {
                    mask: Mask::Full,
                    ..plain
                },
            ));
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
    for blind in [false, true] {
        for (id, present) in [(theirs[77].clone(), true), ("nobody".to_owned(), false)] {
            let terms = Terms {
                mode: Mode::Lookup,
                blind,
                canaries: 1,
                dummies: (!blind).then(Dummies::default),
                ..terms(TableKind::Cuckoo)
            };
            let (card, _) = link(terms, &[id], &theirs, 5).unwrap();
            assert_eq!(card.matched(0), Some(present), "blind {blind}");
        }
    }
}
