//! A linkage in the clear: what a card must say, for whoever holds both sides.

use std::collections::HashSet;

use blindjoin_protocol::input::{ProviderKeys, QuerierKeys};

/// Yields each cell of the card that has a value: row, rule and whether it matches, in no order. Cells of
/// a row without a block are not compared, and not among them.
pub fn cells<'a>(
    ours: &'a QuerierKeys,
    theirs: &ProviderKeys,
) -> impl Iterator<Item = (u32, u16, bool)> + use<'a> {
    let theirs: HashSet<&[u8]> = theirs.iter().collect();
    let matched: Vec<bool> = ours.iter().map(|key| theirs.contains(key)).collect();
    matched.into_iter().enumerate().flat_map(|(key, matched)| {
        let cells = ours.cells(key).iter();
        cells.map(move |&(row, rule)| (row, rule, matched))
    })
}
