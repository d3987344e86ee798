use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::console::say;

/// The code of wrong usage, as the argument parser has it.
const USAGE: u8 = 2;
/// The code of `sysexits.h` for a fault in the program itself.
const SOFTWARE: u8 = 70;
/// The code of `sysexits.h` for a failure that need not occur again.
const TEMPORARY: u8 = 75;

/// A mistake in the command line that the argument parser does not see, such as two options that
/// exclude each other because of what a file says.
#[derive(Clone, Debug)]
pub struct Usage(String);

impl Usage {
    /// The mistake in words: names the option, and what to do.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Usage {}

/// A program as it ends.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Its name, which its errors begin with.
    pub name: &'static str,
    /// The code of an error that the program's own libraries classify; nothing for others.
    pub exit_code: fn(&(dyn StdError + 'static)) -> Option<u8>,
    /// Whether a panic on this thread will be told as an error, and so need not be printed.
    pub panic_is_expected: fn() -> bool,
}

impl Program {
    /// Runs it, and prints its error with all causes on one line.
    ///
    /// Whoever reads standard output may have seen enough before the end: that is no error.
    pub fn run<E>(self, work: impl FnOnce() -> Result<(), E>) -> ExitCode
    where
        E: AsRef<dyn StdError + Send + Sync>,
    {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !(self.panic_is_expected)() {
                print(info);
            }
        }));
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok(Ok(())) => ExitCode::SUCCESS,
            Ok(Err(error)) => {
                let error: &(dyn StdError + Send + Sync) = error.as_ref();
                match self.code(error) {
                    None => ExitCode::SUCCESS,
                    Some(code) => {
                        say(format_args!("{}: {}", self.name, chain(error)));
                        ExitCode::from(code)
                    }
                }
            }
            // What it says is on standard error already.
            Err(_) => ExitCode::from(SOFTWARE),
        }
    }

    /// The code for an error: that of the first cause that decides. Nothing where the error is none.
    fn code(self, error: &(dyn StdError + 'static)) -> Option<u8> {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Usage>() {
                return Some(USAGE);
            }
            if let Some(code) = (self.exit_code)(error) {
                return Some(code);
            }
            match error.downcast_ref::<io::Error>().map(io::Error::kind) {
                Some(io::ErrorKind::BrokenPipe) => return None,
                Some(kind) if is_temporary(kind) => return Some(TEMPORARY),
                _ => {}
            }
            cause = error.source();
        }
        Some(1)
    }
}

/// An error with its causes, a colon between; a cause that has been told is not told again.
pub fn chain(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
        cause = error.source();
    }
    text
}

fn is_temporary(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{Interrupted, QuotaExceeded, ResourceBusy, StorageFull, TimedOut};
    matches!(
        kind,
        Interrupted | QuotaExceeded | ResourceBusy | StorageFull | TimedOut
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Wrapped(&'static str, Box<dyn StdError + 'static>);

    impl fmt::Display for Wrapped {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Wrapped {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            Some(&*self.1)
        }
    }

    fn wrapped(text: &'static str, error: impl StdError + 'static) -> Wrapped {
        Wrapped(text, Box::new(error))
    }

    const PROGRAM: Program = Program {
        name: "test",
        exit_code: |error| (error.to_string() == "a peer").then_some(42),
        panic_is_expected: || false,
    };

    #[test]
    fn the_first_cause_that_decides_gives_the_code() {
        let code = |error: &dyn Fn() -> Wrapped| PROGRAM.code(&error());
        let of_kind = |kind| move || wrapped("out.csv", io::Error::from(kind));
        assert_eq!(code(&of_kind(io::ErrorKind::StorageFull)), Some(TEMPORARY));
        assert_eq!(code(&of_kind(io::ErrorKind::NotFound)), Some(1));
        assert_eq!(code(&of_kind(io::ErrorKind::BrokenPipe)), None);
        assert_eq!(
            code(&|| wrapped("link", Usage::new("--out twice"))),
            Some(USAGE)
        );
        // A peer that is gone is not whoever reads our output.
        let gone = || wrapped("a peer", io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(code(&gone), Some(42));
    }

    #[test]
    fn a_cause_is_told_once() {
        let inner = || {
            wrapped(
                "rule `A`: unknown operator `NX`",
                Usage::new("unknown operator `NX`"),
            )
        };
        assert_eq!(chain(&inner()), "rule `A`: unknown operator `NX`");
        let outer = wrapped("r.toml", inner());
        assert_eq!(chain(&outer), "r.toml: rule `A`: unknown operator `NX`");
    }
}
