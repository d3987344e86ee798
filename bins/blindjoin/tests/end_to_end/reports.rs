//! Reports and the console say what each party learned, whatever the mode.

use crate::linkage::{OURS, RULES, THEIRS};
use crate::world::{World, text};
use crate::{blocks, pairs};

const BLIND: &str = "nothing of what matches, not even how much";
const CELLS: &str = "which cells of birth_year the querier names";

/// A report's text.
fn report(world: &World) -> String {
    let html = std::fs::read_to_string(world.path("report.html")).unwrap();
    html.replace("&#39;", "'").replace("<br>", " ")
}

/// Runs a command with a report, and checks report and console for words that must be there; with a
/// bar before them, in the report only, and with an exclamation mark, in neither.
fn check(world: &World, command: &str, more: &[&str], words: &[&str]) {
    let path = world.path("report.html");
    let report_to = ["--report", path.to_str().unwrap(), "--force"];
    let (data, more) = (world.path("ours.csv"), [more, &report_to].concat());
    let output = world.ask(command, &data, "out.csv", &more);
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}");
    let report = report(world);
    for word in words {
        if let Some(word) = word.strip_prefix('!') {
            let none = !report.contains(word) && !told.contains(word);
            assert!(none, "{more:?}: {word} in: {told}{report}");
        } else if let Some(word) = word.strip_prefix('|') {
            assert!(report.contains(word), "{more:?}: no {word} in: {report}");
        } else {
            assert!(report.contains(word), "{more:?}: no {word} in: {report}");
            assert!(told.contains(word), "{more:?}: no {word} in: {told}");
        }
    }
}

#[test]
fn a_join_is_said_to_show_sizes_and_a_count_where_it_is_counted() {
    let world = World::new(THEIRS, RULES);
    world.write("ours.csv", OURS);
    let (_keyholder, _provider) = world.serve();
    let size = "the class of the number of the querier's keys: 320";
    let none = "!which cells";
    let all = "|all keys of the querier that take part";
    check(
        &world,
        "link",
        &[],
        &[size, BLIND, all, none, "!canaries included"],
    );
    let count = "how many keys match, 32 canaries included";
    let not_blind = format!("!{BLIND}");
    check(&world, "link", &["--counting"], &[size, count, &not_blind]);
    let blurred = "blurred by 55 false matches";
    check(
        &world,
        "link",
        &["--hide-count"],
        &[size, blurred, &not_blind],
    );
    let deviate = "|what the querier learns, also if both deviate";
    check(&world, "link", &["--mask", "full"], &[deviate, "|<td>full"]);

    let lookup = world.lookup(&["--field", "national_id=111"]);
    let told = text(&lookup.stderr);
    assert_eq!(lookup.status.code(), Some(0), "{told}");
    for words in [
        "that a record is looked up, under the rules ID, NAME_DOB",
        BLIND,
    ] {
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn a_report_names_its_parameters() {
    let world = World::new(THEIRS, RULES);
    world.write("ours.csv", OURS);
    let (_keyholder, _provider) = world.serve();
    let words = ["|protocol 2", "|ID, NAME_DOB", "|512 bits, djn-short"];
    check(&world, "link", &[], &words);
    let report = report(&world);
    let value = |name: &str| {
        let (_, rest) = report
            .split_once(&format!("<th>{name}</th><td>"))
            .unwrap_or_else(|| panic!("no {name} in: {report}"));
        rest.split_once("</td>").unwrap().0.to_owned()
    };
    for name in ["session", "manifest", "public key", "digest of the rules"] {
        let value = value(name);
        let digits = value.bytes().filter(u8::is_ascii_hexdigit).count();
        assert_eq!((value.len(), digits), (64, 64), "{name}: {value}");
    }
    let config = |name: &str| std::fs::read_to_string(world.path("setup").join(name)).unwrap();
    let (querier, provider) = (config("querier.toml"), config("provider.toml"));
    assert!(provider.contains(&value("certificate of the querier")));
    assert!(querier.contains(&value("certificate of the data provider")));
    assert!(querier.contains(&value("certificate of the key holder")));
    for (name, expected) in [
        ("comparison", "join through a key-value store"),
        ("threshold", "none"),
        ("mask", "slot"),
        ("counting of matches", "none: the key holder is blind"),
        ("canaries", "32, "),
        ("blocks", "none"),
        ("distinct keys of the querier", "8"),
    ] {
        assert!(value(name).starts_with(expected), "{name}: {}", value(name));
    }
}

#[test]
fn a_linkage_in_blocks_is_said_to_have_told_the_provider_which() {
    let (ours, theirs) = (blocks::ours(), blocks::theirs());
    let world = World::in_years(&theirs, RULES, "");
    world.write("ours.csv", ours);
    let (_keyholder, _provider) = world.serve();
    let all = format!("{CELLS}: all 3 that it offers");
    let left =
        "|<th>records left out</th><td>15 in blocks that are not offered or not named, 0 without";
    let parameters = [
        "|<th>blocks</th><td>equal birth_year",
        left,
        "|(k-min)</th><td>11<",
    ];
    let words = [&[all.as_str(), BLIND], &parameters[..]].concat();
    check(&world, "link", &["--block", "birth_year"], &words);
    let some = format!("{CELLS}: 2 of the 3 that it offers, those in which");
    let ours = ["--block", "birth_year", "--cells", "ours"];
    check(
        &world,
        "link",
        &ours,
        &[&some, "|2 of the 3 that it offers: those"],
    );
}

#[test]
fn pairs_are_said_to_show_cells_records_and_patterns() {
    let world = pairs::world(&pairs::registry('p', 40), pairs::RULES);
    world.write("ours.csv", pairs::csv(&pairs::registry('q', 40)));
    let (_keyholder, _provider) = world.serve();
    let words = [
        "which cells of state the querier names: all 2 that it offers",
        "the class of the number of the querier's records in each",
        "how often how many clauses hold in one pair",
        "|which of its records match the same record of the provider's",
        "|all signatures of the querier's records",
        "|<td>pairs of records in blocks",
    ];
    check(&world, "pairs", &["--block", "state"], &words);
    let scored = ["--block", "state", "--threshold", "2"];
    let words = [
        "also below the threshold",
        "|reach the threshold",
        "|which rules hold in pairs below the threshold",
        "|the rules of a pair must weigh 2 or more",
    ];
    check(&world, "pairs", &scored, &words);
}
