use std::num::NonZeroUsize;
use std::sync::Arc;

use blindjoin_record::findings::Findings;
use blindjoin_record::{Binding, Reason, RuleSet, Scratch};

use crate::{Chunk, Error, Reader, RecordIds, pipeline};

/// Which signatures of a record are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// One per rule: what the querier looks for.
    Querier,
    /// One per rule and probe form: what the provider compares.
    Provider,
}

/// A record's signature under one rule.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature<'a> {
    /// Position of the record in its table, from 0.
    pub row: u32,
    /// Position of the rule in its rule set.
    pub rule: u16,
    /// Position of the probe form in its rule; 0 for a signature.
    pub form: u16,
    /// The signature.
    pub text: &'a str,
    /// The record's blocking key, where blocks were asked for and the record has one.
    pub block: Option<&'a str>,
}

impl std::fmt::Debug for Signature<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signature")
            .field("row", &self.row)
            .field("rule", &self.rule)
            .field("form", &self.form)
            .finish_non_exhaustive()
    }
}

/// Takes in a table's signatures in row order.
pub trait TakeSignatures {
    /// Why taking can fail.
    type Error: From<Error> + Send;

    /// A new row; its signatures follow, in the order of the rules.
    fn row(&mut self, row: u32) -> Result<(), Self::Error>;

    /// A signature of the row just begun.
    fn signature(&mut self, signature: Signature<'_>) -> Result<(), Self::Error>;
}

/// What is known of a table whose signatures have been taken.
#[derive(Clone, Debug, Default)]
pub struct Population {
    /// The record ids in row order, present and unique.
    pub ids: RecordIds,
    /// Why records have no signature under a rule, in any of its forms, and how many have none: rule by
    /// rule, reasons in order.
    pub missing: Vec<Vec<(Reason, u64)>>,
    /// What the values are like, field by field.
    pub findings: Findings,
    /// Records that have a signature and no blocking key, where blocks were asked for: as
    /// [`BlockCount`](crate::BlockCount) counts them under rules.
    pub without_block: u64,
}

impl Population {
    /// Reads a table whole, signs its records on `threads` threads under rules bound to its header,
    /// and hands the signatures to `take`, which keeps what it needs.
    ///
    /// `blocks` is a binding to the same header whose first rule yields blocking keys. `progress` is
    /// told how far each chunk carries the reading.
    ///
    /// # Errors
    ///
    /// [`Error::NoRecordIdColumn`], [`Error::MissingRecordId`], [`Error::DuplicateRecordId`] (known
    /// only at the end), [`Error::Rules`] for dates that were read in the wrong order,
    /// [`Error::TooManyRows`] beyond 2³² rows, all that reading can yield, and what
    /// `take` does not take.
    pub fn read<T: TakeSignatures>(
        reader: &mut Reader,
        binding: &Binding,
        blocks: Option<&Binding>,
        side: Side,
        threads: NonZeroUsize,
        take: &mut T,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, T::Error> {
        let file = Arc::clone(reader.name());
        let Some(id_column) = binding.record_id_column() else {
            return Err(Error::NoRecordIdColumn { file }.into());
        };
        let rules = binding.rules().rules().len();
        let mut population = Self {
            missing: vec![Vec::new(); rules],
            findings: Findings::new(binding),
            ..Self::default()
        };
        let signer = Signer {
            binding,
            blocks,
            side,
            id_column,
        };
        pipeline::run(
            reader,
            threads,
            || {
                let mut scratch = (Scratch::default(), Scratch::default());
                move |chunk: &Chunk| Ok::<_, T::Error>(signer.sign(chunk, &mut scratch))
            },
            |part: Part| {
                part.hand_over(&mut population, &file, take)?;
                progress(part.progress);
                Ok(())
            },
        )?;
        population.ids.check_unique(&file)?;
        let misread = |source| Error::Rules {
            file: Arc::clone(&file),
            source,
        };
        population.findings.check().map_err(misread)?;
        for missing in &mut population.missing {
            missing.sort_unstable();
        }
        Ok(population)
    }

    /// What the values are like, line by line, where something is to be said of them.
    pub fn remarks(&self) -> Vec<String> {
        let lines = self.findings.to_string();
        lines.lines().map(str::to_owned).collect()
    }

    /// How many records have no signature under a rule, by its position.
    pub fn without_value(&self, rule: usize) -> u64 {
        self.missing[rule].iter().map(|(_, count)| count).sum()
    }

    /// A remark for every rule under which records have no signature.
    pub fn remarks_on_rules(&self, rules: &RuleSet) -> Vec<String> {
        let counts = rules
            .rules()
            .iter()
            .zip(0..)
            .filter_map(|(rule, position)| {
                let count = self.without_value(position);
                let remark = || format!("rule {}: {count} records have no value for it", rule.id());
                (count > 0).then(remark)
            });
        counts.collect()
    }

    /// Refuses a table under which some rule can find nothing: records are there, and none has a
    /// signature under it. Whoever wants it all the same does not ask.
    ///
    /// # Errors
    ///
    /// [`Error::UnusableRule`], with all such rules and why.
    pub fn check_rules(&self, file: &Arc<str>, rules: &RuleSet) -> Result<(), Error> {
        let records = self.ids.len() as u64;
        let unusable = rules.rules().iter().zip(&self.missing).enumerate();
        let unusable = unusable.filter(|(position, _)| self.without_value(*position) == records);
        let told = unusable.map(|(_, (rule, reasons))| {
            let reasons = reasons.iter().map(|(reason, count)| {
                let field = rules.fields()[reason.field].name();
                format!("{field} {} in {count}", reason.fault)
            });
            format!("{} ({})", rule.id(), reasons.collect::<Vec<_>>().join(", "))
        });
        let told: Vec<String> = told.collect();
        if records == 0 || told.is_empty() {
            return Ok(());
        }
        Err(Error::UnusableRule {
            file: Arc::clone(file),
            rules: told.join(", "),
            records,
        })
    }
}

#[derive(Clone, Copy)]
struct Signer<'a> {
    binding: &'a Binding,
    blocks: Option<&'a Binding>,
    side: Side,
    id_column: usize,
}

impl Signer<'_> {
    fn sign(&self, chunk: &Chunk, scratch: &mut (Scratch, Scratch)) -> Part {
        let mut part = Part {
            text: String::new(),
            rows: Vec::with_capacity(chunk.len()),
            signatures: Vec::new(),
            missing: vec![Vec::new(); self.binding.rules().rules().len()],
            findings: Findings::new(self.binding),
            blocked: self.blocks.is_some(),
            progress: chunk.progress(),
        };
        for (row, number) in chunk.rows().iter().zip(chunk.first_row()..) {
            let id = row.cell(self.id_column).map(|id| part.push(id));
            let block = self
                .blocks
                .and_then(|blocks| blocks.sign(&row, &mut scratch.1).get(0).ok())
                .map(|block| part.push(block));
            match self.side {
                Side::Querier => {
                    let signatures = self.binding.sign(&row, &mut scratch.0);
                    part.findings.add(number, signatures.observed());
                    for (rule, signature) in signatures.iter().enumerate() {
                        part.take(rule, 0, signature);
                    }
                }
                Side::Provider => {
                    let probes = self.binding.probe(&row, &mut scratch.0);
                    part.findings.add(number, probes.observed());
                    part.take_forms(probes.iter());
                }
            }
            part.rows.push(PartRow {
                id,
                block,
                signatures: part.signatures.len(),
            });
        }
        part
    }
}

