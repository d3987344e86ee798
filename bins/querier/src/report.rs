use blindjoin_protocol::{Mode, TableKind, Terms};
use blindjoin_report::{Fact, Link, Phase, Report, RuleCount};
use blindjoin_service::progress::Figures;

use crate::Summary;
use crate::learned::Learned;

/// The report of a linkage: counts, sizes and times, and what each party learned.
pub fn report(title: &str, summary: &Summary, figures: &Figures, terms: &Terms) -> Report {
    let count = |number: usize| number as u64;
    let rules = summary
        .rules
        .iter()
        .map(|(rule, matched, no_value)| RuleCount {
            rule: rule.clone(),
            matched: count(*matched),
            unmatched: count(summary.records.saturating_sub(matched + no_value)),
            no_value: count(*no_value),
        });
    let phases = figures.phases.iter().map(|(phase, time)| Phase {
        name: phase.to_string(),
        seconds: time.as_secs_f64(),
    });
    let link = |name: &str, bytes| Link {
        name: name.to_owned(),
        bytes,
    };
    Report {
        title: title.to_owned(),
        generated: blindjoin_columnar::today().to_string(),
        records: count(summary.records),
        matched: count(summary.matched),
        not_compared: count(summary.not_compared_count),
        rules: rules.collect(),
        phases: phases.collect(),
        links: vec![
            link(
                "querier to provider: the encrypted table",
                figures.table_bytes,
            ),
            link(
                "provider to key holder: the comparisons",
                figures.comparison_bytes,
            ),
            link("key holder to querier: the result", figures.result_bytes),
        ],
        learned: learned(figures, terms),
        parameters: parameters(figures, terms),
    }
}

/// Bytes for people.
pub fn human_bytes(bytes: u64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let mut scaled = bytes;
    let mut unit = 0;
    let mut tenths = 0;
    while scaled >= 1000 && unit + 1 < units.len() {
        tenths = scaled % 1000 / 100;
        scaled /= 1000;
        unit += 1;
    }
    if unit == 0 {
        format!("{scaled} B")
    } else {
        format!("{scaled}.{tenths} {}", units[unit])
    }
}

fn learned(figures: &Figures, terms: &Terms) -> Vec<Fact> {
    let Learned {
        querier,
        provider,
        keyholder,
    } = Learned::of(figures, terms);
    [
        ("querier", querier),
        ("data provider", provider),
        ("key holder", keyholder),
    ]
    .map(|(party, value)| Fact {
        name: party.to_owned(),
        value,
    })
    .to_vec()
}

fn parameters(figures: &Figures, terms: &Terms) -> Vec<Fact> {
    let fact = |name: &str, value: String| Fact {
        name: name.to_owned(),
        value,
    };
    let table = match terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => "cuckoo",
        Mode::Join {
            table: TableKind::Okvs,
        } => "key-value store",
        Mode::Lookup => "lookup",
        Mode::Pairwise(_) => "pairwise",
    };
    vec![
        fact(
            "key",
            format!("{} bits, {}", figures.key_bits, terms.profile.name()),
        ),
        fact(
            "table",
            format!("{table}, {} ciphertexts", figures.table_entries),
        ),
        fact("comparisons", figures.comparisons.to_string()),
        fact("distinct keys of the querier", figures.asked.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_well() {
        assert_eq!(human_bytes(999), "999 B");
        assert_eq!(human_bytes(1_000), "1.0 kB");
        assert_eq!(human_bytes(2_345_678), "2.3 MB");
        assert_eq!(human_bytes(u64::MAX), "18446744.0 TB");
    }
}
