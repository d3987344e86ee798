//! How comparisons are re-randomised.

use blindjoin_bigint::FixedBase;

use crate::agreement::Agreement;
use crate::mask::SLACK_BITS;
use crate::terms::Mask;
use crate::widths;

/// How comparisons are re-randomised.
pub(crate) enum Noise {
    /// By powers of hs, whose exponents are longer than what they hide.
    Powers { bits: usize, powers: FixedBase },
    /// By ρⁿ for a fresh ρ, as in the book: under a full mask the factor itself must stay hidden
    /// from a key holder that made its own kind of key, and so must not rest on what h is.
    Afresh,
}

impl Noise {
    /// Builds the table of powers, if there is one, on the current rayon pool.
    pub(crate) fn new(agreement: &Agreement) -> Self {
        let (terms, sizes, suite) = (
            &agreement.manifest().terms,
            agreement.sizes(),
            agreement.suite(),
        );
        let hidden = match terms.mask {
            Mask::Full => return Self::Afresh,
            Mask::Slot if sizes.slots() > 1 => sizes.slots() * suite.slot_bits(),
            Mask::Slot => suite.t_bits() as usize,
        };
        let public_key = agreement.public_key();
        let bits = public_key.exponent_bits() + hidden + SLACK_BITS;
        let uses = widths::index(sizes.comparison_ciphertexts());
        let powers = public_key.noise_powers(bits, uses);
        Self::Powers { bits, powers }
    }
}
