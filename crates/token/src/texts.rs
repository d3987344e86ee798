//! Many texts in little memory.

use std::cmp::Ordering;

use rayon::prelude::*;

/// Texts, one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    pub(crate) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len());
    }

    pub(crate) fn get(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[start..self.ends[at]]
    }

    pub(crate) fn len(&self) -> u32 {
        u32::try_from(self.ends.len()).expect("callers bound the number of texts")
    }

    /// The places in the order of their texts, equal ones in order of place.
    pub(crate) fn sorted(&self) -> Vec<u32> {
        let mut order: Vec<(u128, u32)> = (0..self.len())
            .into_par_iter()
            .map(|at| (leading(self.get(at as usize)), at))
            .collect();
        order.par_sort_unstable_by(|a, b| {
            let by_text = || self.get(a.1 as usize).cmp(self.get(b.1 as usize));
            match a.0.cmp(&b.0) {
                Ordering::Equal => by_text().then(a.1.cmp(&b.1)),
                unequal => unequal,
            }
        });
        order.into_iter().map(|(_, at)| at).collect()
    }
}

/// The first sixteen bytes as a number that orders as they do.
fn leading(text: &str) -> u128 {
    let mut bytes = [0; 16];
    let length = text.len().min(16);
    bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
    u128::from_be_bytes(bytes)
}
