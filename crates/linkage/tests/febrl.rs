//! The example rule sets on registries with known truth, joined in the clear.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests are not seen as tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[path = "../../../tests/common/data.rs"]
mod data;

use blindjoin_linkage::duplicates::Keys;
use blindjoin_record::{Binding, Date, RuleSet, Scratch};

/// A registry: one record's cells a row, and what the truth says who it is.
struct Registry {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

type Pair = (usize, usize);

impl Registry {
    fn open(path: &Path) -> Self {
        let mut reader = csv::Reader::from_path(path).unwrap();
        let header = reader
            .headers()
            .unwrap()
            .iter()
            .map(str::to_owned)
            .collect();
        let rows = reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect();
        Self { header, rows }
    }

    /// The person's number, in the record id `rec-1070-dup-0`.
    fn person(&self, row: usize) -> &str {
        self.rows[row][0].split('-').nth(1).unwrap()
    }

    fn bind(&self, rules: &RuleSet) -> Binding {
        rules
            .bind(&self.header, Date::new(2026, 11, 21).unwrap())
            .unwrap()
    }
}

/// What is known of two registries that share their people, and of one with duplicates.
struct Truth {
    people: usize,
    persons: usize,
    duplicate_pairs: usize,
}

/// The repository's registries, and FEBRL's own where they are.
fn registries(name: &str) -> Vec<(Registry, Truth)> {
    let own = Truth {
        people: 200,
        persons: 120,
        duplicate_pairs: 130,
    };
    let febrl = Truth {
        people: 5_000,
        persons: 2_000,
        duplicate_pairs: 6_538,
    };
    let mut all = vec![(Registry::open(&data::own("febrl").join(name)), own)];
    let outside = data::outside("data/febrl");
    all.extend(outside.map(|folder| (Registry::open(&folder.join(name)), febrl)));
    all
}

fn example(name: &str) -> RuleSet {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/rules")
        .join(name);
    RuleSet::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The pairs that share a key, by rule: a plain join of signatures with probes.
fn join(rules: &RuleSet, left: &Registry, right: &Registry) -> Vec<BTreeSet<Pair>> {
    let mut scratch = Scratch::default();
    let mut keys: BTreeMap<(usize, String), Vec<usize>> = BTreeMap::new();
    let binding = left.bind(rules);
    for (i, row) in left.rows.iter().enumerate() {
        for (rule, signature) in binding.sign(row, &mut scratch).iter().enumerate() {
            if let Ok(signature) = signature {
                keys.entry((rule, signature.to_owned()))
                    .or_default()
                    .push(i);
            }
        }
    }
    let mut pairs = vec![BTreeSet::new(); rules.rules().len()];
    let binding = right.bind(rules);
    for (j, row) in right.rows.iter().enumerate() {
        for (rule, signature) in binding.probe(row, &mut scratch).iter() {
            let Ok(signature) = signature else { continue };
            if let Some(rows) = keys.get(&(rule, signature.to_owned())) {
                pairs[rule].extend(rows.iter().map(|&i| (i, j)));
            }
        }
    }
    pairs
}

/// Precision and recall of a set of pairs; `true_pairs` is how many there are.
fn quality(pairs: &BTreeSet<Pair>, truth: impl Fn(Pair) -> bool, true_pairs: usize) -> (f64, f64) {
    let found = pairs.iter().filter(|&&pair| truth(pair)).count();
    let number = |count: usize| f64::from(u32::try_from(count).unwrap());
    let share = |part: usize, whole: usize| number(part) / number(whole);
    (share(found, pairs.len()), share(found, true_pairs))
}

#[test]
fn two_registries_are_linked() {
    let rules = example("febrl-ndi.toml");
    let others = registries("dataset4b.csv");
    for ((a, known), (b, _)) in registries("dataset4a.csv").into_iter().zip(others) {
        let truth = |(i, j): Pair| a.person(i) == b.person(j);
        let by_rule = join(&rules, &a, &b);
        let (precision, recall) = report(&rules, &by_rule, truth, known.people);
        assert!(precision >= 0.999, "{precision}");
        assert!(recall >= 0.99, "{recall}");
    }
}

#[test]
fn one_registry_is_freed_of_duplicates() {
    for (registry, known) in registries("dataset3.csv") {
        is_freed_of_duplicates(&registry, &known);
    }
}

fn is_freed_of_duplicates(registry: &Registry, known: &Truth) {
    let rules = example("febrl-dedupe.toml");
    let truth = |(i, j): Pair| registry.person(i) == registry.person(j);
    let by_rule: Vec<BTreeSet<Pair>> = join(&rules, registry, registry)
        .into_iter()
        .map(|pairs| {
            let ordered = pairs.into_iter().filter(|(i, j)| i != j);
            ordered.map(|(i, j)| (i.min(j), i.max(j))).collect()
        })
        .collect();
    let mut persons: BTreeMap<&str, usize> = BTreeMap::new();
    for row in 0..registry.rows.len() {
        *persons.entry(registry.person(row)).or_default() += 1;
    }
    let true_pairs = persons
        .values()
        .map(|records| records * (records - 1) / 2)
        .sum();
    assert_eq!(true_pairs, known.duplicate_pairs);
    let (precision, recall) = report(&rules, &by_rule, truth, true_pairs);
    assert!(precision >= 0.999, "{precision}");
    assert!(recall >= 0.99, "{recall}");
}

#[test]
fn persons_are_counted_once() {
    for (registry, known) in registries("dataset3.csv") {
        are_counted_once(&registry, &known);
    }
}

fn are_counted_once(registry: &Registry, known: &Truth) {
    let binding = registry.bind(&example("febrl-dedupe.toml"));
    let (mut keys, mut scratch) = (Keys::default(), Scratch::default());
    for row in &registry.rows {
        keys.add(&binding, row, &mut scratch);
    }
    let groups = keys.group();
    for (row, &first) in groups.first_rows().iter().enumerate() {
        let first = usize::try_from(first).unwrap();
        assert_eq!(
            registry.person(row),
            registry.person(first),
            "a group is one person"
        );
        assert_eq!(groups.first_rows()[first], groups.first_rows()[row]);
    }
    let (count, persons) = (groups.count(), known.persons);
    println!("{count} groups of {persons} persons");
    assert!(
        (persons..=persons + persons / 50).contains(&count),
        "{count}"
    );
}

/// Prints what each rule finds, and yields the quality of all of them together.
fn report(
    rules: &RuleSet,
    by_rule: &[BTreeSet<Pair>],
    truth: impl Fn(Pair) -> bool + Copy,
    true_pairs: usize,
) -> (f64, f64) {
    for (i, rule) in rules.rules().iter().enumerate() {
        let (precision, recall) = quality(&by_rule[i], truth, true_pairs);
        let others = || by_rule.iter().enumerate().filter(move |(j, _)| i != *j);
        let alone = by_rule[i]
            .iter()
            .filter(|p| !others().any(|(_, pairs)| pairs.contains(p)));
        let (right, wrong): (Vec<Pair>, Vec<Pair>) = alone.partition(|pair| truth(**pair));
        println!(
            "{:14} precision {precision:.4}, recall {recall:.4}; alone {} right, {} wrong",
            rule.id(),
            right.len(),
            wrong.len()
        );
    }
    let all: BTreeSet<Pair> = by_rule.iter().flatten().copied().collect();
    let (precision, recall) = quality(&all, truth, true_pairs);
    println!(
        "any: {} pairs, precision {precision:.5}, recall {recall:.5}",
        all.len()
    );
    (precision, recall)
}
