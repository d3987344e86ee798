//! Our ciphertexts under their key functions, theirs under ours.
//!
//! kzen-paillier implements the textbook scheme, E(m) = (1 + m·n)·rⁿ mod n². Ours is the same with
//! r = hᵃ mod n, so the two must agree bit by bit for the same r, and open each other's ciphertexts.
#![cfg(libgmp)]

use blindjoin_paillier::{Backend, Error, KeySize, Naturals, Profile, SecretKey};
use curv::arithmetic::Converter;
use kzen_paillier::{
    Add, BigInt, Decrypt, DecryptionKey, Encrypt, EncryptWithChosenRandomness, EncryptionKey,
    Keypair, Mul, Paillier, Randomness, RawCiphertext, RawPlaintext,
};
use num_bigint::BigUint;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

/// One key on both sides, and the generator of everything random.
struct Both {
    ours: SecretKey,
    encryption: EncryptionKey,
    decryption: DecryptionKey,
    rng: ChaCha20Rng,
}

impl Both {
    fn new(bits: usize, profile: Profile, backend: Backend) -> Self {
        let mut rng = ChaCha20Rng::from_seed([bits.to_le_bytes()[1]; 32]);
        let size = KeySize::insecure_test_key(bits).expect("a supported size");
        let ours = SecretKey::generate_with_backend(size, profile, backend, &mut rng);
        let [p, q] = ours.primes().map(theirs);
        let (encryption, decryption) = Keypair { p, q }.keys();
        Self {
            ours,
            encryption,
            decryption,
            rng,
        }
    }

    fn n(&self) -> &BigUint {
        self.ours.public().n()
    }

    /// 0, 1, n − 1 and random plaintexts, more than a batch of eight.
    fn plaintexts(&mut self) -> Vec<BigUint> {
        let n = self.n().clone();
        let bits = self.ours.public().size().bits();
        let random = Naturals::random(8, bits, &mut self.rng);
        [BigUint::ZERO, BigUint::from(1u8), &n - 1u8]
            .into_iter()
            .chain((0..8).map(|i| random.to_biguint(i) % &n))
            .collect()
    }

    fn naturals(&self, values: &[BigUint]) -> Naturals {
        Naturals::from_biguints(values, self.ours.public().size().bits())
    }

    /// Encrypts on our side, yielding bytes as on the wire.
    fn encrypt_ours(&mut self, plaintexts: &[BigUint]) -> Vec<u8> {
        let plaintexts = self.naturals(plaintexts);
        let public = self.ours.public();
        let ciphertexts = public
            .encrypt_random(&plaintexts, &mut self.rng)
            .expect("plaintexts below n");
        public.encode(&ciphertexts)
    }

    fn encrypt_theirs(&self, plaintexts: &[BigUint]) -> Vec<RawCiphertext<'static>> {
        plaintexts
            .iter()
            .map(|m| Paillier::encrypt(&self.encryption, RawPlaintext::from(theirs(m))))
            .collect()
    }

    fn decrypt_ours(&self, wire: &[u8]) -> Result<Vec<BigUint>, Error> {
        let plaintexts = self.ours.decrypt(wire)?;
        Ok((0..plaintexts.len())
            .map(|i| plaintexts.to_biguint(i))
            .collect())
    }

    fn decrypt_theirs(&self, ciphertexts: &[RawCiphertext<'_>]) -> Vec<BigUint> {
        ciphertexts
            .iter()
            .map(|c| ours(&BigInt::from(Paillier::decrypt(&self.decryption, c))))
            .collect()
    }

    /// Their ciphertexts in our encoding.
    fn to_wire(&self, ciphertexts: &[RawCiphertext<'_>]) -> Vec<u8> {
        let width = self.ours.public().ciphertext_bytes();
        let mut out = Vec::new();
        for c in ciphertexts {
            let be = c.0.to_bytes();
            out.resize(out.len() + width - be.len(), 0);
            out.extend(be);
        }
        out
    }

    /// Our encoding as their ciphertexts.
    fn as_theirs(&self, wire: &[u8]) -> Vec<RawCiphertext<'static>> {
        wire.chunks_exact(self.ours.public().ciphertext_bytes())
            .map(|c| RawCiphertext::from(BigInt::from_bytes(c)))
            .collect()
    }
}

fn theirs(value: &BigUint) -> BigInt {
    BigInt::from_bytes(&value.to_bytes_be())
}

fn ours(value: &BigInt) -> BigUint {
    BigUint::from_bytes_be(&value.to_bytes())
}

/// Runs `check` at a size that is quick and one that is real, with every profile and every backend.
fn everywhere(check: impl Fn(Both, Profile)) {
    for bits in [512, 2048] {
        for profile in Profile::ALL {
            for backend in Backend::available() {
                check(Both::new(bits, profile, backend), profile);
            }
        }
    }
}

