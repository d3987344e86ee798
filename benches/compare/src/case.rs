//! What is measured, and how.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// An operation of the table, in the table's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// A power modulo n² with an exponent of as many bits as n.
    Power,
    /// A product modulo n².
    Product,
    /// A square modulo n².
    Square,
    /// An encryption under the public key.
    Encryption,
    /// A masked comparison.
    Comparison,
    /// A decryption, per comparison.
    Decryption,
    /// Ciphertexts to bytes.
    Encoding,
    /// Bytes to ciphertexts, with all checks.
    Decoding,
}

impl Operation {
    /// Its name in the table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Power => "power mod n², exponent as long as n",
            Self::Product => "product mod n²",
            Self::Square => "square mod n²",
            Self::Encryption => "encryption, public key",
            Self::Comparison => "masked comparison",
            Self::Decryption => "decryption, per comparison",
            Self::Encoding => "ciphertext to bytes",
            Self::Decoding => "bytes to checked ciphertext",
        }
    }
}

/// One operation of one library at one key size, with the times measured so far.
pub struct Case {
    /// What it does.
    pub operation: Operation,
    /// Bits of n.
    pub bits: usize,
    /// Whose it is.
    pub who: &'static str,
    items: usize,
    run: Box<dyn FnMut()>,
    /// Calls of `run` that make a sample; 0 before the first.
    calls: usize,
    /// Nanoseconds per item.
    samples: Vec<f64>,
}

impl Case {
    /// A case whose `run` handles `items` items.
    pub fn new(
        operation: Operation,
        bits: usize,
        who: &'static str,
        items: usize,
        run: impl FnMut() + 'static,
    ) -> Self {
        Self {
            operation,
            bits,
            who,
            items,
            run: Box::new(run),
            calls: 0,
            samples: Vec::new(),
        }
    }

    /// Takes one sample that lasts `least` or a little longer, in processor time of this thread.
    pub fn sample(&mut self, least: Duration) {
        if self.calls == 0 {
            (self.run)();
            let once = self.time(1).as_nanos().max(1);
            self.calls = usize::try_from(least.as_nanos().div_ceil(once)).expect("a short sample");
            self.calls = self.calls.max(1);
        }
        let time = self.time(self.calls).as_nanos() as f64;
        self.samples.push(time / (self.calls * self.items) as f64);
    }

    /// The median of the samples, in nanoseconds per item.
    pub fn median(&self) -> f64 {
        median(&self.samples)
    }

    fn time(&mut self, calls: usize) -> Duration {
        let start = thread_time();
        for _ in 0..calls {
            (self.run)();
        }
        thread_time().saturating_sub(start)
    }
}

/// The middle of `values`; of an even number the upper of the two, of none not a number.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Processor time, so that other programs on the machine count only by what they evict from the caches.
fn thread_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).expect("time since the start")
}
