//! Rules files: reading, binding, signing, and the errors a user meets.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use blindjoin_record::{
    Date, Dialect, Error, ExpressionError, Fault, Reason, Rule, RuleSet, Scratch,
};

const PEOPLE: &str = r#"
[columns]
record_id = "rec_id"
national_id = "soc_sec_id"
last_name = "surname"
first_name = "given_name"
birth_date = "date_of_birth"

[[rule]]
id = "ID"
signature = ["national_id:T|U"]

[[rule]]
id = "NAME_DOB"
signature = ["last_name:T|U", "first_name:T|S(0,1)|U", "birth_date:D"]

[[rule]]
id = "NAME_MY"
signature = ["last_name:U|NY", "birth_date:Y", "birth_date:MO"]
probe = [
  ["last_name:U|NY", "birth_date:Y", "birth_date:MO"],
  ["last_name:U|NY", "birth_date:Y(-1)", "birth_date:MO"],
  ["last_name:U|NY", "birth_date:Y(1)", "birth_date:MO"],
]
"#;

const HEADER: [&str; 5] = [
    "rec_id",
    " given_name",
    " surname",
    " date_of_birth",
    " soc_sec_id",
];

fn today() -> Date {
    Date::new(2026, 11, 21).unwrap()
}

fn signed(rules: &RuleSet, header: &[&str], row: &[&str]) -> Vec<Result<String, Reason>> {
    let binding = rules.bind(header, today()).unwrap();
    let mut scratch = Scratch::default();
    binding
        .sign(row, &mut scratch)
        .iter()
        .map(|cell| cell.map(str::to_owned))
        .collect()
}

#[test]
fn a_row_is_signed_under_every_rule() {
    let rules = RuleSet::from_toml(PEOPLE).unwrap();
    let row = ["rec-1", " maria ", " garcia", "19880322", "5304218"];
    let cells = signed(&rules, &HEADER, &row);
    assert_eq!(cells[0].as_deref(), Ok("5304218"));
    assert_eq!(cells[1].as_deref(), Ok("GARCIA|M|1988-03-22"));
    assert_eq!(cells[2].as_deref(), Ok("GARC|1988|03"));
    let binding = rules.bind(&HEADER, today()).unwrap();
    assert_eq!(binding.record_id(row.as_slice()), Some("rec-1"));
}

#[test]
fn a_row_without_a_value_says_which_and_why() {
    let rules = RuleSet::from_toml(PEOPLE).unwrap();
    let field = |name: &str| {
        rules
            .fields()
            .iter()
            .position(|f| f.name() == name)
            .unwrap()
    };
    let cells = signed(&rules, &HEADER, &["rec-1", "", "garcia", "19880231", "  "]);
    let missing = |name| {
        Err(Reason {
            field: field(name),
            fault: Fault::Missing,
        })
    };
    assert_eq!(cells[0], missing("national_id"));
    assert_eq!(cells[1], missing("first_name"));
    let impossible = Reason {
        field: field("birth_date"),
        fault: Fault::Inapplicable,
    };
    assert_eq!(cells[2], Err(impossible));
    let cells = signed(&rules, &HEADER, &["rec-1", "-", "李", "19880231"]);
    assert_eq!(cells[0], missing("national_id"), "the row is short");
    assert_eq!(
        cells[2],
        Err(Reason {
            field: field("last_name"),
            fault: Fault::Empty
        })
    );
}

#[test]
fn no_signature_holds_a_nul() {
    let rules = RuleSet::from_toml(PEOPLE).unwrap();
    let cells = signed(&rules, &HEADER, &["r", "a", "b", "19880322", "53\u{0}04"]);
    assert_eq!(cells[0].as_ref().unwrap_err().fault, Fault::Invalid);
}

