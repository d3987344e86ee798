//! The two wordings of every fact: in general, and with the figures of a session.

use crate::agreement::Agreement;
use crate::leakage::fact::{Counting, Fact, Linkage, Observer, Part};
use crate::terms::{Dummies, Terms};

/// A session as its report tells of it: public figures, and what the querier knows anyway.
#[derive(Clone, Debug)]
pub struct Session<'a> {
    /// What was agreed.
    pub terms: &'a Terms,
    /// The class of the querier's keys, or of its padded records.
    pub querier_size: u64,
    /// The class of the provider's keys, or of the pairs.
    pub provider_size: u64,
    /// The class of the provider's keys under each rule, if it has one.
    pub classes: &'a [u64],
    /// The places of the querier's table.
    pub table_entries: u64,
    /// The ciphertexts from provider to key holder.
    pub comparisons: u64,
    /// The blocks, where only some are compared.
    pub blocks: Option<&'a Named>,
    /// What a counting key holder has counted, where that is known.
    pub counted: Option<u64>,
}

/// The blocks that a querier named in its offer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// Cells of a blocking by fields.
    Cells {
        /// What the provider calls the blocking: its fields.
        fields: String,
        /// How many cells were named.
        named: u64,
        /// How many the provider offers.
        offered: u64,
        /// Whether those were named in which the querier has records; else all of them.
        occurring: bool,
    },
    /// Prefixes of hashes.
    Prefixes {
        /// Their length.
        bits: u8,
        /// How many were named.
        named: u64,
    },
}

impl<'a> Session<'a> {
    /// Yields what an agreement comes to, and the blocks that were named in its negotiation.
    pub fn of(agreement: &'a Agreement, blocks: Option<&'a Named>) -> Self {
        let (manifest, sizes) = (agreement.manifest(), agreement.sizes());
        Self {
            terms: &manifest.terms,
            querier_size: manifest.querier_size,
            provider_size: manifest.provider_size,
            classes: &manifest.classes,
            table_entries: sizes.table_entries(),
            comparisons: sizes.comparison_ciphertexts(),
            blocks,
            counted: None,
        }
    }

    /// Yields the modes of the session.
    pub fn linkage(&self) -> Linkage {
        let part = match self.blocks {
            None => Part::Whole,
            Some(Named::Cells { .. }) => Part::Cells,
            Some(Named::Prefixes { .. }) => Part::Prefixes,
        };
        Linkage::of(self.terms, part)
    }

    /// Yields what an observer has learned, in sentences that go on from "learned: ".
    pub fn sentences(&self, observer: Observer) -> Vec<String> {
        let linkage = self.linkage();
        let learned = linkage.learned(observer);
        let facts = learned.iter().map(|fact| self.sentence(*fact));
        let before = match observer {
            Observer::KeyHolder => vec![self.manifest()],
            Observer::Querier => vec![
                "this result: which of its records match, and under which rule".to_owned(),
                self.published(),
            ],
            _ => Vec::new(),
        };
        let counts_nothing = observer == Observer::KeyHolder && linkage.counting == Counting::Blind;
        let after = counts_nothing.then(|| "nothing of what matches, not even how much".to_owned());
        before.into_iter().chain(facts).chain(after).collect()
    }

    fn manifest(&self) -> String {
        format!(
            "the manifest: who links with whom, under which rules and in which way, sizes {} of the querier's \
             and {} of the provider's side, and {} comparisons",
            number(self.querier_size),
            number(self.provider_size),
            number(self.comparisons)
        )
    }

    fn published(&self) -> String {
        let rules = self.terms.rules.iter().zip(self.classes);
        let classes: Vec<String> = rules
            .map(|(rule, class)| format!("{} under {rule}", number(*class)))
            .collect();
        let classes = if classes.is_empty() {
            format!("size {} in all", number(self.provider_size))
        } else {
            classes.join(", ")
        };
        format!(
            "what the provider publishes to each of its queriers: the classes of its keys ({classes})"
        )
    }

