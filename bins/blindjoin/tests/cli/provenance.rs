//! Token files that cannot match, or not as they say: other secrets, other rules, one record id for
//! two persons.

use std::fs;

use serde_json::Value;

use crate::bench::Bench;
use crate::tokens::{bench, tokenize};

const PEOPLE: &str = "RecordId,FirstName,LastName,Sex,BirthDate,PostalCode\n\
                      p1,Ada,Kowal,F,1980-02-03,90210\np2,Jan,Nowak,M,1971-11-30,10001\n";

const WITH_PHONES: &str = "RecordId,FirstName,LastName,Sex,BirthDate,PostalCode,PhoneNumber\n\
                           p1,Ada,Kowal,F,1980-02-03,90210,555-123-4567\n";

/// Tokens of the same people in ours.csv and in theirs.csv, made in two ways.
fn two(ours: &[&str], theirs: &[&str]) -> Bench {
    let bench = bench();
    bench.write("other", "AnotherKey\n");
    bench.write("people.csv", PEOPLE);
    make(&bench, "people.csv", "ours.csv", ours);
    make(&bench, "people.csv", "theirs.csv", theirs);
    bench
}

fn make(bench: &Bench, people: &str, out: &str, more: &[&str]) {
    let secret = ["--hashing-secret-file", "secret"];
    let secret = if more.contains(&"--hashing-secret-file") {
        &[][..]
    } else {
        &secret
    };
    let arguments = ["tokenize", people, "--out", out, "-q", "--allow-empty"];
    bench.ok(&[&arguments[..], secret, more].concat());
}

const OTHER_SECRET: [&str; 2] = ["--hashing-secret-file", "other"];

/// Matches ours with theirs, and yields the number of pairs and what is said.
fn pairs(bench: &Bench, more: &[&str]) -> (usize, String) {
    let arguments = ["match", "ours.csv", "theirs.csv", "--out", "-"];
    let (pairs, said) = bench.run(0, &[&arguments[..], more].concat());
    (pairs.lines().count() - 1, said)
}

fn refused(bench: &Bench, arguments: &[&str]) -> String {
    let before = bench.names();
    let complaint = bench.fails(&[arguments, &["--out", "p.csv"]].concat());
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    assert_eq!(bench.names(), before, "nothing is written");
    complaint
}

#[test]
fn tokens_made_alike_match_and_nothing_is_said_of_their_making() {
    let bench = two(&[], &[]);
    let (count, said) = pairs(&bench, &[]);
    assert_eq!(count, 2);
    assert!(
        !said.contains("metadata") && !said.contains("made"),
        "{said}"
    );
}

#[test]
fn tokens_under_other_secrets_are_refused_before_they_are_read() {
    let bench = two(&[], &OTHER_SECRET);
    let complaint = refused(&bench, &["match", "ours.csv", "theirs.csv"]);
    for word in [
        "ours.csv",
        "theirs.csv",
        "hashing secrets",
        "--ignore-metadata",
    ] {
        assert!(complaint.contains(word), "{word}: {complaint}");
    }
    let (count, said) = pairs(&bench, &["--ignore-metadata"]);
    assert_eq!(count, 0);
    assert!(!said.contains("secret"), "{said}");
    // Whatever the files hold: it is the metadata that tell.
    bench.write("theirs.csv", "no token file");
    assert!(refused(&bench, &["match", "ours.csv", "theirs.csv"]).contains("hashing secrets"));
}

#[test]
fn tokens_of_another_scheme_are_refused() {
    let bench = two(&[], &[]);
    bench.write("phones.csv", WITH_PHONES);
    make(&bench, "phones.csv", "htac.csv", &["--rules", "htac"]);
    let complaint = refused(&bench, &["match", "ours.csv", "htac.csv"]);
    assert!(complaint.contains("token schemes"), "{complaint}");
}

#[test]
fn the_metadata_of_references_are_compared_too() {
    let bench = two(&[], &[]);
    let ours: Value = serde_json::from_str(&bench.read("ours.metadata.json")).expect("JSON");
    let hash = ours["HashingSecretHash"].as_str().expect("a hash");
    let reference = |hash: &str| {
        format!(
            "{{\"Platform\":\"Java\",\"OpenTokenVersion\":\"1.12.5\",\
             \"HashingSecretHash\":\"{hash}\",\"TotalRows\":2}}"
        )
    };
    bench.write("theirs.metadata.json", reference(&hash.to_uppercase()));
    assert_eq!(pairs(&bench, &[]).0, 2);
    bench.write("theirs.metadata.json", reference(&hash.replace('a', "b")));
    let complaint = refused(&bench, &["match", "ours.csv", "theirs.csv"]);
    assert!(complaint.contains("hashing secrets"), "{complaint}");
}

