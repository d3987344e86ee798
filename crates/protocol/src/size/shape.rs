//! The size of a key-value store.

/// The size of a store: three thirds of sparse places and a few dense ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    third: u32,
    dense: u32,
}

impl Shape {
    /// Yields the shape for `size` keys, at least 128.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §6.2.
    pub fn for_size(size: u64) -> Self {
        const SECURITY: f64 = 40.0;
        #[expect(clippy::cast_precision_loss, reason = "sizes stay below 2^32")]
        let size = size.max(128) as f64;
        let (log_size, weight) = (size.log2(), 3_f64.log2());
        let exponent = 0.555 * log_size + 0.093 * weight.powi(3) - 1.01 * weight.powi(2)
            + 2.925 * weight
            - 0.133;
        let expansion = (SECURITY + 9.2) / exponent.exp2() + 1.223;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "small positive numbers"
        )]
        Self {
            third: (size * expansion / 3.0).ceil() as u32,
            dense: (SECURITY + (SECURITY / (expansion * size).log2()).floor()) as u32,
        }
    }

    /// Yields the shape that parties have agreed on.
    pub(crate) fn agreed(third: u32, dense: u32) -> Self {
        Self { third, dense }
    }

    /// Yields the places in each third.
    pub fn third(self) -> u32 {
        self.third
    }

    /// Yields the number of dense places, less than 64.
    pub fn dense(self) -> u32 {
        self.dense
    }

    /// Yields the number of places.
    pub fn places(self) -> u64 {
        3 * u64::from(self.third) + u64::from(self.dense)
    }
}
