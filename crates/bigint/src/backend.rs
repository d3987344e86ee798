//! Which instructions do the work: found once, fixed in each ring.

use crate::Error;

/// An implementation of the arithmetic. All give the same results.
///
/// | backend | runs on | radix | lanes |
/// |---|---|---|---|
/// | `Ifma` | x86-64 with AVX-512F and AVX-512IFMA | 2^52 | 8 |
/// | `Avx2` | x86-64 with AVX2 | 2^28, beyond 2376 bits 2^27 | 4 |
/// | `Portable` | everything | 2^64 | 1 |
///
/// [`Backend::detect`] takes the fastest that the processor has. The environment variable `BLINDJOIN_BACKEND`
/// makes it take another that it has, by its [`Backend::name`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// Eight residues at once, one per 64-bit lane, with the 52-bit multiply-add instructions.
    Ifma,
    /// Four residues at once, one per 64-bit lane, with products of 32-bit factors.
    Avx2,
    /// One residue at a time with 64×64→128-bit products.
    Portable,
}

impl Backend {
    /// From the fastest down.
    const ALL: [Self; 3] = [Self::Ifma, Self::Avx2, Self::Portable];

    /// The fastest backend here, unless `BLINDJOIN_BACKEND` names another one.
    ///
    /// # Panics
    ///
    /// Where [`Backend::chosen`] has an error.
    pub fn detect() -> Self {
        Self::chosen().expect("a program asks once whether the choice can be met")
    }

    /// As [`Backend::detect`], for a program's start.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchBackend`] if the environment names one that does not exist or cannot run here.
    pub fn chosen() -> Result<Self, Error> {
        let available = Self::available();
        let Some(wanted) = std::env::var_os("BLINDJOIN_BACKEND").filter(|name| !name.is_empty())
        else {
            return Ok(available[0]);
        };
        let named = available.iter().find(|backend| wanted == backend.name());
        named.copied().ok_or_else(|| Error::NoSuchBackend {
            here: available
                .iter()
                .map(|backend| backend.name())
                .collect::<Vec<_>>()
                .join(" or "),
        })
    }

    /// The backends this processor can run, fastest first; `Portable` is always the last.
    pub fn available() -> Vec<Self> {
        let mut all = Self::ALL.to_vec();
        all.retain(|backend| backend.is_available());
        all
    }

    /// Whether this processor can run it.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Ifma => {
                is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
            }
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(not(target_arch = "x86_64"))]
            Self::Ifma | Self::Avx2 => false,
            Self::Portable => true,
        }
    }

    /// Its name, as it appears in reports: `ifma`, `avx2` or `portable`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ifma => "ifma",
            Self::Avx2 => "avx2",
            Self::Portable => "portable",
        }
    }

    /// Elements computed at once: lengths that are multiples of it waste nothing.
    pub fn lanes(self) -> usize {
        match self {
            Self::Ifma => 8,
            Self::Avx2 => 4,
            Self::Portable => 1,
        }
    }

    /// Bits of a limb of an m of so many bits.
    pub(crate) fn radix_bits(self, modulus_bits: usize) -> usize {
        match self {
            Self::Ifma => 52,
            // A column holds three products of limbs for each limb of m.
            Self::Avx2 if blocks_of(5, modulus_bits, 28) <= 85 => 28,
            Self::Avx2 => 27,
            Self::Portable => 64,
        }
    }

    /// Limbs of one digit: enough that 2^(radix·limbs) ≥ 16·m, and what the backend's blocking divides.
    pub(crate) fn limbs(self, modulus_bits: usize) -> usize {
        let block = match self {
            Self::Ifma => 10,
            Self::Avx2 => 5,
            Self::Portable => 1,
        };
        blocks_of(block, modulus_bits, self.radix_bits(modulus_bits))
    }
}

/// Whole blocks of limbs with four bits more than m.
fn blocks_of(block: usize, modulus_bits: usize, radix: usize) -> usize {
    (modulus_bits + 4).div_ceil(radix).next_multiple_of(block)
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
    fn the_environment_names_the_backend() {
        let wanted = std::env::var("BLINDJOIN_BACKEND").unwrap_or_default();
        let found = Backend::detect();
        if wanted.is_empty() {
            assert_eq!(found, Backend::available()[0]);
        } else {
            assert_eq!(found.name(), wanted);
        }
    }

    #[test]
    fn limbs_leave_four_bits_of_slack() {
        for backend in Backend::ALL {
            for bits in [3, 256, 512, 1024, 1536, 2048, 3072, 4096] {
                assert!(backend.limbs(bits) * backend.radix_bits(bits) >= bits + 4);
            }
        }
        assert_eq!(
            [1024, 1536, 2048, 3072, 4096].map(|b| Backend::Ifma.limbs(b)),
            [20, 30, 40, 60, 80]
        );
    }
}
