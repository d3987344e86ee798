//! What the parties link: join keys, without duplicates.

use std::hash::Hasher as _;

use zeroize::Zeroizing;

use crate::blocks::BlockDirectory;
use crate::blocks::block_of;
use crate::error::Error;
use crate::widths;

/// Appends the join key of a rule's signature to `out`, after clearing it: `rule NUL signature`,
/// and in a blocked linkage `NUL block` behind it, so that records meet inside their block only.
///
/// # Errors
///
/// [`Error::KeyNotJoinable`] when a part is empty or contains a NUL byte.
///
/// # Source
///
/// `spec/protocol.md`, §1.
pub fn join_key(
    out: &mut Vec<u8>,
    rule_id: &str,
    signature: &[u8],
    block: Option<&[u8]>,
) -> Result<(), Error> {
    out.clear();
    for (number, part) in [Some(rule_id.as_bytes()), Some(signature), block]
        .into_iter()
        .flatten()
        .enumerate()
    {
        if part.is_empty() || part.contains(&0) {
            return Err(Error::KeyNotJoinable);
        }
        if number > 0 {
            out.push(0);
        }
        out.extend_from_slice(part);
    }
    Ok(())
}

/// Byte strings one after the other.
#[derive(Clone, Default)]
pub(crate) struct Arena {
    bytes: Zeroizing<Vec<u8>>,
    ends: Vec<usize>,
}

/// Identifiers stay out of logs: only how many there are is shown.
impl std::fmt::Debug for Arena {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Arena")
            .field("keys", &self.ends.len())
            .finish_non_exhaustive()
    }
}

impl Arena {
    pub(crate) fn push(&mut self, item: &[u8]) {
        self.bytes.extend_from_slice(item);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..self.ends[index]]
    }

    /// Yields all items in an order in which equal ones are neighbours.
    fn grouped(&self) -> Vec<u32> {
        let hash = |item: &[u8]| {
            // Not keyed: the order is local, and must be the same when a session is resumed.
            #[expect(deprecated, reason = "the fixed algorithm is what is wanted")]
            let mut hasher = std::hash::SipHasher::new();
            hasher.write(item);
            hasher.finish()
        };
        let mut order: Vec<(u64, u32)> = (0..u32::try_from(self.len())
            .expect("checked on insertion"))
            .map(|i| (hash(self.get(i as usize)), i))
            .collect();
        order.sort_unstable();
        let mut start = 0;
        while start < order.len() {
            let run = order[start..]
                .iter()
                .take_while(|(h, _)| *h == order[start].0)
                .count();
            if run > 1 {
                order[start..start + run]
                    .sort_by(|a, b| self.get(a.1 as usize).cmp(self.get(b.1 as usize)));
            }
            start += run;
        }
        order.into_iter().map(|(_, index)| index).collect()
    }
}

/// The distinct join keys of a provider.
///
/// Memory: the bytes of the keys, and some 12 bytes for each.
#[derive(Clone, Debug, Default)]
pub struct ProviderKeys {
    arena: Arena,
    distinct: Vec<u32>,
}

impl ProviderKeys {
    /// Removes duplicates.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] when the keys cannot be numbered in 31 bits.
    pub fn collect<'a>(keys: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, Error> {
        let mut builder = ProviderKeysBuilder::default();
        for key in keys {
            builder.push(key)?;
        }
        Ok(builder.build())
    }

    /// Yields the number of distinct keys.
    pub fn len(&self) -> usize {
        self.distinct.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.distinct.is_empty()
    }

    /// Yields one of the distinct keys, in the order of [`iter`](Self::iter).
    ///
    /// # Panics
    ///
    /// If there is no such key.
    pub fn get(&self, index: usize) -> &[u8] {
        self.arena.get(self.distinct[index] as usize)
    }

    /// Yields the distinct keys, in an order of its own that does not depend on the input's.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.distinct
            .iter()
            .map(|&index| self.arena.get(index as usize))
    }
}

/// Collects a provider's join keys; see [`ProviderKeys`].
#[derive(Clone, Debug, Default)]
pub struct ProviderKeysBuilder {
    arena: Arena,
}

