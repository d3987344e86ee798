//! What is learned from which modes.

use crate::terms::{Mask, Mode, Terms};

/// Who learns something: a party, or two that pool what they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Observer {
    /// The data provider.
    Provider,
    /// The key holder, besides the manifest.
    KeyHolder,
    /// The querier, beyond its matches.
    Querier,
    /// Querier and key holder together.
    QuerierAndKeyHolder,
    /// Provider and key holder together.
    ProviderAndKeyHolder,
}

/// A thing that somebody learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fact {
    /// How many keys the querier has, as a class.
    QuerierSize,
    /// That a record is looked up.
    LookedUp,
    /// Which cells of a blocking the querier names.
    CellsNamed,
    /// How many records the querier has in each cell that it names, as a class.
    RowsPerCell,
    /// The first bits of a hash of every key of the querier's.
    Prefixes,
    /// How many different prefixes there are.
    PrefixCount,
    /// How many keys match.
    MatchCount,
    /// The same, with noise.
    BlurredMatchCount,
    /// How often how many clauses hold in a pair.
    ClausePatterns,
    /// The same, of pairs that do not reach the threshold too.
    ClausePatternsBelow,
    /// Which of the querier's keys were not compared for want of a place.
    Unplaced,
    /// Which of several rules matched.
    RuleMatched,
    /// Which of the querier's records match the same record of the provider's.
    Handles,
    /// The same, where the pairs reach the threshold.
    HandlesAbove,
    /// In how many slots pairs agree that do not reach the threshold.
    SlotsBelow,
    /// No more than the querier learns by itself.
    AsQuerier,
    /// The same, even if both deviate from the protocol.
    AsQuerierWhateverTheyDo,
    /// Also what the key holder counts.
    KeyHolderCounts,
    /// Which rules hold in pairs that do not reach the threshold.
    RulesBelow,
    /// Every key that the querier asks about.
    AllKeys,
    /// Every signature of the querier's records.
    AllSignatures,
}

/// How a session compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// All keys of one side with all of the other.
    Join,
    /// One record's keys with all of the provider's.
    Lookup,
    /// Pairs of records in cells.
    Pairs,
    /// Pairs of records in cells, of which a score must reach a threshold.
    ScoredPairs,
}

/// What the key holder sees of matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Counting {
    /// Nothing.
    Blind,
    /// How many there are.
    Counted,
    /// How many there are, false ones included.
    Blurred,
}

/// Which part of the registries is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of them.
    Whole,
    /// Cells of a blocking by fields.
    Cells,
    /// Those keys whose hashes have certain prefixes.
    Prefixes,
}

/// The modes that a session combines, as far as they make a difference to what is learned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Linkage {
    /// How it compares.
    pub way: Way,
    /// What the key holder sees of matches.
    pub counting: Counting,
    /// Which part of the registries it compares.
    pub part: Part,
    /// Whether a record has keys under several rules.
    pub several_rules: bool,
    /// Whether masks cover the whole plaintext.
    pub full_mask: bool,
}

impl Observer {
    /// All of them, in the order of the table's columns.
    pub const ALL: [Self; 5] = [
        Self::Provider,
        Self::KeyHolder,
        Self::Querier,
        Self::QuerierAndKeyHolder,
        Self::ProviderAndKeyHolder,
    ];
}

impl std::fmt::Display for Observer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Provider => "data provider",
            Self::KeyHolder => "key holder",
            Self::Querier => "querier",
            Self::QuerierAndKeyHolder => "querier and key holder together",
            Self::ProviderAndKeyHolder => "data provider and key holder together",
        })
    }
}

impl Linkage {
    /// The join of whole registries under one rule, with a blind key holder: the default.
    pub const JOIN: Self = Self {
        way: Way::Join,
        counting: Counting::Blind,
        part: Part::Whole,
        several_rules: false,
        full_mask: false,
    };

    /// Yields the modes that terms and the part of the registries come to.
    pub fn of(terms: &Terms, part: Part) -> Self {
        Self {
            way: match &terms.mode {
                Mode::Join { .. } => Way::Join,
                Mode::Lookup => Way::Lookup,
                Mode::Pairwise(pairwise) if pairwise.threshold.is_some() => Way::ScoredPairs,
                Mode::Pairwise(_) => Way::Pairs,
            },
            counting: match (terms.blind, terms.dummies) {
                (true, _) => Counting::Blind,
                (false, None) => Counting::Counted,
                (false, Some(_)) => Counting::Blurred,
            },
            part,
            several_rules: terms.rules.len() > 1,
            full_mask: terms.mask == Mask::Full,
        }
    }

    /// Yields what an observer learns, the manifest and the querier's own matches aside.
    pub fn learned(self, observer: Observer) -> Vec<Fact> {
        match observer {
            Observer::Provider => self.provider(),
            Observer::KeyHolder => self.key_holder(),
            Observer::Querier => self.querier(),
            Observer::QuerierAndKeyHolder => self.querier_and_key_holder(),
            Observer::ProviderAndKeyHolder if self.is_pairwise() => vec![Fact::AllSignatures],
            Observer::ProviderAndKeyHolder => vec![Fact::AllKeys],
        }
    }

