//! Four jurisdictions, each querier and provider in turn, behind one key holder.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::file_modes::mode;
use crate::jurisdictions::{Jurisdictions, NAMES, PRIORITY, TWICE, others, path};
use crate::world::{Server, World, run, text};

#[test]
fn persons_kept_by_all_jurisdictions_are_the_persons_there_are() {
    let mut four = Jurisdictions::four();
    let (person_of, holders) = four.truth();
    let mut kept = BTreeMap::<String, String>::new();
    for name in NAMES {
        let (data, out) = (format!("{name}.csv"), format!("{name}-out.csv"));
        let matrix = four.world.path("matrix.csv");
        let more: &[&str] = if name == "b" {
            &[
                "--latest",
                "LastVisit",
                "--parallel",
                "3",
                "--matrix",
                path(&matrix),
            ]
        } else {
            &[]
        };
        let output = four.dedupe(name, &data, &out, more);
        let told = text(&output.stderr);
        assert!(output.status.success(), "{told}");
        assert_eq!(mode(&four.world.path(&out)), 0o600);
        assert!(name != "b" || mode(&matrix) == 0o600);
        let rows = four.read(&out);
        assert_eq!(rows.len(), four.read(&data).len());
        for row in &rows {
            let person = &person_of[&row["RecordId"]];
            let elsewhere: Vec<&str> = PRIORITY
                .into_iter()
                .filter(|&other| other != name && holders[person].contains(other))
                .collect();
            assert_eq!(row["held_by"], elsewhere.join("|"));
            for other in others(name) {
                let rules = &row[&format!("rules_{other}")];
                assert_eq!(
                    rules.starts_with("ID|NAME_DOB"),
                    elsewhere.contains(&other),
                    "{rules}"
                );
            }
            let first = PRIORITY
                .into_iter()
                .find(|&other| holders[person].contains(other))
                .unwrap();
            assert_eq!(row["stays_with"], first);
            if row["keep"] == "1" {
                assert_eq!(kept.insert(person.clone(), name.to_owned()), None);
            }
        }
    }
    assert_eq!(kept.len(), holders.len(), "every person is kept once");
    for (person, name) in &kept {
        assert_eq!(
            PRIORITY
                .into_iter()
                .find(|&other| holders[person].contains(other)),
            Some(name.as_str())
        );
    }

    // The later of two records of one person stands for her.
    let rows = four.read("b-out.csv");
    let twice: Vec<_> = rows
        .iter()
        .filter(|row| !row["duplicate_of"].is_empty())
        .collect();
    assert_eq!(twice.len(), TWICE);
    assert!(
        twice
            .iter()
            .all(|row| row["duplicate_of"] == row["RecordId"].clone() + "-again")
    );

    matrix_is_right_and_safe(&four, &holders);
    own_output_is_known(&four);
    what_others_have_shown_is_kept(&mut four, &person_of, &holders);
    bad_plans(&four);
}

/// No small count is published, and the others are those of the truth.
fn matrix_is_right_and_safe(four: &Jurisdictions, holders: &BTreeMap<String, BTreeSet<String>>) {
    let ours: Vec<_> = holders
        .values()
        .filter(|holders| holders.contains("b"))
        .collect();
    let mut shown = 0;
    for row in four.read("matrix.csv") {
        for other in PRIORITY {
            let all = [row["jurisdiction"].as_str(), other];
            let count = ours
                .iter()
                .filter(|holders| all.iter().all(|&name| holders.contains(name)))
                .count();
            if row[other] != "suppressed" {
                assert!(count >= 11);
                assert_eq!(row[other], count.to_string());
                shown += 1;
            }
        }
    }
    assert!((7..16).contains(&shown), "{shown} counts are shown");
}

/// A run on its own output changes nothing; another plan's output is not its own.
fn own_output_is_known(four: &Jurisdictions) {
    let output = four.dedupe("a", "a-out.csv", "a-again.csv", &["--quiet"]);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        text(&output.stderr)
    );
    assert_eq!(four.read("a-again.csv"), four.read("a-out.csv"));
    let output = four.dedupe("b", "a-out.csv", "none.csv", &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("has a column \"duplicate_of\" already"));
}

