//! The rule sets that come with the program.

use super::Blanks;
use super::spec::{FieldSpec, RuleSpec, Spec};
use crate::dialect::Dialect;
use crate::field::FieldKind;

pub(super) const NAMES: &[&str] = &[
    "opentoken",
    "opentoken-docs",
    "htac",
    "htac-clean",
    "ndi",
    "ssn",
];

pub(super) fn spec(name: &str) -> Option<Spec> {
    let base = NAMES.iter().copied().find(|known| *known == name)?;
    let spec = match base {
        "opentoken" => opentoken(),
        "opentoken-docs" => opentoken_docs(),
        "htac" => htac(),
        "htac-clean" => htac_clean(),
        "ndi" => ndi(),
        _ => ssn(),
    };
    Some(Spec {
        name: base.to_owned(),
        base: Some(base),
        ..spec
    })
}

/// The five rules of OpenToken's code, definition version 2.0.
fn opentoken() -> Spec {
    Spec {
        dialect: Some(Dialect::default()),
        fields: opentoken_fields(),
        rules: vec![
            RuleSpec::new(
                "T1",
                &[
                    "last_name:T|U",
                    "first_name:T|S(0,1)|U",
                    "sex:T|U",
                    "birth_date:T|D",
                ],
            ),
            RuleSpec::new(
                "T2",
                &[
                    "last_name:T|U",
                    "first_name:T|U",
                    "birth_date:T|D",
                    "postal_code:T|S(0,3)|U",
                ],
            ),
            RuleSpec::new(
                "T3",
                &[
                    "last_name:T|U",
                    "first_name:T|U",
                    "sex:T|U",
                    "birth_date:T|D",
                ],
            ),
            RuleSpec::new("T4", &[r"ssn:T|M(\d+)", "sex:T|U", "birth_date:T|D"]),
            RuleSpec::new("T5", &["last_name:T|U", "first_name:T|S(0,3)|U", "sex:T|U"]),
        ],
        ..Spec::default()
    }
}

/// The five rules of OpenToken's older documentation page, which its code never had.
fn opentoken_docs() -> Spec {
    let (first, last) = ("first_name:T|U", "last_name:T|U");
    let (birth_date, sex, ssn) = ("birth_date:T|D", "sex:T|S(0,1)|U", "ssn:T");
    Spec {
        dialect: Some(Dialect::default()),
        fields: opentoken_fields(),
        rules: vec![
            RuleSpec::new("T1", &[ssn, birth_date, sex]),
            RuleSpec::new("T2", &[first, last, birth_date, sex]),
            RuleSpec::new("T3", &[first, last, ssn]),
            RuleSpec::new("T4", &[first, last, birth_date, "postal_code:T|S(0,5)|U"]),
            RuleSpec::new("T5", &["first_name:T|S(0,3)|U", last, birth_date, sex]),
        ],
        ..Spec::default()
    }
}

fn opentoken_fields() -> Vec<FieldSpec> {
    [
        ("first_name", FieldKind::FirstName),
        ("last_name", FieldKind::LastName),
        ("birth_date", FieldKind::BirthDate),
        ("sex", FieldKind::Sex),
        ("postal_code", FieldKind::PostalCode),
        ("ssn", FieldKind::SocialSecurityNumber),
    ]
    .map(|(name, kind)| FieldSpec {
        by_own_name: false,
        required: false,
        ..FieldSpec::new(name, kind)
    })
    .into()
}

/// Health Trends Across Communities: one concatenation of six fields as they are.
fn htac() -> Spec {
    Spec {
        takes_all: true,
        fields: htac_fields(|_| FieldKind::Raw),
        rules: vec![RuleSpec {
            joiner: "",
            blanks: Some(Blanks::Keep),
            ..RuleSpec::new(
                "HTAC",
                &[
                    "first_name:L",
                    "last_name:L",
                    r"birth_date:M(\d+)",
                    "sex:S(0,1)|L",
                    r"phone:M(\d+)",
                    "postal_code:S(0,5)",
                ],
            )
        }],
        ..Spec::default()
    }
}

/// A variant of our own: trimmed, composed, dates of several forms, and all six fields required.
fn htac_clean() -> Spec {
    Spec {
        fields: htac_fields(|name| match name {
            "birth_date" => FieldKind::Date,
            _ => FieldKind::Text,
        }),
        rules: vec![RuleSpec {
            joiner: "",
            blanks: Some(Blanks::Refuse),
            ..RuleSpec::new(
                "HTAC_CLEAN",
                &[
                    "first_name:N|L",
                    "last_name:N|L",
                    r"birth_date:M(\d+)",
                    "sex:S(0,1)|L",
                    r"phone:M(\d+)",
                    "postal_code:S(0,5)",
                ],
            )
        }],
        ..Spec::default()
    }
}

