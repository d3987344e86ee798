//! What several rules show: under which of them records have values, or match, and whose records.

use blindjoin_protocol::agree::{TableKind, Terms};
use blindjoin_protocol::input::{ProviderKeys, QuerierKeys, QuerierKeysBuilder, join_key};

use crate::common::terms;
use crate::view::{World, distinguish, play};

const RULES: [&str; 2] = ["id", "name"];

/// A value under each rule, or none.
type Record<'a> = [Option<&'a str>; 2];

fn key_of(rule: usize, value: &str) -> Vec<u8> {
    let mut key = Vec::new();
    join_key(&mut key, RULES[rule], value.as_bytes(), None).unwrap();
    key
}

fn world(ours: &[Record<'_>], theirs: &[Record<'_>]) -> World {
    let terms = Terms {
        blind: true,
        rules: RULES.map(str::to_owned).to_vec(),
        ..terms(TableKind::Okvs)
    };
    let asked = asked(ours);
    let keys: Vec<Vec<u8>> = theirs
        .iter()
        .flat_map(|record| (0..).zip(record))
        .filter_map(|(rule, value)| value.map(|value| key_of(rule, value)))
        .collect();
    let held = ProviderKeys::collect(keys.iter().map(Vec::as_slice)).unwrap();
    World::new(terms, asked, held)
}

fn asked(records: &[Record<'_>]) -> QuerierKeys {
    let mut builder = QuerierKeysBuilder::new(2);
    for record in records {
        let row = builder.row().unwrap();
        for (rule, value) in (0_u16..).zip(record) {
            if let Some(value) = value {
                let key = key_of(usize::from(rule), value);
                builder.push(row, rule, &key).unwrap();
            }
        }
    }
    builder.build()
}

const THEIRS: [Record<'_>; 2] = [[Some("1"), Some("A")], [Some("2"), Some("B")]];

/// Values under one rule or the other, matches under one, both or none.
#[test]
fn nobody_learns_under_which_rules_records_have_values() {
    let one = play(&world(&[[Some("1"), None], [Some("3"), None]], &THEIRS), 1);
    for (seed, ours) in [
        [[None, Some("A")], [None, Some("C")]],
        [[Some("1"), Some("A")], [None, None]],
        [[Some("8"), Some("C")], [Some("9"), Some("D")]],
    ]
    .iter()
    .enumerate()
    {
        let other = play(&world(ours, &THEIRS), 2 + seed as u64);
        assert_eq!(distinguish(&one.provider, &other.provider), None, "{seed}");
        assert_eq!(
            distinguish(&one.keyholder, &other.keyholder),
            None,
            "{seed}"
        );
        // The control: under which rules its own records match is the querier's to see.
        assert!(
            distinguish(&one.querier, &other.querier).is_some(),
            "{seed}"
        );
    }
}

/// A record that agrees under two rules with one of the provider's, or under each with another.
#[test]
fn the_querier_cannot_tell_one_record_from_two() {
    let ours = [[Some("1"), Some("A")]];
    let together = play(
        &world(&ours, &[[Some("1"), Some("A")], [Some("2"), Some("B")]]),
        1,
    );
    let apart = play(
        &world(&ours, &[[Some("1"), Some("B")], [Some("2"), Some("A")]]),
        2,
    );
    assert_eq!(distinguish(&together.querier, &apart.querier), None);
}
