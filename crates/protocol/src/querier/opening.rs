//! Opening the key holder's result: pads off, labels back to keys, every check, and the card.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.7.

use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::card::Card;
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::size::NO_POSITION;
use crate::stream::inbound::Ended;
use crate::stream::kind::Account;
use crate::suite::Suite;
use crate::ways::way::Collect;

/// The result as far as it has been opened.
pub struct Opening<'a> {
    agreement: &'a Agreement,
    fingerprints: &'a Fingerprints,
    reader: Reader,
    found: Box<dyn Collect + 'a>,
}

impl<'a> Opening<'a> {
    pub(super) fn new(
        agreement: &'a Agreement,
        fingerprints: &'a Fingerprints,
        found: Box<dyn Collect + 'a>,
    ) -> Self {
        Self {
            reader: Reader::new(agreement),
            agreement,
            fingerprints,
            found,
        }
    }

    /// Takes the next payload of the result stream.
    ///
    /// # Errors
    ///
    /// [`Error::ResultPositions`] when positions do not ascend, [`Error::Malformed`].
    pub fn take(mut self, payload: &[u8]) -> Result<Self, Error> {
        let found = &mut self.found;
        let keys = self.fingerprints;
        self.reader
            .read(keys, payload, |position, label| found.take(position, label))?;
        Ok(self)
    }

    /// Makes the remaining checks and yields the card, canaries and dummies removed.
    ///
    /// `result` and `summary` are the ends of the streams that brought the result and the provider's
    /// account.
    ///
    /// # Errors
    ///
    /// [`Error::SessionFailed`] when the key
    /// holder found a batch or the number of matches to be wrong, [`Error::Disagreement`] when the two
    /// accounts differ, [`Error::Spurious`], [`Error::MatchedTwice`], [`Error::CanaryMissing`].
    pub fn finish(self, result: &Ended, summary: &Ended) -> Result<Card, Error> {
        check_accounts(self.agreement, result, summary)?;
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
fn check_accounts(agreement: &Agreement, result: &Ended, summary: &Ended) -> Result<(), Error> {
    if result.failed {
        return Err(Error::SessionFailed);
    }
    let (keyholder, provider): (Option<Account>, Option<Account>) = (result.about, summary.about);
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
        fingerprints: &Fingerprints,
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
            fingerprints.uncover_blind(first, &mut words);
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
            matched(position, fingerprints.uncover(position, label));
        }
        Ok(())
    }
}
