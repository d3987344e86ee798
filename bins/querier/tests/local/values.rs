//! What stands for no value, which record is the latest, and what is said.

use crate::desk::{Desk, RULES, said};

#[test]
fn strangers_who_lack_a_number_are_not_one_person_and_the_table_says_so() {
    let people = "id,nid,last,dob\n1,A1,Kowal,1980-02-03\n2,A1,Kowal,1980-02-03\n\
        3,N/A,Stone,1981-02-03\n4,n/a,Rivers,1982-02-03\n5,0000000,Lake,1983-02-03\n\
        6,000-00-00,Hill,1984-02-03\n7,A7,UNKNOWN,1900-01-01\n8,A8,unknown,01/01/1900\n9,,Field,1985-02-31\n";
    let desk = Desk::new(RULES, people);
    assert_eq!(desk.kept(&[]), ["1", "3", "4", "5", "6", "7", "8", "9"]);
    let told = said(&desk.dedupe(&[]));
    let table = [
        "field       missing  invalid  placeholder  first rows",
        "birth_date        0        1            2  7, 8, 9",
        "last_name         0        0            2  7, 8",
        "nid               1        0            4  3, 4, 5",
    ];
    for line in table {
        assert!(
            told.lines().any(|told| told == line),
            "{line:?} is not in\n{told}"
        );
    }
    for value in ["UNKNOWN", "1900", "N/A", "Stone"] {
        assert!(!told.contains(value), "never a value: {told}");
    }
    assert_eq!(said(&desk.dedupe(&["-q"])), "");
}

#[test]
fn a_clean_registry_is_not_commented_on() {
    let people = "id,nid,last,dob\n1,A1,Kowal,1980-02-03\n2,A2,Stone,1981-02-03\n";
    let told = said(&Desk::new(RULES, people).dedupe(&[]));
    assert_eq!(told, "2 records of 2 persons: 0 duplicates here\n");
}

#[test]
fn a_date_that_cannot_be_read_is_not_taken_for_an_old_one() {
    let people = |seen: &str| {
        format!(
            "id,nid,last,dob,seen\n1,A1,Kowal,1980-02-03,2020-01-01\n2,A1,Kowal,1980-02-03,{seen}\n"
        )
    };
    for unread in ["03/04/2021", "2021-02-30", "yesterday", "44290"] {
        let told = Desk::new(RULES, &people(unread)).fails(&["--latest", "seen"]);
        assert!(told.contains("row 2") && told.contains("[input]"), "{told}");
        assert!(!told.contains(unread), "never a value: {told}");
    }
    for (seen, kept) in [("", "1"), ("2019-12-31T23:59:59", "1"), ("20200102", "2")] {
        let desk = Desk::new(RULES, &people(seen));
        assert_eq!(desk.kept(&["--latest", "seen"]), [kept], "{seen}");
    }
}

#[test]
fn times_are_compared_as_times() {
    let people = "id,nid,last,dob,seen\n1,A1,Kowal,1980-02-03,2021-01-01 09:30:00\n\
        2,A1,Kowal,1980-02-03,2021-01-01T08:00:00-05:00\n3,A1,Kowal,1980-02-03,2021-01-01 9:00\n";
    let desk = Desk::new(RULES, people);
    assert!(desk.fails(&["--latest", "seen"]).contains("row 3"));
    let desk = Desk::new(RULES, &people.replace(" 9:00", "T12:59:59.9Z"));
    assert_eq!(desk.kept(&["--latest", "seen"]), ["2"]);
}

#[test]
fn dates_may_be_written_in_a_form_of_the_party_s_own() {
    let rules = RULES.replace(
        "birth_date = \"dob\"\n",
        "birth_date = \"dob\"\nseen = \"seen\"\n",
    ) + "[input]\nseen = \"DD/MM/YYYY\"\nbirth_date = [\"DD-MM-YYYY\", \"YYYY-MM-DD\"]\n";
    let people =
        "id,nid,last,dob,seen\n1,A1,Kowal,12-11-1980,04/03/2021\n2,,Kowal,1980-11-12,03/04/2021\n";
    assert_eq!(Desk::new(&rules, people).kept(&["--latest", "seen"]), ["2"]);
}

#[test]
fn dates_that_were_read_in_the_wrong_order_are_refused() {
    let rules = RULES.replace("birth_date:D", "birth_date") + "[fields]\nbirth_date = \"Date\"\n";
    let people =
        "id,nid,last,dob\n1,A1,Kowal,12-11-1980\n2,A2,Stone,27-11-1980\n3,A3,Hill,03-04-1975\n";
    let told = Desk::new(&rules, people).fails(&[]);
    for words in [
        "people.csv",
        "birth_date",
        "`dob`",
        "1 with no such month",
        "2 read as",
        "[input]",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    let day_first = rules.replace("\"Date\"", "\"DayFirstDate\"");
    assert_eq!(Desk::new(&day_first, people).kept(&[]), ["1", "2", "3"]);
}

#[test]
fn some_of_the_rules_find_the_duplicates_that_they_alone_find() {
    let people = "id,nid,last,dob\n1,A1,Kowal,1980-02-03\n2,A1,Stone,1980-02-03\n\
        3,A3,Kowal,1980-02-03\n4,A4,Hill,1984-02-03\n";
    let desk = Desk::new(RULES, people);
    for (rules, kept) in [
        (&[][..], &["1", "4"][..]),
        (&["--rule", "ID"], &["1", "3", "4"]),
        (&["--rule", "NAME"], &["1", "2", "4"]),
        (&["--rule", "NAME", "--rule", "ID"], &["1", "4"]),
    ] {
        assert_eq!(desk.kept(rules), kept, "{rules:?}");
    }
    let output = desk.dedupe(&["--rule", "T9"]);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(
        said(&output).contains("there are ID, NAME"),
        "{}",
        said(&output)
    );
}
