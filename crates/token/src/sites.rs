//! How many tokens sites have and share, and what of that may be published.

use crate::suppress::{Count, in_sum};

/// Tokens per site, in all, shared, and by pair of sites. Exact numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SiteCounts {
    sites: Vec<String>,
    /// Site by site; the diagonal holds a site's own tokens.
    matrix: Vec<u64>,
    total: u64,
    shared: u64,
}

/// The same as it may be published.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublishedSites {
    sites: Vec<String>,
    matrix: Vec<Count>,
    total: Count,
    shared: Count,
}

impl SiteCounts {
    pub(crate) fn new(sites: Vec<String>) -> Self {
        let matrix = vec![0; sites.len() * sites.len()];
        Self {
            sites,
            matrix,
            total: 0,
            shared: 0,
        }
    }

    /// Counts one token, which these different sites have.
    pub(crate) fn count(&mut self, sites: &[u32]) {
        self.total += 1;
        self.shared += u64::from(sites.len() > 1);
        for &a in sites {
            for &b in sites {
                self.matrix[a as usize * self.sites.len() + b as usize] += 1;
            }
        }
    }

    /// The sites, in the order in which they came.
    pub fn sites(&self) -> &[String] {
        &self.sites
    }

    /// Different tokens of a site.
    pub fn tokens(&self, site: usize) -> u64 {
        self.between(site, site)
    }

    /// Different tokens that two sites have in common.
    pub fn between(&self, one: usize, other: usize) -> u64 {
        self.matrix[one * self.sites.len() + other]
    }

    /// Different tokens of all sites.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Different tokens that two or more sites have.
    pub fn shared(&self) -> u64 {
        self.shared
    }

    /// The counts with all below the threshold suppressed, zero included, and with others suppressed
    /// from which a small one could be computed.
    ///
    /// A small site's row and column go with it. Small sites, and small pairs of sites, take the next
    /// smallest with them until two are hidden that together reach the threshold. The shared tokens
    /// go where they or the tokens of one site only are too few, and the total goes with them, since
    /// it falls short of the sum of the sites by little more. With two sites everything but their
    /// own counts follows from each other, so that all of it goes if any does.
    ///
    /// What is suppressed can then not be computed, though it can be bounded, as from above by every
    /// count it is part of.
    pub fn suppress_below(&self, threshold: u64) -> PublishedSites {
        let count = self.sites.len();
        let small = |count: u64| count < threshold;
        let own: Vec<u64> = (0..count).map(|site| self.tokens(site)).collect();
        let hide_own = in_sum(&own, threshold);
        let pairs: Vec<(usize, usize)> = (0..count)
            .flat_map(|one| (one + 1..count).map(move |other| (one, other)))
            .collect();
        let common: Vec<u64> = pairs.iter().map(|&(a, b)| self.between(a, b)).collect();
        let mut hide_common = in_sum(&common, threshold);
        let mut hide_shared = small(self.shared) || small(self.total - self.shared);
        let any = hide_own.contains(&true) || hide_common.contains(&true) || hide_shared;
        if count == 2 && any {
            hide_common[0] = true;
            hide_shared = true;
        }
        let hide_total = small(self.total) || hide_shared;
        let mut matrix = vec![Count::suppressed(); count * count];
        for site in 0..count {
            matrix[site * count + site] = Count::unless(hide_own[site], own[site]);
        }
        for (i, &(a, b)) in pairs.iter().enumerate() {
            let shown = Count::unless(hide_common[i], common[i]);
            matrix[a * count + b] = shown;
            matrix[b * count + a] = shown;
        }
        PublishedSites {
            sites: self.sites.clone(),
            matrix,
            total: Count::unless(hide_total, self.total),
            shared: Count::unless(hide_shared, self.shared),
        }
    }

    /// The counts with nothing suppressed, for use inside the house.
    pub fn unsuppressed(&self) -> PublishedSites {
        self.suppress_below(0)
    }
}

impl PublishedSites {
    /// The sites, in the order in which they came.
    pub fn sites(&self) -> &[String] {
        &self.sites
    }

    /// Different tokens of a site.
    pub fn tokens(&self, site: usize) -> Count {
        self.between(site, site)
    }

    /// Different tokens that two sites have in common.
    pub fn between(&self, one: usize, other: usize) -> Count {
        self.matrix[one * self.sites.len() + other]
    }

    /// Different tokens of all sites.
    pub fn total(&self) -> Count {
        self.total
    }

