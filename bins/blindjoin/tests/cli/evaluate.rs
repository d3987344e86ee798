//! Results measured against the truth.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use crate::bench::Bench;
use crate::data;

const CARD: &str = "record_id,matched,ID,NAME\n\
                    a1,1,1,1\n\
                    a2,1,0,1\n\
                    a3,0,0,0\n\
                    a4,,,\n\
                    a5,1,,1\n";

/// a2 is found wrongly; a3 and a4 are missed.
const TRUTH: &str = "a_record_id,b_record_id\na1,b9\na3,b8\na4,b7\na5,b6\na5,b5\n";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("card.csv", CARD);
    bench.write("truth.csv", TRUTH);
    bench
}

fn json(bench: &Bench, arguments: &[&str]) -> Value {
    let text = bench.ok(&[&["evaluate"], arguments, &["--json"]].concat());
    serde_json::from_str(&text).expect("JSON")
}

/// Found, correct, wrong, missed.
fn counts(score: &Value) -> [u64; 4] {
    ["found", "correct", "wrong", "missed"].map(|name| score[name].as_u64().expect("a count"))
}

#[test]
fn a_card_is_measured_by_its_records() {
    let report = json(&bench(), &["card.csv", "--truth", "truth.csv"]);
    assert_eq!(report["kind"], "card");
    assert_eq!(report["records"], 5);
    assert_eq!(report["true"], 4);
    assert_eq!(counts(&report["overall"]), [3, 2, 1, 2]);
    let close =
        |value: &Value, share: f64| (value.as_f64().expect("a share") - share).abs() < 1e-12;
    assert!(close(&report["overall"]["precision"], 2.0 / 3.0));
    assert!(close(&report["overall"]["recall"], 0.5));
    assert!(close(&report["overall"]["f1"], 4.0 / 7.0));
    let rules = report["rules"].as_array().expect("rules");
    assert_eq!(
        (&rules[0]["name"], &rules[1]["name"]),
        (&"ID".into(), &"NAME".into())
    );
    assert_eq!(counts(&rules[0]), [1, 1, 0, 3]);
    assert_eq!(counts(&rules[1]), [3, 2, 1, 2]);
    assert_eq!(
        (&rules[0]["no_value"], &rules[1]["no_value"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn the_text_says_the_same_and_rounds_nothing_up() {
    let text = bench().ok(&["evaluate", "card.csv", "--truth", "truth.csv"]);
    let words: Vec<Vec<&str>> = text
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    for line in [
        &["records", "5"][..],
        &["true", "4"],
        &["found", "3"],
        &["correct", "2"],
        &["precision", "0.666666"],
        &["recall", "0.500000"],
        &["F1", "0.571428"],
        &[
            "ID", "2", "1", "1", "0", "3", "1.000000", "0.250000", "0.400000",
        ],
    ] {
        assert!(
            words.iter().any(|words| words == line),
            "{line:?} in\n{text}"
        );
    }
}

#[test]
fn shares_of_nothing_are_not_numbers() {
    let bench = Bench::new();
    bench.write("card.csv", "record_id,matched,ID\na1,0,0\n");
    bench.write("truth.csv", "a_record_id,b_record_id\n");
    let report = json(&bench, &["card.csv", "--truth", "truth.csv"]);
    assert_eq!(report["overall"]["precision"], Value::Null);
    assert_eq!(report["overall"]["recall"], Value::Null);
    let text = bench.ok(&["evaluate", "card.csv", "--truth", "truth.csv"]);
    assert!(
        text.lines()
            .any(|line| line.split_whitespace().eq(["precision", "-"])),
        "{text}"
    );
}

#[test]
fn a_truth_the_other_way_round_is_said_to_be_so() {
    let bench = bench();
    bench.write("swapped.csv", "a_record_id,b_record_id\nb9,a1\nb8,a3\n");
    let complaint = bench.fails(&["evaluate", "card.csv", "--truth", "swapped.csv"]);
    assert!(
        complaint.contains("row 1") && complaint.contains("--swap"),
        "{complaint}"
    );
    let report = json(&bench, &["card.csv", "--truth", "swapped.csv", "--swap"]);
    assert_eq!(counts(&report["overall"]), [3, 1, 2, 1]);
}

#[test]
fn record_ids_may_say_who_is_who() {
    let bench = Bench::new();
    bench.write(
        "card.csv",
        "record_id,matched,ID\nrec-1-org,1,1\nrec-2-org,1,1\nrec-3-org,0,0\n",
    );
    bench.write(
        "theirs.csv",
        "rec_id, name\nrec-1-dup-0, x\nrec-1-dup-1, x\nrec-3-dup-0, y\n",
    );
    let by_pattern = [
        "card.csv",
        "--truth-pattern",
        r"^rec-(\d+)-",
        "--against",
        "theirs.csv",
    ];
    let report = json(&bench, &by_pattern);
    assert_eq!(report["true"], 2);
    assert_eq!(counts(&report["overall"]), [2, 1, 1, 1]);
    let fails = |pattern: &str| {
        bench.fails(&[
            "evaluate",
            "card.csv",
            "--truth-pattern",
            pattern,
            "--against",
            "theirs.csv",
        ])
    };
    assert!(fails(r"^rec-\d+-").contains("group"));
    assert!(fails(r"^rec-(\d+").contains("regular expression"));
    assert!(fails(r"^rec-(\d+)-dup").contains("row 1 does not fit"));
    let (_, alone) = bench.run(2, &["evaluate", "card.csv", "--truth-pattern", r"-(\d+)-"]);
    assert!(alone.contains("--against"), "{alone}");
    let column =
        bench.fails(&[&["evaluate"], &by_pattern[..], &["--id-column", "nobody"]].concat());
    assert!(
        column.contains("theirs.csv") && column.contains("'nobody'"),
        "{column}"
    );
}

#[test]
fn pairs_count_once_and_by_rule() {
    let bench = bench();
    bench.write(
        "pairs.csv",
        "RecordId_ours,a_record_id,b_record_id,rules\n\
         ,a1,b9,T1\n,a1,b9,T2\n,a5,b6,T1|T3\n,a2,b1,T3\n",
    );
    let report = json(&bench, &["pairs.csv", "--truth", "truth.csv"]);
    assert_eq!(report["kind"], "pairs");
    assert_eq!(report["true"], 5);
    assert_eq!(counts(&report["overall"]), [3, 2, 1, 3]);
    let rules = report["rules"].as_array().expect("rules");
    let by_name: Vec<_> = rules
        .iter()
        .map(|rule| (rule["name"].as_str(), counts(rule)))
        .collect();
    assert_eq!(
        by_name,
        [
            (Some("T1"), [2, 2, 0, 3]),
            (Some("T2"), [1, 1, 0, 4]),
            (Some("T3"), [2, 1, 1, 4]),
        ]
    );
}

#[test]
fn pairs_with_cells_count_where_they_matched() {
    let bench = bench();
    bench.write(
        "pairs.csv",
        "a_record_id,b_record_id,matched,C1,C2\na1,b9,1,1,0\na2,b2,0,0,1\na3,b8,1,,1\n",
    );
    let report = json(&bench, &["pairs.csv", "--truth", "truth.csv"]);
    assert_eq!(counts(&report["overall"]), [2, 2, 0, 3]);
    assert_eq!(counts(&report["rules"][0]), [1, 1, 0, 4]);
    assert_eq!(counts(&report["rules"][1]), [1, 1, 0, 4]);
}

#[test]
fn pairs_within_one_table_have_no_order() {
    let bench = Bench::new();
    bench.write(
        "people.csv",
        "rec_id\nr-1-a\nr-1-b\nr-1-c\nr-2-a\nr-2-b\nr-3-a\n",
    );
    bench.write(
        "pairs.csv",
        "1_record_id,2_record_id\nr-1-b,r-1-a\nr-1-a,r-1-b\nr-2-a,r-3-a\n",
    );
    let of = [
        "pairs.csv",
        "--truth-pattern",
        r"r-(\d)",
        "--ours",
        "people.csv",
    ];
    let report = json(&bench, &of);
    assert_eq!(report["true"], 4);
    assert_eq!(counts(&report["overall"]), [2, 1, 1, 3]);
    bench.write(
        "truth.csv",
        "1_record_id,2_record_id\nr-1-a,r-1-b\nr-2-a,r-2-b\n",
    );
    let report = json(
        &bench,
        &["pairs.csv", "--truth", "truth.csv", "--ours", "people.csv"],
    );
    assert_eq!(report["true"], 2);
    assert_eq!(counts(&report["overall"]), [2, 1, 1, 1]);
    bench.write("pairs.csv", "1_record_id,2_record_id\nr-1-b,r-1-b\n");
    assert!(
        bench
            .fails(&[&["evaluate"], &of[..]].concat())
            .contains("with itself")
    );
    bench.write("pairs.csv", "1_record_id,2_record_id\nr-1-b,r-9-b\n");
    let unknown = bench.fails(&[&["evaluate"], &of[..]].concat());
    assert!(
        unknown.contains("row 1") && unknown.contains("people.csv"),
        "{unknown}"
    );
}

#[test]
fn bad_input_is_named() {
    let bench = bench();
    let complaint = |card: &str, truth: &str| {
        bench.write("bad.csv", card);
        bench.write("bad_truth.csv", truth);
        bench.fails(&["evaluate", "bad.csv", "--truth", "bad_truth.csv"])
    };
    for (card, truth, wanted) in [
        ("", TRUTH, "bad.csv: the file is empty"),
        (
            "record_id,matched,ID\n",
            TRUTH,
            "row 1 names a record that bad.csv",
        ),
        ("record_id,handle,ID\na1,7,1\n", TRUTH, "--card"),
        ("record_id,ID\na1,1\n", TRUTH, "neither a card"),
        ("matched,ID\n1,1\n", TRUTH, "its columns are matched, ID"),
        (
            "record_id,matched\na1,1\na2,0\na1,0\n",
            TRUTH,
            "rows 1 and 3 carry the same record id",
        ),
        (
            "record_id,matched\na1,1\n,0\n",
            TRUTH,
            "row 2 has no record id",
        ),
        (
            "record_id,matched,ID\na1,1,yes\n",
            TRUTH,
            "row 1, column 'ID'",
        ),
        ("record_id,matched\na1\n", TRUTH, "row 1"),
        (CARD, "", "bad_truth.csv: the file is empty"),
        (
            CARD,
            "a_record_id,person\na1,x\n",
            "two columns whose names end in record_id",
        ),
        (
            CARD,
            "a_record_id,b_record_id\na1,b1\na1,b1\n",
            "rows 1 and 2 hold the same pair",
        ),
        (
            CARD,
            "a_record_id,b_record_id\na1,b1\nz,b1\n",
            "row 2 names a record that bad.csv",
        ),
        (
            CARD,
            "a_record_id,b_record_id\na1,\n",
            "row 1 has no record id",
        ),
    ] {
        let said = complaint(card, truth);
        assert!(said.contains(wanted), "{wanted:?} in {said:?}");
        assert!(!said.contains("yes"), "content stays out of messages");
    }
    let missing = bench.fails(&["evaluate", "card.csv", "--truth", "nowhere.csv"]);
    assert!(missing.contains("nowhere.csv"), "{missing}");
    let truth = ["--truth", "truth.csv"];
    let ours = ["evaluate", "card.csv", "--ours", "card.csv"];
    let (_, ours) = bench.run(2, &[&ours[..], &truth].concat());
    assert!(ours.contains("--ours"), "{ours}");
    bench.run(2, &["evaluate", "card.csv"]);
    bench.run(
        2,
        &[
            "evaluate",
            "card.csv",
            "--truth",
            "truth.csv",
            "--truth-pattern",
            "(.)",
        ],
    );
}

#[test]
fn the_other_tables_records_are_checked_when_they_are_given() {
    let bench = bench();
    bench.write("theirs.csv", "id\nb9\nb8\nb7\nb6\n");
    let complaint = bench.fails(&[
        "evaluate",
        "card.csv",
        "--truth",
        "truth.csv",
        "--against",
        "theirs.csv",
    ]);
    assert!(
        complaint.contains("row 5") && complaint.contains("theirs.csv"),
        "{complaint}"
    );
}

#[test]
fn febrl_is_measured_by_the_numbers_in_its_record_ids() {
    let own = data::own("febrl");
    is_measured(&own, 200, [167, 167, 0, 33]);
    if let Some(febrl) = data::outside("data/febrl") {
        is_measured(&febrl, 5000, [4561, 4561, 0, 439]);
    }
}

/// Measures a plain join by social security numbers: true, found, wrong and missed pairs.
fn is_measured(data: &Path, records: u64, counted: [u64; 4]) {
    let column = |text: &str, name: &str| -> Vec<(String, String)> {
        let mut lines = text
            .lines()
            .map(|line| line.split(',').map(str::trim).collect::<Vec<_>>());
        let header = lines.next().expect("a header");
        let at = header
            .iter()
            .position(|column| *column == name)
            .expect("the column");
        lines
            .map(|row| (row[0].to_owned(), row[at].to_owned()))
            .collect()
    };
    let read = |name: &str| std::fs::read_to_string(data.join(name)).expect("FEBRL's file");
    let ours = column(&read("dataset4a.csv"), "soc_sec_id");
    let theirs = column(&read("dataset4b.csv"), "soc_sec_id");
    let known: std::collections::HashSet<&String> = theirs.iter().map(|(_, value)| value).collect();
    let mut card = "record_id,matched,ID\n".to_owned();
    for (id, value) in &ours {
        let cell = u8::from(known.contains(value));
        writeln!(card, "{id},{cell},{cell}").expect("text grows");
    }
    let bench = Bench::new();
    bench.write("card.csv", card);
    let against = data.join("dataset4b.csv");
    let report = json(
        &bench,
        &[
            "card.csv",
            "--truth-pattern",
            r"rec-(\d+)-",
            "--against",
            &against.to_string_lossy(),
        ],
    );
    assert_eq!(
        (&report["records"], &report["true"]),
        (&records.into(), &records.into())
    );
    assert_eq!(counts(&report["overall"]), counted);
}