/// One provider is away: the run says which, keeps what the others have shown, and leaves open what
/// hangs on the one. If all are away nothing is written.
fn what_others_have_shown_is_kept(
    four: &mut Jurisdictions,
    person_of: &BTreeMap<String, String>,
    holders: &BTreeMap<String, BTreeSet<String>>,
) {
    let away = four.providers.remove("c").unwrap();
    let address = away.address.clone();
    away.stop();
    let matrix = four.world.path("partial-matrix.csv");
    let more = ["--parallel", "2", "--json", "--matrix", path(&matrix)];
    let output = four.dedupe("a", "a.csv", "partial.csv", &more);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{told}");
    for words in [
        "linking with c",
        "partial.csv holds what is known",
        "run the same command again",
        "undecided",
    ] {
        assert!(told.contains(words), "no {words:?} in: {told}");
    }
    let mut open = 0;
    for row in four.read("partial.csv") {
        let holders = &holders[&person_of[&row["RecordId"]]];
        let elsewhere = ["d", "b"]
            .into_iter()
            .filter(|other| holders.contains(*other));
        assert_eq!(row["held_by"], elsewhere.collect::<Vec<_>>().join("|"));
        assert_eq!(
            (row["rules_c"].as_str(), row["not_compared"].as_str()),
            ("", "c")
        );
        // `c` comes before `a`, so nothing is certain that `a` would keep.
        assert_eq!((row["stays_with"].as_str(), row["keep"].as_str()), ("", ""));
        open += 1;
    }
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&figures["kept"], &figures["undecided"]),
        (&0.into(), &open.into())
    );
    assert_eq!(figures["jurisdictions"][0]["compared"], false);
    assert_eq!(figures["jurisdictions"][1]["compared"], true);
    for row in four.read("partial-matrix.csv") {
        for other in PRIORITY {
            let away = row["jurisdiction"] == "c" || other == "c";
            assert_eq!(row[other] == "not compared", away, "{row:?}");
        }
    }
    // `b` comes last: whom `a` or `d` holds it need not keep, whatever `c` says.
    let output = four.dedupe("b", "b.csv", "partial-b.csv", &[]);
    assert_eq!(output.status.code(), Some(75), "{}", text(&output.stderr));
    let rows = four.read("partial-b.csv");
    let held = |row: &&BTreeMap<String, String>| !row["held_by"].is_empty();
    assert!(rows.iter().filter(held).all(|row| row["keep"] == "0"));
    assert!(rows.iter().any(|row| !held(&row) && row["keep"].is_empty()));

    for name in ["b", "d"] {
        four.providers.remove(name).unwrap().stop();
    }
    the_same_command_asks_who_was_away(four, &address, &more);
    let output = four.dedupe("a", "a.csv", "none.csv", &["--parallel", "3"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{told}");
    for name in ["b", "c", "d"] {
        assert!(told.contains(&format!("linking with {name}")), "{told}");
    }
    four.assert_nothing_of("none.csv");
}

/// The others are away now, and need not be asked again.
fn the_same_command_asks_who_was_away(four: &mut Jurisdictions, address: &str, more: &[&str]) {
    let left = four.world.path("partial.csv.unfinished");
    let records = four.world.path("a.csv");
    let before = std::fs::read_to_string(&records).unwrap();
    std::fs::write(&records, format!("{before}\n")).unwrap();
    let again = |more: &[&str]| four.dedupe("a", "a.csv", "partial.csv", more);
    for (more, words) in [
        (more, "the records have changed"),
        (&[more, &["--rule", "NO_SUCH"]].concat(), "NO_SUCH"),
    ] {
        let output = again(more);
        let told = text(&output.stderr);
        assert!(!output.status.success() && told.contains(words), "{told}");
        assert!(left.exists());
    }
    std::fs::write(&records, &before).unwrap();

    let c = Server::start("blindjoin-provider", &four.world.path("provider-c.toml"));
    let plan = four.world.path("plan-a.toml");
    let text_of_plan = std::fs::read_to_string(&plan).unwrap();
    std::fs::write(&plan, text_of_plan.replace(address, &c.address)).unwrap();
    // What somebody has changed since is not replaced unasked.
    let result = four.world.path("partial.csv");
    let written = std::fs::read_to_string(&result).unwrap();
    std::fs::write(&result, "my notes").unwrap();
    let output = again(more);
    let told = text(&output.stderr);
    assert!(
        told.contains("partial.csv") && told.contains("--force"),
        "{told}"
    );
    std::fs::write(&result, &written).unwrap();

    let output = again(more);
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}");
    for name in ["b", "d"] {
        assert!(
            told.contains(&format!("{name} was compared in an earlier run")),
            "{told}"
        );
    }
    assert!(!told.contains("c was compared in an earlier run"), "{told}");
    assert_eq!(four.read("partial.csv"), four.read("a-out.csv"));
    assert!(!left.exists());
    let figures: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(figures["undecided"], 0);
    c.stop();
}

