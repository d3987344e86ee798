use std::sync::Arc;

use anyhow::Context;
use blindjoin_columnar::{
    Bound, Population, Reader, RecordIds, Side, Signature, TakeSignatures, pipeline, today,
};
use blindjoin_protocol::{QuerierKeys, QuerierKeysBuilder, join_key};
use blindjoin_record::RuleSet;
use blindjoin_record::findings::Findings;

use crate::Rules;

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
    /// What the values are like, field by field.
    pub findings: Findings,
    /// The rows that are in no block, in order: they have values and are not compared.
    pub outside: Vec<u32>,
}

impl People {
    /// Reads a table of records whole. The only rule of the rule set `blocks` yields a record's
    /// block, where blocks are asked for; a record without one takes no part: its cells will say
    /// that they were not compared.
    ///
    /// # Errors
    ///
    /// What reading yields; a rule for which no record has a value, unless `allow_empty` says that
    /// this is meant.
    pub fn read(
        reader: Reader,
        rules: &Rules,
        blocks: Option<&RuleSet>,
        allow_empty: bool,
    ) -> anyhow::Result<Self> {
        let ids = rules.ids();
        let columns = u16::try_from(ids.len()).context("there are too many rules")?;
        let mut take = Take {
            blocked: blocks.is_some(),
            builder: QuerierKeysBuilder::new(columns),
            ids: &ids,
            key: Vec::new(),
            outside: Vec::new(),
        };
        let (population, remarks) = read(reader, rules, blocks, allow_empty, &mut take)?;
        let (keys, outside) = (take.builder.build(), take.outside);
        Ok(Self {
            ids: population.ids,
            keys,
            rules: ids,
            rules_digest: rules.digest(blocks),
            remarks,
            findings: population.findings,
            outside,
        })
    }
}

/// Reads a table whole; yields also what should be said of it.
pub(crate) fn read<T: TakeSignatures<Error = anyhow::Error>>(
    mut reader: Reader,
    rules: &Rules,
    blocks: Option<&RuleSet>,
    allow_empty: bool,
    take: &mut T,
) -> anyhow::Result<(Population, Vec<String>)> {
    let file = Arc::clone(reader.name());
    let notes = reader.notes().iter();
    let mut remarks: Vec<String> = notes.map(|note| format!("{file}: {note}")).collect();
    let bind = |rules: &RuleSet| Bound::new(&file, reader.columns(), rules, Side::Querier, today());
    let bound = bind(rules.asked())?;
    let in_blocks = blocks.map(bind).transpose().context("--block")?;
    let population = Population::read(
        &mut reader,
        &bound.binding,
        in_blocks.as_ref().map(|bound| &bound.binding),
        Side::Querier,
        pipeline::all_cores(),
        take,
        |_| (),
    )?;
    if !allow_empty {
        population.check_rules(&file, rules.asked())?;
    }
    if population.ids.is_empty() {
        remarks.push(format!("{file}: there are no records"));
    }
    remarks.extend(bound.remarks);
    remarks.extend(population.remarks());
    remarks.extend(population.remarks_on_rules(rules.asked()));
    if population.without_block > 0 {
        let count = population.without_block;
        remarks.push(format!(
            "{count} records are in no block: they are not compared"
        ));
    }
    Ok((population, remarks))
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
