//! The project's own operations.

use std::rc::Rc;

use blindjoin_paillier::{Backend, Ciphertexts, Elements, Naturals, PublicKey};
use num_bigint::BigUint;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use crate::case::{Case, Operation};
use crate::inputs::{FACTOR_BITS, Inputs, MASKING_BITS, SLOT_BITS, TABLE, secret_key};

/// Packs of a batch; fewer for products and squares, whose operands then stay in the second-level cache.
const PACKS: usize = 32;
const FEW_PACKS: usize = 16;

/// The cases of one backend at one key size.
pub fn cases(inputs: &Inputs, backend: Backend) -> Vec<Case> {
    let (bits, who) = (inputs.bits, backend.name());
    let secret = Rc::new(secret_key(bits, backend));
    let public = secret.public().clone();
    let ring = public.ring().clone();
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let len = PACKS * backend.lanes();
    let few = FEW_PACKS * backend.lanes();
    let exponent = Naturals::from_biguints(std::slice::from_ref(&inputs.exponent), bits);
    check(inputs, &public);

    let mut table = Elements::with_capacity(&ring, TABLE);
    table.extend(&ring.random(TABLE, &mut rng));
    let places: Vec<usize> = (0..len).map(|i| i * 769 % TABLE).collect();
    let plaintexts = Naturals::random(len, SLOT_BITS, &mut rng);
    let factors = Naturals::random(len, FACTOR_BITS, &mut rng);
    let long_bits = public.exponent_bits() + MASKING_BITS;
    public.noise_table();
    // As many as a linkage of millions needs.
    let noise = public.noise_powers(long_bits, 1 << 22);

    let slots = inputs.slots();
    let messages = Naturals::random(len * slots, SLOT_BITS, &mut rng);
    let encrypted = public
        .encrypt_random(&messages, &mut rng)
        .expect("plaintexts below n");
    let wire = public.encode(&encrypted);
    let batch = Ciphertexts::from_batch(encrypted.as_batch().slice(0..len));
    let batch_wire = public.encode(&batch);
    assert!(
        secret.decrypt_packed(&wire, SLOT_BITS) == Ok(messages),
        "{who}: decryption disagrees"
    );

    let case =
        |operation, items, run: Box<dyn FnMut()>| Case::new(operation, bits, who, items, run);
    let mut out = Vec::new();
    out.push(case(Operation::Power, len, {
        let (ring, x) = (ring.clone(), ring.random(len, &mut rng));
        Box::new(move || ring.pow_shared_assign(&mut x.clone(), &exponent, 0))
    }));
    out.push(case(Operation::Product, few, {
        let (ring, mut x) = (ring.clone(), ring.random(few, &mut rng));
        let y = ring.random(few, &mut rng);
        Box::new(move || ring.mul_assign(&mut x, &y))
    }));
    out.push(case(Operation::Square, few, {
        let (ring, mut x) = (ring.clone(), ring.random(few, &mut rng));
        Box::new(move || ring.square_assign(&mut x))
    }));
    out.push(case(Operation::Encryption, len, {
        let (public, plaintexts, mut rng) = (public.clone(), plaintexts.clone(), rng.clone());
        Box::new(move || {
            let c = public.encrypt_random(&plaintexts, &mut rng);
            std::hint::black_box(public.encode(&c.expect("plaintexts below n")));
        })
    }));
    out.push(case(Operation::Comparison, len, {
        let (public, mut rng) = (public.clone(), rng.clone());
        Box::new(move || {
            let mut c = Ciphertexts::from_batch(table.gather_vartime(&places));
            public.multiply_plain(&mut c, &factors);
            public.add(
                &mut c,
                &Ciphertexts::from_batch(noise.pow(&Naturals::random(len, long_bits, &mut rng))),
            );
            public
                .add_plain(&mut c, &plaintexts)
                .expect("plaintexts below n");
            std::hint::black_box(public.encode(&c));
        })
    }));
    out.push(case(Operation::Decryption, len * slots, {
        Box::new(move || {
            std::hint::black_box(secret.decrypt_packed(&wire, SLOT_BITS)).expect("well formed");
        })
    }));
    out.push(case(Operation::Encoding, len, {
        let public = public.clone();
        Box::new(move || {
            std::hint::black_box(public.encode(&batch));
        })
    }));
    out.push(case(Operation::Decoding, len, {
        Box::new(move || {
            std::hint::black_box(public.decode(&batch_wire)).expect("well formed");
        })
    }));
    out
}

/// The backend computes what the definition says.
fn check(inputs: &Inputs, public: &PublicKey) {
    let (ring, n) = (public.ring(), public.n());
    let (who, square) = (ring.backend().name(), n * n);
    let bases: Vec<BigUint> = inputs.residues[..3].iter().map(|x| x % &square).collect();
    let mut x = ring.from_integers(&bases);
    let exponent = Naturals::from_biguints(std::slice::from_ref(&inputs.exponent), inputs.bits);
    ring.pow_shared_assign(&mut x, &exponent, 0);
    let powers = bases.iter().map(|x| x.modpow(&inputs.exponent, &square));
    assert!(
        ring.to_integers(&x).into_iter().eq(powers),
        "{who}: a power disagrees"
    );
    let c = public.encrypt(
        &Naturals::from_biguints(&inputs.plaintexts, SLOT_BITS),
        &Naturals::from_biguints(&inputs.exponents, public.exponent_bits()),
    );
    let hs = public.h().modpow(n, &square);
    let expected = inputs
        .plaintexts
        .iter()
        .zip(&inputs.exponents)
        .map(|(m, a)| (m * n + 1u8) * hs.modpow(a, &square) % &square);
    let encrypted = ring.to_integers(c.expect("plaintexts below n").as_batch());
    assert!(
        encrypted.into_iter().eq(expected),
        "{who}: an encryption disagrees"
    );
}
