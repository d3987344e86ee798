//! What the key holder sees must not depend on whose records are compared, nor, where it is blind, on
//! whether any match.

use blindjoin_protocol::agree::{TableKind, Terms};
use blindjoin_protocol::parts::Dummies;

use crate::common::{link, population, terms};
use crate::view::{World, distinguish, modes, play};

#[test]
fn a_blind_key_holder_cannot_tell_whether_anybody_matches() {
    let (strangers, theirs, _) = population(1, 50, 50, 0);
    for (name, terms) in modes().into_iter().filter(|(_, terms)| terms.blind) {
        let (asked, all) = if name == "lookup" { (1, 1) } else { (50, 50) };
        let none = play(&World::of_ids(&terms, &strangers[..asked], &theirs), 1).keyholder;
        let every = play(&World::of_ids(&terms, &theirs[..all], &theirs), 2).keyholder;
        assert_eq!(distinguish(&none, &every), None, "{name}");
        let one_more = play(&World::of_ids(&terms, &strangers[..asked], &theirs[1..]), 3).keyholder;
        assert_eq!(distinguish(&none, &one_more), None, "{name}");
    }
}

#[test]
fn a_counting_key_holder_cannot_tell_who_matches() {
    let (ours, theirs, _) = population(2, 50, 60, 20);
    let (other_ours, other_theirs, _) = population(3, 55, 50, 20);
    for (name, terms) in modes().into_iter().filter(|(_, terms)| !terms.blind) {
        let one = play(&World::of_ids(&terms, &ours, &theirs), 1).keyholder;
        let other = play(&World::of_ids(&terms, &other_ours, &other_theirs), 2).keyholder;
        let (one, other) = if name.starts_with("full") {
            // Under the full mask all but a label is uniform below n, of which the low bits are
            // looked at: the count is what they add.
            (one.without_count(), other.without_count())
        } else {
            (one, other)
        };
        assert_eq!(distinguish(&one, &other), None, "{name}");
    }
}

/// The control: the count is granted, so it is noticed.
#[test]
fn a_counting_key_holder_sees_the_count() {
    let terms = terms(TableKind::Okvs);
    let seen = [20, 21].map(|common| {
        let (ours, theirs, _) = population(4, 50, 60, common);
        let view = play(&World::of_ids(&terms, &ours, &theirs), 1).keyholder;
        assert_eq!(distinguish(&view, &view), None);
        view
    });
    let apart = distinguish(&seen[0], &seen[1]).unwrap();
    assert!(apart.contains("counted"), "{apart}");
}

/// Dummies blur it: one match more or less hides among counts that vary by more.
#[test]
fn dummies_blur_the_count() {
    let terms = Terms {
        dummies: Some(Dummies::default()),
        canaries: 1,
        ..terms(TableKind::Okvs)
    };
    let counts = |common| -> Vec<u64> {
        let (ours, theirs, _) = population(5, 30, 30, common);
        let count = |seed| {
            link(terms.clone(), &ours, &theirs, seed)
                .unwrap()
                .1
                .keyholder_learned
        };
        (0..40).map(|seed| count(seed).unwrap()).collect()
    };
    let [few, more] = [10, 11].map(counts);
    let spread = |counts: &[u64]| counts.iter().max().unwrap() - counts.iter().min().unwrap();
    assert!(spread(&few) > 4 && spread(&more) > 4, "{few:?}, {more:?}");
    let shared = few.iter().filter(|count| more.contains(count)).count();
    assert!(shared > 20, "{few:?}, {more:?}");
}
