//! What one party is willing to agree to.

use crate::error::Error;
use crate::objection::Objection;
use crate::size::Sizes;
use crate::terms::Terms;

/// What one party is willing to agree to.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The shortest modulus in bits; below 2048 for tests only.
    pub least_key_bits: usize,
    /// The most table entries: how many identifiers a querier can test in one session.
    pub most_table_entries: u64,
    /// The most ciphertexts in the stream of comparisons.
    pub most_comparisons: u64,
    /// The most matches let out.
    pub most_matches: u64,
    /// Whether a blind key holder, which enforces no cap, is acceptable.
    pub allow_blind: bool,
    /// For how many seconds from now on an agreement may be valid.
    pub longest: u64,
}

impl Default for Policy {
    /// Ten million keys on either side, a cap that never binds below that, 2048 bits or more, a week.
    fn default() -> Self {
        Self {
            least_key_bits: 2048,
            most_table_entries: 32 << 20,
            most_comparisons: 32 << 20,
            most_matches: 32 << 20,
            allow_blind: true,
            longest: 7 * 24 * 3600,
        }
    }
}

impl Policy {
    /// Checks terms and the sizes that go with them at a time in seconds since 1970.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestExpired`] or [`Error::Objection`].
    pub fn check(&self, terms: &Terms, sizes: &Sizes, now: u64) -> Result<(), Error> {
        let at = terms.expires;
        if now >= at {
            return Err(Error::ManifestExpired { at });
        }
        let (bits, least) = (terms.key_size.bits(), self.least_key_bits);
        if bits < least {
            return Err(Objection::KeyTooShort { bits, least }.into());
        }
        let (entries, most) = (sizes.table_entries(), self.most_table_entries);
        if entries > most {
            return Err(Objection::Table { entries, most }.into());
        }
        let (needed, most) = (sizes.comparison_ciphertexts(), self.most_comparisons);
        if needed > most {
            return Err(Objection::Comparisons { needed, most }.into());
        }
        let (cap, most) = (terms.match_cap, self.most_matches);
        if cap > most {
            return Err(Objection::Matches { cap, most }.into());
        }
        // In a lookup there is no more than a match for each rule to count.
        if terms.blind && !terms.mode.is_lookup() && !self.allow_blind {
            return Err(Objection::CountingRequired.into());
        }
        let (seconds, most) = (at - now, self.longest);
        if seconds > most {
            return Err(Objection::Expiry { seconds, most }.into());
        }
        Ok(())
    }
}