#[test]
fn the_same_randomness_gives_the_same_ciphertexts() {
    everywhere(|mut both, _| {
        let plaintexts = both.plaintexts();
        let public = both.ours.public();
        let exponents = public.random_exponents(plaintexts.len(), &mut both.rng);
        let ciphertexts = public
            .encrypt(&both.naturals(&plaintexts), &exponents)
            .expect("plaintexts below n");
        let expected: Vec<_> = plaintexts
            .iter()
            .enumerate()
            .map(|(i, m)| {
                let r = public.h().modpow(&exponents.to_biguint(i), public.n());
                Paillier::encrypt_with_chosen_randomness(
                    &both.encryption,
                    RawPlaintext::from(theirs(m)),
                    &Randomness::from(theirs(&r)),
                )
            })
            .collect();
        assert_eq!(public.encode(&ciphertexts), both.to_wire(&expected));
    });
}

#[test]
fn they_decrypt_what_we_encrypt() {
    everywhere(|mut both, _| {
        let plaintexts = both.plaintexts();
        let wire = both.encrypt_ours(&plaintexts);
        assert_eq!(both.decrypt_theirs(&both.as_theirs(&wire)), plaintexts);
    });
}

#[test]
fn we_decrypt_what_they_encrypt() {
    everywhere(|mut both, profile| {
        let plaintexts = both.plaintexts();
        let wire = both.to_wire(&both.encrypt_theirs(&plaintexts));
        if profile == Profile::Subgroup {
            // Their noise lies outside the hidden subgroup, which our decryption must notice.
            assert_eq!(both.decrypt_ours(&wire), Err(Error::Undecryptable));
        } else {
            assert_eq!(both.decrypt_ours(&wire).as_deref(), Ok(&plaintexts[..]));
        }
    });
}

#[test]
fn sums_of_mixed_origin_open_on_both_sides() {
    everywhere(|mut both, profile| {
        let (a, mut b) = (both.plaintexts(), both.plaintexts());
        b.reverse();
        let sums: Vec<_> = a.iter().zip(&b).map(|(a, b)| (a + b) % both.n()).collect();
        let (ours_a, theirs_b) = (both.encrypt_ours(&a), both.encrypt_theirs(&b));

        let public = both.ours.public();
        let mut sum = public.decode(&ours_a).expect("our ciphertexts");
        let other = public.decode(&both.to_wire(&theirs_b));
        public.add(&mut sum, &other.expect("their ciphertexts"));
        let sum_wire = public.encode(&sum);
        assert_eq!(both.decrypt_theirs(&both.as_theirs(&sum_wire)), sums);

        let their_sums: Vec<RawCiphertext<'_>> = both
            .as_theirs(&ours_a)
            .into_iter()
            .zip(theirs_b)
            .map(|(a, b)| Paillier::add(&both.encryption, a, b))
            .collect();
        assert_eq!(both.to_wire(&their_sums), sum_wire);
        if profile != Profile::Subgroup {
            assert_eq!(both.decrypt_ours(&sum_wire).as_deref(), Ok(&sums[..]));
        }
    });
}

#[test]
fn plaintexts_added_here_and_there_agree() {
    everywhere(|mut both, _| {
        let (a, mut b) = (both.plaintexts(), both.plaintexts());
        b.reverse();
        let sums: Vec<_> = a.iter().zip(&b).map(|(a, b)| (a + b) % both.n()).collect();
        let wire = both.encrypt_ours(&a);
        let public = both.ours.public();
        let mut here = public.decode(&wire).expect("our ciphertexts");
        public
            .add_plain(&mut here, &both.naturals(&b))
            .expect("plaintexts below n");
        let there: Vec<RawCiphertext<'_>> = both
            .as_theirs(&wire)
            .into_iter()
            .zip(&b)
            .map(|(c, b)| Paillier::add(&both.encryption, c, RawPlaintext::from(theirs(b))))
            .collect();
        let here = public.encode(&here);
        assert_eq!(both.to_wire(&there), here);
        assert_eq!(both.decrypt_ours(&here).as_deref(), Ok(&sums[..]));
    });
}

#[test]
fn scalar_products_of_mixed_origin_open_on_both_sides() {
    everywhere(|mut both, profile| {
        let a = both.plaintexts();
        let factors = Naturals::random(a.len(), 89, &mut both.rng);
        let products: Vec<_> = a
            .iter()
            .enumerate()
            .map(|(i, a)| a * factors.to_biguint(i) % both.n())
            .collect();
        let times_there = |c: RawCiphertext<'static>, i: usize| -> RawCiphertext<'static> {
            let factor = RawPlaintext::from(theirs(&factors.to_biguint(i)));
            Paillier::mul(&both.encryption, c, factor)
        };
        let public = both.ours.public();
        for wire in [
            public.encode(
                &public
                    .encrypt_random(&both.naturals(&a), &mut both.rng.clone())
                    .expect("plaintexts below n"),
            ),
            both.to_wire(&both.encrypt_theirs(&a)),
        ] {
            let mut here = public.decode(&wire).expect("ciphertexts");
            public.multiply_plain(&mut here, &factors);
            let here = public.encode(&here);
            let there: Vec<_> = both
                .as_theirs(&wire)
                .into_iter()
                .enumerate()
                .map(|(i, c)| times_there(c, i))
                .collect();
            assert_eq!(both.to_wire(&there), here);
            assert_eq!(both.decrypt_theirs(&there), products);
            match both.decrypt_ours(&here) {
                Ok(opened) => assert_eq!(opened, products),
                Err(error) => {
                    assert_eq!((profile, error), (Profile::Subgroup, Error::Undecryptable));
                }
            }
        }
    });
}
