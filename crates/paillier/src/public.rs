//! The public key: encryption and what can be done to ciphertexts without the secret.

use std::sync::{Arc, OnceLock};

use blindjoin_bigint::{Backend, Batch, FixedBase, Lookup, Naturals, SquareRing};
use num_bigint::BigUint;
use num_integer::Integer;
use num_traits::One;
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::ciphertexts::Ciphertexts;
use crate::error::Error;
use crate::primes::{has_small_factor, is_perfect_power, is_prime};
use crate::profile::{KeySize, Profile};

/// (n, h) with everything derived from it: hs = hⁿ mod n², the ring Z/n², and the table of powers of hs.
///
/// Cloning shares all of it.
#[derive(Clone)]
pub struct PublicKey {
    shared: Arc<Shared>,
    lookup: Lookup,
    noise: Arc<OnceLock<FixedBase>>,
}

struct Shared {
    h: BigUint,
    profile: Profile,
    size: KeySize,
    ring: SquareRing,
    hs: Batch,
}

impl PublicKey {
    /// Checks (n, h) as received from a key holder, and derives the rest.
    ///
    /// `rng` draws the bases of the primality test.
    ///
    /// # Errors
    ///
    /// n must have exactly the agreed length, be odd, have no prime factor below 2^16, and be neither
    /// prime nor a perfect power; h must lie in 2..n−1, and h − 1, h, h + 1 be units. One variant
    /// of [`Error`] for each.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §5.1.
    pub fn new(
        n: &BigUint,
        h: &BigUint,
        profile: Profile,
        size: KeySize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        Self::with_backend(n, h, profile, size, Backend::detect(), rng)
    }

    /// As [`PublicKey::new`], computing with `backend`.
    ///
    /// # Errors
    ///
    /// As [`PublicKey::new`].
    pub fn with_backend(
        n: &BigUint,
        h: &BigUint,
        profile: Profile,
        size: KeySize,
        backend: Backend,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        check_modulus(n, size, backend, rng)?;
        check_generator(h, n)?;
        Ok(Self::derive(n, h, profile, size, backend))
    }

    /// Reads what [`PublicKey::to_bytes`] wrote, with every check of [`PublicKey::new`].
    ///
    /// # Errors
    ///
    /// [`Error::KeyEncoding`] when the length is not that of the agreed size, or as [`PublicKey::new`].
    pub fn from_bytes(
        bytes: &[u8],
        profile: Profile,
        size: KeySize,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, Error> {
        let (n, h) = bytes
            .split_at_checked(size.modulus_bytes())
            .filter(|(n, h)| n.len() == h.len())
            .ok_or(Error::KeyEncoding)?;
        Self::new(
            &BigUint::from_bytes_be(n),
            &BigUint::from_bytes_be(h),
            profile,
            size,
            rng,
        )
    }

    /// n and h, each in as many big-endian bytes as n has.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.n(), self.h()]
            .iter()
            .flat_map(|x| fixed_be(x, self.size().modulus_bytes()))
            .collect()
    }

    /// The modulus n.
    pub fn n(&self) -> &BigUint {
        self.shared.ring.modulus()
    }

    /// The generator h.
    pub fn h(&self) -> &BigUint {
        &self.shared.h
    }

    /// How h was made.
    pub fn profile(&self) -> Profile {
        self.shared.profile
    }

    /// Bits of n.
    pub fn size(&self) -> KeySize {
        self.shared.size
    }

    /// The ring Z/n².
    pub fn ring(&self) -> &SquareRing {
        &self.shared.ring
    }

    /// Bits of the exponent of an encryption's noise.
    pub fn exponent_bits(&self) -> usize {
        self.size().exponent_bits(self.profile())
    }

    /// Bytes of a ciphertext on the wire.
    pub fn ciphertext_bytes(&self) -> usize {
        self.size().ciphertext_bytes()
    }

