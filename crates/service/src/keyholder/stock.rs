//! Session keys made in advance, each used once.
//!
//! One thread makes them, and nothing else does: however many ask, the key holder spends one core
//! on keys, and the rest goes to the sessions under way.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use blindjoin_protocol::agree::SessionSecret;
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use tokio::sync::Semaphore;
use tracing::{debug, error};

use crate::{Error, Refusal, random};

/// The kind of key that is kept ready.
pub(super) const PROFILE: Profile = Profile::DjnShort;

/// How long a caller may wait for a key that is being made.
const WAIT: Duration = Duration::from_secs(10);

/// A fresh key and the secret of the session that will use it.
pub(super) struct Fresh {
    pub(super) key: Arc<SecretKey>,
    pub(super) secret: SessionSecret,
}

/// Keys of every size that is offered; the thread that makes them ends with the last handle.
pub(super) struct Stock {
    inner: Arc<Inner>,
}

struct Inner {
    shelves: Vec<Shelf>,
    state: Mutex<State>,
    /// Tells the maker that something was taken, or that it shall end.
    wanted: Condvar,
    /// How many keys of each size are kept ready.
    ready: usize,
}

struct Shelf {
    size: KeySize,
    /// A permit for each key: callers get keys in the order in which they came.
    permits: Semaphore,
}

struct State {
    keys: Vec<VecDeque<Fresh>>,
    over: bool,
}

impl Stock {
    /// Starts the thread that keeps `ready` keys of each size.
    pub(super) fn start(sizes: &[KeySize], ready: usize) -> Self {
        let shelf = |&size: &KeySize| Shelf {
            size,
            permits: Semaphore::new(0),
        };
        let inner = Arc::new(Inner {
            shelves: sizes.iter().map(shelf).collect(),
            state: Mutex::new(State {
                keys: sizes.iter().map(|_| VecDeque::new()).collect(),
                over: false,
            }),
            wanted: Condvar::new(),
            ready,
        });
        let maker = inner.clone();
        std::thread::spawn(move || maker.make_keys());
        Self { inner }
    }

    /// Whether keys of this size are made here.
    ///
    /// # Errors
    ///
    /// [`Refusal::KeySize`].
    pub(super) fn offers(&self, bits: u64) -> Result<(), Refusal> {
        self.shelf(bits).map(drop)
    }

    /// A key that nobody has used. Callers wait for one in the order of their coming, for a short
    /// time, and leave the queue when they hang up.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] if none is ready in time, [`Refusal::KeySize`] for a size not offered.
    pub(super) async fn take(&self, bits: u64) -> Result<Fresh, Error> {
        let number = self.shelf(bits)?;
        let permit = tokio::time::timeout(WAIT, self.inner.shelves[number].permits.acquire()).await;
        let empty = || Error::Full {
            what: "sessions: no session key is ready",
            limit: self.inner.ready,
        };
        permit.map_err(|_| empty())?.map_err(|_| empty())?.forget();
        let taken = self.inner.lock().keys[number].pop_front();
        self.inner.wanted.notify_one();
        taken.ok_or_else(empty)
    }

    /// Takes back a key that was not shown to anybody.
    pub(super) fn put_back(&self, fresh: Fresh) {
        let size = fresh.key.public().size();
        self.inner.add(size, fresh);
    }

    fn shelf(&self, bits: u64) -> Result<usize, Refusal> {
        let offered = |shelf: &Shelf| shelf.size.bits() as u64 == bits;
        let number = self.inner.shelves.iter().position(offered);
        number.ok_or(Refusal::KeySize { bits })
    }
}

impl Drop for Stock {
    fn drop(&mut self) {
        self.inner.lock().over = true;
        self.inner.wanted.notify_one();
    }
}

impl Inner {
    fn make_keys(&self) {
        loop {
            let size = {
                let mut state = self.lock();
                loop {
                    if state.over {
                        return;
                    }
                    // The emptiest shelf first.
                    let shelves = self.shelves.iter().zip(&state.keys);
                    let emptiest = shelves.min_by_key(|(_, keys)| keys.len());
                    match emptiest {
                        Some((shelf, keys)) if keys.len() < self.ready => break shelf.size,
                        _ => {
                            state = self
                                .wanted
                                .wait(state)
                                .unwrap_or_else(PoisonError::into_inner);
                        }
                    }
                }
            };
            match make(size) {
                Ok(fresh) => self.add(size, fresh),
                Err(problem) => {
                    error!(%problem, "no session keys can be made");
                    for shelf in &self.shelves {
                        shelf.permits.close();
                    }
                    return;
                }
            }
            debug!("a session key is ready");
        }
    }

    fn add(&self, size: KeySize, fresh: Fresh) {
        let Some(number) = self.shelves.iter().position(|shelf| shelf.size == size) else {
            return;
        };
        self.lock().keys[number].push_back(fresh);
        self.shelves[number].permits.add_permits(1);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(size: KeySize) -> Result<Fresh, Error> {
    let secret = random::session_secret()?;
    let key = Arc::new(SecretKey::generate(
        size,
        PROFILE,
        &mut secret.key_generation(),
    ));
    Ok(Fresh { key, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn keys_come_from_the_stock_in_turn_and_no_more_are_made() {
        let size = KeySize::insecure_test_key(512).unwrap();
        let stock = Stock::start(&[size], 1);
        stock.offers(512).unwrap();
        assert_eq!(stock.offers(1024), Err(Refusal::KeySize { bits: 1024 }));
        let first = stock.take(512).await.unwrap();
        let modulus = first.key.public().n().clone();
        let second = stock.take(512).await.unwrap();
        assert_ne!(second.key.public().n(), &modulus);
        // What nobody has seen serves again, and the stock does not grow beyond it.
        stock.put_back(first);
        stock.put_back(second);
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push(stock.take(512).await.unwrap().key.public().n().clone());
        }
        assert!(seen.contains(&modulus));
    }
}
