//! What people see: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::ops::Deref;
use std::time::Duration;

use blindjoin_columnar::Reader;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

pub(crate) use blindjoin_terminal::table;

/// Progress and remarks, unless they are not wanted.
#[derive(Debug)]
pub(crate) struct Console(blindjoin_terminal::Console);

impl Deref for Console {
    type Target = blindjoin_terminal::Console;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Console {
    /// The one console of the process.
    pub(crate) fn new(quiet: bool) -> Self {
        Self(blindjoin_terminal::Console::new(quiet))
    }

    /// Says what is worth saying about a file that has just been opened.
    pub(crate) fn notes_on(&self, reader: &Reader) {
        for note in reader.notes() {
            self.note(format_args!("{}: {note}", reader.name()));
        }
    }

    /// A bar for reading a file, on terminals.
    pub(crate) fn progress(&self, what: &'static str, reader: &Reader) -> ProgressBar {
        if self.is_quiet() || !io::stderr().is_terminal() {
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::with_draw_target(reader.total(), ProgressDrawTarget::stderr());
        let style = if reader.total().is_some() {
            "{msg:>12} [{bar:32}] {percent:>3} %  {elapsed} of {duration}"
        } else {
            "{msg:>12} {spinner} {elapsed}"
        };
        bar.set_style(ProgressStyle::with_template(style).expect("the template is a constant"));
        bar.set_message(what);
        bar.enable_steady_tick(Duration::from_millis(200));
        bar
    }
}

/// Prints a line of the result.
pub(crate) fn result(text: impl Display) -> io::Result<()> {
    writeln!(io::stdout(), "{text}")
}