    /// SHA-256 of `pk1`, the profile's name, `|`, n, `|`, h, integers in as few big-endian bytes as they need.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §3.1.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update("pk1");
        hash.update(self.profile().name());
        for x in [self.n(), self.h()] {
            hash.update("|");
            hash.update(x.to_bytes_be());
        }
        hash.finalize().into()
    }

    /// Yields this key with tables of powers that are read as told, none of them built yet.
    ///
    /// Without this call tables are read with [`Lookup::Direct`].
    #[must_use]
    pub fn with_lookup(self, lookup: Lookup) -> Self {
        Self {
            lookup,
            noise: Arc::new(OnceLock::new()),
            ..self
        }
    }

    /// How the tables of powers are read.
    pub fn lookup(&self) -> Lookup {
        self.lookup
    }

    /// The key's own table of powers of hs, built now on the current rayon pool if it was not before. It is as long
    /// as the exponents of encryptions; [`PublicKey::noise_powers`] makes others.
    pub fn noise_table(&self) -> &FixedBase {
        let bits = self.exponent_bits();
        let widest = FixedBase::choose_window(self.ring(), bits, self.lookup);
        self.noise_table_of(widest)
    }

    /// As [`PublicKey::noise_table`], smaller where only about `uses` powers are expected.
    pub fn noise_table_for(&self, uses: usize) -> &FixedBase {
        let (ring, bits) = (self.ring(), self.exponent_bits());
        let widest = FixedBase::choose_window(ring, bits, self.lookup);
        self.noise_table_of(FixedBase::choose_window_for(ring, bits, self.lookup, uses).min(widest))
    }

    /// Builds another table of powers of hs, for about `uses` exponents below `2^bits`.
    pub fn noise_powers(&self, bits: usize, uses: usize) -> FixedBase {
        FixedBase::for_uses(self.ring(), &self.shared.hs, 0, bits, self.lookup, uses)
    }

    /// Yields hs^`exponents[i]`, encryptions of zero.
    ///
    /// Time depends on the number of exponents and their bound. With [`Lookup::Direct`], the default, the
    /// addresses read depend on the exponents.
    ///
    /// # Panics
    ///
    /// If the bound on the exponents exceeds that of the table.
    pub fn noise(&self, exponents: &Naturals) -> Ciphertexts {
        Ciphertexts(self.noise_table().pow(exponents))
    }

    /// Draws the exponents of `len` encryptions.
    pub fn random_exponents(&self, len: usize, rng: &mut impl CryptoRng) -> Naturals {
        Naturals::random(len, self.exponent_bits(), rng)
    }

    /// Encrypts a batch of plaintexts: `plaintexts[i]` becomes (1 + mᵢ·n)·hs^aᵢ mod n², aᵢ = `exponents[i]`.
    ///
    /// # Errors
    ///
    /// [`Error::PlaintextTooLarge`] for the first mᵢ ≥ n; nothing has then been encrypted.
    ///
    /// # Panics
    ///
    /// If the numbers of plaintexts and exponents differ.
    ///
    /// # Source
    ///
    /// Damgård, Jurik, Nielsen (2010), §4.1.
    pub fn encrypt(
        &self,
        plaintexts: &Naturals,
        exponents: &Naturals,
    ) -> Result<Ciphertexts, Error> {
        let mut out = self.noise(exponents);
        self.add_plain(&mut out, plaintexts)?;
        Ok(out)
    }

    /// Encrypts a batch of plaintexts with exponents drawn from `rng`.
    ///
    /// # Errors
    ///
    /// As [`PublicKey::encrypt`].
    pub fn encrypt_random(
        &self,
        plaintexts: &Naturals,
        rng: &mut impl CryptoRng,
    ) -> Result<Ciphertexts, Error> {
        self.encrypt(plaintexts, &self.random_exponents(plaintexts.len(), rng))
    }

    /// Adds `plaintexts[i]` to what `ciphertexts[i]` encrypts: a product with 1 + mᵢ·n, which touches one digit.
    ///
    /// # Errors
    ///
    /// [`Error::PlaintextTooLarge`] for the first mᵢ ≥ n; nothing has then been added.
    ///
    /// # Panics
    ///
    /// If the numbers differ.
    pub fn add_plain(
        &self,
        ciphertexts: &mut Ciphertexts,
        plaintexts: &Naturals,
    ) -> Result<(), Error> {
        if plaintexts.bits() >= self.size().bits()
            && let Some(index) = (0..plaintexts.len()).find(|&i| !plaintexts.is_below(i, self.n()))
        {
            return Err(Error::PlaintextTooLarge { index });
        }
        if plaintexts.bits() > self.size().bits() {
            self.ring().mul_one_plus_assign(
                &mut ciphertexts.0,
                &plaintexts.truncated(self.size().bits()),
            );
        } else {
            self.ring()
                .mul_one_plus_assign(&mut ciphertexts.0, plaintexts);
        }
        Ok(())
    }

    /// Adds what `b[i]` encrypts to what `a[i]` encrypts.
    ///
    /// # Panics
    ///
    /// If the numbers differ.
    pub fn add(&self, a: &mut Ciphertexts, b: &Ciphertexts) {
        self.ring().mul_assign(&mut a.0, &b.0);
    }

    /// Multiplies what `ciphertexts[i]` encrypts by `factors[i]`, in constant time.
    ///
    /// # Panics
    ///
    /// If the numbers differ.
    pub fn multiply_plain(&self, ciphertexts: &mut Ciphertexts, factors: &Naturals) {
        self.ring().pow_assign(&mut ciphertexts.0, factors);
    }

    /// Multiplies what `ciphertexts[i]` encrypts by `factors[i]` and re-randomises it with the noise of
    /// the scheme itself: cᵢ^fᵢ·ρᵢⁿ mod n², ρᵢ uniform among the units modulo n, by one simultaneous
    /// exponentiation. Constant-time as [`PublicKey::multiply_plain`].
    ///
    /// Powers of hs hide what came before only if h is what the key's maker claims; this hides it
    /// whatever h is.
    ///
    /// # Panics
    ///
    /// If the numbers differ.
    pub fn multiply_plain_afresh(
        &self,
        ciphertexts: &mut Ciphertexts,
        factors: &Naturals,
        rng: &mut impl CryptoRng,
    ) {
        let units = self.random_units(ciphertexts.0.len(), rng);
        let n = Naturals::from_biguints(&vec![self.n().clone(); units.len()], self.size().bits());
        ciphertexts.0 = self
            .ring()
            .pow_product(&[(&ciphertexts.0, factors), (&units, &n)]);
    }

    /// Draws below n, by rejection. To meet one that is no unit is to factor n.
    fn random_units(&self, len: usize, rng: &mut impl CryptoRng) -> Batch {
        let width = self.ciphertext_bytes();
        let drawn = Naturals::random_below(len, self.n(), rng);
        let mut wire = Zeroizing::new(vec![0; len * width]);
        for (i, place) in wire.chunks_exact_mut(width).enumerate() {
            for (bytes, word) in place.rchunks_exact_mut(8).zip(drawn.item(i)) {
                bytes.copy_from_slice(&word.to_be_bytes());
            }
        }
        self.ring().decode(&wire).expect("below n is below n²")
    }

    /// Reads ciphertexts from [`PublicKey::ciphertext_bytes`] big-endian bytes each and checks them: below n²,
    /// not zero, without a factor in common with n.
    ///
    /// # Errors
    ///
    /// [`Error::CiphertextLength`], [`Error::CiphertextOutOfRange`], [`Error::CiphertextSharesFactor`].
    pub fn decode(&self, bytes: &[u8]) -> Result<Ciphertexts, Error> {
        let batch = self
            .ring()
            .decode(bytes)
            .map_err(|error| self.wire_error(&error, bytes.len()))?;
        if self.ring().are_units_vartime(&batch) {
            Ok(Ciphertexts(batch))
        } else {
            Err(Error::CiphertextSharesFactor)
        }
    }

    /// Writes ciphertexts in [`PublicKey::ciphertext_bytes`] big-endian bytes each.
    pub fn encode(&self, ciphertexts: &Ciphertexts) -> Vec<u8> {
        self.ring().encode(&ciphertexts.0)
    }

    /// For keys whose maker vouches for them: no checks.
    pub(crate) fn derive(
        n: &BigUint,
        h: &BigUint,
        profile: Profile,
        size: KeySize,
        backend: Backend,
    ) -> Self {
        let ring = SquareRing::new(n, backend)
            .expect("a checked modulus is odd and of a supported length");
        let mut hs = ring.from_integers(std::slice::from_ref(h));
        let exponent = Naturals::from_biguints(std::slice::from_ref(n), size.bits());
        ring.pow_shared_assign(&mut hs, &exponent, 0);
        let shared = Shared {
            h: h.clone(),
            profile,
            size,
            ring,
            hs,
        };
        Self {
            shared: Arc::new(shared),
            lookup: Lookup::default(),
            noise: Arc::new(OnceLock::new()),
        }
    }

    fn noise_table_of(&self, window: usize) -> &FixedBase {
        self.noise.get_or_init(|| {
            let (ring, bits) = (self.ring(), self.exponent_bits());
            FixedBase::with_window(ring, &self.shared.hs, 0, bits, self.lookup, window)
        })
    }

    fn wire_error(&self, error: &blindjoin_bigint::Error, bytes: usize) -> Error {
        match error {
            blindjoin_bigint::Error::OutOfRange { index } => {
                Error::CiphertextOutOfRange { index: *index }
            }
            _ => Error::CiphertextLength {
                bytes,
                width: self.ciphertext_bytes(),
            },
        }
    }
}

impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicKey")
            .field("size", &self.size())
            .field("profile", &self.profile())
            .field("backend", &self.ring().backend())
            .finish_non_exhaustive()
    }
}

/// Fixed-width big-endian bytes; the value fits.
pub(crate) fn fixed_be(value: &BigUint, width: usize) -> Vec<u8> {
    let be = value.to_bytes_be();
    let mut out = vec![0; width - be.len()];
    out.extend(be);
    out
}

pub(crate) fn check_generator(h: &BigUint, n: &BigUint) -> Result<(), Error> {
    if h.is_one() || *h == BigUint::ZERO || *h >= n - 1u8 {
        return Err(Error::GeneratorOutOfRange);
    }
    if [h - 1u8, h.clone(), h + 1u8]
        .iter()
        .all(|x| x.gcd(n).is_one())
    {
        Ok(())
    } else {
        Err(Error::GeneratorSharesFactor)
    }
}

fn check_modulus(
    n: &BigUint,
    size: KeySize,
    backend: Backend,
    rng: &mut impl CryptoRng,
) -> Result<(), Error> {
    if n.bits() != size.bits() as u64 {
        return Err(Error::ModulusLength {
            bits: n.bits(),
            expected: size.bits(),
        });
    }
    if n.is_even() {
        return Err(Error::ModulusEven);
    }
    if has_small_factor(n) {
        return Err(Error::ModulusSmallFactor);
    }
    if is_perfect_power(n) {
        return Err(Error::ModulusPerfectPower);
    }
    if is_prime(n, backend, rng) {
        return Err(Error::ModulusPrime);
    }
    Ok(())
}
