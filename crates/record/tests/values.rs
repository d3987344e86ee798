//! What is written where there is no value, dates in other orders and in part, one party's own
//! forms, and several columns for one field.
#![expect(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use blindjoin_record::findings::{Finding, Findings};
use blindjoin_record::{Binding, Date, Dialect, Encoding, Error, Fault, RuleSet, Scratch};

fn today() -> Date {
    Date::new(2026, 11, 21).unwrap()
}

/// Rules over fields `id`, `name` and `born`, with more in front of them.
fn rules(more: &str) -> RuleSet {
    let text = format!(
        "{more}\n[[rule]]\nid = 'ID'\nsignature = ['id:T|U']\n\
         [[rule]]\nid = 'NAME'\nsignature = ['name:U', 'born:D']\n"
    );
    RuleSet::from_toml(&text).unwrap()
}

const FIELDS: &str = "[fields]\nid = 'Text'\nname = 'Text'\nborn = 'Text'\n";
const HEADER: [&str; 3] = ["id", "name", "born"];

fn signed(binding: &Binding, row: &[&str]) -> Vec<Result<String, Fault>> {
    let mut scratch = Scratch::default();
    let signatures = binding.sign(row, &mut scratch);
    let text = |signature: Result<&str, blindjoin_record::Reason>| {
        signature.map(str::to_owned).map_err(|reason| reason.fault)
    };
    signatures.iter().map(text).collect()
}

fn found(binding: &Binding, rows: &[&[&str]]) -> Findings {
    let (mut findings, mut scratch) = (Findings::new(binding), Scratch::default());
    for (number, row) in (1..).zip(rows) {
        findings.add(number, binding.sign(*row, &mut scratch).observed());
    }
    findings
}

/// One field's dates by a kind, with findings.
fn dates(kind: &str, more: &str, values: &[&str]) -> (Vec<Option<String>>, Findings) {
    let text =
        format!("{more}\n[fields]\nborn = '{kind}'\n[[rule]]\nid = 'B'\nsignature = ['born']\n");
    let binding = RuleSet::from_toml(&text)
        .unwrap()
        .bind(&["born"], today())
        .unwrap();
    let rows: Vec<[&str; 1]> = values.iter().map(|value| [*value]).collect();
    let rows: Vec<&[&str]> = rows.iter().map(<[&str; 1]>::as_slice).collect();
    let read = rows.iter().map(|row| signed(&binding, row)[0].clone().ok());
    (read.collect(), found(&binding, &rows))
}

#[test]
fn strangers_without_a_value_share_no_signature() {
    let binding = rules(FIELDS).bind(&HEADER, today()).unwrap();
    for nothing in [
        "UNKNOWN",
        "n/a",
        "NaN",
        "0",
        "999999999",
        "999-99-9999",
        "-",
        "\u{200b}unknown",
    ] {
        let signatures = signed(&binding, &[nothing, "Ann", "1980-02-03"]);
        assert_eq!(signatures[0], Err(Fault::Placeholder), "{nothing}");
        assert_eq!(signatures[1].as_deref(), Ok("ANN|1980-02-03"));
    }
    for nothing in ["1900-01-01", "19000101", "9999-12-31"] {
        let signatures = signed(&binding, &["A1", "Ann", nothing]);
        assert_eq!(signatures[1], Err(Fault::Placeholder), "{nothing}");
    }
    let rows: [&[&str]; 3] = [
        &["A1", "Ann", ""],
        &["unknown", "nil", "1900-01-01"],
        &["0", "", "-"],
    ];
    let findings = found(&binding, &rows);
    let places = |field: &str| {
        let line = findings
            .fields()
            .iter()
            .find(|line| line.name() == field)
            .unwrap();
        line.of(Finding::Placeholder).first_rows().to_vec()
    };
    assert_eq!(
        (places("id"), places("born"), places("name")),
        (vec![2, 3], vec![2, 3], vec![])
    );
}

