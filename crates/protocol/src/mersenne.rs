//! Arithmetic modulo the Mersenne primes of the suites, and small fixed-width integers.
//!
//! Moduli, lengths and positions are public; values may be secret. No function here branches on a
//! value or reads an address that depends on one, but the products of 64-bit words are taken to cost
//! the same whatever the words are.

use zeroize::Zeroize as _;
use zeroize::Zeroizing;

/// Integers modulo `2^bits - 1`, as `u128` below the modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mersenne {
    bits: u32,
}

impl Mersenne {
    pub(crate) fn new(bits: u32) -> Self {
        assert!((32..127).contains(&bits), "room for one carry in 128 bits");
        Self { bits }
    }

    pub(crate) fn modulus(self) -> u128 {
        (1 << self.bits) - 1
    }

    pub(crate) fn add(self, a: u128, b: u128) -> u128 {
        self.fold(a + b)
    }

    pub(crate) fn sub(self, a: u128, b: u128) -> u128 {
        self.add(a, self.modulus() - b)
    }

    pub(crate) fn mul(self, a: u128, b: u128) -> u128 {
        let (low, high) = wide_product(a, b);
        let above = low >> self.bits | high << (128 - self.bits);
        self.fold((low & self.modulus()) + above)
    }

    /// The inverse of a non-zero value, by Fermat.
    pub(crate) fn invert(self, a: u128) -> u128 {
        let exponent = self.modulus() - 2;
        (0..self.bits).rev().fold(1, |acc, bit| {
            let square = self.mul(acc, acc);
            // The exponent is the modulus', not a value's.
            if exponent >> bit & 1 == 1 {
                self.mul(square, a)
            } else {
                square
            }
        })
    }

    /// Inverts non-zero values in place, all at the price of one inversion and three products each.
    ///
    /// # Source
    ///
    /// P. L. Montgomery, *Speeding the Pollard and elliptic curve methods of factorization* (1987).
    pub(crate) fn invert_all(self, values: &mut [u128]) {
        let mut before = Zeroizing::new(Vec::with_capacity(values.len()));
        let product = values.iter().fold(1, |product, &value| {
            before.push(product);
            self.mul(product, value)
        });
        let mut inverse = self.invert(product);
        for (value, &before) in values.iter_mut().zip(before.iter()).rev() {
            let next = self.mul(inverse, *value);
            *value = self.mul(inverse, before);
            inverse = next;
        }
    }

    /// Reduces a little-endian number by folding it in pieces of `bits` bits.
    pub(crate) fn reduce_words(self, words: &[u64]) -> u128 {
        let mut sum = 0;
        let mut from = 0;
        while from < 64 * words.len() {
            sum = self.add(sum, window(words, from, self.bits));
            from += self.bits as usize;
        }
        sum
    }

    /// Reduces a value up to twice the modulus.
    ///
    /// `value + 1` reaches `2^bits` exactly if `value` reaches the modulus, and has one such multiple
    /// too many only at twice the modulus, where both bits fall away.
    fn fold(self, value: u128) -> u128 {
        let once = (value + ((value + 1) >> self.bits)) & self.modulus();
        (once + ((once + 1) >> self.bits)) & self.modulus()
    }
}

/// The product of two numbers, low half first.
fn wide_product(a: u128, b: u128) -> (u128, u128) {
    let ([a0, a1], [b0, b1]) = (halves(a).map(u128::from), halves(b).map(u128::from));
    let (low, middle, other, high) = (a0 * b0, a0 * b1, a1 * b0, a1 * b1);
    let carry = (low >> 64) + (middle & LOW) + (other & LOW);
    (
        (low & LOW) | carry << 64,
        high + (middle >> 64) + (other >> 64) + (carry >> 64),
    )
}

const LOW: u128 = u64::MAX as u128;

/// Bits `from..from + width` of a little-endian number, `width < 128`.
fn window(words: &[u64], from: usize, width: u32) -> u128 {
    let word = |i: usize| u128::from(words.get(i).copied().unwrap_or(0));
    let (first, shift) = (from / 64, from % 64);
    let low = (word(first) | word(first + 1) << 64) >> shift;
    let high = if shift == 0 {
        0
    } else {
        word(first + 2) << (128 - shift)
    };
    (low | high) & ((1 << width) - 1)
}

/// Reduces a big-endian 256-bit number modulo `2^bits - c`, for a `c` of 1 to 3.
pub(crate) fn reduce(bytes: &[u8; 32], bits: u32, c: u128) -> u128 {
    let below = (1_u128 << bits) - 1;
    let mut words = [0_u64; 5];
    for (word, bytes) in words.iter_mut().zip(bytes.rchunks_exact(8)) {
        *word = u64::from_be_bytes(bytes.try_into().expect("eight bytes"));
    }
    // Each fold replaces high·2^bits by high·c: three reach below 2^bits + 2^(bits/2).
    for _ in 0..3 {
        let low = window(&words, 0, bits);
        let mid = window(&words, bits as usize, bits);
        let high = window(&words, 2 * bits as usize, bits);
        words = [0; 5];
        add(&mut words, low);
        add_product(&mut words, mid, c);
        add_product(&mut words, high, c * c);
    }
    let value = window(&words, 0, 127);
    words.zeroize();
    let folded = (value & below) + c * (value >> bits);
    // What is left is below 2^bits + c, so the modulus fits once at most.
    (folded + c * ((folded + c) >> bits)) & below
}

