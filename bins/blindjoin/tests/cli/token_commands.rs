//! What is done with tokens: matching, rosters, secrets; and blocks.

use std::fs;

use serde_json::Value;

use crate::data;
use crate::tokens::{bench, tokenize};

const WORKED: [(&str, &str); 2] = [("ours", "HOS"), ("theirs", "CLN")];

#[test]
fn the_worked_example_matches_as_documented() {
    let Some(folder) = data::outside("vectors/opentoken") else {
        return;
    };
    let bench = bench();
    let worked = fs::read_to_string(folder.join("worked_input.csv")).expect("a vector");
    for (name, prefix) in WORKED {
        let lines = worked.lines().enumerate();
        let part: Vec<&str> = lines
            .filter(|(number, line)| *number == 0 || line.contains(prefix))
            .map(|(_, line)| line)
            .collect();
        assert_eq!(part.len(), 3, "{name}");
        bench.write(&format!("{name}_people.csv"), part.join("\n"));
        let input = bench.path(&format!("{name}_people.csv"));
        tokenize(&bench, &input, &format!("{name}.csv"), &[]);
        let sealed = format!("{name}_sealed.csv");
        tokenize(&bench, &input, &sealed, &["--encryption-key-file", "key"]);
    }
    let pairs = |arguments: &[&str]| {
        let arguments = [&["match", "--out", "-", "-q"], arguments].concat();
        bench.ok(&arguments)
    };
    let any = pairs(&["ours.csv", "theirs.csv"]);
    assert_eq!(
        any,
        "a_record_id,b_record_id,rules,relation\n\
         HOS-101,CLN-201,T1;T2;T3;T4;T5,one-to-one\n\
         HOS-102,CLN-202,T1,one-to-one\n"
    );
    let sealed = [
        "ours_sealed.csv",
        "theirs_sealed.csv",
        "--encryption-key-file",
        "key",
    ];
    assert_eq!(pairs(&sealed), any);
    let count = |strategy| {
        pairs(&["ours.csv", "theirs.csv", "--strategy", strategy])
            .lines()
            .count()
            - 1
    };
    assert_eq!(
        (count("all"), count("(T1|T2)&(T3|T4)"), count("T1")),
        (1, 1, 2)
    );
    let tiered = pairs(&["ours.csv", "theirs.csv", "--strategy", "tiered:T4,T1"]);
    let last: Vec<&str> = tiered
        .lines()
        .map(|l| l.rsplit(',').next().expect("a cell"))
        .collect();
    assert_eq!(last, ["confidence", "T4", "T1"]);
    bench.ok(&[
        "match",
        "ours.csv",
        "theirs.csv",
        "--out",
        "p.csv",
        "--statistics",
        "s.json",
        "--suppress-below",
        "11",
    ]);
    let statistics: Value = serde_json::from_str(&bench.read("s.json")).expect("JSON");
    assert_eq!(statistics["pairs"], Value::Null);
    assert_eq!(statistics["suppressed_below"], 11);
}

#[test]
fn rosters_name_one_site_and_come_out_the_same_again() {
    let bench = bench();
    let token = |digit: &str| digit.repeat(64);
    let (x, y, z) = (token("a"), token("b"), token("c"));
    bench.write(
        "north.csv",
        format!("token,person,last_visit\n{x},1,2026-01-05\n{y},2,\n"),
    );
    bench.write(
        "rest.csv",
        format!(
            "token,person,health_system,last_visit\n{x},7,South,2026-03-01\n{y},8,South,\n{z},9,East,\n"
        ),
    );
    let dedupe = |out: &str| {
        bench.ok(&[
            "dedupe-tokens",
            "North=north.csv",
            "rest.csv",
            "--out",
            out,
            "--date",
            "2026-11-22",
            "--suppress-below",
            "0",
            "--statistics",
            "counts.json",
            "--force",
        ]);
        bench.read(out)
    };
    let roster = dedupe("roster.csv");
    assert_eq!(
        roster,
        format!(
            "canonical_token,canonical_site,site_count,roster_version\n\
             {x},South,2,2026-11-22\n{y},North,2,2026-11-22\n{z},East,1,2026-11-22\n"
        )
    );
    assert_eq!(dedupe("again.csv"), roster);
    let counts: Value = serde_json::from_str(&bench.read("counts.json")).expect("JSON");
    assert_eq!(
        (&counts["total"], &counts["shared"]),
        (&3.into(), &2.into())
    );
}

