//! The other libraries: the same operations with their arithmetic, or their own Paillier.

use num_bigint::BigUint;

use crate::case::{Case, Operation};
use crate::inputs::{Inputs, SLOT_BITS};

#[cfg(feature = "crypto-bigint")]
mod crypto_bigint;
#[cfg(feature = "gmp")]
mod gmp;
#[cfg(feature = "kzen")]
mod kzen;
mod num_bigint_peer;
#[cfg(openssl)]
mod openssl;

/// What a library of integers offers: residues of one odd modulus in whatever form it multiplies fastest.
pub trait Arithmetic: 'static {
    /// A residue.
    type Element: Clone;
    /// An exponent.
    type Exponent;
    /// The library.
    const NAME: &'static str;

    /// Prepares a modulus.
    fn new(modulus: &BigUint) -> Self;
    /// Takes a residue in.
    fn enter(&self, value: &BigUint) -> Self::Element;
    /// Takes a residue out.
    fn leave(&self, value: &Self::Element) -> BigUint;
    /// x ← x·y.
    fn multiply(&self, x: &mut Self::Element, y: &Self::Element);
    /// x ← x².
    fn square(&self, x: &mut Self::Element);
    /// Prepares an exponent below 2^`bits`.
    fn exponent(value: &BigUint, bits: usize) -> Self::Exponent;
    /// x to the power of e, with the library's own exponentiation.
    fn power(&self, x: &Self::Element, e: &Self::Exponent) -> Self::Element;
}

/// The cases of all libraries that were compiled in, at one key size.
pub fn cases(inputs: &Inputs) -> Vec<Case> {
    let mut out = Vec::new();
    #[cfg(openssl)]
    out.extend(arithmetic_cases::<openssl::OpenSsl, openssl::OpenSsl>(
        inputs,
    ));
    #[cfg(feature = "gmp")]
    out.extend(arithmetic_cases::<gmp::Gmp, gmp::Gmp>(inputs));
    #[cfg(feature = "crypto-bigint")]
    out.extend(crypto_bigint::cases(inputs));
    out.extend(arithmetic_cases::<
        num_bigint_peer::NumBigint,
        num_bigint_peer::NumBigint,
    >(inputs));
    #[cfg(feature = "kzen")]
    out.extend(kzen::cases(inputs));
    out
}

/// The project's operations by the project's algorithms, with a library's arithmetic modulo n² (`A`) and p² (`B`).
fn arithmetic_cases<A: Arithmetic, B: Arithmetic>(inputs: &Inputs) -> Vec<Case> {
    let case = |operation, items, run: Box<dyn FnMut()>| {
        Case::new(operation, inputs.bits, A::NAME, items, run)
    };
    let ring = || A::new(&inputs.square());
    let mut out = Vec::new();
    out.push(case(Operation::Power, 1, {
        let ring = ring();
        let x = ring.enter(&inputs.residues[0]);
        let e = A::exponent(&inputs.exponent, inputs.bits);
        let expected = inputs.residues[0].modpow(&inputs.exponent, &inputs.square());
        assert!(
            ring.leave(&ring.power(&x, &e)) == expected,
            "{}: power",
            A::NAME
        );
        Box::new(move || {
            std::hint::black_box(ring.power(&x, &e));
        })
    }));
    out.push(case(Operation::Product, 1, {
        let ring = ring();
        let [mut x, y] = [0, 1].map(|i| ring.enter(&inputs.residues[i]));
        let mut z = x.clone();
        ring.multiply(&mut z, &y);
        let expected = &inputs.residues[0] * &inputs.residues[1] % inputs.square();
        assert!(ring.leave(&z) == expected, "{}: product", A::NAME);
        Box::new(move || ring.multiply(&mut x, &y))
    }));
    out.push(case(Operation::Square, 1, {
        let ring = ring();
        let mut x = ring.enter(&inputs.residues[0]);
        let mut z = x.clone();
        ring.square(&mut z);
        let expected = &inputs.residues[0] * &inputs.residues[0] % inputs.square();
        assert!(ring.leave(&z) == expected, "{}: square", A::NAME);
        Box::new(move || ring.square(&mut x))
    }));
    out.push(encryption::<A>(inputs));
    out.push(comparison::<A>(inputs));
    out.push(decryption::<A, B>(inputs));
    out
}

fn encryption<A: Arithmetic>(inputs: &Inputs) -> Case {
    let ring = A::new(&inputs.square());
    let noise = FixedBase::new(&ring, &inputs.hs, inputs.exponents.iter());
    let (n, plaintexts) = (inputs.n.clone(), inputs.plaintexts.clone());
    let encrypt = move |i: usize| {
        let mut c = noise.power(&ring, i);
        ring.multiply(&mut c, &ring.enter(&(&plaintexts[i] * &n + 1u8)));
        ring.leave(&c)
    };
    let expected = inputs.hs.modpow(&inputs.exponents[0], &inputs.square())
        * (&inputs.plaintexts[0] * &inputs.n + 1u8)
        % inputs.square();
    assert!(encrypt(0) == expected, "{}: encryption", A::NAME);
    let mut i = 0;
    Case::new(Operation::Encryption, inputs.bits, A::NAME, 1, move || {
        i = (i + 1) % Inputs::ITEMS;
        std::hint::black_box(encrypt(i));
    })
}