    fn is_pairwise(self) -> bool {
        matches!(self.way, Way::Pairs | Way::ScoredPairs)
    }

    fn provider(self) -> Vec<Fact> {
        let mut learned = match self.way {
            Way::Join => vec![Fact::QuerierSize],
            Way::Lookup => vec![Fact::LookedUp],
            Way::Pairs | Way::ScoredPairs => Vec::new(),
        };
        match self.part {
            Part::Whole => {}
            Part::Cells if self.is_pairwise() => {
                learned.extend([Fact::CellsNamed, Fact::RowsPerCell]);
            }
            Part::Cells => learned.push(Fact::CellsNamed),
            Part::Prefixes => learned.push(Fact::Prefixes),
        }
        learned
    }

    fn key_holder(self) -> Vec<Fact> {
        let counts = match (self.counting, self.way) {
            (Counting::Blind, _) => None,
            (_, Way::Pairs) => Some(Fact::ClausePatterns),
            (_, Way::ScoredPairs) => Some(Fact::ClausePatternsBelow),
            (Counting::Counted, _) => Some(Fact::MatchCount),
            (Counting::Blurred, _) => Some(Fact::BlurredMatchCount),
        };
        let prefixes = (self.part == Part::Prefixes).then_some(Fact::PrefixCount);
        counts.into_iter().chain(prefixes).collect()
    }

    fn querier(self) -> Vec<Fact> {
        let several = self.several_rules.then_some(Fact::RuleMatched);
        match self.way {
            Way::Join => [Fact::Unplaced].into_iter().chain(several).collect(),
            Way::Lookup => several.into_iter().collect(),
            Way::Pairs => vec![Fact::Handles],
            Way::ScoredPairs if self.counting == Counting::Blind => {
                vec![Fact::HandlesAbove, Fact::SlotsBelow]
            }
            Way::ScoredPairs => vec![Fact::HandlesAbove],
        }
    }

    fn querier_and_key_holder(self) -> Vec<Fact> {
        match (self.way, self.counting) {
            _ if self.full_mask => vec![Fact::AsQuerierWhateverTheyDo],
            (Way::ScoredPairs, Counting::Blind) => vec![Fact::AsQuerier, Fact::RulesBelow],
            (Way::ScoredPairs, _) => {
                vec![Fact::AsQuerier, Fact::KeyHolderCounts, Fact::RulesBelow]
            }
            (Way::Pairs, Counting::Counted | Counting::Blurred) => {
                vec![Fact::AsQuerier, Fact::KeyHolderCounts]
            }
            _ => vec![Fact::AsQuerier],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every combination of modes.
    fn all() -> impl Iterator<Item = Linkage> {
        let ways = [Way::Join, Way::Lookup, Way::Pairs, Way::ScoredPairs];
        let countings = [Counting::Blind, Counting::Counted, Counting::Blurred];
        let parts = [Part::Whole, Part::Cells, Part::Prefixes];
        ways.into_iter().flat_map(move |way| {
            countings.into_iter().flat_map(move |counting| {
                parts.into_iter().flat_map(move |part| {
                    [(false, false), (false, true), (true, false), (true, true)].map(
                        |(several_rules, full_mask)| Linkage {
                            way,
                            counting,
                            part,
                            several_rules,
                            full_mask,
                        },
                    )
                })
            })
        })
    }

    #[test]
    fn a_mode_adds_to_what_is_learned_and_takes_nothing_away() {
        for linkage in all() {
            let whole = Linkage {
                part: Part::Whole,
                ..linkage
            };
            for observer in Observer::ALL {
                let (more, less) = (linkage.learned(observer), whole.learned(observer));
                assert!(less.iter().all(|fact| more.contains(fact)), "{linkage:?}");
            }
            let provider = linkage.learned(Observer::Provider);
            let told = |fact| provider.contains(&fact);
            assert_eq!(told(Fact::CellsNamed), linkage.part == Part::Cells);
            assert_eq!(told(Fact::Prefixes), linkage.part == Part::Prefixes);
        }
    }

    #[test]
    fn only_a_counting_key_holder_learns_of_matches() {
        for linkage in all() {
            let learned = linkage.learned(Observer::KeyHolder);
            let counts = learned.iter().any(|fact| *fact != Fact::PrefixCount);
            assert_eq!(counts, linkage.counting != Counting::Blind, "{linkage:?}");
        }
    }

    #[test]
    fn provider_and_key_holder_read_everything_in_every_mode() {
        for linkage in all() {
            let learned = linkage.learned(Observer::ProviderAndKeyHolder);
            assert!(matches!(learned[..], [Fact::AllKeys | Fact::AllSignatures]));
        }
    }
}