impl ProviderKeysBuilder {
    /// Takes a key; the same key may come any number of times.
    ///
    /// # Errors
    ///
    /// [`Error::KeyNotJoinable`] for an empty key or one that begins with NUL, which are not
    /// [`join_key`]'s; [`Error::TooMany`] beyond 2³¹ keys.
    pub fn push(&mut self, key: &[u8]) -> Result<(), Error> {
        push(&mut self.arena, key)
    }

    /// Removes duplicates.
    pub fn build(self) -> ProviderKeys {
        let mut distinct = self.arena.grouped();
        distinct.dedup_by(|a, b| self.arena.get(*a as usize) == self.arena.get(*b as usize));
        ProviderKeys {
            arena: self.arena,
            distinct,
        }
    }
}

/// The distinct join keys of a querier, each with the cells of the card that it decides.
#[derive(Clone, Debug)]
pub struct QuerierKeys {
    rows: u32,
    rules: u16,
    arena: Arena,
    /// One representative of each distinct key, and where its cells start.
    distinct: Vec<(u32, u32)>,
    /// Row and rule, grouped by key.
    cells: Vec<(u32, u16)>,
    not_compared: Vec<(u32, u16)>,
}

impl QuerierKeys {
    /// Yields the number of distinct keys.
    pub fn len(&self) -> usize {
        self.distinct.len()
    }

    /// Says whether there are none.
    pub fn is_empty(&self) -> bool {
        self.distinct.is_empty()
    }

    /// Yields the number of rows of the card.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Yields the number of columns of the card.
    pub fn rules(&self) -> u16 {
        self.rules
    }

    /// Yields the distinct keys.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.distinct
            .iter()
            .map(|&(index, _)| self.arena.get(index as usize))
    }

    /// Yields the cells, row and rule, that a key decides.
    pub fn cells(&self, key: usize) -> &[(u32, u16)] {
        let start = self.distinct[key].1 as usize;
        let end = self
            .distinct
            .get(key + 1)
            .map_or(self.cells.len(), |next| next.1 as usize);
        &self.cells[start..end]
    }

    /// Yields the block of each row, in order, of keys that hold one; none for a row without keys.
    pub fn blocks(&self) -> Vec<Option<&[u8]>> {
        let mut blocks = vec![None; self.rows as usize];
        for (key, &(index, _)) in self.distinct.iter().enumerate() {
            let block = block_of(self.arena.get(index as usize));
            for &(row, _) in self.cells(key) {
                blocks[row as usize] = Some(block);
            }
        }
        blocks
    }

    /// Takes the keys outside of a directory out of the comparison, and yields the rows of their
    /// cells, in order.
    pub fn leave_out(&mut self, directory: &BlockDirectory) -> Vec<u32> {
        let (mut distinct, mut cells, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        for (position, &(index, _)) in self.distinct.iter().enumerate() {
            let decided = self.cells(position);
            if directory.admits_join_key(self.arena.get(index as usize)) {
                distinct.push((index, widths::short(cells.len())));
                cells.extend_from_slice(decided);
            } else {
                left_out.extend_from_slice(decided);
            }
        }
        (self.distinct, self.cells) = (distinct, cells);
        let mut rows: Vec<u32> = left_out.iter().map(|(row, _)| *row).collect();
        rows.sort_unstable();
        rows.dedup();
        self.not_compared.extend(left_out);
        rows
    }

    /// Yields the cells that take no part.
    pub(crate) fn not_compared(&self) -> &[(u32, u16)] {
        &self.not_compared
    }
}

/// Collects a querier's join keys; see [`QuerierKeys`].
#[derive(Clone, Debug)]
pub struct QuerierKeysBuilder {
    rows: u32,
    rules: u16,
    arena: Arena,
    cells: Vec<(u32, u16)>,
    not_compared: Vec<(u32, u16)>,
}

impl QuerierKeysBuilder {
    /// Starts a card of `rules` columns and no rows.
    pub fn new(rules: u16) -> Self {
        Self {
            rows: 0,
            rules,
            arena: Arena::default(),
            cells: Vec::new(),
            not_compared: Vec::new(),
        }
    }

    /// Adds a row and yields its number; a row without keys stays without values.
    ///
    /// # Errors
    ///
    /// [`Error::TooMany`] beyond 2³¹ rows.
    pub fn row(&mut self) -> Result<u32, Error> {
        if self.rows > u32::MAX / 2 {
            return Err(Error::TooMany {
                count: u64::from(self.rows) + 1,
                room: 1 << 31,
            });
        }
        self.rows += 1;
        Ok(self.rows - 1)
    }

