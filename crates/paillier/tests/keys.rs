//! Which keys are made, and which are refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use blindjoin_paillier::{Backend, Error, KeySize, Naturals, Profile, PublicKey, SecretKey};
use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::One;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn size(bits: usize) -> KeySize {
    KeySize::insecure_test_key(bits).unwrap()
}

#[test]
fn generated_keys_meet_every_condition() {
    for (seed, profile) in (30..).zip(Profile::ALL) {
        for bits in [512, 640, 1024] {
            let key = SecretKey::generate(size(bits), profile, &mut rng(seed));
            let [p, q] = key.primes();
            let (n, h) = (key.public().n(), key.public().h());
            let three = BigUint::from(3u8);
            assert_eq!((n.bits(), *n == p * q), (bits as u64, true));
            for r in [p, q] {
                assert_eq!(
                    (r.bits(), r % 4u8, r >> (bits / 2 - 2)),
                    (bits as u64 / 2, three.clone(), three.clone())
                );
            }
            let phi = (p - 1u8) * (q - 1u8);
            assert_eq!((p - 1u8).gcd(&(q - 1u8)), BigUint::from(2u8));
            assert!(n.gcd(&phi).is_one());
            let distance = if p > q { p - q } else { q - p };
            assert!(distance.bits() > bits as u64 / 2 - 100);
            for neighbour in [h - 1u8, h.clone(), h + 1u8] {
                assert!(neighbour.gcd(n).is_one());
            }
            // −h is a square modulo both primes, except in the subgroup.
            if profile != Profile::Subgroup {
                for r in [p, q] {
                    assert!((n - h).modpow(&((r - 1u8) / 2u8), r).is_one());
                }
            }
            let again = PublicKey::new(n, h, profile, size(bits), &mut rng(99)).unwrap();
            assert_eq!(again.fingerprint(), key.public().fingerprint());
            let bytes = key.public().to_bytes();
            let again = PublicKey::from_bytes(&bytes, profile, size(bits), &mut rng(99)).unwrap();
            assert_eq!(again.to_bytes(), bytes);
        }
    }
}

#[test]
fn keys_of_standard_size_are_made_for_every_profile() {
    for (seed, profile) in (50..).zip(Profile::ALL) {
        let standard = KeySize::new(2048).unwrap();
        let key = SecretKey::generate(standard, profile, &mut rng(seed));
        let public = key.public();
        assert!(PublicKey::new(public.n(), public.h(), profile, standard, &mut rng(99)).is_ok());
        let plain = Naturals::random(9, 252, &mut rng(98));
        let wire = public.encode(&public.encrypt_random(&plain, &mut rng(97)).unwrap());
        assert_eq!(key.decrypt_packed(&wire, 252).unwrap(), plain);
    }
}

/// On every processor: a party that was started again elsewhere goes on with the same keys, and sends the same bytes.
#[test]
fn the_same_seed_makes_the_same_key_and_ciphertexts_on_every_backend() {
    for profile in Profile::ALL {
        let made = Backend::available().into_iter().map(|backend| {
            let mut rng = rng(40);
            let key = SecretKey::generate_with_backend(size(512), profile, backend, &mut rng);
            let public = key.public();
            let plain = Naturals::random(11, 252, &mut rng);
            let mut ciphertexts = public.encrypt_random(&plain, &mut rng).unwrap();
            let factors = Naturals::random(11, 89, &mut rng);
            public.multiply_plain_afresh(&mut ciphertexts, &factors, &mut rng);
            (public.to_bytes(), public.encode(&ciphertexts))
        });
        let made: Vec<_> = made.collect();
        assert!(made.iter().all(|bytes| *bytes == made[0]), "{profile:?}");
    }
}

#[test]
fn public_keys_are_refused_for_their_fault() {
    let key = SecretKey::generate(size(512), Profile::DjnShort, &mut rng(41));
    let (n, h) = (key.public().n().clone(), key.public().h().clone());
    let [p, _] = key.primes();
    let check = |n: &BigUint, h: &BigUint| {
        PublicKey::new(n, h, Profile::DjnShort, size(512), &mut rng(42))
            .map(|_| ())
            .unwrap_err()
    };
    assert_eq!(
        check(&(&n >> 1u32), &h),
        Error::ModulusLength {
            bits: 511,
            expected: 512
        }
    );
    assert_eq!(
        check(&(&n << 1u32), &h),
        Error::ModulusLength {
            bits: 513,
            expected: 512
        }
    );
    assert_eq!(check(&(&n - 1u8), &h), Error::ModulusEven);
    let small = (BigUint::one() << 511u32) / 65521u32 * 65521u32 + 65521u32;
    let small = if small.is_even() {
        small + 65521u32
    } else {
        small
    };
    assert_eq!(check(&small, &h), Error::ModulusSmallFactor);
    assert_eq!(check(&(p * p), &h), Error::ModulusPerfectPower);
    let prime: BigUint = (BigUint::one() << 512u32) - 569u32;
    assert_eq!(check(&prime, &h), Error::ModulusPrime);
    for bad in [BigUint::ZERO, BigUint::one(), &n - 1u8, n.clone(), &n + 5u8] {
        assert_eq!(check(&n, &bad), Error::GeneratorOutOfRange);
    }
    for bad in [p.clone(), p + 1u8, p - 1u8] {
        assert_eq!(check(&n, &bad), Error::GeneratorSharesFactor);
    }
    let bytes = key.public().to_bytes();
    let error =
        PublicKey::from_bytes(&bytes[1..], Profile::DjnShort, size(512), &mut rng(43)).unwrap_err();
    assert_eq!(error, Error::KeyEncoding);
}

#[test]
fn secret_keys_are_rebuilt_only_from_parts_that_fit() {
    let key = SecretKey::generate(size(512), Profile::DjnHalf, &mut rng(44));
    let [p, q] = key.primes().map(Clone::clone);
    let h = key.public().h();
    let build = |p: &BigUint, q: &BigUint, h: &BigUint| {
        let primes = [p.clone(), q.clone()];
        SecretKey::from_parts(primes, h, None, Profile::DjnHalf, size(512), &mut rng(45))
            .map(|_| ())
    };
    assert_eq!(build(&p, &q, h), Ok(()));
    assert_eq!(build(&p, &p, h), Err(Error::SecretKeyInconsistent));
    assert_eq!(build(&p, &(&q + 4u8), h), Err(Error::SecretKeyInconsistent));
    assert_eq!(
        build(&p, &(&q >> 1u32), h),
        Err(Error::SecretKeyInconsistent)
    );
    assert_eq!(build(&p, &q, &p), Err(Error::GeneratorSharesFactor));
    let subgroup =
        SecretKey::from_parts([p, q], h, None, Profile::Subgroup, size(512), &mut rng(46));
    assert_eq!(subgroup.map(|_| ()), Err(Error::SecretKeyInconsistent));
}
