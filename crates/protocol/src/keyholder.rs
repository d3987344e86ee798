//! The key holder: decrypts the comparisons and lets the matches out, after the whole stream.
//!
//! # Source
//!
//! `spec/protocol.md`, §5.5.

use std::sync::Arc;

use blindjoin_bigint::Naturals;
use blindjoin_paillier::SecretKey;
use zeroize::Zeroizing;

use crate::agreement::Agreement;
use crate::channel::Channel;
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::geometry::Geometry;
use crate::mersenne::Mersenne;
use crate::size::NO_POSITION;
use crate::stream::head::Head;
use crate::stream::inbound::{Ended, Inbound};
use crate::stream::kind::{Account, StreamKind};
use crate::stream::outbound::Outbound;
use crate::terms::Mask;
use crate::widths;

/// The key holder's side of a session.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    agreement: Agreement,
    secret_key: Arc<SecretKey>,
}

/// What the key holder found in one batch: positions with masked labels, or one word per position
/// in a blind session; or that the batch is not what a provider computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    batch: u64,
    found: Found,
    /// Whether the batch is what a provider computes; if it is not, the session fails.
    sound: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Matches(Vec<(u64, u64)>),
    Words(Vec<u8>),
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
            failed: false,
        };
        Inbound::new(provider, StreamKind::Comparisons, head)
    }

    /// Decrypts one batch: the payload of the chunk of that number.
    ///
    /// Batches are independent of each other. Time depends on the number of ciphertexts, and on
    /// the number of matches in building the list of them. A batch with a ciphertext out of range,
    /// not coprime to the modulus, or decrypting to something no comparison yields takes the same
    /// work and yields verdicts as well, which make the session fail at its end: whoever sends the
    /// comparisons must not see at which of them the key holder stumbles, nor that it does.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBatch`], and [`Error::StreamSize`] for a payload of another length than the
    /// stream lets through.
    pub fn decide(&self, batch: u64, payload: &[u8]) -> Result<Verdicts, Error> {
        let stream = StreamKind::Comparisons.name();
        let geometry = self.agreement.sizes().comparisons();
        let range = geometry.range(batch)?;
        if payload.len() != geometry.items_in(batch)? * geometry.item_bytes() {
            return Err(Error::StreamSize { stream });
        }
        let (plain, sound) = self.decrypt(payload);
        let mut found = self.found(&plain, range.start);
        if !sound {
            found.forget();
        }
        Ok(Verdicts {
            batch,
            found,
            sound,
        })
    }

    /// The plaintexts of a batch, and whether all of them are what a comparison yields.
    fn decrypt(&self, payload: &[u8]) -> (Naturals, bool) {
        let terms = &self.agreement.manifest().terms;
        let (slots, suite) = (self.agreement.sizes().slots(), self.agreement.suite());
        let (key, bits) = (&self.secret_key, slots * suite.slot_bits());
        let full = terms.mask == Mask::Full;
        let plain = if !full && slots == 1 {
            key.decrypt_packed(payload, bits)
        } else if !full && slots <= suite.slots_below_factor(terms.key_size.bits()) {
            // What lies below a prime factor costs half.
            key.decrypt_small(payload)
        } else {
            key.decrypt(payload)
        };
        if let Ok(plain) = plain {
            let fits = full || !exceeds(&plain, bits);
            return (plain, fits);
        }
        let bits = if full { terms.key_size.bits() } else { bits };
        let ciphertexts = payload.len() / self.agreement.sizes().comparisons().item_bytes();
        (Naturals::zero(ciphertexts, bits), false)
    }

    /// What is found in plaintexts whose positions begin at ciphertext `first`.
    fn found(&self, plain: &Naturals, first: u64) -> Found {
        let terms = &self.agreement.manifest().terms;
        let (slots, suite) = (self.agreement.sizes().slots(), self.agreement.suite());
        let first = first * slots as u64;
        let field = Mersenne::new(suite.t_bits());
        if terms.mask == Mask::Full && !terms.blind {
            let label = |i: usize| {
                let [low, high @ ..] = plain.item(i) else {
                    return None;
                };
                let above = low.checked_shr(suite.label_bits()).unwrap_or(0);
                Some(*low).filter(|_| high.iter().fold(above, |acc, word| acc | word) == 0)
            };
            let labels = (first..).zip((0..plain.len()).map(label));
            return Found::Matches(labels.filter_map(|(j, l)| Some((j, l?))).collect());
        }
        let slot_bits = match terms.mask {
            Mask::Full => plain.bits(),
            Mask::Slot => suite.slot_bits(),
        };
        let residues = (0..plain.len())
            .flat_map(|i| (0..slots).map(move |s| (i, s)))
            .map(|(i, s)| residue(plain, i, s * slot_bits, slot_bits, field));
        if terms.blind {
            let keep = 16 - suite.residue_bytes();
            let bytes = residues.flat_map(|w| w.to_be_bytes().into_iter().skip(keep));
            return Found::Words(bytes.collect());
        }
        let matches = (first..)
            .zip(residues)
            .filter(|(_, w)| w >> suite.label_bits() == 0);
        let matches = matches.map(|(j, w)| (j, widths::label(w)));
        Found::Matches(self.above_threshold(matches.collect()))
    }

    /// Withholds the shares of pairs below the threshold, where there is one: too few to open, they
    /// would still tell the querier how near an unknown pair comes.
    fn above_threshold(&self, matches: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
        let Some(pairwise) = self.agreement.manifest().terms.mode.pairwise() else {
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
            verdicts: Vec::new(),
            matches: 0,
            failure: None,
        }
    }
}