#[test]
fn tokens_under_other_dialects_or_rules_are_remarked_on() {
    let bench = two(&["--dialect", "ot1-java"], &["--dialect", "ot1-python"]);
    let (count, said) = pairs(&bench, &[]);
    assert_eq!(count, 2);
    assert!(said.contains("dialects, ot1-java and ot1-python"), "{said}");

    let rules = |second: &str| {
        format!(
            "[columns]\nrecord_id = \"RecordId\"\nfirst_name = \"FirstName\"\nlast_name = \"LastName\"\n\
             [[rule]]\nid = \"A\"\nsignature = [\"last_name:T|U\", \"first_name:T|U\"]\n\
             [[rule]]\nid = \"B\"\nsignature = [\"{second}\"]\n"
        )
    };
    let bench = bench_with_rules(&rules("last_name:T|U"), &rules("first_name:T|U"));
    let (_, said) = pairs(&bench, &[]);
    assert!(said.contains("other rules"), "{said}");
    let bench = bench_with_rules(&rules("last_name:T|U"), &rules("last_name:T|U"));
    let (_, said) = pairs(&bench, &[]);
    assert!(!said.contains("other rules"), "{said}");
}

fn bench_with_rules(ours: &str, theirs: &str) -> Bench {
    let bench = bench();
    bench.write("people.csv", PEOPLE);
    for (name, rules) in [("ours", ours), ("theirs", theirs)] {
        bench.write(&format!("{name}.toml"), rules);
        let rules = format!("{name}.toml");
        make(
            &bench,
            "people.csv",
            &format!("{name}.csv"),
            &["--rules", &rules],
        );
    }
    bench
}

#[test]
fn what_is_not_known_of_a_file_is_said_and_what_is_no_metadata_is_refused() {
    let bench = two(&[], &[]);
    fs::remove_file(bench.path("theirs.metadata.json")).expect("removed");
    let (count, said) = pairs(&bench, &[]);
    assert_eq!(count, 2);
    let line = said.lines().find(|line| line.contains("theirs.csv"));
    assert!(
        line.is_some_and(|line| line.contains("is not known")),
        "{said}"
    );
    assert_eq!(pairs(&bench, &["-q"]).1, "");
    let arguments = [
        "match",
        "ours.csv",
        "theirs.csv",
        "--out",
        "p.csv",
        "-q",
        "--json",
    ];
    let data: Value = serde_json::from_str(&bench.ok(&arguments)).expect("JSON");
    let remarks = data["remarks"].to_string();
    assert!(remarks.contains("is not known"), "{remarks}");
    fs::remove_file(bench.path("p.csv")).expect("removed");

    bench.write("theirs.metadata.json", "TotalRows: 2");
    let complaint = refused(&bench, &["match", "ours.csv", "theirs.csv"]);
    assert!(complaint.contains("theirs.metadata.json"), "{complaint}");
    assert_eq!(pairs(&bench, &["--ignore-metadata"]).0, 2);
}

#[test]
fn a_site_whose_tokens_are_made_otherwise_is_refused_in_a_roster() {
    let bench = two(&[], &[]);
    make(&bench, "people.csv", "third.csv", &OTHER_SECRET);
    let sites = [
        "dedupe-tokens",
        "North=ours.csv",
        "theirs.csv",
        "South=third.csv",
        "--rule",
        "T1",
    ];
    let complaint = refused(&bench, &sites);
    assert!(
        complaint.contains("third.csv") && complaint.contains("hashing secrets"),
        "{complaint}"
    );
    let roster = bench.ok(&[&sites[..], &["--out", "-", "-q", "--ignore-metadata"]].concat());
    assert_eq!(roster.lines().count(), 5, "{roster}");
    let (roster, said) = bench.run(0, &[&sites[..3], &sites[4..], &["--out", "-"]].concat());
    assert_eq!(roster.lines().count(), 3, "{roster}");
    assert!(!said.contains("metadata"), "{said}");
    fs::remove_file(bench.path("ours.metadata.json")).expect("removed");
    fs::remove_file(bench.path("theirs.metadata.json")).expect("removed");
    let (_, said) = bench.run(0, &[&sites[..3], &sites[4..], &["--out", "-"]].concat());
    assert!(said.contains("ours.csv, theirs.csv: "), "{said}");
}

