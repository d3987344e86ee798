//! Inputs that are not what their names say, that come once, or that are damaged.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::process::{Command, Stdio};

use blindjoin_columnar::{Format, Header, Output, OutputColumn, Quoting, TableWriter};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::bench::{Bench, finished};
use crate::tokens::bench;

const PEOPLE: &str = "RecordId,FirstName,LastName,Sex,BirthDate\n\
                      p1,Ada,Kowal,F,1980-02-03\np2,Jan,Nowak,M,1971-11-30\n";

fn tokenize(bench: &Bench, input: &str, out: &str, more: &[&str]) -> Command {
    let arguments = [
        "tokenize",
        input,
        "--out",
        out,
        "--hashing-secret-file",
        "secret",
        "-q",
    ];
    bench.command(&[&arguments[..], more].concat())
}

fn input_digest(bench: &Bench, metadata: &str) -> String {
    let metadata: Value = serde_json::from_str(&bench.read(metadata)).expect("JSON");
    let digest = metadata["blindjoin"]["InputDigest"].as_str();
    digest.expect("a digest").to_owned()
}

#[test]
fn a_stream_is_read_once_and_its_digest_is_that_of_what_was_read() {
    let bench = bench();
    bench.write("people.csv", PEOPLE);
    let run = |mut command: Command| {
        let output = command.output().expect("it runs");
        finished(0, &["tokenize"], &output);
    };
    run(tokenize(&bench, "people.csv", "file.csv", &[]));
    let mut hex = String::new();
    for byte in Sha256::digest(PEOPLE) {
        write!(hex, "{byte:02x}").expect("there is memory");
    }
    assert_eq!(input_digest(&bench, "file.metadata.json"), hex);

    for (input, out) in [("-", "standard"), ("/dev/stdin", "device")] {
        let out_file = format!("{out}.csv");
        let mut command = tokenize(&bench, input, &out_file, &["--format", "csv"]);
        command.stdin(File::open(bench.path("people.csv")).expect("there"));
        run(command);
        assert_eq!(bench.read(&out_file), bench.read("file.csv"), "{input}");
        assert_eq!(
            input_digest(&bench, &format!("{out}.metadata.json")),
            hex,
            "{input}"
        );
    }

    let made = Command::new("mkfifo").arg(bench.path("pipe")).status();
    assert!(made.expect("mkfifo runs").success());
    let mut reading = tokenize(&bench, "pipe", "piped.csv", &["--format", "csv"]);
    let reading = reading.stderr(Stdio::piped()).spawn().expect("it runs");
    fs::write(bench.path("pipe"), PEOPLE).expect("it is read");
    let output = reading.wait_with_output().expect("it ends");
    finished(0, &["tokenize", "pipe"], &output);
    assert_eq!(bench.read("piped.csv"), bench.read("file.csv"));
    assert_eq!(input_digest(&bench, "piped.metadata.json"), hex);
}

#[test]
fn files_of_other_kinds_are_called_by_their_names() {
    let bench = bench();
    bench.write_secret("secret", "A secret that nobody guesses");
    let zip = b"PK\x03\x04\x14\0\0\0\x08\0....xl/workbook.xml";
    for (name, content, words) in [
        (
            "people.csv",
            &b"\x1f\x8b\x08\0\0\0\0\0\0\x03"[..],
            &["gzip", "decompress"][..],
        ),
        (
            "people.csv.zst",
            b"\x28\xb5\x2f\xfd\x04\0",
            &["Zstandard", "decompress"],
        ),
        ("people.xlsx", zip, &["workbook", "CSV UTF-8"]),
        ("utf16.csv", b"\xff\xfeR\0e\0c\0", &["UTF-16"]),
        ("table.csv", b"PAR1\x15\x04\x15", &["--format parquet"]),
        (
            "locked.parquet",
            b"PARE\x15\x04\x15",
            &["encrypted Parquet"],
        ),
        ("noise.parquet", b"\x07\x00\x02\x9fnoise", &["unknown kind"]),
        (
            "latin1.csv",
            b"RecordId,Pr\xe9nom\n",
            &["UTF-8", "--encoding windows-1252", "[input]"],
        ),
    ] {
        bench.write(name, content);
        let arguments = [
            "tokenize",
            name,
            "--out",
            "t.csv",
            "--hashing-secret-file",
            "secret",
        ];
        let complaint = bench.fails(&arguments);
        for word in words.iter().chain(&[name]) {
            assert!(complaint.contains(word), "{name}: {complaint}");
        }
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
    }
    fs::create_dir(bench.path("folder")).expect("made");
    let arguments = [
        "tokenize",
        "folder",
        "--out",
        "t.csv",
        "--hashing-secret-file",
        "secret",
    ];
    assert!(bench.fails(&arguments).contains("directory"));
    assert!(!bench.exists("t.csv"));
}

