use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use blindjoin_service::progress::{News, Observer, Phase};
use blindjoin_terminal::say;
use indicatif::{ProgressBar, ProgressStyle};

/// How often a line of progress is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// Shows a linkage's progress: a bar per phase on a terminal, lines otherwise.
#[derive(Debug)]
pub struct Bars {
    display: Display,
}

#[derive(Debug)]
enum Display {
    Bar(ProgressBar),
    Lines(Mutex<Instant>),
    Nothing,
}

impl Bars {
    /// A display on stderr, or none.
    pub fn new(quiet: bool) -> Self {
        let display = if quiet {
            Display::Nothing
        } else if std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(1);
            bar.set_style(style());
            bar.enable_steady_tick(Duration::from_millis(200));
            Display::Bar(bar)
        } else {
            Display::Lines(Mutex::new(Instant::now()))
        };
        Self { display }
    }

    /// Removes the bar.
    pub fn finish(&self) {
        if let Display::Bar(bar) = &self.display {
            bar.finish_and_clear();
        }
    }

    fn done(&self, phase: Phase, done: u64, total: u64) {
        match &self.display {
            Display::Bar(bar) => {
                bar.set_length(total.max(1));
                bar.set_position(done);
            }
            Display::Lines(last) => {
                let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
                if last.elapsed() >= EVERY {
                    *last = Instant::now();
                    say(format_args!("{phase}: {done} of {total} batches"));
                }
            }
            Display::Nothing => {}
        }
    }
}

impl Observer for Bars {
    fn news(&self, news: News) {
        match (news, &self.display) {
            (News::Begun(phase), Display::Bar(bar)) => {
                bar.set_position(0);
                bar.set_message(phase.to_string());
            }
            (News::Begun(phase), Display::Lines(_)) => say(phase),
            (News::Done(phase, done, total), _) => self.done(phase, done, total),
            (News::Begun(_), Display::Nothing) => {}
        }
    }
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("{msg:>20} [{bar:32}] {percent:>3} %  {elapsed} of {duration}")
        .expect("the template is a constant")
}
