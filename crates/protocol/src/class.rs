//! Size classes and bounds: what is revealed of a size, in integers that every party computes alike.

/// The room that a class leaves beyond the keys: for any number of canaries, so that whoever chooses
/// their number does not walk over the edge of a class.
// Canaries are counted in a byte.
pub const CANARY_ROOM: u64 = 256;

/// The keys of the querier's that one shard's table is made for.
const SHARD: u64 = 1 << 17;

/// Rounds a size up to its class: 4, 5, 6 or 7 times a power of two, at least 64.
///
/// The parties reveal classes, never sizes.
///
/// # Source
///
/// `spec/protocol.md`, §5.0.
pub fn size_class(size: u64) -> u64 {
    let size = size.max(64);
    let shift = step_bits(size);
    size.div_ceil(1 << shift) << shift
}

/// The size class of one block: as [`size_class`], but from 4 records on.
pub fn block_class(size: u64) -> u64 {
    if size <= 8 {
        size.max(4)
    } else {
        size_class(size * 8).div_ceil(8)
    }
}

/// Yields below what a provider draws the noise of a class once and for all: half of the step
/// between the classes of this size.
///
/// Without the noise a class that changes would tell the exact size on that day.
pub fn class_noise(size: u64) -> u64 {
    1 << (step_bits(size.max(64)) - 1)
}

/// Yields the class that a provider publishes of its keys under a rule, with a noise below
/// [`class_noise`] of `keys + CANARY_ROOM`.
///
/// # Source
///
/// `spec/protocol.md`, §19.2.
pub fn published_class(keys: u64, noise: u64) -> u64 {
    size_class(keys + CANARY_ROOM + noise)
}

/// How small blocks of a provider's are offered and withdrawn, and their classes published.
///
/// # Source
///
/// `spec/protocol.md`, §19.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CellRule {
    /// The least number of records in a block that is offered, at least 1.
    pub least: u64,
}

impl CellRule {
    /// Says whether a block is offered: from `least + noise` records on, with a noise below `least`
    /// that is drawn once for the block, and then until it falls below `least`.
    ///
    /// Empty and small blocks are alike.
    pub fn offers(self, records: u64, noise: u64, offered_before: bool) -> bool {
        let least = self.least.max(1);
        records >= least && (offered_before || records >= least.saturating_add(noise))
    }

    /// Yields below what the noise of a block's classes is drawn, once for each class: as
    /// [`class_noise`], but at least `least`, since small blocks have small steps.
    pub fn noise(self, size: u64) -> u64 {
        class_noise(size).max(self.least).max(1)
    }

    /// Yields the published class of a block's keys, which leaves no room for canaries.
    pub fn keys(self, keys: u64, noise: u64) -> u64 {
        size_class(keys + noise)
    }

    /// Yields the published class of a block's records.
    pub fn records(self, records: u64, noise: u64) -> u64 {
        block_class(records + noise)
    }
}

/// Yields the keys that each of `2^bits` parts must have room for so that all of `total` keys, each
/// in a random part, fit but for a chance of some 2⁻⁴¹.
///
/// # Source
///
/// Bernstein's inequality with a union over the parts, in integers.
///
/// `spec/protocol.md`, §15.
pub fn bound(total: u64, bits: u8) -> u64 {
    if bits == 0 {
        return total;
    }
    room(u128::from(total).div_ceil(1 << bits), u32::from(bits))
}

/// Yields the keys that each of fewer than `2^bits` parts must have room for, as [`bound`] does, if each holds
/// `mean` keys in the mean.
pub(crate) fn room(mean: u128, bits: u32) -> u64 {
    let log = (694 * (41 + u128::from(bits))).div_ceil(1000);
    let room = mean + log.div_ceil(3) + (log * log / 9 + 2 * log * mean).isqrt() + 1;
    u64::try_from(room).unwrap_or(u64::MAX)
}

/// Yields the bits of a shard's number: the least that leave a table 2¹⁷ keys of the querier's.
pub fn shard_bits(querier: u64) -> u8 {
    let mut bits = 0;
    while querier >> bits > SHARD {
        bits += 1;
    }
    bits
}

/// Yields the most bits of hashed blocks in a registry of this size: a block has 1024 keys or more.
///
/// # Source
///
/// `spec/protocol.md`, §19.5.
pub fn most_hash_bits(keys: u64) -> u8 {
    let bits = (keys / 1024).checked_ilog2().unwrap_or(0);
    u8::try_from(bits).unwrap_or(0)
}

