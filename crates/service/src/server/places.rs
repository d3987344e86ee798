//! How much may be under way: for each caller, and in all.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Error, Fingerprint};

/// Places that callers take and leave: so many for each of them, so many in all.
///
/// The bound for each keeps one caller from taking the places of all others.
#[derive(Debug)]
pub(crate) struct Places {
    all: usize,
    each: usize,
    taken: Mutex<Taken>,
    what: &'static str,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by: BTreeMap<Fingerprint, usize>,
}

impl Places {
    /// `what` names them in the log.
    pub(crate) fn new(what: &'static str, each: usize, all: usize) -> Arc<Self> {
        Arc::new(Self {
            all,
            each,
            taken: Mutex::default(),
            what,
        })
    }

    /// Takes a place, until the value is dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] if the caller has all of its places, or everybody together all there are.
    pub(crate) fn take(self: &Arc<Self>, who: Fingerprint) -> Result<Place, Error> {
        let mut taken = self.lock();
        let own = taken.by.get(&who).copied().unwrap_or_default();
        for (count, limit) in [(own, self.each), (taken.all, self.all)] {
            if count >= limit {
                let what = self.what;
                return Err(Error::Full { what, limit });
            }
        }
        taken.all += 1;
        taken.by.insert(who, own + 1);
        let places = self.clone();
        Ok(Place { places, who })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    who: Fingerprint,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(own) = taken.by.get_mut(&self.who) {
            *own -= 1;
            if *own == 0 {
                taken.by.remove(&self.who);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_places_of_all_others() {
        let [one, other, third] = [1, 2, 3].map(|byte| Fingerprint::from_bytes([byte; 32]));
        let places = Places::new("tests", 2, 3);
        let full = |who, limit| {
            assert!(matches!(places.take(who), Err(Error::Full { limit: l, .. }) if l == limit));
        };
        let first = places.take(one).unwrap();
        let _second = places.take(one).unwrap();
        full(one, 2);
        let _theirs = places.take(other).unwrap();
        full(third, 3);
        drop(first);
        let _last = places.take(third).unwrap();
        full(one, 3);
    }
}
