use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::Error;

/// The record identifiers of a table in row order, stored end to end.
///
/// About 8 bytes per record beside the text itself, and 16 more while uniqueness is checked.
#[derive(Clone, Default)]
pub struct RecordIds {
    text: String,
    ends: Vec<usize>,
}

impl RecordIds {
    /// No identifiers yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the identifier of the next row.
    ///
    /// # Errors
    ///
    /// [`Error::MissingRecordId`] where it is absent or blank, with the row's number.
    pub fn push(&mut self, file: &Arc<str>, id: Option<&str>) -> Result<(), Error> {
        let Some(id) = id.filter(|id| !id.trim().is_empty()) else {
            let row = self.ends.len() as u64 + 1;
            return Err(Error::MissingRecordId {
                file: Arc::clone(file),
                row,
            });
        };
        self.text.push_str(id);
        self.ends.push(self.text.len());
        Ok(())
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The identifier at a position, counted from 0.
    ///
    /// # Panics
    ///
    /// If there are no more than `position` rows.
    pub fn get(&self, position: usize) -> &str {
        let start = if position == 0 {
            0
        } else {
            self.ends[position - 1]
        };
        &self.text[start..self.ends[position]]
    }

    /// The identifiers in row order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        (0..self.len()).map(|position| self.get(position))
    }

    /// Checks that no two rows share an identifier.
    ///
    /// # Errors
    ///
    /// [`Error::DuplicateRecordId`] with the numbers of the earliest such pair of rows, and of how many
    /// more repeat an identifier.
    pub fn check_unique(&self, file: &Arc<str>) -> Result<(), Error> {
        let hasher = RandomState::new();
        let mut order: Vec<(u64, usize)> = self
            .iter()
            .enumerate()
            .map(|(row, id)| (hasher.hash_one(id), row))
            .collect();
        order.sort_unstable();
        let mut earliest: Option<(usize, usize)> = None;
        let mut repeated = 0;
        for group in order
            .chunk_by(|a, b| a.0 == b.0)
            .filter(|group| group.len() > 1)
        {
            for (position, &(_, second)) in group.iter().enumerate() {
                let same = group[..position]
                    .iter()
                    .find(|(_, row)| self.get(*row) == self.get(second));
                let Some(&(_, first)) = same else { continue };
                repeated += 1;
                if earliest.is_none_or(|(_, earlier)| second < earlier) {
                    earliest = Some((first, second));
                }
            }
        }
        match earliest {
            None => Ok(()),
            Some((first, second)) => Err(Error::DuplicateRecordId {
                file: Arc::clone(file),
                first: first as u64 + 1,
                second: second as u64 + 1,
                more: repeated - 1,
            }),
        }
    }
}

impl std::fmt::Debug for RecordIds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RecordIds")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &[&str]) -> RecordIds {
        let mut ids = RecordIds::new();
        for id in list {
            ids.push(&"t".into(), Some(id)).expect("present");
        }
        ids
    }

    #[test]
    fn identifiers_come_back_in_order() {
        let ids = ids(&["a", "bcd", "é"]);
        assert_eq!(ids.iter().collect::<Vec<_>>(), ["a", "bcd", "é"]);
        ids.check_unique(&"t".into()).expect("unique");
    }

    #[test]
    fn the_earliest_duplicate_is_named_by_its_rows() {
        match ids(&["a", "b", "c", "b", "a", "b"]).check_unique(&"t".into()) {
            Err(Error::DuplicateRecordId {
                first: 2,
                second: 4,
                more: 2,
                ..
            }) => {}
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn blank_identifiers_are_missing() {
        let mut ids = ids(&["a"]);
        for bad in [None, Some(""), Some(" ")] {
            match ids.push(&"t".into(), bad) {
                Err(Error::MissingRecordId { row: 2, .. }) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
