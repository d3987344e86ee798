//! Session keys made in advance, each used once.

use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use blindjoin_protocol::{KeySize, Profile, SecretKey, SessionSecret};
use tracing::{debug, error};

use crate::{Error, pool, random};

/// The kind of key that is kept ready.
pub(super) const PROFILE: Profile = Profile::DjnShort;

/// A fresh key and the secret of the session that will use it.
pub(super) struct Fresh {
    pub(super) key: Arc<SecretKey>,
    pub(super) secret: SessionSecret,
}

/// Makes keys of one size in the background and of any other on demand.
pub(super) struct Stock {
    ready: Arc<Mutex<Receiver<Fresh>>>,
    size: KeySize,
}

impl Stock {
    /// Starts a thread that keeps `count` keys ready; it ends with the stock.
    pub(super) fn start(size: KeySize, count: usize) -> Self {
        let (sender, receiver) = sync_channel(count.saturating_sub(1));
        if count > 0 {
            std::thread::spawn(move || {
                loop {
                    match make(size, PROFILE) {
                        Ok(fresh) => {
                            if sender.send(fresh).is_err() {
                                return;
                            }
                            debug!("a session key is ready");
                        }
                        Err(problem) => {
                            error!(%problem, "no session keys can be made in advance");
                            return;
                        }
                    }
                }
            });
        }
        Self {
            ready: Arc::new(Mutex::new(receiver)),
            size,
        }
    }

    /// A key that nobody has used.
    pub(super) async fn take(&self, size: KeySize, profile: Profile) -> Result<Fresh, Error> {
        if size == self.size && profile == PROFILE {
            let ready = self.ready.clone();
            let waited = pool::step("waiting for a session key", move || {
                ready.lock().unwrap_or_else(PoisonError::into_inner).recv()
            });
            if let Ok(fresh) = waited.await? {
                return Ok(fresh);
            }
        }
        pool::step("making a session key", move || make(size, profile)).await?
    }
}

fn make(size: KeySize, profile: Profile) -> Result<Fresh, Error> {
    let secret = random::session_secret()?;
    let key = Arc::new(SecretKey::generate(
        size,
        profile,
        &mut secret.key_generation(),
    ));
    Ok(Fresh { key, secret })
}
