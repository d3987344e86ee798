//! What callers have spent.

use redb::{ReadableTable, TableDefinition};

use crate::store::absent;
use crate::{Error, Journal};

/// Caller and unit; the start of the period and what was spent since.
const CHARGES: TableDefinition<'_, (&[u8], &str), (u64, u64)> = TableDefinition::new("charges");

/// One thing to be paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge<'a> {
    /// What is counted: each unit has a budget of its own.
    pub unit: &'a str,
    /// How much of it is wanted.
    pub amount: u64,
    /// How much of it a caller has in a period.
    pub allowance: u64,
}

impl Journal {
    /// Charges a caller, all of it or nothing.
    ///
    /// A period of so many seconds begins with the first charge after the one before has ended. With
    /// a clock that was turned back, the one that has begun goes on; so a budget is never more than
    /// what the latest time seen allows.
    ///
    /// # Errors
    ///
    /// [`Error::Exhausted`] for the first charge that its allowance does not cover.
    pub fn charge(
        &self,
        caller: &[u8],
        charges: &[Charge<'_>],
        period: u64,
        now: u64,
    ) -> Result<(), Error> {
        self.write(|transaction| {
            let mut table = transaction.open_table(CHARGES)?;
            for charge in charges {
                let key = (caller, charge.unit);
                let before = table.get(key)?.map(|entry| entry.value());
                let (start, spent) = current(before, period, now);
                let (amount, allowance) = (charge.amount, charge.allowance);
                let after = spent.checked_add(amount).filter(|&sum| sum <= allowance);
                let Some(after) = after else {
                    return Ok(Err(Error::Exhausted {
                        unit: charge.unit.to_owned(),
                        amount,
                        allowance,
                        spent,
                        until: start.saturating_add(period),
                    }));
                };
                table.insert(key, (start, after))?;
            }
            Ok(Ok(()))
        })
    }

    /// Yields what a caller has spent in the period that is under way.
    ///
    /// # Errors
    ///
    /// Only if the disk fails.
    pub fn spent(&self, caller: &[u8], unit: &str, period: u64, now: u64) -> Result<u64, Error> {
        self.read(|transaction| {
            let Some(table) = absent(transaction.open_table(CHARGES))? else {
                return Ok(0);
            };
            let before = table.get((caller, unit))?.map(|entry| entry.value());
            Ok(current(before, period, now).1)
        })
    }
}

/// The start of the period that a charge falls into, and what was spent in it.
fn current(before: Option<(u64, u64)>, period: u64, now: u64) -> (u64, u64) {
    match before {
        Some((start, spent)) if now < start.saturating_add(period) => (start, spent),
        _ => (now, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400;

    fn places(amount: u64) -> [Charge<'static>; 1] {
        [Charge {
            unit: "places",
            amount,
            allowance: 100,
        }]
    }

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::open(&folder.path().join("state")).unwrap();
        (folder, journal)
    }

    #[test]
    fn a_period_ends_and_the_next_has_its_own_allowance() {
        let (_folder, journal) = journal();
        journal.charge(b"a", &places(100), DAY, 1000).unwrap();
        let refused = journal.charge(b"a", &places(1), DAY, 1000 + DAY - 1);
        let Err(Error::Exhausted {
            spent: 100,
            amount: 1,
            allowance: 100,
            until,
            ..
        }) = refused
        else {
            panic!("{refused:?}")
        };
        assert_eq!(until, 1000 + DAY);
        journal.charge(b"a", &places(100), DAY, until).unwrap();
        assert_eq!(journal.spent(b"a", "places", DAY, until).unwrap(), 100);
        assert_eq!(journal.spent(b"a", "places", DAY, until + DAY).unwrap(), 0);
    }

    #[test]
    fn a_clock_that_is_turned_back_gives_nothing_back() {
        let (_folder, journal) = journal();
        let now = 100 * DAY;
        journal.charge(b"a", &places(70), DAY, now).unwrap();
        for earlier in [now - 1, now - 50 * DAY, 0] {
            let refused = journal.charge(b"a", &places(31), DAY, earlier);
            assert!(matches!(refused, Err(Error::Exhausted { spent: 70, .. })));
        }
        journal.charge(b"a", &places(30), DAY, 0).unwrap();
        let refused = journal.charge(b"a", &places(1), DAY, now);
        assert!(matches!(refused, Err(Error::Exhausted { spent: 100, .. })));
    }

    #[test]
    fn several_charges_are_paid_together_or_not_at_all() {
        let (_folder, journal) = journal();
        let both = |lookups| {
            let [places] = places(10);
            let lookups = Charge {
                unit: "lookups",
                amount: lookups,
                allowance: 3,
            };
            [places, lookups]
        };
        let refused = journal.charge(b"a", &both(4), DAY, 0);
        assert!(matches!(refused, Err(Error::Exhausted { unit, .. }) if unit == "lookups"));
        assert_eq!(journal.spent(b"a", "places", DAY, 0).unwrap(), 0);
        journal.charge(b"a", &both(3), DAY, 0).unwrap();
        assert_eq!(journal.spent(b"a", "places", DAY, 0).unwrap(), 10);
        assert_eq!(journal.spent(b"a", "lookups", DAY, 0).unwrap(), 3);
        assert_eq!(journal.spent(b"b", "lookups", DAY, 0).unwrap(), 0);
    }

    #[test]
    fn sums_beyond_all_numbers_are_refused() {
        let (_folder, journal) = journal();
        let huge = [Charge {
            unit: "places",
            amount: u64::MAX,
            allowance: u64::MAX,
        }];
        journal.charge(b"a", &huge, u64::MAX, 5).unwrap();
        let refused = journal.charge(b"a", &huge, u64::MAX, u64::MAX - 1);
        assert!(matches!(refused, Err(Error::Exhausted { .. })));
    }

    #[test]
    fn parallel_charges_never_overdraw() {
        let (_folder, journal) = journal();
        let paid: usize = std::thread::scope(|scope| {
            let caller = || {
                let charge = || journal.charge(b"a", &places(7), DAY, 0);
                (0..5).filter(|_| charge().is_ok()).count()
            };
            let callers: Vec<_> = (0..8).map(|_| scope.spawn(caller)).collect();
            callers.into_iter().map(|paid| paid.join().unwrap()).sum()
        });
        assert_eq!(paid, 14, "of 40 attempts at 7 of 100");
        assert_eq!(journal.spent(b"a", "places", DAY, 0).unwrap(), 98);
    }
}
