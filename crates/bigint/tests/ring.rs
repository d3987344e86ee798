//! Every backend against num-bigint.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::cast_possible_truncation, reason = "bit counts are small")]

#[path = "common/numbers.rs"]
mod numbers;

use std::io::Write as _;

use blindjoin_bigint::{
    Backend, Elements, Error, FixedBase, Lookup, Naturals, PowerLog, SquareRing,
};
use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::One;
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use numbers::{odd, random};

/// Operands whose digits, limbs and carries are at their ends.
fn edges(m: &BigUint) -> Vec<BigUint> {
    let square = m * m;
    let one = BigUint::one();
    let mut out = vec![
        BigUint::ZERO,
        one.clone(),
        m - 1u8,
        m.clone(),
        m + 1u8,
        m * 2u8 - 1u8,
        &square - 1u8,
        &square - m,
        &square - m - 1u8,
        (&square - 1u8) / 2u8,
    ];
    for radix in [27usize, 28, 52, 64] {
        for limb in 0..=square.bits() as usize / radix {
            out.push((&one << (radix * limb)) % &square);
            out.push(((&one << (radix * limb)) - 1u8) % &square);
        }
    }
    out
}

/// Moduli at the ends of their limbs: all ones, a lone top bit, random, with every slack of interest.
fn moduli(rng: &mut ChaCha20Rng) -> Vec<BigUint> {
    let one = BigUint::one();
    let mut out = vec![
        BigUint::from(3u8),
        BigUint::from(5u8),
        (&one << 52u32) - 1u8,
        (&one << 64u32) - 1u8,
    ];
    for bits in [
        60, 124, 256, 260, 508, 512, 516, 519, 520, 521, 768, 1024, 1036, 1040, 1536,
    ] {
        out.push((&one << bits) - 1u8);
        out.push((&one << (bits - 1)) + 1u8);
        out.push(odd(bits, rng));
    }
    out
}

fn check_ring(m: &BigUint, backend: Backend, values: &[BigUint]) {
    let ring = SquareRing::new(m, backend).unwrap();
    let square = m * m;
    let values: Vec<_> = values.iter().map(|v| v % &square).collect();
    let reversed: Vec<_> = values.iter().rev().cloned().collect();
    let (x, y) = (ring.from_integers(&values), ring.from_integers(&reversed));
    assert_eq!(ring.to_integers(&x), values, "round trip");
    let products: Vec<_> = values
        .iter()
        .zip(&reversed)
        .map(|(a, b)| a * b % &square)
        .collect();
    assert_eq!(ring.to_integers(&ring.mul(&x, &y)), products, "products");
    let mut squares = x.clone();
    ring.square_assign(&mut squares);
    let expected: Vec<_> = values.iter().map(|a| a * a % &square).collect();
    assert_eq!(ring.to_integers(&squares), expected, "squares");
    // Chains keep their digits lazily reduced.
    let mut chain = x.clone();
    let mut expected = values.clone();
    for _ in 0..3 {
        ring.mul_assign(&mut chain, &y);
        ring.square_assign(&mut chain);
        for (a, b) in expected.iter_mut().zip(&reversed) {
            *a = &*a * b % &square;
            *a = &*a * &*a % &square;
        }
    }
    assert_eq!(ring.to_integers(&chain), expected, "chains");
    let bits = m.bits() as usize;
    let plain: Vec<_> = reversed
        .iter()
        .map(|v| v % (BigUint::one() << bits))
        .collect();
    let mut shifted = chain;
    ring.mul_one_plus_assign(&mut shifted, &Naturals::from_biguints(&plain, bits));
    let expected: Vec<_> = expected
        .iter()
        .zip(&plain)
        .map(|(a, y)| a * (BigUint::one() + y * m) % &square)
        .collect();
    assert_eq!(ring.to_integers(&shifted), expected, "times 1 + y·m");
    let logs = ring
        .log_one_plus(&ring.one_plus(&Naturals::from_biguints(&plain, bits)))
        .unwrap();
    for (i, y) in plain.iter().enumerate() {
        assert_eq!(logs.to_biguint(i), y % m, "logarithm");
    }
    let product = values
        .iter()
        .fold(BigUint::one(), |acc, v| acc * v % &square);
    assert_eq!(
        ring.to_integers(&ring.product(&x)),
        [product],
        "product of all"
    );
    let unit = values.iter().all(|v| v.gcd(m).is_one());
    assert_eq!(ring.are_units_vartime(&x), unit, "units");
}

