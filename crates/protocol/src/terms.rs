//! What a linkage is: the part of the agreement that the querier proposes.

use blindjoin_paillier::{KeySize, Profile};

use crate::codec::{Reader, Writer};
use crate::{Error, Suite, number};

/// The data structure that carries the querier's encrypted fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// Two candidate bins for each key: two comparisons per key of the provider's.
    Cuckoo,
    /// An oblivious key-value store: one comparison per key, on a sum of table entries.
    Okvs,
}

/// How records are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every key of the querier's against every key of the provider's, through a table.
    Join {
        /// The table.
        table: TableKind,
    },
    /// One record of the querier's: one entry per rule, every key of the provider's against it,
    /// several comparisons packed into a ciphertext.
    Lookup,
    /// Every pair of records of a block, one slot per clause.
    Pairwise(Pairwise),
}

/// The clauses of a pairwise linkage, each an AND of equalities between parts of a record.
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
    /// The card's column, a position in [`Terms::rules`].
    pub rule: u16,
    /// The parts that must all be equal, ascending.
    pub parts: Vec<u8>,
    /// What the clause counts towards the threshold; 1 without one.
    pub weight: u8,
}

/// What multiplies a difference before the key holder sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mask {
    /// A factor below `t`, a label and a multiple of `t`: small, exact, and many fit a ciphertext.
    Slot,
    /// A factor below `n`, as in the book: sixteen times the work, also against an active querier
    /// in league with the key holder.
    Full,
}

/// Matches added by the provider so that the key holder sees a noisy count.
///
/// `D0` plus two-sided geometric noise of scale `epsilon`, clipped to `[0, 2·D0]`, with
/// `D0 = ⌈ln(1/(2δ))/ε⌉`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dummies {
    /// ε in thousandths, at least 1.
    pub epsilon_milli: u32,
    /// `-log₂ δ`.
    pub delta_log2: u8,
}

impl Default for Dummies {
    /// ε = 0.5 and δ = 2⁻⁴⁰: 55 dummies on average, at most 110.
    fn default() -> Self {
        Self {
            epsilon_milli: 500,
            delta_log2: 40,
        }
    }
}

impl Dummies {
    /// Yields the mean number `D0`; at most twice as many are added.
    pub fn mean(self) -> u32 {
        // ⌈(δ_log2 - 1)·ln 2 / ε⌉ in integers: ln 2 = 0.693147180559945309…
        const LN2: u128 = 693_147_180_559_945_309;
        let numerator = u128::from(self.delta_log2.saturating_sub(1)) * LN2 * 1000;
        let denominator = u128::from(self.epsilon_milli.max(1)) * 1_000_000_000_000_000_000;
        number::short(number::index(number::label(
            numerator.div_ceil(denominator),
        )))
    }
}

/// What the querier proposes and all three parties sign, but for sizes, nonces and identities.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How records are compared.
    pub mode: Mode,
    /// How differences are masked.
    pub mask: Mask,
    /// Whether the key holder returns every word as it is and learns nothing, instead of counting
    /// the matches and returning those alone. A lookup is always blind.
    pub blind: bool,
    /// Dummy matches, against counting by the key holder.
    pub dummies: Option<Dummies>,
    /// The kind of key the key holder makes.
    pub profile: Profile,
    /// The length of its modulus.
    pub key_size: KeySize,
    /// The ids of the match rules: the columns of the card.
    pub rules: Vec<String>,
    /// Digest of the rules and of the normalisation behind them; both sides must have the same.
    pub rules_digest: [u8; 32],
    /// Secret common identifiers that betray a key holder that drops results.
    pub canaries: u8,
    /// The most matches, canaries and dummies included, that the key holder lets out.
    pub match_cap: u64,
    /// The end of the agreement, in seconds since 1970.
    pub expires: u64,
}

impl Terms {
    /// The number of canaries unless somebody has a reason for another.
    pub const DEFAULT_CANARIES: u8 = 32;
    /// The most rules in a session.
    pub const MOST_RULES: usize = 256;
    /// The longest rule id in bytes.
    pub const LONGEST_RULE_ID: usize = 256;

    /// Yields the parameter set of the comparisons.
    pub fn suite(&self) -> Suite {
        match self.mode {
            Mode::Join { .. } | Mode::Lookup => Suite::J89,
            Mode::Pairwise(_) => Suite::T107,
        }
    }