#[test]
fn a_provider_probes_every_form() {
    let rules = RuleSet::from_toml(PEOPLE).unwrap();
    assert!(rules.has_probes());
    assert_eq!(rules.rules()[2].probe_count(), 3);
    let binding = rules.bind(&HEADER, today()).unwrap();
    let mut scratch = Scratch::default();
    let row = ["r", "maria", "garcia", "19880322", "1"];
    let probes = binding.probe(row.as_slice(), &mut scratch);
    let probes: Vec<_> = probes
        .iter()
        .map(|(rule, cell)| (rule, cell.unwrap()))
        .collect();
    let expected = [
        (0, "1"),
        (1, "GARCIA|M|1988-03-22"),
        (2, "GARC|1988|03"),
        (2, "GARC|1987|03"),
        (2, "GARC|1989|03"),
    ];
    assert_eq!(probes, expected);
}

#[test]
fn the_digest_follows_the_rules_and_not_the_columns() {
    let digest = |text: &str| RuleSet::from_toml(text).unwrap().digest();
    let renamed = PEOPLE.replace("soc_sec_id", "ssn").replace("rec_id", "id");
    assert_eq!(digest(PEOPLE), digest(&renamed));
    assert_eq!(digest(PEOPLE), digest(&PEOPLE.replace("T|U", " t | u ")));
    assert_ne!(digest(PEOPLE), digest(&PEOPLE.replace("Y(-1)", "Y(-2)")));
    assert_ne!(digest(PEOPLE), digest(&PEOPLE.replace("\"ID\"", "\"ID2\"")));
    assert_ne!(
        digest(PEOPLE),
        digest(&PEOPLE.replace("national_id", "other_id"))
    );
    let dialect = RuleSet::from_toml(PEOPLE)
        .unwrap()
        .with_dialect(Dialect::Ot1Java)
        .unwrap();
    assert_ne!(digest(PEOPLE), dialect.digest());
}

#[test]
fn columns_are_found_by_trimmed_name() {
    let rules = RuleSet::from_toml(PEOPLE).unwrap();
    let header = [
        "REC_ID",
        "SURNAME",
        "surname ",
        "given_name",
        "date_of_birth",
        "soc_sec_id",
    ];
    let cells = signed(
        &rules,
        &header,
        &["r", "wrong", "right", "a", "20000101", "1"],
    );
    assert_eq!(cells[1].as_deref(), Ok("RIGHT|A|2000-01-01"));
    let error = rules.bind(&["rec_id", "surname", "given_name", "soc_sec_id"], today());
    let missing = Error::ColumnMissing {
        field: "birth_date".into(),
        column: "date_of_birth".into(),
    };
    assert_eq!(error.unwrap_err(), missing);
    let error = rules.bind(&HEADER[1..], today()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "column `rec_id`, mapped to field `record_id`, is not in the header"
    );
}

#[test]
fn a_column_can_be_mapped_afterwards() {
    let rules = RuleSet::builtin("ssn").unwrap();
    assert!(matches!(
        rules.bind(&["id", "number"], today()),
        Err(Error::ColumnMissing { .. })
    ));
    let mapped = rules.clone().with_column("ssn", "number").unwrap();
    assert_eq!(rules.digest(), mapped.digest());
    let cells = signed(&mapped, &["id", "number"], &["1", "452-38-7291"]);
    assert_eq!(cells[0].as_deref(), Ok("452387291"));
    assert!(matches!(
        rules.with_column("sss", "number"),
        Err(Error::NoField { .. })
    ));
}

