//! A key holder that changes what it hands over, in every mode: no match ever moves, and whoever
//! changes much is found out.

use blindjoin_protocol::agree::{Mask, Mode, TableKind, Terms};
use blindjoin_protocol::parts::{Querier, Released};
use blindjoin_protocol::{Card, Error};

use crate::common::{
    Session, matched, open_result, population, provider_keys, querier_keys, send_result, session,
    terms,
};
use crate::pairwise::{Held, held};

/// One word of a result: its position, and the masked label or residue.
type Word = (u64, u128);

/// A linkage before the key holder lets its result out, and what is true of it.
struct Target {
    name: String,
    blind: bool,
    /// Of a label, or of a residue.
    word_bytes: usize,
    modulus: u128,
    session: Session,
    querier: Querier,
    released: Released,
    summary: Vec<u8>,
    honest: Card,
}

impl Target {
    fn of(name: String, held: Held) -> Self {
        let Held {
            session,
            querier,
            released,
            summary,
        } = held;
        let suite = session.agreement.suite();
        let blind = session.agreement.manifest().terms.blind;
        Self {
            honest: open(&session, &querier, &released, &summary, |payload| payload).unwrap(),
            name,
            blind,
            word_bytes: if blind {
                suite.residue_bytes()
            } else {
                suite.label_bytes()
            },
            modulus: if blind {
                suite.t()
            } else {
                1 << suite.label_bits()
            },
            session,
            querier,
            released,
            summary,
        }
    }

    fn join(terms: Terms, seed: u64) -> Self {
        let name = format!(
            "{:?}, mask {:?}, blind {}",
            terms.mode, terms.mask, terms.blind
        );
        let lookup = terms.mode == Mode::Lookup;
        let (ours, theirs, _) = population(seed, 30, 40, 12);
        let ours = if lookup { &ours[..1] } else { &ours[..] };
        let querier_size = if lookup { 5 } else { 64 };
        let session = session(terms, querier_size, 64, None, seed).unwrap();
        let keys = querier_keys(ours.iter().map(String::as_str));
        let theirs = provider_keys(theirs.iter().map(String::as_str));
        Self::of(name, Held::of(session, keys, &theirs))
    }

    fn all() -> Vec<Self> {
        let mut out = Vec::new();
        for blind in [false, true] {
            for (table, mask) in [
                (TableKind::Cuckoo, Mask::Slot),
                (TableKind::Okvs, Mask::Slot),
                (TableKind::Cuckoo, Mask::Full),
            ] {
                let terms = Terms {
                    mask,
                    blind,
                    ..terms(table)
                };
                out.push(Self::join(terms, 31));
            }
            for threshold in [None, Some(2)] {
                let name = format!("pairs, threshold {threshold:?}, blind {blind}");
                out.push(Self::of(name, held(threshold, blind, 32)));
            }
        }
        let lookup = Terms {
            mode: Mode::Lookup,
            blind: true,
            ..terms(TableKind::Cuckoo)
        };
        out.push(Self::join(lookup, 33));
        out
    }

    /// The words of a payload, padding aside.
    fn words(&self, payload: &[u8]) -> Vec<Word> {
        let number = |bytes: &[u8]| bytes.iter().fold(0, |acc, &b| acc << 8 | u128::from(b));
        if self.blind {
            return (0..)
                .zip(payload.chunks(self.word_bytes).map(number))
                .collect();
        }
        payload
            .chunks(8 + self.word_bytes)
            .map(|entry| {
                (
                    u64::from_be_bytes(entry[..8].try_into().unwrap()),
                    number(&entry[8..]),
                )
            })
            .filter(|(position, _)| *position != u64::MAX)
            .collect()
    }

    /// What the querier makes of changed words.
    fn opened(&self, change: impl Fn(Vec<Word>) -> Vec<Word>) -> Result<Card, Error> {
        open(
            &self.session,
            &self.querier,
            &self.released,
            &self.summary,
            |payload| {
                let length = payload.len();
                let bytes = |word: u128| word.to_be_bytes()[16 - self.word_bytes..].to_vec();
                let words = change(self.words(&payload)).into_iter();
                let mut out: Vec<u8> = if self.blind {
                    words.flat_map(|(_, word)| bytes(word)).collect()
                } else {
                    words
                        .flat_map(|(position, word)| {
                            [position.to_be_bytes().to_vec(), bytes(word)].concat()
                        })
                        .collect()
                };
                while out.len() < length {
                    out.extend([u64::MAX.to_be_bytes().to_vec(), bytes(0)].concat());
                }
                out
            },
        )
    }

    /// Some of the words that are matches, which a blind key holder could only guess, and some that
    /// need not be.
    fn some_words(&self) -> Vec<usize> {
        let suite = self.session.agreement.suite();
        let keys = self.session.querier_to_provider.fingerprints(suite);
        let words = self.words(&self.released.chunk(0).unwrap());
        let matches = words.iter().enumerate().filter(|(_, (position, word))| {
            let mut word = [*word];
            if self.blind {
                keys.uncover_blind(*position, &mut word);
            }
            word[0] >> suite.label_bits() == 0
        });
        let matches: Vec<usize> = matches.map(|(at, _)| at).take(9).collect();
        assert!(matches.len() >= 5, "{}", self.name);
        matches.into_iter().chain([0, words.len() - 1]).collect()
    }

