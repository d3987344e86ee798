//! Signatures against those of the reference implementations.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

#[path = "../../../tests/common/data.rs"]
mod data;
#[path = "../../../tests/common/opentoken.rs"]
mod recorded;

use std::collections::BTreeMap;
use std::path::Path;

use recorded::{folders, sets};

use blindjoin_record::{Date, Dialect, FieldKind, RuleSet, Scratch};

const ATTRIBUTES: [&str; 6] = [
    "FirstName",
    "LastName",
    "BirthDate",
    "Sex",
    "PostalCode",
    "SocialSecurityNumber",
];

fn table(path: &Path) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .from_path(path)
        .unwrap();
    let header = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let rows = reader
        .records()
        .map(|row| row.unwrap().iter().map(str::to_owned).collect())
        .collect();
    (header, rows)
}

/// The day on which the vectors were made.
fn today() -> Date {
    Date::new(2026, 11, 21).unwrap()
}

/// Signatures of every row, and how often each attribute was found invalid.
fn check(folder: &Path, set: &str, expected: &str, dialect: Dialect) -> usize {
    let (header, rows) = table(&folder.join(format!("{set}_input.csv")));
    let (titles, lines) = table(&folder.join(expected));
    let column = |title: &str| titles.iter().position(|t| t == title).unwrap();
    let rules = RuleSet::builtin("opentoken")
        .unwrap()
        .with_dialect(dialect)
        .unwrap();
    let binding = rules.bind(&header, today()).unwrap();
    let values = values(dialect).bind(&header, today()).unwrap();
    let mut scratch = Scratch::default();
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        let id = binding.record_id(row).unwrap();
        assert_eq!(id, line[column("RecordId")]);
        let signed = binding.sign(row, &mut scratch);
        for rule in 0..5 {
            let expected = &line[column(&format!("sig_T{}", rule + 1))];
            let ours = signed.get(rule).unwrap_or_default();
            assert_eq!(ours, expected, "{dialect}, T{} of {id}", rule + 1);
        }
        let normal = values.sign(row, &mut scratch);
        for (i, attribute) in ATTRIBUTES.iter().enumerate() {
            let valid = line[column(&format!("valid_{attribute}"))] == "1";
            assert_eq!(
                normal.get(i).is_ok(),
                valid,
                "{dialect}, {attribute} of {id}"
            );
            if valid {
                let expected = &line[column(&format!("norm_{attribute}"))];
                assert_eq!(
                    normal.get(i).unwrap(),
                    expected,
                    "{dialect}, {attribute} of {id}"
                );
            }
        }
    }
    rows.len()
}

/// One rule per attribute: its normal form.
fn values(dialect: Dialect) -> RuleSet {
    let mut text = String::from("base = \"opentoken\"\n");
    for (field, rule) in [
        "first_name",
        "last_name",
        "birth_date",
        "sex",
        "postal_code",
        "ssn",
    ]
    .iter()
    .zip(ATTRIBUTES)
    {
        text += "[[rule]]\nid = \"";
        text += rule;
        text += "\"\nsignature = [\"";
        text += field;
        text += "\"]\n";
    }
    let rules = RuleSet::from_toml(&text)
        .unwrap()
        .with_dialect(dialect)
        .unwrap();
    assert_eq!(rules.rules().len(), 11);
    rules.with_only_these_rules(&ATTRIBUTES).unwrap()
}

#[test]
fn signatures_of_1_x_are_reproduced() {
    for folder in folders() {
        let mut rows = 0;
        for set in sets(&folder) {
            let java = format!("{set}_java_signatures.csv");
            rows += check(&folder, &set, &java, Dialect::Ot1Java);
            let python = format!("{set}_py_signatures.csv");
            rows += check(&folder, &set, &python, Dialect::Ot1Python);
        }
        assert!(rows > 700, "{rows}");
    }
}

#[test]
fn signatures_of_2_x_are_reproduced() {
    for folder in folders() {
        let mut rows = 0;
        for set in sets(&folder) {
            let file = |version: &str| format!("olt/{set}_{version}_signatures.csv");
            if folder.join(file("olt212")).exists() {
                rows += check(&folder, &set, &file("olt212"), Dialect::Olt212);
                rows += check(&folder, &set, &file("olt221"), Dialect::Olt22);
            }
        }
        assert!(rows > 700, "{rows}");
    }
}

