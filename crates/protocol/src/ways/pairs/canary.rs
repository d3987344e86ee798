//! Pairs that only querier and provider know to be none.

use rand::Rng as _;
use rand_chacha::ChaCha20Rng;

use crate::agreement::Agreement;
use crate::fingerprint::Fingerprints;
use crate::random::shuffle;
use crate::terms::pairwise::Pairwise;
use crate::ways::pairs::handle::Handles;
use crate::ways::pairs::label::PairLabel;
use crate::widths;

/// A pair of nobody, under a handle that no record has, of which certain clauses hold.
///
/// The key holder sees it as it sees any pair that it lets out. Which clauses hold follows from a key
/// that it lacks, so the querier can demand exactly those: whoever drops or changes some of all pairs
/// meets canaries in proportion.
#[derive(Clone)]
pub(super) struct CanaryPair {
    pub(super) label: PairLabel,
    /// Whether each of the clauses holds.
    pub(super) holds: Vec<bool>,
}

/// Yields the canaries of a linkage of pairs; their handles follow on those of `records` records.
pub(super) fn canary_pairs(
    pairwise: &Pairwise,
    keys: &Fingerprints,
    handles: &Handles,
    records: u32,
    canaries: u8,
) -> Vec<CanaryPair> {
    (0..canaries)
        .map(|number| CanaryPair {
            label: PairLabel {
                row: PairLabel::NO_ROW,
                handle: handles.get(records + u32::from(number)),
            },
            holds: draw_clauses(pairwise, &mut keys.canary_rng(number)),
        })
        .collect()
}

/// Draws clauses that together reach the threshold, as few as that takes in a random order and each
/// of the others with even chance; of clauses that stand for one another, such as the forms under
/// which a provider probes for one value, one at most unless the threshold takes more.
///
/// Every pattern that real pairs show must be among those of canaries, or it could be dropped alone.
///
/// # Source
///
/// `spec/protocol.md`, §6.4.
fn draw_clauses(pairwise: &Pairwise, rng: &mut ChaCha20Rng) -> Vec<bool> {
    let clauses = &pairwise.clauses;
    let mut order: Vec<usize> = (0..clauses.len()).collect();
    shuffle(&mut order, rng);
    // Those that are the first of their kind in this order come first.
    let first = |at: usize| {
        let alike = |&other: &usize| clauses[other] == clauses[order[at]];
        !order[..at].iter().any(alike)
    };
    let (likely, spare): (Vec<usize>, Vec<usize>) = (0..order.len()).partition(|&at| first(at));
    let needed = u32::from(pairwise.threshold.unwrap_or(1));
    let mut holds = vec![false; clauses.len()];
    let mut weight = 0;
    for (at, likely) in likely
        .into_iter()
        .map(|at| (at, true))
        .chain(spare.into_iter().map(|at| (at, false)))
    {
        let clause = order[at];
        if weight < needed || (likely && rng.next_u32() & 1 == 1) {
            holds[clause] = true;
            weight += u32::from(clauses[clause].weight);
        }
    }
    holds
}

/// The handles of as many records as there may be, and the canaries behind them: the same on both
/// sides.
pub(super) fn handles_and_canaries(
    agreement: &Agreement,
    pairwise: &Pairwise,
    keys: &Fingerprints,
) -> (Handles, Vec<CanaryPair>) {
    // Every record that takes part stands in a pair.
    let records = widths::short(widths::index(agreement.sizes().provider_keys()));
    let canaries = agreement.manifest().terms.canaries;
    let bits = PairLabel::handle_bits(pairwise);
    let handles = Handles::new(keys, records + u32::from(canaries), bits);
    let canaries = canary_pairs(pairwise, keys, &handles, records, canaries);
    (handles, canaries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::pairwise::Clause;
    use rand::SeedableRng as _;
    use std::collections::BTreeMap;

    fn patterns(clauses: &[(u16, u8)], threshold: Option<u8>) -> BTreeMap<Vec<bool>, u32> {
        let clause = |&(rule, weight): &(u16, u8)| Clause {
            rule,
            parts: vec![rule.try_into().unwrap()],
            weight,
        };
        let pairwise = Pairwise {
            parts: 3,
            clauses: clauses.iter().map(clause).collect(),
            threshold,
        };
        let mut rng = ChaCha20Rng::from_seed([8; 32]);
        let mut seen = BTreeMap::new();
        for _ in 0..2000 {
            *seen.entry(draw_clauses(&pairwise, &mut rng)).or_default() += 1;
        }
        seen
    }

    #[test]
    fn canaries_show_every_pattern_that_pairs_can() {
        // Three clauses of their own: all but the pattern in which none holds.
        let seen = patterns(&[(0, 1), (1, 1), (2, 1)], None);
        assert_eq!(seen.len(), 7);
        assert!(seen.values().all(|&count| count > 60), "{seen:?}");
        // Two forms of one value and another clause: never both forms.
        let seen = patterns(&[(0, 1), (0, 1), (1, 1)], None);
        assert_eq!(seen.len(), 5);
        assert!(seen.keys().all(|holds| !(holds[0] && holds[1])));
    }

    #[test]
    fn canaries_reach_the_threshold() {
        let seen = patterns(&[(0, 2), (1, 1), (2, 1)], Some(2));
        let due = [
            [true, false, false],
            [true, true, true],
            [false, true, true],
        ];
        assert!(due.iter().all(|holds| seen.contains_key(holds.as_slice())));
        assert!(!seen.contains_key([false, true, false].as_slice()));
        // Where no pair can reach it with one of each kind, both forms hold.
        let seen = patterns(&[(0, 1), (0, 1)], Some(2));
        assert_eq!(seen.into_keys().collect::<Vec<_>>(), [[true, true]]);
    }

    #[test]
    fn canaries_are_the_specification_s() {
        let (vectors, keys) = crate::fingerprint::specified();
        for row in vectors["canary_pairs"].as_array().unwrap() {
            let words = |name: &str| row[name].as_str().unwrap().split(' ');
            let clauses = words("clauses").map(|clause| {
                let numbers: Vec<u8> = clause.split(':').map(|n| n.parse().unwrap()).collect();
                Clause {
                    rule: numbers[0].into(),
                    weight: numbers[1],
                    parts: vec![numbers[2]],
                }
            });
            let threshold = u8::try_from(row["threshold"].as_u64().unwrap()).unwrap();
            let pairwise = Pairwise {
                parts: 3,
                clauses: clauses.collect(),
                threshold: Some(threshold).filter(|&threshold| threshold > 0),
            };
            for (number, due) in (0..).zip(words("holds")) {
                let holds = draw_clauses(&pairwise, &mut keys.canary_rng(number));
                let holds: String = holds
                    .iter()
                    .map(|&holds| if holds { '1' } else { '0' })
                    .collect();
                assert_eq!(holds, due, "canary {number} of {pairwise:?}");
            }
        }
    }
}
