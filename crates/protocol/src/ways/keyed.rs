//! What the ways of comparing keys have in common: canaries, and the card of the keys that matched.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.7.

use std::sync::Arc;

use zeroize::Zeroize;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::card::{Card, Cell};
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::keys::QuerierKeys;
use crate::terms::Terms;
use crate::ways::way::{Collect, Layout, check_spurious};

/// Yields what is to be known of each key and behind them of each canary, without growing, so that
/// nothing is left behind unerased.
pub(super) fn with_canaries<'a, T: Zeroize>(
    agreement: &Agreement,
    fingerprints: &Fingerprints,
    keys: impl ExactSizeIterator<Item = &'a [u8]>,
    of: impl Fn(&[u8]) -> T,
) -> Zeroizing<Vec<T>> {
    let canaries = agreement.manifest().terms.canaries;
    let mut all = Zeroizing::new(Vec::with_capacity(keys.len() + usize::from(canaries)));
    all.extend(keys.map(&of));
    all.extend((0..canaries).map(|number| of(&fingerprints.canary(number))));
    all
}

/// The tags of the querier's keys, ascending, with their keys.
#[derive(Clone, Debug)]
struct Labels(Vec<(u64, u32)>);

impl Labels {
    fn of(tags: impl Iterator<Item = u64>) -> Self {
        let mut tags: Vec<(u64, u32)> = tags.zip(0_u32..).collect();
        tags.sort_unstable();
        Self(tags)
    }

    /// Calls `found` with every key of the label; yields their number.
    fn resolve(&self, label: u64, mut found: impl FnMut(u32)) -> usize {
        let start = self.0.partition_point(|(tag, _)| *tag < label);
        let of_label = self.0[start..].iter().take_while(|(tag, _)| *tag == label);
        of_label.map(|&(_, key)| found(key)).count()
    }
}

/// Whose keys and canaries bear which label, and which of them found no place.
pub(super) struct KeyLayout {
    keys: Arc<QuerierKeys>,
    labels: Labels,
    /// Ascending.
    unplaced: Vec<u32>,
    /// The label of dummy matches, if there are some.
    dummy: Option<u64>,
    canaries: usize,
}

impl KeyLayout {
    pub(super) fn new(
        agreement: &Agreement,
        keys: Arc<QuerierKeys>,
        tags: impl Iterator<Item = u64>,
        unplaced: Vec<u32>,
    ) -> Self {
        let Terms {
            dummies, canaries, ..
        } = &agreement.manifest().terms;
        Self {
            keys,
            labels: Labels::of(tags),
            unplaced,
            dummy: dummies.map(|_| agreement.suite().reserved_label()),
            canaries: usize::from(*canaries),
        }
    }

    /// Makes the card of how often each key and each canary matched.
    fn card(&self, hits: &[u8], ambiguous: &[bool], spurious: u64) -> Result<Card, Error> {
        check_spurious(spurious)?;
        if hits
            .iter()
            .zip(ambiguous)
            .any(|(&hits, &ambiguous)| hits > 1 && !ambiguous)
        {
            return Err(Error::MatchedTwice);
        }
        let unplaced = |key: usize| {
            u32::try_from(key).is_ok_and(|key| self.unplaced.binary_search(&key).is_ok())
        };
        let canaries = self.keys.len()..hits.len();
        let placed = canaries.clone().filter(|&key| !unplaced(key));
        let (placed, missing) = placed.fold((0, 0), |(placed, missing), key| {
            (placed + 1, missing + usize::from(hits[key] == 0))
        });
        if missing > 0 {
            return Err(Error::CanaryMissing { missing, placed });
        }
        let mut card = Card::new(self.keys.rows(), self.keys.rules());
        for (key, &hits) in hits.iter().enumerate().take(self.keys.len()) {
            let cell = match (hits, unplaced(key)) {
                (_, true) => Cell::NotCompared,
                (0, false) => Cell::NotMatched,
                (_, false) => Cell::Matched,
            };
            for &(row, rule) in self.keys.cells(key) {
                card.raise(row, rule, cell);
            }
        }
        for &(row, rule) in self.keys.not_compared() {
            card.raise(row, rule, Cell::NotCompared);
        }
        let notes = card.notes_mut();
        notes.spurious = spurious;
        notes.ambiguous = ambiguous.iter().filter(|&&ambiguous| ambiguous).count() as u64;
        notes.unplaced = (0..self.keys.len()).filter(|&key| unplaced(key)).count() as u64;
        notes.unplaced_canaries = canaries.filter(|&key| unplaced(key)).count() as u64;
        Ok(card)
    }
}

impl Layout for KeyLayout {
    fn collect(&self) -> Box<dyn Collect + '_> {
        let all = self.keys.len() + self.canaries;
        Box::new(Hits {
            layout: self,
            times: vec![0; all],
            ambiguous: vec![false; all],
            spurious: 0,
        })
    }

    fn len(&self) -> usize {
        self.keys.len()
    }

    fn unplaced(&self) -> usize {
        self.unplaced.len()
    }
}

struct Hits<'a> {
    layout: &'a KeyLayout,
    /// For each key, and behind them each canary, how often it matched.
    times: Vec<u8>,
    ambiguous: Vec<bool>,
    spurious: u64,
}

impl Collect for Hits<'_> {
    fn take(&mut self, _: u64, label: u64) {
        if self.layout.dummy == Some(label) {
            return;
        }
        let (hits, ambiguous) = (&mut self.times, &mut self.ambiguous);
        let mut first = None;
        let named = self.layout.labels.resolve(label, |key| {
            hits[key as usize] = hits[key as usize].saturating_add(1);
            if let Some(first) = first.replace(key) {
                ambiguous[first as usize] = true;
                ambiguous[key as usize] = true;
            }
        });
        self.spurious += u64::from(named == 0);
    }

    fn card(self: Box<Self>) -> Result<Card, Error> {
        self.layout
            .card(&self.times, &self.ambiguous, self.spurious)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_all_its_keys() {
        let labels = Labels::of([70, 50, 70, 90].into_iter());
        let named = |label| {
            let mut keys = Vec::new();
            labels.resolve(label, |key| keys.push(key));
            keys
        };
        assert_eq!(named(70), [0, 2]);
        assert_eq!(named(50), [1]);
        assert!(named(60).is_empty());
    }
}
