//! Room for sessions: so many at once, so many of one querier's, so many bytes for their tables.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use blindjoin_protocol::agree::Sizes;

use crate::server::{Place, Places};
use crate::{Error, Fingerprint, Refusal};

/// What all sessions share.
pub(super) struct Rooms {
    /// Bytes, of which so many are taken.
    memory: u64,
    sessions: Arc<Places>,
    taken: Mutex<u64>,
}

/// One session's room, free again when this is dropped.
pub(super) struct Room {
    memory: u64,
    _place: Place,
    rooms: Arc<Rooms>,
}

impl Rooms {
    pub(super) fn new(sessions: usize, sessions_per_querier: usize, memory: u64) -> Arc<Self> {
        Arc::new(Self {
            memory,
            sessions: Places::new("sessions", sessions_per_querier, sessions),
            taken: Mutex::default(),
        })
    }

    /// Takes room for a session of these sizes.
    ///
    /// It is the memory that a session can come to: nothing is allocated before it is needed, and
    /// nothing from a number that somebody announced.
    ///
    /// # Errors
    ///
    /// [`Refusal::Memory`] for a session that never fits, [`Error::Full`] for one that does not fit
    /// beside the others.
    pub(super) fn enter(
        self: &Arc<Self>,
        caller: Fingerprint,
        sizes: &Sizes,
    ) -> Result<Room, Error> {
        let memory = bytes(sizes);
        if memory > self.memory {
            return Err(Refusal::Memory {
                needed: memory,
                most: self.memory,
            }
            .into());
        }
        let place = self.sessions.take(caller)?;
        let mut taken = self.lock();
        if *taken > self.memory - memory {
            return Err(Error::Full {
                what: "mebibytes of tables",
                limit: usize::try_from(self.memory >> 20).unwrap_or(usize::MAX),
            });
        }
        *taken += memory;
        Ok(Room {
            memory,
            _place: place,
            rooms: self.clone(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *self.rooms.lock() -= self.memory;
    }
}

/// What a session takes: its table in the arithmetic's own form, which is a quarter longer than on
/// the wire, and some 52 bytes for each of the provider's keys.
fn bytes(sizes: &Sizes) -> u64 {
    let table = sizes.table();
    let table = table.items().saturating_mul(table.item_bytes() as u64);
    let jobs = sizes.provider_keys().saturating_mul(52);
    (table.saturating_add(table / 4)).saturating_add(jobs)
}

#[cfg(test)]
mod tests {
    use blindjoin_protocol::agree::{Choices, Mask, TableKind, Terms};
    use blindjoin_protocol::paillier::{KeySize, Profile};
    use blindjoin_protocol::parts::Plan;

    use super::*;

    /// The sizes of a join of so many keys at 3072 bits.
    fn sizes(keys: u64) -> Sizes {
        let choices = Choices {
            mask: Mask::Slot,
            blind: true,
            hide_count: false,
            profile: Profile::DjnShort,
            key_size: KeySize::new(3072).unwrap(),
            canaries: 32,
            expires: 0,
        };
        let rules = vec!["ID".to_owned()];
        let terms = Terms::join(&choices, TableKind::Okvs, rules, [0; 32], keys).unwrap();
        let plan = Plan::of(&terms, keys, 1024).unwrap();
        Sizes::new(&terms, keys, 1024, &plan).unwrap()
    }

    fn caller(number: u8) -> Fingerprint {
        Fingerprint::from_bytes([number; 32])
    }

    fn is_full(entered: Result<Room, Error>) -> bool {
        matches!(entered.map(drop), Err(Error::Full { .. }))
    }

    #[test]
    fn room_is_bounded_for_each_and_for_all_and_comes_back() {
        let rooms = Rooms::new(3, 2, u64::MAX);
        let small = sizes(1024);
        let enter = |number| rooms.enter(caller(number), &small);
        let first = enter(1).unwrap();
        let _second = enter(1).unwrap();
        assert!(is_full(enter(1)), "two are one querier's share");
        let _third = enter(2).unwrap();
        assert!(is_full(enter(2)) && is_full(enter(3)), "three are all");
        drop(first);
        let _fourth = enter(3).unwrap();
        assert!(is_full(enter(1)));
    }

    #[test]
    fn tables_share_the_memory() {
        let million = sizes(1 << 20);
        // A table of 1.23 million places of 960 bytes each.
        let needed = bytes(&million);
        assert!((1_150 << 20..1_250 << 20).contains(&needed), "{needed}");
        let rooms = Rooms::new(10, 10, 2 * needed);
        let _first = rooms.enter(caller(1), &million).unwrap();
        let second = rooms.enter(caller(2), &million).unwrap();
        assert!(is_full(rooms.enter(caller(3), &sizes(1024))));
        drop(second);
        let _small = rooms.enter(caller(3), &sizes(1024)).unwrap();
        assert!(is_full(rooms.enter(caller(2), &million)));
        let never = rooms.enter(caller(2), &sizes(4 << 20)).map(drop);
        assert!(matches!(never, Err(Error::Refused(Refusal::Memory { .. }))));
    }
}