    fn sentence(&self, fact: Fact) -> String {
        match fact {
            Fact::QuerierSize => format!(
                "{}: {}, from a table of {} places",
                fact.in_general(),
                number(self.querier_size),
                number(self.table_entries)
            ),
            Fact::LookedUp => format!(
                "{}, under the rules {}",
                fact.in_general(),
                self.terms.rules.join(", ")
            ),
            Fact::CellsNamed | Fact::Prefixes | Fact::PrefixCount => self.blocks_sentence(fact),
            Fact::RowsPerCell => format!(
                "{}, {} in all",
                fact.in_general(),
                number(self.querier_size)
            ),
            Fact::MatchCount => {
                let canaries = self.terms.canaries;
                match self.counted {
                    Some(count) => format!(
                        "that {} keys match, {canaries} canaries among them, which it cannot tell apart",
                        number(count)
                    ),
                    None => format!("how many keys match, {canaries} canaries included"),
                }
            }
            Fact::BlurredMatchCount => {
                let mean = self.terms.dummies.map_or(0, Dummies::mean);
                format!(
                    "how many keys match, {} canaries included, blurred by {mean} false matches more or less",
                    self.terms.canaries
                )
            }
            _ => fact.in_general().to_owned(),
        }
    }

    fn blocks_sentence(&self, fact: Fact) -> String {
        let general = fact.in_general();
        match self.blocks {
            Some(Named::Cells {
                fields,
                named,
                occurring: false,
                ..
            }) => format!(
                "which cells of {fields} the querier names: all {} that it offers, whatever the querier has",
                number(*named)
            ),
            Some(Named::Cells {
                fields,
                named,
                offered,
                occurring: true,
            }) => format!(
                "which cells of {fields} the querier names: {} of the {} that it offers, those in which the querier \
                 has records",
                number(*named),
                number(*offered)
            ),
            Some(Named::Prefixes { bits, named }) if fact == Fact::Prefixes => format!(
                "{general}: its first {bits} bits, of which {} values occur",
                number(*named)
            ),
            Some(Named::Prefixes { named, .. }) => format!("{general}: {}", number(*named)),
            None => general.to_owned(),
        }
    }
}

impl Fact {
    /// Yields the general wording, a clause that goes on from "learns".
    pub fn in_general(self) -> &'static str {
        match self {
            Self::QuerierSize => "the class of the number of the querier's keys",
            Self::LookedUp => "that a record is looked up",
            Self::CellsNamed => {
                "which cells the querier names: all of them, unless it asks to name those only in which it has records"
            }
            Self::RowsPerCell => "the class of the number of the querier's records in each",
            Self::Prefixes => "a prefix of the salted hash of every key that is asked about",
            Self::PrefixCount => "how many prefixes are named",
            Self::MatchCount => "how many keys match, canaries included",
            Self::BlurredMatchCount => "how many keys match, blurred by false matches",
            Self::ClausePatterns => {
                "how often how many clauses hold in one pair, of whatever pair and cell; not which of several \
                 probes of a rule holds"
            }
            Self::ClausePatternsBelow => {
                "how often how many clauses hold in one pair, of whatever pair and cell, also below the threshold"
            }
            Self::Unplaced => "which of its own keys found no place in the table",
            Self::RuleMatched => {
                "under which rules a record matches, each perhaps by another record of the provider's"
            }
            Self::Handles => {
                "which of its records match the same record of the provider's, by an opaque handle"
            }
            Self::HandlesAbove => {
                "which of its records reach the threshold with the same record of the provider's, by an opaque \
                 handle"
            }
            Self::SlotsBelow => "in how many slots other pairs agree, not whose",
            Self::AsQuerier => "what the querier learns",
            Self::AsQuerierWhateverTheyDo => {
                "what the querier learns, also if both deviate from the protocol"
            }
            Self::KeyHolderCounts => "what the key holder counts",
            Self::RulesBelow => "which rules hold in pairs below the threshold, not whose pairs",
            Self::AllKeys => "all keys of the querier that take part",
            Self::AllSignatures => "all signatures of the querier's records that take part",
        }
    }
}

