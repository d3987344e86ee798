//! What a provider links, and which part of it a session needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use blindjoin_protocol::{
    Admitted, Agreement, BlockDirectory, Blocking, CellRule, JoinKeys, KeySize, Mode, OfferedCell,
    ProviderJobs, ProviderKeys, ProviderRecords, Published, PublishedRule, SessionSecret, Terms,
    published_class,
};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::{Error, Refusal};

/// The most join keys that are kept while an answered offer waits for its session.
const KEPT: usize = 1 << 14;

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
    /// The least number of records in a block of this registry that queriers may name.
    pub least_block: usize,
    /// The most pairs of records that a session may compare.
    pub most_pairs: u64,
}

/// A registry cut into blocks by fields.
pub struct Blocked {
    /// The fields, as the provider calls them.
    pub name: String,
    /// What a querier calls this blocking: [`blocked_digest`].
    pub digest: [u8; 32],
    /// The keys of all records under all rules, each with its block.
    pub keys: ProviderKeys,
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

/// The digest of rules together with the rules that yield blocks: what both sides must have.
pub fn blocked_digest(rules: [u8; 32], blocks: [u8; 32]) -> [u8; 32] {
    Sha256::new()
        .chain_update(b"in blocks")
        .chain_update(rules)
        .chain_update(blocks)
        .finalize()
        .into()
}

/// The part of a registry that takes part in a session.
#[derive(Clone, Debug)]
pub(super) enum Selected {
    Keys(Arc<ProviderKeys>),
    /// A copy of some keys.
    Some(Arc<ProviderKeys>),
    Records(Arc<ProviderRecords>, BlockDirectory),
}

impl Registry {
    /// What is published of the registry's records and rules.
    pub(super) fn publish(&self, key_sizes: Vec<KeySize>) -> Result<Published, Error> {
        let count = |id: &str| {
            let of_rule = |key: &&[u8]| rule_of(key) == id.as_bytes();
            self.keys.iter().filter(of_rule).count() as u64
        };
        let mut rules = Vec::new();
        for (id, &(forms, weight)) in self.rules.iter().zip(&self.forms) {
            let forms =
                u16::try_from(forms).map_err(|_| Refusal::TooManyForms { rule: id.clone() })?;
            rules.push(PublishedRule {
                id: id.clone(),
                class: published_class(count(id), 0),
                forms,
                weight,
            });
        }
        let mut published = Published::new(rules, self.rules_digest, key_sizes, [0; 32]);
        published.pairs = self.most_pairs > 0;
        for blocked in &self.blocked {
            published.blockings.push(self.publish_cells(blocked)?);
        }
        published.blockings.sort_by_key(Blocking::digest);
        Ok(published)
    }

    fn publish_cells(&self, blocked: &Blocked) -> Result<Blocking, Error> {
        let rule = CellRule {
            least: self.least_block as u64,
        };
        let offered = |records: usize| rule.offers(records as u64, 0, false);
        let mut keys: BTreeMap<&[u8], u64> = BTreeMap::new();
        for key in blocked.keys.iter() {
            let block = key.rsplit(|byte| *byte == 0).next().unwrap_or_default();
            *keys.entry(block).or_default() += 1;
        }
        let sizes = blocked
            .sizes
            .iter()
            .filter(|(_, records)| offered(*records));
        let cells = sizes.map(|(key, records)| OfferedCell {
            key: key.clone(),
            keys: rule.keys(keys.get(key.as_slice()).copied().unwrap_or_default(), 0),
            records: u32::try_from(rule.records(*records as u64, 0)).unwrap_or(u32::MAX),
        });
        Ok(Blocking::new(
            &blocked.name,
            blocked.digest,
            cells.collect(),
        )?)
    }

    /// What takes part in a session.
    pub(super) fn select(&self, terms: &Terms, admitted: &Admitted) -> Result<Selected, Error> {
        let named = admitted.blocks.as_ref();
        // What is published has been checked against the offer, and is made of this registry.
        let cells = named.filter(|blocks| !blocks.is_hashed()).map(|_| {
            let same = |blocked: &&Blocked| terms.rules_digest == blocked.digest;
            self.blocked.iter().find(same).ok_or(Error::SessionState)
        });
        let blocked = cells.transpose()?;
        if let (Mode::Pairwise(_), Some(blocked), Some(directory)) = (&terms.mode, blocked, named) {
            let records = blocked.records.as_ref();
            let records = records.ok_or(Error::SessionState)?;
            return Ok(Selected::Records(records.clone(), directory.clone()));
        }
        let keys = blocked.map_or(&*self.keys, |blocked| &blocked.keys);
        if named.is_none() && terms.rules == self.rules {
            return Ok(Selected::Keys(self.keys.clone()));
        }
        let asked = |key: &&[u8]| terms.rules.iter().any(|id| rule_of(key) == id.as_bytes());
        let part = (0..keys.len())
            .into_par_iter()
            .with_min_len(4096)
            .map(|index| keys.get(index))
            .filter(|key| named.is_none_or(|blocks| blocks.admits_join_key(key)))
            .filter(asked)
            .collect::<Vec<_>>();
        Ok(Selected::Some(Arc::new(ProviderKeys::collect(part)?)))
    }
}

/// The rule at the front of a join key.
fn rule_of(key: &[u8]) -> &[u8] {
    key.split(|byte| *byte == 0).next().unwrap_or_default()
}

impl Selected {
    /// Whether it may be kept for as long as an offer waits.
    pub(super) fn is_small(&self) -> bool {
        match self {
            Self::Keys(_) | Self::Records(..) => true,
            Self::Some(keys) => keys.len() <= KEPT,
        }
    }

    /// The comparisons of a session, without the querier's side.
    pub(super) fn jobs(
        &self,
        agreement: &Agreement,
        join_keys: &JoinKeys,
        secret: &SessionSecret,
    ) -> Result<ProviderJobs, blindjoin_protocol::Error> {
        match self {
            Self::Keys(keys) | Self::Some(keys) => {
                ProviderJobs::prepare(agreement, join_keys, keys, secret)
            }
            Self::Records(records, blocks) => {
                ProviderJobs::prepare_pairs(agreement, join_keys, blocks, records, secret)
            }
        }
    }
}
