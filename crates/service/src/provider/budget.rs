//! What each querier may still ask for, and the salt of its hashed blocks: durable, per querier.

use std::sync::Arc;

use blindjoin_journal::{Charge, Journal};
use blindjoin_protocol::agree::{Allowance, OwnTerms, Published};
use rand::CryptoRng;

use crate::config::ProviderLimits;
use crate::{Error, Fingerprint};

/// The least default of a querier's places, so that small registries can be linked with often.
const LEAST_PLACES: u64 = 1 << 22;

/// How many tables as large as the registry the default allows.
const TABLES: u64 = 10;

// Seconds.
const DAY: u64 = 86_400;

/// The units that are charged, by the names that they have in the journal.
const PLACES: &str = "places of tables";
const LOOKUPS: &str = "lookups";
const PAIRS: &str = "pairs of records";

/// The budgets of all queriers.
///
/// # Source
///
/// `spec/protocol.md`, §19.6.
pub(super) struct Budget {
    journal: Arc<Journal>,
    lookups: u64,
    pairs: u64,
    period: u64,
    /// None where it follows from the size of the registry.
    places: Option<u64>,
}

impl Budget {
    pub(super) fn new(journal: Arc<Journal>, limits: &ProviderLimits) -> Self {
        Self {
            journal,
            lookups: limits.lookups,
            pairs: limits.pairs,
            period: limits.period_days.saturating_mul(DAY),
            places: limits.places,
        }
    }

    /// What a querier may ask for in a period.
    pub(super) fn allowance(&self, published: &Published) -> Allowance {
        let keys = published.rules.iter().map(|rule| rule.class);
        let keys = keys.fold(0, u64::saturating_add);
        let places = keys.saturating_mul(TABLES).max(LEAST_PLACES);
        Allowance {
            places: self.places.unwrap_or(places),
            lookups: self.lookups,
            pairs: self.pairs,
        }
    }

    /// What a querier is told about itself.
    pub(super) fn own(
        &self,
        caller: Fingerprint,
        published: &Published,
        now: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<OwnTerms, Error> {
        let allowance = self.allowance(published);
        let name = salt_of(caller);
        let salt = self.journal.keep(&name, || fresh(rng).to_vec())?;
        let salt = salt.as_slice().try_into();
        let spent = |unit| {
            self.journal
                .spent(caller.as_bytes(), unit, self.period, now)
        };
        let (places, lookups, pairs) = (spent(PLACES)?, spent(LOOKUPS)?, spent(PAIRS)?);
        Ok(OwnTerms {
            salt: salt.map_err(|_| Error::Kept {
                what: "the salt of a querier's blocks",
            })?,
            left: Allowance {
                places: allowance.places.saturating_sub(places.amount),
                lookups: allowance.lookups.saturating_sub(lookups.amount),
                pairs: allowance.pairs.saturating_sub(pairs.amount),
            },
            renewed: places.until.unwrap_or(now.saturating_add(self.period)),
        })
    }

    /// Charges what a session takes, for good: it is not given back, whatever becomes of it.
    ///
    /// # Errors
    ///
    /// [`Error::Journal`] with the numbers, if it is more than what is left.
    pub(super) fn charge(
        &self,
        caller: Fingerprint,
        charge: &Allowance,
        published: &Published,
        now: u64,
    ) -> Result<(), Error> {
        let allowance = self.allowance(published);
        let units = [
            (PLACES, charge.places, allowance.places),
            (LOOKUPS, charge.lookups, allowance.lookups),
            (PAIRS, charge.pairs, allowance.pairs),
        ];
        let charged = units.into_iter().filter(|(_, amount, _)| *amount > 0);
        let charges: Vec<_> = charged
            .map(|(unit, amount, allowance)| Charge {
                unit,
                amount,
                allowance,
            })
            .collect();
        let caller = caller.as_bytes();
        Ok(self.journal.charge(caller, &charges, self.period, now)?)
    }

    /// Gives a querier another salt, because a block is fuller than its bound under this one.
    pub(super) fn redraw(
        &self,
        caller: Fingerprint,
        rng: &mut impl CryptoRng,
    ) -> Result<(), Error> {
        Ok(self.journal.replace(&[(&salt_of(caller), &fresh(rng))])?)
    }
}

fn salt_of(caller: Fingerprint) -> Vec<u8> {
    [b"salt ", caller.as_bytes().as_slice()].concat()
}

fn fresh(rng: &mut impl CryptoRng) -> [u8; 32] {
    let mut salt = [0; 32];
    rng.fill_bytes(&mut salt);
    salt
}

#[cfg(test)]
mod tests {
    use blindjoin_protocol::agree::PublishedRule;

