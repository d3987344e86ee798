//! What the querier sees must not depend on the provider's records that are not its own.

use crate::common::population;
use crate::view::{World, distinguish, modes, play};

/// Other records, one more of them, and none: the matches stay the same.
#[test]
fn the_querier_cannot_tell_who_else_is_in_the_registry() {
    let (ours, theirs, shared) = population(1, 40, 60, 12);
    let own: Vec<String> = theirs[..shared.len()].to_vec();
    let (_, others, _) = population(2, 1, 48, 0);
    let with = |more: &[String]| [&own[..], more].concat();
    for (name, terms) in modes() {
        let ours = if name == "lookup" {
            &ours[..1]
        } else {
            &ours[..]
        };
        let one = play(&World::of_ids(&terms, ours, &theirs), 1).querier;
        for (number, theirs) in (2..).zip([with(&others), with(&others[1..]), own.clone()]) {
            let other = play(&World::of_ids(&terms, ours, &theirs), number).querier;
            assert_eq!(distinguish(&one, &other), None, "{name}: {number}");
        }
    }
}

/// The control: its own match is granted, so it is noticed.
#[test]
fn the_querier_sees_its_own_match() {
    let (ours, theirs, _) = population(3, 40, 60, 12);
    for (name, terms) in modes() {
        let ours = if name == "lookup" {
            &ours[..1]
        } else {
            &ours[..]
        };
        let [one, other] = [&theirs[..], &theirs[1..]]
            .map(|theirs| play(&World::of_ids(&terms, ours, theirs), 1).querier);
        assert!(
            distinguish(&one, &other).unwrap().contains("card"),
            "{name}"
        );
    }
}
