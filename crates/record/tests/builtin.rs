//! The built-in rule sets.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use blindjoin_record::{Date, Dialect, Fault, RuleSet, Scratch};

fn signed(rules: &RuleSet, header: &[&str], row: &[&str]) -> Vec<Option<String>> {
    let binding = rules
        .bind(header, Date::new(2026, 11, 21).unwrap())
        .unwrap();
    let mut scratch = Scratch::default();
    let signatures = binding.sign(row, &mut scratch);
    signatures
        .iter()
        .map(|signature| signature.ok().map(str::to_owned))
        .collect()
}

fn probed(rules: &RuleSet, header: &[&str], row: &[&str]) -> Vec<(usize, String)> {
    let binding = rules
        .bind(header, Date::new(2026, 11, 21).unwrap())
        .unwrap();
    let mut scratch = Scratch::default();
    let probes = binding.probe(row, &mut scratch);
    probes
        .iter()
        .filter_map(|(rule, text)| Some((rule, text.ok()?.to_owned())))
        .collect()
}

#[test]
fn every_set_compiles_under_every_dialect_and_has_its_own_digest() {
    let mut digests = Vec::new();
    for name in RuleSet::BUILTIN {
        let rules = RuleSet::builtin(name).unwrap();
        assert_eq!(rules.name(), *name);
        digests.push(rules.digest());
        for dialect in Dialect::ALL {
            rules.clone().with_dialect(dialect).unwrap();
        }
    }
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), RuleSet::BUILTIN.len());
    assert!(RuleSet::builtin("nothing").is_err());
}

#[test]
fn the_rules_of_the_older_page() {
    let header = [
        "FirstName",
        "LastName",
        "BirthDate",
        "Sex",
        "PostalCode",
        "SocialSecurityNumber",
    ];
    let row = [
        "María",
        "García Jr.",
        "03/22/1988",
        "Female",
        "90210-1234",
        "452387291",
    ];
    let signatures = signed(&RuleSet::builtin("opentoken-docs").unwrap(), &header, &row);
    let expected = [
        "452-38-7291|1988-03-22|F",
        "MARIA|GARCIA|1988-03-22|F",
        "MARIA|GARCIA|452-38-7291",
        "MARIA|GARCIA|1988-03-22|90210",
        "MAR|GARCIA|1988-03-22|F",
    ];
    let signatures: Vec<&str> = signatures.iter().map(|s| s.as_deref().unwrap()).collect();
    assert_eq!(signatures, expected);
}

#[test]
fn htac_takes_the_fields_as_they_are() {
    let header = ["first_name", "last_name", "dob", "sex", "phone", "zip"];
    let rules = RuleSet::builtin("htac").unwrap();
    let preimage = |row: [&str; 6]| signed(&rules, &header, &row)[0].clone();
    for row in [
        [
            "Maria",
            "Garcia",
            "1988-03-22",
            "Female",
            "612-555-1234",
            "90210",
        ],
        [
            "MARIA",
            "garcia",
            "19880322",
            "F",
            "(612) 555 1234",
            "90210-1234",
        ],
    ] {
        assert_eq!(
            preimage(row).as_deref(),
            Some("mariagarcia19880322f612555123490210")
        );
    }
    let row = [
        "Tom",
        "O'Reilly",
        "1995-11-03",
        "M",
        "6125559999",
        "30301-4455",
    ];
    assert_eq!(
        preimage(row).as_deref(),
        Some("tomo'reilly19951103m612555999930301")
    );
    let row = ["José", "Núñez", "1970-01-31", "m", "", "55401"];
    assert_eq!(preimage(row).as_deref(), Some("josénúñez19700131m55401"));
    let row = [" Maria", "Garcia", "", "", "", ""];
    assert_eq!(preimage(row).as_deref(), Some(" mariagarcia"));
    assert_eq!(preimage([""; 6]), None, "a record of nothing is nobody");
}

#[test]
fn htac_clean_repairs_and_requires() {
    let header = ["first_name", "last_name", "dob", "sex", "phone", "zip"];
    let rules = RuleSet::builtin("htac-clean").unwrap();
    let preimage = |row: [&str; 6]| signed(&rules, &header, &row)[0].clone();
    let row = [
        " Mari\u{61}\u{301} ",
        "Garcia",
        "03/22/1988",
        " Female",
        "612-555-1234",
        "90210",
    ];
    assert_eq!(
        preimage(row).as_deref(),
        Some("mariágarcia19880322f612555123490210")
    );
    for missing in 0..6 {
        let mut row = row;
        row[missing] = " ";
        assert_eq!(preimage(row), None);
    }
}

#[test]
fn the_death_index_tolerates_what_it_says() {
    let rules = RuleSet::builtin("ndi").unwrap();
    let header = [
        "ssn",
        "first_name",
        "middle_name",
        "last_name",
        "father_surname",
        "birth_date",
        "sex",
    ];
    let living = [
        "452-38-7291",
        "Mary",
        "Ann",
        "Knight",
        "",
        "1950-03-22",
        "F",
    ];
    let keys: Vec<(usize, String)> = signed(&rules, &header, &living)
        .into_iter()
        .enumerate()
        .filter_map(|(rule, signature)| Some((rule, signature?)))
        .collect();
    assert_eq!(keys.len(), 6);
    let matches = |row: [&str; 7]| {
        let probes = probed(&rules, &header, &row);
        let mut found: Vec<&str> = keys
            .iter()
            .filter(|key| probes.contains(key))
            .map(|(rule, _)| rules.rules()[*rule].id())
            .collect();
        found.dedup();
        found.join(" ")
    };
    let all = "SSN NAME_MY INITIALS_MY NAME_MD INITIALS_MD";
    assert_eq!(
        matches(["452387291", "MARY", "A.", "Night", "", "03/22/1950", "f"]),
        all
    );
    assert_eq!(
        matches(["", "Mary", "", "Knight", "", "1951-03-01", "F"]),
        "NAME_MY"
    );
    assert_eq!(
        matches(["", "Mary", "", "Knight", "", "1949-03-01", "F"]),
        "NAME_MY"
    );
    assert_eq!(
        matches(["", "Mary", "", "Knight", "", "1952-03-01", "F"]),
        ""
    );
    assert_eq!(
        matches(["", "Mary", "", "Knight", "", "1970-03-22", "F"]),
        "NAME_MD"
    );
    assert_eq!(
        matches(["", "M", "A", "Knight", "", "1951-03-01", "F"]),
        "INITIALS_MY"
    );
    assert_eq!(
        matches(["", "Mary", "", "Smith", "Knight", "1950-03-01", "F"]),
        "MAIDEN_MY"
    );
    assert_eq!(
        matches(["", "Mary", "", "Smith", "Knight", "1950-03-01", "M"]),
        ""
    );
}

#[test]
fn ssn_takes_valid_numbers_only() {
    let rules = RuleSet::builtin("ssn").unwrap();
    let binding = rules
        .bind(&["id", "SSN"], Date::new(2026, 11, 21).unwrap())
        .unwrap();
    let mut scratch = Scratch::default();
    for (value, expected) in [
        ("452-38-7291", Ok("452387291")),
        ("452 38 7291", Ok("452387291")),
        ("123-45-6789", Err(Fault::Placeholder)),
        ("666-45-6789", Err(Fault::Invalid)),
        ("", Err(Fault::Missing)),
    ] {
        let signatures = binding.sign(["1", value].as_slice(), &mut scratch);
        assert_eq!(signatures.get(0).map_err(|reason| reason.fault), expected);
    }
}