#[test]
fn the_latest_of_visits_on_one_day_is_that_of_the_latest_hour() {
    let bench = bench();
    let (x, y) = ("a".repeat(64), "b".repeat(64));
    bench.write(
        "north.csv",
        format!("token,person,last_visit\n{x},1,2026-03-01T09:00:00Z\n{y},2,2026-03-01\n"),
    );
    bench.write(
        "south.csv",
        format!(
            "token,person,last_visit\n{x},1,2026-03-01T09:30:00+01:00\n{y},2,2026-03-01 00:00:01\n"
        ),
    );
    let roster = |inputs: &[&str]| {
        let more = ["--out", "r.csv", "--date", "2026-11-22", "--force", "-q"];
        bench.ok(&[&["dedupe-tokens"], inputs, &more].concat());
        bench.read("r.csv")
    };
    let expected = format!(
        "canonical_token,canonical_site,site_count,roster_version\n\
         {x},north,2,2026-11-22\n{y},south,2,2026-11-22\n"
    );
    assert_eq!(roster(&["north.csv", "south.csv"]), expected);
    assert_eq!(roster(&["south.csv", "north.csv"]), expected);
    bench.write(
        "bad.csv",
        format!("token,person,last_visit\n{x},1,03/04/2026\n"),
    );
    let told = bench.fails(&["dedupe-tokens", "bad.csv", "--out", "b.csv"]);
    assert!(told.contains("row 1") && !told.contains("03/04"), "{told}");
}

#[test]
fn secrets_are_verified_without_being_shown() {
    let bench = bench();
    bench.write("people.csv", "RecordId,FirstName\n1,Ann\n");
    tokenize(
        &bench,
        &bench.path("people.csv"),
        "t.csv",
        &["--allow-empty"],
    );
    let hash = "26ce1637d4a1e514cbf90ce0d73d7ea257342009083ab6f6e06cb434fb3a9d99";
    let plain = bench.ok(&["verify-secrets", "--hashing-secret-file", "secret"]);
    assert_eq!(plain, format!("HashingSecretHash: {hash}\n"));
    let against = [
        "verify-secrets",
        "--against",
        "t.metadata.json",
        "--hashing-secret-file",
    ];
    assert!(
        bench
            .ok(&[&against[..], &["secret"]].concat())
            .contains("(same)")
    );
    bench.write("other", "AnotherKey");
    let (stdout, stderr) = bench.run(1, &[&against[..], &["other"]].concat());
    assert!(
        stdout.contains("(different)") && stderr.contains("other secrets"),
        "{stderr}"
    );
    assert!(!stdout.contains("AnotherKey") && !stderr.contains("AnotherKey"));
    let mut command = bench.command(&["verify-secrets", "--json"]);
    let output = command
        .env("BLINDJOIN_HASHING_SECRET", "HashingKey")
        .output()
        .expect("it runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains(hash));
}

#[test]
fn blocks_show_sizes_and_risk() {
    let bench = bench();
    bench.write(
        "people.csv",
        "record_id,birth_date,state\n1,1950-03-22,NSW\n2,1950-01-02,NSW\n3,1951-01-02,VIC\n4,,VIC\n",
    );
    let table = bench.ok(&[
        "blocks",
        "people.csv",
        "--block",
        "birth_year,state",
        "--least",
        "2",
        "--out",
        "sizes.csv",
    ]);
    let value = |name: &str| {
        let line = table
            .lines()
            .find(|line| line.starts_with(name))
            .expect("a line");
        line[name.len()..].trim().to_owned()
    };
    assert_eq!(value("records in blocks "), "3");
    assert_eq!(value("records without a block"), "1");
    assert_eq!(value("smallest block"), "1");
    assert_eq!(value("records in blocks under 2"), "1");
    assert_eq!(value("highest prosecutor risk"), "1.000000");
    assert_eq!(value("mean prosecutor risk"), "0.666667");
    assert_eq!(value("comparisons within blocks"), "5");
    assert_eq!(
        bench.read("sizes.csv"),
        "block,records\n1950|NSW,2\n1951|VIC,1\n"
    );
    let hashed = ["blocks", "people.csv", "--block", "hash:2", "--offered"];
    assert!(bench.run(2, &hashed).1.contains("--offered"));
    let unknown = bench.fails(&["blocks", "people.csv", "--block", "county"]);
    assert!(unknown.contains("county"), "{unknown}");
}
