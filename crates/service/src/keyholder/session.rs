//! One session at the key holder.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use blindjoin_protocol::{Agreement, Released, SecretKey, SessionSecret};
use tokio::sync::watch;

use crate::server::Place;
use crate::sessions::Session;
use crate::{Error, Fingerprint};

/// A session between its opening and the delivery of its result.
pub(super) struct Open {
    pub(super) agreement: Agreement,
    pub(super) provider: Fingerprint,
    pub(super) querier: Fingerprint,
    pub(super) secret: SessionSecret,
    announcement: Vec<u8>,
    awaited: AtomicUsize,
    key: Mutex<Option<Arc<SecretKey>>>,
    outcome: watch::Sender<Outcome>,
    /// Left at the session's end, whoever still looks at it.
    place: Mutex<Option<Place>>,
    stage: watch::Sender<Stage>,
}

#[derive(Clone)]
enum Outcome {
    Pending,
    Abandoned,
    Ready(Arc<Released>),
}

/// How far a session is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The provider has not come yet.
    Orphan,
    TakenUp,
    Over,
}

/// What a session is made of.
pub(super) struct Parts {
    pub(super) agreement: Agreement,
    pub(super) announcement: Vec<u8>,
    pub(super) key: Arc<SecretKey>,
    pub(super) place: Place,
    pub(super) provider: Fingerprint,
    pub(super) querier: Fingerprint,
    pub(super) secret: SessionSecret,
}

impl Open {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            agreement: parts.agreement,
            provider: parts.provider,
            querier: parts.querier,
            secret: parts.secret,
            announcement: parts.announcement,
            awaited: AtomicUsize::new(0),
            key: Mutex::new(Some(parts.key)),
            outcome: watch::Sender::new(Outcome::Pending),
            place: Mutex::new(Some(parts.place)),
            stage: watch::Sender::new(Stage::Orphan),
        }
    }

    /// The public key, for a provider that has not submitted anything yet. Afterwards the answer is
    /// the same as when the session is over: how long its result takes is nobody's business.
    ///
    /// # Errors
    ///
    /// [`Error::SessionState`] once the stream has begun.
    pub(super) fn announcement(&self) -> Result<Vec<u8>, Error> {
        if self.lock_key().is_none() {
            return Err(Error::SessionState);
        }
        self.stage.send_if_modified(|stage| {
            let orphan = *stage == Stage::Orphan;
            if orphan {
                *stage = Stage::TakenUp;
            }
            orphan
        });
        Ok(self.announcement.clone())
    }

    /// The secret key, for the one stream of comparisons that the session has.
    ///
    /// # Errors
    ///
    /// [`Error::SessionState`] for a second stream.
    pub(super) fn take_key(&self) -> Result<Arc<SecretKey>, Error> {
        self.lock_key().take().ok_or(Error::SessionState)
    }

    /// The whole stream is verified: this is what the querier may have.
    pub(super) fn complete(&self, released: Released) {
        self.outcome
            .send_replace(Outcome::Ready(Arc::new(released)));
    }

    /// Whether the provider still owes the stream, or a part of it.
    pub(super) fn is_pending(&self) -> bool {
        matches!(*self.outcome.borrow(), Outcome::Pending)
    }

    /// Waits for the whole stream to be verified.
    pub(super) async fn released(&self) -> Result<Arc<Released>, Error> {
        let _awaited = Awaited::new(&self.awaited);
        let mut outcomes = self.outcome.subscribe();
        let outcome = outcomes
            .wait_for(|outcome| !matches!(outcome, Outcome::Pending))
            .await;
        match outcome.map(|outcome| outcome.clone()) {
            Ok(Outcome::Ready(released)) => Ok(released),
            _ => Err(Error::SessionState),
        }
    }

    /// Resolves when the provider has come.
    pub(super) async fn taken_up(&self) {
        self.reaches(|stage| stage != Stage::Orphan).await;
    }

    /// Resolves when the session is over, for whatever reason.
    pub(super) async fn over(&self) {
        self.reaches(|stage| stage == Stage::Over).await;
    }

    async fn reaches(&self, stage: impl Fn(Stage) -> bool) {
        let mut stages = self.stage.subscribe();
        // The sender lives as long as this session, so waiting cannot fail.
        if stages.wait_for(|now| stage(*now)).await.is_err() {}
    }

    fn lock_key(&self) -> std::sync::MutexGuard<'_, Option<Arc<SecretKey>>> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
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
        self.stage.send_replace(Stage::Over);
        let place = self
            .place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(place);
    }

    /// A querier that waits for its result keeps the session, however long its table takes.
    fn is_awaited(&self) -> bool {
        self.awaited.load(Ordering::Relaxed) > 0
    }
}

/// Counts those who wait for a result.
struct Awaited<'a>(&'a AtomicUsize);

impl<'a> Awaited<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