    /// Different tokens that two or more sites have.
    pub fn shared(&self) -> Count {
        self.shared
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a published figure counts: the sets of sites (as bits) whose tokens are in it.
    type Figure = Vec<f64>;

    fn figure(sites: usize, counts: impl Fn(usize) -> bool) -> Figure {
        (1..1_usize << sites)
            .map(|set| f64::from(u8::from(counts(set))))
            .collect()
    }

    /// Whether a figure is a linear combination of others, by Gaussian elimination.
    fn follows(figure: &Figure, from: &[Figure]) -> bool {
        let rank = |rows: &[Figure]| {
            let mut rows = rows.to_vec();
            let mut rank = 0;
            for column in 0..figure.len() {
                let pivot = (rank..rows.len())
                    .max_by(|&a, &b| rows[a][column].abs().total_cmp(&rows[b][column].abs()));
                let Some(pivot) = pivot.filter(|&row| rows[row][column].abs() > 1e-6) else {
                    continue;
                };
                rows.swap(rank, pivot);
                let pivot = rows[rank].clone();
                for row in &mut rows[rank + 1..] {
                    let factor = row[column] / pivot[column];
                    for (cell, above) in row.iter_mut().zip(&pivot) {
                        *cell -= factor * above;
                    }
                }
                rank += 1;
            }
            rank
        };
        let with: Vec<Figure> = from.iter().chain([figure]).cloned().collect();
        rank(&with) == rank(from)
    }

    fn counts_of(sites: usize, held: &[u64]) -> SiteCounts {
        let names = (0..sites).map(|site| site.to_string()).collect();
        let mut counts = SiteCounts::new(names);
        for (set, &tokens) in (1_u32..).zip(held) {
            let members: Vec<u32> = (0..32).filter(|site| set >> site & 1 == 1).collect();
            for _ in 0..tokens {
                counts.count(&members);
            }
        }
        counts
    }

    /// Checks that no figure below the threshold is shown, nor follows from those that are.
    fn check(sites: usize, held: &[u64], threshold: u64) {
        let counts = counts_of(sites, held);
        let published = counts.suppress_below(threshold);
        let mut shown = Vec::new();
        let mut small = Vec::new();
        let mut add = |exact: u64, count: Count, figure: Figure| {
            if let Some(count) = count.exact() {
                assert_eq!(count, exact);
                shown.push(figure.clone());
            }
            if exact < threshold {
                assert_eq!(count.exact(), None);
                small.push(figure);
            }
        };
        for a in 0..sites {
            for b in a..sites {
                let figure = figure(sites, |set| set >> a & 1 == 1 && set >> b & 1 == 1);
                add(counts.between(a, b), published.between(a, b), figure);
                assert_eq!(published.between(a, b), published.between(b, a));
            }
        }
        add(counts.total(), published.total(), figure(sites, |_| true));
        let shared = figure(sites, |set| set.count_ones() > 1);
        add(counts.shared(), published.shared(), shared);
        let single = figure(sites, usize::is_power_of_two);
        add(
            counts.total() - counts.shared(),
            Count::suppressed(),
            single,
        );
        // One site shares nothing, and everybody knows.
        small.retain(|figure| figure.iter().any(|&cell| cell > 0.0));
        for figure in small {
            assert!(!follows(&figure, &shown), "{held:?}");
        }
    }

    proptest! {
        #[test]
        fn no_small_count_can_be_subtracted_back(
            sites in 1_usize..=5,
            held in prop::collection::vec(prop_oneof![0_u64..12, 5_u64..60], 31),
        ) {
            check(sites, &held[..(1 << sites) - 1], 11);
        }
    }

    #[test]
    fn small_counts_hide_alone_only_where_nothing_follows_from_them() {
        // Two sites of 100 and 50 tokens with 5 in common: the total would give the 5 away.
        let published = counts_of(2, &[95, 45, 5]).suppress_below(11);
        assert_eq!(published.tokens(0).exact(), Some(100));
        assert_eq!(published.total().exact(), None);
        assert_eq!(published.shared().exact(), None);
        assert_eq!(published.between(0, 1).exact(), None);
        // Nothing small: everything is shown.
        let published = counts_of(2, &[95, 45, 20]).suppress_below(11);
        assert_eq!(published.total().exact(), Some(160));
        assert_eq!(published.between(1, 0).exact(), Some(20));
        // Without a threshold nothing is hidden.
        let published = counts_of(2, &[0, 0, 3]).unsuppressed();
        assert_eq!(published.shared().exact(), Some(3));
    }

    #[test]
    fn many_small_pairs_leave_the_totals() {
        // Four sites of 100 tokens each, six pairs of 5 in common: 30 in all.
        let mut held = [0; 15];
        for (set, tokens) in (1_u32..).zip(&mut held) {
            *tokens = match set.count_ones() {
                1 => 85,
                2 => 5,
                _ => 0,
            };
        }
        let published = counts_of(4, &held).suppress_below(11);
        assert_eq!(published.total().exact(), Some(370));
        assert_eq!(published.shared().exact(), Some(30));
        assert_eq!(published.tokens(3).exact(), Some(100));
        assert_eq!(published.between(0, 1).to_string(), "suppressed");
    }
}