#[test]
fn rules_say_what_stands_for_no_value_and_the_digest_with_them() {
    let own = rules(&format!(
        "{FIELDS}[missing]\nid = ['XX9', '@default']\nname = []\nborn = ['1911-11-11']\n"
    ));
    let binding = own.bind(&HEADER, today()).unwrap();
    assert_eq!(
        signed(&binding, &["xx9", "None", "1980-02-03"])[0],
        Err(Fault::Placeholder)
    );
    assert_eq!(
        signed(&binding, &["unknown", "", ""])[0],
        Err(Fault::Placeholder)
    );
    let null = signed(&binding, &["1", "Null", "1900-01-01"]);
    assert_eq!(
        null[1].as_deref(),
        Ok("NULL|1900-01-01"),
        "a name, and an old person"
    );
    assert_eq!(
        signed(&binding, &["1", "Ann", "1911-11-11"])[1],
        Err(Fault::Placeholder)
    );
    let defaults = rules(FIELDS);
    assert_ne!(own.digest(), defaults.digest());
    assert!(defaults.canonical().contains("7:missing 2:id 9:default 1"));
}

#[test]
fn references_take_every_value_that_they_take() {
    for dialect in Dialect::ALL {
        let rules = rules(FIELDS).with_dialect(dialect).unwrap();
        let binding = rules.bind(&HEADER, today()).unwrap();
        assert_eq!(
            signed(&binding, &["unknown", "", ""])[0].as_deref(),
            Ok("UNKNOWN")
        );
        assert!(!rules.canonical().contains("missing"));
    }
    let listed = rules(&format!("{FIELDS}[missing]\nid = ['x']\n"));
    assert!(matches!(
        listed.with_dialect(Dialect::Ot1Java),
        Err(Error::MissingUnderDialect { .. })
    ));
    let htac = RuleSet::builtin("htac").unwrap();
    let header = [
        "first_name",
        "last_name",
        "birth_date",
        "sex",
        "phone",
        "postal_code",
    ];
    let binding = htac.bind(&header, today()).unwrap();
    let row = ["Unknown", "nan", "1900-01-01", "0", "999999999", "-"];
    assert_eq!(
        signed(&binding, &row)[0].as_deref(),
        Ok("unknownnan190001010999999999-")
    );
    assert!(!htac.canonical().contains("missing"));
}

#[test]
fn a_column_of_dates_tells_its_order() {
    let day_first = ["12-11-1980", "27-11-1980", "03-04-1975"];
    let (read, findings) = dates("Date", "", &day_first);
    assert_eq!(read[1], None);
    let born = &findings.fields()[0];
    assert_eq!(born.of(Finding::NoSuchMonth).first_rows(), [2]);
    assert_eq!(born.of(Finding::EitherWay).first_rows(), [1, 3]);
    assert!(matches!(
        findings.check(),
        Err(Error::DayFirst {
            unread: 1,
            misread: 2,
            ..
        })
    ));
    let told = findings.to_string();
    assert!(
        told.contains("no such month") && told.contains("[input]"),
        "{told}"
    );
    assert!(!told.contains("1980"), "never a value: {told}");

    let (read, findings) = dates("Date", "", &["11/12/1980", "11/27/1980", "1980-02-03"]);
    assert_eq!(read[0].as_deref(), Some("1980-11-12"));
    assert!(
        findings.is_clean() && findings.check().is_ok(),
        "the second tells the first's order"
    );

    let (_, findings) = dates("Date", "", &["11/12/1980"]);
    assert!(
        findings.to_string().contains("month first"),
        "nothing tells"
    );
    findings.check().unwrap();

    let (_, findings) = dates("Date", "dialect = 'ot1-java'", &day_first);
    findings.check().unwrap();
    assert!(findings.to_string().contains("no such month"));

    let (read, findings) = dates("DayFirstDate", "", &day_first);
    let expected = ["1980-11-12", "1980-11-27", "1975-04-03"];
    assert_eq!(read, expected.map(|date| Some(date.to_owned())));
    assert!(findings.is_clean());
}