/// The bits by which a class is coarser than the size, which is at least 64.
fn step_bits(size: u64) -> u32 {
    size.ilog2() - 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng as _;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn size_classes_have_two_bits_after_the_first() {
        let classes: Vec<u64> = (0..12)
            .scan(0, |last, _| {
                *last = size_class(*last + 1);
                Some(*last)
            })
            .collect();
        assert_eq!(
            classes,
            [64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448]
        );
        assert_eq!(size_class(1_000_000), 1 << 20);
        assert_eq!(size_class(10_000_000), 10_485_760);
    }

    /// Numbers of the executable specification.
    #[test]
    fn bounds_are_the_specification_s() {
        for (total, bits, expected) in [
            (12_345, 0, 12_345),
            (20_000, 5, 837),
            (1 << 20, 2, 266_120),
            (10_000_000, 6, 159_473),
            (100_000_000, 9, 199_023),
            (1, 1, 24),
            (0, 3, 22),
            (1024 << 19, 19, 1332),
            (12_345, 3, 1865),
            (1_500_000, 20, 37),
        ] {
            assert_eq!(bound(total, bits), expected, "{total} keys, {bits} bits");
        }
        for (size, bits) in [
            (0, 0),
            (1 << 17, 0),
            ((1 << 17) + 1, 1),
            (1 << 18, 1),
            ((1 << 18) + 1, 1),
            (10_485_760, 7),
            (1 << 29, 12),
        ] {
            assert_eq!(shard_bits(size), bits, "{size}");
        }
    }

    #[test]
    fn random_parts_stay_within_their_bound() {
        let mut rng = ChaCha8Rng::seed_from_u64(41);
        for (total, bits) in [(20_000_u64, 5_u8), (1024 << 6, 6), (500, 3)] {
            for _ in 0..50 {
                let mut parts = vec![0_u64; 1 << bits];
                for _ in 0..total {
                    parts[(rng.next_u32() >> (32 - bits)) as usize] += 1;
                }
                let fullest = parts.into_iter().max().unwrap();
                assert!(fullest <= bound(total, bits), "{fullest} of {total}");
            }
        }
    }

    /// `log₂` of an upper bound of the chance that any of `2^bits` parts holds more than `room` of
    /// `total` keys: Chernoff's, which is above the exact tail.
    fn overflow_log2(total: u64, bits: u8, room: u64) -> f64 {
        let [total, room] =
            [total, room + 1].map(|number| f64::from(u32::try_from(number).unwrap()));
        let (share, part) = (room / total, (-f64::from(bits)).exp2());
        if share >= 1.0 {
            return f64::NEG_INFINITY;
        }
        let divergence =
            share * (share / part).ln() + (1.0 - share) * ((1.0 - share) / (1.0 - part)).ln();
        f64::from(bits) - total * divergence / std::f64::consts::LN_2
    }

    #[test]
    fn overflows_are_as_rare_as_the_formula_wants() {
        let mut worst = f64::NEG_INFINITY;
        for bits in 1..=19 {
            for total in (6..=30).flat_map(|log| [1_u64 << log, (1 << log) + (1 << (log - 1)) + 7])
            {
                worst = worst.max(overflow_log2(total, bits, bound(total, bits)));
            }
        }
        assert!(worst < -40.0, "2^{worst}");
        // Without the room there is nothing rare about it.
        assert!(overflow_log2(1 << 20, 5, 1 << 15) > -1.0);
    }

    #[test]
    fn shards_cost_three_percent_at_most() {
        for log in 18..=30 {
            for querier in [1 << log, (1 << log) + (1 << (log - 1))] {
                let bits = shard_bits(querier);
                assert!(querier >> bits <= SHARD && querier >> (bits - 1) > SHARD);
                let all = bound(querier, bits) << bits;
                assert!(1000 * all <= 1030 * querier, "{querier} keys, {bits} bits");
            }
        }
    }

    #[test]
    fn hashed_blocks_have_a_thousand_keys_on_average() {
        let bits = [0, 1023, 2047, 2048, 1 << 20, (1 << 21) - 1].map(most_hash_bits);
        assert_eq!(bits, [0, 0, 0, 1, 10, 10]);
    }

    /// The noise moves the edge of a class over half a step and no further.
    #[test]
    fn noise_blurs_where_a_class_changes() {
        for keys in [100, 1000, 12_345, 999_999, 1 << 20] {
            let size = keys + CANARY_ROOM;
            let (noise, class) = (class_noise(size), size_class(size));
            assert_eq!(published_class(keys, 0), class);
            let widest = published_class(keys, noise - 1);
            let next = size_class(class + 1);
            assert!(widest == class || widest == next, "{keys}: {widest}");
            assert!(2 * noise <= next - class && 8 * noise >= (next - class) * 2);
            // At which size the class changes depends on the noise, one to one.
            for noise in [0, noise / 2, noise - 1] {
                let edge = class - CANARY_ROOM - noise;
                assert_eq!(published_class(edge, noise), class);
                assert_eq!(published_class(edge + 1, noise), next);
            }
        }
    }

    #[test]
    fn blocks_are_offered_late_and_withdrawn_below_the_least() {
        let rule = CellRule { least: 11 };
        let offered = |records, noise| rule.offers(records, noise, false);
        assert!([0, 5, 10].iter().all(|&records| !offered(records, 0)));
        assert!(offered(11, 0) && !offered(17, 7) && offered(18, 7));
        let kept = |records| rule.offers(records, 7, true);
        assert!(kept(12) && kept(11) && !kept(10));
        let all = CellRule { least: 0 };
        assert!(all.offers(1, 0, false) && !all.offers(0, 0, true));
        assert_eq!((rule.noise(20), rule.noise(1 << 20)), (11, 1 << 17));
        assert_eq!((rule.keys(60, 5), rule.records(11, 0)), (80, 12));
        assert_eq!([0, 4, 5, 8, 9, 17].map(block_class), [4, 4, 5, 8, 10, 20]);
    }
}
