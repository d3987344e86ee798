//! Outputs: never two to one place, nothing left behind, an empty result is a result.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::process::Stdio;

use crate::bench::{Bench, finished};
use crate::tokens::{bench, tokenize};

const PEOPLE: &str = "RecordId,FirstName,LastName,Sex,BirthDate\n\
                      p1,Ada,Kowal,F,1980-02-03\np2,Jan,Nowak,M,1971-11-30\n";

const SECRET: [&str; 2] = ["--hashing-secret-file", "secret"];

fn with_tokens() -> Bench {
    let bench = bench();
    bench.write("people.csv", PEOPLE);
    tokenize(&bench, &bench.path("people.csv"), "t.csv", &[]);
    bench
}

#[test]
fn two_outputs_to_one_place_are_refused_before_any_work() {
    let bench = with_tokens();
    let before = bench.names();
    symlink("one.csv", bench.path("link.csv")).expect("linked");
    for arguments in [
        &[
            "tokenize",
            "people.csv",
            "--out",
            "one.csv",
            "--metadata",
            "one.csv",
        ][..],
        &[
            "tokenize",
            "people.csv",
            "--out",
            "one.csv",
            "--metadata",
            "./one.csv",
        ],
        &[
            "tokenize",
            "people.csv",
            "--out",
            "link.csv",
            "--metadata",
            "one.csv",
        ],
        &[
            "match",
            "t.csv",
            "t.csv",
            "--out",
            "one.csv",
            "--statistics",
            "link.csv",
        ],
        &[
            "dedupe-tokens",
            "t.csv",
            "--rule",
            "T1",
            "--out",
            "one.csv",
            "--statistics",
            "one.csv",
        ],
    ] {
        let secret = if arguments[0] == "tokenize" {
            &SECRET[..]
        } else {
            &[]
        };
        let arguments = [arguments, secret, &["--force"]].concat();
        let (_, complaint) = bench.run(2, &arguments);
        assert!(complaint.contains("two outputs"), "{complaint}");
    }
    fs::remove_file(bench.path("link.csv")).expect("removed");
    assert_eq!(bench.names(), before);
}

#[test]
fn links_that_lead_nowhere_yet_are_followed() {
    let bench = with_tokens();
    fs::create_dir(bench.path("results")).expect("made");
    symlink("results/tokens.csv", bench.path("out.csv")).expect("linked");
    tokenize(&bench, &bench.path("people.csv"), "out.csv", &[]);
    let kind = fs::symlink_metadata(bench.path("out.csv"))
        .expect("there")
        .file_type();
    assert!(kind.is_symlink());
    assert_eq!(bench.read("results/tokens.csv"), bench.read("t.csv"));
}

#[test]
fn the_name_of_an_output_and_an_option_may_not_contradict_each_other() {
    let bench = with_tokens();
    for (out, format) in [("x.parquet", "csv"), ("x.csv", "parquet")] {
        let arguments = [
            "match",
            "t.csv",
            "t.csv",
            "--out",
            out,
            "--out-format",
            format,
        ];
        let (_, complaint) = bench.run(2, &arguments);
        assert!(complaint.contains(out) && !bench.exists(out), "{complaint}");
    }
    bench.ok(&[
        "match",
        "t.csv",
        "t.csv",
        "--out",
        "x",
        "--out-format",
        "parquet",
        "-q",
    ]);
    assert!(
        fs::read(bench.path("x"))
            .expect("there")
            .starts_with(b"PAR1")
    );
}

#[test]
fn what_is_written_of_no_records_is_read_again() {
    let bench = with_tokens();
    bench.write("nobody.csv", "RecordId,FirstName,LastName,Sex,BirthDate\n");
    for out in ["none.csv", "none.parquet"] {
        tokenize(&bench, &bench.path("nobody.csv"), out, &["--force"]);
        for (ours, theirs) in [(out, "t.csv"), ("t.csv", out), (out, out)] {
            let pairs = bench.ok(&["match", ours, theirs, "--out", "-", "-q"]);
            assert_eq!(pairs.lines().count(), 1, "{ours} {theirs}: {pairs}");
        }
        let key = ["--encryption-key-file", "key"];
        bench.ok(&[
            &["decrypt", out, "--out", "opened.csv", "--force", "-q"][..],
            &key,
        ]
        .concat());
        assert_eq!(bench.read("opened.csv"), "");
        let roster = bench.ok(&["dedupe-tokens", out, "--out", "-", "-q"]);
        assert_eq!(roster.lines().count(), 1, "{roster}");
        let roster = bench.ok(&[
            "dedupe-tokens",
            out,
            "Other=t.csv",
            "--rule",
            "T1",
            "--out",
            "-",
            "-q",
        ]);
        assert_eq!(roster.lines().count(), 3, "{roster}");
    }
    bench.write("card.csv", "record_id,matched,ID\n");
    bench.write("truth.csv", "a_record_id,b_record_id\n");
    let measured = bench.ok(&["evaluate", "card.csv", "--truth", "truth.csv"]);
    assert!(!measured.contains("NaN"), "{measured}");
}

