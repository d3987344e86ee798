//! How the program ends: interrupted, with nobody reading, and what it never says.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::process::{Command, Stdio};

use crate::desk::{Desk, RULES, said};

/// More than a pipe holds, so that whoever has written it knows that it was read.
fn many(records: usize) -> String {
    let mut text = "id,nid,last,dob\n".to_owned();
    for number in 0..records {
        writeln!(text, "person{number},A{number},Kowal{number},1980-02-03").unwrap();
    }
    text
}

#[test]
fn an_interruption_leaves_nothing_behind() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let desk = Desk::new(RULES, "");
        fs::create_dir(desk.path("temporary")).unwrap();
        let mut child = desk
            .command(&["-", "--out", "out.csv"])
            .env("TMPDIR", desk.path("temporary"))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(many(50_000).as_bytes()).unwrap();
        let names = |folder: &str| -> Vec<String> {
            let entries = fs::read_dir(desk.path(folder)).unwrap();
            let mut names: Vec<String> = entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        // Its copy of the registry has no name even while it reads.
        assert_eq!(names("temporary"), [""; 0]);
        let id = child.id().to_string();
        let killed = Command::new("kill")
            .args(["-s", signal, &id])
            .status()
            .unwrap();
        assert!(killed.success());
        let status = child.wait().unwrap();
        drop(input);
        let mut told = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut told)
            .unwrap();
        assert_eq!(status.code(), Some(code), "{told}");
        assert_eq!(told, "blindjoin-querier: interrupted\n");
        assert_eq!(names("temporary"), [""; 0]);
        assert_eq!(names("."), ["people.csv", "rules.toml", "temporary"]);
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let desk = Desk::new(RULES, &many(50_000));
    let mut child = desk
        .command(&["people.csv", "--out", "-", "-q"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut head = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut head).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), said(&output).as_str()),
        (Some(0), "")
    );
}

/// Nobody reads standard output, from the beginning on.
#[test]
fn whoever_reads_no_result_still_gets_the_other_files() {
    let desk = Desk::new(RULES, &many(300).replace("A7,", "A8,"));
    for (more, written) in [
        (&["--out", "out.csv", "--pairs", "-"][..], "out.csv"),
        (&["--out", "-", "--pairs", "pairs.csv"], "pairs.csv"),
        (&["--out", "out.parquet", "--json"], "out.parquet"),
    ] {
        let run = |more: &[&str]| {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let mut command = desk.command(&[&["people.csv", "-q"], more].concat());
            command
                .stdout(writer)
                .stderr(Stdio::piped())
                .output()
                .unwrap()
        };
        let output = run(more);
        assert_eq!(
            (output.status.code(), said(&output).as_str()),
            (Some(0), ""),
            "{more:?}"
        );
        let length = fs::metadata(desk.path(written)).unwrap().len();
        assert!(length > 20, "{more:?}: {length} bytes");
        fs::remove_file(desk.path(written)).unwrap();
    }
}

#[test]
fn a_named_pipe_and_standard_input_are_read_like_a_file() {
    let people = many(3000);
    let desk = Desk::new(RULES, &people);
    assert!(desk.dedupe(&["-q"]).status.success());
    let due = desk.read("out.csv");
    let pipe = desk.path("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for source in ["pipe", "-"] {
        let mut child = desk
            .command(&[
                source,
                "--format",
                "csv",
                "--out",
                "piped.csv",
                "--force",
                "-q",
            ])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if source == "-" {
            child
                .stdin
                .take()
                .unwrap()
                .write_all(people.as_bytes())
                .unwrap();
        } else {
            fs::write(&pipe, &people).unwrap();
        }
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{source}: {}", said(&output));
        assert_eq!(desk.read("piped.csv"), due, "{source}");
    }
}

#[test]
fn a_large_group_is_told_by_its_rows_and_not_by_its_records() {
    let mut people = "id,nid,last,dob\n".to_owned();
    for number in 0..25 {
        writeln!(people, "person{number},A1,Kowal{number},1980-02-03").unwrap();
    }
    let output = Desk::new(RULES, &people).dedupe(&[]);
    let told = said(&output);
    assert!(
        told.contains("25 records are taken for one person, among them rows 1, 2, 3"),
        "{told}"
    );
    assert!(!told.contains("person1"), "{told}");
    let quiet = Desk::new(RULES, &people).dedupe(&["-q"]);
    assert_eq!(said(&quiet), "");
}
