//! The scheme against its definition, at small keys, with every backend.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use blindjoin_paillier::{
    Backend, Ciphertexts, Error, KeySize, Lookup, Naturals, Profile, PublicKey, SecretKey,
};
use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::One;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

const SLOT: usize = 252;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn keys(bits: usize, seed: u8) -> Vec<SecretKey> {
    let size = KeySize::insecure_test_key(bits).unwrap();
    Backend::available()
        .into_iter()
        .flat_map(|backend| {
            Profile::ALL.map(|profile| {
                SecretKey::generate_with_backend(size, profile, backend, &mut rng(seed))
            })
        })
        .collect()
}

/// Decryption as Paillier (1999) writes it, with λ = lcm(p−1, q−1): independent of ours and of the profile.
fn textbook(key: &SecretKey, c: &BigUint) -> BigUint {
    let n = key.public().n();
    let [p, q] = key.primes();
    let lambda = (p - 1u8).lcm(&(q - 1u8));
    let l = (c.modpow(&lambda, &(n * n)) - 1u8) / n;
    l * lambda.modinv(n).unwrap() % n
}

fn integers(public: &PublicKey, bytes: &[u8]) -> Vec<BigUint> {
    bytes
        .chunks_exact(public.ciphertext_bytes())
        .map(BigUint::from_bytes_be)
        .collect()
}

#[test]
fn every_profile_decrypts_to_what_was_encrypted_and_so_does_the_textbook() {
    for key in keys(512, 1) {
        let public = key.public();
        let mut values = vec![
            BigUint::ZERO,
            BigUint::one(),
            public.n() - 1u8,
            key.primes()[0].clone(),
        ];
        values.extend((0..7u32).map(|i| (BigUint::one() << (70 * i)) + i));
        let plain = Naturals::from_biguints(&values, public.size().bits());
        let exponents = public.random_exponents(values.len(), &mut rng(9));
        let ciphertexts = public.encrypt(&plain, &exponents).unwrap();
        let wire = public.encode(&ciphertexts);
        let square = public.n() * public.n();
        let hs = public.h().modpow(public.n(), &square);
        for (i, c) in integers(public, &wire).iter().enumerate() {
            let noise = hs.modpow(&exponents.to_biguint(i), &square);
            assert_eq!(
                *c,
                (BigUint::one() + &values[i] * public.n()) * noise % &square,
                "definition"
            );
            assert_eq!(textbook(&key, c), values[i], "textbook");
        }
        let decrypted = key.decrypt(&wire).unwrap();
        let small = key.decrypt_small(&wire).unwrap();
        for (i, value) in values.iter().enumerate() {
            assert_eq!(decrypted.to_biguint(i), *value);
            assert_eq!(small.to_biguint(i), value % key.primes()[0]);
        }
        assert_eq!(public.encode(&public.decode(&wire).unwrap()), wire);
        assert_eq!(key.decrypt_batch(&ciphertexts).unwrap(), decrypted);
    }
}

#[test]
fn operations_act_on_plaintexts() {
    for key in keys(512, 2) {
        let public = key.public();
        let a = Naturals::random(9, 200, &mut rng(3));
        let b = Naturals::random(9, 200, &mut rng(4));
        let r = Naturals::random(9, 89, &mut rng(5));
        let mut c = public.encrypt_random(&a, &mut rng(6)).unwrap();
        public.add_plain(&mut c, &b).unwrap();
        public.multiply_plain(&mut c, &r);
        let other = public.encrypt_random(&b, &mut rng(7)).unwrap();
        public.add(&mut c, &other);
        public.add(
            &mut c,
            &public.noise(&public.random_exponents(9, &mut rng(8))),
        );
        let sums = key.decrypt_batch(&c).unwrap();
        for i in 0..9 {
            let expected = (a.to_biguint(i) + b.to_biguint(i)) * r.to_biguint(i) + b.to_biguint(i);
            assert_eq!(sums.to_biguint(i), expected % public.n());
        }
    }
}

