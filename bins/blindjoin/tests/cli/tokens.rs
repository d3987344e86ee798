//! Tokens through the real command: the reference's files byte for byte, and every bad input.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::{Bench, shared};

const KEY: &str = "Secret-Encryption-Key-Goes-Here.";

/// The day on which the reference was run.
const DAY: &str = "2026-11-21";

fn bench() -> Bench {
    let bench = Bench::new();
    bench.write("secret", "HashingKey\n");
    bench.write("key", KEY);
    bench
}

fn tokenize(bench: &Bench, input: &Path, out: &str, more: &[&str]) -> String {
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

fn vectors() -> Option<Vec<(String, std::path::PathBuf)>> {
    let folder = shared("vectors/opentoken")?;
    let mut files: Vec<_> = fs::read_dir(&folder)
        .expect("the folder")
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
    Some(files)
}

#[test]
fn hash_only_files_and_metadata_equal_the_references() {
    let Some(files) = vectors() else { return };
    let mut compared = 0;
    for (name, expected) in &files {
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
    assert!(compared >= 10, "{compared} files were compared");
}

#[test]
fn the_two_newer_dialects_equal_the_references() {
    let Some(folder) = shared("vectors/opentoken/olt") else {
        return;
    };
    for (dialect, name) in [("olt2.1.2", "olt212"), ("olt2.2", "olt221")] {
        for set in ["worked", "sample", "public"] {
            let bench = bench();
            let input = folder.join(format!("../{set}_input.csv"));
            tokenize(&bench, &input, "out.csv", &["--dialect", dialect]);
            let expected = folder.join(format!("{set}_{name}_hmac.csv"));
            let expected = fs::read_to_string(expected).expect("a vector");
            assert_eq!(bench.read("out.csv"), expected, "{set} {dialect}");
        }
    }
}

#[test]
fn sealed_files_of_the_reference_open_to_its_own_open_files() {
    let Some(files) = vectors() else { return };
    let mut compared = 0;
    for (name, sealed) in &files {
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
    assert!(compared >= 6, "{compared} files were compared");
}

#[test]
fn our_sealed_files_open_to_our_open_files() {
    let Some(folder) = shared("vectors/opentoken") else {
        return;
    };
    let bench = bench();
    let input = folder.join("public_input.csv");
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
    let Some(folder) = shared("vectors/opentoken/csvcases") else {
        return;
    };
    let mut compared = 0;
    for entry in fs::read_dir(&folder).expect("the folder") {
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

const WORKED: [(&str, &str); 2] = [("ours", "HOS"), ("theirs", "CLN")];

#[test]
fn the_worked_example_matches_as_documented() {
    let Some(folder) = shared("vectors/opentoken") else {
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
fn secrets_are_verified_without_being_shown() {
    let bench = bench();
    bench.write("people.csv", "RecordId,FirstName\n1,Ann\n");
    tokenize(&bench, &bench.path("people.csv"), "t.csv", &[]);
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
    let refuse = [
        "blocks",
        "people.csv",
        "--block",
        "birth_year,state",
        "--small",
        "refuse",
    ];
    bench.fails(&refuse);
    let unknown = bench.fails(&["blocks", "people.csv", "--block", "county"]);
    assert!(unknown.contains("county"), "{unknown}");
}

fn fails(bench: &Bench, input: &str, more: &[&str]) -> String {
    let arguments = [
        "tokenize",
        input,
        "--out",
        "t.csv",
        "--hashing-secret-file",
        "secret",
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
    let header = "RecordId,FirstName,LastName\n";
    bench.write(
        "latin1.csv",
        [header.as_bytes(), b"1,Ann,Smith\n2,Jos\xe9,Garcia\n"].concat(),
    );
    assert!(fails(&bench, "latin1.csv", &[]).contains("row 2 (line 3)"));
    bench.write(
        "quote.csv",
        format!("{header}1,Ann,Smith\n2,\"Bo\"b,Miller\n"),
    );
    let complaint = fails(&bench, "quote.csv", &[]);
    assert!(
        complaint.contains("row 2 (line 3)") && !complaint.contains("Miller"),
        "{complaint}"
    );
    bench.write("open.csv", format!("{header}1,\"Ann,Smith\n2,Bob,Miller\n"));
    assert!(fails(&bench, "open.csv", &[]).contains("row 1 (line 2)"));
    bench.write("empty.csv", "");
    assert!(fails(&bench, "empty.csv", &[]).contains("empty"));
    assert!(fails(&bench, "missing.csv", &[]).contains("missing.csv"));
    bench.write("people.txt", header);
    assert!(fails(&bench, "people.txt", &[]).contains("--format"));
    bench.write("people.csv", format!("{header}1,Ann,Smith\n"));
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
    bench.write("people.csv", "RecordId,FirstName\n1,Ann\n");
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

#[test]
fn a_byte_order_mark_and_ragged_rows_are_noted() {
    let bench = bench();
    bench.write(
        "people.csv",
        "\u{feff}RecordId,FirstName,LastName\nx1,Ann\nx2,Bob,Miller,more\n",
    );
    let notes = tokenize(&bench, &bench.path("people.csv"), "t.csv", &[]);
    assert!(notes.contains("byte order mark"), "{notes}");
    assert!(notes.contains("2 rows have more or fewer cells"), "{notes}");
    assert!(bench.read("t.csv").contains(",x2\n"));
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