/// What a chunk has come to, with its texts end to end.
struct Part {
    text: String,
    rows: Vec<PartRow>,
    /// Rule, form and text.
    signatures: Vec<(u16, u16, Span)>,
    missing: Vec<Vec<(Reason, u64)>>,
    findings: Findings,
    blocked: bool,
    progress: u64,
}

struct PartRow {
    id: Option<Span>,
    block: Option<Span>,
    /// How many signatures there are up to the end of this row.
    signatures: usize,
}

type Span = (usize, usize);

impl Part {
    fn push(&mut self, text: &str) -> Span {
        let start = self.text.len();
        self.text.push_str(text);
        (start, self.text.len())
    }

    fn take(&mut self, rule: usize, form: u16, signature: Result<&str, Reason>) {
        match signature {
            Ok(signature) => {
                let span = self.push(signature);
                let rule = u16::try_from(rule).expect("rule sets have far fewer rules");
                self.signatures.push((rule, form, span));
            }
            Err(reason) => tally(&mut self.missing[rule], reason, 1),
        }
    }

    /// Takes a record's probe forms, those of a rule together. It lacks a value for a rule once, however
    /// many forms there are, and only if it has it in none.
    fn take_forms<'a>(&mut self, forms: impl Iterator<Item = (usize, Result<&'a str, Reason>)>) {
        let mut forms = forms.peekable();
        while let Some((rule, mut outcome)) = forms.next() {
            let mut lacking = None;
            let mut form = 0;
            loop {
                match outcome {
                    Ok(_) => {
                        self.take(rule, form, outcome);
                        lacking = Some(None);
                    }
                    Err(reason) => lacking = lacking.or(Some(Some(reason))),
                }
                form += 1;
                match forms.next_if(|(next, _)| *next == rule) {
                    Some((_, next)) => outcome = next,
                    None => break,
                }
            }
            if let Some(Some(reason)) = lacking {
                self.take(rule, 0, Err(reason));
            }
        }
    }

    fn hand_over<T: TakeSignatures>(
        &self,
        population: &mut Population,
        file: &Arc<str>,
        take: &mut T,
    ) -> Result<(), T::Error> {
        let text = |&(from, to): &Span| &self.text[from..to];
        let mut next = 0;
        for row in &self.rows {
            let Ok(number) = u32::try_from(population.ids.len()) else {
                return Err(Error::TooManyRows {
                    file: Arc::clone(file),
                }
                .into());
            };
            population.ids.push(file, row.id.as_ref().map(text))?;
            let block = row.block.as_ref().map(text);
            let signatures = &self.signatures[next..row.signatures];
            let outside = self.blocked && block.is_none() && !signatures.is_empty();
            population.without_block += u64::from(outside);
            take.row(number)?;
            for (rule, form, span) in signatures {
                take.signature(Signature {
                    row: number,
                    rule: *rule,
                    form: *form,
                    text: text(span),
                    block,
                })?;
            }
            next = row.signatures;
        }
        population.findings.merge(&self.findings);
        for (total, missing) in population.missing.iter_mut().zip(&self.missing) {
            for &(reason, count) in missing {
                tally(total, reason, count);
            }
        }
        Ok(())
    }
}

fn tally(counts: &mut Vec<(Reason, u64)>, reason: Reason, count: u64) {
    match counts.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, total)) => *total += count,
        None => counts.push((reason, count)),
    }
}
