use std::path::Path;

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Format, Population, RecordIds, Side, Signature, TakeSignatures, pipeline, today,
};
use blindjoin_protocol::{Pairwise, QuerierRecords};
use blindjoin_record::RuleSet;
use blindjoin_service::provider::blocked_digest;

use crate::people::open;

/// The querier's records as a pairwise linkage sees them.
#[derive(Debug)]
pub struct Records {
    /// The record ids, in input order.
    pub ids: RecordIds,
    /// The signatures of all records, and the blocks they are compared in.
    pub records: QuerierRecords,
    /// Digest of rules and blocking, which the provider must have too.
    pub rules_digest: [u8; 32],
    /// What should be said about the file.
    pub remarks: Vec<String>,
}

impl Records {
    /// Reads a table of records whole. The only rule of the rule set `fields` yields a record's block;
    /// a record without one takes no part.
    pub fn read(
        data: &Path,
        format: Option<Format>,
        rules: &RuleSet,
        pairwise: &Pairwise,
        fields: &RuleSet,
    ) -> anyhow::Result<Self> {
        let name = || data.display().to_string();
        let (mut reader, mut remarks) = open(data, format)?;
        let binding = rules.bind(reader.columns(), today()).with_context(name)?;
        let blocks = fields.bind(reader.columns(), today()).with_context(name)?;
        let mut take = Take {
            records: QuerierRecords::new(pairwise),
            begun: false,
            block: String::new(),
            values: vec![String::new(); rules.rules().len()],
        };
        let population = Population::read(
            &mut reader,
            &binding,
            Some(&blocks),
            Side::Querier,
            pipeline::all_cores(),
            &mut take,
            |_| (),
        )?;
        take.finish_record()?;
        ensure!(!population.ids.is_empty(), "{} has no records", name());
        remarks.extend(binding.remarks().iter().cloned());
        remarks.extend(population.remarks());
        if population.without_block > 0 {
            let count = population.without_block;
            remarks.push(format!(
                "{count} records are in no block: they are not compared"
            ));
        }
        Ok(Self {
            ids: population.ids,
            records: take.records,
            rules_digest: blocked_digest(rules.digest(), fields.digest()),
            remarks,
        })
    }
}

/// Collects whole records, each when the next one begins.
struct Take {
    records: QuerierRecords,
    begun: bool,
    block: String,
    /// The record's signature under each rule, empty where it has none.
    values: Vec<String>,
}

impl Take {
    fn finish_record(&mut self) -> Result<(), blindjoin_protocol::Error> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        let values: Vec<Option<&[u8]>> = self
            .values
            .iter()
            .map(|value| Some(value.as_bytes()).filter(|value| !value.is_empty()))
            .collect();
        let block = Some(self.block.as_bytes()).filter(|block| !block.is_empty());
        self.records.push(block, &values)?;
        self.block.clear();
        self.values.iter_mut().for_each(String::clear);
        Ok(())
    }
}

impl TakeSignatures for Take {
    type Error = anyhow::Error;

    fn row(&mut self, _row: u32) -> anyhow::Result<()> {
        Ok(self.finish_record()?)
    }

    fn signature(&mut self, signature: Signature<'_>) -> anyhow::Result<()> {
        signature
            .block
            .unwrap_or_default()
            .clone_into(&mut self.block);
        signature
            .text
            .clone_into(&mut self.values[usize::from(signature.rule)]);
        Ok(())
    }
}
