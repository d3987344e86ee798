//! Which instructions do the work: found once, fixed in each ring.

/// An implementation of the arithmetic. All give the same results.
///
/// | backend | runs on | radix | lanes |
/// |---|---|---|---|
/// | `Ifma` | x86-64 with AVX-512F and AVX-512IFMA | 2^52 | 8 |
/// | `Portable` | everything | 2^64 | 1 |
///
/// [`Backend::detect`] takes the fastest that the processor has. The environment variable
/// `BLINDJOIN_BACKEND=portable` makes it take the portable one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Eight residues at once, one per 64-bit lane, with the 52-bit multiply-add instructions.
    Ifma,
    /// One residue at a time with 64×64→128-bit products.
    Portable,
}

impl Backend {
    /// The fastest backend here, unless `BLINDJOIN_BACKEND=portable`.
    pub fn detect() -> Self {
        if std::env::var_os("BLINDJOIN_BACKEND").is_some_and(|name| name == "portable") {
            return Self::Portable;
        }
        Self::available()[0]
    }

    /// The backends this processor can run, fastest first; `Portable` is always the last.
    pub fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        if Self::Ifma.is_available() {
            all.insert(0, Self::Ifma);
        }
        all
    }

    /// Whether this processor can run it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => {
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
            }
            #[cfg(not(target_arch = "x86_64"))]
            Self::Ifma => false,
            Self::Portable => true,
        }
    }

    /// Its name, as it appears in reports: `ifma` or `portable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ifma => "ifma",
            Self::Portable => "portable",
        }
    }

    /// Elements computed at once: lengths that are multiples of it waste nothing.
    pub fn lanes(self) -> usize {
        match self {
            Self::Ifma => 8,
            Self::Portable => 1,
        }
    }

    pub(crate) fn radix_bits(self) -> usize {
        match self {
            Self::Ifma => 52,
            Self::Portable => 64,
        }
    }

    /// Limbs of one digit: enough that 2^(radix·limbs) ≥ 16·m, and what the backend's blocking divides.
    pub(crate) fn limbs(self, modulus_bits: usize) -> usize {
        let least = (modulus_bits + 4).div_ceil(self.radix_bits());
        match self {
            Self::Ifma => least.next_multiple_of(10),
            Self::Portable => least,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portable_backend_is_always_the_last_resort() {
        assert_eq!(Backend::available().last(), Some(&Backend::Portable));
        assert!(Backend::available().contains(&Backend::detect()));
    }

    #[test]
    fn limbs_leave_four_bits_of_slack() {
        for backend in [Backend::Ifma, Backend::Portable] {
            for bits in [3, 256, 512, 1024, 1536, 2048, 3072, 4096] {
                assert!(backend.limbs(bits) * backend.radix_bits() >= bits + 4);
            }
        }
        assert_eq!(
            [1024, 1536, 2048, 3072, 4096].map(|b| Backend::Ifma.limbs(b)),
            [20, 30, 40, 60, 80]
        );
    }
}
