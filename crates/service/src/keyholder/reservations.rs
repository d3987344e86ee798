//! Places that queriers hold before anything is negotiated.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng as _;

use super::stock::{Fresh, Stock};
use crate::server::{Line, Place};
use crate::{Error, Fingerprint, random};

/// What names a reservation to its querier.
pub(super) type Ticket = [u8; 16];

/// A place among the sessions and a key, for one querier and one provider.
pub(super) struct Reserved {
    pub(super) place: Place,
    pub(super) fresh: Fresh,
    pub(super) querier: Fingerprint,
    pub(super) provider: Fingerprint,
}

/// The reservations that are held: each for a short time, and no longer than its connection lasts.
///
/// They are as many as there are places, so that nothing here grows with the number of calls.
pub(super) struct Reservations {
    held: Mutex<BTreeMap<Ticket, Reserved>>,
    lasts: Duration,
    stock: Arc<Stock>,
}

impl Reservations {
    pub(super) fn new(lasts: Duration, stock: Arc<Stock>) -> Arc<Self> {
        let held = Mutex::default();
        Arc::new(Self { held, lasts, stock })
    }

    /// Holds a place until it is taken up, its time is over, or its connection ends.
    pub(super) fn hold(self: &Arc<Self>, reserved: Reserved, line: Line) -> Result<Ticket, Error> {
        let mut ticket = [0; 16];
        random::generator()?.fill_bytes(&mut ticket);
        self.lock().insert(ticket, reserved);
        let reservations = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(reservations.lasts) => {}
                () = line.gone() => {}
            }
            if let Some(reserved) = reservations.lock().remove(&ticket) {
                // Nobody has seen the key.
                reservations.stock.put_back(reserved.fresh);
            }
        });
        Ok(ticket)
    }

    /// Takes up a reservation of `querier` for `provider`: it serves once.
    ///
    /// # Errors
    ///
    /// [`Error::SessionState`] if there is none.
    pub(super) fn take_up(
        &self,
        ticket: &[u8],
        querier: Fingerprint,
        provider: Fingerprint,
    ) -> Result<Reserved, Error> {
        let ticket = Ticket::try_from(ticket).map_err(|_| Error::SessionState)?;
        let mut held = self.lock();
        let theirs = held
            .get(&ticket)
            .is_some_and(|reserved| (reserved.querier, reserved.provider) == (querier, provider));
        let reserved = theirs.then(|| held.remove(&ticket)).flatten();
        reserved.ok_or(Error::SessionState)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Ticket, Reserved>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
