//! The sessions of a server: bounded in number, freed when nobody goes on with them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;
use crate::fingerprint::hex;

/// SHA-256 of a manifest, which names the session to the services.
pub(crate) type Id = [u8; 32];

/// A session as the table of sessions sees it.
pub(crate) trait Session: Send + Sync + 'static {
    /// The time is up, or a party gave up: whoever waits for the session shall not wait longer.
    fn abandon(&self);

    /// Whether somebody waits for the session on an open connection, which keeps it.
    fn is_awaited(&self) -> bool {
        false
    }
}

/// The table of sessions.
pub(crate) struct Sessions<T> {
    idle: Duration,
    inner: Mutex<Inner<T>>,
    limit: usize,
}

struct Inner<T> {
    live: BTreeMap<Id, Live<T>>,
}

struct Live<T> {
    session: Arc<T>,
    touched: Instant,
}

impl<T: Session> Sessions<T> {
    pub(crate) fn new(limit: usize, idle: Duration) -> Arc<Self> {
        let inner = Mutex::new(Inner {
            live: BTreeMap::new(),
        });
        Arc::new(Self { idle, inner, limit })
    }

    /// Adds a session under its id, which the journal has noted as used.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] if others took the room meanwhile.
    pub(crate) fn insert(&self, id: Id, session: Arc<T>) -> Result<(), Error> {
        let mut inner = self.lock();
        if inner.live.len() >= self.limit {
            return Err(Error::Full {
                what: "sessions",
                limit: self.limit,
            });
        }
        inner.live.insert(
            id,
            Live {
                session,
                touched: Instant::now(),
            },
        );
        Ok(())
    }

    /// The session, which has another idle time from now on.
    pub(crate) fn find(&self, id: &[u8]) -> Result<Arc<T>, Error> {
        let mut inner = self.lock();
        let id = Id::try_from(id).map_err(|_| Error::SessionState)?;
        let live = inner.live.get_mut(&id).ok_or(Error::SessionState)?;
        live.touched = Instant::now();
        Ok(live.session.clone())
    }

    /// Notes that somebody goes on with the session.
    pub(crate) fn touch(&self, id: &Id) {
        if let Some(live) = self.lock().live.get_mut(id) {
            live.touched = Instant::now();
        }
    }

    /// Ends the session.
    pub(crate) fn close(&self, id: &Id) {
        let closed = self.lock().live.remove(id);
        if let Some(live) = closed {
            live.session.abandon();
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lock().live.len()
    }

    /// Ends every session that has been idle for too long, now and for ever after.
    pub(crate) async fn sweep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval((self.idle / 4).max(Duration::from_millis(50)));
        loop {
            ticks.tick().await;
            self.sweep_at(Instant::now());
        }
    }

    fn sweep_at(&self, now: Instant) {
        let mut abandoned = Vec::new();
        self.lock().live.retain(|id, live| {
            if live.session.is_awaited() {
                live.touched = now;
            }
            let keep = now.saturating_duration_since(live.touched) < self.idle;
            if !keep {
                abandoned.push((*id, live.session.clone()));
            }
            keep
        });
        for (id, session) in abandoned {
            tracing::warn!(session = %short(&id), "a session was abandoned: nobody went on with it in time");
            session.abandon();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> std::fmt::Debug for Sessions<T> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Sessions")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// Closes a session when dropped: on every way out of a call, and when the caller vanishes.
pub(crate) struct CloseOnDrop<T: Session> {
    armed: bool,
    id: Id,
    sessions: Arc<Sessions<T>>,
}

impl<T: Session> CloseOnDrop<T> {
    pub(crate) fn new(sessions: &Arc<Sessions<T>>, id: Id) -> Self {
        Self {
            armed: true,
            id,
            sessions: sessions.clone(),
        }
    }

    /// Lets the session live on.
    pub(crate) fn keep(mut self) {
        self.armed = false;
    }
}

impl<T: Session> Drop for CloseOnDrop<T> {
    fn drop(&mut self) {
        if self.armed {
            self.sessions.close(&self.id);
        }
    }
}

/// Enough of a session's id to tell the lines of a log apart.
pub(crate) fn short(id: &Id) -> String {
    hex(&id[..4])
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[derive(Default)]
    struct Plain {
        abandoned: AtomicBool,
    }

    impl Session for Plain {
        fn abandon(&self) {
            self.abandoned.store(true, Ordering::Relaxed);
        }
    }

    fn open(sessions: &Arc<Sessions<Plain>>, id: u8) -> Result<Arc<Plain>, Error> {
        let session = Arc::new(Plain::default());
        sessions.insert([id; 32], session.clone())?;
        Ok(session)
    }

    #[test]
    fn room_is_bounded_and_comes_back() {
        let sessions = Sessions::new(1, Duration::from_secs(60));
        let first = open(&sessions, 1).unwrap();
        assert!(matches!(
            open(&sessions, 2),
            Err(Error::Full { limit: 1, .. })
        ));
        drop(CloseOnDrop::new(&sessions, [1; 32]));
        assert!(first.abandoned.load(Ordering::Relaxed));
        open(&sessions, 2).unwrap();
        assert!(sessions.find(&[1; 32]).is_err());
        assert!(sessions.find(&[2; 31]).is_err());
        sessions.find(&[2; 32]).unwrap();
    }

    #[test]
    fn idle_sessions_are_abandoned() {
        let sessions = Sessions::new(2, Duration::from_secs(60));
        let session = open(&sessions, 1).unwrap();
        sessions.sweep_at(Instant::now());
        assert_eq!(sessions.len(), 1);
        sessions.sweep_at(Instant::now() + Duration::from_secs(61));
        assert_eq!(sessions.len(), 0);
        assert!(session.abandoned.load(Ordering::Relaxed));
    }
}
