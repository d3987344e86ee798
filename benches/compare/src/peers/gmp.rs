//! GMP: `mpn` products with Montgomery reduction, as its own exponentiation does them, and `mpz_powm`.

use std::cell::RefCell;
use std::time::Instant;

use gmp_mpfr_sys::gmp::{limb_t, mpn_mul_n, mpn_sqr, mpn_sub_n, size_t};
use num_bigint::BigUint;
use rug::Integer;
use rug::integer::Order;

use super::Arithmetic;

// Exported by the library, though not declared in its header: what `mpz_powm` is made of.
unsafe extern "C" {
    #[link_name = "__gmpn_redc_1"]
    fn mpn_redc_1(
        out: *mut limb_t,
        t: *mut limb_t,
        m: *const limb_t,
        n: size_t,
        inverse: limb_t,
    ) -> limb_t;
    #[link_name = "__gmpn_redc_n"]
    fn mpn_redc_n(
        out: *mut limb_t,
        t: *mut limb_t,
        m: *const limb_t,
        n: size_t,
        inverse: *const limb_t,
    );
}

pub struct Gmp {
    modulus: Integer,
    m: Vec<limb_t>,
    /// m⁻¹ modulo 2^64n.
    inverse: Vec<limb_t>,
    r_squared: Vec<limb_t>,
    scratch: RefCell<Vec<limb_t>>,
    /// Whether the reduction by blocks is faster here than the one by limbs.
    blockwise: bool,
}

impl Gmp {
    /// Takes the faster reduction, as the library's own tuning would.
    fn tune(&mut self) {
        let mut time = |blockwise| {
            self.blockwise = blockwise;
            let (mut out, mut t) = (self.m.clone(), [&self.m[..], &self.m[..]].concat());
            let start = Instant::now();
            for _ in 0..2000 {
                self.reduce(&mut out, &mut t);
            }
            start.elapsed()
        };
        let mut best = |blockwise| (0..5).map(|_| time(blockwise)).min();
        self.blockwise = best(true) < best(false);
    }

    fn limbs(&self, value: &Integer) -> Vec<limb_t> {
        let mut out = vec![0; self.m.len()];
        value.write_digits(&mut out, Order::Lsf);
        out
    }

    fn len(&self) -> size_t {
        size_t::try_from(self.m.len()).expect("a modulus fits in memory")
    }

    /// out ← t/R modulo m, below m or at least below R.
    fn reduce(&self, out: &mut [limb_t], t: &mut [limb_t]) {
        assert!(out.len() == self.m.len() && t.len() == 2 * self.m.len());
        let (out, t, m) = (out.as_mut_ptr(), t.as_mut_ptr(), self.m.as_ptr());
        if self.blockwise {
            // SAFETY: `out`, `m` and `inverse` have n limbs and `t` has 2n, none overlapping; m is odd.
            unsafe { mpn_redc_n(out, t, m, self.len(), self.inverse.as_ptr()) };
            return;
        }
        let negated = self.inverse[0].wrapping_neg();
        // SAFETY: as above.
        let carry = unsafe { mpn_redc_1(out, t, m, self.len(), negated) };
        if carry != 0 {
            // SAFETY: all three operands have n limbs; in-place subtraction is allowed.
            unsafe { mpn_sub_n(out, out, m, self.len()) };
        }
    }

    fn convert_out(&self, value: &[limb_t]) -> Integer {
        let mut wide = value.to_vec();
        wide.resize(2 * self.m.len(), 0);
        let mut out = vec![0; self.m.len()];
        self.reduce(&mut out, &mut wide);
        Integer::from_digits(&out, Order::Lsf) % &self.modulus
    }

    fn convert_in(&self, value: &Integer) -> Vec<limb_t> {
        let mut out = self.limbs(value);
        self.multiply(&mut out, &self.r_squared);
        out
    }
}

impl Arithmetic for Gmp {
    type Element = Vec<limb_t>;
    type Exponent = Integer;
    const NAME: &'static str = "GMP";

    fn new(modulus: &BigUint) -> Self {
        let modulus = integer(modulus);
        let m: Vec<limb_t> = modulus.to_digits(Order::Lsf);
        let n = m.len();
        let r = Integer::from(1) << (64 * u32::try_from(n).expect("a modulus fits in memory"));
        let inverse = modulus.clone().invert(&r).expect("the modulus is odd");
        let r_squared = Integer::from(&r * &r) % &modulus;
        let mut out = Self {
            modulus,
            m,
            inverse: Vec::new(),
            r_squared: Vec::new(),
            scratch: RefCell::new(vec![0; 2 * n]),
            blockwise: false,
        };
        out.inverse = out.limbs(&inverse);
        out.r_squared = out.limbs(&r_squared);
        out.tune();
        out
    }

    fn enter(&self, value: &BigUint) -> Self::Element {
        self.convert_in(&integer(value))
    }

    fn leave(&self, value: &Self::Element) -> BigUint {
        let digits: Vec<u8> = self.convert_out(value).to_digits(Order::Lsf);
        BigUint::from_bytes_le(&digits)
    }

    fn multiply(&self, x: &mut Self::Element, y: &Self::Element) {
        let mut t = self.scratch.borrow_mut();
        assert!(x.len() == self.m.len() && y.len() == self.m.len());
        // SAFETY: both factors have n limbs and the product, which does not overlap them, has 2n.
        unsafe { mpn_mul_n(t.as_mut_ptr(), x.as_ptr(), y.as_ptr(), self.len()) };
        self.reduce(x, &mut t);
    }

    fn square(&self, x: &mut Self::Element) {
        let mut t = self.scratch.borrow_mut();
        assert!(x.len() == self.m.len());
        // SAFETY: as in `multiply`.
        unsafe { mpn_sqr(t.as_mut_ptr(), x.as_ptr(), self.len()) };
        self.reduce(x, &mut t);
    }

    fn exponent(value: &BigUint, _bits: usize) -> Integer {
        integer(value)
    }

    fn power(&self, x: &Self::Element, e: &Integer) -> Self::Element {
        let plain = self.convert_out(x);
        let power = plain
            .pow_mod(e, &self.modulus)
            .expect("the exponent is positive");
        self.convert_in(&power)
    }
}

fn integer(value: &BigUint) -> Integer {
    Integer::from_digits(&value.to_u64_digits(), Order::Lsf)
}