/// The tests below take every backend that is there.
#[test]
fn vector_backends_are_tested_or_said_to_be_left_out() {
    for (backend, name) in [
        (Backend::Ifma, "AVX-512 IFMA (.ci/more ifma)"),
        (Backend::Avx2, "AVX2"),
    ] {
        if !backend.is_available() {
            // Past the harness, which would keep it to itself.
            let mut stderr = std::io::stderr();
            writeln!(stderr, "SKIPPED: all of crates/bigint on {name}")
                .expect("standard error is open");
        }
    }
    assert!(Backend::available().contains(&Backend::Portable));
}

#[test]
fn arithmetic_is_right_at_the_edges_of_every_modulus() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    for backend in Backend::available() {
        for m in moduli(&mut rng) {
            check_ring(&m, backend, &edges(&m));
        }
    }
}

#[test]
fn arithmetic_is_right_at_every_key_size() {
    let mut rng = ChaCha20Rng::from_seed([2; 32]);
    for backend in Backend::available() {
        for bits in [1024, 1536, 2048, 3072, 4096] {
            for m in [odd(bits, &mut rng), (BigUint::one() << bits) - 1u8] {
                let mut values = edges(&m);
                values.truncate(14);
                values.extend((0..7).map(|_| random(2 * bits, &mut rng)));
                check_ring(&m, backend, &values);
            }
        }
    }
}

#[test]
fn powers_match_modpow() {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    for backend in Backend::available() {
        for (bits, exponent_bits) in [
            (60, 1),
            (256, 61),
            (512, 89),
            (512, 4),
            (512, 5),
            (1024, 127),
            (520, 300),
        ] {
            let m = odd(bits, &mut rng);
            let square = &m * &m;
            let ring = SquareRing::new(&m, backend).unwrap();
            let values: Vec<_> = (0..11)
                .map(|_| random(2 * bits, &mut rng) % &square)
                .collect();
            let mut exponents: Vec<_> = (0..11).map(|_| random(exponent_bits, &mut rng)).collect();
            exponents[0] = BigUint::ZERO;
            exponents[1] = (BigUint::one() << exponent_bits) - 1u8;
            exponents[2] = BigUint::one() << (exponent_bits - 1);
            let exponents_packed = Naturals::from_biguints(&exponents, exponent_bits);
            let mut each = ring.from_integers(&values);
            ring.pow_assign(&mut each, &exponents_packed);
            let expected: Vec<_> = values
                .iter()
                .zip(&exponents)
                .map(|(v, e)| v.modpow(e, &square))
                .collect();
            assert_eq!(ring.to_integers(&each), expected, "{bits} {exponent_bits}");
            for (e, exponent) in exponents.iter().enumerate().take(3) {
                let mut shared = ring.from_integers(&values);
                ring.pow_shared_assign(&mut shared, &exponents_packed, e);
                let expected: Vec<_> = values.iter().map(|v| v.modpow(exponent, &square)).collect();
                assert_eq!(ring.to_integers(&shared), expected);
            }
            let residues: Vec<_> = values.iter().map(|v| v % &m).collect();
            let powers = ring.pow_modulo(
                &Naturals::from_biguints(&residues, bits),
                &exponents_packed,
                5,
            );
            for (i, value) in residues.iter().enumerate() {
                assert_eq!(powers.to_biguint(i), value.modpow(&exponents[5], &m));
            }
            let unit = values.iter().rposition(|v| v.gcd(&m).is_one()).unwrap();
            let base = ring.from_integers(&values);
            for lookup in [Lookup::Direct, Lookup::ConstantTime] {
                for window in [1, 3, 5, 8] {
                    let table =
                        FixedBase::with_window(&ring, &base, unit, exponent_bits, lookup, window);
                    let expected: Vec<_> = exponents
                        .iter()
                        .map(|e| values[unit].modpow(e, &square))
                        .collect();
                    assert_eq!(ring.to_integers(&table.pow(&exponents_packed)), expected);
                    let short = Naturals::from_biguints(&exponents[..1], exponent_bits.min(1));
                    assert_eq!(ring.to_integers(&table.pow(&short)), [BigUint::one()]);
                }
            }
        }
    }
}

