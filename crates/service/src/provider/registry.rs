//! What a provider links, and which part of it a session needs.

use std::sync::Arc;

use blindjoin_protocol::{
    Agreement, Answer, BlockDirectory, JoinKeys, Mode, Offer, Pairwise, ProviderJobs, ProviderKeys,
    ProviderRecords, SessionSecret,
};
use rand::CryptoRng;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::config::SmallBlocks;

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
    /// The least number of records in a block of this registry.
    pub least_block: usize,
    /// What becomes of smaller ones.
    pub small_blocks: SmallBlocks,
    /// The most pairs of records that a session may compare.
    pub most_pairs: u64,
}

/// A registry cut into blocks by fields.
pub struct Blocked {
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
pub(super) struct Selected {
    part: Part,
    /// The positions of the querier's blocks that take no part.
    left_out: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Part {
    Keys(Arc<ProviderKeys>),
    /// A copy of some keys.
    Some(Arc<ProviderKeys>),
    Records(Arc<ProviderRecords>, BlockDirectory),
}

impl Registry {
    /// What takes part in a session.
    pub(super) fn select(&self, offer: &Offer) -> Result<Selected, Error> {
        let named = offer.blocks.as_ref().filter(|blocks| !blocks.is_hashed());
        if let Some(directory) = named {
            return self.select_in_blocks(offer, directory);
        }
        if matches!(offer.terms.mode, Mode::Pairwise(_)) {
            let reason = "pairs are compared in blocks of fields only".to_owned();
            return Err(Error::Refused { reason });
        }
        if offer.terms.rules != self.rules || offer.terms.rules_digest != self.rules_digest {
            return Err(self.other_rules("rules"));
        }
        let Some(directory) = &offer.blocks else {
            let part = Part::Keys(self.keys.clone());
            let left_out = Vec::new();
            return Ok(Selected { part, left_out });
        };
        let admitted = admitted(&self.keys, directory);
        let (directory, left_out) = self.large_blocks(directory, admitted.iter().copied())?;
        let admitted = admitted.into_iter().filter(|key| directory.admits(key));
        let part = Part::Some(Arc::new(ProviderKeys::collect(admitted)?));
        Ok(Selected { part, left_out })
    }

    fn select_in_blocks(
        &self,
        offer: &Offer,
        directory: &BlockDirectory,
    ) -> Result<Selected, Error> {
        let terms = &offer.terms;
        let same =
            |blocked: &&Blocked| terms.rules == self.rules && terms.rules_digest == blocked.digest;
        let blocked = self.blocked.iter().find(same);
        let blocked = blocked.ok_or_else(|| self.other_rules("rules and blocking"))?;
        let records = blocked
            .sizes
            .iter()
            .flat_map(|(key, size)| std::iter::repeat_n(&**key, *size));
        let (directory, left_out) = self.large_blocks(directory, records)?;
        let part = match &terms.mode {
            Mode::Pairwise(pairwise) => self.select_pairs(pairwise, blocked, directory)?,
            Mode::Join { .. } | Mode::Lookup => {
                let admitted = admitted(&blocked.keys, &directory);
                Part::Some(Arc::new(ProviderKeys::collect(admitted)?))
            }
        };
        Ok(Selected { part, left_out })
    }

    /// The blocks that take part, and the positions of the others.
    fn large_blocks<'a>(
        &self,
        directory: &BlockDirectory,
        records: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(BlockDirectory, Vec<u32>), Error> {
        match self.small_blocks {
            SmallBlocks::Refuse => {
                directory.check_sizes(records, self.least_block)?;
                Ok((directory.clone(), Vec::new()))
            }
            SmallBlocks::Suppress => {
                let left_out = directory.small(records, self.least_block);
                Ok((directory.without(&left_out)?, left_out))
            }
        }
    }

    fn select_pairs(
        &self,
        pairwise: &Pairwise,
        blocked: &Blocked,
        directory: BlockDirectory,
    ) -> Result<Part, Error> {
        let refuse = |reason| Err(Error::Refused { reason });
        let Some(records) = &blocked.records else {
            return refuse(
                "the provider compares no pairs of records (limits.pairs in its configuration)"
                    .to_owned(),
            );
        };
        if *pairwise != Pairwise::of_rules(self.forms.iter().copied(), pairwise.threshold)? {
            return refuse(
                "the weights of the querier's rules are not those of the provider's".to_owned(),
            );
        }
        if records.pairs(&directory) > self.most_pairs {
            let most = self.most_pairs;
            return refuse(format!(
                "the blocks hold more pairs of records than the {most} that the provider compares \
                 in a session: use smaller blocks or fewer of them"
            ));
        }
        Ok(Part::Records(records.clone(), directory))
    }

    fn other_rules(&self, what: &str) -> Error {
        let ours = self.rules.join(", ");
        Error::Refused {
            reason: format!(
                "the querier's {what} are not the provider's: both need the same with the same \
                 expressions (the provider's rules are {ours})"
            ),
        }
    }
}

/// The keys that a directory admits, found on all threads: there may be millions.
fn admitted<'a>(keys: &'a ProviderKeys, directory: &BlockDirectory) -> Vec<&'a [u8]> {
    (0..keys.len())
        .into_par_iter()
        .with_min_len(4096)
        .map(|index| keys.get(index))
        .filter(|key| directory.admits_join_key(key))
        .collect()
}

impl Selected {
    /// The answer to the offer, of the size class of what takes part.
    pub(super) fn answer(&self, offer: &Offer, rng: &mut impl CryptoRng) -> Answer {
        let answer = match &self.part {
            Part::Keys(keys) | Part::Some(keys) => Answer::for_keys(offer, keys, rng),
            Part::Records(records, blocks) => Answer::for_records(blocks, records, rng),
        };
        answer.leaving_out(self.left_out.clone())
    }

    /// Whether it may be kept for as long as an offer waits.
    pub(super) fn is_small(&self) -> bool {
        match &self.part {
            Part::Keys(_) | Part::Records(..) => true,
            Part::Some(keys) => keys.len() <= KEPT,
        }
    }

    /// The comparisons of a session, without the querier's side.
    pub(super) fn jobs(
        &self,
        agreement: &Agreement,
        join_keys: &JoinKeys,
        secret: &SessionSecret,
    ) -> Result<ProviderJobs, blindjoin_protocol::Error> {
        match &self.part {
            Part::Keys(keys) | Part::Some(keys) => {
                ProviderJobs::prepare(agreement, join_keys, keys, secret)
            }
            Part::Records(records, blocks) => {
                ProviderJobs::prepare_pairs(agreement, join_keys, blocks, records, secret)
            }
        }
    }
}
