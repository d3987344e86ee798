//! A querier that asks the provider for one person in every way there is without a session: two
//! registries that differ in one record must answer alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use blindjoin_protocol::agree::{Objection, Pairwise, Terms};
use blindjoin_protocol::input::{BlockDirectory, ProviderKeys, ProviderRecords, join_key};
use blindjoin_protocol::parts::{BlockOffer, NamedCell, size_class};
use blindjoin_service::config::{LinkOptions, ProviderConfig, ProviderLimits};
use blindjoin_service::provider::{Blocked, Registry};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::common::{DIGEST, RULES, Serving, Setup, options, querier_keys, registry, terms};
use crate::hand::{Hand, Seen};

/// Whom the querier wants to know about.
const CANDIDATE: &str = "candidate";

/// What both sides call the rules in blocks of birth years.
const YEARS: [u8; 32] = [8; 32];

/// People: an id, and the year of birth if it is known.
type People = Vec<(String, Option<u16>)>;

/// Years with so many people, and many people without one.
fn people() -> People {
    let years = [(1950, 40), (1951, 10), (1952, 9), (1954, 90), (1955, 300)];
    let mut people: People = (0..3000).map(|id| (format!("{id}"), None)).collect();
    for (year, count) in years {
        people.extend((0..count).map(|id| (format!("{year}-{id}"), Some(year))));
    }
    people
}

/// The registry of these people, in blocks of years too, with their records for pairs.
fn in_years(people: &People) -> Registry {
    let mut records = ProviderRecords::new(&Pairwise::of_rules([(1, 1); 2], None).unwrap());
    let mut sizes = BTreeMap::<Vec<u8>, usize>::new();
    let (mut keys, mut in_blocks) = (Vec::new(), Vec::new());
    for (id, year) in people {
        let name = format!(
            "name {}",
            id.len() + id.bytes().map(usize::from).sum::<usize>() % 50
        );
        let block = year.map(|year| year.to_string().into_bytes());
        for (rule, value) in RULES.iter().zip([id, &name]) {
            let mut key = Vec::new();
            join_key(&mut key, rule, value.as_bytes(), None).unwrap();
            keys.push(key.clone());
            if let Some(block) = &block {
                join_key(&mut key, rule, value.as_bytes(), Some(block)).unwrap();
                in_blocks.push(key);
            }
        }
        if let Some(block) = block {
            let values = [id.as_bytes(), name.as_bytes()].map(Some);
            records.push(&block, &values).unwrap();
            *sizes.entry(block).or_default() += 1;
        }
    }
    let collect = |keys: &[Vec<u8>]| {
        let keys = keys.iter().map(Vec::as_slice);
        Arc::new(ProviderKeys::collect(keys).unwrap())
    };
    Registry {
        rules: RULES.map(str::to_owned).to_vec(),
        rules_digest: DIGEST,
        forms: vec![(1, 1); 2],
        keys: collect(&keys),
        blocked: vec![Blocked {
            name: "year".to_owned(),
            digest: YEARS,
            keys: collect(&in_blocks),
            sizes: sizes.into_iter().collect(),
            records: Some(Arc::new(records)),
        }],
    }
}

/// A set-up in which nothing ends an interrogation early.
fn patient() -> Setup {
    let mut setup = Setup::new();
    setup.provider_limits = ProviderLimits {
        hash_bits: 19,
        sessions: 10_000,
        sessions_per_querier: 10_000,
        table_mib: Some(1 << 30),
        places: Some(1 << 40),
        pairs: 1 << 40,
        ..setup.provider_limits
    };
    setup
}

