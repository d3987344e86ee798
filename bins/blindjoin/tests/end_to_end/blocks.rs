//! Linkages in blocks, some of which are small.

use std::fmt::Write;

use crate::linkage::RULES;
use crate::world::{World, run, text};

/// A birth year, and how many records of it we and they have.
const YEARS: [(u32, usize, usize); 7] = [
    (1950, 12, 12),
    (1951, 3, 2),
    (1952, 2, 0),
    (1953, 9, 10),
    (1954, 15, 12),
    (1955, 1, 1),
    (1956, 0, 20),
];

struct Record {
    id: String,
    social: String,
    name: String,
    year: u32,
}

/// The registry of one side. Those of the same number have the same id in both, some of them in
/// other years; every third has another name.
fn registry(side: char, size: impl Fn(&(u32, usize, usize)) -> usize) -> Vec<Record> {
    let years = YEARS.iter().flat_map(|year| vec![year.0; size(year)]);
    let record = |(number, year): (usize, u32)| Record {
        id: format!("{side}{number}"),
        social: format!("{}", 1000 + number),
        name: format!(
            "N{}",
            if number % 3 == 0 && side == 'p' {
                0
            } else {
                number
            }
        ),
        year,
    };
    (1..).zip(years).map(record).collect()
}

fn csv(records: &[Record]) -> String {
    let mut text = "id,social,name,born\n".to_owned();
    for Record {
        id,
        social,
        name,
        year,
    } in records
    {
        writeln!(text, "{id},{social},{name},{year}-05-06").unwrap();
    }
    text
}

/// The card of a join in the clear within years, of those years that are compared.
fn card(ours: &[Record], theirs: &[Record], compared: impl Fn(u32) -> bool) -> String {
    let mut text = "record_id,matched,ID,NAME_DOB\n".to_owned();
    for record in ours {
        if !compared(record.year) {
            writeln!(text, "{},,,", record.id).unwrap();
            continue;
        }
        let any = |same: &dyn Fn(&Record) -> bool| {
            u8::from(
                theirs
                    .iter()
                    .any(|other| other.year == record.year && same(other)),
            )
        };
        let by_id = any(&|other| other.social == record.social);
        let by_name = any(&|other| other.name == record.name);
        writeln!(text, "{},{},{by_id},{by_name}", record.id, by_id | by_name).unwrap();
    }
    text
}

#[test]
fn small_blocks_are_merged_left_out_or_refused() {
    let ours = registry('q', |year| year.1);
    let theirs = registry('p', |year| year.2);
    let world = World::in_years(&csv(&theirs), RULES, "");
    world.write("ours.csv", csv(&ours));
    let (keyholder, provider) = world.serve();
    let link = |more: &[&str]| {
        let output = world.link(
            "ours.csv",
            &[&["--block", "birth_year", "--force"], more].concat(),
        );
        let told = text(&output.stderr);
        for record in ["1951", "1953", "N7", "1007"] {
            assert!(!told.contains(record), "{told}");
        }
        (output.status.code(), told)
    };

    for (arguments, words) in [
        (
            &[][..],
            "4 blocks have fewer than 11 records, the smallest 1",
        ),
        (&["--small-blocks", "refuse"], "--block"),
        (
            &["--small-blocks", "merge", "--k-min", "43"],
            "6 blocks have fewer than 43 records, the smallest 1",
        ),
        (
            &["--small-blocks", "suppress", "--k-min", "16"],
            "no record is in a block of 16 records or more",
        ),
        // Ours would do, theirs are small.
        (
            &["--k-min", "1"],
            "3 blocks hold fewer than 11 records, the smallest 1",
        ),
    ] {
        let (code, told) = link(arguments);
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(words), "no {words:?} in: {told}");
        world.assert_no_card();
    }

    let in_years = card(&ours, &theirs, |_| true);
    for matched in [",1,1,1\n", ",1,1,0\n", ",0,0,0\n"] {
        assert!(in_years.contains(matched), "{in_years}");
    }
    for table in ["okvs", "cuckoo"] {
        let (code, told) = link(&["--small-blocks", "merge", "--table", table]);
        assert_eq!(code, Some(0), "{told}");
        assert!(!told.contains("left out"), "{told}");
        assert_eq!(world.card(), in_years, "{table}");
    }
    let (code, told) = link(&["--small-blocks", "suppress"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(
        told.contains("15 records are left out") && told.contains("15 records could not"),
        "{told}"
    );
    let large = |year| year == 1950 || year == 1954;
    assert_eq!(world.card(), card(&ours, &theirs, large));

    for what in ["merge", "suppress"] {
        let arguments = ["--block", "hash:2", "--small-blocks", what, "--force"];
        let output = world.link("ours.csv", &arguments);
        assert_eq!(output.status.code(), Some(1));
        let told = text(&output.stderr);
        assert!(
            told.contains("blocks of a hash cannot be merged or left out"),
            "{told}"
        );
    }
    for usage in [
        &["--small-blocks", "merge"][..],
        &["--block", "birth_year", "--small-blocks", "drop"],
        &["--block", "birth_year", "--k-min", "0"],
    ] {
        let output = world.link("ours.csv", usage);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    }
    let log = provider.stop() + &keyholder.stop();
    for secret in ["1951", "1953"] {
        assert!(!log.contains(&format!("\"{secret}\"")), "{log}");
    }
}

#[test]
fn the_blocks_shown_are_those_of_a_linkage() {
    let world = World::empty();
    world.write("ours.csv", csv(&registry('q', |year| year.1)));
    world.write("rules-in.toml", RULES);
    let data = world.path("ours.csv");
    let rules = world.path("rules-in.toml");
    let shown = run(
        "blindjoin",
        [
            "blocks",
            data.to_str().unwrap(),
            "--rules",
            rules.to_str().unwrap(),
            "--block",
            "birth_year",
            "--small",
            "merge",
            "--out",
            world.path("sizes.csv").to_str().unwrap(),
        ],
    );
    assert!(shown.status.success(), "{}", text(&shown.stderr));
    assert_eq!(
        std::fs::read_to_string(world.path("sizes.csv")).unwrap(),
        "block,records\n1950,12\n1951..1953,14\n1954..1955,16\n"
    );
    let hashed = [
        "blocks",
        data.to_str().unwrap(),
        "--block",
        "hash:2",
        "--small",
        "merge",
    ];
    let refused = run("blindjoin", hashed);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("--small: blocks of a hash"));
}

