//! What comparisons of pairs show: of each party, whether the pairs are counted or not, with a threshold
//! and without one.

use blindjoin_protocol::agree::{Mode, Pairwise, TableKind, Terms};
use blindjoin_protocol::input::{BlockDirectory, ProviderRecords, QuerierRecords};

use crate::common::{blocking, rng, terms};
use crate::view::{World, distinguish, play};

/// A block and the values of two rules.
type Record<'a> = (&'a str, [&'a str; 2]);

/// Two rules, of which one weighs double where pairs are scored.
fn pairwise(threshold: Option<u8>) -> Pairwise {
    Pairwise::of_rules([(1, 1), (1, 2)], threshold).unwrap()
}

fn ways() -> Vec<(Option<u8>, bool)> {
    vec![
        (None, false),
        (None, true),
        (Some(3), false),
        (Some(3), true),
    ]
}

fn world(
    (threshold, blind): (Option<u8>, bool),
    ours: &[Record<'_>],
    theirs: &[Record<'_>],
) -> World {
    let pairwise = pairwise(threshold);
    let (mut asked, mut held) = (
        QuerierRecords::new(&pairwise),
        ProviderRecords::new(&pairwise),
    );
    for (block, values) in ours {
        let values = values.map(|value| Some(value.as_bytes()));
        asked.push(Some(block.as_bytes()), &values).unwrap();
    }
    for (block, values) in theirs {
        let values = values.map(|value| Some(value.as_bytes()));
        held.push(block.as_bytes(), &values).unwrap();
    }
    let cells = blocking(&[(b"1950", 16), (b"1960", 16)]);
    let counts = cells.count(asked.blocks());
    let blocks = BlockDirectory::of_pairs(&cells, &counts, 5, true, &mut rng(1));
    let terms = Terms {
        mode: Mode::Pairwise(pairwise),
        rules: vec!["loose".to_owned(), "strict".to_owned()],
        blind,
        ..terms(TableKind::Cuckoo)
    };
    World::of_pairs(terms, blocks, asked, held)
}

const OURS: [Record<'_>; 4] = [
    ("1950", ["a", "b"]),
    ("1950", ["c", "d"]),
    ("1960", ["e", "f"]),
    ("1960", ["g", "h"]),
];
/// One pair agrees under both rules, one under the first.
const THEIRS: [Record<'_>; 3] = [
    ("1950", ["a", "b"]),
    ("1960", ["e", "x"]),
    ("1960", ["y", "z"]),
];

/// Who the querier's records are, and how many of its class a cell holds, stays hidden.
#[test]
fn the_provider_cannot_tell_whose_pairs_are_compared() {
    let others: [Record<'_>; 3] = [
        ("1950", ["m", "n"]),
        ("1960", ["o", "p"]),
        ("1960", ["q", "r"]),
    ];
    for way in ways() {
        let one = play(&world(way, &OURS, &THEIRS), 1).provider;
        let other = play(&world(way, &others, &THEIRS), 2).provider;
        assert_eq!(distinguish(&one, &other), None, "{way:?}");
    }
}

/// As often as clauses hold they may hold in any pair of any cell; a blind key holder does not even
/// see how often.
#[test]
fn the_key_holder_cannot_tell_in_which_pairs_clauses_hold() {
    let elsewhere: [Record<'_>; 3] = [
        ("1960", ["g", "h"]),
        ("1950", ["c", "x"]),
        ("1950", ["y", "z"]),
    ];
    let nowhere: [Record<'_>; 3] = [
        ("1960", ["1", "2"]),
        ("1950", ["3", "4"]),
        ("1950", ["5", "6"]),
    ];
    for way in ways() {
        // Canaries add patterns that are drawn afresh in every session, whatever the records are.
        let view = |theirs, seed| {
            let mut world = world(way, &OURS, theirs);
            world.terms.canaries = 0;
            play(&world, seed).keyholder
        };
        let one = view(&THEIRS, 1);
        let other = view(&elsewhere, 2);
        assert_eq!(distinguish(&one, &other), None, "{way:?}");
        let none = view(&nowhere, 3);
        let apart = distinguish(&one, &none);
        // The control: how often clauses hold is granted to a key holder that counts.
        assert_eq!(apart.is_some(), !way.1, "{way:?}: {apart:?}");
    }
}

/// Records of the provider's that reach nothing stay hidden from the querier, also those of which one
/// clause holds where more are needed.
#[test]
fn the_querier_cannot_tell_who_is_in_no_pair_of_its_own() {
    let others: [Record<'_>; 4] = [
        ("1950", ["a", "b"]),
        ("1960", ["e", "x"]),
        ("1950", ["k", "l"]),
        ("1950", ["i", "j"]),
    ];
    let below: [Record<'_>; 2] = [("1950", ["a", "b"]), ("1960", ["y", "z"])];
    for way in ways() {
        let one = play(&world(way, &OURS, &THEIRS), 1).querier;
        let other = play(&world(way, &OURS, &others), 2).querier;
        assert_eq!(distinguish(&one, &other), None, "{way:?}");
        let without = play(&world(way, &OURS, &below), 3).querier;
        let apart = distinguish(&one, &without);
        // The control: a pair that agrees under one rule is the querier's to see, unless three of
        // three are needed.
        assert_eq!(apart.is_some(), way.0.is_none(), "{way:?}: {apart:?}");
    }
}
