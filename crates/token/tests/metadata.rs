//! Counts and metadata where there is no reference to compare with.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use blindjoin_record::{Date, Dialect, Fault, RuleSet};
use blindjoin_token::{
    Agreement, Error, Hasher, HashingSecret, Metadata, RecordIdKey, RecordIds, Scheme,
    SecretHashes, Tally, Tokenizer,
};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};

const CUSTOM: &str = r#"
[columns]
record_id = "rec"
[fields]
mrn = "Text"
e-mail = "Email"
[[rule]]
id = "T6"
signature = ["mrn:T|U"]
[[rule]]
id = "MAIL"
signature = ["e-mail:L", "mrn:T"]
"#;

const ROWS: [[&str; 3]; 5] = [
    ["1", "a7", "ana@example.org"],
    ["2", "", "bob@example.org"],
    ["3", "c9", "no address"],
    ["", "d1", ""],
    ["5", "", ""],
];

fn secret() -> HashingSecret {
    HashingSecret::new("HashingKey").unwrap()
}

fn tokenizer(rules: &RuleSet, header: &[&str]) -> Tokenizer {
    let binding = rules
        .bind(header, Date::new(2026, 11, 21).unwrap())
        .unwrap();
    Tokenizer::new(binding, Hasher::new(&secret(), Scheme::of(rules)))
}

fn count(tokenizer: &Tokenizer, rows: &[[&str; 3]], first_row: u64) -> Tally {
    let mut worker = tokenizer.worker().starting_at(first_row);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    for row in rows {
        tokenizer.tokenize(&row[..], &mut worker, &mut rng);
    }
    worker.into_tally()
}

fn metadata(rules: &RuleSet, tally: &Tally) -> String {
    Metadata {
        rules,
        scheme: Scheme::of(rules),
        secrets: SecretHashes::of(Some(&secret()), None),
        hashed_record_ids: false,
        input_digest: None,
        tally,
    }
    .to_string()
}

#[test]
fn counts_of_parts_merge_into_those_of_the_whole() {
    let rules = RuleSet::from_toml(CUSTOM).unwrap();
    let tokenizer = tokenizer(&rules, &["rec", "mrn", "e-mail"]);
    let whole = count(&tokenizer, &ROWS, 1);
    for cut in 0..=ROWS.len() {
        let (head, tail) = ROWS.split_at(cut);
        let mut merged = count(&tokenizer, tail, cut as u64 + 1);
        merged.merge(&count(&tokenizer, head, 1));
        assert_eq!(merged, whole, "{cut}");
    }
    assert_eq!((whole.rows(), whole.rows_with_invalid()), (5, 4));
    assert_eq!(whole.generated_ids(), 1);
    assert_eq!((whole.generated(0), whole.blank(0)), (3, 2));
    assert_eq!((whole.generated(1), whole.blank(1)), (1, 4));
    for rule in 0..2 {
        let reasons: u64 = whole.skipped(rule).map(|(_, count)| count).sum();
        assert_eq!(reasons, whole.blank(rule));
    }
    let (reason, missing) = whole.skipped(0).next().unwrap();
    assert_eq!((reason.fault, missing), (Fault::Missing, 2));
}

#[test]
fn rules_of_our_own_are_counted_by_field() {
    let rules = RuleSet::from_toml(CUSTOM).unwrap();
    let tokenizer = tokenizer(&rules, &["rec", "mrn", "e-mail"]);
    let text = metadata(&rules, &count(&tokenizer, &ROWS, 1));
    let json: Value = serde_json::from_str(&text).unwrap();
    assert!(text.starts_with("{\n  \"Platform\": \"blindjoin\",\n  \"HashingSecretHash\": "));
    assert_eq!(json["TotalRows"], 5);
    assert_eq!(json["TotalRowsWithInvalidAttributes"], 5);
    assert_eq!(
        json["InvalidAttributesByType"],
        json!({"e-mail": 3, "mrn": 2})
    );
    assert_eq!(json["BlankTokensByRule"], json!({"T6": 2, "MAIL": 4}));
    let own = &json["blindjoin"];
    assert_eq!(own["Dialect"], Value::Null);
    assert_eq!(own["InputDigest"], Value::Null);
    assert_eq!(own["RowsWithInvalidAttributes"], 4);
    assert_eq!(own["RowsWithGeneratedRecordId"], 1);
    let skipped = json!({"MRN_MISSING": 1, "E_MAIL_MISSING": 2, "E_MAIL_INVALID": 1});
    assert_eq!(own["TokensSkippedByRule"]["MAIL"], skipped);
}