#[test]
fn a_provider_may_leave_out_blocks_in_which_it_has_few_records() {
    let ours = registry('q', |year| year.1);
    let theirs = registry('p', |year| year.2);
    let world = World::in_years(&csv(&theirs), RULES, "small_blocks = \"suppress\"");
    world.write("ours.csv", csv(&ours));
    let (keyholder, provider) = world.serve();
    let link = |block: &str| {
        let arguments = ["--block", block, "--k-min", "1", "--force"];
        let output = world.link("ours.csv", &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };

    // They have few of 1951, 1953 and 1955, and none of 1952.
    let told = link("birth_year");
    assert!(
        told.contains("15 records are left out: in their blocks provider has fewer"),
        "{told}"
    );
    let large = |year| year == 1950 || year == 1954;
    assert_eq!(world.card(), card(&ours, &theirs, large));

    // By hash a cell is right or empty. Two blocks are large, 256 are small, and of sixteen some
    // may be either.
    let everywhere =
        |same: &dyn Fn(&Record) -> bool| char::from(b'0' + u8::from(theirs.iter().any(same)));
    for (block, all, none) in [
        ("hash:1", true, false),
        ("hash:4", false, false),
        ("hash:8", false, true),
    ] {
        let told = link(block);
        let (mut right, mut empty) = (0, 0);
        for (line, record) in world.card().lines().skip(1).zip(&ours) {
            let cells: Vec<&str> = line.split(',').collect();
            let due = [
                everywhere(&|other| other.social == record.social),
                everywhere(&|other| other.name == record.name && other.year == record.year),
            ];
            for (cell, due) in cells[2..].iter().zip(due) {
                match cell.chars().next() {
                    None => empty += 1,
                    Some(cell) => {
                        assert_eq!(cell, due, "{line}");
                        right += 1;
                    }
                }
            }
        }
        assert!(empty == 0 || !all, "{block}");
        assert!(right == 0 || !none, "{block}");
        assert_eq!(told.contains("records are left out"), empty > 0, "{told}");
    }

    // What was not looked for is not absent.
    for (born, code, words) in [
        ("1950-05-06", 0, ""),
        ("1951-05-06", 1, "fewer records in the block"),
        ("1952-05-06", 1, "fewer records in the block"),
    ] {
        let born = format!("birth_date={born}");
        let fields = ["--field", "national_id=1001", "--field", &born];
        let output = world.lookup(&[&fields[..], &["--block", "birth_year"]].concat());
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
    }
    provider.stop();
    keyholder.stop();
}
