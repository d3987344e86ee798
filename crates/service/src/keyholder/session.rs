//! One session at the key holder.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use blindjoin_protocol::agree::Agreement;
use blindjoin_protocol::session::KeyHolderSession;
use tokio::sync::watch;

use crate::server::Place;
use crate::sessions::Session;
use crate::{Error, Fingerprint};

/// A session between its opening and the delivery of its result.
pub(super) struct Open {
    pub(super) agreement: Agreement,
    pub(super) provider: Fingerprint,
    pub(super) querier: Fingerprint,
    announcement: Vec<u8>,
    awaited: AtomicUsize,
    /// Before its stream of comparisons, and once that is decided.
    session: Mutex<Option<KeyHolderSession>>,
    outcome: watch::Sender<Outcome>,
    /// Left at the session's end, whoever still looks at it.
    place: Mutex<Option<Place>>,
    stage: watch::Sender<Stage>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// No stream of comparisons has begun.
    Fresh,
    /// One is under way.
    Pending,
    Abandoned,
    Ready,
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
    pub(super) session: KeyHolderSession,
    pub(super) place: Place,
    pub(super) provider: Fingerprint,
    pub(super) querier: Fingerprint,
}

impl Open {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            agreement: parts.agreement,
            provider: parts.provider,
            querier: parts.querier,
            announcement: parts.session.announcement(),
            awaited: AtomicUsize::new(0),
            session: Mutex::new(Some(parts.session)),
            outcome: watch::Sender::new(Outcome::Fresh),
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
        if *self.outcome.borrow() != Outcome::Fresh {
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

    /// The session, for the one stream of comparisons that it has.
    ///
    /// # Errors
    ///
    /// [`Error::SessionState`] for a second stream.
    pub(super) fn begin(&self) -> Result<KeyHolderSession, Error> {
        let begins = self.outcome.send_if_modified(|outcome| {
            let fresh = *outcome == Outcome::Fresh;
            if fresh {
                *outcome = Outcome::Pending;
            }
            fresh
        });
        let session = begins.then(|| self.lock_session().take()).flatten();
        session.ok_or(Error::SessionState)
    }

    /// The whole stream has been decided: from now on there is something for the querier.
    pub(super) fn complete(&self, session: KeyHolderSession) {
        *self.lock_session() = Some(session);
        self.outcome.send_replace(Outcome::Ready);
    }

    /// Whether the provider still owes the stream, or a part of it.
    pub(super) fn is_pending(&self) -> bool {
        matches!(*self.outcome.borrow(), Outcome::Fresh | Outcome::Pending)
    }

    /// Waits for the whole stream to be decided; yields the session, once.
    pub(super) async fn decided(&self) -> Result<KeyHolderSession, Error> {
        let _awaited = Awaited::new(&self.awaited);
        let mut outcomes = self.outcome.subscribe();
        let outcome = outcomes
            .wait_for(|outcome| !matches!(outcome, Outcome::Fresh | Outcome::Pending))
            .await;
        match outcome.map(|outcome| *outcome) {
            Ok(Outcome::Ready) => self.lock_session().take().ok_or(Error::SessionState),
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

    fn lock_session(&self) -> MutexGuard<'_, Option<KeyHolderSession>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Session for Open {
    fn abandon(&self) {
        self.outcome.send_if_modified(|outcome| {
            let pending = matches!(outcome, Outcome::Fresh | Outcome::Pending);
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