/// `words += value`, with room for the sum.
pub(crate) fn add(words: &mut [u64], value: u128) {
    let mut carry = value;
    for word in words {
        let sum = u128::from(*word) + (carry & LOW);
        *word = low(sum);
        carry = (carry >> 64) + (sum >> 64);
    }
}

/// `words += a·b`, with room for the sum.
pub(crate) fn add_product(words: &mut [u64], a: u128, b: u128) {
    let (low, high) = wide_product(a, b);
    add(words, low);
    add(&mut words[2..], high);
}

/// `words += value·2^shift` for a little-endian value, with room for the sum.
pub(crate) fn add_shifted(words: &mut [u64], value: &[u64], shift: usize) {
    let (start, bits) = (shift / 64, shift % 64);
    for (i, &part) in value.iter().enumerate() {
        if let Some(words) = words.get_mut(start + i..) {
            add(words, u128::from(part) << bits);
        }
    }
}
/// `words -= value` for a little-endian value that is not greater.
pub(crate) fn subtract(words: &mut [u64], value: &[u64]) {
    let mut borrow = false;
    for (i, word) in words.iter_mut().enumerate() {
        let (difference, under) = word.overflowing_sub(value.get(i).copied().unwrap_or(0));
        let (difference, under_again) = difference.overflowing_sub(u64::from(borrow));
        *word = difference;
        borrow = under || under_again;
    }
    debug_assert!(!borrow, "the difference is not negative");
}

pub(crate) fn halves(value: u128) -> [u64; 2] {
    [low(value), low(value >> 64)]
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low word is what is wanted"
)]
fn low(value: u128) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigUint;
    use rand::Rng as _;
    use rand::SeedableRng as _;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn field_operations_agree_with_big_integers() {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for bits in [89, 107] {
            let field = Mersenne::new(bits);
            let t = BigUint::from(field.modulus());
            for _ in 0..300 {
                let [a, b] = [0; 2].map(|_| {
                    (u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64()))
                        % field.modulus()
                });
                assert_eq!(BigUint::from(field.mul(a, b)), BigUint::from(a) * b % &t);
                assert_eq!(BigUint::from(field.add(a, b)), (BigUint::from(a) + b) % &t);
                assert_eq!(field.add(field.sub(a, b), b), a);
                if a > 0 {
                    assert_eq!(field.mul(a, field.invert(a)), 1);
                }
            }
        }
    }

    #[test]
    fn the_edges_of_the_field_reduce() {
        for bits in [61, 89, 107] {
            let field = Mersenne::new(bits);
            let top = field.modulus() - 1;
            assert_eq!(field.add(top, 1), 0);
            assert_eq!(field.add(top, top), top - 1);
            assert_eq!(field.sub(0, 0), 0);
            assert_eq!(field.sub(5, 5), 0);
            assert_eq!(field.mul(top, top), 1);
            assert_eq!(field.mul(top, 0), 0);
            assert_eq!(field.reduce_words(&[u64::MAX; 5]), {
                let all = (BigUint::from(1_u8) << 320_u32) - 1_u8;
                u128::try_from(all % BigUint::from(field.modulus())).unwrap()
            });
        }
    }

    #[test]
    fn inverses_of_many_are_the_inverses_of_each() {
        let field = Mersenne::new(89);
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let values: Vec<u128> = (0..50)
            .map(|_| 1 + u128::from(rng.next_u64()))
            .chain([1, field.modulus() - 1])
            .collect();
        let mut inverses = values.clone();
        field.invert_all(&mut inverses);
        for (value, inverse) in values.iter().zip(&inverses) {
            assert_eq!(field.mul(*value, *inverse), 1);
        }
        field.invert_all(&mut []);
    }

    #[test]
    fn digests_reduce_like_big_integers() {
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        for (bits, c) in [(89, 1), (89, 2), (89, 3), (107, 1), (107, 2), (107, 3)] {
            let modulus: BigUint = (BigUint::from(1_u8) << bits) - BigUint::from(c);
            for round in 0..300 {
                let mut bytes = [if round == 0 { 255 } else { 0 }; 32];
                if round > 5 {
                    rng.fill_bytes(&mut bytes);
                } else if round > 1 {
                    // The modulus, its neighbours, and what is one fold above it.
                    let edge = [
                        &modulus - 1_u8,
                        modulus.clone(),
                        &modulus + 1_u8,
                        &modulus + &modulus,
                    ];
                    let edge = edge[round - 2].to_bytes_be();
                    bytes[32 - edge.len()..].copy_from_slice(&edge);
                }
                let expected = BigUint::from_bytes_be(&bytes) % &modulus;
                assert_eq!(BigUint::from(reduce(&bytes, bits, c)), expected);
            }
        }
    }

    #[test]
    fn wide_sums_carry() {
        let mut words = [u64::MAX, u64::MAX, 0, 0];
        add(&mut words, 1);
        assert_eq!(words, [0, 0, 1, 0]);
        add_shifted(&mut words, &[1, 0, u64::MAX], 60);
        subtract(&mut words, &[1 << 60]);
        assert_eq!(words, [0, 0, 0xf000_0000_0000_0001, 0x0fff_ffff_ffff_ffff]);
    }
}