/// People of whom some share a record id, and theirs, who are Ada Kowal and nobody else.
fn shared_ids(rows: &str) -> Bench {
    let bench = bench();
    let header = "RecordId,FirstName,LastName,Sex,BirthDate\n";
    bench.write("ours_people.csv", format!("{header}{rows}"));
    bench.write(
        "theirs_people.csv",
        format!("{header}q1,Ada,Kowal,F,1980-02-03\n"),
    );
    for name in ["ours", "theirs"] {
        let people = bench.path(&format!("{name}_people.csv"));
        tokenize(
            &bench,
            &people,
            &format!("{name}.csv"),
            &["--rules", "opentoken"],
        );
    }
    bench
}

#[test]
fn a_match_of_a_record_id_of_two_persons_is_refused_unless_allowed() {
    let bench = shared_ids("p1,Ada,Kowal,F,1980-02-03\np1,Jan,Nowak,M,1971-11-30\n");
    let match_them = ["match", "ours.csv", "theirs.csv"];
    let (_, said) = bench.run(1, &[&match_them[..], &["--out", "p.csv"]].concat());
    let last = said.lines().last().expect("a complaint");
    assert!(
        last.contains("ours.csv: 1 of the record ids") && last.contains("--allow-split-ids"),
        "{said}"
    );
    assert!(said.contains("rows 1 and 6"), "{said}");
    assert!(!said.contains("p1"), "{said}");
    assert!(!bench.exists("p.csv"));
    let other_way = ["match", "theirs.csv", "ours.csv", "--out", "p.csv", "-q"];
    assert!(
        bench
            .fails(&other_way)
            .contains("ours.csv: 1 of the record ids")
    );
    assert_eq!(pairs(&bench, &["--allow-split-ids"]).0, 1);
}

#[test]
fn a_record_id_of_two_persons_who_match_nobody_is_remarked_on() {
    let bench = shared_ids(
        "p1,Ada,Kowal,F,1980-02-03\np2,Eva,Lis,F,1990-01-05\np2,Jan,Nowak,M,1971-11-30\n\
         p3,Ida,Wilk,F,1966-06-06\np3,Ola,Wilk,F,1966-06-06\n",
    );
    let (count, said) = pairs(&bench, &[]);
    assert_eq!(count, 1);
    assert!(said.contains("ours.csv: 2 record ids have"), "{said}");
    assert!(said.contains("rows 6 and 11"), "{said}");
}

#[test]
fn one_person_entered_twice_alike_is_one_record() {
    let bench = shared_ids("p1,Ada,Kowal,F,1980-02-03\np1,ADA,Kowal,f,1980-02-03\n");
    let (count, said) = pairs(&bench, &[]);
    assert_eq!(count, 1);
    assert!(!said.contains("several different tokens"), "{said}");
}

/// Ours and theirs both have such an id, the files are sealed, and the strategy asks for one rule alone.
#[test]
fn record_ids_of_two_persons_are_found_in_sealed_files_on_either_side() {
    let bench = shared_ids("p1,Ada,Kowal,F,1980-02-03\np1,Jan,Nowak,M,1971-11-30\n");
    let people = "RecordId,FirstName,LastName,Sex,BirthDate\n\
                  q1,Ada,Kowal,F,1980-02-03\nq1,Eva,Lis,F,1990-01-05\n";
    bench.write("both_people.csv", people);
    bench.write("both.tsv", people.replace(',', "\t"));
    for (input, out) in [
        ("both_people.csv", "both.csv"),
        ("both.tsv", "tabs.parquet"),
        ("ours_people.csv", "sealed.csv"),
    ] {
        let key = ["--encryption-key-file", "key"];
        make(&bench, input, out, &key);
    }
    let key = ["--encryption-key-file", "key"];
    for (ours, theirs, named) in [
        ("ours.csv", "both.csv", "ours.csv"),
        ("theirs.csv", "tabs.parquet", "tabs.parquet"),
        ("tabs.parquet", "theirs.csv", "tabs.parquet"),
        ("sealed.csv", "theirs.csv", "sealed.csv"),
    ] {
        let arguments = [
            "match",
            ours,
            theirs,
            "--strategy",
            "T3",
            "--out",
            "p.csv",
            "-q",
        ];
        let complaint = bench.fails(&[&arguments[..], &key].concat());
        assert!(
            complaint.contains(&format!("{named}: 1 of the record ids")),
            "{ours} {theirs}: {complaint}"
        );
        assert!(!bench.exists("p.csv"));
    }
}
