//! Sizes: of keys, of exponents, of hidden subgroups.

use crate::error::Error;

/// How the generator h of the noise is made, and how long the noise's exponents are.
///
/// | profile | h | bits of an exponent | rests on |
/// |---|---|---|---|
/// | `DjnShort` | −y² mod n | 320 | composite residuosity, discrete logarithms with short exponents in a group of unknown order |
/// | `DjnHalf` | −y² mod n | ½·bits of n | composite residuosity, factoring |
/// | `Subgroup` | `y^((p−1)(q−1)/(u_p·u_q))` mod n | bits of `u_p` and `u_q` together | composite residuosity in a hidden subgroup |
///
/// # Source
///
/// Damgård, Jurik, Nielsen, *A generalization of Paillier's public-key system with applications to
/// electronic voting*, International Journal of Information Security 9 (2010), for −y² and half-length
/// exponents; Ma, Han, Lei, *Optimized Paillier's cryptosystem with fast encryption and decryption*,
/// ACSAC 2021, for the subgroup.
///
/// `spec/protocol.md`, §4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Profile {
    /// The default.
    DjnShort,
    /// The conservative choice.
    DjnHalf,
    /// Faster decryption, at the price of one more assumption.
    Subgroup,
}

impl Profile {
    /// Every profile.
    pub const ALL: [Self; 3] = [Self::DjnShort, Self::DjnHalf, Self::Subgroup];

    /// `djn-short`, `djn-half` or `subgroup`.
    pub fn name(self) -> &'static str {
        match self {
            Self::DjnShort => "djn-short",
            Self::DjnHalf => "djn-half",
            Self::Subgroup => "subgroup",
        }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Profile {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.name() == name)
            .ok_or(Error::UnknownProfile)
    }
}

/// Bits of the modulus n.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeySize(usize);

impl KeySize {
    /// 2048, 3072 or 4096 bits.
    ///
    /// # Errors
    ///
    /// [`Error::KeySize`] for any other number.
    pub fn new(bits: usize) -> Result<Self, Error> {
        match bits {
            2048 | 3072 | 4096 => Ok(Self(bits)),
            _ => Err(Error::KeySize { bits }),
        }
    }

    /// A size that factors easily and exists for tests only: a multiple of 128 from 512 to 1920.
    ///
    /// The standard sizes are let through.
    ///
    /// # Errors
    ///
    /// [`Error::KeySize`] for any other number.
    pub fn insecure_test_key(bits: usize) -> Result<Self, Error> {
        if (512..2048).contains(&bits) && bits.is_multiple_of(128) {
            Ok(Self(bits))
        } else {
            Self::new(bits)
        }
    }

    /// Bits of n.
    pub fn bits(self) -> usize {
        self.0
    }

    /// Bits of each of p and q.
    pub fn prime_bits(self) -> usize {
        self.0 >> 1
    }

    /// Bytes of n.
    pub fn modulus_bytes(self) -> usize {
        self.0 >> 3
    }

    /// Bytes of a ciphertext.
    pub fn ciphertext_bytes(self) -> usize {
        self.0 >> 2
    }

    /// Bits of the exponent of an encryption's noise.
    pub fn exponent_bits(self, profile: Profile) -> usize {
        match profile {
            Profile::DjnShort => 320,
            Profile::DjnHalf => self.0 >> 1,
            Profile::Subgroup => 2 * self.subgroup_bits(),
        }
    }

    /// How many slots of `slot_bits` bits fit below p: what a key holder packs into one decryption.
    pub fn slots_below_prime(self, slot_bits: usize) -> usize {
        (self.prime_bits() - 1).checked_div(slot_bits).unwrap_or(0)
    }

    /// How many slots of `slot_bits` bits fit below n: what fits into one plaintext.
    pub fn slots_below_modulus(self, slot_bits: usize) -> usize {
        (self.0 - 2).checked_div(slot_bits).unwrap_or(0)
    }

    /// Bits of `u_p` and of `u_q`. Test keys, whose primes have no room for 256 bits, take a quarter of the prime.
    pub(crate) fn subgroup_bits(self) -> usize {
        match self.0 {
            ..1024 => self.0 >> 3,
            1024..=3072 => 256,
            _ => 320,
        }
    }
}

impl std::fmt::Display for KeySize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_follow_the_table_of_the_protocol() {
        let sizes = [2048, 3072, 4096].map(|bits| KeySize::new(bits).unwrap());
        assert_eq!(sizes.map(KeySize::ciphertext_bytes), [512, 768, 1024]);
        assert_eq!(sizes.map(|s| s.exponent_bits(Profile::DjnShort)), [320; 3]);
        assert_eq!(
            sizes.map(|s| s.exponent_bits(Profile::DjnHalf)),
            [1024, 1536, 2048]
        );
        assert_eq!(
            sizes.map(|s| s.exponent_bits(Profile::Subgroup)),
            [512, 512, 640]
        );
        assert_eq!(sizes.map(|s| s.slots_below_prime(252)), [4, 6, 8]);
        assert_eq!(sizes.map(|s| s.slots_below_modulus(252)), [8, 12, 16]);
        assert_eq!(sizes.map(|s| s.slots_below_prime(296)), [3, 5, 6]);
        assert_eq!(sizes.map(|s| s.slots_below_modulus(296)), [6, 10, 13]);
    }

    #[test]
    fn small_keys_need_the_name_that_says_so() {
        assert_eq!(KeySize::new(1024), Err(Error::KeySize { bits: 1024 }));
        assert!(KeySize::insecure_test_key(1024).is_ok());
        assert_eq!(
            KeySize::insecure_test_key(500),
            Err(Error::KeySize { bits: 500 })
        );
        assert_eq!(KeySize::insecure_test_key(2048), KeySize::new(2048));
    }

    #[test]
    fn profiles_are_known_by_name() {
        for profile in Profile::ALL {
            assert_eq!(profile.name().parse(), Ok(profile));
        }
        assert_eq!("djn".parse::<Profile>(), Err(Error::UnknownProfile));
    }
}