impl Found {
    /// Leaves nothing of a batch that is not sound but its length.
    fn forget(&mut self) {
        match self {
            Self::Matches(matches) => matches.clear(),
            Self::Words(words) => words.fill(0),
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
    let word = |at: usize| plain.window(index, from + at, (bits - at).min(64));
    let words: Zeroizing<Vec<u64>> = Zeroizing::new((0..bits).step_by(64).map(word).collect());
    field.reduce_words(&words)
}

impl Verdicts {
    /// Yields the bytes to store.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u64(self.batch).flag(self.sound);
        match &self.found {
            Found::Words(words) => {
                out.u8(0).raw(words);
            }
            Found::Matches(matches) => {
                out.u8(1);
                for (position, label) in matches {
                    out.u64(*position).u64(*label);
                }
            }
        }
        out.finish()
    }

    /// Reads what was stored in a session of this agreement.
    pub(crate) fn decode(bytes: &[u8], agreement: &Agreement) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "verdicts");
        let (batch, sound, kind) = (input.u64()?, input.flag()?, input.u8()?);
        let (sizes, blind) = (agreement.sizes(), agreement.manifest().terms.blind);
        let range = sizes.comparisons().range(batch)?;
        let positions = (range.end - range.start) * sizes.slots() as u64;
        let found = match kind {
            0 if blind => {
                let bytes = widths::index(positions) * agreement.suite().residue_bytes();
                Found::Words(input.raw(bytes)?.to_vec())
            }
            1 if !blind => {
                let mut matches = Vec::new();
                while !input.is_empty() {
                    matches.push((input.u64()?, input.u64()?));
                }
                Found::Matches(matches)
            }
            _ => return Err(input.malformed()),
        };
        input.finish()?;
        Ok(Self {
            batch,
            found,
            sound,
        })
    }
}

/// The verdicts of a stream, withheld until all of it has been verified.
///
/// Whatever a batch holds, the stream is taken to its end: only the querier learns, with the result,
/// that a session has failed.
#[derive(Debug)]
pub struct Release {
    agreement: Agreement,
    verdicts: Vec<Verdicts>,
    matches: u64,
    failure: Option<Error>,
}

