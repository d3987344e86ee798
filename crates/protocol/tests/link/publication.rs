//! Offers held against what a provider publishes: all that an answer can depend on.

use blindjoin_protocol::agree::{
    Admitted, Allowance, Answer, Choices, Counting, Manifest, Mode, Objection, Offer, OwnTerms,
    Pairwise, Parties, Published, PublishedRule, TableKind, Terms,
};
use blindjoin_protocol::input::{BlockDirectory, Blocking, OfferedCell, QuerierKeysBuilder};
use blindjoin_protocol::paillier::{KeySize, Profile};
use blindjoin_protocol::parts::{CANARY_ROOM, Dummies, bound, published_class, size_class};
use blindjoin_protocol::{Error, Fault};

use crate::common::{people, population, querier_keys, rng};

type Change<'a> = &'a dyn Fn(&mut Published);

type Decodes = fn(&[u8]) -> Option<Error>;

const CELLS: [u8; 32] = [9; 32];

const THEIRS: &str = "id, name, phone";

/// Three rules, one blocking of two cells, hashed blocks, everything allowed.
fn published() -> Published {
    let rule = |id: &str, keys, weight| PublishedRule {
        id: id.to_owned(),
        class: published_class(keys, 0),
        forms: 1,
        weight,
    };
    let rules = vec![
        rule("id", 100_000, 1),
        rule("name", 90_000, 2),
        rule("phone", 40, 1),
    ];
    let cell = |key: &[u8], keys, records| OfferedCell {
        key: key.to_vec(),
        keys,
        records,
    };
    let cells = vec![cell(b"1950", 64, 16), cell(b"1960", 320, 40)];
    let mut published = Published::new(rules, [7; 32], vec![size()], [5; 32]);
    published.pairs = true;
    published.hash_bits = 19;
    published.blockings = vec![Blocking::new("year", CELLS, cells).unwrap()];
    published.own.left = Allowance {
        places: 1 << 20,
        lookups: 10,
        pairs: 100_000,
    };
    published
}

fn size() -> KeySize {
    KeySize::insecure_test_key(1024).unwrap()
}

fn choices() -> Choices {
    Choices::new(size(), 2_000_000_000)
}

fn ids(rules: &[&str]) -> Vec<String> {
    rules.iter().map(|&id| id.to_owned()).collect()
}

fn join(choices: &Choices, rules: &[&str], digest: [u8; 32]) -> Terms {
    Terms::join(choices, TableKind::Okvs, ids(rules), digest, 1000).unwrap()
}

fn offer(terms: Terms, published: &Published, blocks: Option<&BlockDirectory>) -> Offer {
    let size = match &terms.mode {
        Mode::Lookup => terms.rules.len() as u64 + u64::from(terms.canaries),
        Mode::Join { .. } => size_class(1000 + CANARY_ROOM),
        Mode::Pairwise(_) => size_class(blocks.map_or(0, BlockDirectory::padded_rows)),
    };
    let offer = Offer::new(terms, published, size, blocks, &mut rng(1)).unwrap();
    let read = Offer::decode(&offer.encode()).unwrap();
    assert_eq!(read, offer);
    read
}

fn admit(terms: Terms, blocks: Option<&BlockDirectory>) -> Result<Admitted, Error> {
    let published = published();
    published.admit(&offer(terms, &published, blocks))
}

fn parties() -> Parties {
    people().parties()
}

#[test]
fn a_session_pays_for_its_own_rules() {
    let rules = published().rules;
    let classes: Vec<u64> = rules.iter().map(|rule| rule.class).collect();
    for (rules, due) in [
        (&["id", "name", "phone"][..], classes.clone()),
        (&["name"], vec![classes[1]]),
        (&["id", "phone"], vec![classes[0], classes[2]]),
    ] {
        let admitted = admit(join(&choices(), rules, [7; 32]), None).unwrap();
        assert_eq!(admitted.provider_size, due.iter().sum::<u64>());
        assert_eq!(
            admitted.sizes.comparison_ciphertexts(),
            admitted.provider_size
        );
        assert_eq!(admitted.classes, due);
    }
    for (rules, stranger) in [(&["phone", "id"][..], "id"), (&["fax"], "fax")] {
        let refused = admit(join(&choices(), rules, [7; 32]), None).unwrap_err();
        let (id, theirs) = (stranger.to_owned(), THEIRS.to_owned());
        assert_eq!(refused, Objection::RuleId { id, theirs }.into());
        assert_eq!(refused.fault(), Fault::Refused);
    }
}