/// Blocks that name the candidate's, one after the other, and what else may be named.
fn blocks(hand: &Hand) -> Vec<Option<BlockOffer>> {
    let (salt, provider_salt) = ([2; 32], hand.published.own.salt);
    let cells = |named: Vec<(u32, u32)>| {
        let named = named
            .into_iter()
            .map(|(position, rows)| NamedCell { position, rows });
        let named = named.collect();
        Some(BlockOffer::Cells { salt, named })
    };
    let count = u32::try_from(hand.published.blockings[0].cells().len()).unwrap();
    let mut all = vec![
        None,
        cells((0..count).map(|cell| (cell, 0)).collect()),
        cells((0..count).map(|cell| (cell, 12)).collect()),
    ];
    for position in 0..count + 3 {
        for rows in [0, 4, 12, 13, 1 << 20, u32::MAX] {
            all.push(cells(vec![(position, rows)]));
        }
    }
    let mut key = Vec::new();
    join_key(&mut key, RULES[0], CANDIDATE.as_bytes(), None).unwrap();
    for (bits, provider_salt) in [
        (1, provider_salt),
        (2, provider_salt),
        (3, provider_salt),
        (19, provider_salt),
        (1, [7; 32]),
    ] {
        let prefixes = vec![BlockDirectory::prefix(&provider_salt, bits, &key)];
        all.push(Some(BlockOffer::Prefixes {
            salt,
            provider_salt,
            bits,
            prefixes,
        }));
    }
    all
}

/// Every combination of rules, mode and blocks, in sizes that fit and in others.
async fn interrogate(hand: &Hand) -> Vec<Seen> {
    let ids = |ids: &[&str]| ids.iter().map(|&id| id.to_owned()).collect::<Vec<_>>();
    let rules = [
        ids(&["ID"]),
        ids(&["NAME"]),
        ids(&["ID", "NAME"]),
        ids(&["NAME", "ID"]),
    ];
    let pairwise = Pairwise::of_rules([(1, 1); 2], None).unwrap();
    let mut seen = Vec::new();
    for blocks in blocks(hand) {
        let in_cells = matches!(blocks, Some(BlockOffer::Cells { .. }));
        let digest = if in_cells { YEARS } else { DIGEST };
        for rules in &rules {
            let options = options();
            let join = options.terms(rules.clone(), digest, 1).unwrap();
            let lookup = options.lookup_terms(rules.clone(), digest).unwrap();
            let size = lookup.rules.len() as u64;
            let pairs = LinkOptions {
                key_bits: 1024,
                ..options
            };
            let pairs = pairs.pair_terms(rules.clone(), digest, pairwise.clone());
            let mut asked = vec![(join.clone(), 512), (lookup, size + 32)];
            asked.extend(pairs.ok().map(|pairs| (pairs, size_class(12))));
            if rules.len() == 1 {
                // Tables as large as they come, and sizes that are none.
                asked.extend([1 << 20, 1 << 25, 511, 0, u64::MAX].map(|size| (join.clone(), size)));
            }
            for (terms, size) in asked {
                seen.push(hand.ask(&hand.offer(terms, size, blocks.clone())).await);
            }
        }
    }
    // On what was published before, and under other rules.
    let plain = terms(&options(), 1);
    let mut before = hand.offer(plain.clone(), 512, None);
    before.published = [3; 32];
    seen.push(hand.ask(&before).await);
    let others = Terms {
        rules_digest: [4; 32],
        ..plain
    };
    seen.push(hand.ask(&hand.offer(others, 512, None)).await);
    seen
}

