//! Loading a registry for linkage: its join keys under the rules of the configuration.
#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::Context;
use blindjoin_columnar::{Bound, Population, Reader, pipeline, today};
use blindjoin_linkage::blocking::BlockKey;
use blindjoin_linkage::{ProviderInput, Side, Signed, digest, rule_ids};
use blindjoin_record::RuleSet;
use blindjoin_service::provider::{Blocked, Registry};

/// A registry in memory, and what its owner should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// What is linked.
    pub registry: Registry,
    /// How many records the file has.
    pub records: usize,
    /// Remarks: records without a value for a rule, oddities of the file.
    pub remarks: Vec<String>,
}

/// What queriers may do with a registry besides linking with all of it.
#[derive(Clone, Copy, Debug)]
pub struct Permissions<'a> {
    /// The blockings by fields that they may use.
    pub blocks: &'a [String],
    /// Whether pairs of records may be compared.
    pub pairs: bool,
    /// Whether there may be rules for which no record has a value.
    pub allow_empty: bool,
    /// Whether there may be no records.
    pub allow_no_records: bool,
}

impl Permissions<'_> {
    /// Neither blocks nor pairs; and something must be there to be linked with.
    pub const NONE: Self = Self {
        blocks: &[],
        pairs: false,
        allow_empty: false,
        allow_no_records: false,
    };
}

/// Reads a registry whole and keeps its join keys, each once, and once more for every blocking;
/// where pairs may be compared, its records too.
///
/// # Errors
///
/// What reading yields; a registry without records, and rules under which none has a value, unless
/// the permissions allow that.
pub fn load(
    mut reader: Reader,
    rules: &RuleSet,
    permissions: Permissions<'_>,
) -> anyhow::Result<Loaded> {
    let file = Arc::clone(reader.name());
    let mut blockings = Vec::new();
    for blocking in permissions.blocks {
        let BlockKey::Fields(fields) = BlockKey::new(blocking, rules).context("blocks")? else {
            anyhow::bail!("blocks {blocking}: blocks of a hash need no entry");
        };
        blockings.push(fields);
    }
    let in_blocks: Vec<&RuleSet> = blockings.iter().collect();
    let (side, threads) = (Side::Provider, pipeline::all_cores());
    let (signer, mut remarks) = Bound::signer(&reader, rules, &in_blocks, side, today())?;
    let mut input =
        ProviderInput::new(rules, blockings.len(), permissions.pairs).context("limits.pairs")?;
    let take = |record: &Signed<'_>| anyhow::Ok(input.take(record)?);
    let population = Population::read(&mut reader, &signer, threads, take, |_| ())?;
    let records = population.ids.len();
    if records == 0 {
        let none = format!("{file}: there are no records");
        anyhow::ensure!(
            permissions.allow_no_records,
            "{none}; --allow-no-records serves it all the same"
        );
        remarks.push(none);
    }
    if !permissions.allow_empty {
        population.check_rules(&file, rules)?;
    }
    remarks.extend(population.remarks(rules));
    let ours = input.finish();
    let mut blocked = Vec::new();
    let names = permissions.blocks.iter().zip(&blockings);
    for ((name, fields), in_blocks) in names.zip(ours.blockings) {
        let blocks = &in_blocks.count.blocks;
        let outside = blocks.risk(1).unblocked;
        if outside > 0 {
            remarks.push(format!("blocks {name}: {outside} records are in no block"));
        }
        let sizes = blocks.sizes();
        let sizes = sizes.map(|(key, size)| Ok((key.as_bytes().to_vec(), usize::try_from(size)?)));
        blocked.push(Blocked {
            name: name.clone(),
            digest: digest(rules, Some(fields)),
            sizes: sizes.collect::<anyhow::Result<_>>()?,
            keys: Arc::new(in_blocks.keys),
            records: in_blocks.records.map(Arc::new),
        });
    }
    let registry = Registry {
        rules: rule_ids(rules),
        rules_digest: digest(rules, None),
        forms: rules.forms(),
        keys: Arc::new(ours.keys),
        blocked,
    };
    Ok(Loaded {
        registry,
        records,
        remarks,
    })
}
