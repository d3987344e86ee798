//! From errors to exit codes.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The code of `sysexits.h` for a fault in the program itself.
const SOFTWARE: u8 = 70;
/// The code of `sysexits.h` for a failure that need not occur again.
const TEMPORARY: u8 = 75;

/// Runs a command, and prints its error with all causes on one line.
pub(crate) fn report(command: impl FnOnce() -> anyhow::Result<()>) -> ExitCode {
    match catch_unwind(AssertUnwindSafe(command)) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            crate::console::error(&format!("{error:#}"));
            ExitCode::from(code(&error))
        }
        // The panic's own message is on stderr already.
        Err(_) => ExitCode::from(SOFTWARE),
    }
}

fn code(error: &anyhow::Error) -> u8 {
    let temporary = |kind| {
        use io::ErrorKind::{Interrupted, QuotaExceeded, ResourceBusy, StorageFull, TimedOut};
        matches!(
            kind,
            Interrupted | QuotaExceeded | ResourceBusy | StorageFull | TimedOut
        )
    };
    let is_temporary = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| temporary(cause.kind()));
    if is_temporary { TEMPORARY } else { 1 }
}

/// Whoever reads our output may have seen enough: no reason to complain.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_temporary_and_a_missing_file_is_not() {
        let full = anyhow::Error::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(code(&full.context("out.csv")), TEMPORARY);
        let missing = anyhow::Error::from(io::Error::from(io::ErrorKind::NotFound));
        assert_eq!(code(&missing), 1);
    }
}
