//! What the project sets itself to reach, and whether this run did.

use std::fmt::Write;

use crate::case::Operation;
use crate::results::{Results, grouped, short};

/// A bound on one figure.
pub struct Target {
    what: String,
    bound: Bound,
    measured: Option<f64>,
}

enum Bound {
    /// Operations per second, at least.
    Rate(f64),
    /// Times faster than a peer, at least.
    Faster(f64),
    /// Times the duration of a peer, at most.
    Within(f64),
}

impl Target {
    /// Whether it was measured and missed.
    pub fn missed(&self) -> bool {
        self.measured.is_some_and(|value| match self.bound {
            Bound::Rate(least) | Bound::Faster(least) => value < least,
            Bound::Within(most) => value > most,
        })
    }
}

/// Smaller of the rates at 3072 bits to those at 2048.
const LONGER_KEY: f64 = 0.42;

/// The targets for the key sizes that were measured; `fastest` names our fastest backend.
pub fn targets(results: &Results, sizes: &[usize], fastest: &str) -> Vec<Target> {
    use Operation::{Comparison, Decryption, Encryption, Power, Product, Square};
    let mut out = Vec::new();
    let mut faster = |operation: Operation, peer: &str, least: f64| {
        out.push(Target {
            what: format!("{}, 2048 bits, times {peer}", operation.name()),
            bound: Bound::Faster(least),
            measured: results.ratio(operation, 2048, fastest, peer),
        });
    };
    if sizes.contains(&2048) {
        faster(Power, "OpenSSL", 9.0);
        faster(Power, "GMP", 12.0);
        faster(Encryption, "phe", 350.0);
        faster(Encryption, "HEU", 20.0);
        for operation in [Product, Square] {
            out.push(Target {
                what: format!("{}, 2048 bits, time over the prototype's", operation.name()),
                bound: Bound::Within(1.15),
                measured: results
                    .ratio(operation, 2048, fastest, "prototype")
                    .map(f64::recip),
            });
        }
    }
    for (operation, rate) in [
        (Encryption, 35_000.0),
        (Comparison, 9_500.0),
        (Decryption, 13_000.0),
    ] {
        for (bits, rate) in [(2048, rate), (3072, LONGER_KEY * rate)] {
            if sizes.contains(&bits) {
                out.push(Target {
                    what: format!("{}, {bits} bits, per second", operation.name()),
                    bound: Bound::Rate(rate),
                    measured: results
                        .nanoseconds(operation, bits, fastest)
                        .map(|ns| 1e9 / ns),
                });
            }
        }
    }
    for &bits in sizes {
        for operation in [Power, Product, Square, Encryption, Comparison, Decryption] {
            out.push(Target {
                what: format!(
                    "{}, {bits} bits, portable: time over GMP's",
                    operation.name()
                ),
                bound: Bound::Within(1.3),
                measured: results
                    .ratio(operation, bits, "portable", "GMP")
                    .map(f64::recip),
            });
        }
    }
    out
}

/// The targets as a table in Markdown.
pub fn table(targets: &[Target]) -> String {
    let mut out = String::from("| target | bound | measured | |\n|---|--:|--:|---|\n");
    for target in targets {
        let (bound, show): (String, fn(f64) -> String) = match target.bound {
            Bound::Rate(least) => (format!("≥ {}", grouped(least)), grouped),
            Bound::Faster(least) => (format!("≥ {}×", short(least)), |v| short(v) + "×"),
            Bound::Within(most) => (format!("≤ {}×", short(most)), |v| short(v) + "×"),
        };
        let verdict = match target.measured {
            None => "not measured",
            Some(_) if target.missed() => "**missed**",
            Some(_) => "met",
        };
        let measured = target.measured.map_or_else(|| "–".to_owned(), show);
        writeln!(
            out,
            "| {} | {bound} | {measured} | {verdict} |",
            target.what
        )
        .expect("strings grow");
    }
    out
}
