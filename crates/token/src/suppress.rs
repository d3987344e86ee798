//! Counts too small to publish.

use std::fmt;

use serde::{Serialize, Serializer};

/// A count as it may be published: itself, or nothing where it was suppressed.
///
/// Suppressed because it is small, or because a small one could be subtracted back from it: the two
/// look alike.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Count(Option<u64>);

impl Count {
    /// The count, unless suppressed.
    pub const fn exact(self) -> Option<u64> {
        self.0
    }

    pub(crate) const fn shown(count: u64) -> Self {
        Self(Some(count))
    }

    pub(crate) const fn suppressed() -> Self {
        Self(None)
    }

    pub(crate) const fn unless(suppress: bool, count: u64) -> Self {
        if suppress {
            Self::suppressed()
        } else {
            Self::shown(count)
        }
    }
}

impl fmt::Display for Count {
    /// The number, or `suppressed`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(count) => f.pad(&count.to_string()),
            None => f.pad("suppressed"),
        }
    }
}

impl Serialize for Count {
    /// The number, or null.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Which of several cells, whose sum is known, must be suppressed: those below the threshold and,
/// if there are some, the next smallest until two are hidden that together reach the threshold.
///
/// One hidden cell alone could be subtracted back, and cells that sum up to less than the threshold
/// are themselves a count too small: if the sum is nothing, each of them is.
pub(crate) fn in_sum(cells: &[u64], threshold: u64) -> Vec<bool> {
    let mut suppress: Vec<bool> = cells.iter().map(|&cell| cell < threshold).collect();
    loop {
        let hidden: Vec<u64> = cells
            .iter()
            .zip(&suppress)
            .filter_map(|(&cell, &suppress)| suppress.then_some(cell))
            .collect();
        let enough = hidden.len() != 1 && hidden.iter().sum::<u64>() >= threshold;
        let others = (0..cells.len()).filter(|&cell| !suppress[cell]);
        match others.min_by_key(|&cell| cells[cell]) {
            Some(smallest) if !hidden.is_empty() && !enough => suppress[smallest] = true,
            _ => return suppress,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_cells_hide_behind_larger_ones() {
        assert_eq!(in_sum(&[40, 30, 20], 11), [false; 3]);
        assert_eq!(in_sum(&[40, 30, 5], 11), [false, true, true]);
        assert_eq!(in_sum(&[40, 3, 5], 11), [true; 3]);
        assert_eq!(in_sum(&[40, 30, 3, 5], 11), [false, true, true, true]);
        assert_eq!(in_sum(&[40, 10, 5], 11), [false, true, true]);
        assert_eq!(in_sum(&[40, 0, 0, 0], 11), [true; 4]);
        assert_eq!(in_sum(&[3], 11), [true]);
        assert_eq!(in_sum(&[], 11), [false; 0]);
        assert_eq!(in_sum(&[0, 1], 0), [false; 2]);
    }

    #[test]
    fn a_count_shows_itself_or_nothing() {
        let (shown, hidden) = (Count::unless(false, 12), Count::unless(true, 12));
        assert_eq!(format!("{shown:>4} {hidden}"), "  12 suppressed");
        assert_eq!(
            serde_json::to_string(&[shown, hidden]).unwrap(),
            "[12,null]"
        );
    }
}