#[test]
fn products_of_powers_match_modpow() {
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    for bits in [60, 256, 519] {
        let m = odd(bits, &mut rng);
        let square = &m * &m;
        for (lengths, len) in [(vec![89], 9), (vec![107, 0, 30], 17), (vec![1, 512], 3)] {
            let values: Vec<Vec<_>> = lengths
                .iter()
                .map(|_| {
                    (0..len)
                        .map(|_| random(2 * bits, &mut rng) % &square)
                        .collect()
                })
                .collect();
            let exponents: Vec<Vec<_>> = lengths
                .iter()
                .map(|&bits| (0..len).map(|_| random(bits, &mut rng)).collect())
                .collect();
            let expected: Vec<_> = (0..len)
                .map(|i| {
                    let powers = values
                        .iter()
                        .zip(&exponents)
                        .map(|(x, e)| x[i].modpow(&e[i], &square));
                    powers.fold(BigUint::one(), |product, power| product * power % &square)
                })
                .collect();
            for backend in Backend::available() {
                let ring = SquareRing::new(&m, backend).unwrap();
                let batches: Vec<_> = values.iter().map(|v| ring.from_integers(v)).collect();
                let packed: Vec<_> = exponents
                    .iter()
                    .zip(&lengths)
                    .map(|(e, &bits)| Naturals::from_biguints(e, bits))
                    .collect();
                let terms: Vec<_> = batches.iter().zip(&packed).collect();
                assert_eq!(ring.to_integers(&ring.pow_product(&terms)), expected);
                // The same for bases that are shared, from tables; powers of two are units.
                let shared: Vec<_> = (1u8..)
                    .zip(&lengths)
                    .map(|(j, &bits)| {
                        let base = BigUint::one() << j;
                        let lookup = if bits == 30 {
                            Lookup::ConstantTime
                        } else {
                            Lookup::Direct
                        };
                        let batch = ring.from_integers(std::slice::from_ref(&base));
                        (base, FixedBase::new(&ring, &batch, 0, bits, lookup))
                    })
                    .collect();
                let terms: Vec<_> = shared.iter().map(|(_, table)| table).zip(&packed).collect();
                let expected: Vec<_> = (0..len)
                    .map(|i| {
                        let powers = shared
                            .iter()
                            .zip(&exponents)
                            .map(|((x, _), e)| x.modpow(&e[i], &square));
                        powers.fold(BigUint::one(), |product, power| product * power % &square)
                    })
                    .collect();
                assert_eq!(ring.to_integers(&FixedBase::product(&terms)), expected);
            }
        }
    }
}

/// A prime below 2^`bits`, near it.
fn prime(bits: usize) -> BigUint {
    let two = BigUint::from(2u8);
    let mut p = (BigUint::one() << bits) - 1u8;
    while two.modpow(&(&p - 1u8), &p) != BigUint::one() {
        p -= 2u8;
    }
    p
}

