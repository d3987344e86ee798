//! Opening the key holder's result: pads off, labels back to keys, every check, and the card.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.7.

use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::card::Card;
use crate::keys::JoinKeys;
use crate::querier::Querier;
use crate::stream::{Account, Inbound};
use crate::ways::Collect;
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

/// The result as far as it has been opened.
pub struct Opening<'a> {
    querier: &'a Querier,
    reader: Reader,
    found: Box<dyn Collect + 'a>,
}

impl<'a> Opening<'a> {
    pub(crate) fn new(querier: &'a Querier) -> Self {
        Self {
            reader: Reader::new(&querier.agreement),
            found: querier.layout.collect(),
            querier,
        }
    }

    /// Takes the next payload of the result stream.
    ///
    /// # Errors
    ///
    /// [`Error::ResultPositions`] when positions do not ascend, [`Error::Malformed`].
    pub fn take(mut self, payload: &[u8]) -> Result<Self, Error> {
        let found = &mut self.found;
        let keys = &self.querier.join_keys;
        self.reader
            .read(keys, payload, |position, label| found.take(position, label))?;
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
        self.found.card()
    }
}

impl std::fmt::Debug for Opening<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opening")
            .field("next", &self.reader.next)
            .finish_non_exhaustive()
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
