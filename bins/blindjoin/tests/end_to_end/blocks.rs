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

/// Our registry as a file: of 15 of 42 records the provider offers no block.
pub(crate) fn ours() -> String {
    csv(&registry('q', |year| year.1))
}

/// The provider's.
pub(crate) fn theirs() -> String {
    csv(&registry('p', |year| year.2))
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

/// The provider offers the years of which it has eleven records; of the others nobody learns which
/// it has.
#[test]
fn what_is_in_no_block_offered_is_not_compared() {
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

    let offered = |year| year == 1950 || year == 1954;
    let large = card(&ours, &theirs, offered);
    for matched in [",1,1,1\n", ",1,1,0\n", ",0,0,0\n", ",,,\n"] {
        assert!(large.contains(matched), "{large}");
    }
    for more in [
        &["--table", "okvs"][..],
        &["--table", "cuckoo"],
        &["--cells", "all", "--k-min", "99"],
        &["--cells", "ours"],
    ] {
        let (code, told) = link(more);
        assert_eq!(code, Some(0), "{told}");
        assert!(
            told.contains("15 records are not compared") && told.contains("15 records could not"),
            "{told}"
        );
        assert_eq!(world.card(), large, "{more:?}");
    }
    let (code, told) = link(&["--cells", "ours", "--k-min", "13"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(told.contains("27 records are not compared"), "{told}");
    assert_eq!(world.card(), card(&ours, &theirs, |year| year == 1954));
    std::fs::remove_file(world.path("card.csv")).unwrap();

    for (more, words) in [
        (
            &["--cells", "ours", "--k-min", "16"][..],
            "no record is in a block",
        ),
        (&["--block", "birth_year,last_name"], "birth_year"),
        (&["--block", "hash:1"], "hash"),
    ] {
        let arguments = [&["--block", "birth_year"][..], more].concat();
        let arguments = if more[0] == "--block" {
            more
        } else {
            &arguments
        };
        let output = world.link("ours.csv", arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{told}");
        assert!(told.contains(words), "no {words:?} in: {told}");
        world.assert_no_card();
    }
    for usage in [
        &["--cells", "ours"][..],
        &["--block", "birth_year", "--cells", "some"],
        &["--block", "birth_year", "--k-min", "0"],
    ] {
        let output = world.link("ours.csv", usage);
        assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    }

    // What was not looked for is not absent.
    for (born, code, words) in [
        ("1950-05-06", 0, ""),
        ("1951-05-06", 1, "no record is in a block"),
        ("1952-05-06", 1, "no record is in a block"),
    ] {
        let born = format!("birth_date={born}");
        let fields = ["--field", "national_id=1001", "--field", &born];
        let output = world.lookup(&[&fields[..], &["--block", "birth_year"]].concat());
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
    }
    let log = provider.stop() + &keyholder.stop();
    for secret in ["1951", "1953"] {
        assert!(!log.contains(&format!("\"{secret}\"")), "{log}");
    }
}

#[test]
fn the_blocks_shown_are_those_that_a_provider_offers() {
    let world = World::empty();
    world.write("theirs.csv", csv(&registry('p', |year| year.2)));
    world.write("rules-in.toml", RULES);
    let data = world.path("theirs.csv");
    let rules = world.path("rules-in.toml");
    let sizes = |more: &[&str]| {
        let out = world.path("sizes.csv");
        let mut arguments = vec![
            "blocks",
            data.to_str().unwrap(),
            "--rules",
            rules.to_str().unwrap(),
            "--block",
            "birth_year",
            "--force",
            "--out",
            out.to_str().unwrap(),
        ];
        arguments.extend(more);
        let shown = run("blindjoin", arguments);
        assert!(shown.status.success(), "{}", text(&shown.stderr));
        std::fs::read_to_string(out).unwrap()
    };
    assert_eq!(
        sizes(&["--offered"]),
        "block,records\n1950,12\n1954,12\n1956,20\n"
    );
    assert_eq!(
        sizes(&["--offered", "--least", "13"]),
        "block,records\n1956,20\n"
    );
    assert_eq!(sizes(&[]).lines().count(), 7);
}

/// Who has no value for any rule is in no block, whoever counts: the toolbox, the provider or the querier.
#[test]
fn everybody_counts_the_records_of_a_block_alike() {
    let mut registry = "id,social,name,born\n".to_owned();
    for number in 1..=12 {
        let (social, name) = match number {
            1 => ("1001".to_owned(), "Ada"),
            2..=10 => ((number + 1000).to_string(), ""),
            _ => (String::new(), ""),
        };
        writeln!(registry, "{number},{social},{name},1950-05-06").unwrap();
    }
    let world = World::in_years(&registry, RULES, "k_min = 10");
    world.write("ours.csv", &registry);
    let shown = |least: &str| {
        let path = |name| world.path(name).display().to_string();
        let (data, rules) = (path("ours.csv"), path("rules-in.toml"));
        let arguments = [
            "blocks",
            &data,
            "--rules",
            &rules,
            "--block",
            "birth_year",
            "--offered",
            "--least",
            least,
            "--json",
        ];
        let shown = run("blindjoin", arguments);
        assert!(shown.status.success(), "{}", text(&shown.stderr));
        let figures: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
        (figures["blocks"].as_u64(), figures["in_blocks"].as_u64())
    };
    assert_eq!(shown("11"), (Some(0), Some(0)));
    assert_eq!(shown("10"), (Some(1), Some(10)));

    let (keyholder, provider) = world.serve();
    let ours = [
        "--rule",
        "ID",
        "--block",
        "birth_year",
        "--cells",
        "ours",
        "--k-min",
    ];
    let refused = world.link_from_stdin("ours.csv", &[&ours[..], &["11"]].concat());
    let told = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{told}");
    assert!(told.contains("no record is in a block"), "{told}");
    world.assert_no_card();
    let linked = world.link_from_stdin("ours.csv", &[&ours[..], &["10"]].concat());
    assert!(linked.status.success(), "{}", text(&linked.stderr));
    let card = world.card();
    let count = |end: &str| card.lines().filter(|line| line.ends_with(end)).count();
    assert_eq!((count(",1,1"), count(",,")), (10, 2), "{card}");
    provider.stop();
    keyholder.stop();
}

/// Nothing is left out of hashed blocks, however few records they hold.
#[test]
fn hashed_blocks_compare_everything() {
    // A thousand keys in a block, so two blocks take two thousand.
    let large = |year: &(u32, usize, usize)| 100 * year.1;
    let (ours, theirs) = (registry('q', |year| year.1), registry('p', large));
    let world = World::in_years(&csv(&theirs), RULES, "hash_bits = 8");
    world.write("ours.csv", csv(&ours));
    let (keyholder, provider) = world.serve();
    let output = world.link("ours.csv", &["--block", "hash:1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let whole = world.card();
    let output = world.link("ours.csv", &["--force"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(world.card(), whole);
    assert!(whole.contains(",1,1,0\n") && !whole.contains(",,"));
    std::fs::remove_file(world.path("card.csv")).unwrap();

    for (id, code) in [("1001", 0), ("99", 3)] {
        let id = format!("national_id={id}");
        let output = world.lookup(&["--field", &id, "--block", "hash:1"]);
        assert_eq!(output.status.code(), Some(code), "{}", text(&output.stderr));
    }
    let output = world.link("ours.csv", &["--block", "hash:9"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("hashed blocks of 9 bits"), "{told}");
    world.assert_no_card();
    provider.stop();
    keyholder.stop();
}
