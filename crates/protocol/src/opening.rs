//! Opening the key holder's result: pads off, labels back to keys, every check, and the card.

use crate::agreement::Agreement;
use crate::card::{Card, Cell};
use crate::keys::JoinKeys;
use crate::querier::{KeyLayout, Layout, Querier};
use crate::stream::{Account, Inbound};
use crate::{Error, Suite};

/// The position of an entry that pads the result.
pub(crate) const NO_POSITION: u64 = u64::MAX;

/// Spurious labels beyond this many are reported as suspicious.
pub(crate) const SPURIOUS_BY_CHANCE: u64 = 2;

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
    querier: &'a Querier,
    reader: Reader,
    found: Found,
}

/// What the labels taken so far name.
#[derive(Debug)]
enum Found {
    Keys {
        /// For each key, and behind them each canary, how often it matched.
        hits: Vec<u8>,
        ambiguous: Vec<bool>,
        spurious: u64,
    },
    /// Positions of a pairwise linkage with their unmasked labels.
    Slots(Vec<(u64, u64)>),
}

impl<'a> Opening<'a> {
    pub(crate) fn new(querier: &'a Querier) -> Self {
        let terms = &querier.agreement.manifest().terms;
        let found = match &querier.layout {
            Layout::Keys(layout) => {
                let all = layout.keys.len() + usize::from(terms.canaries);
                Found::Keys {
                    hits: vec![0; all],
                    ambiguous: vec![false; all],
                    spurious: 0,
                }
            }
            Layout::Pairs(_) => Found::Slots(Vec::new()),
        };
        Self {
            reader: Reader::new(&querier.agreement),
            querier,
            found,
        }
    }

    /// Takes the next payload of the result stream.
    ///
    /// # Errors
    ///
    /// [`Error::ResultPositions`] when positions do not ascend, [`Error::Malformed`].
    pub fn take(mut self, payload: &[u8]) -> Result<Self, Error> {
        let (querier, found) = (self.querier, &mut self.found);
        let reserved = querier.agreement.suite().reserved_label();
        let dummies = querier.agreement.manifest().terms.dummies.is_some();
        self.reader
            .read(&querier.join_keys, payload, |position, label| {
                match (&querier.layout, &mut *found) {
                    (Layout::Keys(_), Found::Keys { .. }) if dummies && label == reserved => {}
                    (
                        Layout::Keys(layout),
                        Found::Keys {
                            hits,
                            ambiguous,
                            spurious,
                        },
                    ) => {
                        let mut first = None;
                        let named = layout.labels.resolve(label, |key| {
                            hits[key as usize] = hits[key as usize].saturating_add(1);
                            if let Some(first) = first.replace(key) {
                                ambiguous[first as usize] = true;
                                ambiguous[key as usize] = true;
                            }
                        });
                        *spurious += u64::from(named == 0);
                    }
                    (_, Found::Slots(slots)) => slots.push((position, label)),
                    (Layout::Pairs(_), Found::Keys { .. }) => {
                        unreachable!("an opening is made for its layout")
                    }
                }
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
        check_accounts(&self.querier.agreement, result, summary)?;
        self.reader.check_complete()?;
        match (&self.querier.layout, self.found) {
            (
                Layout::Keys(layout),
                Found::Keys {
                    hits,
                    ambiguous,
                    spurious,
                },
            ) => layout.card(&hits, &ambiguous, spurious),
            (Layout::Pairs(layout), Found::Slots(slots)) => layout.card(&slots),
            _ => unreachable!("an opening is made for its layout"),
        }
    }
}

impl KeyLayout {
    /// Makes the card of how often each key and each canary matched.
    fn card(&self, hits: &[u8], ambiguous: &[bool], spurious: u64) -> Result<Card, Error> {
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
        notes.suspicious = spurious > SPURIOUS_BY_CHANCE;
        notes.ambiguous = ambiguous.iter().filter(|&&ambiguous| ambiguous).count() as u64;
        notes.unplaced = (0..self.keys.len()).filter(|&key| unplaced(key)).count() as u64;
        notes.unplaced_canaries = canaries.filter(|&key| unplaced(key)).count() as u64;
        Ok(card)
    }
}

/// Checks that result and summary have ended and speak of the same stream of the agreed length.
fn check_accounts(agreement: &Agreement, result: &Inbound, summary: &Inbound) -> Result<(), Error> {
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
struct Reader {
    suite: Suite,
    blind: bool,
    positions: u64,
    next: u64,
    padding: bool,
}

impl Reader {
    fn new(agreement: &Agreement) -> Self {
        Self {
            suite: agreement.suite(),
            blind: agreement.manifest().terms.blind,
            positions: agreement.sizes().positions(),
            next: 0,
            padding: false,
        }
    }

    /// Checks that a blind result has a value for every position.
    fn check_complete(&self) -> Result<(), Error> {
        if self.blind && self.next != self.positions {
            return Err(Error::Disagreement);
        }
        Ok(())
    }

    /// Calls `matched` with the position and unmasked label of every match in a payload.
    fn read(
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
