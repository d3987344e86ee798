//! The kernels on raw digits at the ends of what they may be given, for every backend.

use num_bigint::BigUint;
use num_traits::One;

use crate::backend::Backend;
use crate::modulus::{Modulus, Scratch};
use crate::words::Words;

/// Moduli at the ends of their limbs, with every slack below R = 2^(radix·limbs) that keys have.
fn moduli() -> Vec<BigUint> {
    let power = |bits: u32| BigUint::one() << bits;
    let mut out = vec![BigUint::from(3u8), BigUint::from(5u8), power(51) + 1u8];
    for bits in [
        136, 137, 252, 256, 516, 517, 572, 1020, 1024, 1536, 2048, 2376, 2377, 3072, 4096, 8192,
    ] {
        out.push(power(bits) - 1u8);
        out.push(power(bits - 1) + 1u8);
        // Alternating limbs of ones and zeros.
        out.push((0..bits.div_ceil(104)).fold(power(bits - 1), |acc, i| {
            acc | (((power(52) - 1u8) << (104 * i)) % power(bits - 1))
        }));
    }
    out.iter().map(|m| m | BigUint::one()).collect()
}

/// Digits that are allowed, below 2m, at the ends: of their range, and of their limbs.
fn digits(m: &BigUint) -> Vec<BigUint> {
    let bound = m * 2u8;
    let mut out = vec![
        BigUint::ZERO,
        BigUint::one(),
        m - 1u8,
        m.clone(),
        m + 1u8,
        &bound - 1u8,
        &bound - 2u8,
    ];
    for radix in [27u64, 28, 52, 64] {
        for limb in [1, 2, 9, 10, 11, 19, m.bits().div_euclid(radix)] {
            out.push(BigUint::one() << (radix * limb));
            out.push((BigUint::one() << (radix * limb)) - 1u8);
        }
    }
    out.retain(|digit| *digit < bound);
    out
}

struct Kernel<'a> {
    m: Modulus,
    value: &'a BigUint,
    r: BigUint,
    square: BigUint,
    scratch: Scratch,
}

impl<'a> Kernel<'a> {
    fn new(value: &'a BigUint, backend: Backend) -> Self {
        let m = Modulus::new(value, backend);
        let (r, scratch) = (m.r(), Scratch::new(&m));
        Self {
            m,
            value,
            r,
            square: value * value,
            scratch,
        }
    }

    /// Packs of the pairs of digits, the last one filled up with zeros.
    fn packs(&self, pairs: &[(&BigUint, &BigUint)]) -> Vec<Words> {
        let write = |group: &[(&BigUint, &BigUint)]| {
            let mut out = Words::zeroed(self.m.pack());
            let (x0, x1) = out.split_at_mut(self.m.digit());
            for (lane, (a, b)) in group.iter().enumerate() {
                self.m.put(x0, lane, &a.to_u64_digits());
                self.m.put(x1, lane, &b.to_u64_digits());
            }
            out
        };
        pairs.chunks(self.m.lanes).map(write).collect()
    }

    /// The digits of a lane, after a look at whether they are below 2m.
    fn lane(&self, pack: &[u64], lane: usize) -> (BigUint, BigUint) {
        let read = |digit: &[u64]| {
            let mut words = vec![0; (self.m.limbs * self.m.radix).div_ceil(64)];
            self.m.take(digit, lane, &mut words);
            let value = words
                .iter()
                .rev()
                .fold(BigUint::ZERO, |acc, &word| (acc << 64u32) + word);
            assert!(value < self.value * 2u8, "a digit has left its range");
            value
        };
        let (x0, x1) = pack.split_at(self.m.digit());
        (read(x0), read(x1))
    }

    /// The residue a pair stands for.
    fn residue(&self, (x0, x1): &(BigUint, BigUint)) -> BigUint {
        (x0 + x1 * self.value) % &self.square
    }
}

