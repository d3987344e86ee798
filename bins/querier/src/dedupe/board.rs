//! One display for several linkages.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use blindjoin_service::progress::{News, Observer, Phase};
use blindjoin_terminal::say;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a linkage writes a line of progress where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// A bar for each linkage under way on a terminal, and lines otherwise.
#[derive(Debug)]
pub(crate) struct Board {
    bars: MultiProgress,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bars,
    Lines,
    Nothing,
}

/// The place of one linkage on the board.
#[derive(Debug)]
pub(crate) struct Place {
    name: String,
    bar: ProgressBar,
    kind: Kind,
    last: Mutex<Instant>,
}

impl Board {
    /// A board on stderr, or none.
    pub(crate) fn new(quiet: bool) -> Self {
        let (kind, target) = if quiet {
            (Kind::Nothing, ProgressDrawTarget::hidden())
        } else if std::io::stderr().is_terminal() {
            (Kind::Bars, ProgressDrawTarget::stderr())
        } else {
            (Kind::Lines, ProgressDrawTarget::hidden())
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            kind,
        }
    }

    /// A place for the linkage with one jurisdiction.
    pub(crate) fn place(&self, name: &str) -> Arc<Place> {
        let bar = self.bars.add(ProgressBar::new(1));
        if self.kind == Kind::Bars {
            bar.set_style(style());
            bar.set_prefix(name.to_owned());
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Arc::new(Place {
            name: name.to_owned(),
            bar,
            kind: self.kind,
            last: Mutex::new(Instant::now()),
        })
    }
}

impl Place {
    /// Says that the linkage has ended, and whether well.
    pub(crate) fn finish(&self, well: bool) {
        let word = if well { "done" } else { "failed" };
        self.bar.finish_with_message(word);
        if self.kind == Kind::Lines {
            say(format_args!("{}: {word}", self.name));
        }
    }

    fn done(&self, phase: Phase, done: u64, total: u64) {
        self.bar.set_length(total.max(1));
        self.bar.set_position(done);
        if self.kind == Kind::Lines {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            if last.elapsed() >= EVERY {
                *last = Instant::now();
                say(format_args!(
                    "{}: {phase}: {done} of {total} batches",
                    self.name
                ));
            }
        }
    }
}

impl Observer for Place {
    fn news(&self, news: News) {
        match news {
            News::Begun(phase) => {
                self.bar.set_position(0);
                self.bar.set_message(phase.to_string());
                if self.kind == Kind::Lines {
                    say(format_args!("{}: {phase}", self.name));
                }
            }
            News::Done(phase, done, total) => self.done(phase, done, total),
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{prefix:>16} {msg:>20} [{bar:32}] {percent:>3} %  {elapsed}")
        .expect("the template is a constant")
}
