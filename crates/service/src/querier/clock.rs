//! The phases of a session.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::progress::{News, Observer, Phase};

/// Times the phases, and tells of them.
pub(super) struct Clock<'a> {
    pub(super) observer: &'a dyn Observer,
    times: Mutex<Times>,
}

struct Times {
    began: Instant,
    phase: Phase,
    phases: Vec<(Phase, Duration)>,
}

impl<'a> Clock<'a> {
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        observer.news(News::Begun(Phase::Negotiate));
        let times = Times {
            began: Instant::now(),
            phase: Phase::Negotiate,
            phases: Vec::new(),
        };
        Self {
            observer,
            times: Mutex::new(times),
        }
    }

    /// Begins a phase, unless it has begun.
    pub(super) fn begin(&self, phase: Phase) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.phase == phase {
            return;
        }
        let ended = (times.phase, times.began.elapsed());
        times.phases.push(ended);
        (times.phase, times.began) = (phase, Instant::now());
        self.observer.news(News::Begun(phase));
    }

    pub(super) fn finish(self) -> Vec<(Phase, Duration)> {
        let Times {
            began,
            phase,
            mut phases,
        } = self
            .times
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        phases.push((phase, began.elapsed()));
        phases
    }
}
