//! num-bigint: pure Rust, no public Montgomery form, so a product is reduced by division.

use num_bigint::BigUint;

use super::Arithmetic;

pub struct NumBigint {
    modulus: BigUint,
}

impl Arithmetic for NumBigint {
    type Element = BigUint;
    type Exponent = BigUint;
    const NAME: &'static str = "num-bigint";

    fn new(modulus: &BigUint) -> Self {
        Self {
            modulus: modulus.clone(),
        }
    }

    fn enter(&self, value: &BigUint) -> BigUint {
        value.clone()
    }

    fn leave(&self, value: &BigUint) -> BigUint {
        value.clone()
    }

    fn multiply(&self, x: &mut BigUint, y: &BigUint) {
        *x = &*x * y % &self.modulus;
    }

    fn square(&self, x: &mut BigUint) {
        *x = &*x * &*x % &self.modulus;
    }

    fn exponent(value: &BigUint, _bits: usize) -> BigUint {
        value.clone()
    }

    fn power(&self, x: &BigUint, e: &BigUint) -> BigUint {
        x.modpow(e, &self.modulus)
    }
}
