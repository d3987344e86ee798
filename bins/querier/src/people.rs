use std::path::Path;

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Format, Population, ReadOptions, Reader, RecordIds, Side, Signature, TakeSignatures, pipeline,
    today,
};
use blindjoin_protocol::{QuerierKeys, QuerierKeysBuilder, join_key};
use blindjoin_record::RuleSet;
use blindjoin_service::provider::blocked_digest;

/// The querier's records as a linkage sees them.
#[derive(Debug)]
pub struct People {
    /// The record ids, in input order.
    pub ids: RecordIds,
    /// The join keys of all records, and the cells of the card that each decides.
    pub keys: QuerierKeys,
    /// The ids of the rules: the columns of the card.
    pub rules: Vec<String>,
    /// Digest of the rules, which the provider must have too.
    pub rules_digest: [u8; 32],
    /// What should be said about the file.
    pub remarks: Vec<String>,
    /// The rows that are in no block, in order: they have values and are not compared.
    pub outside: Vec<u32>,
}

impl People {
    /// Reads a table of records whole. The only rule of the rule set `blocks` yields a record's
    /// block, where blocks are asked for; a record without one takes no part: its cells will say
    /// that they were not compared.
    pub fn read(
        data: &Path,
        format: Option<Format>,
        rules: &RuleSet,
        blocks: Option<&RuleSet>,
    ) -> anyhow::Result<Self> {
        let (mut reader, mut remarks) = open(data, format)?;
        let binding = rules
            .bind(reader.columns(), today())
            .with_context(|| data.display().to_string())?;
        let ids: Vec<String> = rules
            .rules()
            .iter()
            .map(|rule| rule.id().to_owned())
            .collect();
        let block_binding = blocks
            .map(|fields| fields.bind(reader.columns(), today()))
            .transpose()
            .with_context(|| data.display().to_string())?;
        let columns = u16::try_from(ids.len()).context("there are too many rules")?;
        let mut take = Take {
            blocked: blocks.is_some(),
            builder: QuerierKeysBuilder::new(columns),
            ids: &ids,
            key: Vec::new(),
            outside: Vec::new(),
        };
        let threads = pipeline::all_cores();
        let population = Population::read(
            &mut reader,
            &binding,
            block_binding.as_ref(),
            Side::Querier,
            threads,
            &mut take,
            |_| (),
        )?;
        let (keys, outside) = (take.builder.build(), take.outside);
        ensure!(
            !population.ids.is_empty(),
            "{} has no records",
            data.display()
        );
        remarks.extend(binding.remarks().iter().cloned());
        remarks.extend(population.remarks());
        for (rule, missing) in ids.iter().zip(&population.missing) {
            let count: u64 = missing.iter().map(|(_, count)| count).sum();
            if count > 0 {
                remarks.push(format!("rule {rule}: {count} records have no value for it"));
            }
        }
        if population.without_block > 0 {
            let count = population.without_block;
            remarks.push(format!(
                "{count} records are in no block: they are not compared"
            ));
        }
        Ok(Self {
            ids: population.ids,
            keys,
            rules: ids,
            rules_digest: match blocks {
                None => rules.digest(),
                Some(fields) => blocked_digest(rules.digest(), fields.digest()),
            },
            remarks,
            outside,
        })
    }
}

/// Opens a table of records; yields also what should be said about the file.
pub(crate) fn open(data: &Path, format: Option<Format>) -> anyhow::Result<(Reader, Vec<String>)> {
    let reader = Reader::open(data, ReadOptions::strict().with_format(format))?;
    let remark = |note| format!("{}: {note}", reader.name());
    let remarks = reader.notes().iter().map(remark).collect();
    Ok((reader, remarks))
}

struct Take<'a> {
    blocked: bool,
    builder: QuerierKeysBuilder,
    ids: &'a [String],
    key: Vec<u8>,
    outside: Vec<u32>,
}

impl TakeSignatures for Take<'_> {
    type Error = anyhow::Error;

    fn row(&mut self, _row: u32) -> anyhow::Result<()> {
        self.builder.row()?;
        Ok(())
    }

    fn signature(&mut self, signature: Signature<'_>) -> anyhow::Result<()> {
        let rule = &self.ids[usize::from(signature.rule)];
        let block = match (self.blocked, signature.block) {
            (false, _) => None,
            (true, Some(block)) => Some(block.as_bytes()),
            (true, None) => {
                self.builder.not_compared(signature.row, signature.rule);
                if self.outside.last() != Some(&signature.row) {
                    self.outside.push(signature.row);
                }
                return Ok(());
            }
        };
        join_key(&mut self.key, rule, signature.text.as_bytes(), block)?;
        Ok(self
            .builder
            .push(signature.row, signature.rule, &self.key)?)
    }
}
