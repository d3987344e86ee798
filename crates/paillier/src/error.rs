use thiserror::Error;

/// What can be wrong with a key or a ciphertext that came from elsewhere.
///
/// No message holds a value: only lengths and positions.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes are not a whole number of ciphertexts.
    #[error("{bytes} bytes are not a whole number of ciphertexts of {width} bytes")]
    CiphertextLength {
        /// Length that was given.
        bytes: usize,
        /// Width of one ciphertext.
        width: usize,
    },
    /// A ciphertext is not below n².
    #[error("ciphertext {index} is not below the square of the modulus")]
    CiphertextOutOfRange {
        /// Position of the first such ciphertext.
        index: usize,
    },
    /// A ciphertext is zero or shares a factor with n. One test serves the batch, so there is no position.
    #[error("a ciphertext shares a factor with the modulus")]
    CiphertextSharesFactor,
    /// The generator h is not in 2..n−1.
    #[error("the generator is not between 1 and n − 1")]
    GeneratorOutOfRange,
    /// One of h, h − 1, h + 1 shares a factor with n.
    #[error("the generator, or a neighbour of it, shares a factor with the modulus")]
    GeneratorSharesFactor,
    /// The bytes are not a key.
    #[error("the encoding of the key is malformed")]
    KeyEncoding,
    /// No key of this length is supported.
    #[error("keys of {bits} bits are not supported")]
    KeySize {
        /// The length asked for.
        bits: usize,
    },
    /// n is even.
    #[error("the modulus is even")]
    ModulusEven,
    /// n does not have the agreed length.
    #[error("the modulus has {bits} bits, agreed were {expected}")]
    ModulusLength {
        /// Bits of the modulus.
        bits: u64,
        /// Bits agreed upon.
        expected: usize,
    },
    /// n is a perfect power.
    #[error("the modulus is a perfect power")]
    ModulusPerfectPower,
    /// n is prime.
    #[error("the modulus is prime")]
    ModulusPrime,
    /// n has a prime factor below 2^16.
    #[error("the modulus has a small factor")]
    ModulusSmallFactor,
    /// A plaintext is not below n.
    #[error("plaintext {index} is not below the modulus")]
    PlaintextTooLarge {
        /// Position of the first such plaintext.
        index: usize,
    },
    /// The secret key's parts contradict each other or the public key.
    #[error("the parts of the secret key contradict each other")]
    SecretKeyInconsistent,
    /// Some ciphertext cannot be decrypted. Whatever the reason, this is all that is said.
    #[error("a ciphertext cannot be decrypted")]
    Undecryptable,
    /// The name is not that of a profile.
    #[error("the profile is not one of djn-short, djn-half, subgroup")]
    UnknownProfile,
}
