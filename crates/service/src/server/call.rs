//! A call under way, as the log names it.

use std::future::Future;
use std::sync::OnceLock;

use tonic::{Request, Response, Status};
use tracing::warn;

use super::Line;
use crate::sessions::{Id, short};
use crate::{Code, Error, Fingerprint, chain};

/// A call under way: what is asked, by whom, and in which session, once that is known.
#[derive(Debug)]
pub(crate) struct Call {
    caller: Option<Fingerprint>,
    method: &'static str,
    session: OnceLock<Id>,
}

impl Call {
    pub(crate) fn new<T>(method: &'static str, request: &Request<T>) -> Self {
        Self {
            caller: Line::of(request).ok().map(|line| line.caller.fingerprint),
            method,
            session: OnceLock::new(),
        }
    }

    /// Notes the session that the call is about; what comes first counts.
    pub(crate) fn is_about(&self, session: Id) {
        self.session.get_or_init(|| session);
    }

    /// Yields what the caller gets: the answer, or a word for why there is none.
    pub(crate) async fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<Response<T>, Status> {
        let answer = answer.await.map_err(|error| self.refuse(&error))?;
        Ok(Response::new(answer))
    }

    /// Logs why the call fails, and yields the word for the caller.
    pub(crate) fn refuse(&self, error: &Error) -> Status {
        warn!(
            method = self.method,
            caller = self.caller.map(tracing::field::display),
            session = self.session.get().map(short),
            told = %Code::of_error(error),
            reason = %chain(error),
            "a call failed"
        );
        error.to_status()
    }
}
