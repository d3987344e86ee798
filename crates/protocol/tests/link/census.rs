//! What must be used once is used once: masks, and whatever a batch draws.

use std::collections::BTreeSet;

use blindjoin_protocol::agree::{TableKind, Terms};
use blindjoin_protocol::parts::{Fingerprints, Suite};

use crate::common::{
    population, provider_keys, querier_keys, send_table, session, take_table, terms,
};

/// Two points of an affine map are the map.
#[test]
fn no_two_positions_share_a_mask() {
    const POSITIONS: u64 = 20_000;
    for suite in [Suite::J89, Suite::T107] {
        let keys = Fingerprints::from_keys(suite, &[1; 32], &[2; 32], &[3; 32]);
        let maps: BTreeSet<_> = (0..POSITIONS)
            .map(|position| (keys.cover(position, 0), keys.cover(position, 1)))
            .collect();
        assert_eq!(maps.len() as u64, POSITIONS, "{}", suite.name());
        let blind: BTreeSet<_> = (0..POSITIONS)
            .map(|position| (keys.cover_blind(position, 0), keys.cover_blind(position, 1)))
            .collect();
        assert_eq!(blind.len() as u64, POSITIONS, "{}, blind", suite.name());
        // A factor of zero would hide nothing that is done to a label.
        assert!(maps.iter().all(|(one, other)| one != other));
        assert!(blind.iter().all(|(one, other)| one != other));
    }
}

/// Ciphertexts repeat where a batch is computed again, and nowhere else: not in another batch, and not
/// in another session of the same keys.
#[test]
fn no_two_comparisons_share_their_randomness() {
    let (ours, theirs, _) = population(1, 40, 2500, 10);
    let terms = Terms {
        blind: true,
        ..terms(TableKind::Okvs)
    };
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for seed in [1, 2] {
        let session = session(terms.clone(), 64, 3072, None, seed).unwrap();
        let keys = querier_keys(ours.iter().map(String::as_str));
        let (_, table) = send_table(&session, keys).unwrap();
        let keys = provider_keys(theirs.iter().map(String::as_str));
        let provider = take_table(&session, &keys, &table).unwrap();
        let geometry = provider.comparisons();
        assert!(geometry.chunks() > 2, "{} batches", geometry.chunks());
        for batch in 0..geometry.chunks() {
            let computed = provider.compare(batch).unwrap();
            assert_eq!(computed, provider.compare(batch).unwrap(), "batch {batch}");
            for ciphertext in computed.chunks_exact(geometry.item_bytes()) {
                seen.insert(ciphertext.to_vec());
                count += 1;
            }
        }
    }
    assert_eq!(seen.len(), count);
}