#[test]
fn logarithms_of_powers_match_modpow() {
    let mut rng = ChaCha20Rng::from_seed([10; 32]);
    // The slack below R is four bits, five, and sixteen.
    for bits in [64, 124, 255, 516, 1024] {
        let p = prime(bits);
        let square = &p * &p;
        let units: Vec<_> = (0..19)
            .map(|i| match i {
                0 => BigUint::one(),
                1 => &square - 1u8,
                2 => &p + 1u8,
                _ => random(2 * bits, &mut rng) % &square,
            })
            .collect();
        let scale = random(bits - 1, &mut rng);
        for exponent in [&p - 1u8, (&p - 1u8) * 12u8] {
            let expected: Vec<_> = units
                .iter()
                .map(|x| (x.modpow(&exponent, &square) - 1u8) / &p * &scale % &p)
                .collect();
            for backend in Backend::available() {
                let ring = SquareRing::new(&p, backend).unwrap();
                let log = PowerLog::new(&ring, &exponent, &scale);
                for len in [0, 1, 8, 19] {
                    let found = log.log(&ring.from_integers(&units[..len])).unwrap();
                    let found: Vec<_> = (0..len).map(|i| found.to_biguint(i)).collect();
                    assert_eq!(found, expected[..len]);
                }
                let mut bad = units.clone();
                bad[11] = &p * 5u8;
                let refused = log.log(&ring.from_integers(&bad)).unwrap_err();
                assert_eq!(refused, Error::NotOnePlus { index: 11 });
            }
        }
        // An exponent that is no multiple of the orders of all.
        let ring = SquareRing::new(&p, Backend::detect()).unwrap();
        let log = PowerLog::new(&ring, &(&p - 2u8), &scale);
        let refused = log.log(&ring.from_integers(&units)).unwrap_err();
        assert!(matches!(refused, Error::NotOnePlus { .. }));
    }
}

#[test]
fn halves_are_combined_and_joined() {
    let mut rng = ChaCha20Rng::from_seed([11; 32]);
    for bits in [30, 256, 516] {
        let m = odd(bits, &mut rng);
        let draw = |rng: &mut ChaCha20Rng| (0..10).map(|_| random(bits, rng)).collect::<Vec<_>>();
        let (a, b) = (draw(&mut rng), draw(&mut rng));
        let factors = [random(bits, &mut rng), random(bits, &mut rng)];
        for backend in Backend::available() {
            let ring = SquareRing::new(&m, backend).unwrap();
            let [x, y] = [&a, &b].map(|values| Naturals::from_biguints(values, bits));
            let sums = ring.combine(&[&x, &y], &Naturals::from_biguints(&factors, bits));
            let joined = ring.join(&x, &y, 2 * bits);
            for i in 0..10 {
                let sum = (&a[i] * &factors[0] + &b[i] * &factors[1]) % &m;
                assert_eq!(sums.to_biguint(i), sum);
                assert_eq!(joined.to_biguint(i), &a[i] + &b[i] * &m);
            }
        }
    }
}

#[test]
fn fixed_bases_take_more_windows_than_one_sum_of_digits_holds() {
    let mut rng = ChaCha20Rng::from_seed([8; 32]);
    // Five bits below two limbs, and four below ten: sums of digits outgrow their words at once.
    for bits in [59, 124, 516] {
        let m = odd(bits, &mut rng);
        let square = &m * &m;
        let exponents: Vec<_> = (0..3).map(|_| random(2300, &mut rng)).collect();
        let packed = Naturals::from_biguints(&exponents, 2300);
        for backend in Backend::available() {
            let ring = SquareRing::new(&m, backend).unwrap();
            let base = BigUint::from(2u8);
            let expected: Vec<_> = exponents.iter().map(|e| base.modpow(e, &square)).collect();
            let base = ring.from_integers(&[base]);
            for window in [1, 2] {
                let table = FixedBase::with_window(&ring, &base, 0, 2300, Lookup::Direct, window);
                assert_eq!(ring.to_integers(&table.pow(&packed)), expected);
            }
        }
    }
}

