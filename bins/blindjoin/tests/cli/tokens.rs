//! Tokens through the real command: the reference's files byte for byte.

use std::fs;
use std::path::{Path, PathBuf};

use blindjoin_columnar::{
    Format, Header, Output, OutputColumn, Quoting, ReadOptions, Reader, TableWriter,
};
use serde_json::Value;

use crate::bench::Bench;
use crate::data;

const KEY: &str = "Secret-Encryption-Key-Goes-Here.";

/// The day on which the reference was run.
const DAY: &str = "2026-11-21";

pub(crate) fn bench() -> Bench {
    let bench = Bench::new();
    bench.write_secret("secret", "HashingKey\n");
    bench.write_secret("key", KEY);
    bench
}

pub(crate) fn tokenize(bench: &Bench, input: &Path, out: &str, more: &[&str]) -> String {
    let input = input.to_str().expect("a plain path");
    let arguments = [
        "tokenize",
        input,
        "--out",
        out,
        "--hashing-secret-file",
        "secret",
        "--today",
        DAY,
    ];
    bench.run(0, &[&arguments, more].concat()).1
}

/// The parts of metadata that do not name the program: the reference's counts and hashes.
fn counts(json: &str) -> Value {
    let mut value: Value = serde_json::from_str(json).expect("JSON");
    let object = value.as_object_mut().expect("an object");
    for key in ["JavaVersion", "PythonVersion", "blindjoin"] {
        object.remove(key);
    }
    value
}

