use blindjoin_protocol::agree::{Manifest, Mask, Mode, TableKind, Terms};
use blindjoin_protocol::leakage::{Named, Observer, Session};
use blindjoin_report::{Fact, Learned, Link, Phase, Report, RuleCount};
use blindjoin_service::Fingerprint;
use blindjoin_service::querier::Linked;

use crate::Summary;

/// A linkage, and what its report tells of it besides the card.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    /// What the linkage has yielded.
    pub linked: &'a Linked,
    /// The least number of our records in a block of fields, where there are such blocks.
    pub least_block: Option<u64>,
    /// How many records have no value for the fields of the blocks.
    pub outside: usize,
    /// What the key holder has counted, where that is known.
    pub counted: Option<u64>,
    /// The certificates of querier, data provider and key holder.
    pub certificates: [Fingerprint; 3],
}

impl<'a> Told<'a> {
    /// The session, as the table of what parties learn knows it.
    pub fn session(self) -> Session<'a> {
        Session {
            counted: self.counted,
            ..Session::of(&self.linked.agreement, self.linked.named.as_ref())
        }
    }
}

/// What the two other parties learned of the querier, a line for each.
pub fn learned(session: &Session<'_>) -> Vec<String> {
    let line =
        |party: Observer| format!("{party} learned: {}", session.sentences(party).join("; "));
    [Observer::Provider, Observer::KeyHolder].map(line).to_vec()
}

/// The report of a linkage: counts, sizes and times, and what each party learned.
pub fn report(title: &str, summary: &Summary, told: Told<'_>) -> Report {
    let figures = &told.linked.figures;
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
        learned: all_learned(&told.session()),
        parameters: parameters(told),
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

fn all_learned(session: &Session<'_>) -> Vec<Learned> {
    let of = |observer: Observer| Learned {
        who: observer.to_string(),
        what: session.sentences(observer),
    };
    Observer::ALL.map(of).to_vec()
}

fn parameters(told: Told<'_>) -> Vec<Fact> {
    let Linked {
        agreement,
        figures,
        named,
        ..
    } = told.linked;
    let manifest = agreement.manifest();
    let terms = &manifest.terms;
    let fact = |name: &str, value: String| Fact {
        name: name.to_owned(),
        value,
    };
    let mut facts = vec![
        fact(
            "version",
            format!(
                "blindjoin {}, protocol {}",
                env!("CARGO_PKG_VERSION"),
                Manifest::VERSION
            ),
        ),
        fact("session", hex(&agreement.session_id().0)),
        fact("manifest", hex(&agreement.manifest_digest().0)),
    ];
    let parties = ["querier", "data provider", "key holder"];
    facts.extend(
        parties
            .iter()
            .zip(told.certificates)
            .map(|(party, certificate)| {
                fact(
                    &format!("certificate of the {party}"),
                    certificate.to_string(),
                )
            }),
    );
    facts.extend([
        fact(
            "key",
            format!("{} bits, {}", figures.key_bits, terms.profile.name()),
        ),
        fact("public key", hex(agreement.public_key_fingerprint())),
        fact("rules", terms.rules.join(", ")),
        fact("digest of the rules", hex(&terms.rules_digest)),
        fact("comparison", comparison(terms)),
        fact("threshold", threshold(terms)),
        fact("mask", mask(terms)),
        fact("counting of matches", counting(terms)),
        fact(
            "canaries",
            format!(
                "{}, secret common identifiers that betray a key holder that drops results",
                terms.canaries
            ),
        ),
        fact("most matches", terms.match_cap.to_string()),
    ]);
    facts.extend(blocks(told, named.as_ref()));
    facts.extend([
        fact("distinct keys of the querier", figures.asked.to_string()),
        fact(
            "size of the querier's side",
            manifest.querier_size.to_string(),
        ),
        fact(
            "size of the provider's side",
            manifest.provider_size.to_string(),
        ),
        fact(
            "places of the querier's table",
            figures.table_entries.to_string(),
        ),
        fact("comparisons", figures.comparisons.to_string()),
    ]);
    facts
}

/// Which part of the registries was compared.
fn blocks(told: Told<'_>, named: Option<&Named>) -> Vec<Fact> {
    let fact = |name: &str, value: String| Fact {
        name: name.to_owned(),
        value,
    };
    let Some(named) = named else {
        return vec![fact("blocks", "none: the whole registries".to_owned())];
    };
    let mut facts = match named {
        Named::Cells {
            fields,
            named,
            offered,
            occurring,
        } => {
            let least = told.least_block.unwrap_or(1);
            let policy = if *occurring {
                "those in which the querier has records"
            } else {
                "all of them"
            };
            vec![
                fact("blocks", format!("equal {fields}")),
                fact(
                    "blocks named to the provider",
                    format!("{named} of the {offered} that it offers: {policy}"),
                ),
                fact("least block of the querier (k-min)", least.to_string()),
            ]
        }
        Named::Prefixes { bits, named } => vec![
            fact("blocks", format!("hash:{bits}")),
            fact("blocks named to the provider", named.to_string()),
        ],
    };
    facts.push(fact(
        "records left out",
        format!(
            "{} in blocks that are not offered or not named, {} without a block",
            told.linked.left_out.len(),
            told.outside
        ),
    ));
    facts
}

fn comparison(terms: &Terms) -> String {
    match terms.mode {
        Mode::Join {
            table: TableKind::Cuckoo,
        } => "join through a cuckoo table",
        Mode::Join {
            table: TableKind::Okvs,
        } => "join through a key-value store",
        Mode::Lookup => "lookup of one record",
        Mode::Pairwise(_) => "pairs of records in blocks",
    }
    .to_owned()
}

fn threshold(terms: &Terms) -> String {
    match &terms.mode {
        Mode::Pairwise(pairwise) => pairwise.threshold.map_or_else(
            || "none: one rule suffices".to_owned(),
            |least| format!("the rules of a pair must weigh {least} or more"),
        ),
        Mode::Join { .. } | Mode::Lookup => "none: one rule suffices".to_owned(),
    }
}

fn mask(terms: &Terms) -> String {
    match terms.mask {
        Mask::Slot => "slot: holds as long as querier and key holder follow the protocol",
        Mask::Full => "full: holds also if querier and key holder deviate together",
    }
    .to_owned()
}

fn counting(terms: &Terms) -> String {
    match (terms.blind, terms.dummies) {
        (true, _) => "none: the key holder is blind".to_owned(),
        (false, None) => "by the key holder".to_owned(),
        (false, Some(dummies)) => format!(
            "by the key holder, among {} false matches more or less",
            dummies.mean()
        ),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes all that is written");
        text
    })
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
