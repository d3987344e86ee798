//! Bad inputs: each is named, with its row where it has one, and nothing is written.

use crate::bench::Bench;
use crate::tokens::{bench, tokenize};

fn fails(bench: &Bench, input: &str, more: &[&str]) -> String {
    let arguments = [
        "tokenize",
        input,
        "--out",
        "t.csv",
        "--hashing-secret-file",
        "secret",
        "-q",
    ];
    let complaint = bench.fails(&[&arguments[..], more].concat());
    assert!(
        !bench.exists("t.csv") && !bench.exists("t.metadata.json"),
        "nothing is written"
    );
    assert_eq!(complaint.lines().count(), 1, "{complaint}");
    complaint
}

#[test]
fn bad_inputs_are_named_and_nothing_is_written() {
    let bench = bench();
    let header = "RecordId,FirstName,LastName,Sex,BirthDate\n";
    bench.write(
        "latin1.csv",
        [header.as_bytes(), b"1,Ann,Smith,,\n2,Jos\xe9,Garcia,,\n"].concat(),
    );
    assert!(fails(&bench, "latin1.csv", &[]).contains("row 2 (line 3)"));
    bench.write(
        "quote.csv",
        format!("{header}1,Ann,Smith,,\n2,\"Bo\"b,Miller,,\n"),
    );
    let complaint = fails(&bench, "quote.csv", &[]);
    assert!(
        complaint.contains("row 2 (line 3)") && !complaint.contains("Miller"),
        "{complaint}"
    );
    bench.write(
        "open.csv",
        format!("{header}1,\"Ann,Smith,,\n2,Bob,Miller,,\n"),
    );
    assert!(fails(&bench, "open.csv", &[]).contains("row 1 (line 2)"));
    bench.write("empty.csv", "");
    assert!(fails(&bench, "empty.csv", &[]).contains("empty"));
    assert!(fails(&bench, "missing.csv", &[]).contains("missing.csv"));
    bench.write("people.csv", format!("{header}1,Ann,Smith,F,1980-01-01\n"));
    assert!(fails(&bench, "people.csv", &["--rules", "opentokens"]).contains("opentoken"));
    assert!(fails(&bench, "people.csv", &["--column", "ssn=SSN"]).contains("SSN"));
    bench.write(
        "field.toml",
        "[columns]\nname = \"FirstName\"\n[[rule]]\nid = \"A\"\nsignature = [\"nme:T\"]\n",
    );
    assert!(fails(&bench, "people.csv", &["--rules", "field.toml"]).contains("`nme`"));
    bench.write(
        "operator.toml",
        "[columns]\nname = \"FirstName\"\n[[rule]]\nid = \"A\"\nsignature = [\"name:Q\"]\n",
    );
    let complaint = fails(&bench, "people.csv", &["--rules", "operator.toml"]);
    assert!(
        complaint.contains("operator.toml") && complaint.contains('Q'),
        "{complaint}"
    );
    bench.write(
        "column.toml",
        "[columns]\nname = \"GivenName\"\n[[rule]]\nid = \"A\"\nsignature = [\"name:T\"]\n",
    );
    assert!(fails(&bench, "people.csv", &["--rules", "column.toml"]).contains("GivenName"));
    bench.write("short", "too-short");
    let complaint = fails(&bench, "people.csv", &["--encryption-key-file", "short"]);
    assert!(
        complaint.contains("32 bytes") && !complaint.contains("too-short"),
        "{complaint}"
    );
    bench.write("blank", "\n");
    assert!(fails(&bench, "people.csv", &["--record-id-key-file", "blank"]).contains("blank"));
    let complaint = bench.fails(&["tokenize", "people.csv", "--out", "t.csv"]);
    assert!(
        complaint.contains("BLINDJOIN_HASHING_SECRET"),
        "{complaint}"
    );
    bench.run(2, &["tokenize", "people.csv"]);
    bench.run(
        2,
        &[
            "tokenize",
            "people.csv",
            "--out",
            "t.csv",
            "--dialect",
            "ot3",
        ],
    );
}

