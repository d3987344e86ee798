//! The secret key: generation and decryption.

use std::borrow::Cow;

use blindjoin_bigint::{Backend, Batch, Naturals, PowerLog, Reducer, SquareRing};
use num_bigint::BigUint;
use num_traits::One;
use rand::CryptoRng;

use crate::ciphertexts::Ciphertexts;
use crate::error::Error;
use crate::parts::Parts;
use crate::primes::is_prime;
use crate::profile::{KeySize, Profile};
use crate::public::{PublicKey, check_generator};

/// The factors of n, ready to decrypt modulo p² and q².
///
/// Exponentiations with the secret are constant-time. What is erased on drop: the secret exponents, the
/// rings modulo p² and q², all intermediate plaintexts in [`Naturals`]. The big-integer library behind
/// key generation and the constants of rings and exponents does not erase its temporaries. `Debug` prints the public half only.
pub struct SecretKey {
    public: PublicKey,
    p: Half,
    q: Half,
    /// p⁻¹ and −p⁻¹ modulo q.
    p_inverse: Naturals,
    /// Reads ciphertexts modulo n, to see whether they are units: with the secret primes that would not be
    /// in constant time.
    units: Reducer,
}

/// What decrypts modulo one of the primes, r.
struct Half {
    ring: SquareRing,
    reducer: Reducer,
    /// Of the power r − 1, or the order u of the hidden subgroup, times (exponent·n/r)⁻¹ modulo r.
    log: PowerLog,
}

impl SecretKey {
    /// Generates a key of `size`, every condition below ensured.
    ///
    /// |p| = |q|, both ≡ 3 mod 4 with their two top bits set, gcd(p−1, q−1) = 2, gcd(n, φ(n)) = 1,
    /// |p − q| > 2^(|n|/2 − 100), and h, h ± 1 units. Profile `Subgroup`: `p = 2·u_p·c + 1` with `u_p ≠ u_q` primes that do not
    /// divide c, and h of order `u_p·u_q`.
    ///
    /// Takes variable time, as every search for primes does, in the thread of the caller.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §4.1.
    pub fn generate(size: KeySize, profile: Profile, rng: &mut impl CryptoRng) -> Self {
        Self::generate_with_backend(size, profile, Backend::detect(), rng)
    }

    /// As [`SecretKey::generate`], computing with `backend`.
    pub fn generate_with_backend(
        size: KeySize,
        profile: Profile,
        backend: Backend,
        rng: &mut impl CryptoRng,
    ) -> Self {
        loop {
            let parts = Parts::draw(size, profile, backend, rng);
            if parts.check_primes(size, profile).is_ok() {
                let h = parts.draw_generator(profile, rng);
                return Self::assemble(&parts, &h, profile, size, backend);
            }
        }
    }

