//! Pairs of records in blocks, with and without a score.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::world::{World, run, text};

/// Three slots, which is what a key of 1024 bits has.
pub(crate) const RULES: &str = r#"
[columns]
record_id = "id"
name = "name"
city = "city"
state = "state"

[[rule]]
id = "NAME"
signature = ["name:T|U"]
weight = 2

[[rule]]
id = "CITY"
signature = ["city:T|U"]
"#;

/// The same with a neighbouring number tolerated, in three forms.
const PROBES: &str = r#"
[columns]
record_id = "id"
born = "born"
state = "state"

[[rule]]
id = "BORN"
signature = ["born:Y"]
probe = [["born:Y(-1)"], ["born:Y"], ["born:Y(1)"]]
"#;

pub(crate) struct Record {
    id: String,
    name: Option<u32>,
    city: u32,
    year: u32,
    state: &'static str,
}

impl Record {
    /// Some of ours have no name.
    fn new(side: char, number: u32) -> Self {
        let step = if side == 'q' { 7 } else { 11 };
        Self {
            id: format!("{side}{number}"),
            name: (!number.is_multiple_of(6) || side == 'p').then_some(number * step % 9),
            city: number * step % 5,
            year: 1950 + number * step % 13,
            state: ["NSW", "VIC"][number as usize % 2],
        }
    }
}

pub(crate) fn registry(side: char, count: u32) -> Vec<Record> {
    (0..count).map(|number| Record::new(side, number)).collect()
}

pub(crate) fn csv(records: &[Record]) -> String {
    let mut text = "id,name,city,born,state\n".to_owned();
    for record in records {
        let name = record.name.map_or(String::new(), |name| format!("N{name}"));
        let (id, city, year, state) = (&record.id, record.city, record.year, record.state);
        writeln!(text, "{id},{name},C{city},{year}-01-02,{state}").unwrap();
    }
    text
}

/// What every pair of a state must show, handles aside, by our record: sorted lines of cells.
fn expected(
    ours: &[Record],
    theirs: &[Record],
    cells: impl Fn(&Record, &Record) -> Option<String>,
) -> BTreeMap<String, Vec<String>> {
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for our in ours {
        let shown = theirs.iter().filter(|their| their.state == our.state);
        let mut shown: Vec<String> = shown.filter_map(|their| cells(our, their)).collect();
        if !shown.is_empty() {
            shown.sort();
            pairs.insert(our.id.clone(), shown);
        }
    }
    pairs
}

/// The lines of a file of pairs in the same form, and how many handles there are.
fn read(world: &World, header: &str) -> (BTreeMap<String, Vec<String>>, usize) {
    let text = std::fs::read_to_string(world.path("pairs.csv")).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(header));
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut handles = std::collections::BTreeSet::new();
    for line in lines {
        let [id, handle, cells] = line.splitn(3, ',').collect::<Vec<_>>()[..] else {
            panic!("{line}");
        };
        handles.insert(handle.to_owned());
        pairs
            .entry(id.to_owned())
            .or_default()
            .push(cells.to_owned());
    }
    for cells in pairs.values_mut() {
        cells.sort();
    }
    (pairs, handles.len())
}

/// A set-up whose provider compares pairs within states.
pub(crate) fn world(theirs: &[Record], rules: &str) -> World {
    let world = World::empty();
    world.write("theirs.csv", csv(theirs));
    world.write("rules-in.toml", rules);
    world.init_with_key_bits(&world.path("theirs.csv"), "1024");
    let blocks = "blocks = [\"state\"]\ninsecure_exact_classes = true\ndata =";
    world.edit("provider.toml", "data =", blocks);
    let limits = "[limits]\npairs = 10000\n\n[keyholder]";
    world.edit("provider.toml", "[keyholder]", limits);
    world
}

fn pairs(world: &World, more: &[&str]) -> std::process::Output {
    let mut all = vec!["--block", "state"];
    all.extend(more);
    world.ask("pairs", &world.path("ours.csv"), "pairs.csv", &all)
}

fn fails(world: &World, more: &[&str], words: &[&str]) {
    let output = pairs(world, more);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    for word in words {
        assert!(told.contains(word), "no {word:?} in: {told}");
    }
    assert!(!world.path("pairs.csv").exists(), "{told}");
}