#[test]
fn outputs_are_not_overwritten_unless_forced() {
    let bench = bench();
    let header = "RecordId,FirstName,LastName,Sex,BirthDate";
    bench.write(
        "people.csv",
        format!("{header}\n1,Ann,Smith,F,1980-01-01\n"),
    );
    bench.write("t.metadata.json", "mine");
    let arguments = [
        "tokenize",
        "people.csv",
        "--out",
        "t.csv",
        "--hashing-secret-file",
        "secret",
    ];
    let complaint = bench.fails(&arguments);
    assert!(
        complaint.contains("t.metadata.json") && complaint.contains("--force"),
        "{complaint}"
    );
    assert!(!bench.exists("t.csv"));
    bench.ok(&[&arguments[..], &["--force"]].concat());
    assert!(bench.exists("t.csv") && bench.read("t.metadata.json") != "mine");
    bench.fails(&arguments);
}

#[test]
fn sealed_tokens_that_do_not_open_are_named_by_row() {
    let bench = bench();
    bench.write(
        "people.csv",
        "RecordId,FirstName,LastName,Sex,BirthDate\n1,Ann,Smith,F,1980-01-01\n2,Bob,Miller,M,1980-01-01\n",
    );
    tokenize(
        &bench,
        &bench.path("people.csv"),
        "s.csv",
        &["--encryption-key-file", "key"],
    );
    tokenize(&bench, &bench.path("people.csv"), "t.csv", &[]);
    bench.write("other", "another-Encryption-Key-Goes-Here");
    let decrypt = |input: &str, key: &str| {
        bench.fails(&[
            "decrypt",
            input,
            "--out",
            "o.csv",
            "--encryption-key-file",
            key,
        ])
    };
    assert!(decrypt("s.csv", "other").contains("row 1"));
    assert!(decrypt("t.csv", "key").contains("not sealed"));
    assert!(decrypt("people.csv", "key").contains("no token file"));
    let sealed = bench.read("s.csv");
    let second: Vec<&str> = sealed.lines().collect();
    let changed = second[6].replace(',', ",A").replacen(",AA", ",AB", 1);
    let mut lines = second.clone();
    lines[6] = &changed;
    bench.write("tampered.csv", lines.join("\n"));
    let complaint = decrypt("tampered.csv", "key");
    assert!(complaint.contains("row 6"), "{complaint}");
    assert!(!bench.exists("o.csv"));
    let (_, stderr) = bench.run(
        0,
        &[
            "decrypt",
            "tampered.csv",
            "--out",
            "o.csv",
            "--encryption-key-file",
            "key",
            "--keep-unopened",
        ],
    );
    assert!(stderr.contains("1 tokens did not open"), "{stderr}");
    // Sealed tokens of two files never agree, so comparing them is refused.
    let complaint = bench.fails(&["match", "s.csv", "s.csv", "--out", "p.csv"]);
    assert!(complaint.contains("sealed"), "{complaint}");
    let complaint = bench.fails(&["match", "t.csv", "people.csv", "--out", "p.csv"]);
    assert!(
        complaint.contains("people.csv: is no token file"),
        "{complaint}"
    );
    let complaint = bench.fails(&[
        "match",
        "t.csv",
        "t.csv",
        "--out",
        "p.csv",
        "--strategy",
        "T9",
    ]);
    assert!(complaint.contains("T9"), "{complaint}");
    bench.run(
        2,
        &[
            "match",
            "t.csv",
            "t.csv",
            "--out",
            "p.csv",
            "--strategy",
            "(T1",
        ],
    );
    assert!(!bench.exists("p.csv"));
}