/// What the querier chooses about canaries moves no size over the edge of a class.
#[test]
fn no_size_depends_on_the_number_of_canaries() {
    let published = published();
    let cells = BlockDirectory::all(&published.blockings[0], &mut rng(1));
    let keys: Vec<Vec<u8>> = (0..9_u8).map(|i| vec![b'k', i]).collect();
    let hashed = BlockDirectory::hashed(
        3,
        published.own.salt,
        keys.iter().map(Vec::as_slice),
        &mut rng(1),
    );
    for count in [0, 1, 63, 64, 767, 768, 769, 1000] {
        let (ours, ..) = population(1, count, 0, 0);
        let keys = querier_keys(ours.iter().map(String::as_str));
        for (blocks, digest) in [
            (None, [7; 32]),
            (Some(&cells), CELLS),
            (Some(&hashed), [7; 32]),
        ] {
            let seen: Vec<_> = (0..=255)
                .map(|canaries| {
                    let choices = Choices {
                        canaries,
                        ..choices()
                    };
                    let terms = Terms::join(
                        &choices,
                        TableKind::Okvs,
                        ids(&["id"]),
                        digest,
                        keys.len() as u64,
                    );
                    let terms = terms.unwrap();
                    let cap = terms.match_cap;
                    let offer =
                        Offer::for_keys(terms, &published, &keys, blocks, &mut rng(1)).unwrap();
                    let admitted = published.admit(&offer).unwrap();
                    let room = admitted.provider_size - u64::from(canaries);
                    assert!(offer.querier_size - u64::from(canaries) >= keys.len() as u64);
                    assert!(room >= 320 || blocks.is_none());
                    (offer.querier_size, cap, admitted)
                })
                .collect();
            assert!(seen.iter().all(|sizes| *sizes == seen[0]), "{count} keys");
        }
    }
}

#[test]
fn dummies_stand_outside_of_the_class() {
    let counting = Choices {
        blind: false,
        ..choices()
    };
    let dummies = Choices {
        hide_count: true,
        ..counting.clone()
    };
    let comparisons = |choices: &Choices, table| {
        let terms = Terms::join(choices, table, ids(&["phone"]), [7; 32], 10).unwrap();
        admit(terms, None).unwrap().sizes.comparison_ciphertexts()
    };
    let class = published_class(40, 0);
    assert_eq!(comparisons(&counting, TableKind::Okvs), class);
    assert_eq!(comparisons(&dummies, TableKind::Okvs), class + 110);
    assert_eq!(comparisons(&dummies, TableKind::Cuckoo), 2 * (class + 110));
}

#[test]
fn sizes_in_cells_are_those_that_are_published() {
    let published = published();
    let blocking = &published.blockings[0];
    let all = BlockDirectory::all(blocking, &mut rng(1));
    let rules = ["id", "name", "phone"];
    let admitted = admit(join(&choices(), &rules, CELLS), Some(&all)).unwrap();
    assert_eq!(admitted.provider_size, 64 + 320 + CANARY_ROOM);
    assert!(admitted.classes.is_empty());
    let one = BlockDirectory::occurring(blocking, &[0, 11], 11, &mut rng(1));
    let lookup = Terms::lookup(&choices(), ids(&rules), CELLS).unwrap();
    let admitted = admit(lookup, Some(&one)).unwrap();
    assert_eq!(admitted.provider_size, 320 + CANARY_ROOM);
    assert_eq!((admitted.charge.lookups, admitted.charge.places), (3, 0));

    let pairs = |threshold, weights: [u8; 3], directory| {
        let rules = weights.map(|weight| (1, weight));
        let pairwise = Pairwise::of_rules(rules, threshold).unwrap();
        let choices = Choices {
            key_size: size(),
            ..choices()
        };
        let ids = ids(&["id", "name", "phone"]);
        let terms = Terms::pairs(&choices, pairwise, ids, CELLS, 1000).unwrap();
        admit(terms, Some(directory))
    };
    let directory = BlockDirectory::of_pairs(blocking, &[0, 17], 11, false, &mut rng(1));
    let admitted = pairs(None, [1, 1, 1], &directory).unwrap();
    assert_eq!(admitted.provider_size, 12 * 16 + 20 * 40 + CANARY_ROOM);
    assert_eq!(admitted.charge.pairs, 12 * 16 + 20 * 40);
    let weights = pairs(Some(2), [1, 1, 1], &directory).unwrap_err();
    assert_eq!(weights, Objection::Weights.into());
}

