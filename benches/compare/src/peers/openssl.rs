//! OpenSSL's BN, the system's: `BN_mod_mul_montgomery` and `BN_mod_exp_mont`.

use std::ffi::c_int;

use num_bigint::BigUint;

use super::Arithmetic;

#[repr(C)]
struct BigNum {
    _opaque: [u8; 0],
}
#[repr(C)]
struct Context {
    _opaque: [u8; 0],
}
#[repr(C)]
struct Montgomery {
    _opaque: [u8; 0],
}

#[link(name = "crypto")]
unsafe extern "C" {
    fn BN_new() -> *mut BigNum;
    fn BN_free(a: *mut BigNum);
    fn BN_dup(a: *const BigNum) -> *mut BigNum;
    fn BN_bin2bn(bytes: *const u8, len: c_int, out: *mut BigNum) -> *mut BigNum;
    fn BN_bn2binpad(a: *const BigNum, bytes: *mut u8, len: c_int) -> c_int;
    fn BN_CTX_new() -> *mut Context;
    fn BN_CTX_free(context: *mut Context);
    fn BN_MONT_CTX_new() -> *mut Montgomery;
    fn BN_MONT_CTX_free(montgomery: *mut Montgomery);
    fn BN_MONT_CTX_set(m: *mut Montgomery, modulus: *const BigNum, context: *mut Context) -> c_int;
    fn BN_to_montgomery(
        out: *mut BigNum,
        a: *const BigNum,
        m: *mut Montgomery,
        context: *mut Context,
    ) -> c_int;
    fn BN_from_montgomery(
        out: *mut BigNum,
        a: *const BigNum,
        m: *mut Montgomery,
        context: *mut Context,
    ) -> c_int;
    fn BN_mod_mul_montgomery(
        out: *mut BigNum,
        a: *const BigNum,
        b: *const BigNum,
        m: *mut Montgomery,
        context: *mut Context,
    ) -> c_int;
    fn BN_mod_exp_mont(
        out: *mut BigNum,
        a: *const BigNum,
        exponent: *const BigNum,
        modulus: *const BigNum,
        context: *mut Context,
        m: *mut Montgomery,
    ) -> c_int;
}

/// An owned integer of the library, never null.
pub struct Number(*mut BigNum);

impl Number {
    fn owned(pointer: *mut BigNum) -> Self {
        assert!(!pointer.is_null(), "out of memory");
        Self(pointer)
    }

    fn zero() -> Self {
        // SAFETY: takes nothing; `owned` checks what comes back.
        Self::owned(unsafe { BN_new() })
    }

    fn from_biguint(value: &BigUint) -> Self {
        let bytes = value.to_bytes_be();
        // SAFETY: reads `bytes.len()` bytes; a null target asks for a new integer.
        Self::owned(unsafe { BN_bin2bn(bytes.as_ptr(), length(bytes.len()), std::ptr::null_mut()) })
    }
}

impl Clone for Number {
    fn clone(&self) -> Self {
        // SAFETY: the pointer is to a live integer.
        Self::owned(unsafe { BN_dup(self.0) })
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        // SAFETY: owned, and freed once.
        unsafe { BN_free(self.0) };
    }
}

pub struct OpenSsl {
    modulus: Number,
    bytes: usize,
    context: *mut Context,
    montgomery: *mut Montgomery,
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        // SAFETY: owned, and freed once.
        unsafe { BN_MONT_CTX_free(self.montgomery) };
        // SAFETY: owned, and freed once.
        unsafe { BN_CTX_free(self.context) };
    }
}

impl Arithmetic for OpenSsl {
    type Element = Number;
    type Exponent = Number;
    const NAME: &'static str = "OpenSSL";

    fn new(modulus: &BigUint) -> Self {
        let bytes = modulus.to_bytes_be().len();
        let modulus = Number::from_biguint(modulus);
        // SAFETY: takes nothing.
        let context = unsafe { BN_CTX_new() };
        // SAFETY: takes nothing.
        let montgomery = unsafe { BN_MONT_CTX_new() };
        assert!(!context.is_null() && !montgomery.is_null(), "out of memory");
        // SAFETY: all three are live.
        ok(unsafe { BN_MONT_CTX_set(montgomery, modulus.0, context) });
        Self {
            modulus,
            bytes,
            context,
            montgomery,
        }
    }

    fn enter(&self, value: &BigUint) -> Number {
        let out = Number::from_biguint(value);
        // SAFETY: all are live; source and target may be the same.
        ok(unsafe { BN_to_montgomery(out.0, out.0, self.montgomery, self.context) });
        out
    }

    fn leave(&self, value: &Number) -> BigUint {
        let out = Number::zero();
        // SAFETY: all are live.
        ok(unsafe { BN_from_montgomery(out.0, value.0, self.montgomery, self.context) });
        let mut bytes = vec![0; self.bytes];
        // SAFETY: writes `bytes.len()` bytes.
        let written = unsafe { BN_bn2binpad(out.0, bytes.as_mut_ptr(), length(bytes.len())) };
        assert!(written == length(bytes.len()), "the residue fits");
        BigUint::from_bytes_be(&bytes)
    }

    fn multiply(&self, x: &mut Number, y: &Number) {
        // SAFETY: all are live; source and target may be the same.
        ok(unsafe { BN_mod_mul_montgomery(x.0, x.0, y.0, self.montgomery, self.context) });
    }

    fn square(&self, x: &mut Number) {
        // SAFETY: as in `multiply`; equal factors make the library square.
        ok(unsafe { BN_mod_mul_montgomery(x.0, x.0, x.0, self.montgomery, self.context) });
    }

    fn exponent(value: &BigUint, _bits: usize) -> Number {
        Number::from_biguint(value)
    }

    fn power(&self, x: &Number, e: &Number) -> Number {
        let out = Number::zero();
        // SAFETY: all are live.
        ok(unsafe { BN_from_montgomery(out.0, x.0, self.montgomery, self.context) });
        // SAFETY: all are live; source and target may be the same.
        ok(unsafe {
            BN_mod_exp_mont(
                out.0,
                out.0,
                e.0,
                self.modulus.0,
                self.context,
                self.montgomery,
            )
        });
        // SAFETY: all are live; source and target may be the same.
        ok(unsafe { BN_to_montgomery(out.0, out.0, self.montgomery, self.context) });
        out
    }
}

fn ok(status: c_int) {
    assert!(status == 1, "OpenSSL reports an error");
}

fn length(bytes: usize) -> c_int {
    c_int::try_from(bytes).expect("an integer fits in memory")
}
