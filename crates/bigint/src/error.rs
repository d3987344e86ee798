use thiserror::Error;

/// What can be wrong with a modulus or with residues that came from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Error {
    /// The modulus is even or below 3: Montgomery arithmetic has no inverse of it modulo the radix.
    #[error("the modulus is even or below 3")]
    ModulusEven,
    /// The modulus is longer than the kernels are laid out for.
    #[error("the modulus has {bits} bits, the most is {most}")]
    ModulusTooLong {
        /// Bits of the modulus.
        bits: u64,
        /// The longest modulus supported.
        most: u64,
    },
    /// An element is not of the form 1 + y·m, so it has no logarithm to that base.
    #[error("element {index} is not one plus a multiple of the modulus")]
    NotOnePlus {
        /// Position of the first such element in its batch.
        index: usize,
    },
    /// An element shares a factor with the modulus, so it has no inverse. One test serves the batch, so there is no
    /// position.
    #[error("an element shares a factor with the modulus")]
    NotUnit,
    /// A residue on the wire is not below m².
    #[error("residue {index} is not below the square of the modulus")]
    OutOfRange {
        /// Position of the first such residue.
        index: usize,
    },
    /// `BLINDJOIN_BACKEND` names a backend that does not exist or that this processor cannot run.
    #[error(
        "BLINDJOIN_BACKEND names no backend that this processor can run: it may be {here}, or unset"
    )]
    NoSuchBackend {
        /// The names of those that it can run.
        here: String,
    },
    /// The bytes are not a whole number of residues.
    #[error("{bytes} bytes are not a whole number of residues of {width} bytes")]
    PartialResidue {
        /// Length that was given.
        bytes: usize,
        /// Width of one residue.
        width: usize,
    },
}
