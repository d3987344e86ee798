//! What people see: results on standard output, everything else on standard error.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use blindjoin_columnar::Reader;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Progress and remarks, unless they are not wanted.
#[derive(Debug)]
pub(crate) struct Console {
    quiet: bool,
}

static QUIET: AtomicBool = AtomicBool::new(false);

/// A remark for a person, formatted as by `println`, unless remarks are not wanted.
macro_rules! say {
    ($($argument:tt)*) => {
        $crate::console::remark(format_args!($($argument)*))
    };
}

pub(crate) use say;

pub(crate) fn remark(text: impl Display) {
    if !QUIET.load(Ordering::Relaxed) {
        line(&mut io::stderr(), &text);
    }
}

impl Console {
    /// The one console of the process.
    pub(crate) fn new(quiet: bool) -> Self {
        QUIET.store(quiet, Ordering::Relaxed);
        Self { quiet }
    }

    /// Whether nothing but results is wanted.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A remark for a person.
    pub(crate) fn note(&self, text: impl Display) {
        if !self.quiet {
            line(&mut io::stderr(), &text);
        }
    }

    /// Says what is worth saying about a file that has just been opened.
    pub(crate) fn notes_on(&self, reader: &Reader) {
        for note in reader.notes() {
            self.note(format_args!("{}: {note}", reader.name()));
        }
    }

    /// A bar for reading a file, on terminals.
    pub(crate) fn progress(&self, what: &'static str, reader: &Reader) -> ProgressBar {
        if self.quiet || !io::stderr().is_terminal() {
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

/// Prints an error. Nothing can be done when even that fails.
pub(crate) fn error(text: &str) {
    line(&mut io::stderr(), &format_args!("blindjoin: {text}"));
}

fn line(stream: &mut impl Write, text: &impl Display) {
    writeln!(stream, "{text}").unwrap_or_default();
}

/// A table for people: the first column to the left, numbers to the right.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|c| c.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let lines = rows.iter().map(|row| {
        let cells = row
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, width))| {
                if column == 0 {
                    format!("{cell:<width$}")
                } else {
                    format!("{cell:>width$}")
                }
            });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
