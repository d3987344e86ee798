use std::sync::Arc;

use blindjoin_columnar::{Bound, Population, Reader, RecordIds, pipeline, today};
use blindjoin_linkage::{
    Error, QuerierKeyInput, QuerierRecordInput, Rules, Side, Signed, rule_ids,
};
use blindjoin_protocol::agree::Pairwise;
use blindjoin_protocol::input::{QuerierKeys, QuerierRecords};
use blindjoin_record::RuleSet;
use blindjoin_record::findings::Findings;

/// The querier's records as a linkage sees them.
#[derive(Debug)]
pub struct People<K> {
    /// The record ids, in input order.
    pub ids: RecordIds,
    /// What is looked for: join keys with the cells of the card that each decides, or records.
    pub asked: K,
    /// The ids of the rules: the columns of the card.
    pub rules: Vec<String>,
    /// Digest of rules and blocks, which the provider must have too.
    pub rules_digest: [u8; 32],
    /// What should be said about the file.
    pub remarks: Vec<String>,
    /// What the values are like, field by field.
    pub findings: Findings,
    /// The rows that are in no block, in order: they have values and are not compared.
    pub outside: Vec<u32>,
}

impl People<QuerierKeys> {
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
        let mut input = QuerierKeyInput::new(rules.asked());
        let read = read(reader, rules, blocks, allow_empty, |record| {
            input.take(record)
        })?;
        let (keys, outside) = input.finish();
        Ok(read.with(keys, outside))
    }
}

impl People<QuerierRecords> {
    /// Reads a table of records whole, for a comparison of pairs. The only rule of the rule set `fields`
    /// yields a record's block; a record without one takes no part.
    ///
    /// # Errors
    ///
    /// As [`People::read`].
    pub fn read_for_pairs(
        reader: Reader,
        rules: &Rules,
        pairwise: &Pairwise,
        fields: &RuleSet,
        allow_empty: bool,
    ) -> anyhow::Result<Self> {
        let mut input = QuerierRecordInput::new(rules.asked(), pairwise);
        let take = |record: &Signed<'_>| input.take(record);
        let read = read(reader, rules, Some(fields), allow_empty, take)?;
        let (records, outside) = input.finish();
        Ok(read.with(records, outside))
    }
}

impl People<()> {
    fn with<K>(mut self, asked: K, outside: Vec<u32>) -> People<K> {
        if !outside.is_empty() {
            let count = outside.len();
            let remark = format!("{count} records are in no block: they are not compared");
            self.remarks.push(remark);
        }
        People {
            ids: self.ids,
            asked,
            rules: self.rules,
            rules_digest: self.rules_digest,
            remarks: self.remarks,
            findings: self.findings,
            outside,
        }
    }
}

fn read(
    mut reader: Reader,
    rules: &Rules,
    blocks: Option<&RuleSet>,
    allow_empty: bool,
    mut take: impl FnMut(&Signed<'_>) -> Result<(), Error>,
) -> anyhow::Result<People<()>> {
    let file = Arc::clone(reader.name());
    let in_blocks: Vec<&RuleSet> = blocks.into_iter().collect();
    let side = Side::Querier;
    let (signer, mut remarks) = Bound::signer(&reader, rules.asked(), &in_blocks, side, today())?;
    let threads = pipeline::all_cores();
    let take = |record: &Signed<'_>| anyhow::Ok(take(record)?);
    let population = Population::read(&mut reader, &signer, threads, take, |_| ())?;
    if !allow_empty {
        population.check_rules(&file, rules.asked())?;
    }
    if population.ids.is_empty() {
        remarks.push(format!("{file}: there are no records"));
    }
    remarks.extend(population.remarks(rules.asked()));
    Ok(People {
        ids: population.ids,
        asked: (),
        rules: rule_ids(rules.asked()),
        rules_digest: rules.digest(blocks),
        remarks,
        findings: population.findings,
        outside: Vec::new(),
    })
}