    use super::*;
    use crate::random;

    fn published(class: u64) -> Published {
        let rule = |id: &str| PublishedRule {
            id: id.to_owned(),
            class,
            forms: 1,
            weight: 1,
        };
        Published::new(vec![rule("A"), rule("B")], [0; 32], Vec::new(), [0; 32])
    }

    fn budget(folder: &std::path::Path, limits: &ProviderLimits) -> Budget {
        Budget::new(Arc::new(Journal::open(folder).unwrap()), limits)
    }

    #[test]
    fn places_follow_from_all_rules_unless_they_are_configured() {
        let folder = tempfile::tempdir().unwrap();
        let default = budget(folder.path(), &ProviderLimits::default());
        let places = |class| default.allowance(&published(class)).places;
        assert_eq!((places(512), places(1 << 20)), (1 << 22, 20 << 20));
        drop(default);
        let limits = ProviderLimits {
            places: Some(7),
            ..ProviderLimits::default()
        };
        let small = budget(folder.path(), &limits);
        assert_eq!(small.allowance(&published(1 << 20)).places, 7);
    }

    #[test]
    fn a_salt_is_a_querier_s_own_and_stays_until_it_is_redrawn() {
        let folder = tempfile::tempdir().unwrap();
        let [one, other] = [[1; 32], [2; 32]].map(Fingerprint::from_bytes);
        let open = || budget(folder.path(), &ProviderLimits::default());
        let mut rng = random::generator().unwrap();
        let mut salt = |budget: &Budget, caller| {
            let own = budget.own(caller, &published(512), 0, &mut rng).unwrap();
            own.salt
        };
        let budget = open();
        let first = salt(&budget, one);
        assert_ne!(first, salt(&budget, other));
        drop(budget);
        let budget = open();
        assert_eq!(salt(&budget, one), first);
        budget
            .redraw(one, &mut random::generator().unwrap())
            .unwrap();
        let second = salt(&budget, one);
        assert_ne!(second, first);
        drop(budget);
        assert_eq!(salt(&open(), one), second);
    }

    #[test]
    fn the_period_ends_for_all_allowances_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let budget = budget(folder.path(), &ProviderLimits::default());
        let (caller, published) = (Fingerprint::from_bytes([1; 32]), published(512));
        let mut rng = random::generator().unwrap();
        let charge = Allowance {
            places: 100,
            lookups: 1000,
            pairs: 0,
        };
        budget.charge(caller, &charge, &published, 5).unwrap();
        let mut left = |now| {
            let own = budget.own(caller, &published, now, &mut rng).unwrap();
            (own.left.places, own.left.lookups, own.renewed)
        };
        let end = 5 + 30 * DAY;
        assert_eq!(left(end - 1), ((1 << 22) - 100, 0, end));
        assert_eq!(left(end), (1 << 22, 1000, end + 30 * DAY));
        let more = budget.charge(caller, &charge, &published, end - 1);
        assert!(matches!(more, Err(Error::Journal(_))), "{more:?}");
        budget.charge(caller, &charge, &published, end).unwrap();
    }
}
