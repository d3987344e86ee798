//! What a linkage is: the part of the agreement that the querier proposes.

pub(crate) mod pairwise;

pub use pairwise::{Clause, Pairwise};

use blindjoin_paillier::KeySize;
use blindjoin_paillier::Profile;

use crate::class::{CANARY_ROOM, size_class};
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::names::named;
use crate::suite::Suite;
use crate::widths;

/// The data structure that carries the querier's encrypted fingerprints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TableKind {
    /// Two candidate bins for each key: two comparisons per key of the provider's.
    Cuckoo,
    /// An oblivious key-value store: one comparison per key, on a sum of table entries.
    Okvs,
}

named!(TableKind, "table", Cuckoo = "cuckoo", Okvs = "okvs");

impl TableKind {
    /// Yields the table that costs least under a mask.
    pub fn cheapest(mask: Mask) -> Self {
        match mask {
            Mask::Slot => Self::Okvs,
            // Sums of a key-value store's entries are equal modulo t only, not under the full mask.
            Mask::Full => Self::Cuckoo,
        }
    }
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

impl Mode {
    /// Yields the clauses, where pairs of records are compared and not keys.
    pub fn pairwise(&self) -> Option<&Pairwise> {
        match self {
            Self::Pairwise(pairwise) => Some(pairwise),
            Self::Join { .. } | Self::Lookup => None,
        }
    }

    /// Says whether a single record is asked about.
    pub fn is_lookup(&self) -> bool {
        match self {
            Self::Lookup => true,
            Self::Join { .. } | Self::Pairwise(_) => false,
        }
    }
}

/// What multiplies a difference before the key holder sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mask {
    /// A factor below `t`, a label and a multiple of `t`: small, exact, and many fit a ciphertext.
    Slot,
    /// A factor below `n` and noise ρⁿ, as in the book: some eighteen times the provider's work, and
    /// also against an active querier in league with the key holder, whatever key it made.
    Full,
}

named!(Mask, "mask", Slot = "slot", Full = "full");

/// Matches added by the provider so that the key holder sees a noisy count.
///
/// `D0` plus two-sided geometric noise of scale `epsilon`, clipped to `[0, 2·D0]`, with
/// `D0 = ⌈ln(1/(2δ))/ε⌉`.
///
/// # Source
///
/// `spec/protocol.md`, §5.4.
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
        widths::short(widths::index(widths::label(
            numerator.div_ceil(denominator),
        )))
    }
}

/// What the querier proposes and all three parties sign, but for sizes, nonces and identities.
///
/// # Source
///
/// `spec/protocol.md`, §20.4.
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
    /// The columns of the provider's that matches open.
    pub columns: Columns,
    /// Digest of what the organisations signed; zero where there is no such document.
    pub agreement: [u8; 32],
}

/// Columns of the provider's records that matches open to the querier; none so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Their names, and the longest value of each in bytes.
    pub list: Vec<(String, u16)>,
    /// How many records of one key are opened; 0 where no columns are.
    pub records: u8,
}

/// What a querier may choose about a session, whatever it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choices {
    /// How differences are masked.
    pub mask: Mask,
    /// Whether the key holder returns every value unseen instead of the matches; always so in a
    /// lookup.
    pub blind: bool,
    /// Whether the provider hides the number of matches from a counting key holder among false ones.
    pub hide_count: bool,
    /// The kind of key the key holder makes.
    pub profile: Profile,
    /// The length of its modulus.
    pub key_size: KeySize,
    /// Secret common identifiers that betray a key holder that drops results.
    pub canaries: u8,
    /// The end of the agreement, in seconds since 1970.
    pub expires: u64,
}

impl Choices {
    /// Yields the usual choices: slots, a blind key holder, no dummies, keys with short exponents.
    pub fn new(key_size: KeySize, expires: u64) -> Self {
        Self {
            mask: Mask::Slot,
            blind: true,
            hide_count: false,
            profile: Profile::DjnShort,
            key_size,
            canaries: Terms::DEFAULT_CANARIES,
            expires,
        }
    }

    fn dummies(&self) -> Option<Dummies> {
        self.hide_count.then(Dummies::default)
    }

    fn terms(&self, mode: Mode, rules: Vec<String>, rules_digest: [u8; 32], cap: u64) -> Terms {
        Terms {
            mode,
            mask: self.mask,
            blind: self.blind,
            dummies: self.dummies(),
            profile: self.profile,
            key_size: self.key_size,
            rules,
            rules_digest,
            canaries: self.canaries,
            match_cap: cap,
            expires: self.expires,
            columns: Columns::default(),
            agreement: [0; 32],
        }
    }
}

