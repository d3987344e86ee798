//! Random numbers that depend on a seed and a place alone, so that any record can be made at any
//! time, and a permutation that can be walked both ways.

/// A stream of random numbers for one place: the generator SplitMix64, which passes the usual test
/// batteries and is the same everywhere for ever.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of a seed, a purpose and an index.
    pub(crate) fn new(seed: u64, purpose: u64, index: u64) -> Self {
        Self(mix(mix(mix(seed) ^ purpose) ^ index))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`, which is at most 2³².
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        debug_assert!((1..=1 << 32).contains(&bound), "bounds are small");
        ((self.next() >> 32) * bound) >> 32
    }

    /// True with the given probability.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// A number in [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        const SCALE: f64 = 1.0 / 9_007_199_254_740_992.0; // 2⁻⁵³
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double")]
        let mantissa = (self.next() >> 11) as f64;
        mantissa * SCALE
    }

    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        let at = usize::try_from(self.below(items.len() as u64)).expect("below a length");
        items[at]
    }
}

/// A permutation of the numbers below a size: four Feistel rounds over the next even number of bits,
/// walked until the result is below the size.
#[derive(Clone, Debug)]
pub(crate) struct Permutation {
    keys: [u64; 4],
    half: u32,
    size: u64,
}

impl Permutation {
    pub(crate) fn new(size: u64, seed: u64, purpose: u64) -> Self {
        let mut random = Random::new(seed, purpose, size);
        let bits = 64 - size.saturating_sub(1).leading_zeros();
        Self {
            keys: std::array::from_fn(|_| random.next()),
            half: bits.div_ceil(2).max(1),
            size,
        }
    }

    pub(crate) fn apply(&self, number: u64) -> u64 {
        self.walk(number, |left, right, keys, mask| {
            for key in keys {
                (*left, *right) = (*right, *left ^ (mix(*right ^ key) & mask));
            }
        })
    }

    pub(crate) fn invert(&self, number: u64) -> u64 {
        self.walk(number, |left, right, keys, mask| {
            for key in keys.iter().rev() {
                (*left, *right) = (*right ^ (mix(*left ^ key) & mask), *left);
            }
        })
    }

    fn walk(&self, mut number: u64, rounds: impl Fn(&mut u64, &mut u64, &[u64; 4], u64)) -> u64 {
        debug_assert!(number < self.size, "permutes the numbers below its size");
        let mask = (1 << self.half) - 1;
        loop {
            let (mut left, mut right) = (number >> self.half, number & mask);
            rounds(&mut left, &mut right, &self.keys, mask);
            number = left << self.half | right;
            if number < self.size {
                return number;
            }
        }
    }
}

fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutations_reach_every_number_once_and_come_back() {
        for size in [1, 2, 3, 100, 1000, 4097] {
            let permutation = Permutation::new(size, 7, 1);
            let mut reached: Vec<u64> = (0..size).map(|number| permutation.apply(number)).collect();
            assert!((0..size).all(|n| permutation.invert(permutation.apply(n)) == n));
            if size > 100 {
                assert_ne!(reached, (0..size).collect::<Vec<_>>());
            }
            reached.sort_unstable();
            assert_eq!(reached, (0..size).collect::<Vec<_>>());
        }
    }

    #[test]
    fn numbers_spread_evenly() {
        let mut random = Random::new(1, 2, 3);
        let mut counts = [0u32; 10];
        for _ in 0..100_000 {
            counts[usize::try_from(random.below(10)).expect("small")] += 1;
        }
        assert!(
            counts.iter().all(|count| (9_500..10_500).contains(count)),
            "{counts:?}"
        );
    }
}