#[test]
fn hashed_blocks_cost_their_bound_whatever_is_in_them() {
    let published = published();
    let keys: Vec<Vec<u8>> = (0..40_u8).map(|i| vec![b'k', i]).collect();
    let ask = |bits, salt, count: usize, rules: &[&str]| {
        let keys = keys[..count].iter().map(Vec::as_slice);
        let blocks = BlockDirectory::hashed(bits, salt, keys, &mut rng(1));
        let admitted = admit(join(&choices(), rules, [7; 32]), Some(&blocks));
        admitted.map(|admitted| (admitted.provider_size, blocks.len() as u64))
    };
    let salt = published.own.salt;
    let all = ["id", "name", "phone"];
    let total: u64 = published.rules.iter().map(|rule| rule.class).sum();
    assert_eq!(published.most_hash_bits(&ids(&all)), 7);
    for (bits, count) in [(1, 40), (7, 1), (7, 40)] {
        let (size, blocks) = ask(bits, salt, count, &all).unwrap();
        assert_eq!(size, blocks * bound(total, bits) + CANARY_ROOM);
    }
    // A thousand keys in a block, of the rules that are asked for.
    let most = Objection::HashBits { bits: 8, most: 7 };
    assert_eq!(ask(8, salt, 1, &all), Err(most.into()));
    let most = Objection::HashBits { bits: 1, most: 0 };
    assert_eq!(ask(1, salt, 1, &["phone"]), Err(most.into()));
    assert_eq!(ask(3, [6; 32], 1, &all), Err(Error::Outdated));
}

