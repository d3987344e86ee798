//! Holding an offer against what a provider has published.

use crate::blocks::BlockDirectory;
use crate::blocks::offer::BlockOffer;
use crate::class::{CANARY_ROOM, bound};
use crate::error::Error;
use crate::objection::Objection;
use crate::offer::Offer;
use crate::plan::Plan;
use crate::publication::{Allowance, Counting, OwnTerms, Published, sum};
use crate::size::Sizes;
use crate::size::count;
use crate::terms::Terms;
use crate::terms::pairwise::Pairwise;

/// What an offer comes to at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// The class of each agreed rule; none in blocks.
    pub classes: Vec<u64>,
    /// The blocks that the session is about, if it is about some only.
    pub blocks: Option<BlockDirectory>,
    /// The keys of the provider's (the pairs, in a comparison of pairs) that the session has room
    /// for, canaries included.
    pub provider_size: u64,
    /// What follows from the sizes of both sides.
    pub plan: Plan,
    /// The counts and lengths of the session.
    pub sizes: Sizes,
    /// What the session takes of the querier's allowance.
    pub charge: Allowance,
}

impl Published {
    /// Holds an offer against what is published, and yields the sizes that follow.
    ///
    /// The offer is checked against itself when it is made and when it is read. The querier does the
    /// same before it asks, so an objection is news to nobody. The allowance is not looked at: see
    /// [`OwnTerms::check`].
    ///
    /// # Errors
    ///
    /// [`Error::Objection`]; [`Error::Outdated`] for an offer on another publication or under
    /// another salt; [`Error::ManifestContradiction`] when the sizes fit no table or stream.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §19.3.
    pub fn admit(&self, offer: &Offer) -> Result<Admitted, Error> {
        let terms = &offer.terms;
        self.check_choices(terms)?;
        if offer.published != self.digest() {
            return Err(Error::Outdated);
        }
        let classes = self.check_rules(offer)?;
        let keys = sum(&classes);
        let (blocks, classes, provider_size) = match &offer.blocks {
            None => (None, classes, keys),
            Some(BlockOffer::Prefixes {
                provider_salt,
                bits,
                prefixes,
                ..
            }) => {
                let most = self.most_hash_bits(&terms.rules);
                if *bits > most {
                    return Err(Objection::HashBits { bits: *bits, most }.into());
                }
                if *provider_salt != self.own.salt {
                    return Err(Error::Outdated);
                }
                let blocks = offer
                    .blocks
                    .as_ref()
                    .and_then(|blocks| BlockDirectory::of_offer(blocks, None));
                let size = prefixes.len() as u64 * bound(keys, *bits) + CANARY_ROOM;
                (blocks, Vec::new(), size)
            }
            Some(blocks @ BlockOffer::Cells { .. }) => {
                let blocking = self.blocking(&terms.rules_digest)?;
                let blocks =
                    BlockDirectory::of_offer(blocks, Some(blocking)).ok_or(Objection::Cell)?;
                let size = match terms.mode.pairwise() {
                    Some(_) => blocks.pairs(),
                    None => blocks.keys(),
                };
                (Some(blocks), Vec::new(), size.saturating_add(CANARY_ROOM))
            }
        };
        let plan = Plan::of(terms, offer.querier_size, provider_size)?;
        let sizes = Sizes::new(terms, offer.querier_size, provider_size, &plan)?;
        Ok(Admitted {
            classes,
            blocks,
            provider_size,
            plan,
            sizes,
            charge: count::charge(terms, sizes.table_entries(), provider_size),
        })
    }

    /// Checks what does not concern records.
    fn check_choices(&self, terms: &Terms) -> Result<(), Objection> {
        if !self.key_sizes.contains(&terms.key_size) {
            let bits = terms.key_size.bits();
            let accepted = self.key_sizes.iter().map(|size| size.bits()).collect();
            return Err(Objection::KeySize { bits, accepted });
        }
        if !self.profiles.contains(&terms.profile) {
            let profile = terms.profile.name();
            return Err(Objection::Profile { profile });
        }
        match (self.counting, terms.blind) {
            // A lookup is blind whatever is required: it has no more than a match for each rule.
            (Counting::Required, true) if !terms.mode.is_lookup() => {
                Err(Objection::CountingRequired)
            }
            (Counting::Refused, false) => Err(Objection::CountingRefused),
            _ => Ok(()),
        }
    }

    /// Checks the rules, and yields their classes.
    fn check_rules(&self, offer: &Offer) -> Result<Vec<u64>, Objection> {
        let terms = &offer.terms;
        let classes = self.classes(&terms.rules)?;
        let in_cells = matches!(offer.blocks, Some(BlockOffer::Cells { .. }));
        if !in_cells {
            self.check_rules_digest(&terms.rules_digest)?;
        }
        if let Some(pairwise) = terms.mode.pairwise() {
            if !self.pairs {
                return Err(Objection::Pairs);
            }
            let rules = self
                .rules
                .iter()
                .map(|rule| (usize::from(rule.forms), rule.weight));
            if Pairwise::of_rules(rules, pairwise.threshold).as_ref() != Ok(pairwise) {
                return Err(Objection::Weights);
            }
        }
        Ok(classes)
    }
}

impl OwnTerms {
    /// Checks that a session's charge is within what is left.
    ///
    /// # Errors
    ///
    /// [`Objection::Allowance`].
    pub fn check(&self, charge: &Allowance) -> Result<(), Objection> {
        let left = &self.left;
        let counts = [
            ("places of tables", charge.places, left.places),
            ("lookups", charge.lookups, left.lookups),
            ("pairs of records", charge.pairs, left.pairs),
        ];
        match counts.into_iter().find(|(_, needed, left)| needed > left) {
            Some((what, needed, left)) => Err(Objection::Allowance {
                what,
                needed,
                left,
                renewed: self.renewed,
            }),
            None => Ok(()),
        }
    }
}
