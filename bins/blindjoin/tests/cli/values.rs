//! Values that are not what the rules take them for: dates that begin with their day, one field in two
//! columns, secrets and tokens that are none.

use serde_json::Value;

use crate::bench::Bench;
use crate::tokens::bench;

const SECRET: [&str; 2] = ["--hashing-secret-file", "secret"];

/// Runs tokenize on a file into t.csv, and yields what it says.
fn tokenize(bench: &Bench, code: i32, input: &str, more: &[&str]) -> String {
    let arguments = ["tokenize", input, "--out", "t.csv", "--force"];
    bench.run(code, &[&arguments[..], &SECRET, more].concat()).1
}

fn refused(bench: &Bench, input: &str, more: &[&str]) -> String {
    let said = tokenize(bench, 1, input, more);
    assert!(!bench.exists("t.csv") && !bench.exists("t.metadata.json"));
    let complaint = said.lines().last().expect("a complaint");
    assert!(complaint.starts_with("blindjoin: "), "{said}");
    complaint.to_owned()
}

/// The tokens that were written last, which are taken away.
fn tokens(bench: &Bench) -> String {
    let tokens = bench.read("t.csv");
    for name in ["t.csv", "t.metadata.json"] {
        std::fs::remove_file(bench.path(name)).expect("there");
    }
    tokens
}

const RULES: &str = "[columns]\nrecord_id = \"id\"\nlast_name = \"name\"\nbirth_date = \"born\"\n\
                     [[rule]]\nid = \"A\"\nsignature = [\"last_name:T|U\", \"birth_date:D\"]\n";

/// The same people, their dates of birth written in one way or another.
fn people(dates: [&str; 3]) -> String {
    let rows = ["1,Kowal", "2,Nowak", "3,Lis"].iter().zip(dates);
    let rows: Vec<String> = rows.map(|(row, date)| format!("{row},{date}\n")).collect();
    format!("id,name,born\n{}", rows.concat())
}

#[test]
fn dates_that_begin_with_their_day_are_refused_where_others_would_be_misread() {
    let bench = bench();
    let rules = format!("{RULES}[fields]\nbirth_date = \"Date\"\n");
    bench.write("rules.toml", rules.replace("birth_date:D", "birth_date:T"));
    for (name, dates) in [
        ("dashes.csv", ["12-11-1980", "03-04-1975", "27-11-1980"]),
        ("slashes.csv", ["27/11/1980", "03/04/1975", "31/12/1999"]),
        ("one-digit.csv", ["3/4/1975", "27/1/1980", "5/6/1990"]),
    ] {
        bench.write(name, people(dates));
        let complaint = refused(&bench, name, &["--rules", "rules.toml"]);
        for word in [name, "birth_date", "born", "[input]"] {
            assert!(complaint.contains(word), "{word}: {complaint}");
        }
        for date in dates {
            assert!(!complaint.contains(date), "{complaint}");
        }
    }
    // One date that is month first tells that all are.
    bench.write(
        "american.csv",
        people(["12/11/1980", "03/04/1975", "11/27/1980"]),
    );
    tokenize(&bench, 0, "american.csv", &["--rules", "rules.toml"]);
}

#[test]
fn parties_that_write_dates_differently_make_the_same_tokens_under_one_digest() {
    let bench = bench();
    let digest = || {
        let metadata: Value = serde_json::from_str(&bench.read("t.metadata.json")).expect("JSON");
        metadata["blindjoin"]["RuleSetDigest"].to_string()
    };
    bench.write("iso.toml", RULES);
    bench.write(
        "iso.csv",
        people(["1980-11-12", "1975-04-03", "1980-11-27"]),
    );
    tokenize(&bench, 0, "iso.csv", &["--rules", "iso.toml"]);
    let expected = (digest(), tokens(&bench));
    for (form, dates) in [
        ("DD-MM-YYYY", ["12-11-1980", "03-04-1975", "27-11-1980"]),
        ("DD.MM.YYYY", ["12.11.1980", "03.04.1975", "27.11.1980"]),
        ("MM/DD/YYYY", ["11/12/1980", "04/03/1975", "11/27/1980"]),
    ] {
        bench.write(
            "ours.toml",
            format!("{RULES}[input]\nbirth_date = \"{form}\"\n"),
        );
        bench.write("ours.csv", people(dates));
        tokenize(&bench, 0, "ours.csv", &["--rules", "ours.toml"]);
        assert_eq!((digest(), tokens(&bench)), expected, "{form}");
    }
}

#[test]
fn a_field_in_two_columns_is_refused_in_our_sets_and_remarked_on_under_dialects() {
    let bench = bench();
    let header = "record_id,first_name,last_name,birth_date,sex,phone,postal_code";
    let row = "1,Maria,Garcia,1988-03-22,F,6125551234,90210";
    for (column, field) in [
        ("gender", "sex"),
        ("dob", "birth_date"),
        ("zip", "postal_code"),
    ] {
        bench.write("two.csv", format!("{header},{column}\n{row},x\n"));
        let complaint = refused(&bench, "two.csv", &["--rules", "htac"]);
        for word in [column, field, "--column"] {
            assert!(complaint.contains(word), "{column}: {complaint}");
        }
        let option = format!("{field}={field}");
        tokenize(
            &bench,
            0,
            "two.csv",
            &["--rules", "htac", "--column", &option],
        );
        tokens(&bench);
    }
    let header = "RecordId,FirstName,LastName,Sex,BirthDate";
    let row = "1,Maria,Garcia,F,1988-03-22";
    for (column, value) in [
        ("Surname", "Garcia"),
        ("Gender", "F"),
        ("DateOfBirth", "1988-03-22"),
    ] {
        bench.write("two.csv", format!("{header},{column}\n{row},{value}\n"));
        let said = tokenize(&bench, 0, "two.csv", &["--dialect", "ot1-java"]);
        let line = said
            .lines()
            .find(|line| line.contains(&format!("`{column}`")));
        assert!(
            line.is_some_and(|line| line.starts_with("two.csv: ")),
            "{column}: {said}"
        );
        tokens(&bench);
    }
}

