//! The numbers a key is made from: drawing and checking them. Not constant-time.

use blindjoin_bigint::Backend;
use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::One;
use rand::CryptoRng;

use crate::error::Error;
use crate::primes::{random_below, random_prime, random_prime_any, random_subgroup_prime};
use crate::profile::{KeySize, Profile};
use crate::public::check_generator;

/// What a key is made from.
pub(crate) struct Parts {
    pub(crate) p: BigUint,
    pub(crate) q: BigUint,
    /// `u_p` and `u_q`, for profile `Subgroup`.
    pub(crate) orders: Option<[BigUint; 2]>,
}

impl Parts {
    pub(crate) fn draw(
        size: KeySize,
        profile: Profile,
        backend: Backend,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let bits = size.prime_bits();
        match profile {
            Profile::DjnShort | Profile::DjnHalf => Self {
                p: random_prime(bits, backend, rng),
                q: random_prime(bits, backend, rng),
                orders: None,
            },
            Profile::Subgroup => {
                let [up, uq] =
                    [(); 2].map(|()| random_prime_any(size.subgroup_bits(), backend, rng));
                let p = random_subgroup_prime(bits, &up, backend, rng);
                let q = random_subgroup_prime(bits, &uq, backend, rng);
                Self {
                    p,
                    q,
                    orders: Some([up, uq]),
                }
            }
        }
    }

    pub(crate) fn check_primes(&self, size: KeySize, profile: Profile) -> Result<(), Error> {
        let (p, q) = (&self.p, &self.q);
        let three = BigUint::from(3u8);
        let shaped = [p, q].iter().all(|r| {
            r.bits() == size.prime_bits() as u64
                && *r >> (size.prime_bits() - 2) == three
                && *r & &three == three
        });
        let distance = if p > q { p - q } else { q - p };
        let phi = (p - 1u8) * (q - 1u8);
        let sound = shaped
            && distance.bits() + 100 > size.prime_bits() as u64
            && (p - 1u8).gcd(&(q - 1u8)) == BigUint::from(2u8)
            && (p * q).gcd(&phi).is_one();
        let orders = match (&self.orders, profile) {
            (None, Profile::DjnShort | Profile::DjnHalf) => true,
            (Some([up, uq]), Profile::Subgroup) => {
                up != uq
                    && [(p, up), (q, uq)].iter().all(|(r, u)| {
                        let (c, rest) = (*r - 1u8).div_rem(&(*u * 2u8));
                        rest == BigUint::ZERO
                            && !c.is_multiple_of(u)
                            && u.bits() == size.subgroup_bits() as u64
                    })
            }
            _ => false,
        };
        if sound && orders {
            Ok(())
        } else {
            Err(Error::SecretKeyInconsistent)
        }
    }

    pub(crate) fn draw_generator(&self, profile: Profile, rng: &mut impl CryptoRng) -> BigUint {
        let n = &self.p * &self.q;
        loop {
            let y = random_below(&n, rng);
            let h = match (&self.orders, profile) {
                (Some([up, uq]), Profile::Subgroup) => {
                    let cofactor = (&self.p - 1u8) * (&self.q - 1u8) / (up * uq);
                    y.modpow(&cofactor, &n)
                }
                _ => &n - &y * &y % &n,
            };
            if y.gcd(&n).is_one() && check_generator(&h, &n).is_ok() {
                return h;
            }
        }
    }
}