#[test]
fn mistakes_in_a_file_are_named_with_their_line() {
    let error = |text: &str| RuleSet::from_toml(text).unwrap_err();
    let text = PEOPLE.replace("signature = [\"national_id", "signatur = [\"national_id");
    match error(&text) {
        Error::Syntax { line, message, .. } => {
            assert_eq!(line, 11);
            assert!(message.contains("signatur"), "{message}");
        }
        other => panic!("{other}"),
    }
    match error("[columns]\na = \"x\"\ncolour = 3\n") {
        Error::Syntax { line: 3, .. } => {}
        other => panic!("{other}"),
    }
    match error(&PEOPLE.replace("national_id:T|U", "national_id:T|Upper")) {
        Error::Expression {
            rule,
            field,
            line,
            source,
        } => {
            assert_eq!(
                (rule.as_str(), field.as_str(), line),
                ("ID", "national_id", Some(11))
            );
            assert_eq!(
                source,
                ExpressionError::UnknownOperator {
                    operator: "Upper".into()
                }
            );
        }
        other => panic!("{other}"),
    }
    match error(&PEOPLE.replace("last_name:T|U", "lastname:T|U")) {
        Error::UnknownField {
            rule,
            field,
            line,
            declared,
        } => {
            assert_eq!(
                (rule.as_str(), field.as_str(), line),
                ("NAME_DOB", "lastname", Some(15))
            );
            assert_eq!(declared, "birth_date, first_name, last_name, national_id");
        }
        other => panic!("{other}"),
    }
    assert_eq!(
        error(&PEOPLE.replace("NAME_DOB", "ID")),
        Error::DuplicateRule {
            rule: "ID".into(),
            line: Some(14)
        }
    );
    assert_eq!(error("[columns]\na = \"x\"\n"), Error::NoRules);
    assert!(matches!(
        error("[[rule]]\nid = \"A\"\nsignature = []\n"),
        Error::EmptyRule { line: Some(2), .. }
    ));
    assert!(matches!(
        error("[[rule]]\nid = \"A B\"\nsignature = []\n"),
        Error::Name { line: Some(2), .. }
    ));
    assert!(matches!(
        error("base = \"opn\"\n"),
        Error::UnknownRuleSet { line: Some(1), .. }
    ));
    assert!(matches!(
        error("dialect = \"x\"\n"),
        Error::UnknownDialect { line: Some(1), .. }
    ));
    for weight in ["0", "17", "-1"] {
        let text = PEOPLE.replace(
            "id = \"NAME_DOB\"",
            &format!("id = \"NAME_DOB\"\nweight = {weight}"),
        );
        match error(&text) {
            Error::Weight { rule, line, .. } => {
                assert_eq!((rule.as_str(), line), ("NAME_DOB", Some(14)));
            }
            other => panic!("{other}"),
        }
    }
    assert!(matches!(
        error("[fields]\na = \"x\"\n"),
        Error::UnknownKind { line: Some(2), .. }
    ));
}

#[test]
fn weights_are_read_and_do_not_change_the_digest() {
    let plain = RuleSet::from_toml(PEOPLE).unwrap();
    let text = PEOPLE.replace("id = \"NAME_DOB\"", "id = \"NAME_DOB\"\nweight = 3");
    let weighted = RuleSet::from_toml(&text).unwrap();
    let weights = |rules: &RuleSet| rules.rules().iter().map(Rule::weight).collect::<Vec<_>>();
    assert_eq!(weights(&plain), [1, 1, 1]);
    assert_eq!(weights(&weighted), [1, 3, 1]);
    assert_eq!(plain.digest(), weighted.digest());
}

#[test]
fn a_file_may_extend_a_built_in_set() {
    let rules = RuleSet::from_toml(
        "base = \"ssn\"\nname = \"mine\"\n[columns]\nssn = \"number\"\nmrn = \"mrn\"\n\
         [[rule]]\nid = \"MRN\"\nsignature = [\"mrn:A|U\"]\n",
    )
    .unwrap();
    assert_eq!((rules.name(), rules.base()), ("mine", Some("ssn")));
    let ids: Vec<&str> = rules.rules().iter().map(Rule::id).collect();
    assert_eq!(ids, ["SSN", "MRN"]);
    let cells = signed(&rules, &["mrn", "number"], &["ab-1", "452387291"]);
    assert_eq!(cells[0].as_deref(), Ok("452387291"));
    assert_eq!(cells[1].as_deref(), Ok("AB1"));
}