fn comparison<A: Arithmetic>(inputs: &Inputs) -> Case {
    let ring = A::new(&inputs.square());
    let noise = FixedBase::new(&ring, &inputs.hs, inputs.long_exponents.iter());
    let table: Vec<_> = inputs.residues.iter().map(|x| ring.enter(x)).collect();
    let factors: Vec<_> = inputs
        .factors
        .iter()
        .map(|r| A::exponent(r, crate::inputs::FACTOR_BITS))
        .collect();
    let (n, plaintexts) = (inputs.n.clone(), inputs.plaintexts.clone());
    let compare = move |i: usize| {
        let mut c = ring.power(&table[i], &factors[i]);
        ring.multiply(&mut c, &noise.power(&ring, i));
        ring.multiply(&mut c, &ring.enter(&(&plaintexts[i] * &n + 1u8)));
        ring.leave(&c)
    };
    let square = inputs.square();
    let expected = inputs.residues[0].modpow(&inputs.factors[0], &square)
        * inputs.hs.modpow(&inputs.long_exponents[0], &square)
        % &square
        * (&inputs.plaintexts[0] * &inputs.n + 1u8)
        % &square;
    assert!(compare(0) == expected, "{}: comparison", A::NAME);
    let mut i = 0;
    Case::new(Operation::Comparison, inputs.bits, A::NAME, 1, move || {
        i = (i + 1) % Inputs::ITEMS;
        std::hint::black_box(compare(i));
    })
}

/// Packs as many comparisons as fit below p into one power modulo p².
fn decryption<A: Arithmetic, B: Arithmetic>(inputs: &Inputs) -> Case {
    let [p, q] = inputs.primes.clone();
    let (square, slots) = (&p * &p, inputs.slots());
    let ciphertexts: Vec<BigUint> = (0..slots)
        .map(|i| {
            let noise = inputs.hs.modpow(&inputs.exponents[i], &inputs.square());
            noise * (&inputs.plaintexts[i] * &inputs.n + 1u8) % inputs.square()
        })
        .collect();
    let ring = B::new(&square);
    let exponent = B::exponent(&(&p - 1u8), inputs.bits / 2);
    let scale = ((&p - 1u8) * &q).modinv(&p).expect("p does not divide it");
    let decrypt = move || {
        let mut packed = ring.enter(&(&ciphertexts[slots - 1] % &square));
        for c in ciphertexts[..slots - 1].iter().rev() {
            for _ in 0..SLOT_BITS {
                ring.square(&mut packed);
            }
            ring.multiply(&mut packed, &ring.enter(&(c % &square)));
        }
        let opened = ring.leave(&ring.power(&packed, &exponent));
        (opened - 1u8) / &p * &scale % &p
    };
    let expected = inputs.plaintexts[..slots]
        .iter()
        .rev()
        .fold(BigUint::ZERO, |packed, m| (packed << SLOT_BITS) + m);
    assert!(decrypt() == expected, "{}: decryption", A::NAME);
    Case::new(
        Operation::Decryption,
        inputs.bits,
        A::NAME,
        slots,
        move || {
            std::hint::black_box(decrypt());
        },
    )
}

/// Powers of one base from a table of 8-bit windows.
struct FixedBase<A: Arithmetic> {
    table: Vec<Vec<A::Element>>,
    exponents: Vec<Vec<u8>>,
}

impl<A: Arithmetic> FixedBase<A> {
    fn new<'e>(ring: &A, base: &BigUint, exponents: impl Iterator<Item = &'e BigUint>) -> Self {
        let exponents: Vec<Vec<u8>> = exponents.map(BigUint::to_bytes_le).collect();
        let windows = exponents.iter().map(Vec::len).max().unwrap_or(0);
        let mut base = ring.enter(base);
        let table = (0..windows)
            .map(|_| {
                let mut powers = vec![ring.enter(&BigUint::from(1u8))];
                for digit in 1..256 {
                    let mut next = powers[digit - 1].clone();
                    ring.multiply(&mut next, &base);
                    powers.push(next);
                }
                let mut next = powers[255].clone();
                ring.multiply(&mut next, &base);
                base = next;
                powers
            })
            .collect();
        Self { table, exponents }
    }

    fn power(&self, ring: &A, index: usize) -> A::Element {
        let mut digits = self.table.iter().zip(&self.exponents[index]);
        let (powers, &digit) = digits.next().expect("exponents are positive");
        let mut out = powers[usize::from(digit)].clone();
        for (powers, &digit) in digits {
            ring.multiply(&mut out, &powers[usize::from(digit)]);
        }
        out
    }
}