    /// Takes a key of a row under a rule; the row matches under the rule if any of its keys does.
    ///
    /// # Errors
    ///
    /// As [`ProviderKeysBuilder::push`].
    ///
    /// # Panics
    ///
    /// If there is no such row or rule.
    pub fn push(&mut self, row: u32, rule: u16, key: &[u8]) -> Result<(), Error> {
        assert!(row < self.rows && rule < self.rules, "a cell of the card");
        push(&mut self.arena, key)?;
        self.cells.push((row, rule));
        Ok(())
    }

    /// Marks a cell that has a value but takes no part, as in a suppressed block.
    ///
    /// # Panics
    ///
    /// If there is no such row or rule.
    pub fn not_compared(&mut self, row: u32, rule: u16) {
        assert!(row < self.rows && rule < self.rules, "a cell of the card");
        self.not_compared.push((row, rule));
    }

    /// Groups the cells by key.
    pub fn build(self) -> QuerierKeys {
        let order = self.arena.grouped();
        let mut distinct: Vec<(u32, u32)> = Vec::new();
        for (at, &index) in (0_u32..).zip(&order) {
            if distinct.last().is_none_or(|last| {
                self.arena.get(last.0 as usize) != self.arena.get(index as usize)
            }) {
                distinct.push((index, at));
            }
        }
        let cells = order
            .iter()
            .map(|&index| self.cells[index as usize])
            .collect();
        let Self {
            rows,
            rules,
            arena,
            not_compared,
            ..
        } = self;
        QuerierKeys {
            rows,
            rules,
            arena,
            distinct,
            cells,
            not_compared,
        }
    }
}

fn push(arena: &mut Arena, key: &[u8]) -> Result<(), Error> {
    if key.first().is_none_or(|&first| first == 0) {
        return Err(Error::KeyNotJoinable);
    }
    if arena.len() >= 1 << 31 {
        return Err(Error::TooMany {
            count: arena.len() as u64 + 1,
            room: 1 << 31,
        });
    }
    arena.push(key);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn provider_keys_are_a_set_whatever_the_order() {
        let keys = ProviderKeys::collect([&b"b"[..], b"a", b"b", b"c", b"a"]).unwrap();
        let again = ProviderKeys::collect([&b"c"[..], b"a", b"b"]).unwrap();
        assert_eq!(
            keys.iter().collect::<Vec<_>>(),
            again.iter().collect::<Vec<_>>()
        );
        assert_eq!(keys.len(), 3);
    }

    #[test]
    fn a_key_knows_all_its_cells() {
        let mut builder = QuerierKeysBuilder::new(2);
        for key in [b"x", b"y", b"x"] {
            let row = builder.row().unwrap();
            builder.push(row, 1, key).unwrap();
        }
        let keys = builder.build();
        assert_eq!(keys.len(), 2);
        let x = keys.iter().position(|key| key == b"x").unwrap();
        assert_eq!(keys.cells(x), [(0, 1), (2, 1)]);
    }

    #[test]
    fn join_keys_are_unambiguous() {
        let mut out = Vec::new();
        join_key(&mut out, "ssn", b"123", None).unwrap();
        assert_eq!(out, b"ssn\x00123");
        join_key(&mut out, "ssn", b"123", Some(b"1980")).unwrap();
        assert_eq!(out, b"ssn\x00123\x001980");
        for (rule, signature) in [
            ("", &b"1"[..]),
            ("a\0b", b"1"),
            ("a", b""),
            ("a", b"1\x002"),
        ] {
            assert_eq!(
                join_key(&mut out, rule, signature, None),
                Err(Error::KeyNotJoinable)
            );
        }
        assert_eq!(
            ProviderKeysBuilder::default().push(b"\0canary"),
            Err(Error::KeyNotJoinable)
        );
    }

    #[test]
    fn no_identifier_is_shown() {
        let mut keys = ProviderKeysBuilder::default();
        let mut buffer = Vec::new();
        join_key(&mut buffer, "ID", b"~~~", None).unwrap();
        keys.push(&buffer).unwrap();
        let shown = format!("{keys:?} {:?}", keys.clone().build());
        // As text, or as a list of bytes: a tilde is 126.
        assert!(!shown.contains('~') && !shown.contains("126"), "{shown}");
    }
}
