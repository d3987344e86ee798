//! How a querier links: the options of a session, and the terms that they come to.

use blindjoin_protocol::agree::{Choices, Mask, Pairwise, TableKind, Terms};
use serde::Deserialize;

use super::{key_size, named, named_or_not};
use crate::{Error, random};

/// How a querier links.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkOptions {
    /// Bits of the session key's modulus: 2048, 3072 or 4096.
    pub key_bits: u32,
    /// How the identifiers are laid out; if unsaid, as it costs least under the mask.
    #[serde(deserialize_with = "named_or_not")]
    pub table: Option<TableKind>,
    /// Whether the key holder counts the matches and lets only them out, instead of decrypting
    /// without learning what matches, not even how much. If unsaid, it counts in pairs only; in a
    /// lookup it never does.
    pub counting: Option<bool>,
    /// Whether the provider hides the number of matches from a counting key holder among false ones.
    pub hide_count: bool,
    /// How differences are masked.
    #[serde(deserialize_with = "named")]
    pub mask: Mask,
    /// Common identifiers known to querier and provider only, which betray a key holder that drops
    /// results.
    pub canaries: u8,
    /// In a pairwise linkage, the most slots that the key holder may find matching, over all pairs.
    pub pair_matches: u64,
    /// Reads tables of powers at addresses that depend on nothing secret.
    pub constant_time_tables: bool,
    /// For how long an agreement is valid.
    pub session_hours: u64,
    /// How long to wait for a party that owes the next message.
    pub idle_seconds: u64,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            key_bits: 3072,
            table: None,
            counting: None,
            hide_count: false,
            mask: Mask::Slot,
            canaries: Terms::DEFAULT_CANARIES,
            pair_matches: 5_000_000,
            constant_time_tables: false,
            session_hours: 24,
            idle_seconds: 300,
        }
    }
}

impl LinkOptions {
    /// The terms of a linkage of `keys` distinct keys under these options.
    ///
    /// # Errors
    ///
    /// [`Error::KeySize`] for a key size that is not offered, and what contradicts itself.
    pub fn terms(
        &self,
        rules: Vec<String>,
        rules_digest: [u8; 32],
        keys: u64,
    ) -> Result<Terms, Error> {
        let table = self.table.unwrap_or(TableKind::cheapest(self.mask));
        let choices = self.choices()?;
        Ok(Terms::join(&choices, table, rules, rules_digest, keys)?)
    }

    /// The terms of looking up one record: one entry per rule, several comparisons in a ciphertext,
    /// always with a blind key holder.
    ///
    /// # Errors
    ///
    /// As for [`LinkOptions::terms`]; a full mask, which a packed comparison cannot have.
    pub fn lookup_terms(&self, rules: Vec<String>, rules_digest: [u8; 32]) -> Result<Terms, Error> {
        Ok(Terms::lookup(&self.choices()?, rules, rules_digest)?)
    }

    /// The terms of comparing pairs of records.
    ///
    /// # Errors
    ///
    /// As for [`LinkOptions::terms`].
    pub fn pair_terms(
        &self,
        rules: Vec<String>,
        rules_digest: [u8; 32],
        pairwise: Pairwise,
    ) -> Result<Terms, Error> {
        let choices = Choices {
            blind: !self.counting.unwrap_or(true),
            ..self.choices()?
        };
        let matches = self.pair_matches;
        Ok(Terms::pairs(
            &choices,
            pairwise,
            rules,
            rules_digest,
            matches,
        )?)
    }

    fn choices(&self) -> Result<Choices, Error> {
        let expires = random::now() + self.session_hours * 3600;
        Ok(Choices {
            mask: self.mask,
            blind: !self.counting.unwrap_or(self.hide_count),
            hide_count: self.hide_count,
            canaries: self.canaries,
            ..Choices::new(key_size(self.key_bits)?, expires)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mask_is_refused_where_there_is_none() {
        let rules = || vec!["ID".to_owned()];
        let full = LinkOptions {
            mask: Mask::Full,
            ..LinkOptions::default()
        };
        full.terms(rules(), [0; 32], 10).unwrap();
        let refused = full.lookup_terms(rules(), [0; 32]).unwrap_err().to_string();
        assert!(refused.contains("full mask"), "{refused}");
        let pairwise = Pairwise::of_rules([(1, 1)], None).unwrap();
        let refused = full.pair_terms(rules(), [0; 32], pairwise).unwrap_err();
        assert!(refused.to_string().contains("full mask"), "{refused}");
        LinkOptions::default()
            .lookup_terms(rules(), [0; 32])
            .unwrap();
    }
}