#[test]
fn windows_widen_with_the_uses_of_a_fixed_base() {
    let m = (BigUint::one() << 2048u32) - 1u8;
    let ring = SquareRing::new(&m, Backend::Portable).unwrap();
    let window = |bits, uses| FixedBase::choose_window_for(&ring, bits, Lookup::Direct, uses);
    let windows: Vec<_> = [1, 33, 1000, 1 << 17].map(|uses| window(2422, uses)).into();
    assert!(windows.is_sorted() && windows[0] <= 2 && windows[3] >= 10);
    assert!(window(1 << 16, 1 << 17) < window(320, 1 << 17));
    let scanned = FixedBase::choose_window_for(&ring, 495, Lookup::ConstantTime, 1 << 17);
    assert!(scanned <= FixedBase::choose_window(&ring, 495, Lookup::ConstantTime));
}

#[test]
fn exponents_of_no_bits_give_one() {
    for backend in Backend::available() {
        let ring = SquareRing::new(&BigUint::from(101u8), backend).unwrap();
        let mut x = ring.from_integers(&[BigUint::from(7u8), BigUint::ZERO]);
        ring.pow_assign(&mut x, &Naturals::zero(2, 0));
        assert_eq!(ring.to_integers(&x), [BigUint::one(), BigUint::one()]);
        let power = ring.pow_modulo(&Naturals::from_u128s(&[7], 7), &Naturals::zero(1, 0), 0);
        assert_eq!(power.to_u128(0), 1);
        let table = FixedBase::new(&ring, &x, 0, 20, Lookup::Direct);
        assert_eq!(
            ring.to_integers(&table.pow(&Naturals::zero(1, 0))),
            [BigUint::one()]
        );
    }
}

#[test]
fn batches_of_every_length_keep_their_order() {
    let mut rng = ChaCha20Rng::from_seed([4; 32]);
    let m = odd(256, &mut rng);
    let square = &m * &m;
    for backend in Backend::available() {
        let ring = SquareRing::new(&m, backend).unwrap();
        let values: Vec<_> = (0..19).map(|_| random(512, &mut rng) % &square).collect();
        for len in 0..values.len() {
            let batch = ring.from_integers(&values[..len]);
            assert_eq!((batch.len(), batch.is_empty()), (len, len == 0));
            assert_eq!(ring.to_integers(&batch), values[..len]);
            let product = values[..len]
                .iter()
                .fold(BigUint::one(), |acc, v| acc * v % &square);
            assert_eq!(ring.to_integers(&ring.product(&batch)), [product]);
            let mut store = Elements::with_capacity(&ring, values.len());
            store.extend(&batch);
            store.extend(&ring.from_integers(&values[len..]));
            assert_eq!(
                (store.len(), store.bytes()),
                (19, 19 * ring.element_bytes())
            );
            let order: Vec<usize> = (0..len).map(|i| (i * 7 + 3) % 19).collect();
            let expected: Vec<_> = order.iter().map(|&i| values[i].clone()).collect();
            assert_eq!(ring.to_integers(&store.gather_vartime(&order)), expected);
            let parts = [&batch, &ring.from_integers(&values[len..]), &batch];
            let joined = blindjoin_bigint::Batch::concat(&parts);
            let expected: Vec<_> = values.iter().chain(&values[..len]).cloned().collect();
            assert_eq!(ring.to_integers(&joined), expected);
            assert_eq!(ring.to_integers(&joined.slice(2..17)), values[2..17]);
        }
        let batch = ring.from_integers(&values);
        let mut store = Elements::with_capacity(&ring, values.len());
        store.extend(&batch);
        let (order, times) = (
            (0..70).map(|i| (i * 7 + 3) % 19).collect::<Vec<_>>(),
            [0, 3, 3, 40],
        );
        for (squared, times) in store.squared_vartime(&order, &times).iter().zip(times) {
            let power = BigUint::one() << times;
            let expected: Vec<_> = order
                .iter()
                .map(|&i| values[i].modpow(&power, &square))
                .collect();
            let all: Vec<usize> = (0..order.len()).collect();
            assert_eq!(ring.to_integers(&squared.gather_vartime(&all)), expected);
        }
        assert_eq!(
            ring.to_integers(&ring.repeat(&batch, 13, 9)),
            vec![values[13].clone(); 9]
        );
        let mut shared = batch.clone();
        ring.mul_shared_assign(&mut shared, &batch, 17);
        let expected: Vec<_> = values.iter().map(|v| v * &values[17] % &square).collect();
        assert_eq!(ring.to_integers(&shared), expected);
    }
}

