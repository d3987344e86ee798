use blindjoin_columnar::{Reader, RecordIds, Signature, TakeSignatures};
use blindjoin_protocol::{Pairwise, QuerierRecords};
use blindjoin_record::RuleSet;
use blindjoin_record::findings::Findings;

use crate::Rules;
use crate::people::read;

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
    /// What the values are like, field by field.
    pub findings: Findings,
    /// How many records have values and are in no block.
    pub outside: usize,
}

impl Records {
    /// Reads a table of records whole. The only rule of the rule set `fields` yields a record's block;
    /// a record without one takes no part.
    ///
    /// # Errors
    ///
    /// What reading yields; a rule for which no record has a value, unless `allow_empty` says that
    /// this is meant.
    pub fn read(
        reader: Reader,
        rules: &Rules,
        pairwise: &Pairwise,
        fields: &RuleSet,
        allow_empty: bool,
    ) -> anyhow::Result<Self> {
        let mut take = Take {
            records: QuerierRecords::new(pairwise),
            begun: false,
            block: String::new(),
            values: vec![String::new(); rules.asked().rules().len()],
        };
        let (population, remarks) = read(reader, rules, Some(fields), allow_empty, &mut take)?;
        take.finish_record()?;
        Ok(Self {
            ids: population.ids,
            records: take.records,
            rules_digest: rules.digest(Some(fields)),
            remarks,
            findings: population.findings,
            outside: usize::try_from(population.without_block)?,
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
