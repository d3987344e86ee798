//! Opening the key holder's result: pads off, labels back to keys, every check, and the card.

use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::card::{Card, Cell};
use crate::keys::JoinKeys;
use crate::querier::{KeyLayout, Layout, Querier};
use crate::stream::{Account, Inbound};
use crate::{Error, Suite};

/// The position of an entry that pads the result.
pub(crate) const NO_POSITION: u64 = u64::MAX;

/// The spurious labels that chance explains: any more, and no match of the session is reported.
///
/// Blind or not, a word that is no match passes for a label with chance 2^(L - |t|), 2⁻³³ in a join,
/// because what its mask leaves is uniform below `t`: of 2²⁵ words, for more than ten million keys in
/// a cuckoo table, more than two pass with chance 2⁻²⁶. A blind word that somebody changes is as
/// uniform, so it is lost like a dropped one, which is what canaries are for.
const SPURIOUS_BY_CHANCE: u64 = 2;

/// Checks that no more labels are spurious than chance explains.
pub(crate) fn check_spurious(labels: u64) -> Result<(), Error> {
    if labels > SPURIOUS_BY_CHANCE {
        return Err(Error::Spurious { labels });
    }
    Ok(())
}

/// The tags of the querier's keys, ascending, with their keys.
#[derive(Clone, Debug)]
pub(crate) struct Labels(Vec<(u64, u32)>);

impl Labels {
    pub(crate) fn of(tags: impl Iterator<Item = u64>) -> Self {
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
    /// [`Error::StreamState`] when a stream has not ended, [`Error::SessionFailed`] when the key
    /// holder found a batch or the number of matches to be wrong, [`Error::Disagreement`] when the two
    /// accounts differ, [`Error::Spurious`], [`Error::MatchedTwice`], [`Error::CanaryMissing`].
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

/// Checks that result and summary have ended and speak of the same stream of the agreed length.
fn check_accounts(agreement: &Agreement, result: &Inbound, summary: &Inbound) -> Result<(), Error> {
    result.account()?;
    summary.account()?;
    if result.reports_failure() {
        return Err(Error::SessionFailed);
    }
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
            let words = payload.chunks(self.suite.residue_bytes()).map(|bytes| {
                let shift = |word, &byte: &u8| word << 8 | u128::from(byte);
                bytes.iter().fold(0, shift)
            });
            let mut words: Zeroizing<Vec<u128>> = Zeroizing::new(words.collect());
            let (first, count) = (self.next, words.len() as u64);
            if count > self.positions - first || words.iter().any(|&w| w >= self.suite.t()) {
                return Err(Error::Malformed {
                    what: "blind result",
                });
            }
            join_keys.uncover_blind(first, &mut words);
            for (position, &word) in (first..).zip(words.iter()) {
                if let Ok(label) = u64::try_from(word)
                    && label <= self.suite.reserved_label()
                {
                    matched(position, label);
                }
            }
            self.next += count;
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
            matched(position, join_keys.uncover(position, label));
        }
        Ok(())
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
