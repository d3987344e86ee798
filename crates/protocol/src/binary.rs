//! Arithmetic in the binary fields that labels are masked in.
//!
//! No function branches on a value or reads an address that depends on one. A product without
//! carries is put together from ordinary ones, whose time is taken not to depend on the words.

/// Elements of GF(2^bits), a polynomial's coefficients from the lowest bit up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Binary {
    bits: u32,
    /// The irreducible polynomial without its leading term.
    low: u64,
}

impl Binary {
    /// The field of labels of 56 bits, x⁵⁶ + x⁷ + x⁴ + x² + 1, or 64, x⁶⁴ + x⁴ + x³ + x + 1.
    pub(crate) const fn of_labels(bits: u32) -> Self {
        match bits {
            56 => Self { bits, low: 0x95 },
            64 => Self { bits, low: 0x1b },
            _ => panic!("labels have 56 or 64 bits"),
        }
    }

    pub(crate) fn mul(self, a: u64, b: u64) -> u64 {
        self.reduce(carryless(a, b))
    }

    /// The inverse of a non-zero element, a^(2^bits - 2); of zero, zero.
    ///
    /// # Source
    ///
    /// T. Itoh and S. Tsujii, *A fast algorithm for computing multiplicative inverses in GF(2^m)
    /// using normal bases* (1988): a^(2^k - 1) for the leading parts k of bits - 1.
    pub(crate) fn invert(self, a: u64) -> u64 {
        let wanted = self.bits - 1;
        let (mut power, mut length) = (a, 1);
        for bit in (0..wanted.ilog2()).rev() {
            let raised = (0..length).fold(power, |x, _| self.square(x));
            (power, length) = (self.mul(raised, power), 2 * length);
            // The digits are the field's, not an element's.
            if wanted >> bit & 1 == 1 {
                (power, length) = (self.mul(self.square(power), a), length + 1);
            }
        }
        self.square(power)
    }

    fn square(self, a: u64) -> u64 {
        self.reduce(u128::from(spread(a)) | u128::from(spread(a >> 32)) << 64)
    }

    /// Replaces twice what stands above the field's bits; the second time little is left.
    fn reduce(self, product: u128) -> u64 {
        let below = u128::MAX >> (128 - self.bits);
        let fold = |value: u128| {
            let above = value >> self.bits;
            let taps = (1..8).filter(|tap| self.low >> tap & 1 == 1);
            taps.fold((value & below) ^ above, |sum, tap| sum ^ above << tap)
        };
        u64::try_from(fold(fold(product))).expect("a field of 64 bits at most")
    }
}

/// The product without carries.
///
/// Every fifth bit of either factor at a time: at most 13 ones meet in a place of the ordinary
/// product, which stay below 32 and so clear of the next place.
///
/// # Source
///
/// T. Pornin's constant-time GHASH in `BearSSL` for the idea, with holes of four bits there.
fn carryless(a: u64, b: u64) -> u128 {
    const HOLES: u128 = {
        let mut mask = 0_u128;
        let mut bit = 0;
        while bit < 128 {
            mask |= 1 << bit;
            bit += 5;
        }
        mask
    };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the low half is what is wanted"
    )]
    const EVERY_FIFTH: u64 = HOLES as u64;
    let parts = |x: u64| [0, 1, 2, 3, 4].map(|i: u32| u128::from(x & EVERY_FIFTH << i));
    let (a, b) = (parts(a), parts(b));
    let mut product = 0;
    for place in 0..5_usize {
        // Sums of the places i + j that are equal modulo five; exclusive or is all that carries.
        let sum = (0..5).fold(0, |sum, i| sum ^ (a[i] * b[(place + 5 - i) % 5]));
        product |= sum & HOLES << place;
    }
    product
}

/// Puts a zero before each of the low 32 bits.
fn spread(x: u64) -> u64 {
    let mut x = x & 0xffff_ffff;
    for (shift, mask) in [
        (16, 0x0000_ffff_0000_ffff),
        (8, 0x00ff_00ff_00ff_00ff),
        (4, 0x0f0f_0f0f_0f0f_0f0f),
        (2, 0x3333_3333_3333_3333),
        (1, 0x5555_5555_5555_5555),
    ] {
        x = (x | x << shift) & mask;
    }
    x
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng as _;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    const FIELDS: [Binary; 2] = [Binary::of_labels(56), Binary::of_labels(64)];

    /// Bit by bit, as a schoolbook does it.
    fn plain(field: Binary, a: u64, b: u64) -> u64 {
        let mut sum = 0_u128;
        for bit in 0..64 {
            if b >> bit & 1 == 1 {
                sum ^= u128::from(a) << bit;
            }
        }
        for bit in (field.bits..128).rev() {
            if sum >> bit & 1 == 1 {
                sum ^= (u128::from(field.low) | 1 << field.bits) << (bit - field.bits);
            }
        }
        u64::try_from(sum).unwrap()
    }

    #[test]
    fn products_and_inverses_are_the_schoolbook_s() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        for field in FIELDS {
            let top = u64::MAX >> (64 - field.bits);
            let edges = [0, 1, 2, top, top - 1, 1 << (field.bits - 1)];
            let mut draw = || rng.next_u64() & top;
            let drawn = std::array::from_fn::<u64, 300, _>(|_| draw());
            for &a in edges.iter().chain(&drawn) {
                for &b in edges.iter().chain(&drawn[..20]) {
                    assert_eq!(field.mul(a, b), plain(field, a, b), "{a:x} times {b:x}");
                }
                assert_eq!(field.square(a), plain(field, a, a));
                let due = u64::from(a != 0);
                assert_eq!(field.mul(a, field.invert(a)), due, "{a:x}");
            }
        }
    }

    /// Rabin's test: x^(2^bits) = x, and no earlier for a divisor of the degree.
    #[test]
    fn the_polynomials_are_irreducible() {
        for (field, primes) in FIELDS.into_iter().zip([&[2, 7][..], &[2]]) {
            let frobenius = |times: u32| (0..times).fold(2, |x, _| field.square(x));
            assert_eq!(frobenius(field.bits), 2);
            for prime in primes {
                let mut a = u128::from(field.low) | 1 << field.bits;
                let mut b = u128::from(frobenius(field.bits / prime) ^ 2);
                while b != 0 {
                    while a != 0 && a.ilog2() >= b.ilog2() {
                        a ^= b << (a.ilog2() - b.ilog2());
                    }
                    (a, b) = (b, a);
                }
                assert_eq!(a, 1, "{} and {prime}", field.bits);
            }
        }
    }
}