#[test]
fn day_first_dates_are_read_in_the_forms_they_have() {
    let forms = [
        "3/2/1980",
        "03.02.1980",
        "03021980",
        "1980-02-03",
        "3-2-1980 00:00:00",
    ];
    let (read, findings) = dates("DayFirstDate", "", &forms);
    assert_eq!(
        read,
        [const { Some("1980-02-03") }; 5].map(|date| date.map(str::to_owned))
    );
    assert!(findings.is_clean());
    let (read, _) = dates(
        "DayFirstDate",
        "",
        &["02/27/1980", "31/02/1980", "3/2/80", "1980"],
    );
    assert_eq!(read, [const { None::<String> }; 4]);
}

#[test]
fn what_is_known_of_a_date_is_used_and_no_more() {
    let text = "[fields]\nborn = 'Text'\n[[rule]]\nid = 'Y'\nsignature = ['born:Y']\n\
                [[rule]]\nid = 'MY'\nsignature = ['born:Y', 'born:MO']\n\
                [[rule]]\nid = 'D'\nsignature = ['born:D']\n";
    let binding = RuleSet::from_toml(text)
        .unwrap()
        .bind(&["born"], today())
        .unwrap();
    for (value, known) in [
        ("1980", 1),
        ("1980-00-00", 1),
        ("1980-02", 2),
        ("198002", 2),
        ("19800200", 2),
        ("1980-02-03", 3),
        ("1980-02-03 00:00:00", 3),
        ("80", 0),
        ("29254", 0),
        ("1980-02-30", 0),
        ("02/03/1980", 0),
    ] {
        let signatures = signed(&binding, &[value]);
        let count = signatures
            .iter()
            .filter(|signature| signature.is_ok())
            .count();
        assert_eq!(count, known, "{value}");
        let first = signatures[0].as_deref();
        assert_eq!(first == Ok("1980"), known > 0, "{value}");
    }
    let year_last = found(&binding, &[&["02/03/1980"], &["1980-02-03"]]);
    assert_eq!(
        year_last.fields()[0].of(Finding::YearLast).first_rows(),
        [1]
    );
    assert!(
        year_last
            .to_string()
            .contains("do not begin with their year")
    );

    let forms = ["1980", "02/1980", "1980-02-00", "1980-02-03", "02/03/1980"];
    let (read, _) = dates("PartialDate", "", &forms);
    let expected = ["1980", "1980-02", "1980-02", "1980-02-03", "1980-02-03"];
    assert_eq!(read, expected.map(|date| Some(date.to_owned())));
    let (read, _) = dates("Date", "", &["1980", "1980-02"]);
    assert_eq!(read, [None, None], "a date is a whole one");
}

#[test]
fn a_time_of_day_in_a_date_is_remarked_on() {
    let values = [
        "1980-02-03T13:05:00Z",
        "1980-02-03 00:00:00",
        "1980-02-03 23:59",
    ];
    let (read, findings) = dates("Date", "", &values);
    assert_eq!(
        read,
        [const { Some("1980-02-03") }; 3].map(|date| date.map(str::to_owned))
    );
    let born = &findings.fields()[0];
    assert_eq!(born.of(Finding::TimeOfDay).first_rows(), [1, 3]);
    assert!(findings.to_string().contains("time of day"));
    let (_, findings) = dates("BirthDate", "dialect = 'ot1-python'", &values[..1]);
    assert_eq!(findings.fields()[0].of(Finding::TimeOfDay).count, 1);
    let (_, findings) = dates("Text", "", &values);
    assert!(findings.is_clean(), "text is text");
}

