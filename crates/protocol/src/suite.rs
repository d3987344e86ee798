//! Parameter sets of one masked comparison.

/// The numbers of one masked comparison `v = r·d + label + t·ρ` below `2^slot_bits`.
///
/// `t = 2^t_bits - 1` is prime. Fingerprints lie in `[0, t - 2)`; `t - 1` stands for an empty place
/// of the querier's, `t - 2` for a missing value of the provider's.
///
/// # Source
///
/// `spec/protocol.md`, §2, the masking theorem: on equality `v mod t` is the label, otherwise it is
/// uniform over everything but the label, and `v div t` is within `2^-67` of uniform either way; §4.3
/// for the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    name: &'static str,
    t_bits: u32,
    label_bits: u32,
    slot_bits: u32,
    rho_bits: u32,
}

impl Suite {
    /// Joins and lookups: 56-bit labels, pseudo-random tags of the key.
    pub const J89: Self = Self {
        name: "j89",
        t_bits: 89,
        label_bits: 56,
        slot_bits: 252,
        rho_bits: 162,
    };
    /// Pairs of records: 64-bit labels, the querier's row and the provider's handle.
    pub const T107: Self = Self {
        name: "t107",
        t_bits: 107,
        label_bits: 64,
        slot_bits: 296,
        rho_bits: 188,
    };

    /// Yields the name.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Yields the Mersenne prime `t`, the modulus of a slot.
    pub const fn t(self) -> u128 {
        (1 << self.t_bits) - 1
    }

    /// Yields the length of `t` in bits.
    pub const fn t_bits(self) -> u32 {
        self.t_bits
    }

    /// Yields the length `L` of a label in bits.
    pub const fn label_bits(self) -> u32 {
        self.label_bits
    }

    /// Yields the length of a label in bytes.
    pub const fn label_bytes(self) -> usize {
        self.label_bits as usize / 8
    }

    /// Yields the label no comparison carries, which dummy matches show: all ones.
    pub const fn reserved_label(self) -> u64 {
        u64::MAX >> (64 - self.label_bits)
    }

    /// Yields the width `S` of a slot in bits.
    pub const fn slot_bits(self) -> usize {
        self.slot_bits as usize
    }

    /// Yields the length `R` of the multiple of `t` that hides the quotient, in bits.
    pub const fn rho_bits(self) -> usize {
        self.rho_bits as usize
    }

    /// Yields the bytes of one value below `t`.
    pub const fn residue_bytes(self) -> usize {
        self.t_bits.div_ceil(8) as usize
    }

    /// Yields the plaintext of an empty place or a missing value of the querier's.
    pub const fn absent_querier(self) -> u128 {
        self.t() - 1
    }

    /// Yields the plaintext of a missing value of the provider's.
    pub const fn absent_provider(self) -> u128 {
        self.t() - 2
    }

    /// Yields the slots that fit under a prime factor of a modulus of `key_bits` bits.
    pub const fn slots_below_factor(self, key_bits: usize) -> usize {
        (key_bits / 2 - 1) / self.slot_bits()
    }

    /// Yields the slots that fit under a modulus of `key_bits` bits.
    pub const fn slots_below_modulus(self, key_bits: usize) -> usize {
        (key_bits - 2) / self.slot_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;

    /// Every sum of up to 48 entries, every label, also one masked modulo `t`.
    #[test]
    fn the_largest_masked_value_fits_its_slot() {
        for suite in [Suite::J89, Suite::T107] {
            let t = BigUint::from(suite.t());
            let shown = (BigUint::from(1u8) << suite.label_bits()).max(t.clone());
            let top = (&t - 1u8) * (&t * 49_u8 - 1u8)
                + (shown - 1u8)
                + &t * ((BigUint::from(1u8) << suite.rho_bits()) - 1u8);
            assert!(top.bits() <= suite.slot_bits() as u64, "{}", suite.name());
        }
    }

    #[test]
    fn capacities_are_the_published_ones() {
        let row = |suite: Suite| {
            [2048, 3072, 4096].map(|bits| {
                (
                    suite.slots_below_factor(bits),
                    suite.slots_below_modulus(bits),
                )
            })
        };
        assert_eq!(row(Suite::J89), [(4, 8), (6, 12), (8, 16)]);
        assert_eq!(row(Suite::T107), [(3, 6), (5, 10), (6, 13)]);
    }

    #[test]
    fn reserved_labels_are_all_ones() {
        assert_eq!(Suite::J89.reserved_label(), (1 << 56) - 1);
        assert_eq!(Suite::T107.reserved_label(), u64::MAX);
    }
}
