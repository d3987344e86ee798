//! What blocks show, and to whom.

use blindjoin_protocol::agree::{Offer, TableKind, Terms};
use blindjoin_protocol::input::{
    BlockDirectory, ProviderKeys, QuerierKeys, QuerierKeysBuilder, join_key,
};
use blindjoin_protocol::parts::BlockOffer;

use crate::common::{blocking, published, rng, terms};
use crate::view::{Asked, World, distinguish, play};

fn key_of(name: &str, year: &str) -> Vec<u8> {
    let mut key = Vec::new();
    join_key(&mut key, "id", name.as_bytes(), Some(year.as_bytes())).unwrap();
    key
}

fn ours(records: &[(&str, &str)], directory: &BlockDirectory) -> QuerierKeys {
    let mut builder = QuerierKeysBuilder::new(1);
    for (name, year) in records {
        let row = builder.row().unwrap();
        builder.push(row, 0, &key_of(name, year)).unwrap();
    }
    let mut keys = builder.build();
    keys.leave_out(directory);
    keys
}

fn theirs(records: &[(&str, &str)], directory: &BlockDirectory) -> ProviderKeys {
    let keys: Vec<Vec<u8>> = records
        .iter()
        .map(|(name, year)| key_of(name, year))
        .collect();
    let admitted = keys.iter().filter(|key| directory.admits_join_key(key));
    ProviderKeys::collect(admitted.map(Vec::as_slice)).unwrap()
}

/// What the provider is sent of a directory.
fn offered(directory: &BlockDirectory) -> Option<BlockOffer> {
    let offer = Offer::new(blind(), &published(), 320, Some(directory), &mut rng(1));
    offer.unwrap().blocks
}

fn blind() -> Terms {
    Terms {
        blind: true,
        ..terms(TableKind::Okvs)
    }
}

fn world(directory: BlockDirectory, ours: QuerierKeys, theirs: ProviderKeys) -> World {
    World {
        terms: blind(),
        asked: Asked::Keys(ours, theirs),
        blocks: Some(directory),
        provider_size: 320,
    }
}

const MINE: [(&str, &str); 3] = [("A", "1950"), ("B", "1951"), ("C", "1950")];
const MOVED: [(&str, &str); 3] = [("A", "1952"), ("B", "1952"), ("D", "1951")];
const HELD: [(&str, &str); 4] = [("A", "1950"), ("X", "1950"), ("Y", "1951"), ("Z", "1952")];

/// All offered cells are named: where the querier's records are stays its own affair, towards the
/// provider and the key holder.
#[test]
fn naming_all_cells_shows_nobody_where_the_records_are() {
    let cells = blocking(&[(b"1950", 20), (b"1951", 20), (b"1952", 20)]);
    let [one, other] = [MINE, MOVED].map(|mine| {
        let all = BlockDirectory::all(&cells, &mut rng(1));
        let world = world(all.clone(), ours(&mine, &all), theirs(&HELD, &all));
        (
            play(&world, u64::from(mine[0].1.as_bytes()[3])),
            offered(&all),
        )
    });
    assert_eq!(one.1, other.1, "what the provider is sent");
    assert_eq!(distinguish(&one.0.provider, &other.0.provider), None);
    assert_eq!(distinguish(&one.0.keyholder, &other.0.keyholder), None);
}

/// The key holder does not learn which cells are named, as long as they have the same classes.
#[test]
fn the_key_holder_cannot_tell_which_cells_are_named() {
    let views = [[b"1950", b"1951"], [b"1951", b"1952"]].map(|[one, other]| {
        let cells = blocking(&[(one, 20), (other, 20)]);
        let named = BlockDirectory::all(&cells, &mut rng(2));
        let world = world(named.clone(), ours(&MINE, &named), theirs(&HELD, &named));
        play(&world, u64::from(one[3])).keyholder
    });
    assert_eq!(distinguish(&views[0], &views[1]), None);
}

/// Hashed blocks: the provider is sent prefixes, the key holder sees how many; the control.
#[test]
fn hashed_blocks_show_the_provider_prefixes_and_the_key_holder_nothing_more() {
    let keys = |names: &[&str]| -> Vec<Vec<u8>> {
        names.iter().map(|name| key_of(name, "1950")).collect()
    };
    let directory = |names: &[&str], seed| {
        let keys = keys(names);
        BlockDirectory::hashed(8, [6; 32], keys.iter().map(Vec::as_slice), &mut rng(seed))
    };
    let (one, other) = (directory(&["A"], 3), directory(&["B"], 3));
    assert_ne!(
        offered(&one),
        offered(&other),
        "a prefix is what the provider learns"
    );
    let views = [("A", one), ("B", other)].map(|(name, directory)| {
        let mine = [(name, "1950")];
        let world = world(
            directory.clone(),
            ours(&mine, &directory),
            theirs(&HELD, &directory),
        );
        play(&world, u64::from(name.as_bytes()[0])).keyholder
    });
    assert_eq!(distinguish(&views[0], &views[1]), None);
}