/// What a command line must not say: the option is named with what it takes, and nothing is read or
/// written.
#[test]
fn wrong_usage_ends_with_code_2_and_says_what_is_meant() {
    let bench = bench();
    let rows = "p1,Ada,Kowal,F,1980-02-03\n";
    let people = format!("RecordId,FirstName,LastName,Sex,BirthDate\n{rows}");
    bench.write("people.csv", &people);
    bench.write("people.txt", &people);
    let before = bench.names();
    let out = "--out o.csv --hashing-secret-file secret";
    for (line, words) in [
        ("synth --records 0 --out s", &["--records", "1 or more"][..]),
        (
            "synth --records 1e6 --out s",
            &["--records", "whole number"],
        ),
        (
            "synth --records 9 --overlap 30 --out s",
            &["--overlap", "0 to 1"],
        ),
        (
            "synth --records 9 --jurisdictions 27 --out s",
            &["--jurisdictions", "2 to 26"],
        ),
        (
            "init s --data people.csv --rules opentoken --key-bits 1024",
            &["--key-bits", "3072"],
        ),
        (
            "init s --data people.csv --rules opentoken --base-port 65535",
            &["--base-port", "65534"],
        ),
        (
            "tokenize people.csv --threads 0 @",
            &["--threads", "1 to 1024"],
        ),
        (
            "tokenize people.csv --today 03.02.2026 @",
            &["--today", "yyyy-mm-dd"],
        ),
        (
            "tokenize people.csv --column ssn @",
            &["--column", "FIELD=COLUMN"],
        ),
        (
            "tokenize people.csv --dialect ot3 @",
            &["--dialect", "ot1-python"],
        ),
        (
            "tokenize people.csv --delimiter :: @",
            &["--delimiter", "one character"],
        ),
        (
            "tokenize people.csv --health-system N @",
            &["--health-system", "htac"],
        ),
        ("tokenize people.txt @", &["people.txt", "--format csv"]),
        (
            "tokenize people.csv --out o.txt --hashing-secret-file secret",
            &["o.txt", "--out-format csv", ".parquet"],
        ),
        ("match people.csv people.csv --out o", &["--out-format"]),
        ("match - - --out o.csv", &["standard input"]),
        ("dedupe-tokens A=- B=- --out o.csv", &["standard input"]),
        (
            "match people.csv people.csv --out o.csv --strategy best&",
            &["--strategy"],
        ),
        ("blocks people.csv --block hash:99", &["--block", "1 to 19"]),
        ("blocks people.csv --block hash:8 --offered", &["--offered"]),
        ("blocks people.csv --block sex --out -", &["--out"]),
        ("evaluate people.csv", &["--truth"]),
        ("frobnicate", &["frobnicate"]),
    ] {
        let line = line.replace('@', out);
        let arguments: Vec<&str> = line.split(' ').collect();
        let (stdout, complaint) = bench.run(2, &arguments);
        assert_eq!(stdout, "", "{line}");
        for word in words {
            assert!(complaint.contains(word), "{line}: {complaint}");
        }
        for word in [
            "manifest",
            "u8",
            "u16",
            "zero type",
            "invalid digit",
            "panicked",
        ] {
            assert!(!complaint.contains(word), "{line}: {complaint}");
        }
        assert_eq!(bench.names(), before, "{line}");
    }
}

/// What cannot be read or written is found out before anything else is read.
#[test]
fn files_and_folders_are_looked_for_before_the_work() {
    let bench = bench();
    let people = "RecordId,FirstName,LastName,Sex,BirthDate\np1,Ada,Kowal,F,1980-02-03\n";
    bench.write("people.csv", people);
    tokenize(&bench, &bench.path("people.csv"), "t.csv", &[]);
    // Whoever reads this one complains of it.
    let broken = bench.read("t.csv").replacen("T1,", "T1,\"x\"", 1);
    bench.write("broken.csv", broken);
    let before = bench.names();
    for (line, words) in [
        (
            "match broken.csv nowhere.csv --out p.csv",
            &["nowhere.csv", "cannot be read"][..],
        ),
        (
            "match broken.csv people.csv --out p.csv",
            &["people.csv", "no token file"],
        ),
        (
            "match broken.csv t.csv --out nowhere/p.csv",
            &["nowhere/p.csv", "no folder nowhere"],
        ),
        ("match broken.csv t.csv --out t.csv", &["t.csv", "--force"]),
        (
            "dedupe-tokens broken.csv B=nowhere.csv --out p.csv",
            &["nowhere.csv"],
        ),
        (
            "decrypt broken.csv --encryption-key-file nowhere --out p.csv",
            &["--encryption-key-file"],
        ),
        (
            "verify-secrets --hashing-secret-file secret --against nowhere",
            &["--against nowhere"],
        ),
        (
            "blocks broken.csv --block sex --out nowhere/p.csv",
            &["no folder nowhere"],
        ),
    ] {
        let arguments: Vec<&str> = line.split(' ').collect();
        let (_, said) = bench.run(1, &arguments);
        let complaint = said.lines().last().expect("a complaint");
        for word in words {
            assert!(complaint.contains(word), "{line}: {said}");
        }
        assert!(!said.contains(".part"), "{line}: {said}");
        assert_eq!(bench.names(), before, "{line}");
    }
}