#[test]
fn parties_who_write_differently_have_one_digest_and_the_same_signatures() {
    let ours = rules(&format!(
        "{FIELDS}[input]\nborn = 'DD-MM-YYYY'\nid = {{ remove = '- ', digits = 9 }}\n\
         name = {{ codes = {{ '1' = 'Ann', '2' = 'Ben' }} }}\nencoding = 'windows-1252'\n"
    ));
    let theirs = rules(FIELDS);
    assert_eq!(ours.digest(), theirs.digest());
    let named = ours.encoding().map(Encoding::name);
    assert_eq!((named, theirs.encoding()), (Some("windows-1252"), None));
    let (ours, theirs) = (
        ours.bind(&HEADER, today()).unwrap(),
        theirs.bind(&HEADER, today()).unwrap(),
    );
    assert_eq!(
        signed(&ours, &["4-52 38", "1", "12-11-1980"]),
        signed(&theirs, &["000045238", "ann", "1980-11-12"])
    );
    let unreadable = signed(&ours, &["0", "9", "1980-11-12"]);
    assert_eq!(unreadable, [Err(Fault::Placeholder), Err(Fault::Invalid)]);
    assert_eq!(signed(&ours, &["", "", ""])[1], Err(Fault::Missing));
    let findings = found(&ours, &[&["1", "1", "1980-11-12"], &["1", "2", "unknown"]]);
    let born = findings
        .fields()
        .iter()
        .find(|line| line.name() == "born")
        .unwrap();
    assert_eq!(born.of(Finding::Invalid).first_rows(), [1]);
    assert_eq!(born.of(Finding::Placeholder).first_rows(), [2]);
}

#[test]
fn input_forms_come_before_a_dialect_too() {
    let rules = RuleSet::from_toml(
        "base = 'opentoken'\n[input]\nbirth_date = ['DD-MM-YYYY', 'D.M.YYYY']\nsex = { codes = { 1 = 'M', 2 = 'F' } }\n",
    )
    .unwrap();
    assert_eq!(
        rules.digest(),
        RuleSet::builtin("opentoken").unwrap().digest()
    );
    let header = ["RecordId", "FirstName", "LastName", "BirthDate", "Sex"];
    let binding = rules.bind(&header, today()).unwrap();
    for born in ["22-03-1988", "22.3.1988"] {
        let signatures = signed(&binding, &["1", "Maria", "Garcia", born, "2"]);
        assert_eq!(signatures[0].as_deref(), Ok("GARCIA|M|FEMALE|1988-03-22"));
    }
}

#[test]
fn several_columns_for_one_field_are_refused_or_remarked_on() {
    let rules =
        RuleSet::from_toml("[fields]\nsex = 'Sex'\n[[rule]]\nid = 'S'\nsignature = ['sex']\n")
            .unwrap();
    match rules.bind(&["id", "sex", "Gender"], today()) {
        Err(Error::SeveralColumns { field, columns }) => {
            assert_eq!(
                (field.as_str(), columns.as_str()),
                ("sex", "`sex`, `Gender`")
            );
        }
        other => panic!("{other:?}"),
    }
    let chosen = rules.clone().with_column("sex", "Gender").unwrap();
    let binding = chosen.bind(&["id", "sex", "Gender"], today()).unwrap();
    assert_eq!(signed(&binding, &["1", "F", "M"])[0].as_deref(), Ok("Male"));
    assert!(binding.remarks().is_empty());
    assert!(
        chosen.bind(&["Gender", "gender "], today()).is_ok(),
        "one of them is meant exactly"
    );
    assert!(matches!(
        chosen.bind(&["Gender", "Gender"], today()),
        Err(Error::SeveralColumns { .. })
    ));

    let opentoken = RuleSet::builtin("opentoken").unwrap();
    let header = ["RecordId", "Id", "BirthDate", "DateOfBirth", "Sex"];
    let binding = opentoken.bind(&header, today()).unwrap();
    assert_eq!(
        binding.columns()[2],
        Some(3),
        "the reference takes the last"
    );
    let [date, id] = binding.remarks() else {
        panic!("{:?}", binding.remarks())
    };
    assert!(
        date.contains("`BirthDate`, `DateOfBirth`") && date.contains("birth_date"),
        "{date}"
    );
    assert!(id.contains("`RecordId`, `Id`"), "{id}");
    let htac = RuleSet::builtin("htac").unwrap();
    let header = [
        "first_name",
        "last_name",
        "dob",
        "sex",
        "gender",
        "phone",
        "zip",
    ];
    assert!(matches!(
        htac.bind(&header, today()),
        Err(Error::SeveralColumns { .. })
    ));
}