/// The sum of the plaintexts of each column, weights beyond a row's end as they are given.
fn sums(
    plain: &Naturals,
    rows: &[Vec<u64>],
    beyond: &Naturals,
    public: &PublicKey,
) -> Vec<BigUint> {
    let weight = |i: usize, c: usize| {
        let weight = rows[i].get(c).map(|&weight| weight.into());
        weight.unwrap_or_else(|| beyond.to_biguint(c))
    };
    let sum = |c: usize| {
        let terms = (0..rows.len()).map(|i| plain.to_biguint(i) * weight(i, c));
        terms.sum::<BigUint>() % public.n()
    };
    (0..beyond.len()).map(sum).collect()
}

#[test]
fn weighted_sums_weigh_what_a_row_lacks_as_told() {
    for key in keys(512, 20) {
        let public = key.public();
        for (lengths, columns) in [
            (vec![3, 0, 9, 5, 9, 1, 2, 9, 7, 4], 9),
            (vec![4, 4], 4),
            (vec![1, 2, 3], 12),
            (vec![0], 1),
            (vec![], 3),
            (vec![0, 0], 0),
        ] {
            let plain = Naturals::random(lengths.len(), 64, &mut rng(21));
            let row = |(i, &len): (usize, &usize)| -> Vec<u64> {
                let weights = Naturals::random(len, 48, &mut rng(u8::try_from(i).unwrap()));
                (0..len).map(|c| weights.item(c)[0]).collect()
            };
            let rows: Vec<_> = lengths.iter().enumerate().map(row).collect();
            let beyond = Naturals::random(columns, 50, &mut rng(22));
            let ciphertexts = public.encrypt_random(&plain, &mut rng(23)).unwrap();
            let found = public
                .weighted_sums_vartime(&ciphertexts, &rows, 48, &beyond)
                .unwrap();
            let found = key.decrypt_batch(&found).unwrap();
            let found: Vec<_> = (0..columns).map(|c| found.to_biguint(c)).collect();
            assert_eq!(found, sums(&plain, &rows, &beyond, public));
        }
        let zero = Ciphertexts::from_batch(public.ring().from_integers(&[BigUint::ZERO]));
        let refused =
            public.weighted_sums_vartime(&zero, &[[1]], 1, &Naturals::from_u128s(&[1], 1));
        assert_eq!(refused.unwrap_err(), Error::CiphertextSharesFactor);
    }
}

#[test]
fn packs_of_every_filling_open_to_their_slots() {
    for bits in [512, 1024] {
        for key in keys(bits, 10) {
            let public = key.public();
            let slots = public.size().slots_below_prime(SLOT);
            assert_eq!(slots, bits / 512);
            for count in [1, 2, slots * 8, slots * 8 + 1, slots * 9 - 1] {
                let mut values: Vec<_> =
                    (0..count).map(|i| BigUint::from(i) << (i % 200)).collect();
                values[count - 1] = (BigUint::one() << SLOT) - 1u8;
                let plain = Naturals::from_biguints(&values, SLOT);
                let wire = public.encode(&public.encrypt_random(&plain, &mut rng(11)).unwrap());
                assert_eq!(key.decrypt_packed(&wire, SLOT).unwrap(), plain);
            }
            assert!(key.decrypt_packed(&[], SLOT).unwrap().is_empty());
        }
    }
}

#[test]
fn constant_time_tables_give_the_same_noise() {
    for key in keys(512, 12) {
        let exponents = key.public().random_exponents(11, &mut rng(13));
        let expected = key.public().encode(&key.public().noise(&exponents));
        for lookup in [Lookup::Direct, Lookup::ConstantTime] {
            for uses in [1, 10_000] {
                let public = key.public().clone().with_lookup(lookup);
                public.noise_table_for(uses);
                assert_eq!(public.encode(&public.noise(&exponents)), expected);
                let powers = public.noise_powers(exponents.bits(), uses).pow(&exponents);
                let powers = Ciphertexts::from_batch(powers);
                assert_eq!(public.encode(&powers), expected);
            }
        }
    }
}

