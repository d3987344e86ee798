//! What querier and provider agree on: publication, offer, answer, manifest.

use std::sync::LazyLock;

use blindjoin_protocol::Error;
use blindjoin_protocol::agree::{
    Allowance, Answer, Choices, Manifest, Offer, Pairwise, Policy, Published, PublishedRule, Sizes,
    TableKind, Terms,
};
use blindjoin_protocol::input::{BlockDirectory, Blocking, CellRule, OfferedCell};
use blindjoin_protocol::parts::{Geometry, published_class};

use crate::session::{KEY, PAIRS_KEY, people, rng};
use crate::wire::canonical;

/// What a provider of ten thousand records publishes.
pub(crate) static PUBLISHED: LazyLock<Published> = LazyLock::new(|| {
    let rule = |id: &str, forms| PublishedRule {
        id: id.to_owned(),
        class: published_class(10_000, 0),
        forms,
        weight: 1,
    };
    let rules = vec![rule("id", 1), rule("name", 1)];
    let sizes = vec![KEY.public().size(), PAIRS_KEY.public().size()];
    let mut published = Published::new(rules, [7; 32], sizes, [5; 32]);
    published.pairs = true;
    published.hash_bits = 3;
    published.blockings.push(cells());
    published.own.left = Allowance {
        places: 1 << 20,
        lookups: 10,
        pairs: 1 << 20,
    };
    published
});

/// Years of birth in which the provider has records enough.
fn cells() -> Blocking {
    let rule = CellRule { least: 11 };
    let cell = |year: &[u8]| OfferedCell {
        key: year.to_vec(),
        keys: rule.keys(100, 0),
        records: u32::try_from(rule.records(60, 0)).expect("few records"),
    };
    let cells = [b"1970", b"1971", b"1985"].map(|year| cell(year));
    Blocking::new("birth_year", [8; 32], cells.to_vec()).expect("distinct cells")
}

/// An offer of every kind, by name.
pub(crate) fn offers() -> Vec<(&'static str, Offer)> {
    let published = &*PUBLISHED;
    let choices = Choices::new(KEY.public().size(), 2_000_000_000);
    let rules = || vec!["id".to_owned(), "name".to_owned()];
    let join = |digest| Terms::join(&choices, TableKind::Okvs, rules(), digest, 64);
    let join = |digest| join(digest).expect("terms that hold together");
    let rng = &mut rng(4);
    let blocking = cells();
    let all = BlockDirectory::all(&blocking, rng);
    let keys: [&[u8]; 2] = [b"id\0one", b"id\0two"];
    let hashed = BlockDirectory::hashed(2, [5; 32], keys, rng);
    let named = BlockDirectory::of_pairs(&blocking, &[3, 0, 40], 1, false, rng);
    let pairwise = Pairwise::of_rules([(1, 1), (1, 1)], None).expect("few rules");
    let for_pairs = Choices {
        key_size: PAIRS_KEY.public().size(),
        ..choices
    };
    let pairs = Terms::pairs(&for_pairs, pairwise, rules(), blocking.digest(), 64);
    let lookup = Terms::lookup(&choices, rules(), [7; 32]).expect("terms that hold together");
    let mut offers = vec![
        ("join", Offer::new(join([7; 32]), published, 320, None, rng)),
        (
            "cells",
            Offer::new(join(blocking.digest()), published, 320, Some(&all), rng),
        ),
        (
            "hashed",
            Offer::new(join([7; 32]), published, 320, Some(&hashed), rng),
        ),
        (
            "lookup",
            Offer::new(
                lookup,
                published,
                2 + u64::from(choices.canaries),
                None,
                rng,
            ),
        ),
    ];
    let pairs = pairs.expect("terms that hold together");
    offers.push(("pairs", Offer::for_blocks(pairs, published, &named, rng)));
    let made = |(name, offer): (_, Result<Offer, Error>)| (name, offer.expect(name));
    offers.into_iter().map(made).collect()
}

/// Reads an offer, holds it against a publication, and makes the manifest where it is admitted.
pub fn offer(input: &[u8]) -> bool {
    let Some(offer) = canonical(input, Offer::decode, Offer::encode) else {
        return false;
    };
    if let Ok(admitted) = PUBLISHED.admit(&offer) {
        check_sizes(&admitted.sizes);
        let answer = Answer::new(&mut rng(5));
        let parties = people().parties();
        let manifest =
            Manifest::new(&offer, &answer, &PUBLISHED, parties).expect("it was admitted");
        assert_eq!(Manifest::decode(&manifest.encode()).as_ref(), Ok(&manifest));
        assert_eq!(
            manifest.check_negotiation(&offer, &answer, &admitted),
            Ok(())
        );
    }
    true
}

/// Reads an answer.
pub fn answer(input: &[u8]) -> bool {
    canonical(input, Answer::decode, Answer::encode).is_some()
}

/// Reads a manifest, and works out everything that follows from it.
pub fn manifest(input: &[u8]) -> bool {
    let Some(manifest) = canonical(input, Manifest::decode, Manifest::encode) else {
        return false;
    };
    check_sizes(&manifest.sizes().expect("it was read"));
    let policy = Policy {
        least_key_bits: 512,
        ..Policy::default()
    };
    // Refused or not, by what stands in it.
    drop(manifest.check(&policy, 1_999_000_000));
    true
}

/// Reads a publication, and holds offers against it.
pub fn publication(input: &[u8]) -> bool {
    let Some(published) = canonical(input, Published::decode, Published::encode) else {
        return false;
    };
    for (_, mut offer) in offers() {
        offer.published = published.digest();
        if let Ok(admitted) = published.admit(&offer) {
            check_sizes(&admitted.sizes);
            drop(published.own.check(&admitted.charge));
        }
    }
    true
}

fn check_sizes(sizes: &Sizes) {
    for geometry in [sizes.table(), sizes.comparisons()] {
        check_geometry(geometry);
    }
    assert!(sizes.slots() > 0);
}

/// The chunks of a stream cover its items.
fn check_geometry(geometry: Geometry) {
    let chunks = geometry.chunks();
    assert!(chunks > 0, "even an empty stream is closed by a chunk");
    let last = geometry.range(chunks - 1).expect("the last chunk");
    assert_eq!(last.end, geometry.items());
    assert!(geometry.range(chunks).is_err());
}