    /// Rebuilds a key from p, q and h, and for profile `Subgroup` the orders `(u_p, u_q)`, checking all of
    /// [`SecretKey::generate`]'s conditions.
    ///
    /// # Errors
    ///
    /// [`Error::SecretKeyInconsistent`], or what [`PublicKey::new`] refuses in h.
    pub fn from_parts(
        primes: [BigUint; 2],
        h: &BigUint,
        orders: Option<[BigUint; 2]>,
        profile: Profile,
        size: KeySize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let [p, q] = primes;
        let parts = Parts { p, q, orders };
        let n = &parts.p * &parts.q;
        parts.check_primes(size, profile)?;
        let all = [&parts.p, &parts.q]
            .into_iter()
            .chain(parts.orders.iter().flatten());
        if n.bits() != size.bits() as u64
            || !all
                .into_iter()
                .all(|prime| is_prime(prime, Backend::detect(), rng))
        {
            return Err(Error::SecretKeyInconsistent);
        }
        check_generator(h, &n)?;
        let of_order = |r: &BigUint, u: &BigUint| h.modpow(u, r).is_one();
        if let Some([up, uq]) = &parts.orders
            && !(of_order(&parts.p, up) && of_order(&parts.q, uq))
        {
            return Err(Error::SecretKeyInconsistent);
        }
        Ok(Self::assemble(&parts, h, profile, size, Backend::detect()))
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// p and q.
    pub fn primes(&self) -> [&BigUint; 2] {
        [self.p.ring.modulus(), self.q.ring.modulus()]
    }

    /// Decrypts ciphertexts from the wire, plaintexts below n, one per ciphertext.
    ///
    /// # Errors
    ///
    /// [`Error::CiphertextLength`]; [`Error::Undecryptable`] for anything else, with no more detail, after the
    /// work of a decryption.
    pub fn decrypt(&self, ciphertexts: &[u8]) -> Result<Naturals, Error> {
        let Checked { bytes, sound } = self.check(ciphertexts)?;
        let mp = self.p.log(&self.p.reducer.reduce(&bytes));
        let mq = self.q.log(&self.q.reducer.reduce(&bytes));
        let plain = self.combine(&mp?, &mq?);
        sound.then_some(plain).ok_or(Error::Undecryptable)
    }

    /// Decrypts ciphertexts from the wire whose plaintexts are below p, at half the price.
    ///
    /// A plaintext that is larger comes out modulo p: the caller checks for what it expects.
    ///
    /// # Errors
    ///
    /// As [`SecretKey::decrypt`].
    pub fn decrypt_small(&self, ciphertexts: &[u8]) -> Result<Naturals, Error> {
        let Checked { bytes, sound } = self.check(ciphertexts)?;
        let plain = self.p.log(&self.p.reducer.reduce(&bytes))?;
        sound.then_some(plain).ok_or(Error::Undecryptable)
    }

    /// Decrypts ciphertexts from the wire whose plaintexts are below 2^`slot_bits`, as many as fit below p
    /// at the price of one, by packing `Π cᵢ^(2^(slot_bits·i))` modulo p².
    ///
    /// Yields one plaintext per ciphertext, in order. A plaintext that is too long makes the whole
    /// call fail if it reaches beyond its pack's top slot, and otherwise spoils its neighbour's, as the
    /// protocol allows.
    ///
    /// # Errors
    ///
    /// As [`SecretKey::decrypt`].
    ///
    /// # Panics
    ///
    /// If not even one slot fits below p.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §4.3.
    pub fn decrypt_packed(&self, ciphertexts: &[u8], slot_bits: usize) -> Result<Naturals, Error> {
        let Checked { bytes, sound } = self.check(ciphertexts)?;
        let ciphertexts = &*bytes;
        let slots = self.public.size().slots_below_prime(slot_bits);
        assert!(slots > 0, "a slot of {slot_bits} bits does not fit below p");
        let width = self.public.ciphertext_bytes();
        let count = ciphertexts.chunks_exact(width).count();
        let packs = ciphertexts.chunks(width * slots).count();
        // Slot i of every pack in turn; the last pack's missing slots are filled with ones, at its top.
        let mut wire = Vec::with_capacity(packs * width);
        let mut slot = |i: usize| {
            wire.clear();
            for ciphertext in ciphertexts.chunks_exact(width).skip(i).step_by(slots) {
                wire.extend_from_slice(ciphertext);
            }
            let part = self.p.reducer.reduce(&wire);
            let missing = packs - part.len();
            if missing == 0 {
                part
            } else {
                Batch::concat(&[&part, &self.p.ring.one(missing)])
            }
        };
        let mut packed = slot(slots - 1);
        for i in (0..slots - 1).rev() {
            self.p.ring.square_times_assign(&mut packed, slot_bits);
            self.p.ring.mul_assign(&mut packed, &slot(i));
        }
        let values = self.p.log(&packed)?;
        let mut out = Naturals::zero(count, slot_bits);
        let mut excess = 0;
        for pack in 0..packs {
            let used = slots.min(count - pack * slots);
            for i in 0..used {
                for (j, word) in out.item_mut(pack * slots + i).iter_mut().enumerate() {
                    *word =
                        values.window(pack, slot_bits * i + 64 * j, (slot_bits - 64 * j).min(64));
                }
            }
            let mut from = slot_bits * used;
            while from < values.bits() {
                excess |= values.window(pack, from, 64);
                from += 64;
            }
        }
        if sound && excess == 0 {
            Ok(out)
        } else {
            Err(Error::Undecryptable)
        }
    }

    /// Decrypts ciphertexts that were computed here: as [`SecretKey::decrypt`].
    ///
    /// # Errors
    ///
    /// As [`SecretKey::decrypt`].
    pub fn decrypt_batch(&self, ciphertexts: &Ciphertexts) -> Result<Naturals, Error> {
        self.decrypt(&self.public.encode(ciphertexts))
    }

    fn assemble(
        parts: &Parts,
        h: &BigUint,
        profile: Profile,
        size: KeySize,
        backend: Backend,
    ) -> Self {
        let n = &parts.p * &parts.q;
        let public = PublicKey::derive(&n, h, profile, size, backend);
        let [ep, eq] = match &parts.orders {
            Some([up, uq]) => [up.clone(), uq.clone()],
            None => [&parts.p - 1u8, &parts.q - 1u8],
        };
        let width = size.ciphertext_bytes();
        let inverse = parts
            .p
            .modinv(&parts.q)
            .expect("p and q are different primes");
        Self {
            units: public.ring().reducer(width),
            public,
            p: Half::new(&parts.p, &parts.q, &ep, width, backend),
            q: Half::new(&parts.q, &parts.p, &eq, width, backend),
            p_inverse: Naturals::from_biguints(
                &[inverse.clone(), &parts.q - inverse],
                size.prime_bits(),
            ),
        }
    }

    /// Checks 0 < c < n² and gcd(c, n) = 1 for all.
    ///
    /// Where that does not hold, as many ones stand in, so that a refusal takes the time of a decryption.
    fn check<'a>(&self, ciphertexts: &'a [u8]) -> Result<Checked<'a>, Error> {
        let width = self.public.ciphertext_bytes();
        if !ciphertexts.len().is_multiple_of(width) {
            return Err(Error::CiphertextLength {
                bytes: ciphertexts.len(),
                width,
            });
        }
        let n = self.public.n();
        let bound = crate::public::fixed_be(&(n * n), width);
        let below = ciphertexts.chunks_exact(width).all(|c| c < &bound[..]);
        let ones = || {
            let mut ones = vec![0; ciphertexts.len()];
            for one in ones.chunks_exact_mut(width) {
                one[width - 1] = 1;
            }
            Cow::Owned(ones)
        };
        let bytes = if below {
            Cow::Borrowed(ciphertexts)
        } else {
            ones()
        };
        let units = self.units.are_units_vartime(&bytes);
        Ok(Checked {
            bytes: if units { bytes } else { ones() },
            sound: below && units,
        })
    }

    /// m ≡ mp mod p, m ≡ mq mod q: m = mp + p·((mq − mp)/p mod q).
    fn combine(&self, mp: &Naturals, mq: &Naturals) -> Naturals {
        let factor = self.q.ring.combine(&[mq, mp], &self.p_inverse);
        let bits = self.public.size().bits();
        self.p.ring.join(mp, &factor, bits)
    }
}

/// What is decrypted, and whether it is what was received.
struct Checked<'a> {
    bytes: Cow<'a, [u8]>,
    sound: bool,
}

impl Half {
    fn new(
        r: &BigUint,
        cofactor: &BigUint,
        exponent: &BigUint,
        width: usize,
        backend: Backend,
    ) -> Self {
        let ring = SquareRing::new(r, backend).expect("a prime factor of n is odd");
        let scale = (exponent * cofactor)
            .modinv(r)
            .expect("neither factor is a multiple of r");
        Self {
            reducer: ring.reducer(width),
            log: PowerLog::new(&ring, exponent, &scale),
            ring,
        }
    }

    /// The plaintexts modulo r: c^e = 1 + m·e·(n/r)·r modulo r².
    fn log(&self, c: &Batch) -> Result<Naturals, Error> {
        self.log.log(c).map_err(|_| Error::Undecryptable)
    }
}

impl std::fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
