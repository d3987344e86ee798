//! The clauses of a comparison of pairs.

use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::suite::Suite;

/// The clauses of a pairwise linkage, each an AND of equalities between parts of a record.
///
/// # Source
///
/// `spec/protocol.md`, §6.4, §20.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairwise {
    /// How many parts the querier encrypts of each record.
    pub parts: u8,
    /// The clauses, in the order of their slots.
    pub clauses: Vec<Clause>,
    /// Score mode: the weight a pair must collect, or none where any clause suffices.
    ///
    /// A clause then takes as many slots as its weight, and a pair's identity is shared out over
    /// them: fewer shares than the threshold say nothing about it.
    pub threshold: Option<u8>,
}

/// One clause of a pairwise linkage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// The card's column, a position in [`Terms::rules`](crate::agree::Terms::rules).
    pub rule: u16,
    /// The parts that must all be equal, ascending.
    pub parts: Vec<u8>,
    /// What the clause counts towards the threshold; 1 without one.
    pub weight: u8,
}

impl Pairwise {
    /// The most parts of a record.
    pub const MOST_PARTS: u8 = 16;

    /// Yields the pairwise linkage in which each rule's whole signature is a part, and each form
    /// under which the provider probes for it a clause. `rules` are numbers of forms, and weights,
    /// which count under a threshold only.
    ///
    /// An AND inside a rule is then an equality of concatenations, which costs one exponentiation
    /// where several parts would cost one each.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] for more rules than a record can have parts.
    pub fn of_rules(
        rules: impl IntoIterator<Item = (usize, u8)>,
        threshold: Option<u8>,
    ) -> Result<Self, Error> {
        let mut pairwise = Self {
            parts: 0,
            clauses: Vec::new(),
            threshold,
        };
        for (forms, weight) in rules {
            if pairwise.parts == Self::MOST_PARTS {
                return Err(Error::ManifestContradiction {
                    reason: "pairs take 16 rules at most",
                });
            }
            let clause = Clause {
                rule: u16::from(pairwise.parts),
                parts: vec![pairwise.parts],
                weight: threshold.map_or(1, |_| weight),
            };
            pairwise.clauses.extend(std::iter::repeat_n(clause, forms));
            pairwise.parts += 1;
        }
        Ok(pairwise)
    }

    /// Yields how many slots a ciphertext under a key of so many bits has for clauses.
    pub fn slots_of(key_bits: usize) -> usize {
        Suite::T107.slots_below_modulus(key_bits)
    }

    /// Yields how many slots of a ciphertext the clauses take: each as many as its weight.
    pub fn slots_needed(&self) -> usize {
        self.slots().len()
    }

    /// Yields the clause of each slot: each clause as often as its weight.
    pub(crate) fn slots(&self) -> Vec<usize> {
        let repeated = |(index, clause): (usize, &Clause)| {
            std::iter::repeat_n(index, usize::from(clause.weight))
        };
        self.clauses.iter().enumerate().flat_map(repeated).collect()
    }

    pub(super) fn check(&self, rules: usize, slots: usize) -> Result<(), Error> {
        let refuse = |reason| Err(Error::ManifestContradiction { reason });
        if self.parts == 0 || self.parts > Self::MOST_PARTS || self.clauses.is_empty() {
            return refuse("no clauses, no parts or too many");
        }
        if self
            .clauses
            .iter()
            .any(|c| c.weight == 0 || (self.threshold.is_none() && c.weight != 1))
        {
            return refuse("a clause without weight, or with weight where nothing is weighed");
        }
        if self.slots().len() > slots {
            return refuse("more clauses, or weights, than a ciphertext has slots");
        }
        for clause in &self.clauses {
            let ascending = clause.parts.windows(2).all(|pair| pair[0] < pair[1]);
            let last = clause.parts.last().is_some_and(|&part| part < self.parts);
            if !ascending || !last || usize::from(clause.rule) >= rules {
                return refuse("a clause names an unknown part or rule");
            }
        }
        if let Some(threshold) = self.threshold {
            let total: u32 = self
                .clauses
                .iter()
                .map(|clause| u32::from(clause.weight))
                .sum();
            if threshold == 0 || u32::from(threshold) > total {
                return refuse("a threshold no pair can miss, or none can reach");
            }
        }
        Ok(())
    }

    pub(super) fn encode(&self, out: &mut Writer) {
        out.u8(self.parts).u8(self.threshold.unwrap_or(0));
        out.u8(u8::try_from(self.clauses.len()).expect("checked against the slots"));
        for clause in &self.clauses {
            out.u16(clause.rule).u8(clause.weight).bytes(&clause.parts);
        }
    }

    pub(super) fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        let parts = input.u8()?;
        let threshold = Some(input.u8()?).filter(|&threshold| threshold > 0);
        let clauses = (0..input.u8()?)
            .map(|_| {
                Ok(Clause {
                    rule: input.u16()?,
                    weight: input.u8()?,
                    parts: input.bytes(255)?.to_vec(),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            parts,
            clauses,
            threshold,
        })
    }
}
