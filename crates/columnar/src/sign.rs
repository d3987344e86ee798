use std::num::NonZeroUsize;
use std::sync::Arc;

use blindjoin_linkage::{Batch, Reasons, Signed, Signer, add_reasons};
use blindjoin_record::findings::Findings;
use blindjoin_record::{RuleSet, Scratch};

use crate::{Chunk, Error, Reader, RecordIds, pipeline};

/// What is known of a table whose records have been signed.
#[derive(Clone, Debug)]
pub struct Population {
    /// The record ids in row order, present and unique.
    pub ids: RecordIds,
    /// Why records have no signature under a rule, in any of its forms, and how many have none: rule by
    /// rule, reasons in order.
    pub missing: Reasons,
    /// Why records that take part have no block, and how many have none: blocking by blocking, reasons
    /// in order.
    pub without_block: Reasons,
    /// What the values are like, field by field.
    pub findings: Findings,
}

impl Population {
    /// Reads a table whole, signs its records on `threads` threads and hands them to `take` in row
    /// order, which keeps what it needs. `progress` is told how far each chunk carries the reading.
    ///
    /// # Errors
    ///
    /// [`Error::NoRecordIdColumn`], [`Error::MissingRecordId`], [`Error::DuplicateRecordId`] (known
    /// only at the end), [`Error::Rules`] for dates that were read in the wrong order,
    /// [`Error::TooManyRows`] beyond 2³² rows, all that reading can yield, and what
    /// `take` does not take.
    pub fn read<E: From<Error> + Send>(
        reader: &mut Reader,
        signer: &Signer,
        threads: NonZeroUsize,
        mut take: impl FnMut(&Signed<'_>) -> Result<(), E>,
        progress: impl FnMut(u64),
    ) -> Result<Self, E> {
        let file = Arc::clone(reader.name());
        if signer.rules().record_id_column().is_none() {
            return Err(Error::NoRecordIdColumn { file }.into());
        }
        let mut ids = RecordIds::new();
        let identified = |record: &Signed<'_>| {
            ids.push(&file, record.id)?;
            take(record)
        };
        let population = Self::read_without_ids(reader, signer, threads, identified, progress)?;
        ids.check_unique(&file)?;
        Ok(Self { ids, ..population })
    }

    /// The same of a table whose records nobody needs to tell apart: [`Population::ids`] stays empty.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), but for those of record ids.
    pub fn read_without_ids<E: From<Error> + Send>(
        reader: &mut Reader,
        signer: &Signer,
        threads: NonZeroUsize,
        mut take: impl FnMut(&Signed<'_>) -> Result<(), E>,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, E> {
        let file = Arc::clone(reader.name());
        let empty = signer.batch();
        let mut population = Self {
            ids: RecordIds::new(),
            missing: empty.missing().clone(),
            without_block: empty.without_block().clone(),
            findings: empty.findings().clone(),
        };
        pipeline::run(
            reader,
            threads,
            || {
                let mut scratch = Scratch::default();
                move |chunk: &Chunk| {
                    let mut batch = signer.batch();
                    for (row, number) in chunk.rows().iter().zip(chunk.first_row()..) {
                        signer.sign(&row, number, &mut scratch, &mut batch);
                    }
                    Ok::<_, E>((batch, chunk.progress()))
                }
            },
            |(batch, done): (Batch, u64)| {
                let first = population.findings.records();
                let fits = u32::try_from(first + batch.len() as u64).is_ok();
                let first = u32::try_from(first).ok().filter(|_| fits);
                let first = first.ok_or_else(|| Error::TooManyRows {
                    file: Arc::clone(&file),
                })?;
                batch.for_each(first, &mut take)?;
                population.findings.merge(batch.findings());
                add_reasons(&mut population.missing, batch.missing());
                add_reasons(&mut population.without_block, batch.without_block());
                progress(done);
                Ok(())
            },
        )?;
        let misread = |source| Error::Rules {
            file: Arc::clone(&file),
            source,
        };
        population.findings.check().map_err(misread)?;
        let reasons = [&mut population.missing, &mut population.without_block];
        for reasons in reasons.into_iter().flatten() {
            reasons.sort_unstable();
        }
        Ok(population)
    }

    /// What the values are like, line by line, where something is to be said of them, and under which
    /// rules records have no signature.
    pub fn remarks(&self, rules: &RuleSet) -> Vec<String> {
        let mut lines: Vec<String> = self
            .findings
            .to_string()
            .lines()
            .map(str::to_owned)
            .collect();
        lines.extend(
            rules
                .rules()
                .iter()
                .zip(0..)
                .filter_map(|(rule, position)| {
                    let (count, id) = (self.without_value(position), rule.id());
                    if count == 0 {
                        None
                    } else if count == self.ids.len() as u64 {
                        Some(format!(
                            "rule {id}: none of the {count} records has a value, so it finds nothing"
                        ))
                    } else {
                        Some(format!("rule {id}: {count} records have no value for it"))
                    }
                }),
        );
        lines
    }

    /// How many records have no signature under a rule, by its position.
    pub fn without_value(&self, rule: usize) -> u64 {
        self.missing[rule].iter().map(|(_, count)| count).sum()
    }

    /// Refuses a table under which some rule can find nothing: records are there, and none has a
    /// signature under it. Whoever wants it all the same does not ask.
    ///
    /// # Errors
    ///
    /// [`Error::UnusableRule`], with all such rules and why.
    pub fn check_rules(&self, file: &Arc<str>, rules: &RuleSet) -> Result<(), Error> {
        let records = self.findings.records();
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
