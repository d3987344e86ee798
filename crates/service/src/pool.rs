//! Arithmetic runs here, never on the threads that serve connections.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use crate::Error;

/// Runs `work` on the process's rayon pool and waits for it without blocking an async thread.
///
/// Dropping the future does not stop work that has begun.
///
/// # Errors
///
/// [`Error::Panicked`], with the name of the task, if `work` panics; the pool goes on.
pub async fn compute<T: Send + 'static>(
    task: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let (sender, receiver) = oneshot::channel();
    rayon::spawn(move || {
        if let Ok(result) = catch_unwind(AssertUnwindSafe(work)) {
            // Nobody waits any more when the session has ended meanwhile.
            drop(sender.send(result));
        }
    });
    receiver.await.map_err(|_| Error::Panicked { task })
}

/// How many batches to have under way, so that every core is busy while one batch waits its turn.
pub fn window() -> usize {
    rayon::current_num_threads() + 2
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
