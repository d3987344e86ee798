//! Generated registries.

use std::collections::{HashMap, HashSet};

use crate::bench::Bench;

fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect()
}

fn by_id(text: &str) -> HashMap<&str, Vec<&str>> {
    rows(text).into_iter().map(|row| (row[0], row)).collect()
}

#[test]
fn the_same_seed_gives_the_same_files() {
    let bench = Bench::new();
    for out in ["one", "two"] {
        bench.ok(&["synth", "--records", "500", "--seed", "9", "--out", out]);
    }
    bench.ok(&[
        "synth",
        "--records",
        "500",
        "--seed",
        "10",
        "--out",
        "three",
    ]);
    for name in ["a.csv", "b.csv", "truth.csv", "rules.toml"] {
        let of = |folder: &str| bench.read(&format!("{folder}/{name}"));
        assert_eq!(of("one"), of("two"));
        assert_eq!(of("one") == of("three"), name == "rules.toml");
    }
}

#[test]
fn without_errors_the_same_people_are_recorded_alike() {
    let bench = Bench::new();
    bench.ok(&[
        "synth",
        "--records",
        "1000",
        "--overlap",
        "0.25",
        "--typos",
        "0",
        "--out",
        ".",
    ]);
    let (a, b, truth) = (
        bench.read("a.csv"),
        bench.read("b.csv"),
        bench.read("truth.csv"),
    );
    let (a, b) = (by_id(&a), by_id(&b));
    assert_eq!((a.len(), b.len()), (1000, 1000));
    let truth = rows(&truth);
    assert_eq!(truth.len(), 250);
    for pair in &truth {
        assert_eq!(a[pair[0]][1..10], b[pair[1]][1..10]);
    }
    let ids = |registry: &HashMap<&str, Vec<&str>>| -> HashSet<String> {
        registry.values().map(|row| row[7].to_owned()).collect()
    };
    assert_eq!(ids(&a).intersection(&ids(&b)).count(), 250);
}

#[test]
fn errors_fall_on_about_the_share_asked_for() {
    let bench = Bench::new();
    bench.ok(&[
        "synth",
        "--records",
        "4000",
        "--overlap",
        "0.5",
        "--typos",
        "0.3",
        "--out",
        ".",
    ]);
    let (a, b, truth) = (
        bench.read("a.csv"),
        bench.read("b.csv"),
        bench.read("truth.csv"),
    );
    let (a, b) = (by_id(&a), by_id(&b));
    let truth = rows(&truth);
    let differing = truth
        .iter()
        .filter(|pair| a[pair[0]][1..10] != b[pair[1]][1..10])
        .count();
    assert!(
        (500..700).contains(&differing),
        "{differing} of {}",
        truth.len()
    );
}

#[test]
fn four_registries_overlap_as_the_truth_says() {
    let bench = Bench::new();
    bench.ok(&[
        "synth",
        "--records",
        "600",
        "--overlap",
        "0.4",
        "--typos",
        "0",
        "--jurisdictions",
        "4",
        "--out",
        ".",
    ]);
    let persons = bench.read("persons.csv");
    let persons = rows(&persons);
    assert_eq!(persons.len(), 2400);
    let person: HashMap<&str, &str> = persons.iter().map(|row| (row[2], row[0])).collect();
    let mut national_ids: HashMap<&str, HashSet<String>> = HashMap::new();
    for registry in ["a", "b", "c", "d"] {
        let text = bench.read(&format!("{registry}.csv"));
        for row in rows(&text) {
            national_ids
                .entry(person[row[0]])
                .or_default()
                .insert(row[7].to_owned());
        }
    }
    // Everybody has one national id, and nobody else has it.
    assert!(national_ids.values().all(|ids| ids.len() == 1));
    let distinct: HashSet<&String> = national_ids.values().flatten().collect();
    assert_eq!(distinct.len(), national_ids.len());
    for (x, y) in [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")] {
        let truth = bench.read(&format!("truth_{x}_{y}.csv"));
        let truth = rows(&truth);
        assert!(truth.len() >= 60, "the core is shared by all");
        assert!(truth.iter().all(|pair| person[pair[0]] == person[pair[1]]));
        let of = |letter: &str| -> HashSet<&str> {
            persons
                .iter()
                .filter(|row| row[1] == letter)
                .map(|row| row[0])
                .collect()
        };
        assert_eq!(truth.len(), of(x).intersection(&of(y)).count());
    }
}

#[test]
fn existing_files_stay_unless_forced() {
    let bench = Bench::new();
    bench.write("truth.csv", "mine");
    let complaint = bench.fails(&["synth", "--records", "10", "--out", "."]);
    assert!(
        complaint.contains("truth.csv") && complaint.contains("--force"),
        "{complaint}"
    );
    assert_eq!(bench.names(), ["truth.csv"]);
    bench.ok(&["synth", "--records", "10", "--out", ".", "--force"]);
    assert_eq!(bench.names(), ["a.csv", "b.csv", "rules.toml", "truth.csv"]);
}

#[test]
fn impossible_plans_are_refused() {
    let bench = Bench::new();
    let synth =
        |more: &[&str]| bench.fails(&[&["synth", "--out", "x", "--records"], more].concat());
    assert!(synth(&["0"]).contains("--records"));
    assert!(synth(&["5", "--overlap", "1.5"]).contains("--overlap"));
    assert!(synth(&["5", "--typos", "2"]).contains("--typos"));
    assert!(synth(&["5", "--jurisdictions", "1"]).contains("--jurisdictions"));
    assert!(synth(&["900000000"]).contains("national ids"));
    bench.run(2, &["synth", "--records", "many", "--out", "x"]);
}