#[test]
fn secrets_with_more_in_them_than_was_agreed_on_are_refused() {
    let bench = bench();
    bench.write(
        "people.csv",
        "RecordId,FirstName,LastName,Sex,BirthDate\n1,Ada,Kowal,F,1980-02-03\n",
    );
    let key = "Secret-Encryption-Key-Goes-Here.";
    for (content, reason) in [
        ("\u{feff}A secret that nobody guesses", "byte order mark"),
        ("A secret that nobody guesses\n\n", "more than one line"),
        ("A secret\nthat nobody guesses\n", "more than one line"),
        ("A secret\0that nobody guesses\n", "control character"),
        ("\n", "empty or blank"),
    ] {
        bench.write_secret("odd", content);
        for option in ["--hashing-secret-file", "--record-id-key-file"] {
            let secret = if option == SECRET[0] {
                &[][..]
            } else {
                &SECRET
            };
            let out = [
                "tokenize",
                "people.csv",
                "--out",
                "t.csv",
                "-q",
                option,
                "odd",
            ];
            let complaint = bench.fails(&[&out[..], secret].concat());
            assert!(complaint.contains(reason), "{content:?}: {complaint}");
            assert!(!complaint.contains("guesses"), "{complaint}");
        }
    }
    for content in [
        format!("\u{feff}{key}"),
        format!("{key}\n\n"),
        format!("{key}\r\r\n"),
    ] {
        bench.write_secret("odd", &content);
        let complaint = refused(
            &bench,
            "people.csv",
            &["-q", "--encryption-key-file", "odd"],
        );
        assert!(
            complaint.contains("encryption key"),
            "{content:?}: {complaint}"
        );
        assert!(!complaint.contains("Goes"), "{complaint}");
    }
    bench.write_secret("odd", &format!("{key}\r\n"));
    tokenize(&bench, 0, "people.csv", &["--encryption-key-file", "odd"]);
}

#[test]
fn texts_that_are_no_tokens_are_named_by_their_row_and_not_shown() {
    let bench = bench();
    let token = "334d67a8579976d49870d4316fa22a9a7c0acddbbda82d75bddd604327d10a96";
    bench.write("good.csv", format!("RuleId,Token,RecordId\nT1,{token},a\n"));
    let padded = format!("{token} ");
    let mixed = token.replacen('a', "A", 1);
    let short = &token[..63];
    for text in [
        "NULL",
        "0",
        "#N/A",
        "Kowal|Ada",
        &padded,
        &mixed,
        short,
        "olt.V9.abc",
        "ot.V1.eyJ.x.y.z",
    ] {
        bench.write(
            "bad.csv",
            format!("RuleId,Token,RecordId\nT1,{token},a\nT1,{text},b\n"),
        );
        for arguments in [
            &["match", "good.csv", "bad.csv", "--out", "p.csv", "-q"][..],
            &["match", "bad.csv", "bad.csv", "--out", "p.csv", "-q"],
            &["dedupe-tokens", "bad.csv", "--out", "p.csv", "-q"],
        ] {
            let complaint = bench.fails(arguments);
            assert!(complaint.contains("bad.csv: row 2"), "{text}: {complaint}");
            assert!(!complaint.contains(text), "{complaint}");
            assert!(!bench.exists("p.csv"));
        }
    }
}

#[test]
fn blocks_count_the_records_that_a_linkage_would_take() {
    let bench = bench();
    let rules = "[columns]\nrecord_id = \"id\"\nname = \"name\"\nssn = \"ssn\"\nstate = \"state\"\n\
                 [[rule]]\nid = \"A\"\nsignature = [\"name:T|U\"]\n\
                 [[rule]]\nid = \"B\"\nsignature = [\"ssn:T\"]\n";
    bench.write("rules.toml", rules);
    for (rows, in_blocks, without_block, without_value) in [
        // All have a name or a number.
        ("1,Kowal,,NY\n2,,77,NY\n3,Lis,78,MA\n", 3, 0, 0),
        // The second has neither, so that its block is one smaller than its column says.
        ("1,Kowal,,NY\n2,,,NY\n3,Lis,78,MA\n", 2, 0, 1),
        // The third has no block, and the second counts once though both of its rules are blank.
        ("1,Kowal,55,NY\n2,, ,\n3,Lis,78,\n", 1, 1, 1),
        // One state in four ways of writing.
        (
            "1,Kowal,,NY\n2,Nowak,, ny\n3,Lis,,Ny \n4,Wilk,,ＮＹ\n",
            4,
            0,
            0,
        ),
    ] {
        bench.write("people.csv", format!("id,name,ssn,state\n{rows}"));
        let arguments = [
            "blocks",
            "people.csv",
            "--rules",
            "rules.toml",
            "--block",
            "state",
        ];
        let data: Value =
            serde_json::from_str(&bench.ok(&[&arguments[..], &["--json"]].concat())).expect("JSON");
        for (name, expected) in [
            ("in_blocks", in_blocks),
            ("without_block", without_block),
            ("without_value", without_value),
        ] {
            assert_eq!(data[name], expected, "{name} of {rows}");
        }
        let table = bench.ok(&arguments);
        let line = format!("records without a value for any rule  {without_value}");
        assert!(
            table
                .lines()
                .any(|shown| shown.split_whitespace().eq(line.split_whitespace())),
            "{table}"
        );
    }
}
