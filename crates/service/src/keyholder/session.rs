//! One session at the key holder.

use std::sync::{Arc, Mutex, PoisonError};

use blindjoin_protocol::{Agreement, Released, SecretKey, SessionSecret};
use tokio::sync::watch;

use crate::server::Caller;
use crate::sessions::Session;
use crate::{Error, Fingerprint};

/// A session between its opening and the delivery of its result.
pub(super) struct Open {
    pub(super) agreement: Agreement,
    pub(super) announcement: Vec<u8>,
    pub(super) provider: Fingerprint,
    pub(super) querier: Caller,
    pub(super) secret: SessionSecret,
    key: Mutex<Option<Arc<SecretKey>>>,
    outcome: watch::Sender<Outcome>,
}

#[derive(Clone)]
enum Outcome {
    Pending,
    Abandoned,
    Ready(Arc<Released>),
}

impl Open {
    pub(super) fn new(
        agreement: Agreement,
        announcement: Vec<u8>,
        (key, secret): (Arc<SecretKey>, SessionSecret),
        querier: Caller,
        provider: Fingerprint,
    ) -> Self {
        let key = Mutex::new(Some(key));
        let outcome = watch::Sender::new(Outcome::Pending);
        Self {
            agreement,
            announcement,
            provider,
            querier,
            secret,
            key,
            outcome,
        }
    }

    /// The secret key, for the one stream of comparisons that the session has.
    ///
    /// # Errors
    ///
    /// [`Error::SessionState`] for a second stream.
    pub(super) fn take_key(&self) -> Result<Arc<SecretKey>, Error> {
        self.key
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .ok_or(Error::SessionState)
    }

    /// The whole stream is verified: this is what the querier may have.
    pub(super) fn complete(&self, released: Released) {
        self.outcome
            .send_replace(Outcome::Ready(Arc::new(released)));
    }

    /// Waits for the whole stream to be verified.
    pub(super) async fn released(&self) -> Result<Arc<Released>, Error> {
        let mut outcomes = self.outcome.subscribe();
        let outcome = outcomes
            .wait_for(|outcome| !matches!(outcome, Outcome::Pending))
            .await;
        match outcome.map(|outcome| outcome.clone()) {
            Ok(Outcome::Ready(released)) => Ok(released),
            _ => Err(Error::SessionState),
        }
    }

    /// Resolves when the session has been abandoned.
    pub(super) async fn abandoned(&self) {
        let mut outcomes = self.outcome.subscribe();
        // The sender lives as long as this session, so waiting cannot fail.
        if outcomes
            .wait_for(|outcome| matches!(outcome, Outcome::Abandoned))
            .await
            .is_err()
        {}
    }
}

impl Session for Open {
    fn abandon(&self) {
        self.outcome.send_if_modified(|outcome| {
            let pending = matches!(outcome, Outcome::Pending);
            if pending {
                *outcome = Outcome::Abandoned;
            }
            pending
        });
    }
}
