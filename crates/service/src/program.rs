//! What the three programs have in common: exit codes, the runtime, the line that says where they
//! listen.

use std::error::Error as StdError;
use std::fmt::Display;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::{Error, Fault, chain};

/// Runs a program and prints its error, with all causes, on one line of stderr.
///
/// Exit codes: 0 done; 1 the input, the peer or the configuration is wrong; 70 a bug; 75 temporary,
/// run the same command again. (2, wrong usage, is the argument parser's.)
pub fn run<E>(name: &str, program: impl FnOnce() -> Result<(), E>) -> ExitCode
where
    E: AsRef<dyn StdError + Send + Sync>,
{
    match catch_unwind(AssertUnwindSafe(program)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            let error: &(dyn StdError + Send + Sync) = error.as_ref();
            say(format_args!("{name}: {}", chain(error)));
            ExitCode::from(exit_code(error))
        }
        // The panic's own message is on stderr already.
        Err(_) => ExitCode::from(Fault::Misuse.exit_code()),
    }
}

/// The exit code for an error: that of the first fault among its causes.
pub fn exit_code(error: &(dyn StdError + 'static)) -> u8 {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<Error>() {
            return error.fault().exit_code();
        }
        if error
            .downcast_ref::<io::Error>()
            .is_some_and(|error| temporary(error.kind()))
        {
            return Fault::Environment.exit_code();
        }
        cause = error.source();
    }
    Fault::Input.exit_code()
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

/// The line that scripts wait for.
pub fn listening(address: SocketAddr) {
    say(format_args!("listening on {address}"));
}

/// A line on stderr. Nothing can be done when even that fails.
pub fn say(text: impl Display) {
    writeln!(io::stderr(), "{text}").unwrap_or_default();
}

fn temporary(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{Interrupted, QuotaExceeded, ResourceBusy, StorageFull, TimedOut};
    matches!(
        kind,
        Interrupted | QuotaExceeded | ResourceBusy | StorageFull | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;

    #[derive(Debug, thiserror::Error)]
    #[error("while testing")]
    struct Wrapped(#[source] Error);

    #[test]
    fn the_first_fault_among_the_causes_decides() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let down = Error::Connect {
            role: Role::Provider,
            address: "here".to_owned(),
            source: refused,
        };
        assert_eq!(exit_code(&Wrapped(down)), 75);
        assert_eq!(exit_code(&Wrapped(Error::Replayed)), 1);
        assert_eq!(exit_code(&Wrapped(Error::Panicked { task: "a test" })), 70);
        assert_eq!(exit_code(&io::Error::from(io::ErrorKind::NotFound)), 1);
        assert_eq!(exit_code(&io::Error::from(io::ErrorKind::StorageFull)), 75);
    }
}
