//! What each querier may still ask for, and the salt of its hashed blocks: durable, per querier.

use std::sync::Arc;

use blindjoin_journal::{Charge, Journal};
use blindjoin_protocol::{Allowance, OwnTerms, Published};
use rand::CryptoRng;

use crate::config::ProviderLimits;
use crate::{Error, Fingerprint};

/// The least default of a querier's places, so that small registries can be linked with often.
const LEAST_PLACES: u64 = 1 << 22;

/// How many tables as large as the registry the default allows.
const TABLES: u64 = 10;

const DAY: u64 = 86_400;

/// The units that are charged, by the names that they have in the journal.
const PLACES: &str = "places of tables";
const LOOKUPS: &str = "lookups";
const PAIRS: &str = "pairs of records";

/// The budgets of all queriers.
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