#[test]
fn each_dialect_names_the_version_it_reproduces() {
    let rules = RuleSet::builtin("opentoken").unwrap();
    let expected = [
        (
            Dialect::Ot1Java,
            "JavaVersion",
            "Java",
            "OpenTokenVersion",
            "1.12.5",
        ),
        (
            Dialect::Ot1Python,
            "PythonVersion",
            "Python",
            "OpenTokenVersion",
            "1.12.5",
        ),
        (
            Dialect::Olt20,
            "PythonVersion",
            "Python",
            "Version",
            "2.0.0",
        ),
        (
            Dialect::Olt212,
            "PythonVersion",
            "Python",
            "Version",
            "2.1.2",
        ),
        (
            Dialect::Olt22,
            "PythonVersion",
            "Python",
            "Version",
            "2.2.1",
        ),
    ];
    for (dialect, language_key, platform, version_key, version) in expected {
        let rules = rules.clone().with_dialect(dialect).unwrap();
        let binding = rules
            .bind(&["RecordId"], Date::new(2026, 11, 21).unwrap())
            .unwrap();
        let text = metadata(&rules, &Tally::new(&binding));
        let keys: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("  \""))
            .map(|line| line.split('"').nth(1).unwrap())
            .collect();
        let expected = [
            language_key,
            "Platform",
            version_key,
            "HashingSecretHash",
            "TotalRows",
            "TotalRowsWithInvalidAttributes",
            "InvalidAttributesByType",
            "BlankTokensByRule",
            "blindjoin",
        ];
        assert_eq!(keys, expected);
        let json: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["Platform"], platform);
        assert_eq!(json[version_key], version);
        assert_eq!(json["blindjoin"]["Dialect"], dialect.name());
        let file = SecretHashes::from_metadata(&text).unwrap();
        let given = SecretHashes::of(Some(&secret()), None);
        assert_eq!(given.against(&file), [Agreement::Same, Agreement::NotGiven]);
    }
}

#[test]
fn broken_metadata_are_refused_without_showing_them() {
    let error = SecretHashes::from_metadata("{\n  \"HashingSecretHash\": secret\n}").unwrap_err();
    assert_eq!(
        error,
        Error::Metadata {
            line: 2,
            column: 24
        }
    );
    assert!(!error.to_string().contains("secret"));
    for broken in ["", "[]x", "{\"HashingSecretHash\": 7}"] {
        let error = SecretHashes::from_metadata(broken).unwrap_err();
        assert!(matches!(error, Error::Metadata { .. }), "{broken}");
    }
}

#[test]
fn record_ids_are_kept_hashed_or_generated() {
    let rules = RuleSet::from_toml(CUSTOM).unwrap();
    let kept = tokenizer(&rules, &["rec", "mrn", "e-mail"]);
    let key = RecordIdKey::new(&HashingSecret::new("another").unwrap());
    let hashed = kept.clone().with_record_ids(RecordIds::Hashed(key));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut id = |tokenizer: &Tokenizer, row: &[&str; 3]| {
        let mut worker = tokenizer.worker();
        let tokens = tokenizer.tokenize(&row[..], &mut worker, &mut rng);
        tokens.record_id().to_owned()
    };
    assert_eq!(id(&kept, &[" 1 ", "", ""]), " 1 ");
    assert_eq!(id(&kept, &[" ", "", ""]), " ");
    let one = id(&hashed, &["1", "", ""]);
    assert_eq!(one.len(), 64);
    assert_eq!(one, id(&hashed, &["1", "x", ""]));
    assert_ne!(one, id(&hashed, &["2", "", ""]));
    assert_ne!(id(&kept, &ROWS[3]), id(&kept, &ROWS[3]));
    assert_eq!(id(&hashed, &ROWS[3]).len(), 36);
}
