//! Who keeps a person: the first jurisdiction of the priority list that holds her.

use blindjoin_protocol::Cell;

use super::links::{Linked, Standing};
use super::local::Local;

/// Whether a jurisdiction holds a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// One of her records here matched one there.
    Yes,
    /// None did, of those that could be compared.
    No,
    /// None did, and some could not be compared.
    Unknown,
}

/// What is to become of each person, and of her records.
#[derive(Debug)]
pub(crate) struct Decisions {
    /// Jurisdiction by jurisdiction, in order of priority: who is held there.
    pub(crate) held: Vec<Vec<Held>>,
    /// Our place in that order.
    pub(crate) ours: usize,
}

impl Decisions {
    /// Takes what is known of the jurisdictions, in order of priority.
    ///
    /// A record outside of the blocks in which a card was made, by [`Linked::outside`], counts as
    /// compared in vain: nobody could say more of it by trying again. Whether one that could not be
    /// linked with holds a person is unknown.
    pub(crate) fn new(local: &Local, standings: &[Standing]) -> Self {
        let ours = standings
            .iter()
            .position(|standing| matches!(standing, Standing::Ours))
            .expect("this registry has a place in the order");
        let held = standings.iter().map(|standing| match standing {
            Standing::Ours => vec![Held::Yes; local.persons()],
            Standing::Linked(linked) => held(local, linked),
            Standing::Failed => vec![Held::Unknown; local.persons()],
        });
        Self {
            held: held.collect(),
            ours,
        }
    }

    /// The jurisdictions that are known to hold a person.
    pub(crate) fn holders(&self, person: usize) -> impl Iterator<Item = usize> {
        (0..self.held.len()).filter(move |&place| self.held[place][person] == Held::Yes)
    }

    /// The jurisdiction with which a person stays, or `None` where a failed comparison leaves it
    /// open.
    pub(crate) fn stays_with(&self, person: usize) -> Option<usize> {
        let first = (0..=self.ours).find(|&place| self.held[place][person] != Held::No)?;
        (self.held[first][person] == Held::Yes).then_some(first)
    }

    /// Whether a person stays here, or `None` where a failed comparison leaves it open.
    pub(crate) fn stays_here(&self, person: usize) -> Option<bool> {
        let before = || self.held[..self.ours].iter().map(|held| held[person]);
        if before().any(|held| held == Held::Yes) {
            Some(false)
        } else if before().any(|held| held == Held::Unknown) {
            None
        } else {
            Some(true)
        }
    }
}

fn held(local: &Local, linked: &Linked) -> Vec<Held> {
    let mut held = vec![Held::No; local.persons()];
    for (row, &person) in local.person.iter().enumerate() {
        let held = &mut held[person as usize];
        let cells = linked.card.row(row);
        if cells.contains(&Cell::Matched) {
            *held = Held::Yes;
        } else if *held == Held::No && cells.contains(&Cell::NotCompared) && !linked.outside(row) {
            *held = Held::Unknown;
        }
    }
    held
}

#[cfg(test)]
mod tests {
    use super::Held::{No, Unknown, Yes};
    use super::*;

    /// One person, at the jurisdictions in order of priority.
    fn decide(ours: usize, held: &[Held]) -> (Option<usize>, Option<bool>) {
        let decisions = Decisions {
            held: held.iter().map(|&held| vec![held]).collect(),
            ours,
        };
        (decisions.stays_with(0), decisions.stays_here(0))
    }

    #[test]
    fn a_person_stays_with_the_first_that_holds_her() {
        assert_eq!(decide(0, &[Yes, Yes, Yes]), (Some(0), Some(true)));
        assert_eq!(decide(1, &[No, Yes, Yes]), (Some(1), Some(true)));
        assert_eq!(decide(2, &[No, Yes, Yes]), (Some(1), Some(false)));
        assert_eq!(decide(1, &[Yes, Yes, No]), (Some(0), Some(false)));
    }

    #[test]
    fn a_failed_comparison_leaves_open_what_depends_on_it_and_no_more() {
        assert_eq!(decide(0, &[Yes, Unknown]), (Some(0), Some(true)));
        assert_eq!(decide(1, &[Unknown, Yes]), (None, None));
        assert_eq!(decide(2, &[Unknown, Yes, Yes]), (None, Some(false)));
        assert_eq!(decide(2, &[Yes, Unknown, Yes]), (Some(0), Some(false)));
    }

    /// Every set of holders, decided at each of them: exactly one keeps.
    #[test]
    fn exactly_one_holder_keeps_a_person() {
        for holders in 1_u32..1 << 4 {
            let holds = |place: usize| holders >> place & 1 == 1;
            let held: Vec<Held> = (0..4)
                .map(|place| if holds(place) { Yes } else { No })
                .collect();
            let keepers: Vec<usize> = (0..4)
                .filter(|&place| holds(place) && decide(place, &held).1 == Some(true))
                .collect();
            let first = holders.trailing_zeros() as usize;
            assert_eq!(keepers, [first]);
            assert!(
                (0..4)
                    .filter(|&place| holds(place))
                    .all(|place| decide(place, &held).0 == Some(first))
            );
        }
    }
}