#[test]
fn work_that_nothing_can_come_of_is_refused_unless_allowed() {
    let bench = with_tokens();
    let roster = ["dedupe-tokens", "t.csv", "--out", "r.csv", "--rule", "T9"];
    let complaint = bench.fails(&roster);
    assert!(
        complaint.contains("T9") && complaint.contains("T1, T2, T3, T4, T5"),
        "{complaint}"
    );
    bench.ok(&[&roster[..], &["--allow-empty"]].concat());
    assert_eq!(bench.read("r.csv").lines().count(), 1);
    let roster = ["dedupe-tokens", "t.csv", "--out", "s.csv", "--rule", "T4"];
    assert!(
        bench.fails(&roster).contains("blank"),
        "nobody has a social security number"
    );

    let blank = format!(
        "RuleId,Token,RecordId\nT1,{0},a\nT1,{0},b\n",
        "0".repeat(64)
    );
    bench.write("blank.csv", blank);
    let pairs = ["match", "t.csv", "blank.csv", "--out", "p.csv"];
    assert!(bench.fails(&pairs).contains("blank.csv"));
    bench.ok(&[&pairs[..], &["--allow-empty"]].concat());
    assert_eq!(bench.read("p.csv").lines().count(), 1);
}

/// Feeds records to a command until it has read most of them and waits for more.
fn interrupted(bench: &Bench, arguments: &[&str], signal: &str) -> i32 {
    let mut command = bench.command(arguments);
    command.env("TMPDIR", bench.path("tmp"));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut input = child.stdin.take().expect("piped");
    input.write_all(PEOPLE.as_bytes()).expect("it reads");
    // Far more than a pipe holds: it has been reading for a while when all of this is written.
    for row in 0..200_000 {
        writeln!(input, "q{row},Ada,Kowal,F,1980-02-03").expect("it reads");
    }
    let sent = std::process::Command::new("kill")
        .args([signal, &child.id().to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
    // The pipe stays open: no end of the input is in the way of the signal.
    let output = child.wait_with_output().expect("it ends");
    drop(input);
    output.status.code().expect("it ends by itself")
}

#[test]
fn an_interruption_leaves_nothing_behind() {
    let bench = bench();
    fs::create_dir(bench.path("tmp")).expect("made");
    let before = bench.names();
    let tokenize = [
        "tokenize",
        "-",
        "--out",
        "t.csv",
        "--hashing-secret-file",
        "secret",
    ];
    let parquet = [&tokenize[..3], &["t.parquet"], &tokenize[4..]].concat();
    let blocks = ["blocks", "-", "--block", "sex", "--out", "sizes.csv"];
    for (arguments, signal, code) in [
        (&tokenize[..], "-INT", 130),
        (&tokenize[..], "-TERM", 143),
        (&parquet[..], "-TERM", 143),
        (&blocks[..], "-INT", 130),
    ] {
        assert_eq!(
            interrupted(&bench, arguments, signal),
            code,
            "{arguments:?}"
        );
        assert_eq!(bench.names(), before, "{arguments:?}");
        assert_eq!(fs::read_dir(bench.path("tmp")).expect("there").count(), 0);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let bench = with_tokens();
    let mut people = PEOPLE.as_bytes().to_vec();
    for row in 0..60_000 {
        writeln!(people, "q{row},Ada,Kowal,F,1980-02-03").expect("there is memory");
    }
    bench.write("many.csv", people);
    let arguments = [&["tokenize", "many.csv", "--out", "-", "-q"][..], &SECRET].concat();
    let mut command = bench.command(&arguments);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    let (_, complaint) = finished(0, &arguments, &output);
    assert_eq!(complaint, "");
}

/// Nobody reads standard output, from the beginning on.
#[test]
fn whoever_reads_no_result_still_gets_the_other_files() {
    let bench = with_tokens();
    let matched = ["match", "t.csv", "t.csv", "-q"];
    let tokenized = ["tokenize", "people.csv", "-q", "--hash-only"];
    let roster = ["dedupe-tokens", "t.csv", "--rule", "T1", "-q"];
    for (arguments, comparable) in [
        (
            [&matched[..], &["--out", "RESULT", "--statistics", "OTHER"]].concat(),
            true,
        ),
        (
            [&matched[..], &["--statistics", "RESULT", "--out", "OTHER"]].concat(),
            true,
        ),
        (
            [
                &tokenized[..],
                &SECRET,
                &["--out", "RESULT", "--metadata", "OTHER"],
            ]
            .concat(),
            // The metadata tell the moment.
            false,
        ),
        (
            [&roster[..], &["--out", "RESULT", "--statistics", "OTHER"]].concat(),
            true,
        ),
        // Data come after the files, and a command without files has nothing to lose.
        ([&matched[..], &["--out", "OTHER", "--json"]].concat(), true),
        (
            vec!["blocks", "people.csv", "--block", "birth_year", "-q"],
            true,
        ),
        (vec!["completions", "bash"], true),
        (vec!["help", "match"], true),
    ] {
        let with = |result: &'static str, other: &'static str| -> Vec<&str> {
            let named = arguments.iter().map(|&argument| match argument {
                "RESULT" => result,
                "OTHER" => other,
                other => other,
            });
            named.collect()
        };
        bench.ok(&with("result.csv", "other.csv"));
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let unread = with("-", "unread.csv");
        let mut command = bench.command(&unread);
        let output = command
            .stdout(writer)
            .stderr(Stdio::piped())
            .output()
            .expect("it runs");
        let (_, complaint) = finished(0, &unread, &output);
        assert_eq!(complaint, "", "{unread:?}");
        if arguments.contains(&"OTHER") {
            assert!(bench.exists("unread.csv"), "{unread:?}");
            assert!(
                !comparable || bench.read("unread.csv") == bench.read("other.csv"),
                "{unread:?}"
            );
        }
        for name in ["result.csv", "other.csv", "unread.csv"] {
            if bench.exists(name) {
                fs::remove_file(bench.path(name)).expect("removed");
            }
        }
    }
}
