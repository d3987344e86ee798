//! Loading a registry for linkage: its join keys under the rules of the configuration.
#![forbid(unsafe_code)]

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use blindjoin_columnar::{
    Population, ReadOptions, Reader, Side, Signature, TakeSignatures, pipeline, today,
};
use blindjoin_protocol::{ProviderKeysBuilder, join_key};
use blindjoin_record::RuleSet;
use blindjoin_record::blocking::{BlockKey, Blocks};
use blindjoin_service::provider::{Blocked, Registry, blocked_digest};

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

/// Reads a registry whole and keeps its join keys, each once.
pub fn load(data: &Path, rules: &RuleSet) -> anyhow::Result<Loaded> {
    load_in_blocks(data, rules, &[], usize::MAX)
}

/// [`load`], and the keys once more for every blocking that queriers may use. Blocks of fewer than
/// `least_block` records are refused when a querier names them.
pub fn load_in_blocks(
    data: &Path,
    rules: &RuleSet,
    blockings: &[String],
    least_block: usize,
) -> anyhow::Result<Loaded> {
    let ids: Vec<String> = rules
        .rules()
        .iter()
        .map(|rule| rule.id().to_owned())
        .collect();
    let Pass {
        take,
        population,
        mut remarks,
    } = pass(data, rules, &ids, None)?;
    let records = population.ids.len();
    anyhow::ensure!(records > 0, "{} has no records", data.display());
    remarks.extend(missing(&ids, &population));
    let keys = Arc::new(take.builder.build());
    let mut blocked = Vec::new();
    for blocking in blockings {
        let BlockKey::Fields(fields) = BlockKey::new(blocking, rules)? else {
            anyhow::bail!("blocks {blocking}: blocks of a hash need no entry");
        };
        let Pass { take, .. } = pass(data, rules, &ids, Some(&fields))?;
        let sizes = take.blocks.sizes();
        let sizes = sizes.map(|(key, size)| Ok((key.as_bytes().to_vec(), usize::try_from(size)?)));
        blocked.push(Blocked {
            digest: blocked_digest(rules.digest(), fields.digest()),
            sizes: sizes.collect::<anyhow::Result<_>>()?,
            keys: take.builder.build(),
        });
    }
    let rules_digest = rules.digest();
    let registry = Registry {
        rules: ids,
        rules_digest,
        keys,
        blocked,
        least_block,
    };
    Ok(Loaded {
        registry,
        records,
        remarks,
    })
}

/// One reading of the registry.
struct Pass<'a> {
    population: Population,
    remarks: Vec<String>,
    take: Take<'a>,
}

fn pass<'a>(
    data: &Path,
    rules: &RuleSet,
    ids: &'a [String],
    blocks: Option<&RuleSet>,
) -> anyhow::Result<Pass<'a>> {
    let mut reader = Reader::open(data, ReadOptions::strict())?;
    let remarks = reader
        .notes()
        .iter()
        .map(|note| format!("{}: {note}", reader.name()))
        .collect();
    let name = || data.display().to_string();
    let binding = rules.bind(reader.columns(), today()).with_context(name)?;
    let blocks = blocks.map(|fields| fields.bind(reader.columns(), today()));
    let blocks = blocks.transpose().with_context(name)?;
    let mut take = Take {
        blocked: blocks.is_some(),
        blocks: Blocks::default(),
        builder: ProviderKeysBuilder::default(),
        counted: false,
        ids,
        key: Vec::new(),
    };
    let (side, threads) = (Side::Provider, pipeline::all_cores());
    let population = Population::read(
        &mut reader,
        &binding,
        blocks.as_ref(),
        side,
        threads,
        &mut take,
        |_| (),
    )?;
    Ok(Pass {
        population,
        remarks,
        take,
    })
}

/// A remark for every rule under which records have no signature.
pub fn missing(rules: &[String], population: &Population) -> Vec<String> {
    rules
        .iter()
        .zip(&population.missing)
        .map(|(rule, missing)| (rule, missing.iter().map(|(_, count)| count).sum::<u64>()))
        .filter(|(_, count)| *count > 0)
        .map(|(rule, count)| format!("rule {rule}: {count} records have no value for it"))
        .collect()
}

/// Why signatures cannot be taken.
#[derive(Debug, thiserror::Error)]
enum TakeError {
    #[error(transparent)]
    Columnar(#[from] blindjoin_columnar::Error),
    #[error(transparent)]
    Protocol(#[from] blindjoin_protocol::Error),
}

struct Take<'a> {
    /// Whether a record needs a block to take part.
    blocked: bool,
    blocks: Blocks,
    builder: ProviderKeysBuilder,
    /// Whether the record's block has been counted.
    counted: bool,
    ids: &'a [String],
    key: Vec<u8>,
}

impl TakeSignatures for Take<'_> {
    type Error = TakeError;

    fn row(&mut self, _row: u32) -> Result<(), TakeError> {
        self.counted = false;
        Ok(())
    }

    fn signature(&mut self, signature: Signature<'_>) -> Result<(), TakeError> {
        if self.blocked {
            if !self.counted {
                self.blocks.add(signature.block);
                self.counted = true;
            }
            if signature.block.is_none() {
                return Ok(());
            }
        }
        let rule = &self.ids[usize::from(signature.rule)];
        let block = signature.block.map(str::as_bytes);
        join_key(&mut self.key, rule, signature.text.as_bytes(), block)?;
        Ok(self.builder.push(&self.key)?)
    }
}
