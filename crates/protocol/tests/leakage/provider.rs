//! What the provider sees must not depend on who the querier's records are.

use blindjoin_protocol::agree::Terms;

use crate::common::{Transcript, link, matched, population};
use crate::view::{World, distinguish, modes, play};

/// A or B, all or none of them the provider's, one more or one less.
#[test]
fn the_provider_cannot_tell_who_is_asked_for() {
    let (strangers, theirs, _) = population(1, 60, 40, 0);
    let known: Vec<String> = theirs.iter().chain(&strangers).take(60).cloned().collect();
    let (others, _, _) = population(2, 60, 1, 0);
    for (name, terms) in modes() {
        let lists = if name == "lookup" {
            [&known[..1], &strangers[..1], &others[..1], &strangers[5..6]]
        } else {
            [&known[..], &strangers[..], &others[..], &strangers[1..]]
        };
        let [first, rest @ ..] = lists.map(|ours| {
            let seed = ours.len() as u64 + u64::from(ours[0].as_bytes()[0]);
            play(&World::of_ids(&terms, ours, &theirs), seed).provider
        });
        for (number, other) in rest.iter().enumerate() {
            // A table of a lookup has a handful of places: what is not random decides alone.
            let apart = if name == "lookup" {
                distinguish_fixed(&first, other)
            } else {
                distinguish(&first, other)
            };
            assert_eq!(apart, None, "{name}: {number}");
        }
    }
}

fn distinguish_fixed(one: &crate::view::View, other: &crate::view::View) -> Option<String> {
    distinguish(&one.without_random(), &other.without_random())
}

/// The control: a class is granted, so it is noticed.
#[test]
fn the_provider_sees_the_class_of_the_querier() {
    let (ours, theirs, _) = population(3, 200, 40, 0);
    let (_, terms) = modes().swap_remove(1);
    let few = play(&World::of_ids(&terms, &ours[..60], &theirs), 1).provider;
    let many = play(&World::of_ids(&terms, &ours, &theirs), 2).provider;
    assert!(distinguish(&few, &many).is_some());
}

/// Where the key holder counts, nobody else does: of matches none, few and as many as are let out, the
/// provider receives nothing, and the line carries as much.
#[test]
fn nobody_but_the_key_holder_sees_the_count() {
    for (name, terms) in modes().into_iter().filter(|(_, terms)| !terms.blind) {
        let seen = [0, 3, 50].map(|common| {
            let (ours, theirs, _) = population(4, 50, 60, common);
            let terms = Terms {
                match_cap: 54,
                ..terms.clone()
            };
            let (card, transcript) = link(terms, &ours, &theirs, 5).unwrap();
            assert_eq!(matched(&card).len(), common, "{name}");
            let of = |chunks: &[Vec<u8>]| chunks.iter().map(Vec::len).collect::<Vec<_>>();
            let Transcript {
                table,
                comparisons,
                result,
                summary,
                ..
            } = transcript;
            let lengths = [of(&table), of(&comparisons), of(&result), of(&[summary])];
            assert_eq!(transcript.keyholder_learned, Some(common as u64 + 4));
            lengths
        });
        assert!(
            seen.iter().all(|lengths| *lengths == seen[0]),
            "{name}: {seen:?}"
        );
    }
}