/// Plans and inputs that make no sense; none of them gets as far as a connection.
fn bad_plans(four: &Jurisdictions) {
    let config = four.world.path("querier-a.toml");
    let (data, out, plan) = (
        four.world.path("a.csv"),
        four.world.path("none.csv"),
        four.world.path("bad.toml"),
    );
    let dedupe = |more: &[&str]| {
        let arguments = [
            "dedupe",
            path(&data),
            "--config",
            path(&config),
            "--out",
            path(&out),
        ];
        let output = run(
            "blindjoin-querier",
            arguments.into_iter().chain(more.iter().copied()),
        );
        assert!(!out.exists());
        (output.status.code(), text(&output.stderr))
    };
    let (code, told) = dedupe(&[]);
    assert_eq!(code, Some(2));
    assert!(
        told.contains("no section [dedupe]") && told.contains("--plan"),
        "{told}"
    );
    for (content, said) in [
        (
            "jurisdiction = \"a\"\npriority = [\"a\", \"b\", \"c\"]",
            "\"d\" has no place",
        ),
        (
            "jurisdiction = \"a\"\npriority = [\"a\", \"b\", \"c\", \"d\", \"e\"]",
            "nobody is called \"e\"",
        ),
        (
            "jurisdiction = \"a\"\npriority = [\"a\", \"b\", \"c\", \"d\", \"b\"]",
            "\"b\" stands there twice",
        ),
        ("jurisdiction = \"a\"", "missing field `priority`"),
        (
            "jurisdiction = \"a\"\npriority = [\"a\"]\nprioritys = 1",
            "line 3",
        ),
    ] {
        four.world.write("bad.toml", content);
        let (code, told) = dedupe(&["--plan", path(&plan)]);
        assert_eq!(code, Some(1), "{told}");
        assert!(told.contains(said) && told.contains("bad.toml"), "{told}");
    }
    let good = "jurisdiction = \"a\"\npriority = [\"a\", \"b\", \"c\", \"d\"]";
    four.world.write(
        "bad.toml",
        format!("{good}\nkeep = {{ latest = \"Visited\" }}\n"),
    );
    let (code, told) = dedupe(&["--plan", path(&plan)]);
    assert_eq!(code, Some(1));
    assert!(told.contains("no column \"Visited\""), "{told}");
    assert_eq!(dedupe(&["--plan", path(&plan), "--local"]).0, Some(2));
    assert_eq!(dedupe(&["--parallel", "0"]).0, Some(2));
}