#[test]
fn pairs_agree_where_they_do_in_the_clear() {
    let (ours, theirs) = (registry('q', 24), registry('p', 26));
    let world = world(&theirs, RULES);
    world.write("ours.csv", csv(&ours));
    let servers = world.serve();

    let output = pairs(
        &world,
        &["--card", world.path("card.csv").to_str().unwrap()],
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let agree = |our: &Record, their: &Record| (our.name == their.name, our.city == their.city);
    let cells = |our: &Record, their: &Record| {
        let (name, city) = agree(our, their);
        let name_cell = our
            .name
            .map_or(String::new(), |_| u8::from(name).to_string());
        (name || city).then(|| format!("{name_cell},{}", u8::from(city)))
    };
    let due = expected(&ours, &theirs, cells);
    let (found, handles) = read(&world, "record_id,handle,NAME,CITY");
    assert_eq!(found, due);
    assert_eq!(handles, 26, "every one of theirs is in some pair");

    // The card: any pair of the record.
    let mut card = "record_id,matched,NAME,CITY\n".to_owned();
    for our in &ours {
        let any = |place: usize| {
            let lines = due.get(&our.id).into_iter().flatten();
            let mut cells = lines.filter_map(|cells| cells.split(',').nth(place));
            u8::from(cells.any(|cell| cell == "1"))
        };
        let (name, city) = (any(0), any(1));
        let name_cell = our.name.map_or(String::new(), |_| name.to_string());
        writeln!(card, "{},{},{name_cell},{city}", our.id, name | city).unwrap();
    }
    assert_eq!(world.card(), card);

    let output = pairs(&world, &["--threshold", "3", "--force"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let both = |our: &Record, their: &Record| {
        (agree(our, their) == (true, true)).then(|| "3,1,1".to_owned())
    };
    let (found, _) = read(&world, "record_id,handle,score,NAME,CITY");
    assert_eq!(found, expected(&ours, &theirs, both));
    let output = pairs(&world, &["--threshold", "2", "--blind", "--force"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let name = |our: &Record, their: &Record| {
        let (name, city) = agree(our, their);
        name.then(|| format!("{},1,{}", 2 + u8::from(city), u8::from(city)))
    };
    let (found, _) = read(&world, "record_id,handle,score,NAME,CITY");
    assert_eq!(found, expected(&ours, &theirs, name));
    servers.1.stop();
    servers.0.stop();
}

#[test]
fn a_neighbouring_year_agrees_too() {
    let (ours, theirs) = (registry('q', 24), registry('p', 26));
    let world = world(&theirs, PROBES);
    world.write("ours.csv", csv(&ours));
    let servers = world.serve();
    let output = pairs(&world, &[]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let near =
        |our: &Record, their: &Record| (our.year.abs_diff(their.year) < 2).then(|| "1".to_owned());
    let (found, _) = read(&world, "record_id,handle,BORN");
    assert_eq!(found, expected(&ours, &theirs, near));
    servers.1.stop();
    servers.0.stop();
}

#[test]
fn blocks_that_the_provider_does_not_offer_are_not_compared() {
    // Thirteen in one state and twelve in the other.
    let (ours, theirs) = (registry('q', 24), registry('p', 25));
    let world = world(&theirs, RULES);
    let limits = "pairs = 10000\nk_min = 13";
    world.edit("provider.toml", "pairs = 10000", limits);
    world.write("ours.csv", csv(&ours));
    let servers = world.serve();
    let output = pairs(&world, &["--threshold", "3"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("12 records are not compared"));
    let both = |our: &Record, their: &Record| {
        let agree = our.name == their.name && our.city == their.city && our.state == "NSW";
        agree.then(|| "3,1,1".to_owned())
    };
    let (found, _) = read(&world, "record_id,handle,score,NAME,CITY");
    let due = expected(&ours, &theirs, both);
    assert!(!due.is_empty());
    assert_eq!(found, due);
    servers.1.stop();
    servers.0.stop();
}

#[test]
fn what_pairs_need_is_told() {
    let theirs = registry('p', 26);
    let world = world(&theirs, RULES);
    world.write("ours.csv", csv(&registry('q', 24)));
    // Nobody serves yet: these are found before anybody is asked.
    fails(&world, &["--threshold", "4"], &["threshold"]);
    let three = RULES.replace("weight = 2", "weight = 3");
    world.write("setup/three.toml", three);
    let rules = world.path("setup/three.toml");
    let rules = ["--rules", rules.to_str().unwrap(), "--threshold", "4"];
    fails(
        &world,
        &rules,
        &["4 slots", "1024 bits has 3", "--key-bits 4096"],
    );
    let ours = world.path("ours.csv");
    for (more, word) in [
        (&[][..], "--block"),
        (&["--block", "hash:4"], "list of fields"),
    ] {
        let output = world.ask("pairs", &ours, "pairs.csv", more);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            text(&output.stderr).contains(word),
            "{}",
            text(&output.stderr)
        );
    }
    let zero = run("blindjoin-querier", ["pairs", "x.csv", "--threshold", "0"]);
    assert_eq!(zero.status.code(), Some(2));

    let (keyholder, provider) = world.serve();
    let swapped = RULES
        .replace("weight = 2", "")
        .replace("\"city:T|U\"]", "\"city:T|U\"]\nweight = 2");
    world.write("setup/swapped.toml", swapped);
    let rules = world.path("setup/swapped.toml");
    let rules = ["--rules", rules.to_str().unwrap(), "--threshold", "2"];
    fails(&world, &rules, &["weights"]);
    let output = pairs(&world, &["--hide-count"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("--blind or --counting"));
    let mut last = provider.address.clone();
    provider.stop();
    for (before, after, words) in [
        (
            "pairs = 10000",
            "pairs = 100",
            ["pairs of records are needed", "100 are left"],
        ),
        (
            "pairs = 100",
            "pairs = 0",
            ["pairs of records", "not compared"],
        ),
    ] {
        world.edit("provider.toml", before, after);
        let provider = world.serve_provider();
        world.edit("querier.toml", &last, &provider.address);
        last.clone_from(&provider.address);
        fails(&world, &[], &words);
        provider.stop();
    }
    keyholder.stop();
}