impl Terms {
    /// Yields the terms of joining `keys` distinct keys.
    ///
    /// The match cap leaves room for every key, every canary and every dummy, and no more.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn join(
        choices: &Choices,
        table: TableKind,
        rules: Vec<String>,
        rules_digest: [u8; 32],
        keys: u64,
    ) -> Result<Self, Error> {
        let dummies = choices
            .dummies()
            .map_or(0, |dummies| 2 * u64::from(dummies.mean()));
        let cap = size_class(keys.saturating_add(CANARY_ROOM)) + dummies;
        let terms = choices.terms(Mode::Join { table }, rules, rules_digest, cap);
        terms.check().map(|()| terms)
    }

    /// Yields the terms of looking up one record, an entry for each rule. The key holder is blind
    /// whatever was chosen: a single match would tell it that the record was found.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn lookup(
        choices: &Choices,
        rules: Vec<String>,
        rules_digest: [u8; 32],
    ) -> Result<Self, Error> {
        let mut terms = choices.terms(Mode::Lookup, rules, rules_digest, 0);
        (terms.blind, terms.dummies) = (true, None);
        terms.match_cap = terms.lookup_entries();
        terms.check().map(|()| terms)
    }

    /// Yields the terms of comparing pairs of records, of whose slots at most `matches` may match over
    /// all pairs, and those of the canaries.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub fn pairs(
        choices: &Choices,
        pairwise: Pairwise,
        rules: Vec<String>,
        rules_digest: [u8; 32],
        matches: u64,
    ) -> Result<Self, Error> {
        // A canary shows a slot for every clause at most.
        let canaries = u64::from(choices.canaries) * pairwise.slots_needed() as u64;
        let cap = matches.saturating_add(canaries);
        let terms = choices.terms(Mode::Pairwise(pairwise), rules, rules_digest, cap);
        terms.check().map(|()| terms)
    }

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

    /// Yields the entries of a lookup's table: one for each rule, and the canaries.
    pub(crate) fn lookup_entries(&self) -> u64 {
        self.rules.len() as u64 + u64::from(self.canaries)
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
        if self.mode.is_lookup() && !self.blind {
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
        if self.columns != Columns::default() {
            return refuse("no columns are opened in this version");
        }
        if self.agreement != [0; 32] {
            return refuse("no document is bound in this version");
        }
        if let Some(pairwise) = self.mode.pairwise() {
            if self.dummies.is_some() {
                return refuse("pairs carry no dummies");
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
        out.bytes(self.suite().name().as_bytes())
            .flag(self.mask == Mask::Full)
            .flag(self.blind);
        match self.dummies {
            None => out.u8(0),
            Some(d) => out.u8(1).u32(d.epsilon_milli).u8(d.delta_log2),
        };
        out.bytes(self.profile.name().as_bytes());
        out.u32(u32::try_from(self.key_size.bits()).expect("key lengths are small"));
        out.count(self.rules.len());
        for rule in &self.rules {
            out.bytes(rule.as_bytes());
        }
        out.raw(&self.rules_digest)
            .u8(self.canaries)
            .u64(self.match_cap)
            .u64(self.expires);
        self.columns.encode(out);
        out.raw(&self.agreement);
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
        let suite = input.text(16)?.to_owned();
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
        let profile = input.text(32)?.parse::<Profile>().ok();
        let profile = profile.ok_or_else(|| input.malformed())?;
        let key_size = decode_key_size(input)?;
        let count = input.count(Self::MOST_RULES)?;
        let rules = (0..count)
            .map(|_| input.text(Self::LONGEST_RULE_ID).map(str::to_owned))
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
            columns: Columns::decode(input)?,
            agreement: input.array()?,
        };
        if terms.suite().name() != suite {
            return Err(input.malformed());
        }
        terms.check()?;
        Ok(terms)
    }
}

/// Reads the length of a modulus, test keys included: the policies judge them.
pub(crate) fn decode_key_size(input: &mut Reader<'_>) -> Result<KeySize, Error> {
    KeySize::insecure_test_key(input.u32()? as usize).map_err(|_| input.malformed())
}

impl Columns {
    /// The most columns.
    const MOST: usize = 64;
    /// The longest name in bytes.
    const LONGEST_NAME: usize = 256;

    fn encode(&self, out: &mut Writer) {
        out.count(self.list.len());
        for (name, longest) in &self.list {
            out.bytes(name.as_bytes()).u16(*longest);
        }
        out.u8(self.records);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, Error> {
        let count = input.count(Self::MOST)?;
        let list = (0..count)
            .map(|_| Ok((input.text(Self::LONGEST_NAME)?.to_owned(), input.u16()?)))
            .collect::<Result<_, Error>>()?;
        let records = input.u8()?;
        Ok(Self { list, records })
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