#[test]
fn reducers_take_residues_of_a_product_into_the_ring_of_a_factor() {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    for backend in Backend::available() {
        for bits in [64, 256, 512, 1024] {
            let p = odd(bits, &mut rng);
            let ring = SquareRing::new(&p, backend).unwrap();
            for width in [1, 8, bits / 8, bits / 2, bits / 2 + 3, bits] {
                let mut values: Vec<_> = (0..9).map(|_| random(8 * width, &mut rng)).collect();
                values.push((BigUint::one() << (8 * width)) - 1u8);
                values.push(BigUint::ZERO);
                let mut bytes = Vec::new();
                for value in &values {
                    let be = value.to_bytes_be();
                    bytes.resize(bytes.len() + width - be.len(), 0);
                    bytes.extend_from_slice(&be);
                }
                let expected: Vec<_> = values.iter().map(|v| v % (&p * &p)).collect();
                let reducer = ring.reducer(width);
                assert_eq!(ring.to_integers(&reducer.reduce(&bytes)), expected);
                for end in [1, 8, 9, 11] {
                    let units = values[..end].iter().all(|v| v.gcd(&p).is_one());
                    assert_eq!(reducer.are_units_vartime(&bytes[..end * width]), units);
                }
                if 8 * width <= bits {
                    let factor = random(bits, &mut rng);
                    let scaled = ring.scale(
                        &Naturals::from_biguints(&values, bits),
                        &Naturals::from_biguints(&[random(5, &mut rng), factor.clone()], bits),
                        1,
                    );
                    for (i, v) in values.iter().enumerate() {
                        assert_eq!(scaled.to_biguint(i), v * &factor % &p);
                    }
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_residue_is_refused_by_position() {
    let m = BigUint::from(1_000_003u32);
    let square = &m * &m;
    for backend in Backend::available() {
        let ring = SquareRing::new(&m, backend).unwrap();
        let width = ring.width();
        let encode = |v: &BigUint| {
            let be = v.to_bytes_be();
            [vec![0; width - be.len()], be].concat()
        };
        let mut bytes = Vec::new();
        for i in 0..12 {
            bytes.extend(encode(&if i == 9 {
                square.clone()
            } else {
                &square - 1u8
            }));
        }
        assert_eq!(
            ring.decode(&bytes).unwrap_err(),
            Error::OutOfRange { index: 9 }
        );
        assert_eq!(
            ring.decode(&bytes[1..]).unwrap_err(),
            Error::PartialResidue {
                bytes: 12 * width - 1,
                width
            }
        );
        let x = ring.from_integers(&[BigUint::one(), &m + 1u8, BigUint::from(2u8)]);
        assert_eq!(
            ring.log_one_plus(&x).unwrap_err(),
            Error::NotOnePlus { index: 2 }
        );
        assert!(ring.are_units_vartime(&x));
        assert!(!ring.are_units_vartime(&ring.from_integers(&[BigUint::one(), m.clone()])));
        assert_eq!(
            SquareRing::new(&BigUint::from(6u8), backend).unwrap_err(),
            Error::ModulusEven
        );
        assert_eq!(
            SquareRing::new(&BigUint::one(), backend).unwrap_err(),
            Error::ModulusEven
        );
        let long = (BigUint::one() << 8192u32) + 1u8;
        assert_eq!(
            SquareRing::new(&long, backend).unwrap_err(),
            Error::ModulusTooLong {
                bits: 8193,
                most: 8192
            }
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn random_rings_agree_with_num_bigint(bits in 2usize..1100, seed in any::<[u8; 32]>()) {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let m = odd(bits, &mut rng);
        let values: Vec<_> = (0..10).map(|_| random(2 * bits, &mut rng)).collect();
        for backend in Backend::available() {
            check_ring(&m, backend, &values);
        }
    }
}
