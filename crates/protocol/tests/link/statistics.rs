//! The key holder's view: what decryption shows of non-matches and matches.

use blindjoin_protocol::agree::{TableKind, Terms};
use blindjoin_protocol::parts::Suite;
use num_bigint::BigUint;

use crate::common::{key, link, population, provider_keys, querier_keys, run, session, terms};

/// √n·sup|F - U| of values in [0, 1).
fn kolmogorov(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = count(values.len());
    let gap = values
        .iter()
        .enumerate()
        .map(|(i, x)| (count(i + 1) / n - x).max(x - count(i) / n))
        .fold(0.0, f64::max);
    gap * n.sqrt()
}

/// The chi-square statistic of counts that should be equal, in standard deviations.
fn chi_square(counts: &[u32]) -> f64 {
    let total: f64 = counts.iter().map(|&c| f64::from(c)).sum();
    let mean = total / count(counts.len());
    let statistic: f64 = counts
        .iter()
        .map(|&c| (f64::from(c) - mean).powi(2) / mean)
        .sum();
    let freedom = count(counts.len() - 1);
    (statistic - freedom) / (2.0 * freedom).sqrt()
}

fn count(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

fn fraction(value: &BigUint, bits: u64) -> f64 {
    let top: u64 = (value >> (bits - 53)).try_into().unwrap();
    #[expect(clippy::cast_precision_loss, reason = "53 bits are exact")]
    let fraction = top as f64 / (1_u64 << 53) as f64;
    fraction
}

/// All plaintexts that the key holder of a session sees.
fn view(terms: Terms, common: usize) -> (Vec<BigUint>, Suite) {
    let (ours, theirs, _) = population(1, 40, 1500, common);
    let session = session(terms, 64, 1536, None, 3).unwrap();
    let keys = querier_keys(ours.iter().map(String::as_str));
    let theirs = provider_keys(theirs.iter().map(String::as_str));
    let (_, transcript) = run(&session, keys, &theirs).unwrap();
    let [_, payloads, _] = transcript.payloads;
    let secret = key(session.agreement.public_key().profile());
    let plain = payloads.iter().flat_map(|payload| {
        let plain = secret.decrypt(payload).unwrap();
        (0..plain.len())
            .map(move |i| plain.to_biguint(i))
            .collect::<Vec<_>>()
    });
    (plain.collect(), session.agreement.suite())
}

#[test]
fn the_view_is_uniform() {
    for (table, blind) in [
        (TableKind::Cuckoo, false),
        (TableKind::Cuckoo, true),
        (TableKind::Okvs, false),
        (TableKind::Okvs, true),
    ] {
        let (view, suite) = view(
            Terms {
                blind,
                ..terms(table)
            },
            0,
        );
        let t = BigUint::from(suite.t());
        assert!(view.iter().all(|v| v.bits() <= suite.slot_bits() as u64));
        let residues: Vec<BigUint> = view.iter().map(|v| v % &t).collect();
        let label = BigUint::from(1_u8) << suite.label_bits();
        let canaries = residues.iter().filter(|w| **w < label).count();
        assert_eq!(canaries, if blind { 0 } else { 4 }, "only canaries match");
        let non_matches: Vec<usize> = (0..view.len()).filter(|&i| residues[i] >= label).collect();
        let w: Vec<f64> = non_matches
            .iter()
            .map(|&i| fraction(&residues[i], u64::from(suite.t_bits())))
            .collect();
        let q: Vec<f64> = non_matches
            .iter()
            .map(|&i| fraction(&(&view[i] / &t), suite.rho_bits() as u64))
            .collect();
        // 2.2 is the 1e-4 point of the statistic.
        let (of_w, of_q) = (kolmogorov(w.clone()), kolmogorov(q.clone()));
        assert!(
            of_w < 2.2 && of_q < 2.2,
            "{table:?}: residues {of_w}, quotients {of_q}"
        );
        let mut low = [0_u32; 16];
        let mut pairs = [0_u32; 64];
        let mut against = [0_u32; 64];
        let eighth = |x: f64| {
            (0..8)
                .find(|&i| x < f64::from(i + 1) / 8.0)
                .map_or(7, |i| usize::try_from(i).unwrap())
        };
        for (i, &at) in non_matches.iter().enumerate() {
            let digit: u32 = (&residues[at] % 16_u8).try_into().unwrap();
            low[digit as usize] += 1;
            if i % 2 == 1 {
                pairs[8 * eighth(w[i - 1]) + eighth(w[i])] += 1;
            }
            against[8 * eighth(w[i]) + eighth(q[i])] += 1;
        }
        for (name, z) in [
            ("low digits", chi_square(&low)),
            ("neighbours", chi_square(&pairs)),
            ("residue and quotient", chi_square(&against)),
        ] {
            assert!(z < 5.0, "{table:?}: {name}: {z} standard deviations");
        }
    }
}

#[test]
fn matches_sit_anywhere_and_show_random_labels() {
    let (ours, theirs, _) = population(8, 300, 300, 300);
    let (_, transcript) = link(terms(TableKind::Okvs), &ours, &theirs, 8).unwrap();
    assert_eq!(transcript.keyholder_learned, Some(304));
    let (view, suite) = view(terms(TableKind::Cuckoo), 40);
    let t = BigUint::from(suite.t());
    let label = BigUint::from(1_u8) << suite.label_bits();
    let matches: Vec<usize> = (0..view.len()).filter(|&i| &view[i] % &t < label).collect();
    assert_eq!(matches.len(), 44);
    let positions: Vec<f64> = matches
        .iter()
        .map(|&i| count(i) / count(view.len()))
        .collect();
    let labels: Vec<f64> = matches
        .iter()
        .map(|&i| fraction(&(&view[i] % &t), u64::from(suite.label_bits())))
        .collect();
    let quotients: Vec<f64> = matches
        .iter()
        .map(|&i| fraction(&(&view[i] / &t), suite.rho_bits() as u64))
        .collect();
    for (name, values) in [
        ("positions", positions),
        ("labels", labels),
        ("quotients", quotients),
    ] {
        let statistic = kolmogorov(values);
        assert!(statistic < 2.2, "{name}: {statistic}");
    }
}
