//! Arithmetic runs here, never on the threads that serve connections.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use crate::Error;

/// Starts `work` on the process's rayon pool at once; the future waits for it without blocking an
/// async thread.
///
/// Dropping the future does not stop the work.
///
/// # Errors
///
/// [`Error::Panicked`], with the name of the task, if `work` panics; the pool goes on.
pub fn compute<T: Send + 'static>(
    task: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> impl Future<Output = Result<T, Error>> + Send + Unpin + 'static {
    let (sender, receiver) = oneshot::channel();
    rayon::spawn(move || {
        if let Ok(result) = catch_unwind(AssertUnwindSafe(work)) {
            // Nobody waits any more when the session has ended meanwhile.
            drop(sender.send(result));
        }
    });
    Pending { receiver, task }
}

/// Runs short or sequential work, such as sealing one chunk, beside the pool, so that it does not
/// queue behind whole batches.
pub async fn step<T: Send + 'static>(
    task: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::Panicked { task })
}

/// How many batches to have under way, so that every core is busy while one batch waits its turn.
pub fn window() -> usize {
    rayon::current_num_threads() + 2
}

struct Pending<T> {
    receiver: oneshot::Receiver<T>,
    task: &'static str,
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.task;
        Pin::new(&mut self.receiver)
            .poll(context)
            .map_err(|_| Error::Panicked { task })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_and_the_pool_goes_on() {
        let outcome = compute("a test", || panic!("on purpose")).await;
        assert!(matches!(
            outcome,
            Err::<(), _>(Error::Panicked { task: "a test" })
        ));
        assert_eq!(compute("a test", || 7).await.ok(), Some(7));
    }
}
