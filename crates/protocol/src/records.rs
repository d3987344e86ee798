//! What the parties of a pairwise linkage bring: records in blocks, each cut into parts.

use crate::{BlockDirectory, Error, Pairwise};

/// The querier's records of a pairwise linkage.
#[derive(Clone)]
pub struct QuerierRecords {
    parts: usize,
    blocks: Vec<Option<Vec<u8>>>,
    values: Vec<Option<Vec<u8>>>,
}

impl std::fmt::Debug for QuerierRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QuerierRecords")
            .field("records", &self.blocks.len())
            .finish_non_exhaustive()
    }
}

impl QuerierRecords {
    /// Starts an empty list.
    pub fn new(pairwise: &Pairwise) -> Self {
        Self {
            parts: usize::from(pairwise.parts),
            blocks: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds a record and yields its row; without a block it is not compared.
    ///
    /// `parts` holds a value or nothing for each part.
    ///
    /// # Errors
    ///
    /// [`Error::KeyNotJoinable`] for a value with a NUL byte; [`Error::TooMany`] beyond 2³⁰ rows.
    ///
    /// # Panics
    ///
    /// If there are more or fewer parts than agreed.
    pub fn push(&mut self, block: Option<&[u8]>, parts: &[Option<&[u8]>]) -> Result<u32, Error> {
        assert_eq!(parts.len(), self.parts, "one value or none for each part");
        if parts.iter().flatten().any(|value| value.contains(&0)) {
            return Err(Error::KeyNotJoinable);
        }
        let row = number(self.blocks.len())?;
        self.blocks.push(block.map(<[u8]>::to_vec));
        self.values
            .extend(parts.iter().map(|value| value.map(<[u8]>::to_vec)));
        Ok(row)
    }

    /// Yields the number of records.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Yields the blocks with their numbers of records, for the directory.
    pub fn blocks(&self) -> impl Iterator<Item = (&[u8], usize)> {
        self.blocks
            .iter()
            .flatten()
            .map(|block| (block.as_slice(), 1))
    }

    pub(crate) fn block(&self, row: usize) -> Option<&[u8]> {
        self.blocks[row].as_deref()
    }

    pub(crate) fn parts(&self, row: usize) -> &[Option<Vec<u8>>] {
        &self.values[row * self.parts..(row + 1) * self.parts]
    }
}

/// The provider's records of a pairwise linkage.
#[derive(Clone)]
pub struct ProviderRecords {
    clauses: Vec<usize>,
    blocks: Vec<Vec<u8>>,
    values: Vec<Option<Vec<Vec<u8>>>>,
}

impl std::fmt::Debug for ProviderRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderRecords")
            .field("records", &self.blocks.len())
            .finish_non_exhaustive()
    }
}

impl ProviderRecords {
    /// Starts an empty list.
    pub fn new(pairwise: &Pairwise) -> Self {
        let clauses = pairwise
            .clauses
            .iter()
            .map(|clause| clause.parts.len())
            .collect();
        Self {
            clauses,
            blocks: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds a record.
    ///
    /// `clauses` holds, for each clause, the values that its parts must have, or nothing where the
    /// record lacks one. A record may ask for other values than its own: a neighbouring year, say.
    ///
    /// # Errors
    ///
    /// As [`QuerierRecords::push`].
    ///
    /// # Panics
    ///
    /// If the clauses or the values of one are more or fewer than agreed.
    pub fn push(&mut self, block: &[u8], clauses: &[Option<Vec<&[u8]>>]) -> Result<(), Error> {
        assert_eq!(
            clauses.len(),
            self.clauses.len(),
            "values or none for each clause"
        );
        for (clause, &parts) in clauses.iter().zip(&self.clauses) {
            let Some(values) = clause else { continue };
            assert_eq!(values.len(), parts, "a value for each part of the clause");
            if values.iter().any(|value| value.contains(&0)) {
                return Err(Error::KeyNotJoinable);
            }
        }
        number(self.blocks.len())?;
        self.blocks.push(block.to_vec());
        let owned = |values: &Vec<&[u8]>| values.iter().map(|value| value.to_vec()).collect();
        self.values
            .extend(clauses.iter().map(|clause| clause.as_ref().map(owned)));
        Ok(())
    }

    /// Yields the number of records.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty()
    }

    /// Yields the number of pairs with the querier's padded blocks.
    pub fn pairs(&self, blocks: &BlockDirectory) -> u64 {
        let counts = self.count(blocks);
        blocks
            .iter()
            .zip(counts)
            .map(|((_, rows), count)| u64::from(rows) * count)
            .sum()
    }

    fn count(&self, blocks: &BlockDirectory) -> Vec<u64> {
        let mut counts = vec![0; blocks.len()];
        for block in self.blocks.iter().filter_map(|block| blocks.find(block)) {
            counts[block] += 1;
        }
        counts
    }

    pub(crate) fn block(&self, record: usize) -> &[u8] {
        &self.blocks[record]
    }

    pub(crate) fn clauses(&self, record: usize) -> &[Option<Vec<Vec<u8>>>] {
        let count = self.clauses.len();
        &self.values[record * count..(record + 1) * count]
    }
}

fn number(rows: usize) -> Result<u32, Error> {
    let room = 1 << 30;
    let count = rows as u64 + 1;
    u32::try_from(rows)
        .ok()
        .filter(|_| count <= room)
        .ok_or(Error::TooMany { count, room })
}
