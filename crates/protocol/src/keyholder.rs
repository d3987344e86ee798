//! The key holder: decrypts the comparisons and lets the matches out, after the whole stream.

use std::sync::Arc;

use blindjoin_bigint::Naturals;
use blindjoin_paillier::SecretKey;

use crate::agreement::Agreement;
use crate::field::Mersenne;
use crate::keys::Channel;
use crate::opening::NO_POSITION;
use crate::size::{Geometry, Sizes};
use crate::stream::{Account, Head, Inbound, Outbound, StreamKind};
use crate::{Error, Mask, Mode, number};

/// The key holder's side of a session.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    agreement: Agreement,
    secret_key: Arc<SecretKey>,
}

/// What the key holder found in one batch: positions with masked labels, or one value per position
/// in a blind session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    batch: u64,
    found: Found,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Matches(Vec<(u64, u64)>),
    Values(Vec<u8>),
}

impl KeyHolder {
    /// Takes the secret key of the agreement's public key.
    pub fn new(agreement: &Agreement, secret_key: Arc<SecretKey>) -> Self {
        Self {
            agreement: agreement.clone(),
            secret_key,
        }
    }

    /// Opens the stream that brings the comparisons.
    pub fn comparison_stream(&self, provider: &Channel) -> Inbound {
        let head = Head {
            geometry: self.agreement.sizes().comparisons(),
            about: None,
        };
        Inbound::new(provider, StreamKind::Comparisons, head)
    }

    /// Decrypts one batch: the payload of the chunk of that number.
    ///
    /// Batches are independent of each other. Time depends on the number of ciphertexts, and on
    /// the number of matches in building the list of them.
    ///
    /// # Errors
    ///
    /// [`Error::MalformedCiphertext`] for any ciphertext out of range, not coprime to the modulus,
    /// or decrypting to something no comparison yields; which one is not said.
    /// [`Error::NoSuchBatch`], [`Error::StreamSize`].
    pub fn decide(&self, batch: u64, payload: &[u8]) -> Result<Verdicts, Error> {
        let stream = StreamKind::Comparisons.name();
        let geometry = self.agreement.sizes().comparisons();
        let range = geometry.range(batch)?;
        if payload.len() != geometry.items_in(batch)? * geometry.item_bytes() {
            return Err(Error::StreamSize { stream });
        }
        let malformed = |_| Error::MalformedCiphertext {
            stream,
            number: batch,
        };
        let terms = &self.agreement.manifest().terms;
        let (sizes, suite) = (self.agreement.sizes(), self.agreement.suite());
        let slots = sizes.slots();
        let first = range.start * slots as u64;
        let found = if terms.mask == Mask::Full {
            let plain = self.secret_key.decrypt(payload).map_err(malformed)?;
            let label = |i: usize| {
                let [low, high @ ..] = plain.item(i) else {
                    return None;
                };
                let small = high
                    .iter()
                    .fold(low >> suite.label_bits(), |acc, word| acc | word);
                Some(*low).filter(|_| small == 0)
            };
            Found::Matches(
                (first..)
                    .zip((0..plain.len()).map(label))
                    .filter_map(|(j, l)| Some((j, l?)))
                    .collect(),
            )
        } else {
            let slot_bits = suite.slot_bits();
            let plain = match slots {
                1 => self.secret_key.decrypt_packed(payload, slot_bits),
                // What lies below a prime factor costs half.
                _ if slots <= suite.slots_below_factor(terms.key_size.bits()) => {
                    self.secret_key.decrypt_small(payload)
                }
                _ => self.secret_key.decrypt(payload),
            };
            let plain = plain.map_err(malformed)?;
            if exceeds(&plain, slot_bits * slots) {
                return Err(Error::MalformedCiphertext {
                    stream,
                    number: batch,
                });
            }
            let field = Mersenne::new(suite.t_bits());
            let residues = (0..plain.len())
                .flat_map(|i| (0..slots).map(move |s| (i, s)))
                .map(|(i, s)| residue(&plain, i, s * slot_bits, slot_bits, field));
            if terms.blind {
                let keep = 16 - suite.residue_bytes();
                Found::Values(
                    residues
                        .flat_map(|w| w.to_be_bytes().into_iter().skip(keep))
                        .collect(),
                )
            } else {
                let matches = (first..)
                    .zip(residues)
                    .filter(|(_, w)| w >> suite.label_bits() == 0);
                let matches = matches.map(|(j, w)| (j, number::label(w)));
                Found::Matches(self.above_threshold(matches.collect()))
            }
        };
        Ok(Verdicts { batch, found })
    }

    /// Withholds the shares of pairs below the threshold, where there is one: too few to open, they
    /// would still tell the querier how near an unknown pair comes.
    fn above_threshold(&self, matches: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
        let Mode::Pairwise(pairwise) = &self.agreement.manifest().terms.mode else {
            return matches;
        };
        let needed = usize::from(pairwise.threshold.unwrap_or(1));
        let slots = self.agreement.sizes().slots() as u64;
        matches
            .chunk_by(|(one, _), (other, _)| one / slots == other / slots)
            .filter(|pair| pair.len() >= needed)
            .flatten()
            .copied()
            .collect()
    }

