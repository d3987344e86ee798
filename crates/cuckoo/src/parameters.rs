use crate::Error;

/// The size of a table: two halves of `H` bins each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    half: u32,
}

impl Parameters {
    /// Yields the parameters for `size` items: `H = ⌈max(3·size, 42·size^¾) / 2⌉`.
    ///
    /// The chance that any item at all stays unplaced is then about 2·10⁻⁶ at 64 items, 5·10⁻⁷ at
    /// 1 000, at most some 2·10⁻⁵ (near 38 000), and 7·10⁻⁷ at a million. Computed in integers,
    /// so that two machines always agree.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] when the bins could not be numbered in 32 bits.
    ///
    /// # Source
    ///
    /// Simulation of exact placement; the law behind it is 2.7 / ((B/n)⁴·n) plus larger
    /// obstructions of 0.5 to 0.85 / n at B = 3n.
    ///
    /// `spec/protocol.md`, §6.1.
    pub fn for_size(size: u64) -> Result<Self, Error> {
        let too_large = Error::TooLarge { size };
        let n = u128::from(u32::try_from(size).map_err(|_| too_large)?);
        let linear = (3 * n).div_ceil(2);
        let half = linear
            .max(ceil_fourth_root(21_u128.pow(4) * n.pow(3)))
            .max(1);
        match u32::try_from(half) {
            Ok(half) if half <= u32::MAX / 2 => Ok(Self { half }),
            _ => Err(too_large),
        }
    }

    /// Yields parameters with a stated number of bins per half, at least 1.
    ///
    /// For experiments: a real table takes [`for_size`](Self::for_size).
    ///
    /// # Panics
    ///
    /// If `half` is 0 or the bins could not be numbered in 32 bits.
    pub fn with_half(half: u32) -> Self {
        assert!(
            half > 0 && half <= u32::MAX / 2,
            "a half holds 1 to 2³¹ - 1 bins"
        );
        Self { half }
    }

    /// Yields the number `H` of bins in one half.
    pub fn half(self) -> u32 {
        self.half
    }

    /// Yields the number `2H` of bins in the table.
    pub fn bins(self) -> u32 {
        2 * self.half
    }
}

/// Yields the smallest `k` with `k⁴ ≥ x`.
fn ceil_fourth_root(x: u128) -> u128 {
    let (mut low, mut high) = (0_u128, 1 << 31);
    while low < high {
        let middle = u128::midpoint(low, high);
        if middle.pow(4) >= x {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_formula() {
        for (size, half) in [
            (64, 476),
            (256, 1344),
            (1024, 3802),
            (40_960, 61_440),
            (1 << 20, 1_572_864),
        ] {
            assert_eq!(
                Parameters::for_size(size).unwrap().half(),
                half,
                "size {size}"
            );
        }
    }

    #[test]
    fn fourth_roots_are_ceilings() {
        for k in [0_u128, 1, 2, 17, 1 << 20] {
            assert_eq!(ceil_fourth_root(k.pow(4)), k);
            assert_eq!(ceil_fourth_root(k.pow(4) + 1), k + 1);
        }
    }

    #[test]
    fn too_many_bins_are_refused() {
        assert_eq!(
            Parameters::for_size(1 << 32),
            Err(Error::TooLarge { size: 1 << 32 })
        );
        assert!(Parameters::for_size(u64::from(u32::MAX)).is_err());
    }
}
