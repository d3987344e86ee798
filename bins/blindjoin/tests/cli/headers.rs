//! Headers that are not understood: refused where nothing could come of it, remarked on where
//! something could.

use serde_json::Value;

use crate::bench::Bench;
use crate::tokens::bench;

const HEADER: &str = "RecordId,FirstName,LastName,Sex,BirthDate,PostalCode,SocialSecurityNumber";
const PEOPLE: [&str; 2] = [
    "p1,Ada,Kowal,F,1980-02-03,90210,223-45-6789",
    "p2,Jan,Nowak,M,1971-11-30,10001,334-56-7891",
];

fn people(delimiter: &str) -> String {
    let lines = [HEADER, PEOPLE[0], PEOPLE[1], ""];
    lines.join("\n").replace(',', delimiter)
}

/// Runs tokenize on a file into t.csv, and yields what it prints on both streams.
fn tokenize(bench: &Bench, code: i32, input: &str, more: &[&str]) -> (String, String) {
    let arguments = [
        "tokenize",
        input,
        "--out",
        "t.csv",
        "--force",
        "--hashing-secret-file",
        "secret",
    ];
    bench.run(code, &[&arguments[..], more].concat())
}

fn refused(bench: &Bench, input: &str, more: &[&str]) -> String {
    let (_, complaint) = tokenize(bench, 1, input, more);
    assert!(
        !bench.exists("t.csv") && !bench.exists("t.metadata.json"),
        "nothing is written"
    );
    complaint
}

#[test]
fn other_delimiters_are_asked_for_and_then_read() {
    let bench = bench();
    bench.write("comma.csv", people(","));
    tokenize(&bench, 0, "comma.csv", &[]);
    let tokens = bench.read("t.csv");
    std::fs::remove_file(bench.path("t.csv")).expect("removed");
    std::fs::remove_file(bench.path("t.metadata.json")).expect("removed");
    for (delimiter, option) in [(";", ";"), ("\t", "tab"), ("|", "|")] {
        bench.write("other.csv", people(delimiter));
        let complaint = refused(&bench, "other.csv", &[]);
        assert!(
            complaint.contains(&format!("--delimiter '{option}'")),
            "{complaint}"
        );
        tokenize(&bench, 0, "other.csv", &["--delimiter", option]);
        assert_eq!(bench.read("t.csv"), tokens, "{option}");
        std::fs::remove_file(bench.path("t.csv")).expect("removed");
        std::fs::remove_file(bench.path("t.metadata.json")).expect("removed");
    }
    bench.write("tabs.tsv", people("\t"));
    tokenize(&bench, 0, "tabs.tsv", &[]);
    assert_eq!(bench.read("t.csv"), tokens);
    tokenize(&bench, 2, "comma.csv", &["--delimiter", "::"]);
}

#[test]
fn every_command_that_reads_csv_reads_other_delimiters() {
    let bench = bench();
    let tokens = |delimiter: &str| {
        let token = |letter: &str| letter.repeat(64);
        let lines = [
            "RuleId,Token,RecordId".to_owned(),
            format!("T1,{},a", token("1")),
            format!("T1,{},b", token("2")),
            String::new(),
        ];
        lines.join("\n").replace(',', delimiter)
    };
    bench.write("ours.csv", tokens(";"));
    bench.write("theirs.csv", tokens(";"));
    let told = ["--delimiter", ";"];
    let run = |arguments: &[&str]| {
        let complaint = bench.fails(arguments);
        assert!(complaint.contains("--delimiter ';'"), "{complaint}");
        bench.ok(&[arguments, &told].concat())
    };
    let pairs = run(&["match", "ours.csv", "theirs.csv", "--out", "-", "-q"]);
    assert_eq!(pairs.lines().count(), 3);
    let roster = run(&[
        "dedupe-tokens",
        "ours.csv",
        "theirs.csv",
        "--out",
        "-",
        "-q",
    ]);
    assert_eq!(roster.lines().count(), 3);
    bench.write("people.csv", people(";"));
    let sizes = run(&["blocks", "people.csv", "--block", "sex"]);
    assert!(sizes.contains("records in blocks"), "{sizes}");
    bench.write("card.csv", "record_id;matched;ID\na;1;1\nb;0;0\n");
    bench.write("truth.csv", "a_record_id;b_record_id\na;x\n");
    let measured = run(&["evaluate", "card.csv", "--truth", "truth.csv"]);
    assert!(measured.contains("precision"), "{measured}");
}