#[test]
fn invalid_attributes_are_counted_as_the_reference_does() {
    for folder in folders() {
        for set in sets(&folder) {
            for (dialect, short) in [(Dialect::Ot1Java, "java"), (Dialect::Ot1Python, "py")] {
                let input = folder.join(format!("{set}_input.csv"));
                let metadata = folder.join(format!("{set}_{short}_hashonly.metadata.json"));
                check_counts(&input, &metadata, dialect);
            }
        }
    }
}

#[test]
fn odd_files_are_counted_as_the_reference_does() {
    let folder = data::own("opentoken/csvcases");
    let cases = sets(&folder);
    assert!(cases.len() > 10);
    for case in cases {
        let input = folder.join(format!("{case}_input.csv"));
        for (dialect, short) in [(Dialect::Ot1Java, "java"), (Dialect::Ot1Python, "py")] {
            let metadata = input.with_file_name(format!("{case}_{short}.metadata.json"));
            check_counts(&input, &metadata, dialect);
        }
    }
}

/// Compares the counts of invalid attributes and blank tokens with those of a metadata file.
fn check_counts(input: &Path, metadata: &Path, dialect: Dialect) {
    let (header, rows) = table(input);
    let rules = RuleSet::builtin("opentoken")
        .unwrap()
        .with_dialect(dialect)
        .unwrap();
    let binding = rules.bind(&header, today()).unwrap();
    let mut scratch = Scratch::default();
    let mut counts: BTreeMap<&str, u64> = BTreeMap::from([("TotalRows", rows.len() as u64)]);
    for row in &rows {
        let signed = binding.sign(row, &mut scratch);
        for (i, rule) in rules.rules().iter().enumerate() {
            *counts.entry(rule.id()).or_default() += u64::from(signed.get(i).is_err());
        }
        for (i, field) in rules.fields().iter().enumerate() {
            *counts.entry(field.kind().name()).or_default() += signed.invalid_fields() >> i & 1;
        }
    }
    let text = std::fs::read_to_string(metadata).unwrap();
    for (name, count) in counts {
        let line = format!("\"{name}\": {count}");
        let found = text.lines().any(|l| l.trim().trim_end_matches(',') == line);
        assert!(
            found,
            "{}, {dialect}: {line} is not in\n{text}",
            input.display()
        );
    }
}