fn htac_fields(kind: impl Fn(&str) -> FieldKind) -> Vec<FieldSpec> {
    let fields: [(&str, &[&str]); 6] = [
        (
            "first_name",
            &["FirstName", "GivenName", "given_name", "first"],
        ),
        ("last_name", &["LastName", "Surname", "family_name", "last"]),
        (
            "birth_date",
            &["BirthDate", "DateOfBirth", "date_of_birth", "dob"],
        ),
        ("sex", &["Gender"]),
        ("phone", &["Telephone", "PhoneNumber", "phone_number"]),
        (
            "postal_code",
            &["PostalCode", "ZipCode", "zip_code", "zip", "ZIP5"],
        ),
    ];
    fields
        .map(|(name, headers)| FieldSpec {
            headers,
            ..FieldSpec::new(name, kind(name))
        })
        .into()
}

/// One rule: the social security number's digits.
fn ssn() -> Spec {
    Spec {
        fields: vec![FieldSpec::new("ssn", FieldKind::SocialSecurityNumber)],
        rules: vec![RuleSpec::new("SSN", &[r"ssn:M(\d+)"]).strict()],
        ..Spec::default()
    }
}

/// The matching criteria of the U.S. National Death Index, any one of which makes a possible match.
///
/// Surnames are compared by their NYSIIS code, the other names by their letters and digits, upper
/// case. The year of birth may differ by one where the criterion says so, which the provider's
/// probes take care of. Of a date of birth without a day, month and year count.
///
/// | rule | agrees |
/// |---|---|
/// | `SSN` | social security number |
/// | `NAME_MY` | first name, last name, month of birth, year of birth ± 1 |
/// | `INITIALS_MY` | first and middle initial, last name, month of birth, year of birth ± 1 |
/// | `NAME_MD` | first name, last name, month and day of birth |
/// | `INITIALS_MD` | first and middle initial, last name, month and day of birth |
/// | `FATHER_MY` | first name, father's surname, month and year of birth |
/// | `MAIDEN_MY` | of women: first name, month and year of birth, and the querier's last name is the provider's father's surname |
///
/// # Source
///
/// National Center for Health Statistics, "National Death Index User's Guide", chapters 2 and 4
/// (criteria and NYSIIS codes); El Emam and Arbuckle, "Anonymizing Health Data", chapter 12.
fn ndi() -> Spec {
    const FIRST: &str = "first_name:A|U";
    const LAST: &str = "last_name:NY";
    const FATHER: &str = "father_surname:NY";
    const MONTH: &str = "birth_date:MO";
    const DAY: &str = "birth_date:DA";
    const YEAR: &str = "birth_date:Y";
    const INITIAL: &str = "first_name:A|S(0,1)|U";
    const MIDDLE: &str = "middle_name:A|S(0,1)|U";
    const FEMALE: &str = "sex:S(0,1)|U|M(F)";
    let around = |names: &[&'static str]| {
        ["birth_date:Y(-1)", YEAR, "birth_date:Y(1)"].map(|year| [names, &[MONTH, year]].concat())
    };
    let optional = |name, kind, headers| FieldSpec {
        headers,
        required: false,
        ..FieldSpec::new(name, kind)
    };
    let required = |name, kind, headers| FieldSpec {
        headers,
        ..FieldSpec::new(name, kind)
    };
    Spec {
        fields: vec![
            optional("ssn", FieldKind::SocialSecurityNumber, &[]),
            required(
                "first_name",
                FieldKind::Text,
                &["FirstName", "GivenName", "given_name"],
            ),
            optional(
                "middle_name",
                FieldKind::Text,
                &["MiddleName", "middle_initial"],
            ),
            required(
                "last_name",
                FieldKind::Text,
                &["LastName", "Surname", "family_name"],
            ),
            optional(
                "father_surname",
                FieldKind::Text,
                &["FatherSurname", "fathers_surname"],
            ),
            required(
                "birth_date",
                FieldKind::PartialDate,
                &["BirthDate", "DateOfBirth", "date_of_birth"],
            ),
            optional("sex", FieldKind::Text, &["Gender"]),
        ],
        rules: [
            RuleSpec::new("SSN", &[r"ssn:M(\d+)"]),
            RuleSpec::new("NAME_MY", &[FIRST, LAST, MONTH, YEAR])
                .with_probes(&around(&[FIRST, LAST])),
            RuleSpec::new("INITIALS_MY", &[INITIAL, MIDDLE, LAST, MONTH, YEAR])
                .with_probes(&around(&[INITIAL, MIDDLE, LAST])),
            RuleSpec::new("NAME_MD", &[FIRST, LAST, MONTH, DAY]),
            RuleSpec::new("INITIALS_MD", &[INITIAL, MIDDLE, LAST, MONTH, DAY]),
            RuleSpec::new("FATHER_MY", &[FIRST, FATHER, MONTH, YEAR]),
            RuleSpec::new("MAIDEN_MY", &[FEMALE, FIRST, LAST, MONTH, YEAR])
                .with_probes(&[vec![FEMALE, FIRST, FATHER, MONTH, YEAR]]),
        ]
        .map(RuleSpec::strict)
        .into(),
        ..Spec::default()
    }
}
