//! How many keys a registry has under each rule, and in each block.

use rayon::prelude::*;

use super::registry::{Blocked, Registry};

/// The numbers that classes are made of. They leave the provider rounded and with noise only.
pub(super) struct Census {
    /// Keys, for each rule.
    pub(super) rules: Vec<u64>,
    pub(super) blockings: Vec<BlockingCensus>,
}

pub(super) struct BlockingCensus {
    pub(super) name: String,
    pub(super) digest: [u8; 32],
    /// In ascending order of their keys.
    pub(super) cells: Vec<Cell>,
}

/// One block of a blocking.
pub(super) struct Cell {
    pub(super) key: Vec<u8>,
    pub(super) keys: u64,
    pub(super) records: u64,
}

impl Census {
    pub(super) fn take(registry: &Registry) -> Self {
        Self {
            rules: count_rules(registry),
            blockings: registry.blocked.iter().map(BlockingCensus::take).collect(),
        }
    }
}

impl BlockingCensus {
    fn take(blocked: &Blocked) -> Self {
        let mut cells: Vec<Cell> = blocked
            .sizes
            .iter()
            .map(|(key, records)| Cell {
                key: key.clone(),
                keys: 0,
                records: *records as u64,
            })
            .collect();
        cells.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let keys = &blocked.keys;
        let counts = count(cells.len(), keys.len(), |index| {
            let block = block_of(keys.get(index));
            let position = cells.binary_search_by(|cell| cell.key.as_slice().cmp(block));
            position.ok()
        });
        for (cell, keys) in cells.iter_mut().zip(counts) {
            cell.keys = keys;
        }
        Self {
            name: blocked.name.clone(),
            digest: blocked.digest,
            cells,
        }
    }
}

fn count_rules(registry: &Registry) -> Vec<u64> {
    let keys = &registry.keys;
    count(registry.rules.len(), keys.len(), |index| {
        let rule = rule_of(keys.get(index));
        registry.rules.iter().position(|id| id.as_bytes() == rule)
    })
}

/// Counts items by the class that each is in, on all threads.
fn count(
    classes: usize,
    items: usize,
    class: impl Fn(usize) -> Option<usize> + Send + Sync,
) -> Vec<u64> {
    let add = |mut counts: Vec<u64>, item| {
        if let Some(class) = class(item) {
            counts[class] += 1;
        }
        counts
    };
    let sum = |mut counts: Vec<u64>, others: Vec<u64>| {
        for (count, other) in counts.iter_mut().zip(others) {
            *count += other;
        }
        counts
    };
    let none = || vec![0; classes];
    let items = (0..items).into_par_iter().with_min_len(1 << 16);
    items.fold(none, add).reduce(none, sum)
}

/// The rule of a join key.
pub(super) fn rule_of(join_key: &[u8]) -> &[u8] {
    let end = join_key.iter().position(|&byte| byte == 0);
    &join_key[..end.unwrap_or(join_key.len())]
}

/// The block of a join key in blocks.
pub(super) fn block_of(join_key: &[u8]) -> &[u8] {
    let start = join_key.iter().rposition(|&byte| byte == 0);
    &join_key[start.map_or(0, |at| at + 1)..]
}
