//! Loading a registry for linkage: its join keys under the rules of the configuration.
#![forbid(unsafe_code)]

use std::path::Path;

use anyhow::Context;
use blindjoin_columnar::{
    Population, ReadOptions, Reader, Side, Signature, TakeSignatures, pipeline, today,
};
use blindjoin_protocol::{ProviderKeysBuilder, join_key};
use blindjoin_record::RuleSet;
use blindjoin_service::provider::Registry;

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
    let mut reader = Reader::open(data, ReadOptions::strict())?;
    let mut remarks: Vec<String> = reader
        .notes()
        .iter()
        .map(|note| format!("{}: {note}", reader.name()))
        .collect();
    let binding = rules
        .bind(reader.columns(), today())
        .with_context(|| format!("{}", data.display()))?;
    let ids: Vec<String> = rules
        .rules()
        .iter()
        .map(|rule| rule.id().to_owned())
        .collect();
    let mut take = Take {
        builder: ProviderKeysBuilder::default(),
        ids: &ids,
        key: Vec::new(),
    };
    let threads = pipeline::all_cores();
    let population = Population::read(
        &mut reader,
        &binding,
        None,
        Side::Provider,
        threads,
        &mut take,
        |_| (),
    )?;
    let records = population.ids.len();
    anyhow::ensure!(records > 0, "{} has no records", data.display());
    remarks.extend(missing(&ids, &population));
    let registry = Registry {
        rules: ids.clone(),
        rules_digest: rules.digest(),
        keys: take.builder.build(),
    };
    Ok(Loaded {
        registry,
        records,
        remarks,
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
    builder: ProviderKeysBuilder,
    ids: &'a [String],
    key: Vec<u8>,
}

impl TakeSignatures for Take<'_> {
    type Error = TakeError;

    fn row(&mut self, _row: u32) -> Result<(), TakeError> {
        Ok(())
    }

    fn signature(&mut self, signature: Signature<'_>) -> Result<(), TakeError> {
        let rule = &self.ids[usize::from(signature.rule)];
        let block = signature.block.map(str::as_bytes);
        join_key(&mut self.key, rule, signature.text.as_bytes(), block)?;
        Ok(self.builder.push(&self.key)?)
    }
}
