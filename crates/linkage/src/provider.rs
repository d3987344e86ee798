//! The provider's input: a registry's keys, those in each blocking, and what stands in its blocks.

use blindjoin_protocol::agree::Pairwise;
use blindjoin_protocol::input::{ProviderKeys, ProviderKeysBuilder, ProviderRecords};
use blindjoin_record::RuleSet;

use crate::blocking::BlockCount;
use crate::keys::Keys;
use crate::{Error, Signed};

/// Makes all that a provider compares of its records, as one reading of them passes by.
#[derive(Debug)]
pub struct ProviderInput {
    keys: Keys,
    all: ProviderKeysBuilder,
    blockings: Vec<Blocking>,
    /// How many values stand before those of a rule among the values of a record, where pairs are
    /// compared.
    first: Vec<usize>,
    width: usize,
}

#[derive(Debug)]
struct Blocking {
    count: BlockCount,
    keys: ProviderKeysBuilder,
    records: Option<ProviderRecords>,
}

/// What a provider compares.
#[derive(Debug)]
pub struct ProviderSide {
    /// The distinct keys of all records.
    pub keys: ProviderKeys,
    /// The same in the blocks of each blocking.
    pub blockings: Vec<InBlocks>,
}

/// What a provider compares in blocks of fields.
#[derive(Debug)]
pub struct InBlocks {
    /// How many records are in each block, and in none.
    pub count: BlockCount,
    /// The distinct keys of the records in blocks, each with its block.
    pub keys: ProviderKeys,
    /// These records, where pairs of them are compared.
    pub records: Option<ProviderRecords>,
}

impl ProviderInput {
    /// Starts an empty registry, of records signed under these rules and cut by so many blockings; with
    /// `pairs` the records themselves are kept too.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] for rules that cannot be compared pair by pair.
    pub fn new(rules: &RuleSet, blockings: usize, pairs: bool) -> Result<Self, Error> {
        let forms = rules.forms();
        let pairwise = pairs.then(|| Pairwise::of_rules(forms.iter().copied(), None));
        let pairwise = pairwise.transpose()?;
        let blocking = |_| Blocking {
            count: BlockCount::default(),
            keys: ProviderKeysBuilder::default(),
            records: pairwise.as_ref().map(ProviderRecords::new),
        };
        let mut width = 0;
        let first = forms.iter().map(|(forms, _)| {
            width += forms;
            width - forms
        });
        Ok(Self {
            first: first.collect(),
            width,
            keys: Keys::new(rules),
            all: ProviderKeysBuilder::default(),
            blockings: (0..blockings).map(blocking).collect(),
        })
    }

    /// Takes the next record.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] for a signature or block with a NUL byte, and for more records or keys than a
    /// linkage can take.
    ///
    /// # Panics
    ///
    /// If the record was signed under other rules.
    pub fn take(&mut self, record: &Signed<'_>) -> Result<(), Error> {
        for signature in record.signatures {
            self.all.push(self.keys.make(signature, None)?)?;
        }
        for (blocking, &block) in self.blockings.iter_mut().zip(record.blocks) {
            blocking.count.add(record, block);
            let Some(block) = block.filter(|_| record.takes_part()) else {
                continue;
            };
            for signature in record.signatures {
                blocking
                    .keys
                    .push(self.keys.make(signature, Some(block))?)?;
            }
            if let Some(records) = &mut blocking.records {
                let mut values = vec![None; self.width];
                for signature in record.signatures {
                    let rule = self.first[usize::from(signature.rule)];
                    let value = &mut values[rule + usize::from(signature.form)];
                    *value = Some(signature.text.as_bytes());
                }
                records.push(block.as_bytes(), &values)?;
            }
        }
        Ok(())
    }

    /// Removes duplicates.
    pub fn finish(self) -> ProviderSide {
        let in_blocks = |blocking: Blocking| InBlocks {
            count: blocking.count,
            keys: blocking.keys.build(),
            records: blocking.records,
        };
        ProviderSide {
            keys: self.all.build(),
            blockings: self.blockings.into_iter().map(in_blocks).collect(),
        }
    }
}