    /// Checks that the terms do not contradict themselves.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestContradiction`] naming the contradiction.
    pub fn check(&self) -> Result<(), Error> {
        let refuse = |reason| Err(Error::ManifestContradiction { reason });
        let key_bits = self.key_size.bits();
        if self.rules.is_empty() || self.rules.len() > Self::MOST_RULES {
            return refuse("no rules, or too many");
        }
        let named = |id: &String| {
            !id.is_empty() && id.len() <= Self::LONGEST_RULE_ID && !id.as_bytes().contains(&0)
        };
        if !self.rules.iter().all(named) {
            return refuse("a rule id is empty, too long or contains a NUL byte");
        }
        if (1..self.rules.len()).any(|i| self.rules[..i].contains(&self.rules[i])) {
            return refuse("two rules of one id");
        }
        if self.mode == Mode::Lookup && !self.blind {
            return refuse("a lookup is blind, or its one match would be counted");
        }
        if self.mask == Mask::Full
            && self.mode
                != (Mode::Join {
                    table: TableKind::Cuckoo,
                })
        {
            // Sums of a key-value store are equal modulo t only, which a full mask cannot see.
            return refuse("a full mask needs a join through a cuckoo table");
        }
        if self.suite().slots_below_factor(key_bits) == 0 {
            return refuse("the modulus is too short for one slot");
        }
        if self
            .dummies
            .is_some_and(|d| d.epsilon_milli == 0 || d.delta_log2 == 0)
        {
            return refuse("dummy matches without a scale");
        }
        if self.dummies.is_some() && self.blind {
            return refuse("dummy matches are of no use to a blind key holder");
        }
        if let Mode::Pairwise(pairwise) = &self.mode {
            if self.canaries > 0 || self.dummies.is_some() {
                return refuse("pairs carry no canaries and no dummies");
            }
            pairwise.check(self.rules.len(), self.suite().slots_below_modulus(key_bits))?;
        }
        Ok(())
    }

    pub(crate) fn encode(&self, out: &mut Writer) {
        match &self.mode {
            Mode::Join {
                table: TableKind::Cuckoo,
            } => {
                out.u8(0);
            }
            Mode::Join {
                table: TableKind::Okvs,
            } => {
                out.u8(1);
            }
            Mode::Lookup => {
                out.u8(2);
            }
            Mode::Pairwise(pairwise) => {
                out.u8(3);
                pairwise.encode(out);
            }
        }
        out.u8(u8::from(self.mask == Mask::Full))
            .u8(u8::from(self.blind));
        match self.dummies {
            None => out.u8(0),
            Some(d) => out.u8(1).u32(d.epsilon_milli).u8(d.delta_log2),
        };
        out.bytes(self.profile.name().as_bytes());
        out.u32(u32::try_from(self.key_size.bits()).expect("key lengths are small"));
        out.u16(u16::try_from(self.rules.len()).expect("checked against the most rules"));
        for rule in &self.rules {
            out.bytes(rule.as_bytes());
        }
        out.raw(&self.rules_digest)
            .u8(self.canaries)
            .u64(self.match_cap)
            .u64(self.expires);
    }

    pub(crate) fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        let mode = match input.u8()? {
            0 => Mode::Join {
                table: TableKind::Cuckoo,
            },
            1 => Mode::Join {
                table: TableKind::Okvs,
            },
            2 => Mode::Lookup,
            3 => Mode::Pairwise(Pairwise::decode(input)?),
            _ => return Err(input.malformed()),
        };
        let mask = if input.flag()? {
            Mask::Full
        } else {
            Mask::Slot
        };
        let blind = input.flag()?;
        let dummies = if input.flag()? {
            Some(Dummies {
                epsilon_milli: input.u32()?,
                delta_log2: input.u8()?,
            })
        } else {
            None
        };
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let profile = text(input.bytes(32)?)
            .and_then(|name| name.parse::<Profile>().ok())
            .ok_or_else(|| input.malformed())?;
        let key_size =
            KeySize::insecure_test_key(input.u32()? as usize).map_err(|_| input.malformed())?;
        let count = usize::from(input.u16()?);
        if count > Self::MOST_RULES {
            return Err(input.malformed());
        }
        let rules = (0..count)
            .map(|_| text(input.bytes(Self::LONGEST_RULE_ID)?).ok_or_else(|| input.malformed()))
            .collect::<Result<_, _>>()?;
        let terms = Self {
            mode,
            mask,
            blind,
            dummies,
            profile,
            key_size,
            rules,
            rules_digest: input.array()?,
            canaries: input.u8()?,
            match_cap: input.u64()?,
            expires: input.u64()?,
        };
        terms.check()?;
        Ok(terms)
    }
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

    fn check(&self, rules: usize, slots: usize) -> Result<(), Error> {
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

    fn encode(&self, out: &mut Writer) {
        out.u8(self.parts).u8(self.threshold.unwrap_or(0));
        out.u8(u8::try_from(self.clauses.len()).expect("checked against the slots"));
        for clause in &self.clauses {
            out.u16(clause.rule).u8(clause.weight).bytes(&clause.parts);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
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
            .collect::<Result<_, _>>()?;
        Ok(Self {
            parts,
            clauses,
            threshold,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dummies_have_the_published_mean() {
        assert_eq!(Dummies::default().mean(), 55);
        assert_eq!(
            Dummies {
                epsilon_milli: 1000,
                delta_log2: 40
            }
            .mean(),
            28
        );
    }
}
