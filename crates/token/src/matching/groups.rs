//! Entries of two files brought together by token.

use rayon::prelude::*;

use crate::table::{NO_KEY, TokenKey};

/// The entries of one file that have a token, in the order of their tokens.
pub(super) struct Sorted {
    entries: Vec<u32>,
    distinct: u64,
}

/// Tokens that both files have, each with its entries.
pub(super) struct Groups {
    shared: Vec<Group>,
    pairs: u64,
    largest: (u64, u64),
    /// Keys left out, ascending.
    frequent: Vec<TokenKey>,
    frequent_entries: (u64, u64),
}

/// One token's entries, as ranges of the sorted ones.
pub(super) struct Group {
    left: (u32, u32),
    right: (u32, u32),
}

impl Sorted {
    pub(super) fn new(keys: &[TokenKey]) -> Self {
        let mut present: Vec<(TokenKey, u32)> = keys
            .iter()
            .zip(0..)
            .filter(|&(&key, _)| key != NO_KEY)
            .map(|(&key, entry)| (key, entry))
            .collect();
        present.par_sort_unstable();
        let distinct = present.chunk_by(|a, b| a.0 == b.0).count();
        Self {
            entries: present.into_iter().map(|(_, entry)| entry).collect(),
            distinct: distinct as u64,
        }
    }

    /// The number of different tokens.
    pub(super) fn distinct(&self) -> u64 {
        self.distinct
    }

    /// The end of the run of entries that share the key of the one at `start`.
    fn run(&self, keys: &[TokenKey], start: usize) -> usize {
        let key = keys[self.entries[start] as usize];
        let run = self.entries[start..].iter();
        start
            + run
                .take_while(|&&entry| keys[entry as usize] == key)
                .count()
    }
}

impl Groups {
    pub(super) fn new(
        keys: &[&[TokenKey]; 2],
        sorted: &[Sorted; 2],
        most_records: Option<u64>,
    ) -> Self {
        let mut this = Self {
            shared: Vec::new(),
            pairs: 0,
            largest: (0, 0),
            frequent: Vec::new(),
            frequent_entries: (0, 0),
        };
        let [left, right] = sorted;
        let most = most_records.unwrap_or(u64::MAX);
        let (mut i, mut j) = (0, 0);
        while i < left.entries.len() && j < right.entries.len() {
            let key = keys[0][left.entries[i] as usize];
            let other = keys[1][right.entries[j] as usize];
            if key < other {
                i += 1;
                continue;
            }
            if key > other {
                j += 1;
                continue;
            }
            let (end_i, end_j) = (left.run(keys[0], i), right.run(keys[1], j));
            let size = ((end_i - i) as u64, (end_j - j) as u64);
            if size.0 > most || size.1 > most {
                this.frequent.push(key);
                this.frequent_entries.0 += size.0;
                this.frequent_entries.1 += size.1;
            } else {
                this.pairs = this.pairs.saturating_add(size.0 * size.1);
                if size.0 * size.1 > this.largest.0 * this.largest.1 {
                    this.largest = size;
                }
                this.shared.push(Group {
                    left: span(i, end_i),
                    right: span(j, end_j),
                });
            }
            (i, j) = (end_i, end_j);
        }
        this
    }

    /// The tokens not left out.
    pub(super) fn shared(&self) -> &[Group] {
        &self.shared
    }

    /// How many pairs of entries have one token.
    pub(super) fn pairs(&self) -> u64 {
        self.pairs
    }

    /// How many tokens both files have, including those left out.
    pub(super) fn tokens(&self) -> u64 {
        (self.shared.len() + self.frequent.len()) as u64
    }

    /// The entries of the token with the most pairs.
    pub(super) fn largest(&self) -> (u64, u64) {
        self.largest
    }

    /// Whether a key is a token's and has not been left out.
    pub(super) fn counts(&self, key: TokenKey) -> bool {
        key != NO_KEY && (self.frequent.is_empty() || self.frequent.binary_search(&key).is_err())
    }

    /// How many tokens are left out, and for how many entries of each file they stand.
    pub(super) fn left_out(&self) -> (u64, u64, u64) {
        let (left, right) = self.frequent_entries;
        (self.frequent.len() as u64, left, right)
    }
}

impl Group {
    pub(super) fn left<'s>(&self, sorted: &'s Sorted) -> &'s [u32] {
        &sorted.entries[self.left.0 as usize..self.left.1 as usize]
    }

    pub(super) fn right<'s>(&self, sorted: &'s Sorted) -> &'s [u32] {
        &sorted.entries[self.right.0 as usize..self.right.1 as usize]
    }
}

fn span(start: usize, end: usize) -> (u32, u32) {
    let place = |at| u32::try_from(at).expect("entries are numbered by 32 bits");
    (place(start), place(end))
}