/// The repository's vectors, and more where they are, with their names.
fn vectors() -> Vec<(String, PathBuf)> {
    let folders = std::iter::once(data::own("opentoken"));
    let folders = folders.chain(data::outside("vectors/opentoken"));
    let mut files: Vec<_> = folders
        .flat_map(|folder| fs::read_dir(folder).expect("the folder"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| {
            (
                path.file_name()
                    .expect("named")
                    .to_string_lossy()
                    .into_owned(),
                path,
            )
        })
        .collect();
    files.sort();
    files
}

#[test]
fn hash_only_files_and_metadata_equal_the_references() {
    let mut compared = 0;
    for (name, expected) in &vectors() {
        let (set, dialect) = if let Some(set) = name.strip_suffix("_java_hashonly.csv") {
            (set, "ot1-java")
        } else if let Some(set) = name.strip_suffix("_py_hashonly.csv") {
            (set, "ot1-python")
        } else {
            continue;
        };
        let bench = bench();
        let input = expected.with_file_name(format!("{set}_input.csv"));
        tokenize(&bench, &input, "out.csv", &["--dialect", dialect]);
        let expected_text = fs::read_to_string(expected).expect("a vector");
        assert_eq!(bench.read("out.csv"), expected_text, "{name}");
        let metadata = expected.with_extension("metadata.json");
        let metadata = fs::read_to_string(metadata).expect("its metadata");
        assert_eq!(
            counts(&bench.read("out.metadata.json")),
            counts(&metadata),
            "{name}"
        );
        compared += 1;
    }
    assert!(compared >= 2, "{compared} files were compared");
}

#[test]
fn the_two_newer_dialects_equal_the_references() {
    let mut compared = 0;
    for (name, input) in vectors() {
        let Some(set) = name.strip_suffix("_input.csv") else {
            continue;
        };
        for (dialect, short) in [("olt2.1.2", "olt212"), ("olt2.2", "olt221")] {
            let expected = input.with_file_name(format!("olt/{set}_{short}_hmac.csv"));
            if let Ok(expected) = fs::read_to_string(expected) {
                let bench = bench();
                tokenize(&bench, &input, "out.csv", &["--dialect", dialect]);
                assert_eq!(bench.read("out.csv"), expected, "{set} {dialect}");
                compared += 1;
            }
        }
    }
    assert!(compared >= 2, "{compared} files were compared");
}

#[test]
fn sealed_files_of_the_reference_open_to_its_own_open_files() {
    let mut compared = 0;
    for (name, sealed) in &vectors() {
        let (set, dialect) = if let Some(set) = name.strip_suffix("_java_encrypted.csv") {
            (format!("{set}_java"), "ot1-java")
        } else if let Some(set) = name.strip_suffix("_py_encrypted.csv") {
            (format!("{set}_py"), "ot1-python")
        } else {
            continue;
        };
        let bench = bench();
        let sealed = sealed.to_str().expect("a plain path");
        bench.ok(&[
            "decrypt",
            sealed,
            "--out",
            "out.csv",
            "--encryption-key-file",
            "key",
            "--dialect",
            dialect,
        ]);
        let expected = Path::new(sealed).with_file_name(format!("{set}_hashonly.csv"));
        let expected = fs::read_to_string(expected).expect("a vector");
        assert_eq!(bench.read("out.csv"), expected, "{name}");
        assert_eq!(bench.names(), ["key", "out.csv", "secret"], "no metadata");
        compared += 1;
    }
    assert!(compared >= 2, "{compared} files were compared");
}

#[test]
fn our_sealed_files_open_to_our_open_files() {
    let bench = bench();
    let input = data::own("opentoken/odd_input.csv");
    tokenize(&bench, &input, "open.csv", &[]);
    tokenize(
        &bench,
        &input,
        "sealed.csv",
        &["--encryption-key-file", "key"],
    );
    tokenize(
        &bench,
        &input,
        "columns.parquet",
        &["--encryption-key-file", "key"],
    );
    assert_ne!(bench.read("sealed.csv"), bench.read("open.csv"));
    for sealed in ["sealed.csv", "columns.parquet"] {
        bench.ok(&[
            "decrypt",
            sealed,
            "--out",
            "out.csv",
            "--force",
            "--encryption-key-file",
            "key",
        ]);
        assert_eq!(bench.read("out.csv"), bench.read("open.csv"));
    }
    let hash = "05f0825275cb54bdf4cde58ef6875d24acb75f84ec0187a26d45d626f57f189b";
    assert_eq!(
        counts(&bench.read("sealed.metadata.json"))["EncryptionSecretHash"],
        hash
    );
    assert_eq!(
        counts(&bench.read("open.metadata.json")).get("EncryptionSecretHash"),
        None
    );
}

/// Replaces random UUIDs by their length, so that files with generated record ids compare.
fn without_uuids(text: &str) -> String {
    let is_uuid = |word: &str| {
        word.len() == 36
            && word.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    let lines = text.lines().map(|line| match line.rsplit_once(',') {
        Some((start, id)) if is_uuid(id) => format!("{start},UUID\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

#[test]
fn odd_csv_files_are_read_as_the_reference_reads_them() {
    let mut compared = 0;
    for entry in fs::read_dir(data::own("opentoken/csvcases")).expect("the folder") {
        let input = entry.expect("an entry").path();
        let name = input
            .file_name()
            .expect("named")
            .to_string_lossy()
            .into_owned();
        let Some(case) = name.strip_suffix("_input.csv") else {
            continue;
        };
        for (implementation, dialect) in [("java", "ot1-java"), ("py", "ot1-python")] {
            let bench = bench();
            tokenize(&bench, &input, "out.csv", &["--dialect", dialect]);
            let expected = input.with_file_name(format!("{case}_{implementation}.csv"));
            let text = fs::read_to_string(&expected).expect("a vector");
            let ours = bench.read("out.csv");
            assert_eq!(
                without_uuids(&ours),
                without_uuids(&text),
                "{case} {dialect}"
            );
            let metadata = expected.with_extension("metadata.json");
            let metadata = fs::read_to_string(metadata).expect("its metadata");
            let ours = counts(&bench.read("out.metadata.json"));
            assert_eq!(ours, counts(&metadata), "{case} {dialect}");
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared} cases were compared");
}

/// From the specification of HTAC, made with another program.
#[test]
fn htac_tokens_equal_the_known_answers() {
    let bench = bench();
    bench.write("salt", "htac-test-salt");
    bench.write(
        "people.csv",
        "record_id,first_name,last_name,birth_date,sex,phone,postal_code\n\
         p1,Maria,Garcia,1988-03-22,Female,612-555-1234,90210\n\
         p2,MARIA,garcia,19880322,F,(612) 555 1234,90210-1234\n\
         p3,Tom,O'Reilly,1995-11-03,M,6125559999,30301-4455\n\
         p4,José,Núñez,1970-01-31,m,,55401\n",
    );
    bench.ok(&[
        "tokenize",
        "people.csv",
        "--rules",
        "htac",
        "--hashing-secret-file",
        "salt",
        "--out",
        "t.csv",
    ]);
    let tokens = bench.read("t.csv");
    let tokens: Vec<&str> = tokens
        .lines()
        .skip(1)
        .map(|line| line.split(',').nth(1).expect("a token"))
        .collect();
    assert_eq!(
        tokens,
        [
            "334d67a8579976d49870d4316fa22a9a7c0acddbbda82d75bddd604327d10a96",
            "334d67a8579976d49870d4316fa22a9a7c0acddbbda82d75bddd604327d10a96",
            "9527100d81f980cac297a584e02b3e49b711ec15d9ca9ee63aad3bebb5645f52",
            "3aae8e47a7c6529f0ad8a0ae1299322f97e80ef812e3c87d96fb8de7b1cef326",
        ]
    );
    bench.ok(&[
        "tokenize",
        "people.csv",
        "--rules",
        "htac",
        "--hashing-secret-file",
        "salt",
        "--out",
        "s.csv",
        "--health-system",
        "North",
    ]);
    let rows = bench.read("s.csv");
    let first: Vec<&str> = rows.lines().nth(1).expect("a row").split(',').collect();
    assert_eq!(
        rows.lines().next(),
        Some("token,person,health_system,generated_at")
    );
    assert_eq!((first[1], first[2], first[3].len()), ("p1", "North", 20));
}

#[test]
fn a_byte_order_mark_and_ragged_rows_are_noted() {
    let bench = bench();
    bench.write(
        "people.csv",
        "\u{feff}RecordId,FirstName,LastName\nx1,Ann\nx2,Bob,Miller,more\n",
    );
    let more = ["--allow-empty"];
    let notes = tokenize(&bench, &bench.path("people.csv"), "t.csv", &more);
    assert!(notes.contains("byte order mark"), "{notes}");
    assert!(notes.contains("2 rows have more or fewer cells"), "{notes}");
    assert!(bench.read("t.csv").contains(",x2\n"));
}

/// A cell that a short row lacks is an absent column to Java and an invalid value to Python.
#[test]
fn short_rows_count_as_each_language_counts_them() {
    let bench = bench();
    bench.write("people.csv", "RecordId,LastName,FirstName\n1,Smith\n");
    for (dialect, invalid) in [("ot1-java", 0), ("ot1-python", 1)] {
        tokenize(
            &bench,
            &bench.path("people.csv"),
            "t.csv",
            &["--dialect", dialect, "--force", "--allow-empty"],
        );
        let counts = counts(&bench.read("t.metadata.json"));
        assert_eq!(
            counts["InvalidAttributesByType"]["FirstName"], invalid,
            "{dialect}"
        );
        assert_eq!(counts["BlankTokensByRule"]["T5"], 1, "{dialect}");
    }
}

#[test]
fn parquet_records_give_the_tokens_of_csv_records() {
    let bench = bench();
    bench.ok(&["synth", "--records", "3000", "--out", "."]);
    let strict = ReadOptions::strict();
    let reader = Reader::open(&bench.path("a.csv"), strict).expect("the records");
    let columns: Vec<OutputColumn> = reader.columns().iter().map(OutputColumn::text).collect();
    let width = columns.len();
    let output = Output::create(&bench.path("a.parquet"), false).expect("an output");
    let mut table = TableWriter::new(
        output,
        Format::Parquet,
        columns,
        Quoting::Needed,
        Header::Always,
    )
    .expect("a table");
    for chunk in reader {
        let chunk = chunk.expect("records");
        let mut rows = table.buffers().buffer(chunk.len());
        for row in chunk.rows().iter() {
            rows.push((0..width).map(|column| row.cell(column)));
        }
        table.append(rows).expect("appended");
    }
    table
        .finish()
        .expect("finished")
        .commit()
        .expect("committed");
    tokenize(&bench, &bench.path("a.csv"), "one.csv", &[]);
    tokenize(&bench, &bench.path("a.parquet"), "other.csv", &[]);
    assert_eq!(bench.read("one.csv"), bench.read("other.csv"));
}

#[test]
fn standard_streams_and_threads_change_nothing() {
    let bench = bench();
    bench.ok(&["synth", "--records", "20000", "--out", "."]);
    let a = bench.path("a.csv");
    tokenize(&bench, &a, "one.csv", &["--threads", "1"]);
    tokenize(&bench, &a, "many.csv", &["--threads", "5"]);
    assert_eq!(bench.read("one.csv"), bench.read("many.csv"));
    tokenize(&bench, &a, "t.parquet", &[]);
    tokenize(&bench, &a, "keyed.csv", &["--record-id-key-file", "key"]);
    assert_ne!(bench.read("one.csv"), bench.read("keyed.csv"));
    let pairs = bench.ok(&[
        "match",
        "one.csv",
        "t.parquet",
        "--out",
        "-",
        "--strategy",
        "all",
        "-q",
    ]);
    assert!(pairs.lines().skip(1).all(|pair| {
        let cells: Vec<&str> = pair.split(',').collect();
        cells[0] == cells[1]
    }));
    let mut command = bench.command(&[
        "tokenize",
        "-",
        "--out",
        "-",
        "--hashing-secret-file",
        "secret",
        "--today",
        DAY,
    ]);
    command.stdin(fs::File::open(&a).expect("the input"));
    let output = command.output().expect("it runs");
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).expect("text"),
        bench.read("one.csv")
    );
}