#[test]
fn what_is_not_published_is_objected_to() {
    let rules = ["id", "name", "phone"];
    let plain = || join(&choices(), &rules, [7; 32]);
    let refused = |change: &dyn Fn(&mut Published), terms: Terms| {
        let mut published = published();
        change(&mut published);
        let offer = offer(terms, &published, None);
        published.admit(&offer).map(|_| ())
    };
    let nothing = |_: &mut Published| {};
    assert_eq!(refused(&nothing, plain()), Ok(()));
    let counting = Choices {
        blind: false,
        ..choices()
    };
    let subgroup = Choices {
        profile: Profile::Subgroup,
        ..choices()
    };
    let set = |counting| move |published: &mut Published| published.counting = counting;
    let pairs = Pairwise::of_rules([(1, 1); 3], None).unwrap();
    let pairs = Terms::pairs(&choices(), pairs, ids(&rules), CELLS, 1).unwrap();
    let rules_differ = || Objection::Rules {
        theirs: THEIRS.to_owned(),
    };
    let cases: [(Change<'_>, Terms, Objection); 6] = [
        (
            &|published| published.key_sizes = vec![KeySize::new(3072).unwrap()],
            plain(),
            Objection::KeySize {
                bits: 1024,
                accepted: vec![3072],
            },
        ),
        (
            &|published| published.profiles = vec![Profile::DjnShort],
            join(&subgroup, &rules, [7; 32]),
            Objection::Profile {
                profile: Profile::Subgroup.name(),
            },
        ),
        (
            &set(Counting::Required),
            plain(),
            Objection::CountingRequired,
        ),
        (
            &set(Counting::Refused),
            join(&counting, &rules, [7; 32]),
            Objection::CountingRefused,
        ),
        (&nothing, join(&choices(), &rules, [8; 32]), rules_differ()),
        (&nothing, join(&choices(), &rules, CELLS), rules_differ()),
    ];
    for (change, terms, objection) in cases {
        assert_eq!(refused(change, terms), Err(objection.into()));
    }
    // A single match of a lookup is the answer: it is blind whatever the provider wants to count.
    let lookup = Terms::lookup(&counting, ids(&rules), [7; 32]).unwrap();
    assert_eq!(refused(&set(Counting::Required), lookup), Ok(()));

    let mut without = published();
    without.pairs = false;
    let cells = BlockDirectory::of_pairs(&without.blockings[0], &[0, 0], 4, false, &mut rng(1));
    let offer = offer(pairs, &without, Some(&cells));
    assert_eq!(without.admit(&offer), Err(Objection::Pairs.into()));
    without.pairs = true;
    assert_eq!(without.admit(&offer), Err(Error::Outdated));

    let own = OwnTerms {
        renewed: 5,
        ..published().own
    };
    let charge = Allowance {
        places: own.left.places,
        lookups: 11,
        pairs: 0,
    };
    let objection = Objection::Allowance {
        what: "lookups",
        needed: 11,
        left: 10,
        renewed: 5,
    };
    assert_eq!(own.check(&charge), Err(objection));
    assert_eq!(own.check(&own.left), Ok(()));
}

/// Offers that do not fit themselves are refused before anything is held against them.
#[test]
fn offers_are_checked_against_themselves() {
    let published = published();
    let blocking = &published.blockings[0];
    let pairwise = Pairwise::of_rules([(1, 1); 3], None).unwrap();
    let rules = || ids(&["id", "name", "phone"]);
    let pairs = Terms::pairs(&choices(), pairwise, rules(), CELLS, 9).unwrap();
    let join = join(&choices(), &["id"], CELLS);
    let plain = BlockDirectory::all(blocking, &mut rng(1));
    let counted = BlockDirectory::of_pairs(blocking, &[9, 70], 11, false, &mut rng(1));
    let hashed = BlockDirectory::hashed(3, [5; 32], [&b"k"[..]], &mut rng(1));
    assert_eq!(counted.padded_rows(), 12 + 80);
    for (terms, size, blocks) in [
        (&pairs, 96, None),
        (&pairs, 96, Some(&hashed)),
        (&pairs, 96, Some(&plain)),
        (&pairs, 80, Some(&counted)),
        (&pairs, 112, Some(&counted)),
        (&join, 1280, Some(&counted)),
    ] {
        let refused = Offer::new(terms.clone(), &published, size, blocks, &mut rng(1));
        assert!(
            matches!(refused, Err(Error::ManifestContradiction { .. })),
            "{refused:?}"
        );
    }
    Offer::new(pairs, &published, 96, Some(&counted), &mut rng(1)).unwrap();
    let lookup = |blind, dummies| {
        let mut terms = Terms::lookup(&choices(), rules(), [7; 32]).unwrap();
        (terms.blind, terms.dummies) = (blind, dummies);
        terms.check()
    };
    assert_eq!(lookup(true, None), Ok(()));
    assert!(lookup(false, None).is_err());
    assert!(lookup(true, Some(Dummies::default())).is_err());
}

#[test]
fn querier_and_provider_write_the_same_manifest() {
    let published = published();
    let offer = offer(join(&choices(), &["id"], [7; 32]), &published, None);
    let answer = Answer::new(&mut rng(2));
    let answer = Answer::decode(&answer.encode()).unwrap();
    let manifest = Manifest::new(&offer, &answer, &published, parties()).unwrap();
    let read = Manifest::decode(&manifest.encode()).unwrap();
    assert_eq!(read, manifest);
    let admitted = published.admit(&offer).unwrap();
    assert_eq!(read.check_negotiation(&offer, &answer, &admitted), Ok(()));
    let other = Admitted {
        provider_size: admitted.provider_size + 1,
        ..admitted.clone()
    };
    assert_eq!(
        read.check_negotiation(&offer, &answer, &other),
        Err(Error::ManifestMismatch {
            field: "provider's size"
        })
    );

    // The bins may differ by one, which is a rounding, and nothing else may.
    let changed = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = manifest.clone();
        change(&mut manifest);
        Manifest::decode(&manifest.encode())
    };
    for bins in [manifest.plan.bins - 1, manifest.plan.bins + 1] {
        let manifest = changed(&|manifest| manifest.plan.bins = bins).unwrap();
        let places = 3 * u64::from(bins) + u64::from(manifest.plan.dense);
        assert_eq!(manifest.sizes().unwrap().table_entries(), places);
        assert_eq!(
            manifest.check_negotiation(&offer, &answer, &admitted),
            Ok(())
        );
    }
    let contradictions: [&dyn Fn(&mut Manifest); 9] = [
        &|manifest| manifest.plan.bins += 2,
        &|manifest| manifest.plan.dense += 1,
        &|manifest| manifest.plan.shard_bits = 1,
        &|manifest| manifest.plan.shard_querier += 1,
        &|manifest| manifest.plan.shard_provider += 1,
        &|manifest| manifest.provider_size += 1,
        &|manifest| manifest.classes.push(0),
        &|manifest| manifest.blocks = Some([1; 32]),
        &|manifest| manifest.parties.keyholder = manifest.parties.querier,
    ];
    for (number, change) in contradictions.into_iter().enumerate() {
        let refused = changed(change);
        assert!(
            matches!(refused, Err(Error::ManifestContradiction { .. })),
            "{number}: {refused:?}"
        );
    }
}