#[test]
fn of_several_columns_the_first_with_a_value_counts() {
    let rules = RuleSet::from_toml(
        "[columns]\nphone = { first_of = ['mobile', 'home', 'work'] }\n[fields]\nphone = 'Phone'\n\
         [[rule]]\nid = 'P'\nsignature = ['phone']\n",
    )
    .unwrap();
    let binding = rules.bind(&["work", "home", "mobile"], today()).unwrap();
    for (row, expected) in [
        (["6125550003", "6125550002", "6125550001"], Ok("6125550001")),
        (["6125550003", "6125550002", ""], Ok("6125550002")),
        (["6125550003", "none", "12"], Ok("6125550003")),
        (["", "unknown", ""], Err(Fault::Placeholder)),
        (["", "12", "unknown"], Err(Fault::Placeholder)),
        (["", "", ""], Err(Fault::Missing)),
    ] {
        let signature = signed(&binding, &row)[0].clone();
        assert_eq!(signature, expected.map(str::to_owned), "{row:?}");
    }
    assert!(matches!(
        rules.bind(&["mobile", "home"], today()),
        Err(Error::ColumnMissing { .. })
    ));
}

#[test]
fn mistakes_in_these_settings_are_told_with_their_line() {
    let error = |more: &str| {
        let text =
            format!("[fields]\nid = 'Text'\n{more}\n[[rule]]\nid = 'ID'\nsignature = ['id']\n");
        RuleSet::from_toml(&text).unwrap_err().to_string()
    };
    for (more, words) in [
        ("[missing]\nnid = ['x']", "line 4: there is no field `nid`"),
        (
            "[input]\nnid = 'DD-MM-YYYY'",
            "line 4: there is no field `nid`",
        ),
        (
            "[input]\nid = 'DD-MM-YY'",
            "line 4: `id` takes a form of dates",
        ),
        ("[input]\nid = []", "line 4: `id` takes a form of dates"),
        (
            "[input]\nid = { codes = { a = 'b' }, digits = 3 }",
            "line 4: `id` takes codes, or",
        ),
        (
            "[input]\nid = { digits = 33 }",
            "line 4: `id` takes digits of at most 32",
        ),
        ("[input]\nid = { pad = 3 }", "line 4"),
        (
            "[input]\nencoding = 'ebcdic'",
            "line 4: `encoding` takes one of utf-16, windows-1250",
        ),
        (
            "[input]\nencoding = { form = 'YYYY-MM-DD' }",
            "line 4: `encoding` takes the name of an encoding",
        ),
        (
            "[columns]\nid = { first_of = [] }",
            "line 4: `id` takes columns",
        ),
        (
            "[columns]\nrecord_id = { first_of = ['a', 'b'] }",
            "line 4: `record_id` takes one column",
        ),
        ("dialect = 3", "line 3"),
    ] {
        let error = error(more);
        assert!(error.contains(words), "{more}: {error}");
    }
    let under = RuleSet::from_toml("base = 'opentoken'\n[missing]\nssn = ['1']\n").unwrap_err();
    assert!(
        under.to_string().contains("line 3: [missing] ssn"),
        "{under}"
    );
}

#[test]
fn a_single_person_needs_no_header() {
    let rules = rules(
        "[columns]\nid = 'nid'\nname = { first_of = ['a', 'b'] }\nidle = 'nowhere'\n\
         [fields]\nborn = 'Text'\n[input]\nborn = 'DD-MM-YYYY'\n",
    );
    let binding = rules.bind_fields(today());
    let names: Vec<&str> = rules
        .fields()
        .iter()
        .map(blindjoin_record::Field::name)
        .collect();
    let row: Vec<&str> = names
        .iter()
        .map(|name| match *name {
            "id" => "a1",
            "name" => "Ann",
            "born" => "03-02-1980",
            _ => "",
        })
        .collect();
    let signatures = signed(&binding, &row);
    assert_eq!(signatures[0].as_deref(), Ok("A1"));
    assert_eq!(signatures[1].as_deref(), Ok("ANN|1980-02-03"));
}
