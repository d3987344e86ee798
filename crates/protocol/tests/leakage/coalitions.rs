//! What two parties see who put their views together.

use std::collections::BTreeSet;

use blindjoin_protocol::agree::{TableKind, Terms};
use blindjoin_protocol::parts::TableIntake;

use crate::common::{key_of, open_all, population, querier_keys, send_table, session, terms};
use crate::view::{World, distinguish, modes, play};

/// Querier and key holder: with the querier's table the same in both worlds, what the key holder
/// decrypts depends on the provider's other records in no way.
#[test]
fn querier_and_key_holder_learn_no_more_than_the_querier() {
    let (ours, theirs, shared) = population(1, 40, 60, 12);
    let own = &theirs[..shared.len()];
    let (_, others, _) = population(2, 1, 48, 0);
    for (name, terms) in modes() {
        let ours = if name == "lookup" {
            &ours[..1]
        } else {
            &ours[..]
        };
        let view = |theirs: &[String], seed| {
            let world = World::of_ids(&terms, ours, theirs);
            play(&world, seed).keyholder
        };
        let (one, other) = (view(&theirs, 1), view(&[own, &others].concat(), 2));
        assert_eq!(distinguish(&one, &other), None, "{name}");
    }
}

/// Provider and key holder read every identifier of the querier's: the provider knows how
/// fingerprints are made, the key holder opens them. Nothing prevents it; the threat model says so.
#[test]
fn provider_and_key_holder_together_read_the_table() {
    let terms = Terms {
        blind: true,
        ..terms(TableKind::Cuckoo)
    };
    let (ours, guesses, shared) = population(3, 40, 80, 25);
    let session = session(terms.clone(), 320, 320, None, 9).unwrap();
    let keys = querier_keys(ours.iter().map(String::as_str));
    let (_, table) = send_table(&session, keys).unwrap();
    let intake = TableIntake::new(&session.agreement);
    let (_, payloads) = open_all(intake.stream(&session.provider_to_querier), &table).unwrap();
    let key = key_of(&terms);
    let opened: BTreeSet<u128> = payloads
        .iter()
        .flat_map(|payload| {
            let plain = key.decrypt(payload).unwrap();
            let value = |i| u128::try_from(&plain.to_biguint(i)).unwrap();
            (0..plain.len()).map(value).collect::<Vec<_>>()
        })
        .collect();
    let fingerprints = session
        .provider_to_querier
        .fingerprints(session.agreement.suite());
    let read = guesses.iter().filter(|guess| {
        let mut key = Vec::new();
        blindjoin_protocol::input::join_key(&mut key, "id", guess.as_bytes(), None).unwrap();
        opened.contains(&fingerprints.fingerprint(b"id", &key))
    });
    assert_eq!(read.count(), shared.len());
}
