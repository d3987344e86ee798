//! Offers that were answered, each until its session is opened or its time is over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use blindjoin_protocol::agree::{Admitted, Answer, Offer};

use super::registry::Served;
use super::rooms::Room;
use crate::{Error, Fingerprint};

/// An offer that was answered, and charged.
pub(super) struct Pending {
    pub(super) querier: Fingerprint,
    /// Without its blocks, which [`Admitted`] has.
    pub(super) offer: Offer,
    pub(super) answer: Answer,
    pub(super) admitted: Admitted,
    /// What it was answered from.
    pub(super) served: Arc<Served>,
    /// As many wait as there is room for sessions: a querier's own limit, so that none can drive
    /// another's offer out.
    pub(super) room: Room,
    pub(super) since: Instant,
}

/// All of them, by the nonce of the answer.
pub(super) struct Negotiations {
    patience: Duration,
    pending: Mutex<BTreeMap<[u8; 32], Pending>>,
}

impl Negotiations {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            patience,
            pending: Mutex::default(),
        }
    }

    pub(super) fn keep(&self, pending: Pending) {
        self.lock().insert(pending.answer.nonce, pending);
    }

    /// The offer that got an answer of this nonce, once.
    ///
    /// # Errors
    ///
    /// [`Error::SessionState`] if there is none of this querier's, or no longer.
    pub(super) fn take(&self, nonce: &[u8; 32], querier: Fingerprint) -> Result<Pending, Error> {
        let mut pending = self.lock();
        let own = pending.get(nonce).filter(|kept| kept.querier == querier);
        if own.is_none() {
            return Err(Error::SessionState);
        }
        pending.remove(nonce).ok_or(Error::SessionState)
    }

    /// Gives up the room of offers for which no session was opened in time.
    pub(super) fn sweep(&self, now: Instant) {
        let fresh = |kept: &Pending| now.saturating_duration_since(kept.since) < self.patience;
        self.lock().retain(|_, kept| fresh(kept));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