fn normal(kind: FieldKind, value: &str, dialect: Dialect) -> Option<String> {
    let text = format!(
        "dialect = \"{dialect}\"\n[fields]\nx = \"{}\"\n[columns]\nx = \"x\"\n\
         [[rule]]\nid = \"X\"\nsignature = [\"x\"]\n",
        kind.name()
    );
    let binding = RuleSet::from_toml(&text)
        .unwrap()
        .bind(&["x"], today())
        .unwrap();
    let mut scratch = Scratch::default();
    let signed = binding.sign([value].as_slice(), &mut scratch);
    signed.get(0).ok().map(str::to_owned)
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn first_names_follow_the_dialect() {
    use Dialect::{Olt20, Olt22, Olt212, Ot1Java, Ot1Python};
    let cases: &[(&str, [Option<&str>; 5])] = &[
        // value, ot1-java, ot1-python, olt2.0, olt2.1.2, olt2.2
        ("José", [Some("Jose"); 5]),
        (
            "Łukasz",
            [
                Some("ukasz"),
                Some("ukasz"),
                Some("Lukasz"),
                Some("Lukasz"),
                Some("Lukasz"),
            ],
        ),
        ("Æ", [None, None, Some("AE"), Some("AE"), Some("AE")]),
        ("ﬁona", [Some("ona"); 5]),
        (
            "Dr. Dr. John",
            [
                Some("DrJohn"),
                Some("DrJohn"),
                Some("DrJohn"),
                Some("DrJohn"),
                Some("John"),
            ],
        ),
        ("Dr.", [Some("Dr"); 5]),
        ("mr.john", [Some("mrjohn"); 5]),
        ("Mr. Unknown", [None; 5]),
        (
            "John Jr III",
            [
                Some("JohnJr"),
                Some("JohnJr"),
                Some("JohnJr"),
                Some("JohnJr"),
                Some("John"),
            ],
        ),
        ("John A. B.", [Some("JohnA"); 5]),
        ("J. R.", [Some("J"); 5]),
        ("A B", [Some("A"); 5]),
        (
            "Mary Ann",
            [
                Some("MaryAnn"),
                Some("MaryAnn"),
                Some("MaryAnn"),
                Some("MaryAnn"),
                Some("Mary"),
            ],
        ),
        ("Jo Ann", [Some("JoAnn"); 5]),
        ("Mary-Ann", [Some("MaryAnn"); 5]),
        (
            "Mary/Ann-Lou",
            [
                Some("MaryAnnLou"),
                Some("MaryAnnLou"),
                Some("MaryAnnLou"),
                Some("MaryAnnLou"),
                Some("Mary"),
            ],
        ),
        ("Mary Ann2", [Some("MaryAnn"); 5]),
        (" N/A ", [Some("NA"); 5]),
        ("n/a", [None; 5]),
        ("Test16", [None; 5]),
        (
            "\u{a0}Dr.\u{a0}John",
            [
                Some("DrJohn"),
                Some("John"),
                Some("John"),
                Some("John"),
                Some("John"),
            ],
        ),
        (
            "John 2\u{661}th",
            [
                Some("Johnth"),
                Some("John"),
                Some("John"),
                Some("John"),
                Some("John"),
            ],
        ),
        (
            "John ſr",
            [
                Some("Johnr"),
                Some("John"),
                Some("John"),
                Some("John"),
                Some("John"),
            ],
        ),
        ("teſt", [None, Some("tet"), None, None, None]),
    ];
    for (value, expected) in cases {
        for (dialect, expected) in [Ot1Java, Ot1Python, Olt20, Olt212, Olt22]
            .into_iter()
            .zip(expected)
        {
            let ours = normal(FieldKind::FirstName, value, dialect);
            assert_eq!(ours.as_deref(), *expected, "{value:?}, {dialect}");
        }
    }
}

#[test]
fn last_names_follow_the_dialect() {
    use Dialect::{Olt22, Ot1Java, Ot1Python};
    let cases: &[(&str, [Option<&str>; 3])] = &[
        (
            "Smith Jr III",
            [Some("Smith"), Some("SmithJr"), Some("Smith")],
        ),
        (
            "Smith Sr Jr III",
            [Some("SmithSr"), Some("SmithSrJr"), Some("Smith")],
        ),
        ("Smith III.", [Some("SmithIII"); 3]),
        ("Smith,III", [Some("SmithIII"); 3]),
        ("Smith XI", [Some("SmithXI"); 3]),
        ("Smith 2 nd", [Some("Smithnd"); 3]),
        ("Jr", [None, None, None]),
        ("Ng", [Some("Ng"); 3]),
        ("nG", [Some("nG"); 3]),
        ("Wu", [Some("Wu"); 3]),
        ("Xy", [None; 3]),
        ("O", [None; 3]),
        ("NA", [Some("NA"); 3]),
        ("N/A", [None; 3]),
        ("<masked> ", [Some("masked"); 3]),
        ("Straße", [Some("Strae"), Some("Strae"), Some("Strasse")]),
        ("\u{301} Jr", [None, None, None]),
        ("Not-Available", [None; 3]),
    ];
    for (value, expected) in cases {
        for (dialect, expected) in [Ot1Java, Ot1Python, Olt22].into_iter().zip(expected) {
            let ours = normal(FieldKind::LastName, value, dialect);
            assert_eq!(ours.as_deref(), *expected, "{value:?}, {dialect}");
        }
    }
}

#[test]
fn dates_follow_the_dialect() {
    let both = |value: &str| {
        let java = normal(FieldKind::BirthDate, value, Dialect::Ot1Java);
        assert_eq!(
            java,
            normal(FieldKind::BirthDate, value, Dialect::Ot1Python),
            "{value:?}"
        );
        java
    };
    assert_eq!(both("2026-11-21").as_deref(), Some("2026-11-21"));
    assert_eq!(both("2026-11-22"), None);
    assert_eq!(both("31.01.1950").as_deref(), Some("1950-01-31"));
    assert_eq!(
        both("1950-01-31T23:59:59.999+00:00").as_deref(),
        Some("1950-01-31")
    );
    for bad in [
        "19500131",
        "1950-1-31",
        "01.31.1950",
        "1950-01-31T23:59:60Z",
        "1950-01-31T10:11:12+24:00",
        "1950-01-31T10:11:12.12Z",
        "1950-01-31T10:11:12.1234Z",
        "1950-01-31T10:11:12+0500",
        "1950-01-31 10:11:12Z",
        "1950/01-31",
        "1950-01-31T10:11:12",
        "31-01-1950",
        "Jan 31 1950",
    ] {
        assert_eq!(both(bad), None, "{bad}");
    }
    let newline = "1950-01-31\n";
    assert_eq!(
        normal(FieldKind::BirthDate, newline, Dialect::Ot1Java),
        None
    );
    assert!(normal(FieldKind::BirthDate, newline, Dialect::Ot1Python).is_some());
    assert_eq!(both("١٩٥٠-٠١-٣١"), None);
    let arabic = "١٩٥٠-01-31";
    assert_eq!(normal(FieldKind::BirthDate, arabic, Dialect::Ot1Java), None);
    let read = normal(FieldKind::BirthDate, arabic, Dialect::Ot1Python);
    assert_eq!(read.as_deref(), Some("1950-01-31"), "a year may be");
    assert_eq!(
        normal(FieldKind::Date, "1850-01-31", Dialect::Ot1Java).unwrap(),
        "1850-01-31"
    );
    assert_eq!(
        normal(FieldKind::Date, "0000-01-31", Dialect::Ot1Java),
        None
    );
}

#[test]
fn postal_codes_are_filled_up_and_checked() {
    let cases = [
        ("981", Some("98100")),
        ("9810", Some("98100")),
        ("98101-1234", Some("98101")),
        ("981011234", Some("98101")),
        (" 98101 ", Some("98101")),
        ("44444", Some("44444")),
        ("1234", Some("12340")),
        ("5551", None),
        ("00012", None),
        ("123456789", None),
        ("981012", None),
        ("m5v", Some("M5V 000")),
        ("M5V3", Some("M5V 3A0")),
        ("M5V 3L", Some("M5V 3L0")),
        ("m5v 3l9", Some("M5V 3L9")),
        ("W1W 1W1", Some("W1W 1W1")),
        ("K1A", None),
        ("K1A 0B0", None),
        ("K1A 0B1", Some("K1A 0B1")),
        ("M7A 1A0", None),
        ("A0A 0A0", None),
        ("M5V  3L9", None),
    ];
    for (value, expected) in cases {
        for dialect in Dialect::ALL {
            let ours = normal(FieldKind::PostalCode, value, dialect);
            assert_eq!(ours.as_deref(), expected, "{value:?}, {dialect}");
        }
    }
    let us = |value| normal(FieldKind::UsPostalCode, value, Dialect::Ot1Java);
    assert_eq!(us("981").as_deref(), Some("981"));
    assert_eq!(us("98101-1234").as_deref(), Some("98101"));
    let canadian = |value| normal(FieldKind::CanadianPostalCode, value, Dialect::Ot1Java);
    assert_eq!(canadian(" m5v ").as_deref(), Some("m5v"));
    assert_eq!(canadian("m5v3l9").as_deref(), Some("M5V 3L9"));
}

#[test]
fn headers_are_known_by_dialect() {
    let bound = |name: &str, dialect| {
        let rules = RuleSet::builtin("opentoken")
            .unwrap()
            .with_dialect(dialect)
            .unwrap();
        let binding = rules.bind(&[name], today()).unwrap();
        binding.columns().iter().any(Option::is_some)
    };
    for dialect in Dialect::ALL {
        for name in [
            "firstname",
            "GIVENNAME",
            "Surname",
            "Gender",
            "zip3",
            "NationalIdentificationNumber",
        ] {
            assert!(bound(name, dialect), "{name}, {dialect}");
        }
        for name in [
            "first_name",
            " FirstName",
            "Zip",
            "NINO",
            "\u{feff}FirstName",
        ] {
            assert!(!bound(name, dialect), "{name}, {dialect}");
        }
        let newer = dialect == Dialect::Olt22;
        assert_eq!(bound("SSN", dialect), newer);
        assert_eq!(
            bound("DateOfBirth", dialect),
            newer || dialect == Dialect::Ot1Java
        );
    }
    let rules = RuleSet::builtin("opentoken")
        .unwrap()
        .with_column("ssn", "SSN")
        .unwrap();
    assert_eq!(rules.bind(&["SSN"], today()).unwrap().columns()[5], Some(0));
    let binding = RuleSet::builtin("opentoken").unwrap();
    let binding = binding
        .bind(&["Surname", "LastName", "surname"], today())
        .unwrap();
    assert_eq!(
        binding.columns()[1],
        Some(2),
        "the right-most column counts"
    );
}
