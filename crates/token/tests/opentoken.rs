//! The reference implementation's own results, from signature and from input to token and back.
//!
//! The vectors were recorded with the secret `HashingKey`, the key
//! `Secret-Encryption-Key-Goes-Here.`, on 2026-11-21.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

#[path = "../../../tests/common/data.rs"]
mod data;
#[path = "../../../tests/common/opentoken.rs"]
mod recorded;

use std::path::Path;

use recorded::{folders, sets};

use blindjoin_record::{Date, Dialect, RuleSet};
use blindjoin_token::{
    Agreement, BLANK, EncryptionKey, Hasher, HashingSecret, Limits, Matches, Metadata, Opened,
    Scheme, Sealer, SecretHashes, Strategy, Tally, TokenKey, TokenTable, TokenTableBuilder,
    Tokenizer,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

fn secret() -> HashingSecret {
    HashingSecret::new("HashingKey").unwrap()
}

fn key() -> EncryptionKey {
    EncryptionKey::new("Secret-Encryption-Key-Goes-Here.").unwrap()
}

fn dialect(name: &str) -> Dialect {
    match name {
        "java" => Dialect::Ot1Java,
        "py" => Dialect::Ot1Python,
        "olt212" => Dialect::Olt212,
        _ => Dialect::Olt22,
    }
}

/// Header and rows.
fn table(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let text = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_slice());
    let cells = |record: &csv::StringRecord| record.iter().map(str::to_owned).collect::<Vec<_>>();
    let header = cells(reader.headers().unwrap());
    let rows = reader.records().map(|row| cells(&row.unwrap())).collect();
    (header, rows)
}

fn column(header: &[String], name: &str) -> usize {
    header.iter().position(|cell| cell == name).unwrap()
}

struct Run {
    rules: RuleSet,
    rows: Vec<[String; 3]>,
    tally: Tally,
    ids_given: bool,
}

/// Tokenizes an input as the command line does: rule, token and record id, five rows a record.
fn run(input: &Path, dialect: Dialect, sealer: Option<Sealer>) -> Run {
    let rules = RuleSet::builtin("opentoken").unwrap();
    let rules = rules.with_dialect(dialect).unwrap();
    let (header, input) = table(input);
    let binding = rules
        .bind(&header, Date::new(2026, 11, 21).unwrap())
        .unwrap();
    let mut tokenizer = Tokenizer::new(binding, Hasher::new(&secret(), Scheme::of(&rules)));
    if let Some(sealer) = sealer {
        tokenizer = tokenizer.with_sealer(sealer);
    }
    let mut worker = tokenizer.worker();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let mut rows = Vec::new();
    for row in &input {
        let tokens = tokenizer.tokenize(row, &mut worker, &mut rng);
        for (rule, token) in rules.rules().iter().zip(tokens.iter()) {
            rows.push([
                rule.id().to_owned(),
                token.to_owned(),
                tokens.record_id().to_owned(),
            ]);
        }
    }
    let tally = worker.into_tally();
    Run {
        ids_given: tally.generated_ids() == 0,
        rules,
        rows,
        tally,
    }
}

fn assert_rows_equal(ours: &Run, expected: &Path) -> usize {
    let (_, expected_rows) = table(expected);
    assert_eq!(
        ours.rows.len(),
        expected_rows.len(),
        "{}",
        expected.display()
    );
    for (our, expected_row) in ours.rows.iter().zip(&expected_rows) {
        assert_eq!(
            our[..2],
            expected_row[..2],
            "{} {}",
            expected.display(),
            our[2]
        );
        let generated = !ours.ids_given && is_uuid(&our[2]) && is_uuid(&expected_row[2]);
        assert!(generated || our[2] == expected_row[2]);
    }
    expected_rows.len()
}

fn is_uuid(id: &str) -> bool {
    id.len() == 36 && id.split('-').count() == 5
}

