//! Labels under their masks, and fingerprints: functions of querier and provider on their keys.

use std::hint::black_box;

use blindjoin_protocol::parts::{Fingerprints, Suite};
use rand::Rng as _;
use rand_chacha::ChaCha20Rng;

use super::welch::Subject;

/// Calls in one measurement, so that it is long beside the clock's own time.
const CALLS: usize = 16;

/// What is done to a label.
#[derive(Clone, Copy)]
pub(crate) enum Step {
    Cover,
    Uncover,
    CoverBlind,
}

/// What the classes differ in.
#[derive(Clone, Copy)]
pub(crate) enum Varied {
    /// The label: 0 (class 0) or any.
    Label,
    /// The position, hence the mask: the first (class 0) or any.
    Position,
}

pub(crate) struct Labels {
    keys: Fingerprints,
    step: Step,
    varied: Varied,
    inputs: [(u64, u64); CALLS],
}

impl Labels {
    pub(crate) fn new(step: Step, varied: Varied) -> Self {
        Self {
            keys: keys(),
            step,
            varied,
            inputs: [(0, 0); CALLS],
        }
    }
}

fn keys() -> Fingerprints {
    Fingerprints::from_keys(Suite::J89, &[1; 32], &[2; 32], &[3; 32])
}

impl Subject for Labels {
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        let bits = u64::from(self.keys.suite().label_bits());
        for (position, label) in &mut self.inputs {
            let drawn = (rng.next_u64() >> 40, rng.next_u64() >> (64 - bits));
            let mask = [0, u64::MAX][class];
            (*position, *label) = match self.varied {
                Varied::Label => (drawn.0, drawn.1 & mask),
                Varied::Position => (drawn.0 & mask, drawn.1),
            };
        }
    }

    fn run(&mut self) {
        for &(position, label) in black_box(&self.inputs) {
            let masked = match self.step {
                Step::Cover => self.keys.cover(position, label).into(),
                Step::Uncover => self.keys.uncover(position, label).into(),
                Step::CoverBlind => self.keys.cover_blind(position, label.into()),
            };
            black_box::<u128>(masked);
        }
    }
}

/// Words from the key holder, whose masks are taken off: 0 (class 0) or any.
pub(crate) struct Words {
    keys: Fingerprints,
    words: [u128; CALLS],
}

impl Words {
    pub(crate) fn new() -> Self {
        Self {
            keys: keys(),
            words: [0; CALLS],
        }
    }
}

impl Subject for Words {
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        for word in &mut self.words {
            let drawn = u128::from(rng.next_u64()) << 25 | u128::from(rng.next_u64() >> 40);
            *word = [0, drawn][class] % self.keys.suite().t();
        }
    }

    fn run(&mut self) {
        self.keys.uncover_blind(7, black_box(&mut self.words));
        black_box(&self.words);
    }
}

/// Values of values of one length: always the same (class 0) or any.
pub(crate) struct Values {
    keys: Fingerprints,
    values: [[u8; 16]; CALLS],
}

impl Values {
    pub(crate) fn new() -> Self {
        Self {
            keys: keys(),
            values: [[0; 16]; CALLS],
        }
    }
}

impl Subject for Values {
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        for value in &mut self.values {
            rng.fill_bytes(value);
            let mask = [0, u8::MAX][class];
            for byte in value {
                *byte &= mask;
            }
        }
    }

    fn run(&mut self) {
        for value in black_box(&self.values) {
            black_box(self.keys.fingerprint(b"id", value));
        }
    }
}
