//! Opening the key holder's result: pads off, labels back to keys, every check, and the card.

use crate::agreement::Agreement;
use crate::card::{Card, Cell};
use crate::input::QuerierKeys;
use crate::keys::JoinKeys;
use crate::stream::{Account, Inbound};
use crate::{Error, Suite};

/// The position of an entry that pads the result.
pub(crate) const NO_POSITION: u64 = u64::MAX;

/// Spurious labels beyond this many are reported as suspicious.
const SPURIOUS_BY_CHANCE: u64 = 2;

/// What a label names.
#[derive(Clone, Debug)]
pub(crate) enum Labels {
    /// A place of the table, which holds a key or nothing.
    Places(Vec<u32>),
    /// A tag: ascending tags with their keys.
    Tags(Vec<(u64, u32)>),
}

impl Labels {
    pub(crate) fn tags(tags: impl Iterator<Item = u64>) -> Self {
        let mut tags: Vec<(u64, u32)> = tags.zip(0_u32..).collect();
        tags.sort_unstable();
        Self::Tags(tags)
    }

    /// Calls `found` with every key of the label; yields their number.
    fn resolve(&self, label: u64, mut found: impl FnMut(u32)) -> usize {
        match self {
            Self::Places(places) => {
                let key = usize::try_from(label).ok().and_then(|at| places.get(at));
                let Some(&key) = key.filter(|&&key| key != u32::MAX) else {
                    return 0;
                };
                found(key);
                1
            }
            Self::Tags(tags) => {
                let start = tags.partition_point(|(tag, _)| *tag < label);
                let of_label = tags[start..].iter().take_while(|(tag, _)| *tag == label);
                of_label.map(|&(_, key)| found(key)).count()
            }
        }
    }
}

