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

/// Which cells of a partition must be suppressed, given that its total is published: those below
/// the threshold and, if that is one alone, the smallest other.
pub(crate) fn in_partition(cells: &[u64], threshold: u64) -> Vec<bool> {
    let mut suppress: Vec<bool> = cells.iter().map(|&cell| cell < threshold).collect();
    complement(cells, &mut suppress);
    suppress
}

/// Suppresses the smallest other cell if exactly one is suppressed.
pub(crate) fn complement(cells: &[u64], suppress: &mut [bool]) {
    if suppress.iter().filter(|&&cell| cell).count() != 1 {
        return;
    }
    let others = (0..cells.len()).filter(|&cell| !suppress[cell]);
    if let Some(smallest) = others.min_by_key(|&cell| cells[cell]) {
        suppress[smallest] = true;
    }
}
