//! Does time depend on the class of an input? Welch's t over two interleaved classes.
//!
//! # Source
//!
//! O. Reparaz, J. Balasch, I. Verbauwhede, *Dude, is my code constant time?* (2017): two classes of
//! inputs in random order, the slowest measurements cropped at several percentiles, and the largest
//! |t| of all croppings. Below 4.5 nothing was seen; what is there shows in every repetition and
//! grows with the root of the number of measurements.

use std::time::Instant;

use rand::{Rng as _, RngExt as _};
use rand_chacha::ChaCha20Rng;

/// The border of |t| between noise and a leak.
pub(crate) const BORDER: f64 = 4.5;

/// Measurements from which the percentiles are taken; they do not count.
const FIRST: usize = 10_000;

/// The measurements of either class without which nothing is said.
const LEAST: f64 = 100.0;

/// The shares of the measurements that remain after cropping, in percent.
const KEPT: [usize; 10] = [100, 99, 95, 90, 80, 70, 60, 50, 30, 10];

/// What is measured: inputs of two classes, prepared in the same way and at the same places.
pub(crate) trait Subject {
    /// Makes the next input, of class 0 or 1, ready; not timed.
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng);

    /// Works on it; timed.
    fn run(&mut self);
}

/// The largest |t| of all croppings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) t: f64,
    /// The share of measurements in percent that it was seen in.
    pub(crate) kept: usize,
    /// How much slower class 1 is there, in nanoseconds, and the mean of class 0.
    pub(crate) slower: f64,
    pub(crate) mean: f64,
}

impl Verdict {
    pub(crate) fn leaks(self) -> bool {
        self.t.abs() > BORDER
    }
}

/// Measures a subject so many times.
pub(crate) fn measure(subject: &mut dyn Subject, samples: usize, rng: &mut ChaCha20Rng) -> Verdict {
    let mut first: Vec<f64> = (0..FIRST).map(|_| once(subject, rng).1).collect();
    first.sort_by(f64::total_cmp);
    let mut croppings = KEPT.map(|kept| Cropping {
        kept,
        border: if kept == 100 {
            f64::INFINITY
        } else {
            first[FIRST * kept / 100]
        },
        classes: [Moments::default(); 2],
    });
    for _ in 0..samples {
        let (class, nanoseconds) = once(subject, rng);
        for cropping in &mut croppings {
            if nanoseconds <= cropping.border {
                cropping.classes[class].push(nanoseconds);
            }
        }
    }
    let verdicts = croppings.iter().map(Cropping::verdict);
    let largest = verdicts.max_by(|one, other| one.t.abs().total_cmp(&other.t.abs()));
    largest.expect("there are croppings")
}

/// One measurement: its class and its nanoseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "to measure time is what this is for"
)]
fn once(subject: &mut dyn Subject, rng: &mut ChaCha20Rng) -> (usize, f64) {
    let class = usize::from(rng.random::<bool>());
    subject.prepare(class, rng);
    let start = Instant::now();
    subject.run();
    let elapsed = start.elapsed();
    (class, elapsed.as_secs_f64() * 1e9)
}

struct Cropping {
    kept: usize,
    border: f64,
    classes: [Moments; 2],
}

impl Cropping {
    fn verdict(&self) -> Verdict {
        let [zero, one] = &self.classes;
        let spread = zero.variance_of_mean() + one.variance_of_mean();
        let slower = one.mean - zero.mean;
        // Too few of a class, or a clock too coarse, to say anything.
        let t = if zero.count.min(one.count) >= LEAST && spread > 0.0 {
            slower / spread.sqrt()
        } else {
            0.0
        };
        Verdict {
            t,
            kept: self.kept,
            slower,
            mean: zero.mean,
        }
    }
}

/// Mean and variance as they come in (Welford).
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn push(&mut self, value: f64) {
        self.count += 1.0;
        let before = value - self.mean;
        self.mean += before / self.count;
        self.squares += before * (value - self.mean);
    }

    fn variance_of_mean(&self) -> f64 {
        if self.count < 2.0 {
            return 0.0;
        }
        self.squares / (self.count - 1.0) / self.count
    }
}

/// A place in a pool of so many.
pub(crate) fn place(pool: usize, rng: &mut ChaCha20Rng) -> usize {
    usize::try_from(rng.next_u64() % pool as u64).expect("below the pool's size")
}