/// The result as far as it has been opened.
#[derive(Debug)]
pub struct Opening<'a> {
    agreement: Agreement,
    join_keys: &'a JoinKeys,
    keys: &'a QuerierKeys,
    labels: &'a Labels,
    unplaced: &'a [u32],
    reader: Reader,
    hits: Vec<u8>,
    ambiguous: Vec<bool>,
    spurious: u64,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(
        agreement: Agreement,
        join_keys: &'a JoinKeys,
        keys: &'a QuerierKeys,
        labels: &'a Labels,
        unplaced: &'a [u32],
    ) -> Self {
        let all = keys.len() + usize::from(agreement.manifest().terms.canaries);
        Self {
            reader: Reader::new(&agreement),
            agreement,
            join_keys,
            keys,
            labels,
            unplaced,
            hits: vec![0; all],
            ambiguous: vec![false; all],
            spurious: 0,
        }
    }

    /// Takes the next payload of the result stream.
    ///
    /// # Errors
    ///
    /// [`Error::ResultPositions`] when positions do not ascend, [`Error::Malformed`].
    pub fn take(mut self, payload: &[u8]) -> Result<Self, Error> {
        let (labels, hits, ambiguous) = (self.labels, &mut self.hits, &mut self.ambiguous);
        let spurious = &mut self.spurious;
        let reserved = self.agreement.suite().reserved_label();
        let dummies = self.agreement.manifest().terms.dummies.is_some();
        self.reader.read(self.join_keys, payload, |_, label| {
            if dummies && label == reserved {
                return;
            }
            let mut first = None;
            let found = labels.resolve(label, |key| {
                hits[key as usize] = hits[key as usize].saturating_add(1);
                if let Some(first) = first.replace(key) {
                    ambiguous[first as usize] = true;
                    ambiguous[key as usize] = true;
                }
            });
            *spurious += u64::from(found == 0);
        })?;
        Ok(self)
    }

    /// Makes the remaining checks and yields the card, canaries and dummies removed.
    ///
    /// `result` and `summary` are the streams that brought the result and the provider's account,
    /// both to their end.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] when a stream has not ended, [`Error::Disagreement`] when the two
    /// accounts differ, [`Error::MatchedTwice`], [`Error::CanaryMissing`].
    pub fn finish(self, result: &Inbound, summary: &Inbound) -> Result<Card, Error> {
        check_accounts(&self.agreement, result, summary)?;
        if self
            .hits
            .iter()
            .zip(&self.ambiguous)
            .any(|(&hits, &ambiguous)| hits > 1 && !ambiguous)
        {
            return Err(Error::MatchedTwice);
        }
        let unplaced = |key: usize| {
            u32::try_from(key).is_ok_and(|key| self.unplaced.binary_search(&key).is_ok())
        };
        let canaries = self.keys.len()..self.hits.len();
        let placed = canaries.clone().filter(|&key| !unplaced(key));
        let (placed, missing) = placed.fold((0, 0), |(placed, missing), key| {
            (placed + 1, missing + usize::from(self.hits[key] == 0))
        });
        if missing > 0 {
            return Err(Error::CanaryMissing { missing, placed });
        }
        let mut card = Card::new(self.keys.rows(), self.keys.rules());
        for key in 0..self.keys.len() {
            let cell = match (self.hits[key], unplaced(key)) {
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
        notes.spurious = self.spurious;
        notes.suspicious = self.spurious > SPURIOUS_BY_CHANCE;
        notes.ambiguous = self
            .ambiguous
            .iter()
            .filter(|&&ambiguous| ambiguous)
            .count() as u64;
        notes.unplaced = (0..self.keys.len()).filter(|&key| unplaced(key)).count() as u64;
        notes.unplaced_canaries = canaries.filter(|&key| unplaced(key)).count() as u64;
        Ok(card)
    }
}

/// Checks that result and summary have ended and speak of the same stream of the agreed length.
pub(crate) fn check_accounts(
    agreement: &Agreement,
    result: &Inbound,
    summary: &Inbound,
) -> Result<(), Error> {
    result.account()?;
    summary.account()?;
    let (keyholder, provider): (Option<Account>, Option<Account>) =
        (result.about(), summary.about());
    let agreed = agreement.sizes().comparison_ciphertexts();
    if keyholder != provider || keyholder.is_none_or(|account| account.ciphertexts != agreed) {
        return Err(Error::Disagreement);
    }
    Ok(())
}

/// Reads result payloads: entries of position and masked label, or a blind value per position.
#[derive(Debug)]
pub(crate) struct Reader {
    suite: Suite,
    blind: bool,
    positions: u64,
    next: u64,
    padding: bool,
}

impl Reader {
    pub(crate) fn new(agreement: &Agreement) -> Self {
        Self {
            suite: agreement.suite(),
            blind: agreement.manifest().terms.blind,
            positions: agreement.sizes().positions(),
            next: 0,
            padding: false,
        }
    }

    /// Checks that a blind result has a value for every position.
    pub(crate) fn check_complete(&self) -> Result<(), Error> {
        if self.blind && self.next != self.positions {
            return Err(Error::Disagreement);
        }
        Ok(())
    }

    /// Calls `matched` with the position and unmasked label of every match in a payload.
    pub(crate) fn read(
        &mut self,
        join_keys: &JoinKeys,
        payload: &[u8],
        mut matched: impl FnMut(u64, u64),
    ) -> Result<(), Error> {
        if self.blind {
            for bytes in payload.chunks(self.suite.residue_bytes()) {
                let value = bytes
                    .iter()
                    .fold(0, |acc, &byte| acc << 8 | u128::from(byte));
                if self.next >= self.positions || value >= self.suite.t() {
                    return Err(Error::Malformed {
                        what: "blind result",
                    });
                }
                let pad = join_keys.blind_pad(self.next);
                let label = (value + self.suite.t() - pad) % self.suite.t();
                if let Some(label) = u64::try_from(label)
                    .ok()
                    .filter(|&l| l <= self.suite.reserved_label())
                {
                    matched(self.next, label);
                }
                self.next += 1;
            }
            return Ok(());
        }
        let malformed = Error::Malformed { what: "result" };
        for entry in payload.chunks(8 + self.suite.label_bytes()) {
            let (position, label) = entry.split_at_checked(8).ok_or(malformed.clone())?;
            let position = u64::from_be_bytes(position.try_into().expect("eight bytes"));
            if position == NO_POSITION {
                self.padding = true;
                continue;
            }
            if self.padding || position < self.next || position >= self.positions {
                return Err(Error::ResultPositions);
            }
            self.next = position + 1;
            let label = label
                .iter()
                .fold(0, |acc, &byte| acc << 8 | u64::from(byte));
            matched(position, label ^ join_keys.pad(position));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_all_its_keys_and_a_place_its_one() {
        let named = |labels: &Labels, label| {
            let mut keys = Vec::new();
            labels.resolve(label, |key| keys.push(key));
            keys
        };
        let tags = Labels::tags([70, 50, 70, 90].into_iter());
        assert_eq!(named(&tags, 70), [0, 2]);
        assert_eq!(named(&tags, 50), [1]);
        assert!(named(&tags, 60).is_empty());
        let places = Labels::Places(vec![u32::MAX, 3]);
        assert_eq!(named(&places, 1), [3]);
        assert!(named(&places, 0).is_empty() && named(&places, 1 << 40).is_empty());
    }
}
