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
        assert_eq!(a[pair[0]][1..11], b[pair[1]][1..11]);
    }
    let ids = |registry: &HashMap<&str, Vec<&str>>| -> HashSet<String> {
        registry.values().map(|row| row[8].to_owned()).collect()
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
        .filter(|pair| a[pair[0]][1..11] != b[pair[1]][1..11])
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
                .insert(row[8].to_owned());
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
    let synth = |code: i32, more: &[&str]| {
        let arguments = [&["synth", "--out", "x", "--records"], more].concat();
        bench.run(code, &arguments).1
    };
    for (more, option, words) in [
        (&["0"][..], "--records", "a whole number, 1 or more"),
        (&["1e6"], "--records", "a whole number"),
        (&["5", "--overlap", "30"], "--overlap", "from 0 to 1"),
        (&["5", "--typos", "2"], "--typos", "from 0 to 1"),
        (
            &["5", "--jurisdictions", "1"],
            "--jurisdictions",
            "from 2 to 26",
        ),
    ] {
        let complaint = synth(2, more);
        assert!(
            complaint.contains(option) && complaint.contains(words),
            "{complaint}"
        );
    }
    assert!(synth(1, &["900000000"]).contains("national ids"));
}

#[test]
fn the_expected_card_is_a_plain_join() {
    let bench = Bench::new();
    let plan = [
        "--records",
        "2000",
        "--overlap",
        "0.4",
        "--typos",
        "0.5",
        "--expect",
    ];
    let (_, remarks) = bench.run(0, &[&["synth", "--out", "."], &plan[..]].concat());
    let (a, b) = (bench.read("a.csv"), bench.read("b.csv"));
    let digits = |row: &[&str]| row[8].replace('-', "");
    let known: HashSet<String> = rows(&b).iter().map(|row| digits(row)).collect();
    let expected = bench.read("expected.csv");
    assert!(
        expected.starts_with("record_id,matched,ID,NAME_DOB,"),
        "{expected:.60}"
    );
    let mut found = 0;
    for (row, card) in rows(&a).iter().zip(rows(&expected)) {
        assert_eq!(row[0], card[0]);
        let cell = match digits(row) {
            digits if digits.is_empty() => "",
            digits if known.contains(&digits) => "1",
            _ => "0",
        };
        assert_eq!(card[2], cell, "{card:?}");
        found += u64::from(cell == "1");
    }
    assert!(
        (500..800).contains(&found),
        "{found}: some ids are missing or mistyped"
    );
    assert!(remarks.contains(&format!("{found} by ID")), "{remarks}");
}

#[test]
fn without_errors_the_truth_is_the_join_by_national_id() {
    let bench = Bench::new();
    bench.ok(&[
        "synth",
        "--records",
        "3000",
        "--typos",
        "0",
        "--expect",
        "--out",
        ".",
    ]);
    let report = bench.ok(&["evaluate", "expected.csv", "--truth", "truth.csv", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    assert_eq!(report["true"], 900);
    let rules = report["rules"].as_array().expect("rules");
    assert_eq!(rules[0]["name"], "ID");
    assert_eq!(
        (&rules[0]["precision"], &rules[0]["recall"]),
        (&1.0.into(), &1.0.into())
    );
    for rule in rules {
        let (recall, precision) = (rule["recall"].as_f64(), rule["precision"].as_f64());
        assert!(recall > Some(0.6) && precision > Some(0.99), "{rule}");
    }
}

#[test]
fn errors_cost_every_rule_some_recall_but_not_all_at_once() {
    let bench = Bench::new();
    bench.ok(&[
        "synth",
        "--records",
        "3000",
        "--typos",
        "1",
        "--expect",
        "--out",
        ".",
    ]);
    let report = bench.ok(&["evaluate", "expected.csv", "--truth", "truth.csv", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&report).expect("JSON");
    for rule in report["rules"].as_array().expect("rules") {
        let recall = rule["recall"].as_f64().expect("a share");
        assert!((0.3..0.95).contains(&recall), "{rule}");
    }
    assert!(
        report["overall"]["recall"].as_f64() > Some(0.95),
        "{}",
        report["overall"]
    );
}

/// Which share of a table's records has a signature, rule by rule.
fn signed(path: &std::path::Path, rules: &str) -> Vec<(String, f64)> {
    use blindjoin_columnar::{ReadOptions, Reader};
    use blindjoin_record::{Date, RuleSet, Scratch};
    let rules = RuleSet::builtin(rules).expect("built in");
    let reader = Reader::open(path, ReadOptions::strict()).expect("readable");
    let today = Date::new(2025, 12, 31).expect("a day");
    let binding = rules
        .bind(reader.columns(), today)
        .expect("the columns are known");
    assert!(binding.record_id_column().is_some());
    let mut counts = vec![0_u32; rules.rules().len()];
    let mut records = 0;
    let mut scratch = Scratch::default();
    for chunk in reader {
        for row in chunk.expect("rows").rows().iter() {
            records += 1;
            for (count, signature) in counts
                .iter_mut()
                .zip(binding.sign(&row, &mut scratch).iter())
            {
                *count += u32::from(signature.is_ok());
            }
        }
    }
    let share = |count: u32| f64::from(count) / f64::from(records);
    let names = rules.rules().iter().map(|rule| rule.id().to_owned());
    names.zip(counts.into_iter().map(share)).collect()
}

#[test]
fn built_in_rules_apply_to_the_columns_as_they_are() {
    let bench = Bench::new();
    bench.ok(&["synth", "--records", "20000", "--typos", "0", "--out", "."]);
    for rules in ["opentoken", "opentoken-docs", "htac", "ssn"] {
        for (rule, share) in signed(&bench.path("a.csv"), rules) {
            assert!(share >= 1.0, "{rules} {rule}: {share}");
        }
    }
}

#[test]
fn the_number_of_persons_is_told() {
    let bench = Bench::new();
    for jurisdictions in ["3", "4", "7"] {
        let plan = [
            "--records",
            "101",
            "--overlap",
            "0.63",
            "--jurisdictions",
            jurisdictions,
        ];
        let (_, remarks) = bench.run(
            0,
            &[&["synth", "--force", "--out", "."], &plan[..]].concat(),
        );
        let persons = bench.read("persons.csv");
        let distinct: HashSet<&str> = rows(&persons).iter().map(|row| row[0]).collect();
        assert!(
            remarks.contains(&format!("{} distinct persons", distinct.len())),
            "{remarks}"
        );
    }
}