/// Compares all that the reference writes, line by line, but for the version of its language.
fn assert_metadata_equals(ours: &Run, sealed: bool, expected: &Path) {
    let expected = std::fs::read_to_string(expected).unwrap();
    let (secret, key) = (secret(), key());
    let metadata = Metadata {
        rules: &ours.rules,
        scheme: Scheme::OpenToken,
        secrets: SecretHashes::of(Some(&secret), sealed.then_some(&key)),
        hashed_record_ids: false,
        input_digest: None,
        tally: &ours.tally,
    }
    .to_string();
    let expected_lines: Vec<&str> = expected.lines().collect();
    let lines: Vec<&str> = metadata.lines().collect();
    let name = |line: &str| line.split(':').next().unwrap().to_owned();
    assert_eq!(name(lines[1]), name(expected_lines[1]));
    assert!(lines[1].contains("blindjoin"));
    let last = expected_lines.len() - 2;
    assert_eq!(lines[2..last], expected_lines[2..last]);
    assert_eq!(lines[last], format!("{},", expected_lines[last]));
    assert_eq!(lines[last + 1], r#"  "blindjoin": {"#);
    assert!(!metadata.ends_with('\n') && !expected.ends_with('\n'));

    let file = SecretHashes::from_metadata(&expected).unwrap();
    let given = SecretHashes::of(Some(&secret), Some(&key));
    let encryption = if sealed {
        Agreement::Same
    } else {
        Agreement::NotInFile
    };
    assert_eq!(given.against(&file), [Agreement::Same, encryption]);
    let other = HashingSecret::new("another").unwrap();
    let other = SecretHashes::of(Some(&other), None);
    assert_eq!(
        other.against(&file),
        [Agreement::Different, Agreement::NotGiven]
    );
}

#[test]
fn every_signature_yields_its_token() {
    let hasher = Hasher::new(&secret(), Scheme::OpenToken);
    let mut files = Vec::new();
    for folder in folders() {
        for set in sets(&folder) {
            for language in ["java", "py"] {
                let file = |what| folder.join(format!("{set}_{language}_{what}.csv"));
                files.push((file("signatures"), file("hashonly")));
            }
            for version in ["olt212", "olt221"] {
                let file = |what| folder.join(format!("olt/{set}_{version}_{what}.csv"));
                files.push((file("signatures"), file("hmac")));
            }
        }
    }
    files.retain(|(signatures, _)| signatures.exists());
    let (mut tokens, mut blanks) = (0, 0);
    for (signatures, expected) in files {
        let (header, rows) = table(&signatures);
        let (_, expected) = table(&expected);
        let first = column(&header, "sig_T1");
        let signatures = rows.iter().flat_map(|row| &row[first..first + 5]);
        assert_eq!(signatures.clone().count(), expected.len());
        for (signature, expected) in signatures.zip(&expected) {
            let mut token = String::new();
            if signature.is_empty() {
                token.push_str(BLANK);
                blanks += 1;
            } else {
                hasher.token(signature, &mut token);
                tokens += 1;
            }
            assert_eq!(token, expected[1], "{signature}");
        }
    }
    assert!(tokens > 5_000 && blanks > 1_500, "{tokens} and {blanks}");
}

#[test]
fn sealed_files_of_the_reference_open() {
    let sealer = Sealer::new(&key());
    let mut files = Vec::new();
    for folder in folders() {
        for set in sets(&folder) {
            for language in ["java", "py"] {
                let file = |what| folder.join(format!("{set}_{language}_{what}.csv"));
                files.push((file("encrypted"), file("hashonly")));
            }
        }
    }
    files.retain(|(encrypted, _)| encrypted.exists());
    let mut opened = 0;
    for (encrypted, plain) in files {
        let (_, sealed) = table(&encrypted);
        let (_, plain) = table(&plain);
        assert_eq!(sealed.len(), plain.len());
        for (sealed, plain) in sealed.iter().zip(&plain) {
            let mut token = String::new();
            let found = sealer.open(&sealed[1], &mut token).unwrap();
            assert_eq!(token, plain[1]);
            assert_eq!(found == Opened::Blank, token == BLANK);
            opened += 1;
        }
    }
    assert!(opened > 3_700, "{opened}");
}

#[test]
fn inputs_yield_tokens_and_metadata_of_1_x() {
    let mut rows = 0;
    for folder in folders() {
        for set in sets(&folder) {
            for language in ["java", "py"] {
                let file = |what| folder.join(format!("{set}_{language}_{what}"));
                let input = folder.join(format!("{set}_input.csv"));
                let ours = run(&input, dialect(language), None);
                rows += assert_rows_equal(&ours, &file("hashonly.csv"));
                assert_metadata_equals(&ours, false, &file("hashonly.metadata.json"));
                if file("encrypted.metadata.json").exists() {
                    assert_metadata_equals(&ours, true, &file("encrypted.metadata.json"));
                }
            }
        }
    }
    assert!(rows > 3_700, "{rows}");
}

#[test]
fn inputs_yield_tokens_of_2_x() {
    let mut rows = 0;
    for folder in folders() {
        for set in sets(&folder) {
            for version in ["olt212", "olt221"] {
                let expected = folder.join(format!("olt/{set}_{version}_hmac.csv"));
                if expected.exists() {
                    let input = folder.join(format!("{set}_input.csv"));
                    let ours = run(&input, dialect(version), None);
                    rows += assert_rows_equal(&ours, &expected);
                }
            }
        }
    }
    assert!(rows > 3_700, "{rows}");
}

#[test]
fn unusual_tables_yield_tokens_and_metadata() {
    let folder = data::own("opentoken/csvcases");
    let cases = sets(&folder);
    assert!(cases.len() >= 14, "{cases:?}");
    for case in cases {
        for language in ["java", "py"] {
            let file = |what: &str| folder.join(format!("{case}_{language}{what}"));
            let input = folder.join(format!("{case}_input.csv"));
            let ours = run(&input, dialect(language), None);
            assert_rows_equal(&ours, &file(".csv"));
            assert_metadata_equals(&ours, false, &file(".metadata.json"));
        }
    }
}

#[test]
fn sealed_tokens_open_to_those_of_the_reference() {
    let folder = data::own("opentoken");
    let sealer = Sealer::new(&key());
    let input = folder.join("odd_input.csv");
    let mut sealed = run(&input, Dialect::Ot1Java, Some(sealer.clone()));
    let lengths: Vec<usize> = sealed.rows.iter().map(|row| row[1].len()).collect();
    assert!(lengths.iter().all(|length| [64, 96].contains(length)));
    assert!(lengths.contains(&96) && lengths.contains(&64));
    for row in &mut sealed.rows {
        let token = std::mem::take(&mut row[1]);
        sealer.open(&token, &mut row[1]).unwrap();
    }
    assert_rows_equal(&sealed, &folder.join("odd_java_hashonly.csv"));
}

fn token_table(rows: &[[String; 3]]) -> TokenTable {
    let mut builder = TokenTableBuilder::new();
    for [rule, token, id] in rows {
        let key = TokenKey::read(token).unwrap();
        builder.push(rule, key, id).unwrap();
    }
    builder.finish()
}

#[test]
fn the_worked_example_matches_as_described() {
    let Some(folder) = data::outside("vectors/opentoken") else {
        return;
    };
    let all = run(&folder.join("worked_input.csv"), Dialect::Ot1Java, None).rows;
    let (hospital, clinic): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|row| row[2].starts_with("HOS"));
    let (hospital, clinic) = (token_table(&hospital), token_table(&clinic));
    let found = |strategy: &str| -> Vec<(String, String, Vec<String>)> {
        let strategy: Strategy = strategy.parse().unwrap();
        let matches = Matches::find(&hospital, &clinic, &strategy, &Limits::default()).unwrap();
        let pairs = matches.pairs().iter().map(|&pair| {
            let rules = matches.rules_of(pair).map(str::to_owned).collect();
            let left = hospital.id(pair.left).to_owned();
            (left, clinic.id(pair.right).to_owned(), rules)
        });
        pairs.collect()
    };
    let pair = |left: &str, right: &str, rules: &[&str]| {
        let rules = rules.iter().map(|&rule| rule.to_owned()).collect();
        (left.to_owned(), right.to_owned(), rules)
    };
    let garcia = pair("HOS-101", "CLN-201", &["T1", "T2", "T3", "T4", "T5"]);
    let oreilly = pair("HOS-102", "CLN-202", &["T1"]);
    assert_eq!(found("any"), [garcia.clone(), oreilly.clone()]);
    assert_eq!(found("tiered"), [garcia.clone(), oreilly]);
    for strategy in ["all", "(T1|T2)&(T3|T4)", "T4"] {
        assert_eq!(found(strategy), std::slice::from_ref(&garcia), "{strategy}");
    }
}