/// A number with its digits in groups.
fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::pairwise::Pairwise;
    use crate::terms::{Choices, TableKind};
    use blindjoin_paillier::KeySize;

    fn rules() -> Vec<String> {
        vec!["ID".to_owned(), "NAME".to_owned()]
    }

    fn choices() -> Choices {
        Choices::new(KeySize::new(3072).unwrap(), 0)
    }

    fn join(choices: &Choices) -> Terms {
        Terms::join(choices, TableKind::Okvs, rules(), [1; 32], 900).unwrap()
    }

    fn session<'a>(terms: &'a Terms, blocks: Option<&'a Named>) -> Session<'a> {
        Session {
            terms,
            querier_size: 1_280,
            provider_size: 2_560,
            classes: if blocks.is_some() {
                &[]
            } else {
                &[1_536, 1_024]
            },
            table_entries: 1_700,
            comparisons: 427,
            blocks,
            counted: None,
        }
    }

    fn told(session: &Session<'_>, observer: Observer) -> String {
        session.sentences(observer).join("; ")
    }

    #[track_caller]
    fn holds(text: &str, words: &[&str]) {
        for word in words {
            assert!(text.contains(word), "no {word:?} in: {text}");
        }
    }

    #[test]
    fn a_blind_join_tells_sizes_and_no_count() {
        let terms = join(&choices());
        let session = session(&terms, None);
        holds(
            &told(&session, Observer::Provider),
            &["1,280", "1,700 places"],
        );
        let keyholder = told(&session, Observer::KeyHolder);
        holds(&keyholder, &["1,280", "2,560", "427", "not even how much"]);
        assert!(!keyholder.contains("canaries"), "{keyholder}");
        let classes = "1,536 under ID, 1,024 under NAME";
        let querier = told(&session, Observer::Querier);
        holds(
            &querier,
            &[classes, "found no place", "under which rules a record"],
        );
    }

    #[test]
    fn a_counting_key_holder_is_said_to_count() {
        let mut choices = choices();
        choices.blind = false;
        let terms = join(&choices);
        let counted = Session {
            counted: Some(1_234),
            ..session(&terms, None)
        };
        holds(
            &told(&counted, Observer::KeyHolder),
            &["1,234 keys match", "32 canaries"],
        );
        let unknown = told(&session(&terms, None), Observer::KeyHolder);
        holds(&unknown, &["how many keys match, 32 canaries included"]);
        choices.hide_count = true;
        let terms = join(&choices);
        let blurred = told(&session(&terms, None), Observer::KeyHolder);
        holds(&blurred, &["blurred by 55 false matches"]);
    }

    #[test]
    fn blocks_are_told_to_the_provider_and_said_to_be() {
        let terms = join(&choices());
        let cells = |named| Named::Cells {
            fields: "birth_year,state".to_owned(),
            named,
            offered: 40,
            occurring: named < 40,
        };
        let (some, all) = (cells(12), cells(40));
        let told_some = told(&session(&terms, Some(&some)), Observer::Provider);
        holds(
            &told_some,
            &["cells of birth_year,state", "12 of the 40", "has records"],
        );
        let told_all = told(&session(&terms, Some(&all)), Observer::Provider);
        holds(
            &told_all,
            &[
                "cells of birth_year,state",
                "all 40",
                "whatever the querier has",
            ],
        );
        let hashed = Named::Prefixes {
            bits: 9,
            named: 480,
        };
        let hashed = session(&terms, Some(&hashed));
        holds(
            &told(&hashed, Observer::Provider),
            &["first 9 bits", "480 values"],
        );
        holds(
            &told(&hashed, Observer::KeyHolder),
            &["how many prefixes are named: 480"],
        );
    }

    #[test]
    fn pairs_tell_cells_records_patterns_and_handles() {
        let mut choices = choices();
        choices.blind = false;
        let cells = Named::Cells {
            fields: "state".to_owned(),
            named: 2,
            offered: 2,
            occurring: false,
        };
        let said = |threshold, observer| {
            let pairwise = Pairwise::of_rules([(1, 2), (1, 1)], threshold).unwrap();
            let terms = Terms::pairs(&choices, pairwise, rules(), [1; 32], 100);
            told(&session(&terms.unwrap(), Some(&cells)), observer)
        };
        holds(
            &said(None, Observer::Provider),
            &["cells of state", "all 2 ", "records in each, 1,280 in all"],
        );
        holds(
            &said(None, Observer::KeyHolder),
            &["how many clauses hold in one pair"],
        );
        holds(
            &said(Some(2), Observer::KeyHolder),
            &["also below the threshold"],
        );
        holds(&said(None, Observer::Querier), &["opaque handle"]);
        holds(&said(Some(2), Observer::Querier), &["reach the threshold"]);
        let together = said(Some(2), Observer::QuerierAndKeyHolder);
        holds(
            &together,
            &["what the key holder counts", "pairs below the threshold"],
        );
    }

    #[test]
    fn a_lookup_tells_that_it_happened_and_under_which_rules() {
        let terms = Terms::lookup(&choices(), rules(), [1; 32]).unwrap();
        let session = session(&terms, None);
        holds(
            &told(&session, Observer::Provider),
            &["looked up, under the rules ID, NAME"],
        );
        holds(&told(&session, Observer::KeyHolder), &["not even how much"]);
    }

    #[test]
    fn digits_are_grouped() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(number),
            ["0", "999", "1,000", "1,234,567"]
        );
    }
}
