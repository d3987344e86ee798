//! kzen-paillier: the textbook scheme over GMP. Its `add` stands in the row of products.

use curv::arithmetic::Converter;
use kzen_paillier::{
    Add, BigInt, Decrypt, Encrypt, Keypair, Mul, Paillier, RawCiphertext, RawPlaintext,
};
use num_bigint::BigUint;

use crate::case::{Case, Operation};
use crate::inputs::Inputs;

const NAME: &str = "kzen-paillier";

/// Its encryption, addition, scalar product and decryption.
pub fn cases(inputs: &Inputs) -> Vec<Case> {
    let bigint = |value: &BigUint| BigInt::from_bytes(&value.to_bytes_be());
    let [p, q] = inputs.primes.each_ref().map(bigint);
    let (public, secret) = Keypair { p, q }.keys();
    let plaintext = bigint(&inputs.plaintexts[0]);
    let c: RawCiphertext<'static> = Paillier::encrypt(&public, RawPlaintext::from(&plaintext));
    assert!(
        BigInt::from(Paillier::decrypt(&secret, &c)) == plaintext,
        "{NAME}: decryption"
    );
    let case = |operation, run: Box<dyn FnMut()>| Case::new(operation, inputs.bits, NAME, 1, run);
    vec![
        case(Operation::Power, {
            let (public, c, factor) = (public.clone(), c.clone(), bigint(&inputs.exponent));
            Box::new(move || {
                let product: RawCiphertext<'_> =
                    Paillier::mul(&public, c.clone(), RawPlaintext::from(&factor));
                std::hint::black_box(product);
            })
        }),
        case(Operation::Product, {
            let (public, c) = (public.clone(), c.clone());
            Box::new(move || {
                let sum: RawCiphertext<'_> = Paillier::add(&public, c.clone(), c.clone());
                std::hint::black_box(sum);
            })
        }),
        case(Operation::Encryption, {
            Box::new(move || {
                let c: RawCiphertext<'_> =
                    Paillier::encrypt(&public, RawPlaintext::from(&plaintext));
                std::hint::black_box(c);
            })
        }),
        case(Operation::Decryption, {
            Box::new(move || {
                std::hint::black_box(Paillier::decrypt(&secret, &c));
            })
        }),
    ]
}
