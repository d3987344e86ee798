//! What the parties of a pairwise linkage bring: records in blocks, each cut into parts.

use std::collections::BTreeMap;

use crate::blocks::BlockDirectory;
use crate::error::Error;
use crate::keys::Arena;
use crate::terms::pairwise::Pairwise;

/// The querier's records of a pairwise linkage.
#[derive(Clone, Debug)]
pub struct QuerierRecords {
    parts: usize,
    /// Empty where a record takes no part.
    blocks: Arena,
    /// Record after record, part after part; empty where there is none.
    values: Arena,
}

impl QuerierRecords {
    /// Starts an empty list.
    pub fn new(pairwise: &Pairwise) -> Self {
        Self {
            parts: usize::from(pairwise.parts),
            blocks: Arena::default(),
            values: Arena::default(),
        }
    }

    /// Adds a record and yields its row; without a block it is not compared.
    ///
    /// `parts` holds a value or nothing for each part.
    ///
    /// # Errors
    ///
    /// [`Error::KeyNotJoinable`] for a value or block that is empty or has a NUL byte;
    /// [`Error::TooMany`] beyond 2³⁰ rows.
    ///
    /// # Panics
    ///
    /// If there are more or fewer parts than agreed.
    pub fn push(&mut self, block: Option<&[u8]>, parts: &[Option<&[u8]>]) -> Result<u32, Error> {
        assert_eq!(parts.len(), self.parts, "one value or none for each part");
        check_joinable(parts.iter().copied().chain([block]).flatten())?;
        let row = number(self.len())?;
        self.blocks.push(block.unwrap_or_default());
        for value in parts {
            self.values.push(value.unwrap_or_default());
        }
        Ok(row)
    }

    /// Yields the number of records.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Yields the block of each row that is compared.
    pub fn blocks(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|row| self.block(row))
    }

    /// Yields the rows, in order, whose blocks a directory does not name.
    pub fn outside(&self, directory: &BlockDirectory) -> Vec<u32> {
        (0..)
            .zip(0..self.len())
            .filter(|&(_, row)| {
                let outside = |block| !directory.admits(block);
                self.block(row).is_some_and(outside)
            })
            .map(|(row, _)| row)
            .collect()
    }

    pub(crate) fn block(&self, row: usize) -> Option<&[u8]> {
        present(&self.blocks, row)
    }

    pub(crate) fn parts(&self, row: usize) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        (row * self.parts..(row + 1) * self.parts).map(|at| present(&self.values, at))
    }
}

/// The provider's records of a pairwise linkage.
#[derive(Clone)]
pub struct ProviderRecords {
    /// How many values a record has: those of all parts of all clauses.
    width: usize,
    /// The records of each block, by their numbers.
    blocks: BTreeMap<Vec<u8>, Vec<u32>>,
    /// Record after record, clause after clause, part after part; empty where there is none.
    values: Arena,
    /// Numbers given so far.
    numbers: u32,
}

/// Block keys stay out of logs: only how many records there are is shown.
impl std::fmt::Debug for ProviderRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderRecords")
            .field("records", &self.len())
            .finish_non_exhaustive()
    }
}

impl ProviderRecords {
    /// Starts an empty list.
    pub fn new(pairwise: &Pairwise) -> Self {
        Self {
            width: pairwise
                .clauses
                .iter()
                .map(|clause| clause.parts.len())
                .sum(),
            blocks: BTreeMap::new(),
            values: Arena::default(),
            numbers: 0,
        }
    }

    /// Adds a record.
    ///
    /// `values` holds, clause after clause, what each part of the querier's record must be for the
    /// clause to hold, or nothing, and then it does not. A record may ask for other values than its
    /// own: a neighbouring year, say.
    ///
    /// # Errors
    ///
    /// As [`QuerierRecords::push`].
    ///
    /// # Panics
    ///
    /// If the values are more or fewer than the parts of all clauses.
    pub fn push(&mut self, block: &[u8], values: &[Option<&[u8]>]) -> Result<(), Error> {
        assert_eq!(
            values.len(),
            self.width,
            "a value or none for each part of each clause"
        );
        check_joinable(values.iter().flatten().copied().chain([block]))?;
        let record = number(self.numbers as usize)?;
        if let Some(members) = self.blocks.get_mut(block) {
            members.push(record);
        } else {
            self.blocks.insert(block.to_vec(), vec![record]);
        }
        for value in values {
            self.values.push(value.unwrap_or_default());
        }
        self.numbers = record + 1;
        Ok(())
    }

    /// Yields the number of records.
    pub fn len(&self) -> usize {
        self.blocks.values().map(Vec::len).sum()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `visit` with each record, block by block: its block, then its values in the order of
    /// [`push`](Self::push), empty where there is none.
    pub fn for_each(&self, mut visit: impl FnMut(&[&[u8]])) {
        for (block, members) in &self.blocks {
            for &record in members {
                visit(&self.fields(block, record));
            }
        }
    }

    /// Removes the records of which `keep`, asked as in [`for_each`](Self::for_each), says no.
    pub fn retain(&mut self, keep: impl Fn(&[&[u8]]) -> bool) {
        let mut blocks = std::mem::take(&mut self.blocks);
        for (block, members) in &mut blocks {
            members.retain(|record| keep(&self.fields(block, *record)));
        }
        blocks.retain(|_, members| !members.is_empty());
        self.blocks = blocks;
    }

    fn fields<'a>(&'a self, block: &'a [u8], record: u32) -> Vec<&'a [u8]> {
        let values = self.values(record).map(Option::unwrap_or_default);
        std::iter::once(block).chain(values).collect()
    }

    /// Yields the blocks, ascending, and how many records each holds.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = (&[u8], usize)> {
        let blocks = self.blocks.iter();
        blocks.map(|(block, members)| (block.as_slice(), members.len()))
    }

    /// Yields the number of pairs with the querier's padded blocks.
    pub fn pairs(&self, blocks: &BlockDirectory) -> u64 {
        blocks
            .iter()
            .zip(self.members(blocks))
            .map(|((_, rows), members)| u64::from(rows) * members.len() as u64)
            .sum()
    }

    /// Yields the records in each block of the directory.
    pub(crate) fn members(&self, directory: &BlockDirectory) -> Vec<Vec<u32>> {
        let mut members = vec![Vec::new(); directory.len()];
        for (block, records) in &self.blocks {
            if let Some(block) = directory.find(block) {
                members[block].extend_from_slice(records);
            }
        }
        members
    }

    pub(crate) fn values(&self, record: u32) -> impl ExactSizeIterator<Item = Option<&[u8]>> {
        let first = record as usize * self.width;
        (first..first + self.width).map(|at| present(&self.values, at))
    }
}

fn present(arena: &Arena, at: usize) -> Option<&[u8]> {
    Some(arena.get(at)).filter(|value| !value.is_empty())
}

fn check_joinable<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<(), Error> {
    if values.any(|value| value.is_empty() || value.contains(&0)) {
        return Err(Error::KeyNotJoinable);
    }
    Ok(())
}

fn number(rows: usize) -> Result<u32, Error> {
    let room = 1 << 30;
    let count = rows as u64 + 1;
    u32::try_from(rows)
        .ok()
        .filter(|_| count <= room)
        .ok_or(Error::TooMany { count, room })
}
