//! What the programs of the three parties have in common: exit codes and the runtime.

use std::error::Error as StdError;
use std::future::Future;
use std::io;

use blindjoin_protocol::paillier::Backend;

use crate::Error;

/// The exit code of an error of this crate, by its fault: 1 the input, the peer or the configuration is
/// wrong; 70 a bug; 75 temporary, run the same command again. Nothing for other errors.
pub fn exit_code(error: &(dyn StdError + 'static)) -> Option<u8> {
    let error = error.downcast_ref::<Error>()?;
    Some(error.fault().exit_code())
}

/// Looks at what the environment asks of the arithmetic, before a program begins its work.
///
/// # Errors
///
/// [`Error::Arithmetic`].
pub fn check_environment() -> Result<(), Error> {
    Ok(Backend::chosen().map(drop)?)
}

/// Runs a future to its end on a runtime of its own.
///
/// The runtime has few threads: arithmetic is elsewhere.
pub fn block_on<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(future);
    // Batches of sessions that have ended may still be under way.
    runtime.shutdown_background();
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[test]
    fn the_fault_decides() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let down = Error::Connect {
            role: Role::Provider,
            address: "here".to_owned(),
            source: refused,
        };
        assert_eq!(exit_code(&down), Some(75));
        assert_eq!(exit_code(&Error::Replayed), Some(1));
        assert_eq!(exit_code(&Error::Panicked { task: "a test" }), Some(70));
        assert_eq!(exit_code(&io::Error::from(io::ErrorKind::NotFound)), None);
    }
}