/// Everything that a querier sees of a provider with these people, before and after a restart.
async fn world(
    setup: &Setup,
    config: &ProviderConfig,
    people: &People,
) -> Vec<(Vec<u8>, Vec<Seen>)> {
    let mut all = Vec::new();
    for _start in 0..2 {
        let provider = Serving::provider(config, in_years(people)).await;
        let hand = Hand::at(setup, &setup.querier, &provider).await;
        let mut published = hand.published.clone();
        // By the clock, which goes on.
        published.own.renewed = 0;
        let published = published.encode();
        all.push((published, interrogate(&hand).await));
        provider.stop().await;
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_offer_tells_two_registries_apart_that_differ_in_one_record() {
    let setup = patient();
    let nobody = "127.0.0.1:9".parse().unwrap();
    let with = |year: Option<u16>| {
        let mut people = people();
        people.push((CANDIDATE.to_owned(), year));
        people
    };
    // The candidate is in no block, in a small one, in an otherwise empty one, in an offered one.
    let mut worlds = Vec::new();
    for people in [
        people(),
        with(None),
        with(Some(1952)),
        with(Some(1953)),
        with(Some(1954)),
    ] {
        let config = setup.provider_config_with_dice(nobody);
        worlds.push(world(&setup, &config, &people).await);
    }
    let (absent, present) = worlds.split_first().unwrap();
    for present in present {
        for (absent, present) in absent.iter().zip(present) {
            assert_eq!(absent.0, present.0, "what is published");
            for (number, (absent, present)) in absent.1.iter().zip(&present.1).enumerate() {
                assert_eq!(absent, present, "offer {number}");
            }
        }
    }

    // It was asked for in many ways, some of which were answered, and charged.
    let (first, second) = (&absent[0].1, &absent[1].1);
    let answered = |seen: &&Seen| matches!(seen, Seen::Answered(..));
    assert!(first.len() > 300, "{} offers", first.len());
    assert!(first.iter().filter(answered).count() > 40);
    assert_eq!(answers(first), answers(second));
    let left = |seen: &Seen| match seen {
        Seen::Answered(_, left) | Seen::Refused(_, _, left) => *left,
    };
    let (before, after) = (left(first.last().unwrap()), left(&second[0]));
    assert!(before[0] >= after[0], "a restart gives nothing back");
    for pair in first.windows(2) {
        let (before, after) = (left(&pair[0]), left(&pair[1]));
        assert_eq!(answered(&&pair[1]), before != after, "{pair:?}");
    }
}

/// Which offers were answered, and with which words the others were refused.
fn answers(seen: &[Seen]) -> Vec<Option<&str>> {
    let mut said = Vec::new();
    for seen in seen {
        said.push(match seen {
            Seen::Answered(..) => None,
            Seen::Refused(_, text, _) => Some(text.as_str()),
        });
    }
    said
}

/// Walking the canaries, or the querier's own size, over the edge of the provider's class.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_size_depends_on_the_number_of_canaries() {
    let setup = patient();
    let nobody = "127.0.0.1:9".parse().unwrap();
    let mut worlds = Vec::new();
    // Every number of people has its own distance from the edge of its class.
    for count in [190, 191, 200] {
        let ids: Vec<String> = (0..count).map(|id| id.to_string()).collect();
        let values: Vec<_> = ids.iter().map(|id| [Some(id.as_str()), None]).collect();
        let config = setup.provider_config_with_dice(nobody);
        let provider = Serving::provider(&config, registry(&values)).await;
        let hand = Hand::at(&setup, &setup.querier, &provider).await;
        let mut sizes = Vec::new();
        for canaries in 0..=255 {
            let options = LinkOptions {
                canaries,
                ..options()
            };
            let offer = hand.offer(terms(&options, 1), 512, None);
            assert!(matches!(hand.ask(&offer).await, Seen::Answered(..)));
            let admitted = hand.published.admit(&offer).unwrap();
            sizes.push((admitted.provider_size, admitted.classes, admitted.sizes));
        }
        assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
        worlds.push(sizes);
        provider.stop().await;
    }
    assert!(worlds.iter().all(|sizes| sizes[0] == worlds[0][0]));
}

/// What the provider would refuse is told before it is asked, with the numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_querier_finds_objections_before_it_asks() {
    let setup = patient();
    let nobody = "127.0.0.1:9".parse().unwrap();
    let provider = setup.serve_provider(nobody, &[[Some("1"), None]]).await;
    let hand = Hand::at(&setup, &setup.querier, &provider).await;
    let one = querier_keys(&[[Some(CANDIDATE), None]]);
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let blocks = BlockDirectory::hashed(1, hand.published.own.salt, one.iter(), &mut rng);
    let offer = blindjoin_protocol::agree::Offer::for_keys(
        terms(&options(), 1),
        &hand.published,
        &one,
        Some(&blocks),
        &mut rng,
    )
    .unwrap();
    // Two classes of some 320 keys are less than two thousand.
    let objection = Objection::HashBits { bits: 1, most: 0 };
    assert_eq!(hand.published.admit(&offer), Err(objection.into()));
    assert!(matches!(hand.ask(&offer).await, Seen::Refused(..)));
    provider.stop().await;
}