    /// Fails if a card tells a match that there is none of.
    fn check(&self, what: &str, opened: Result<Card, Error>) -> Option<Error> {
        match opened {
            Ok(card) => {
                let name = &self.name;
                let (found, due) = (matched(&card), matched(&self.honest));
                assert!(found.is_subset(&due), "{name}, {what}: a match has moved");
                for pair in card.pairs() {
                    let mut honest = self.honest.pairs().iter();
                    let same = honest.any(|due| {
                        (due.row, due.handle) == (pair.row, pair.handle)
                            && pair.rules.iter().all(|rule| due.rules.contains(rule))
                    });
                    assert!(same, "{name}, {what}: a pair has moved");
                }
                None
            }
            Err(
                error
                @ (Error::Spurious { .. } | Error::CanaryMissing { .. } | Error::MatchedTwice),
            ) => Some(error),
            Err(other) => panic!("{}, {what}: {other}", self.name),
        }
    }
}

fn open(
    session: &Session,
    querier: &Querier,
    released: &Released,
    summary: &[u8],
    change: impl FnMut(Vec<u8>) -> Vec<u8>,
) -> Result<Card, Error> {
    let result = send_result(session, released, change)?;
    open_result(session, querier, &result, summary)
}

/// One word at a time, in ways that moved a match to a neighbour when labels were hidden by an
/// exclusive or: of n keys one is hit with chance n/2⁵⁶ in a join, n/2⁸⁹ where the key holder is
/// blind, and a pair with n·m/2⁶⁴.
#[test]
fn a_changed_word_never_names_another() {
    for target in Target::all() {
        let words = target.some_words();
        for &at in &words {
            for bit in 0..u32::try_from(8 * target.word_bytes).unwrap() {
                let flipped = target.opened(|mut words| {
                    words[at].1 ^= 1 << bit;
                    words[at].1 %= target.modulus;
                    words
                });
                target.check(&format!("bit {bit} flipped"), flipped);
            }
            for add in [1, 2, target.modulus - 1, 1 << 32] {
                let added = target.opened(|mut words| {
                    words[at].1 = (words[at].1 + add) % target.modulus;
                    words
                });
                target.check(&format!("{add} added"), added);
            }
            for &other in &words {
                let swapped = target.opened(|mut words| {
                    (words[at].1, words[other].1) = (words[other].1, words[at].1);
                    words
                });
                target.check("two words swapped", swapped);
                let replayed = target.opened(|mut words| {
                    words[at].1 = words[other].1;
                    words
                });
                target.check("a word replayed at another position", replayed);
            }
        }
    }
}

/// Matches where there are none, with words that are matches elsewhere.
#[test]
fn a_word_at_a_position_of_no_match_names_nothing() {
    for target in Target::all().into_iter().filter(|target| !target.blind) {
        let words = target.words(&target.released.chunk(0).unwrap());
        let positions = target.session.agreement.sizes().positions();
        let free = (0..positions).filter(|p| words.iter().all(|(q, _)| p != q));
        for (position, &(_, word)) in free.zip(words.iter().cycle()).take(40) {
            let added = target.opened(|mut words| {
                words.push((position, word));
                words.sort_unstable();
                words
            });
            target.check("a match invented", added);
        }
    }
}

#[test]
fn whoever_changes_or_drops_all_words_is_found_out() {
    for target in Target::all() {
        let add = |add: u128| {
            target.opened(|words| {
                let change = |(at, word)| (at, (word + add) % target.modulus);
                words.into_iter().map(change).collect()
            })
        };
        for garbled in [add(1), add(1 << 20), add(target.modulus - 1)] {
            let found_out = target.check("all words garbled", garbled);
            assert!(found_out.is_some(), "{}", target.name);
        }
        let rotated = target.opened(|words| {
            let rotated = words.iter().cycle().skip(1);
            let rotate = |(&(at, _), &(_, word))| (at, word);
            words.iter().zip(rotated).map(rotate).collect()
        });
        let found_out = target.check("all words rotated", rotated);
        assert!(found_out.is_some(), "{}", target.name);
        let dropped = if target.blind {
            target.opened(|words| words.into_iter().map(|(at, _)| (at, 0)).collect())
        } else {
            target.opened(|_| Vec::new())
        };
        let found_out = target.check("all words dropped", dropped);
        assert!(
            matches!(found_out, Some(Error::CanaryMissing { .. })),
            "{}: {found_out:?}",
            target.name
        );
    }
}

/// A key holder that leaves out some slots of many pairs, and so rules, or all below a threshold.
#[test]
fn whoever_drops_slots_of_pairs_is_found_out() {
    for threshold in [None, Some(2)] {
        let target = Target::of(format!("{threshold:?}"), held(threshold, false, 34));
        for slot in 0..3 {
            let dropped = target.opened(|words| {
                let kept = |(at, _): &Word| at % 3 != slot;
                words.into_iter().filter(kept).collect()
            });
            assert!(target.check("a slot dropped", dropped).is_some());
        }
    }
}
