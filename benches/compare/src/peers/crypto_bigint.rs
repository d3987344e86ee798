//! crypto-bigint: pure Rust, constant-time Montgomery forms of fixed width.

use crypto_bigint::modular::{FixedMontyForm, FixedMontyParams};
use crypto_bigint::{Odd, Uint};
use num_bigint::BigUint;

use super::{Arithmetic, arithmetic_cases};
use crate::case::Case;
use crate::inputs::Inputs;

/// The cases for the widths that n² and p² have.
pub fn cases(inputs: &Inputs) -> Vec<Case> {
    match inputs.bits {
        2048 => arithmetic_cases::<Fixed<64>, Fixed<32>>(inputs),
        3072 => arithmetic_cases::<Fixed<96>, Fixed<48>>(inputs),
        4096 => arithmetic_cases::<Fixed<128>, Fixed<64>>(inputs),
        _ => Vec::new(),
    }
}

struct Fixed<const LIMBS: usize> {
    parameters: FixedMontyParams<LIMBS>,
}

impl<const LIMBS: usize> Arithmetic for Fixed<LIMBS> {
    type Element = FixedMontyForm<LIMBS>;
    /// The exponent and its bound.
    type Exponent = (Uint<LIMBS>, u32);
    const NAME: &'static str = "crypto-bigint";

    fn new(modulus: &BigUint) -> Self {
        let modulus = Odd::new(uint(modulus)).expect("the modulus is odd");
        Self {
            parameters: FixedMontyParams::new_vartime(modulus),
        }
    }

    fn enter(&self, value: &BigUint) -> Self::Element {
        FixedMontyForm::new(&uint(value), &self.parameters)
    }

    fn leave(&self, value: &Self::Element) -> BigUint {
        let words = value.retrieve().to_words();
        let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        BigUint::from_bytes_le(&bytes)
    }

    fn multiply(&self, x: &mut Self::Element, y: &Self::Element) {
        *x = x.mul(y);
    }

    fn square(&self, x: &mut Self::Element) {
        *x = x.square();
    }

    fn exponent(value: &BigUint, bits: usize) -> Self::Exponent {
        (uint(value), u32::try_from(bits).expect("a key's length"))
    }

    fn power(&self, x: &Self::Element, (e, bits): &Self::Exponent) -> Self::Element {
        x.pow_bounded_exp(e, *bits)
    }
}

fn uint<const LIMBS: usize>(value: &BigUint) -> Uint<LIMBS> {
    let mut words = [0; LIMBS];
    for (word, digit) in words.iter_mut().zip(value.iter_u64_digits()) {
        *word = digit;
    }
    Uint::from_words(words)
}