/// Writes a small table as Parquet, and yields its bytes.
fn parquet(bench: &Bench, rows: usize) -> Vec<u8> {
    let path = bench.path("whole.parquet");
    let columns = ["RuleId", "Token", "RecordId"]
        .map(OutputColumn::text)
        .to_vec();
    let output = Output::create(&path, true).expect("created");
    let table = TableWriter::new(
        output,
        Format::Parquet,
        columns,
        Quoting::Needed,
        Header::Always,
    );
    let mut table = table.expect("begun");
    let mut buffer = table.buffers().buffer(rows);
    for row in 0..rows {
        let (token, id) = (format!("{row:064x}"), format!("r{row}"));
        buffer.push([Some("T1"), Some(token.as_str()), Some(id.as_str())]);
    }
    table.append(buffer).expect("appended");
    table
        .finish()
        .expect("finished")
        .commit()
        .expect("committed");
    fs::read(path).expect("there")
}

/// Whatever has happened to a partner's file: a line that names it, and never a bug.
#[test]
fn damaged_files_are_the_files_fault() {
    let bench = bench();
    let whole = parquet(&bench, 300);
    let mut changed = Vec::new();
    for at in (4..whole.len() - 8).step_by(whole.len() / 40) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0xff;
        changed.push(bytes);
    }
    changed.push(whole[..whole.len() / 2].to_vec());
    changed.push(whole[..whole.len() - 1].to_vec());
    // A footer that says it is longer than the file.
    let mut longer = whole.clone();
    let end = longer.len();
    longer[end - 8..end - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    changed.push(longer);
    let mut refused = 0;
    for bytes in changed {
        bench.write("partner.parquet", bytes);
        let arguments = [
            "match",
            "partner.parquet",
            "whole.parquet",
            "--out",
            "-",
            "-q",
        ];
        let output = bench.command(&arguments).output().expect("it runs");
        if output.status.success() {
            continue;
        }
        let (_, complaint) = finished(1, &arguments, &output);
        assert!(complaint.contains("partner.parquet"), "{complaint}");
        assert_eq!(complaint.lines().count(), 1, "{complaint}");
        refused += 1;
    }
    assert!(refused > 5, "{refused} files were refused");
}

#[test]
fn a_party_says_how_its_files_are_encoded_by_an_option_or_in_its_rules() {
    let bench = bench();
    let people = "RecordId,FirstName,LastName,Sex,BirthDate\n\
                  p1,Zoë,Müller,F,1980-02-03\np2,José,Peña,M,1971-11-30\n";
    let latin: Vec<u8> = people
        .chars()
        .map(|c| u8::try_from(u32::from(c)).expect("Latin"))
        .collect();
    let wide: Vec<u8> = people.encode_utf16().flat_map(u16::to_be_bytes).collect();
    bench.write("utf8.csv", people);
    bench.write("latin.csv", latin);
    bench.write("wide.csv", wide);
    bench.write(
        "rules.toml",
        "base = \"opentoken\"\n[input]\nencoding = \"iso-8859-1\"\n",
    );
    let tokens = |code: i32, input: &str, more: &[&str]| {
        let more = [&["--hash-only", "--force"], more].concat();
        let output = tokenize(&bench, input, "t.csv", &more).output();
        finished(code, &["tokenize"], &output.expect("it runs")).1
    };
    tokens(0, "utf8.csv", &[]);
    let expected = bench.read("t.csv");
    for (input, more) in [
        ("latin.csv", &["--encoding", "windows-1252"][..]),
        ("latin.csv", &["--rules", "rules.toml"]),
        ("wide.csv", &["--encoding", "utf-16"]),
        (
            "wide.csv",
            &["--rules", "rules.toml", "--encoding", "utf-16"],
        ),
    ] {
        tokens(0, input, more);
        assert_eq!(bench.read("t.csv"), expected, "{more:?}");
    }
    let told = tokens(1, "latin.csv", &[]);
    assert!(
        told.contains("row 1") && told.contains("--encoding windows-1252"),
        "{told}"
    );
    let told = tokens(1, "utf8.csv", &["--encoding", "windows-1252"]);
    assert!(
        told.contains("row 1") && told.contains("holds UTF-8"),
        "{told}"
    );
    let told = tokens(2, "utf8.csv", &["--encoding", "ebcdic"]);
    assert!(told.contains("windows-1252"), "{told}");
}
