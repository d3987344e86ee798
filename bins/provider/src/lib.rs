//! Loading a registry for linkage: its join keys under the rules of the configuration.
#![forbid(unsafe_code)]

use std::sync::Arc;

use anyhow::Context;
use blindjoin_columnar::{
    Bound, Input, Population, Side, Signature, TakeSignatures, pipeline, today,
};
use blindjoin_protocol::{Pairwise, ProviderKeysBuilder, ProviderRecords, join_key};
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

/// What queriers may do with a registry besides linking with all of it.
#[derive(Clone, Copy, Debug)]
pub struct Permissions<'a> {
    /// The blockings by fields that they may use.
    pub blocks: &'a [String],
    /// Whether pairs of records may be compared.
    pub pairs: bool,
    /// Whether there may be no records, or none with a value for some rule.
    pub allow_empty: bool,
}

impl Permissions<'_> {
    /// Neither blocks nor pairs; and something must be there to be linked with.
    pub const NONE: Self = Self {
        blocks: &[],
        pairs: false,
        allow_empty: false,
    };
}

/// Reads a registry whole and keeps its join keys, each once, and once more for every blocking;
/// where pairs may be compared, its records too. A stream is kept for these readings.
///
/// # Errors
///
/// What reading yields; a registry without records, and rules under which none has a value, unless
/// the permissions allow that.
pub fn load(data: Input, rules: &RuleSet, permissions: Permissions<'_>) -> anyhow::Result<Loaded> {
    let data = &data.repeatable()?;
    let ids: Vec<String> = rules
        .rules()
        .iter()
        .map(|rule| rule.id().to_owned())
        .collect();
    let forms = rules.forms();
    let Pass {
        take,
        population,
        mut remarks,
    } = pass(data, rules, &ids, None, None)?;
    let records = population.ids.len();
    let keys = Arc::new(take.builder.build());
    if !permissions.allow_empty {
        anyhow::ensure!(
            records > 0,
            "{}: has no records; --allow-empty serves it all the same",
            data.name()
        );
        population.check_rules(data.name(), rules)?;
    }
    remarks.extend(population.remarks_on_rules(rules));
    let mut blocked = Vec::new();
    for blocking in permissions.blocks {
        let BlockKey::Fields(fields) = BlockKey::new(blocking, rules)? else {
            anyhow::bail!("blocks {blocking}: blocks of a hash need no entry");
        };
        let pairs = permissions
            .pairs
            .then(|| PairRecords::new(&forms).context("limits.pairs"));
        let Pass {
            take, population, ..
        } = pass(data, rules, &ids, Some(&fields), pairs.transpose()?)?;
        if population.without_block > 0 {
            let count = population.without_block;
            remarks.push(format!(
                "blocks {blocking}: {count} records are in no block"
            ));
        }
        let sizes = take.blocks.sizes();
        let sizes = sizes.map(|(key, size)| Ok((key.as_bytes().to_vec(), usize::try_from(size)?)));
        blocked.push(Blocked {
            name: blocking.clone(),
            digest: blocked_digest(rules.digest(), fields.digest()),
            sizes: sizes.collect::<anyhow::Result<_>>()?,
            keys: Arc::new(take.builder.build()),
            records: take.pairs.map(|pairs| Arc::new(pairs.records)),
        });
    }
    let registry = Registry {
        rules: ids,
        rules_digest: rules.digest(),
        forms,
        keys,
        blocked,
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
    data: &Input,
    rules: &RuleSet,
    ids: &'a [String],
    blocks: Option<&RuleSet>,
    pairs: Option<PairRecords>,
) -> anyhow::Result<Pass<'a>> {
    let mut reader = data.reader()?;
    let notes = reader.notes().iter();
    let mut remarks: Vec<String> = notes
        .map(|note| format!("{}: {note}", reader.name()))
        .collect();
    let bind =
        |rules: &RuleSet, side| Bound::new(reader.name(), reader.columns(), rules, side, today());
    let bound = bind(rules, Side::Provider)?;
    // Blocks have no probe forms.
    let blocks = blocks.map(|fields| bind(fields, Side::Querier));
    let blocks = blocks.transpose().context("blocks")?;
    let mut take = Take {
        blocked: blocks.is_some(),
        blocks: Blocks::default(),
        builder: ProviderKeysBuilder::default(),
        counted: false,
        ids,
        key: Vec::new(),
        pairs,
    };
    let (side, threads) = (Side::Provider, pipeline::all_cores());
    let population = Population::read(
        &mut reader,
        &bound.binding,
        blocks.as_ref().map(|bound| &bound.binding),
        side,
        threads,
        &mut take,
        |_| (),
    )?;
    if let Some(pairs) = &mut take.pairs {
        pairs.finish_record()?;
    }
    remarks.extend(bound.remarks);
    remarks.extend(population.remarks());
    Ok(Pass {
        population,
        remarks,
        take,
    })
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
    pairs: Option<PairRecords>,
}

impl TakeSignatures for Take<'_> {
    type Error = anyhow::Error;

    fn row(&mut self, _row: u32) -> anyhow::Result<()> {
        self.counted = false;
        match &mut self.pairs {
            Some(pairs) => Ok(pairs.finish_record()?),
            None => Ok(()),
        }
    }

    fn signature(&mut self, signature: Signature<'_>) -> anyhow::Result<()> {
        if self.blocked {
            if !self.counted {
                self.blocks.add(signature.block);
                self.counted = true;
            }
            if signature.block.is_none() {
                return Ok(());
            }
        }
        if let Some(pairs) = &mut self.pairs {
            pairs.take(signature);
        }
        let rule = &self.ids[usize::from(signature.rule)];
        let block = signature.block.map(str::as_bytes);
        join_key(&mut self.key, rule, signature.text.as_bytes(), block)?;
        Ok(self.builder.push(&self.key)?)
    }
}

/// Collects whole records, each when the next one begins.
struct PairRecords {
    records: ProviderRecords,
    /// The clause of the first form of each rule.
    first: Vec<usize>,
    block: String,
    /// The record's value for each clause, empty where it has none.
    values: Vec<String>,
}

impl PairRecords {
    fn new(forms: &[(usize, u8)]) -> Result<Self, blindjoin_protocol::Error> {
        let pairwise = Pairwise::of_rules(forms.iter().copied(), None)?;
        let first = forms.iter().scan(0, |clauses, (forms, _)| {
            *clauses += forms;
            Some(*clauses - forms)
        });
        Ok(Self {
            records: ProviderRecords::new(&pairwise),
            first: first.collect(),
            block: String::new(),
            values: vec![String::new(); pairwise.clauses.len()],
        })
    }

    fn take(&mut self, signature: Signature<'_>) {
        if let Some(block) = signature.block {
            block.clone_into(&mut self.block);
            let clause = self.first[usize::from(signature.rule)] + usize::from(signature.form);
            signature.text.clone_into(&mut self.values[clause]);
        }
    }

    /// Ends the record that was begun, if it is in a block.
    fn finish_record(&mut self) -> Result<(), blindjoin_protocol::Error> {
        if self.block.is_empty() {
            return Ok(());
        }
        let values: Vec<Option<&[u8]>> = self
            .values
            .iter()
            .map(|value| Some(value.as_bytes()).filter(|value| !value.is_empty()))
            .collect();
        self.records.push(self.block.as_bytes(), &values)?;
        self.block.clear();
        self.values.iter_mut().for_each(String::clear);
        Ok(())
    }
}