#[test]
fn headers_under_which_nothing_can_be_signed_are_refused() {
    let bench = bench();
    bench.write_secret("secret", "A secret that nobody guesses");
    for (name, header, words) in [
        (
            "french.csv",
            "id,nom,prenom",
            &["`nom`", "LastName", "--column"][..],
        ),
        (
            "snake.csv",
            "record_id,first_name,last_name,sex,birth_date",
            &["first_name = \"first_name\""],
        ),
        (
            "padded.csv",
            " RecordId, FirstName, LastName, Sex, BirthDate",
            &["blanks around its name"],
        ),
        ("title.csv", "Export of 2026-11-21,,,,", &["the first line"]),
    ] {
        let width = header.split(',').count();
        let row = ["p1", "Ada", "Kowal", "F", "1980-02-03"][..width].join(",");
        bench.write(name, format!("{header}\n{row}\n"));
        let complaint = refused(&bench, name, &[]);
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        for word in words.iter().chain(&[name]) {
            assert!(complaint.contains(word), "{name}: {complaint}");
        }
    }
    // A table without a header: its first person is nobody's to show.
    bench.write("bare.csv", format!("{}\n{}\n", PEOPLE[0], PEOPLE[1]));
    let complaint = refused(&bench, "bare.csv", &[]);
    assert!(
        !complaint.contains("Kowal") && complaint.contains("bare.csv"),
        "{complaint}"
    );
}

#[test]
fn columns_of_other_names_are_read_where_they_are_named() {
    let bench = bench();
    bench.write("comma.csv", people(","));
    tokenize(&bench, 0, "comma.csv", &[]);
    let expected = bench.read("t.csv");
    let header = " rec, given,family ,sex_, born,zip_, ssn_no";
    bench.write("other.csv", people(",").replace(HEADER, header));
    let columns = [
        "record_id=rec",
        "first_name=given",
        "last_name=family",
        "sex=sex_",
        "birth_date=born",
        "postal_code=zip_",
        "ssn=ssn_no",
    ];
    let columns: Vec<&str> = columns
        .iter()
        .flat_map(|column| ["--column", column])
        .collect();
    tokenize(&bench, 0, "other.csv", &columns);
    assert_eq!(bench.read("t.csv"), expected);
}

#[test]
fn blank_tokens_are_counted_and_explained_on_every_run() {
    let bench = bench();
    bench.write_secret("secret", "A secret that nobody guesses");
    bench.write("clean.csv", people(","));
    let (_, said) = tokenize(&bench, 0, "clean.csv", &[]);
    assert_eq!(said, "", "nothing is to be said of a clean file");
    let without = HEADER.replace(",SocialSecurityNumber", "");
    let rows = "p1,Ada,Kowal,F,1980-02-03,90210\np2,Jan,,M,31/11/1971,10001\n";
    bench.write("dirty.csv", format!("{without}\n{rows}"));
    let (_, said) = tokenize(&bench, 0, "dirty.csv", &[]);
    for line in [
        "rule T4 yields nothing: there is no column for",
        "rule T4: 2 tokens are blank: ",
        "rule T1: 1 tokens are blank: last_name is missing in 1",
        "dirty.csv: 2 records, 10 tokens under 5 rules, 6 of them blank: ",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let table: Vec<&str> = said
        .lines()
        .skip_while(|line| !line.starts_with("field"))
        .collect();
    assert!(
        table[0].contains("missing") && table[0].contains("first rows"),
        "{said}"
    );
    for name in ["last_name", "birth_date"] {
        let line = table.iter().find(|line| line.starts_with(name));
        assert!(line.is_some_and(|line| line.ends_with('2')), "{said}");
    }
    let (stdout, said) = tokenize(&bench, 0, "dirty.csv", &["-q"]);
    assert_eq!((stdout.as_str(), said.as_str()), ("", ""));

    let (data, _) = tokenize(&bench, 0, "dirty.csv", &["-q", "--json"]);
    let data: Value = serde_json::from_str(&data).expect("JSON");
    assert_eq!((&data["records"], &data["blank"]), (&2.into(), &6.into()));
    assert_eq!(data["rules"][3]["blank"], 2);
    let fields = data["findings"]["fields"].as_array().expect("a list");
    let birth_date = fields
        .iter()
        .find(|field| field["field"] == "birth_date")
        .expect("it is used");
    assert_eq!(birth_date["invalid"]["first_rows"], serde_json::json!([2]));
    assert!(
        data["remarks"]
            .as_array()
            .is_some_and(|remarks| !remarks.is_empty())
    );
}

#[test]
fn records_that_yield_no_token_are_refused_unless_allowed() {
    let bench = bench();
    bench.write(
        "unread.csv",
        "RecordId,FirstName,LastName,Sex,BirthDate\np1,Ada,Kowal,?,03.02.1980\np2,Jan,Nowak,,\n",
    );
    let complaint = refused(&bench, "unread.csv", &[]);
    let last = complaint.lines().last().expect("a complaint");
    assert!(last.contains("all tokens are blank"), "{complaint}");
    tokenize(&bench, 0, "unread.csv", &["--allow-empty"]);
    let blank = "0".repeat(64);
    assert!(
        bench
            .read("t.csv")
            .lines()
            .skip(1)
            .all(|line| line.contains(&blank))
    );
    bench.write("nameless.csv", "RecordId,Vorname\np1,Ada\n");
    tokenize(&bench, 0, "nameless.csv", &["--allow-empty"]);
    assert_eq!(bench.read("t.csv").lines().count(), 6);
}