#[test]
fn records_outside_of_blocks_are_kept_and_said_not_to_be_compared() {
    let two = Jurisdictions::two("");
    let told_of = |rows: &[BTreeMap<String, String>], id: &str| {
        let row = rows.iter().find(|row| row["id"] == id).unwrap();
        [
            "held_by",
            "rules_south",
            "not_compared",
            "stays_with",
            "keep",
        ]
        .map(|column| row[column].clone())
    };
    let dropped = ["south", "ID|NAME_DOB", "", "south", "0"].map(str::to_owned);
    let kept = ["", "", "south", "north", "1"].map(str::to_owned);
    let plain = two.dedupe("north", "north.csv", "out.csv", &["--quiet"]);
    assert!(plain.status.success(), "{}", text(&plain.stderr));
    let rows = two.read("out.csv");
    assert_eq!(told_of(&rows, "n1"), dropped);
    assert_eq!(
        told_of(&rows, "n-undated"),
        ["south", "ID", "", "south", "0"]
    );

    // South does not offer a year of which it has three records.
    let block = ["--block", "birth_year", "--force"];
    let output = two.dedupe("north", "north.csv", "out.csv", &block);
    let told = text(&output.stderr);
    assert!(output.status.success(), "{told}");
    for words in [
        "1 records are outside of the blocks",
        "3 records are not compared with south's",
    ] {
        assert!(told.contains(words), "no {words:?} in: {told}");
    }
    assert!(!told.contains("undecided"), "{told}");
    let rows = two.read("out.csv");
    assert_eq!(told_of(&rows, "n12"), dropped);
    for outside in ["n13", "n15", "n-undated"] {
        assert_eq!(told_of(&rows, outside), kept, "{outside}");
    }
    let again = two.dedupe("north", "out.csv", "again.csv", &block);
    assert!(again.status.success(), "{}", text(&again.stderr));
    assert_eq!(two.read("again.csv"), rows);

    for (arguments, code, words) in [
        (&["--block", "shoe_size"][..], 1, "shoe_size"),
        (&["--block", "hash:1"], 1, "hash"),
        (&["--block", "birth_year", "--local"], 2, "--local"),
        (&["--cells", "ours"], 2, "--block"),
    ] {
        let output = two.dedupe("north", "north.csv", "none.csv", arguments);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "no {words:?} in: {told}");
        two.assert_nothing_of("none.csv");
    }
}

#[test]
fn febrl_3_is_deduplicated_here() {
    is_deduplicated_here(&crate::data::own("febrl/dataset3.csv"), "130", 120);
    // Of 2000 persons.
    if let Some(febrl) = crate::data::outside("data/febrl/dataset3.csv") {
        is_deduplicated_here(&febrl, "6538", 2007);
    }
}

/// De-duplicates a registry with so many true pairs, and counts the records that are kept.
fn is_deduplicated_here(data: &Path, true_pairs: &str, due: usize) {
    let world = World::empty();
    let rules =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rules/febrl-dedupe.toml");
    let (out, pairs) = (world.path("out.csv"), world.path("pairs.csv"));
    let dedupe = |data: &Path, out: &Path, more: &[&str]| {
        let arguments = [
            "dedupe",
            path(data),
            "--local",
            "--rules",
            path(&rules),
            "--out",
            path(out),
        ];
        let output = run(
            "blindjoin-querier",
            arguments.into_iter().chain(more.iter().copied()),
        );
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    dedupe(data, &out, &["--pairs", path(&pairs)]);
    let arguments = [
        "evaluate",
        path(&pairs),
        "--truth-pattern",
        r"rec-(\d+)-",
        "--ours",
        path(data),
    ];
    let told = text(&run("blindjoin", arguments).stdout);
    let line = |name: &str| {
        told.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap()
            .trim()
            .to_owned()
    };
    assert_eq!(line("true"), true_pairs, "{told}");
    assert_eq!(line("precision"), "1.000000", "{told}");
    assert!(line("recall").parse::<f64>().unwrap() > 0.996, "{told}");

    let first = std::fs::read_to_string(&out).unwrap();
    let kept = first.lines().filter(|line| line.ends_with(",1")).count();
    assert_eq!(kept, due);
    let again = world.path("again.csv");
    dedupe(&out, &again, &[]);
    assert_eq!(std::fs::read_to_string(&again).unwrap(), first);
}
