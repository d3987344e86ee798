use rand::Rng;

use crate::Parameters;

/// The steps of the random walk after which an item counts as unplaceable.
const WALK: usize = 500;

/// Marks an empty bin.
const EMPTY: u32 = u32::MAX;

/// The two bins an item may sit in, one in each half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidates([u32; 2]);

impl Candidates {
    /// Yields the pair of `first`, a bin of the first half, and `second`, one of the second.
    ///
    /// # Panics
    ///
    /// If either bin lies outside its half.
    pub fn new(parameters: Parameters, first: u32, second: u32) -> Self {
        assert!(
            first < parameters.half(),
            "the first candidate lies in the first half"
        );
        assert!(
            (parameters.half()..parameters.bins()).contains(&second),
            "the second candidate lies in the second half"
        );
        Self([first, second])
    }

    /// Yields the two bins, that of the first half first.
    pub fn bins(self) -> [u32; 2] {
        self.0
    }
}

/// Items placed into bins, at most one each.
#[derive(Clone, Debug)]
pub struct Table {
    bins: Vec<u32>,
    unplaced: Vec<u32>,
}

impl Table {
    /// Places the items `0..candidates.len()`, each by a random walk of at most 500 evictions.
    ///
    /// What is left in hand at the end of a walk is unplaced; this need not be the item that
    /// started it. With two choices the walk is forced after its first step, so below half load
    /// it finds a place whenever there is one.
    ///
    /// # Panics
    ///
    /// If there are 2³² - 1 items or more, or a candidate lies outside the table.
    pub fn build(parameters: Parameters, candidates: &[Candidates], rng: &mut impl Rng) -> Self {
        let count = u32::try_from(candidates.len()).expect("items are numbered in 32 bits");
        assert!(count < EMPTY, "the last number marks an empty bin");
        let mut table = Self {
            bins: vec![EMPTY; parameters.bins() as usize],
            unplaced: Vec::new(),
        };
        for item in 0..count {
            let side = (rng.next_u32() >> 31) as usize;
            if let Err(left) = table.walk(candidates, item, side) {
                table.unplaced.push(left);
            }
        }
        table.unplaced.sort_unstable();
        table
    }

    /// Yields the item in a bin, if there is one.
    ///
    /// # Panics
    ///
    /// If the table has no such bin.
    pub fn get(&self, bin: u32) -> Option<u32> {
        Some(self.bins[bin as usize]).filter(|&item| item != EMPTY)
    }

    /// Yields the content of every bin in order of the bins.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Option<u32>> + '_ {
        self.bins
            .iter()
            .map(|&item| Some(item).filter(|&item| item != EMPTY))
    }

    /// Yields the number of bins.
    pub fn len(&self) -> usize {
        self.bins.len()
    }

    /// Says whether no bin holds an item.
    pub fn is_empty(&self) -> bool {
        self.bins.iter().all(|&item| item == EMPTY)
    }

    /// Yields the items that have no place, in ascending order.
    pub fn unplaced(&self) -> &[u32] {
        &self.unplaced
    }

    fn walk(&mut self, candidates: &[Candidates], item: u32, side: usize) -> Result<(), u32> {
        let (mut item, mut side) = (item, side);
        for _ in 0..WALK {
            let bin = candidates[item as usize].0[side];
            let evicted = std::mem::replace(&mut self.bins[bin as usize], item);
            if evicted == EMPTY {
                return Ok(());
            }
            side = usize::from(candidates[evicted as usize].0[0] == bin);
            item = evicted;
        }
        Err(item)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    #[test]
    fn every_placed_item_sits_in_a_candidate_bin_once() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let parameters = Parameters::for_size(1000).unwrap();
        let half = u64::from(parameters.half());
        let items: Vec<_> = (0..1000)
            .map(|_| {
                let [a, b] = [0; 2].map(|_| u32::try_from(rng.next_u64() % half).unwrap());
                Candidates::new(parameters, a, parameters.half() + b)
            })
            .collect();
        let table = Table::build(parameters, &items, &mut rng);
        let mut seen = vec![0; 1000];
        for (bin, item) in (0_u32..).zip(table.iter()) {
            assert_eq!(table.get(bin), item);
            if let Some(item) = item {
                assert!(items[item as usize].bins().contains(&bin));
                seen[item as usize] += 1;
            }
        }
        for &item in table.unplaced() {
            seen[item as usize] += 1;
        }
        assert!(seen.iter().all(|&times| times == 1));
    }

    #[test]
    fn identical_candidates_leave_the_third_unplaced() {
        let parameters = Parameters::with_half(4);
        let items = vec![Candidates::new(parameters, 1, 6); 3];
        let table = Table::build(parameters, &items, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(table.unplaced().len(), 1);
        assert_eq!(table.iter().flatten().count(), 2);
    }

    #[test]
    #[should_panic(expected = "second half")]
    fn a_candidate_outside_its_half_is_refused() {
        let _ = Candidates::new(Parameters::with_half(4), 1, 3);
    }
}