impl Release {
    /// Takes the verdicts on the next batch.
    ///
    /// # Errors
    ///
    /// [`Error::ChunkOutOfOrder`].
    pub fn take(mut self, verdicts: Verdicts) -> Result<Self, Error> {
        let stream = StreamKind::Comparisons.name();
        let number = self.verdicts.len() as u64;
        if verdicts.batch != number {
            return Err(Error::ChunkOutOfOrder {
                stream,
                expected: number,
                got: verdicts.batch,
            });
        }
        if let Found::Matches(matches) = &verdicts.found {
            self.matches += matches.len() as u64;
        }
        let cap = self.agreement.manifest().terms.match_cap;
        let malformed = Error::MalformedCiphertext { stream, number };
        let failure = (!verdicts.sound)
            .then_some(malformed)
            .or_else(|| (self.matches > cap).then_some(Error::MatchCap { cap }));
        self.failure = self.failure.or(failure);
        self.verdicts.push(verdicts);
        Ok(self)
    }

    /// Yields the result for the querier, once the stream of comparisons has ended: what matches, or
    /// that the session has failed.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] when not all of the stream's batches have been decided.
    pub fn finish(self, comparisons: &Ended) -> Result<Released, Error> {
        let account = comparisons.account;
        let chunks = self.verdicts.len() as u64;
        if chunks != self.agreement.sizes().comparisons().chunks() {
            let stream = StreamKind::Comparisons.name();
            return Err(Error::StreamState {
                stream,
                state: "undecided",
                chunks,
            });
        }
        let failed = self.failure.is_some();
        let (mut words, mut matches) = (Vec::new(), Vec::new());
        for verdicts in self.verdicts {
            match verdicts.found {
                Found::Words(found) => words.extend(found),
                Found::Matches(found) if !failed => matches.extend(found),
                Found::Matches(_) => {}
            }
        }
        let suite = self.agreement.suite();
        let blind = self.agreement.manifest().terms.blind;
        let geometry = (self.agreement.sizes()).result(&self.agreement.manifest().terms);
        let entries = if blind {
            if failed {
                words.fill(0);
            }
            words
        } else {
            let mut entries = Vec::new();
            let padding = widths::index(geometry.items()) - matches.len();
            let padding = (0..padding).map(|_| (NO_POSITION, 0));
            for (position, label) in matches.into_iter().chain(padding) {
                entries.extend_from_slice(&position.to_be_bytes());
                entries.extend_from_slice(&label.to_be_bytes()[8 - suite.label_bytes()..]);
            }
            entries
        };
        let counts = !blind && !failed;
        let matches = counts.then(|| account_matches(&entries, geometry));
        Ok(Released {
            account,
            geometry,
            entries,
            matches,
            failure: self.failure,
        })
    }
}

fn account_matches(entries: &[u8], geometry: Geometry) -> u64 {
    let real = |entry: &&[u8]| entry[..8] != NO_POSITION.to_be_bytes();
    entries.chunks(geometry.item_bytes()).filter(real).count() as u64
}

/// The result for the querier: payloads to be sealed in order.
///
/// Of a failed session it has the form of one in which nothing matches. The provider is told the
/// same in either case.
#[derive(Debug)]
pub struct Released {
    account: Account,
    geometry: Geometry,
    entries: Vec<u8>,
    matches: Option<u64>,
    failure: Option<Error>,
}

impl Released {
    /// Opens the stream that carries the result to the querier.
    pub fn stream(&self, querier: &Channel) -> Outbound {
        let head = Head {
            geometry: self.geometry,
            about: Some(self.account),
            failed: self.failure.is_some(),
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
        let at = |item| widths::index(item) * self.geometry.item_bytes();
        Ok(self.entries[at(range.start)..at(range.end)].to_vec())
    }

    /// Yields why the session has failed, if it has: for this party's own log, and nobody else's.
    pub fn failure(&self) -> Option<&Error> {
        self.failure.as_ref()
    }

    /// Yields what the key holder learned: matches, canaries and dummies together, or nothing where
    /// it is blind or the session has failed.
    pub fn matches(&self) -> Option<u64> {
        self.matches
    }

    /// Yields the account of the stream that was decided.
    pub fn account(&self) -> Account {
        self.account
    }
}