    /// Starts to collect verdicts, in the order of their batches.
    pub fn release(&self) -> Release {
        Release {
            agreement: self.agreement.clone(),
            next: 0,
            matches: Vec::new(),
            values: Vec::new(),
        }
    }
}

/// Whether any plaintext reaches beyond the slots.
fn exceeds(plain: &Naturals, bits: usize) -> bool {
    let above = (bits..plain.bits()).step_by(64);
    let excess = (0..plain.len()).fold(0, |excess, index| {
        above.clone().fold(excess, |excess, from| {
            excess | plain.window(index, from, 64)
        })
    });
    excess != 0
}

/// `bits` bits of an integer from bit `from`, modulo `t`.
fn residue(plain: &Naturals, index: usize, from: usize, bits: usize, field: Mersenne) -> u128 {
    let mut words = [0; crate::mask::SLOT_WORDS];
    for (i, word) in words.iter_mut().enumerate().take(bits.div_ceil(64)) {
        *word = plain.window(index, from + 64 * i, (bits - 64 * i).min(64));
    }
    field.reduce_words(&words)
}

/// The verdicts of a stream, withheld until all of it has been verified.
#[derive(Debug)]
pub struct Release {
    agreement: Agreement,
    next: u64,
    matches: Vec<(u64, u64)>,
    values: Vec<u8>,
}

impl Release {
    /// Takes the verdicts on the next batch.
    ///
    /// # Errors
    ///
    /// [`Error::MatchCap`] as soon as the cap is exceeded, [`Error::ChunkOutOfOrder`].
    pub fn take(mut self, verdicts: Verdicts) -> Result<Self, Error> {
        if verdicts.batch != self.next {
            let stream = StreamKind::Comparisons.name();
            return Err(Error::ChunkOutOfOrder {
                stream,
                expected: self.next,
                got: verdicts.batch,
            });
        }
        match verdicts.found {
            Found::Matches(matches) => self.matches.extend(matches),
            Found::Values(values) => self.values.extend(values),
        }
        let cap = self.agreement.manifest().terms.match_cap;
        if self.matches.len() as u64 > cap {
            return Err(Error::MatchCap { cap });
        }
        self.next += 1;
        Ok(self)
    }

    /// Yields the result for the querier, once the stream of comparisons has ended.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] when the stream or the verdicts are incomplete.
    pub fn finish(self, comparisons: &Inbound) -> Result<Released, Error> {
        let account = comparisons.account()?;
        if self.next != self.agreement.sizes().comparisons().chunks() {
            let stream = StreamKind::Comparisons.name();
            return Err(Error::StreamState {
                stream,
                state: "undecided",
                chunks: self.next,
            });
        }
        let suite = self.agreement.suite();
        let (geometry, entries) = if self.agreement.manifest().terms.blind {
            (
                self.agreement.sizes().blind_result(suite.residue_bytes()),
                self.values,
            )
        } else {
            let padded = (self.matches.len() as u64).next_power_of_two().max(64);
            let geometry = Sizes::result(padded, suite.label_bytes());
            let mut entries = Vec::new();
            let found = self.matches.len();
            let padding = number::index(padded) - found;
            for (position, label) in self
                .matches
                .into_iter()
                .chain((0..padding).map(|_| (NO_POSITION, 0)))
            {
                entries.extend_from_slice(&position.to_be_bytes());
                entries.extend_from_slice(&label.to_be_bytes()[8 - suite.label_bytes()..]);
            }
            (geometry, entries)
        };
        let matches =
            (!self.agreement.manifest().terms.blind).then_some(account_matches(&entries, geometry));
        Ok(Released {
            account,
            geometry,
            entries,
            matches,
        })
    }
}

fn account_matches(entries: &[u8], geometry: Geometry) -> u64 {
    let real = |entry: &&[u8]| entry[..8] != NO_POSITION.to_be_bytes();
    entries.chunks(geometry.item_bytes()).filter(real).count() as u64
}

/// The result for the querier: payloads to be sealed in order.
#[derive(Debug)]
pub struct Released {
    account: Account,
    geometry: Geometry,
    entries: Vec<u8>,
    matches: Option<u64>,
}

impl Released {
    /// Opens the stream that carries the result to the querier.
    pub fn stream(&self, querier: &Channel) -> Outbound {
        let head = Head {
            geometry: self.geometry,
            about: Some(self.account),
        };
        Outbound::new(querier, StreamKind::Result, head)
    }

    /// Yields the number of chunks.
    pub fn chunks(&self) -> u64 {
        self.geometry.chunks()
    }

    /// Yields the payload of one chunk.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBatch`].
    pub fn chunk(&self, number: u64) -> Result<Vec<u8>, Error> {
        let range = self.geometry.range(number)?;
        let at = |item| number::index(item) * self.geometry.item_bytes();
        Ok(self.entries[at(range.start)..at(range.end)].to_vec())
    }

    /// Yields what the key holder learned: matches, canaries and dummies together, or nothing.
    pub fn matches(&self) -> Option<u64> {
        self.matches
    }

    /// Yields the account of the stream that was decided.
    pub fn account(&self) -> Account {
        self.account
    }
}
