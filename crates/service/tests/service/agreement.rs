//! Over gRPC, every mode yields the card of a join in the clear, and what crosses the network
//! depends on public sizes only.

use std::collections::BTreeSet;

use blindjoin_protocol::Cell;
use blindjoin_protocol::agree::{Mask, TableKind};
use blindjoin_protocol::parts::{CANARY_ROOM, bound, published_class};
use blindjoin_service::Identity;
use blindjoin_service::config::{LinkOptions, ProviderConfig};
use blindjoin_service::progress::Figures;
use blindjoin_service::querier::{Blocks, Question, link};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use crate::common::{Serving, Setup, options, querier_keys, registry, terms};

/// Records with two values each, some of them missing, many of them shared.
struct People(Vec<[Option<String>; 2]>);

impl People {
    fn new(count: usize, rng: &mut ChaCha20Rng) -> Self {
        Self::of_ids(count, 200, rng)
    }

    /// With so many ids, and sixty names.
    fn of_ids(count: usize, ids: u64, rng: &mut ChaCha20Rng) -> Self {
        let mut value = |range: u64| {
            let drawn = rng.next_u64() % (range + range / 8);
            (drawn < range).then(|| drawn.to_string())
        };
        Self((0..count).map(|_| [value(ids), value(60)]).collect())
    }

    fn values(&self) -> Vec<[Option<&str>; 2]> {
        self.0
            .iter()
            .map(|values| values.each_ref().map(Option::as_deref))
            .collect()
    }
}

fn join(ours: &People, theirs: &People) -> Vec<Vec<Cell>> {
    let known: [BTreeSet<&str>; 2] = [0, 1].map(|rule| {
        theirs
            .values()
            .iter()
            .filter_map(|values| values[rule])
            .collect()
    });
    let cell = |value: Option<&str>, known: &BTreeSet<&str>| match value {
        None => Cell::NoValue,
        Some(value) if known.contains(value) => Cell::Matched,
        Some(_) => Cell::NotMatched,
    };
    let rows = ours.values();
    rows.iter()
        .map(|values| [0, 1].map(|rule| cell(values[rule], &known[rule])).to_vec())
        .collect()
}

fn modes() -> Vec<LinkOptions> {
    let mut modes = Vec::new();
    for table in [TableKind::Cuckoo, TableKind::Okvs] {
        let plain = LinkOptions {
            table: Some(table),
            ..options()
        };
        modes.push(LinkOptions {
            counting: Some(true),
            ..plain.clone()
        });
        modes.push(LinkOptions {
            hide_count: true,
            ..plain.clone()
        });
        if table == TableKind::Cuckoo {
            let mask = Mask::Full;
            modes.push(LinkOptions {
                mask,
                ..plain.clone()
            });
        }
        modes.push(plain);
    }
    modes
}

/// Links in one mode; the card's cells, and what was counted.
async fn run(
    setup: &Setup,
    (keyholder, provider): (&Serving, &Serving),
    options: &LinkOptions,
    ours: &People,
    blocks: Option<u8>,
) -> (Vec<Vec<Cell>>, Figures) {
    let counterparts = setup.counterparts(keyholder.address, provider.address);
    let identity = Identity::load(&setup.querier).unwrap();
    let keys = querier_keys(&ours.values());
    let terms = terms(options, keys.len());
    let question = Question::Keys(keys, blocks.map(Blocks::Hashed));
    let linked = link(&identity, &counterparts, terms, question, &())
        .await
        .unwrap();
    let rows = (0..linked.card.rows()).map(|row| linked.card.row(row).to_vec());
    (rows.collect(), linked.figures)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mode_agrees_with_a_join_in_the_clear() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let (ours, theirs) = (People::new(90, &mut rng), People::new(120, &mut rng));
    let expected = join(&ours, &theirs);
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let provider = setup
        .serve_provider(keyholder.address, &theirs.values())
        .await;
    let servers = (&keyholder, &provider);
    for options in modes() {
        // Two at once.
        let (one, other) = tokio::join!(
            run(&setup, servers, &options, &ours, None),
            run(&setup, servers, &options, &ours, None),
        );
        assert_eq!(one.0, expected, "{options:?}");
        assert_eq!(other.0, expected, "{options:?}");
    }
    provider.stop().await;
    keyholder.stop().await;
}

/// Of hashed blocks the work follows from classes and bits; whether a block has records of the
/// provider's makes no difference.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hashed_blocks_are_found_in_and_padded_to_their_bound() {
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    let (ours, theirs) = (
        People::of_ids(40, 2000, &mut rng),
        People::of_ids(4000, 2000, &mut rng),
    );
    let mut setup = Setup::new();
    setup.provider_limits.hash_bits = 1;
    let keyholder = setup.serve_keyholder().await;
    let config = ProviderConfig {
        insecure_exact_classes: true,
        ..setup.provider_config(keyholder.address)
    };
    let theirs_keys = registry(&theirs.values());
    let provider = Serving::provider(&config, theirs_keys).await;
    let servers = (&keyholder, &provider);
    let options = options();
    let (cells, figures) = run(&setup, servers, &options, &ours, Some(1)).await;
    assert_eq!(cells, join(&ours, &theirs));
    let class: u64 = [1734, 60].map(|keys| published_class(keys, 0)).iter().sum();
    assert_eq!(figures.comparisons, 2 * bound(class, 1) + CANARY_ROOM);

    // One key, one block.
    let one = People(vec![[Some("1".to_owned()), None]]);
    let (_, figures) = run(&setup, servers, &options, &one, Some(1)).await;
    assert_eq!(figures.comparisons, bound(class, 1) + CANARY_ROOM);
    provider.stop().await;
    keyholder.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_crosses_the_network_depends_on_sizes_only() {
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let mut seen: Vec<Vec<[u64; 5]>> = Vec::new();
    // At most 44 keys on either side, canaries aside: the same size classes both times.
    for seed in [2, 3] {
        let mut rng = ChaCha20Rng::from_seed([seed; 32]);
        let (ours, theirs) = (People::new(20, &mut rng), People::new(22, &mut rng));
        let provider = setup
            .serve_provider(keyholder.address, &theirs.values())
            .await;
        let mut sizes = Vec::new();
        for options in modes() {
            let (_, figures) = run(&setup, (&keyholder, &provider), &options, &ours, None).await;
            sizes.push([
                figures.table_entries,
                figures.table_bytes,
                figures.comparisons,
                figures.comparison_bytes,
                figures.result_bytes,
            ]);
        }
        provider.stop().await;
        seen.push(sizes);
    }
    for ((one, other), options) in seen[0].iter().zip(&seen[1]).zip(modes()) {
        assert_eq!(one, other, "{options:?}");
    }
}
