//! Inverses and products of powers for many columns, every backend against num-bigint.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/numbers.rs"]
mod numbers;

use blindjoin_bigint::{Backend, Error, SquareRing};
use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::One;
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

use numbers::{odd, random};

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn units(m: &BigUint, count: usize, rng: &mut ChaCha20Rng) -> Vec<BigUint> {
    let bits = usize::try_from(2 * m.bits()).unwrap();
    std::iter::repeat_with(|| random(bits, rng) % (m * m))
        .filter(|x| x.gcd(m).is_one())
        .take(count)
        .collect()
}

/// As many exponents as asked for, those at the ends among them.
fn row(len: usize, bits: usize, rng: &mut ChaCha20Rng) -> Vec<u64> {
    let most = if bits == 0 {
        0
    } else {
        u64::MAX >> (64 - bits)
    };
    (0..len)
        .map(|i| match i {
            0 => most,
            3 => 0,
            _ => rng.next_u64() & most,
        })
        .collect()
}

/// The definition, column by column.
fn defined(m: &BigUint, bases: &[BigUint], rows: &[Vec<u64>], columns: usize) -> Vec<BigUint> {
    let square = m * m;
    let product = |j: usize| {
        let powers = bases
            .iter()
            .zip(rows)
            .map(|(base, row)| base.modpow(&row.get(j).copied().unwrap_or(0).into(), &square));
        powers.fold(BigUint::one(), |product, power| product * power % &square)
    };
    (0..columns).map(product).collect()
}

fn check(m: &BigUint, bases: &[BigUint], rows: &[Vec<u64>], columns: usize, bits: usize) {
    let expected = defined(m, bases, rows, columns);
    for backend in Backend::available() {
        let ring = SquareRing::new(m, backend).unwrap();
        let bases = ring.from_integers(bases);
        let found = ring.products_vartime(&bases, rows, columns, bits).unwrap();
        assert_eq!(ring.to_integers(&found), expected, "{}", backend.name());
    }
}

#[test]
fn products_of_columns_are_those_of_the_definition() {
    let mut rng = rng(1);
    for modulus_bits in [60, 124, 516, 1024] {
        let m = odd(modulus_bits, &mut rng);
        for (lengths, columns, bits) in [
            (vec![37; 9], 37, 48),
            (vec![1, 8, 0, 17, 9, 16], 17, 48),
            (vec![5, 2], 9, 64),
            (vec![8; 16], 8, 1),
            (vec![3, 3], 3, 0),
            (vec![0, 0, 0], 4, 48),
            (vec![], 3, 48),
            (vec![0, 0], 0, 48),
        ] {
            let bases = units(&m, lengths.len(), &mut rng);
            let rows: Vec<_> = lengths
                .iter()
                .map(|&len| row(len, bits, &mut rng))
                .collect();
            check(&m, &bases, &rows, columns, bits);
        }
    }
}

#[test]
fn columns_take_more_bases_than_one_sum_of_logarithms_holds() {
    let mut rng = rng(2);
    // Four bits below ten limbs: a sum of digits outgrows its columns at once.
    for modulus_bits in [124, 516] {
        let m = odd(modulus_bits, &mut rng);
        let bases = units(&m, 2060, &mut rng);
        let rows: Vec<_> = bases.iter().map(|_| row(5, 9, &mut rng)).collect();
        check(&m, &bases, &rows, 5, 9);
    }
}

#[test]
fn threads_share_the_work_and_change_nothing() {
    let mut rng = rng(3);
    let m = odd(256, &mut rng);
    let bases = units(&m, 50, &mut rng);
    let rows: Vec<_> = (0..50).map(|i| row(i, 48, &mut rng)).collect();
    let expected = defined(&m, &bases, &rows, 60);
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        for backend in Backend::available() {
            let ring = SquareRing::new(&m, backend).unwrap();
            let bases = ring.from_integers(&bases);
            let products = || ring.products_vartime(&bases, &rows, 60, 48).unwrap();
            let found = pool.install(products);
            assert_eq!(ring.to_integers(&found), expected);
        }
    }
}

#[test]
fn inverses_are_those_of_num_bigint_and_others_are_refused() {
    let mut rng = rng(4);
    for modulus_bits in [60, 516, 1024] {
        let m = odd(modulus_bits, &mut rng) * 3u8;
        let square = &m * &m;
        for count in [0, 1, 8, 19] {
            let values = units(&m, count, &mut rng);
            let expected: Vec<_> = values.iter().map(|x| x.modinv(&square).unwrap()).collect();
            for backend in Backend::available() {
                let ring = SquareRing::new(&m, backend).unwrap();
                let inverses = ring.invert_vartime(&ring.from_integers(&values)).unwrap();
                assert_eq!(ring.to_integers(&inverses), expected);
                for bad in [BigUint::ZERO, 3u8.into(), m.clone()] {
                    let bases: Vec<_> = values.iter().cloned().chain([bad]).collect();
                    let rows = vec![vec![1]; bases.len()];
                    let bases = ring.from_integers(&bases);
                    assert_eq!(ring.invert_vartime(&bases).unwrap_err(), Error::NotUnit);
                    let refused = ring.products_vartime(&bases, &rows, 1, 1).unwrap_err();
                    assert_eq!(refused, Error::NotUnit);
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "exceeds 8 bits")]
fn an_exponent_above_its_bound_is_refused() {
    let ring = SquareRing::new(&BigUint::from(101u8), Backend::Portable).unwrap();
    drop(ring.products_vartime(&ring.one(1), &[[256]], 1, 8));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn products_agree_with_num_bigint_whatever_the_shape(
        modulus_bits in 4usize..600,
        lengths in prop::collection::vec(0usize..20, 0..20),
        bits in 0usize..=64,
        seed in any::<[u8; 32]>(),
    ) {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let m = odd(modulus_bits, &mut rng);
        let bases = units(&m, lengths.len(), &mut rng);
        let rows: Vec<_> = lengths.iter().map(|&len| row(len, bits, &mut rng)).collect();
        check(&m, &bases, &rows, 20, bits);
    }
}
