//! What a provider links, and which part of it a session needs.

use std::sync::Arc;

use blindjoin_protocol::Error as ProtocolError;
use blindjoin_protocol::agree::{Admitted, Objection, Published, Terms};
use blindjoin_protocol::input::{ProviderKeys, ProviderRecords};
use blindjoin_protocol::session::Selected;
use rayon::prelude::*;

use super::census::rule_of;
use crate::Error;

/// What a provider links: its distinct join keys, under the rules that made them.
#[derive(Debug)]
pub struct Registry {
    /// The ids of the rules, in their order.
    pub rules: Vec<String>,
    /// Digest of the rules and their normalisation; a querier must have the same.
    pub rules_digest: [u8; 32],
    /// For each rule, under how many forms the provider probes for it, and its weight in scores.
    pub forms: Vec<(usize, u8)>,
    /// The keys of all records under all rules.
    pub keys: Arc<ProviderKeys>,
    /// The same in blocks, for every blocking that queriers may use.
    pub blocked: Vec<Blocked>,
}

/// A registry cut into blocks by fields.
pub struct Blocked {
    /// The fields, as the provider calls them.
    pub name: String,
    /// What a querier calls this blocking: the digest of the rules together with those that yield blocks.
    pub digest: [u8; 32],
    /// The keys of all records under all rules, each with its block.
    pub keys: Arc<ProviderKeys>,
    /// The blocks, and how many records each holds.
    pub sizes: Vec<(Vec<u8>, usize)>,
    /// The records themselves, where pairs of them may be compared.
    pub records: Option<Arc<ProviderRecords>>,
}

/// Block keys stay out of logs: only how many there are is shown.
impl std::fmt::Debug for Blocked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blocked")
            .field("blocks", &self.sizes.len())
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

/// All keys of a registry, or all of one blocking.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// The blocking, if it is one.
    digest: Option<[u8; 32]>,
    pub(super) keys: Arc<ProviderKeys>,
    pub(super) records: Option<Arc<ProviderRecords>>,
}

impl Registry {
    /// All keys, then the blockings in their order.
    pub(super) fn parts(&self) -> impl Iterator<Item = Part> {
        let all = Part {
            digest: None,
            keys: self.keys.clone(),
            records: None,
        };
        let blocked = self.blocked.iter().map(|blocked| Part {
            digest: Some(blocked.digest),
            keys: blocked.keys.clone(),
            records: blocked.records.clone(),
        });
        std::iter::once(all).chain(blocked)
    }
}

impl Part {
    /// What a log calls it.
    pub(super) fn name(&self) -> &'static str {
        match self.digest {
            None => "all keys",
            Some(_) => "keys in blocks",
        }
    }

    /// The keys, and the records, of which `keep` says so. It is asked about a join key by itself,
    /// or a block with the values of a record in it.
    pub(super) fn retain(&self, keep: impl Fn(&[&[u8]]) -> bool + Sync) -> Result<Self, Error> {
        let kept = filtered(&self.keys, |key| keep(&[key]))?;
        let records = self.records.as_ref().map(|records| {
            let mut records = ProviderRecords::clone(records);
            records.retain(&keep);
            Arc::new(records)
        });
        Ok(Self {
            digest: self.digest,
            keys: Arc::new(kept),
            records,
        })
    }
}

/// A version of a registry, and what is published of it: what offers are answered from, and what
/// sessions compare.
#[derive(Debug)]
pub(super) struct Served {
    /// Nothing in it concerns a single querier.
    pub(super) published: Published,
    parts: Vec<Part>,
}

impl Served {
    pub(super) fn new(published: Published, parts: Vec<Part>) -> Self {
        Self { published, parts }
    }

    /// What takes part in a session: the only place where records decide about anything, long after
    /// the offer was answered.
    pub(super) fn select(
        &self,
        terms: &Terms,
        admitted: &Admitted,
    ) -> Result<Selected, ProtocolError> {
        let directory = admitted.blocks.as_ref();
        let blocking = directory.filter(|directory| !directory.is_hashed());
        let digest = blocking.map(|_| terms.rules_digest);
        let part = self.parts.iter().find(|part| part.digest == digest);
        let part = part.expect("an offer is admitted on what is served");
        if let (Some(_), Some(directory)) = (terms.mode.pairwise(), blocking) {
            let records = part.records.clone();
            let records = records.ok_or(Objection::Pairs)?;
            return Ok(Selected::Records(records, directory.clone()));
        }
        let all_rules = terms.rules.len() == self.published.rules.len();
        if directory.is_none() && all_rules {
            return Ok(Selected::Keys(part.keys.clone()));
        }
        let asked = |key: &[u8]| terms.rules.iter().any(|id| rule_of(key) == id.as_bytes());
        let keys = filtered(&part.keys, |key| {
            asked(key) && directory.is_none_or(|directory| directory.admits_join_key(key))
        })?;
        Ok(Selected::Keys(Arc::new(keys)))
    }
}

#[cfg(test)]
impl Served {
    /// How many keys are compared.
    pub(super) fn keys(&self) -> usize {
        self.parts[0].keys.len()
    }

    /// Whether a key is compared.
    pub(super) fn has(&self, join_key: &[u8]) -> bool {
        self.parts[0].keys.iter().any(|key| key == join_key)
    }
}

/// A copy of some keys, found on all threads: there may be millions.
fn filtered(
    keys: &ProviderKeys,
    keep: impl Fn(&[u8]) -> bool + Send + Sync,
) -> Result<ProviderKeys, ProtocolError> {
    let kept: Vec<&[u8]> = (0..keys.len())
        .into_par_iter()
        .with_min_len(4096)
        .map(|index| keys.get(index))
        .filter(|key| keep(key))
        .collect();
    ProviderKeys::collect(kept)
}
