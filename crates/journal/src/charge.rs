//! What callers have spent.

use redb::{ReadableTable, TableDefinition};

use crate::store::absent;
use crate::{Error, Journal};

/// When the period of a caller began.
const PERIODS: TableDefinition<'_, &[u8], u64> = TableDefinition::new("periods");

/// Caller and unit; the start of the period in which it was last charged, and what was spent in it.
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

/// What a caller has spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// In the period that is under way.
    pub amount: u64,
    /// When it ends; nothing where none is under way, since the next charge begins one.
    pub until: Option<u64>,
}

impl Journal {
    /// Charges a caller, all of it or nothing.
    ///
    /// A period of so many seconds begins with the caller's first charge after the one before has
    /// ended. With a clock that was turned back, the one that has begun goes on; so a budget is never
    /// more than what the latest time seen allows.
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
            let mut periods = transaction.open_table(PERIODS)?;
            let mut table = transaction.open_table(CHARGES)?;
            let before = periods.get(caller)?.map(|start| start.value());
            let start = before.filter(|start| is_under_way(*start, period, now));
            let start = start.unwrap_or(now);
            for charge in charges {
                let key = (caller, charge.unit);
                let before = table.get(key)?.map(|entry| entry.value());
                let spent = since(start, before);
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
            periods.insert(caller, start)?;
            Ok(Ok(()))
        })
    }

    /// Yields what a caller has spent of a unit.
    ///
    /// # Errors
    ///
    /// Only if the disk fails.
    pub fn spent(&self, caller: &[u8], unit: &str, period: u64, now: u64) -> Result<Spent, Error> {
        self.read(|transaction| {
            let nothing = Spent {
                amount: 0,
                until: None,
            };
            let Some(periods) = absent(transaction.open_table(PERIODS))? else {
                return Ok(nothing);
            };
            let before = periods.get(caller)?.map(|start| start.value());
            let Some(start) = before.filter(|start| is_under_way(*start, period, now)) else {
                return Ok(nothing);
            };
            let table = transaction.open_table(CHARGES)?;
            let before = table.get((caller, unit))?.map(|entry| entry.value());
            Ok(Spent {
                amount: since(start, before),
                until: Some(start.saturating_add(period)),
            })
        })
    }
}

/// Whether a period still runs; with a clock that was turned back behind its start it does.
fn is_under_way(start: u64, period: u64, now: u64) -> bool {
    now < start.saturating_add(period)
}

/// What was spent since the start of a period, of what was last noted.
fn since(start: u64, noted: Option<(u64, u64)>) -> u64 {
    noted
        .filter(|(noted_in, _)| *noted_in == start)
        .map_or(0, |(_, spent)| spent)
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
        assert_eq!(
            journal.spent(b"a", "places", DAY, until).unwrap().amount,
            100
        );
        assert_eq!(
            journal
                .spent(b"a", "places", DAY, until + DAY)
                .unwrap()
                .amount,
            0
        );
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
        assert_eq!(journal.spent(b"a", "places", DAY, 0).unwrap().amount, 0);
        journal.charge(b"a", &both(3), DAY, 0).unwrap();
        assert_eq!(journal.spent(b"a", "places", DAY, 0).unwrap().amount, 10);
        assert_eq!(journal.spent(b"a", "lookups", DAY, 0).unwrap().amount, 3);
        assert_eq!(journal.spent(b"b", "lookups", DAY, 0).unwrap().amount, 0);
    }

    #[test]
    fn all_units_of_a_caller_share_a_period() {
        let (_folder, journal) = journal();
        let lookups = |amount| Charge {
            unit: "lookups",
            amount,
            allowance: 3,
        };
        let until = |now| journal.spent(b"a", "lookups", DAY, now).unwrap().until;
        assert_eq!(until(50), None);
        journal.charge(b"a", &places(10), DAY, 50).unwrap();
        journal.charge(b"a", &[lookups(3)], DAY, DAY).unwrap();
        assert_eq!(until(DAY), Some(50 + DAY));
        journal.charge(b"a", &[lookups(2)], DAY, 50 + DAY).unwrap();
        assert_eq!(until(50 + DAY), Some(50 + 2 * DAY));
        let places = journal.spent(b"a", "places", DAY, 60 + DAY).unwrap();
        assert_eq!(places.amount, 0, "of the period before");
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
        assert_eq!(journal.spent(b"a", "places", DAY, 0).unwrap().amount, 98);
    }
}