fn check(value: &BigUint, backend: Backend) {
    let mut k = Kernel::new(value, backend);
    let digits = digits(value);
    let turned = |by: usize| digits.iter().cycle().skip(by).take(digits.len());
    for shift in [0, 1, 5] {
        let a: Vec<_> = digits.iter().zip(turned(shift)).collect();
        let b: Vec<_> = turned(shift + 2).zip(turned(3)).collect();
        let own = |pair: &(&BigUint, &BigUint)| k.residue(&(pair.0.clone(), pair.1.clone()));
        let (left, right): (Vec<_>, Vec<_>) =
            (a.iter().map(own).collect(), b.iter().map(own).collect());
        for (i, (x, y)) in k.packs(&a).iter().zip(k.packs(&b)).enumerate() {
            let mut product = x.clone();
            k.m.mul(&mut product, &y, &mut k.scratch);
            let mut square = x.clone();
            k.m.square(&mut square, &mut k.scratch);
            let mut sum = x.clone();
            k.m.add(&mut sum, &y);
            let mut digit = x.clone();
            k.m.mul_digit(&mut digit[..k.m.digit()], &y[..k.m.digit()], &mut k.scratch);
            let mut added = x.clone();
            k.m.add_digit(&mut added[..k.m.digit()], &y[..k.m.digit()]);
            let mut canonical = x.clone();
            k.m.canonical(&mut canonical, &mut k.scratch);
            k.m.join(&canonical, &mut k.scratch);
            for lane in 0..k.m.lanes.min(a.len() - i * k.m.lanes) {
                let index = i * k.m.lanes + lane;
                let (p, q) = (&left[index], &right[index]);
                let lifted = |pack: &[u64]| k.residue(&k.lane(pack, lane)) * &k.r % &k.square;
                assert_eq!(lifted(&product), p * q % &k.square, "product");
                assert_eq!(lifted(&square), p * p % &k.square, "square");
                assert_eq!(k.residue(&k.lane(&sum, lane)), (p + q) % &k.square, "sum");
                let low = k.lane(&digit, lane).0 * &k.r % value;
                assert_eq!(low, a[index].0 * b[index].0 % value, "product of digits");
                let low = k.lane(&added, lane).0 % value;
                assert_eq!(low, (a[index].0 + b[index].0) % value, "sum of digits");
                let (x0, x1) = k.lane(&canonical, lane);
                assert!(x0 < *value && x1 < *value, "canonical digits are below m");
                assert_eq!(lifted(&canonical), *p, "canonical");
                let mut words = vec![0; (2 * k.m.limbs * k.m.radix).div_ceil(64)];
                k.m.take(&k.scratch.low[..k.m.pack()], lane, &mut words);
                let joined = words
                    .iter()
                    .rev()
                    .fold(BigUint::ZERO, |acc, &word| (acc << 64u32) + word);
                assert_eq!(joined, x0 + x1 * value, "joined");
            }
        }
    }
}

/// Integers up to m·R − 1, which `split` takes apart.
fn check_split(value: &BigUint, backend: Backend) {
    let mut k = Kernel::new(value, backend);
    let limit = value * &k.r;
    for integer in [
        BigUint::ZERO,
        &limit - 1u8,
        &k.r - 1u8,
        k.r.clone(),
        &k.square - 1u8,
        &limit / 3u8,
    ] {
        k.scratch.low.fill(0);
        let (m, scratch) = (&k.m, &mut k.scratch);
        let mut wide = Words::zeroed(m.pack());
        m.put(&mut wide, m.lanes - 1, &integer.to_u64_digits());
        scratch.low[..m.pack()].copy_from_slice(&wide);
        let mut pack = Words::zeroed(m.pack());
        m.split(&mut pack, scratch);
        let lifted = k.residue(&k.lane(&pack, k.m.lanes - 1)) * &k.r % &k.square;
        assert_eq!(lifted, &integer % &k.square);
    }
}

#[test]
fn kernels_keep_digits_in_range_and_are_right_at_its_ends() {
    for backend in Backend::available() {
        for m in moduli() {
            check(&m, backend);
            check_split(&m, backend);
        }
    }
}
