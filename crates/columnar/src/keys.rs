use std::num::NonZeroUsize;

use blindjoin_record::{Binding, Reason, Scratch};

use crate::{Chunk, Error, Reader, RecordIds, pipeline};

/// Which keys of a record are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// One key per rule: what the querier looks for.
    Querier,
    /// One key per rule and probe form: what the provider compares.
    Provider,
}

/// The join keys of a table.
///
/// A join key is the rule's id, a zero byte and the signature: equal keys mean equal signatures under
/// one rule. Keys lie end to end, 12 bytes each beside their own text.
#[derive(Clone, Default)]
pub struct JoinKeys {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    end: usize,
    row: u32,
    rule: u16,
}

/// One join key and where it comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct JoinKey<'a> {
    /// Position of the record in its table, from 0.
    pub row: usize,
    /// Position of the rule in its rule set.
    pub rule: usize,
    /// Rule id, zero byte, signature.
    pub bytes: &'a [u8],
}

impl JoinKeys {
    /// Number of keys.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys, by row and then by rule.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = JoinKey<'_>> {
        let mut start = 0;
        self.entries.iter().map(move |entry| {
            let bytes = &self.bytes[start..entry.end];
            start = entry.end;
            JoinKey {
                row: entry.row as usize,
                rule: usize::from(entry.rule),
                bytes,
            }
        })
    }

    fn push(&mut self, row: u32, rule: usize, id: &str, signature: &str) {
        self.bytes.extend_from_slice(id.as_bytes());
        self.bytes.push(0);
        self.bytes.extend_from_slice(signature.as_bytes());
        let rule = u16::try_from(rule).expect("rule sets have far fewer rules");
        self.entries.push(Entry {
            end: self.bytes.len(),
            row,
            rule,
        });
    }

    fn append(&mut self, other: &Self, first_row: u32) {
        let base = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.entries.extend(other.entries.iter().map(|entry| Entry {
            end: base + entry.end,
            row: first_row + entry.row,
            rule: entry.rule,
        }));
    }
}

impl std::fmt::Debug for JoinKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinKeys")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for JoinKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("JoinKey")
            .field("row", &self.row)
            .field("rule", &self.rule)
            .finish_non_exhaustive()
    }
}

/// A table as the equi-join sees it.
#[derive(Clone, Debug, Default)]
pub struct Population {
    /// The record ids in row order, present and unique.
    pub ids: RecordIds,
    /// The join keys.
    pub keys: JoinKeys,
    /// Why signatures are missing, how often: rule by rule, reasons in order.
    pub missing: Vec<Vec<(Reason, u64)>>,
}

impl Population {
    /// Reads a table whole, and signs its records on `threads` threads under the rules that were
    /// bound to its header. `progress` is told how far each chunk carries the reading.
    ///
    /// # Errors
    ///
    /// [`Error::NoRecordIdColumn`], [`Error::MissingRecordId`], [`Error::DuplicateRecordId`],
    /// [`Error::TooManyRows`] above 2³² rows, and all that reading can yield.
    pub fn read(
        reader: &mut Reader,
        binding: &Binding,
        side: Side,
        threads: NonZeroUsize,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, Error> {
        let file = std::sync::Arc::clone(reader.name());
        let Some(id_column) = binding.record_id_column() else {
            return Err(Error::NoRecordIdColumn { file });
        };
        let rules = binding.rules().rules().len();
        let mut population = Self {
            missing: vec![Vec::new(); rules],
            ..Self::default()
        };
        pipeline::run(
            reader,
            threads,
            || {
                let mut scratch = Scratch::default();
                move |chunk: &Chunk| Ok(Part::of(chunk, binding, id_column, side, &mut scratch))
            },
            |part: Part| {
                for id in &part.ids {
                    population.ids.push(&file, id.as_deref())?;
                }
                let Ok(first_row) = u32::try_from(part.first_row) else {
                    return Err(Error::TooManyRows {
                        file: std::sync::Arc::clone(&file),
                    });
                };
                population.keys.append(&part.keys, first_row);
                for (total, missing) in population.missing.iter_mut().zip(&part.missing) {
                    for &(reason, count) in missing {
                        tally(total, reason, count);
                    }
                }
                progress(part.progress);
                Ok(())
            },
        )?;
        population.ids.check_unique(&file)?;
        for missing in &mut population.missing {
            missing.sort_unstable();
        }
        Ok(population)
    }
}

struct Part {
    ids: Vec<Option<String>>,
    keys: JoinKeys,
    missing: Vec<Vec<(Reason, u64)>>,
    first_row: u64,
    progress: u64,
}

impl Part {
    fn of(
        chunk: &Chunk,
        binding: &Binding,
        id_column: usize,
        side: Side,
        scratch: &mut Scratch,
    ) -> Self {
        let rules = binding.rules().rules();
        let mut keys = JoinKeys::default();
        let mut missing = vec![Vec::new(); rules.len()];
        let mut ids = Vec::with_capacity(chunk.len());
        for (position, row) in (0..).zip(chunk.rows().iter()) {
            ids.push(row.cell(id_column).map(str::to_owned));
            let mut take = |rule: usize, signature: Result<&str, Reason>| match signature {
                Ok(signature) => keys.push(position, rule, rules[rule].id(), signature),
                Err(reason) => tally(&mut missing[rule], reason, 1),
            };
            match side {
                Side::Querier => binding
                    .sign(&row, scratch)
                    .iter()
                    .enumerate()
                    .for_each(|(rule, signature)| take(rule, signature)),
                Side::Provider => binding
                    .probe(&row, scratch)
                    .iter()
                    .for_each(|(rule, signature)| take(rule, signature)),
            }
        }
        Self {
            ids,
            keys,
            missing,
            first_row: chunk.first_row() - 1,
            progress: chunk.progress(),
        }
    }
}

fn tally(counts: &mut Vec<(Reason, u64)>, reason: Reason, count: u64) {
    match counts.iter_mut().find(|(known, _)| *known == reason) {
        Some((_, total)) => *total += count,
        None => counts.push((reason, count)),
    }
}