#[test]
fn metadata_say_why_tokens_are_missing() {
    let Some(folder) = data::outside("vectors/opentoken") else {
        return;
    };
    let ours = run(&folder.join("worked_input.csv"), Dialect::Ot1Java, None);
    let metadata = Metadata {
        rules: &ours.rules,
        scheme: Scheme::OpenToken,
        secrets: SecretHashes::of(Some(&secret()), None),
        hashed_record_ids: true,
        input_digest: Some([0xab; 32]),
        tally: &ours.tally,
    };
    let json: serde_json::Value = serde_json::from_str(&metadata.to_string()).unwrap();
    let own = &json["blindjoin"];
    assert_eq!(own["Dialect"], "ot1-java");
    assert_eq!(own["TokenScheme"], "opentoken");
    assert_eq!(own["RecordIds"], "hashed");
    assert_eq!(own["InputDigest"], "ab".repeat(32));
    assert_eq!(own["RuleSetDigest"].as_str().unwrap().len(), 64);
    assert_eq!(own["RowsWithInvalidAttributes"], 1);
    assert_eq!(own["TokensGeneratedByRule"]["T4"], 3);
    assert_eq!(
        own["TokensSkippedByRule"]["T4"].as_object().unwrap().len(),
        1
    );
    assert_eq!(own["TokensSkippedByRule"]["T4"]["SSN_MISSING"], 1);
    assert_eq!(own["TokensSkippedByRule"]["T1"], serde_json::json!({}));
}