#[test]
fn publications_survive_the_wire_and_their_digest_is_the_same_for_all() {
    let published = published();
    let bytes = published.encode();
    assert_eq!(Published::decode(&bytes).as_ref(), Ok(&published));
    let mut other = published.clone();
    other.own.salt = [1; 32];
    other.own.left.places = 3;
    other.own.renewed = 4;
    assert_eq!(other.digest(), published.digest());
    assert_ne!(other.encode(), bytes);
    let changes: [fn(&mut Published); 10] = [
        |published| published.rules[1].class = 64,
        |published| published.rules[1].weight = 3,
        |published| published.rules_digest[3] = 0,
        |published| published.profiles.truncate(1),
        |published| published.key_sizes.clear(),
        |published| published.counting = Counting::Refused,
        |published| published.pairs = false,
        |published| published.blockings.clear(),
        |published| published.hash_bits = 0,
        |published| published.next = 9,
    ];
    for change in changes {
        let mut other = published.clone();
        change(&mut other);
        assert_ne!(other.digest(), published.digest());
        assert_eq!(Published::decode(&other.encode()), Ok(other));
    }
    let refused: [fn(&mut Published); 5] = [
        |published| published.rules.clear(),
        |published| published.rules[1].id = "id".to_owned(),
        |published| published.rules[1].class = 65,
        |published| published.hash_bits = 20,
        |published| {
            let twice = published.blockings[0].clone();
            published.blockings.push(twice);
        },
    ];
    for change in refused {
        let mut other = published.clone();
        change(&mut other);
        let malformed = Err(Error::Malformed { what: "published" });
        assert_eq!(Published::decode(&other.encode()), malformed);
    }
}

/// Each message names its version before anything else that could change.
#[test]
fn messages_of_another_version_are_refused_as_such() {
    let published = published();
    let offer = offer(join(&choices(), &["id"], [7; 32]), &published, None);
    let answer = Answer::new(&mut rng(2));
    let manifest = Manifest::new(&offer, &answer, &published, parties()).unwrap();
    let messages: [(&'static str, Vec<u8>, Decodes); 4] = [
        ("offer", offer.encode(), |bytes| Offer::decode(bytes).err()),
        ("answer", answer.encode(), |bytes| {
            Answer::decode(bytes).err()
        }),
        ("manifest", manifest.encode(), |bytes| {
            Manifest::decode(bytes).err()
        }),
        ("published", published.encode(), |bytes| {
            Published::decode(bytes).err()
        }),
    ];
    for (what, bytes, decode) in messages {
        assert_eq!(decode(&bytes), None);
        let ours = Manifest::VERSION;
        for theirs in [1, ours + 1] {
            let mut other = bytes.clone();
            other[what.len()..what.len() + 2].copy_from_slice(&theirs.to_be_bytes());
            other.truncate(60);
            assert_eq!(decode(&other), Some(Error::Version { what, ours, theirs }));
        }
    }
}

#[test]
fn a_card_in_cells_counts_records_once() {
    let blocking = &published().blockings[0];
    let mut builder = QuerierKeysBuilder::new(2);
    for key in [&b"id\0a\x001950"[..], b"id\0b\x001960"] {
        let row = builder.row().unwrap();
        builder.push(row, 0, key).unwrap();
        builder.push(row, 1, &[b"x", key].concat()).unwrap();
    }
    builder.row().unwrap();
    let keys = builder.build();
    assert_eq!(keys.blocks().len(), 3);
    let counts = blocking.count(keys.blocks().into_iter().flatten());
    assert_eq!(counts, [1, 1]);
}