#[test]
fn malformed_ciphertexts_are_refused() {
    for key in keys(512, 14) {
        let public = key.public();
        let width = public.ciphertext_bytes();
        let fixed = |c: &BigUint| {
            let be = c.to_bytes_be();
            [vec![0; width - be.len()], be].concat()
        };
        let good = public.encode(
            &public
                .encrypt_random(&Naturals::zero(9, 8), &mut rng(15))
                .unwrap(),
        );
        let n = public.n();
        let [p, q] = key.primes();
        for (name, bad) in [
            ("zero", BigUint::ZERO),
            ("n", n.clone()),
            ("n squared", n * n),
            ("above n squared", n * n + 1u8),
            ("all ones", (BigUint::one() << (8 * width)) - 1u8),
            ("multiple of p", p * 7u8),
            ("multiple of q", q * p * q - q),
            ("multiple of p squared", p * p),
        ] {
            for position in [0, 8] {
                let mut wire = good.clone();
                wire[position * width..][..width].copy_from_slice(&fixed(&bad));
                let expected = if bad >= n * n {
                    Error::CiphertextOutOfRange { index: position }
                } else {
                    Error::CiphertextSharesFactor
                };
                assert_eq!(public.decode(&wire).unwrap_err(), expected, "{name}");
                assert_eq!(
                    key.decrypt(&wire).unwrap_err(),
                    Error::Undecryptable,
                    "{name}"
                );
                assert_eq!(
                    key.decrypt_small(&wire).unwrap_err(),
                    Error::Undecryptable,
                    "{name}"
                );
                assert_eq!(
                    key.decrypt_packed(&wire, 128).unwrap_err(),
                    Error::Undecryptable,
                    "{name}"
                );
            }
        }
        let length = Error::CiphertextLength {
            bytes: 9 * width - 1,
            width,
        };
        assert_eq!(public.decode(&good[1..]).unwrap_err(), length);
        assert_eq!(key.decrypt_packed(&good[1..], SLOT).unwrap_err(), length);
    }
}

#[test]
fn a_plaintext_beyond_its_pack_is_refused() {
    for key in keys(512, 16) {
        let public = key.public();
        let encrypt = |values: &[BigUint]| {
            let plain = Naturals::from_biguints(values, 256);
            public.encode(&public.encrypt_random(&plain, &mut rng(17)).unwrap())
        };
        let limit = BigUint::one() << 64u32;
        assert!(key.decrypt_packed(&encrypt(&[&limit - 1u8]), 64).is_ok());
        assert_eq!(
            key.decrypt_packed(&encrypt(std::slice::from_ref(&limit)), 64)
                .unwrap_err(),
            Error::Undecryptable
        );
        let top = [BigUint::ZERO, BigUint::ZERO, limit];
        assert_eq!(
            key.decrypt_packed(&encrypt(&top), 64).unwrap_err(),
            Error::Undecryptable
        );
    }
}

#[test]
fn subgroup_keys_refuse_noise_from_outside_the_group() {
    let size = KeySize::insecure_test_key(512).unwrap();
    let key = SecretKey::generate(size, Profile::Subgroup, &mut rng(18));
    let n = key.public().n();
    let foreign = BigUint::from(2u8).modpow(n, &(n * n)).to_bytes_be();
    let wire = [
        vec![0; key.public().ciphertext_bytes() - foreign.len()],
        foreign,
    ]
    .concat();
    assert_eq!(key.decrypt(&wire).unwrap_err(), Error::Undecryptable);
}

#[test]
fn plaintexts_from_the_modulus_up_are_refused_by_position() {
    for key in keys(512, 19) {
        let public = key.public();
        for bits in [512, 600] {
            let values = [BigUint::one(), public.n() - 1u8, public.n().clone()];
            let plain = Naturals::from_biguints(&values, bits);
            assert_eq!(
                public.encrypt_random(&plain, &mut rng(20)).unwrap_err(),
                Error::PlaintextTooLarge { index: 2 }
            );
            let wire = public.encode(
                &public
                    .encrypt_random(&plain.slice(0..2), &mut rng(20))
                    .unwrap(),
            );
            assert_eq!(key.decrypt(&wire).unwrap().to_biguint(1), values[1]);
        }
    }
}

#[test]
fn secrets_are_not_printed() {
    let size = KeySize::insecure_test_key(512).unwrap();
    let key =
        SecretKey::generate_with_backend(size, Profile::DjnShort, Backend::Portable, &mut rng(21));
    assert_eq!(
        format!("{key:?}"),
        "SecretKey { public: PublicKey { size: KeySize(512), profile: DjnShort, backend: Portable, .. }, .. }"
    );
}
