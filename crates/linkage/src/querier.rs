//! The querier's input: join keys with the cells that they decide, or the records of pairs.

use blindjoin_protocol::agree::Pairwise;
use blindjoin_protocol::input::{QuerierKeys, QuerierKeysBuilder, QuerierRecords};
use blindjoin_record::RuleSet;

use crate::keys::Keys;
use crate::{Error, Signed};

/// Makes the join keys of a querier's records. Where blocks were asked for, the first blocking counts,
/// and a record without a block takes no part: its cells will say that they were not compared.
#[derive(Debug)]
pub struct QuerierKeyInput {
    keys: Keys,
    builder: QuerierKeysBuilder,
    outside: Vec<u32>,
}

impl QuerierKeyInput {
    /// Starts a card with a column for each rule.
    ///
    /// # Panics
    ///
    /// Never: rule sets have far fewer than 2¹⁶ rules.
    pub fn new(rules: &RuleSet) -> Self {
        let columns = u16::try_from(rules.rules().len()).expect("rule sets have far fewer rules");
        Self {
            keys: Keys::new(rules),
            builder: QuerierKeysBuilder::new(columns),
            outside: Vec::new(),
        }
    }

    /// Takes the next record, which is the next row of the card.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] for a signature or block with a NUL byte, and for more records or keys than a
    /// linkage can take.
    pub fn take(&mut self, record: &Signed<'_>) -> Result<(), Error> {
        let row = self.builder.row()?;
        let block = match *record.blocks {
            [] => None,
            [Some(block), ..] => Some(block),
            [None, ..] => {
                for signature in record.signatures {
                    self.builder.not_compared(row, signature.rule);
                }
                if record.takes_part() {
                    self.outside.push(row);
                }
                return Ok(());
            }
        };
        for signature in record.signatures {
            let key = self.keys.make(signature, block)?;
            self.builder.push(row, signature.rule, key)?;
        }
        Ok(())
    }

    /// Yields the keys, and the rows that have values but no block, in order.
    pub fn finish(self) -> (QuerierKeys, Vec<u32>) {
        (self.builder.build(), self.outside)
    }
}

/// Collects a querier's records for a comparison of pairs, in the blocks of the first blocking.
#[derive(Debug)]
pub struct QuerierRecordInput {
    rules: usize,
    records: QuerierRecords,
    outside: Vec<u32>,
}

impl QuerierRecordInput {
    /// Starts an empty list, of records signed under these rules.
    pub fn new(rules: &RuleSet, pairwise: &Pairwise) -> Self {
        Self {
            rules: rules.rules().len(),
            records: QuerierRecords::new(pairwise),
            outside: Vec::new(),
        }
    }

    /// Takes the next record.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] for a signature or block with a NUL byte, and for more records than a linkage
    /// can take.
    ///
    /// # Panics
    ///
    /// If the comparison has other rules.
    pub fn take(&mut self, record: &Signed<'_>) -> Result<(), Error> {
        let mut values = vec![None; self.rules];
        for signature in record.signatures {
            values[usize::from(signature.rule)] = Some(signature.text.as_bytes());
        }
        let block = record.blocks.first().copied().flatten();
        let row = self.records.push(block.map(str::as_bytes), &values)?;
        if block.is_none() && record.takes_part() {
            self.outside.push(row);
        }
        Ok(())
    }

    /// Yields the records, and the rows that have values but no block, in order.
    pub fn finish(self) -> (QuerierRecords, Vec<u32>) {
        (self.records, self.outside)
    }
}
