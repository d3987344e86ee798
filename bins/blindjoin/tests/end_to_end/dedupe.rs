//! Four jurisdictions, each querier and provider in turn, behind one key holder.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Output;

use blindjoin_service::Fingerprint;
use blindjoin_service::identity::authority::Authority;
use blindjoin_service::identity::fingerprint_of_file;

use crate::file_modes::mode;
use crate::linkage::RULES;
use crate::world::{Server, World, run, text};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A person stays with the first of these that holds her.
const PRIORITY: [&str; 4] = ["c", "a", "d", "b"];

/// How many of `b`'s records are there twice.
const TWICE: usize = 7;

/// Jurisdictions that serve their registries, and can ask for those of the others.
struct Jurisdictions {
    world: World,
    providers: BTreeMap<&'static str, Server>,
    _keyholder: Server,
}

impl Jurisdictions {
    /// Generates the registries of four and serves them all.
    fn four() -> Self {
        let world = World::empty();
        let folder = world.folder.path();
        let arguments = "synth --records 120 --overlap 0.6 --typos 0 --jurisdictions 4 --out";
        let output = run("blindjoin", arguments.split(' ').chain([path(folder)]));
        assert!(output.status.success(), "{}", text(&output.stderr));
        add_duplicates(&world);
        Self::serve(world, &NAMES, &PRIORITY, "", "")
    }

    /// Serves two that allow blocks of birth years; north yields to south.
    fn two(limits: &str) -> Self {
        let world = World::empty();
        world.write("rules.toml", RULES);
        world.write("north.csv", registry("n", 12, 3));
        world.write("south.csv", registry("s", 12, 3));
        let (names, priority) = (["north", "south"], ["south", "north"]);
        let blocks = "blocks = [\"birth_year\"]\ninsecure_exact_classes = true";
        Self::serve(world, &names, &priority, blocks, limits)
    }

    /// Serves the registries and rules of a folder, with more settings for the providers before
    /// their sections and under `[limits]`.
    fn serve(
        world: World,
        names: &[&'static str],
        priority: &[&str],
        settings: &str,
        limits: &str,
    ) -> Self {
        let folder = world.folder.path();
        let others = |name| names.iter().filter(move |other| **other != name);
        let authority = Authority::new(1).unwrap();
        let identity = |name: &str| {
            let files = authority.write_identity(folder, name).unwrap();
            fingerprint_of_file(&files.certificate).unwrap()
        };
        let keyholder_fingerprint = identity("keyholder");
        let fingerprints: BTreeMap<&str, Fingerprint> =
            names.iter().map(|name| (*name, identity(name))).collect();

        let mut links = String::new();
        for &querier in names {
            for &provider in others(querier) {
                let (querier, provider) = (fingerprints[querier], fingerprints[provider]);
                write!(
                    links,
                    "[[link]]\nquerier = \"{querier}\"\nprovider = \"{provider}\"\n"
                )
                .unwrap();
            }
        }
        let common = |name: &str| {
            format!(
                "insecure_test_keys = true\n{{}}\n[identity]\nauthority = \"authority.pem\"\n\
                 certificate = \"{name}.pem\"\nkey = \"{name}.key\"\n"
            )
        };
        let listen = "listen = \"127.0.0.1:0\"";
        let text = common("keyholder").replace("{}", listen) + "[keys]\nbits = 512\n" + &links;
        world.write("keyholder.toml", text);
        let keyholder = Server::start("blindjoin-keyholder", &world.path("keyholder.toml"));

        let mut providers = BTreeMap::new();
        for &name in names {
            let data =
                format!("{listen}\ndata = \"{name}.csv\"\nrules = \"rules.toml\"\n{settings}");
            let mut text = common(name).replace("{}", &data);
            write!(
                text,
                "[keyholder]\n{}",
                peer(&keyholder.address, keyholder_fingerprint)
            )
            .unwrap();
            write!(text, "[limits]\n{limits}\n").unwrap();
            for &querier in others(name) {
                write!(
                    text,
                    "[[querier]]\ncertificate_sha256 = \"{}\"\n",
                    fingerprints[querier]
                )
                .unwrap();
            }
            let file = format!("provider-{name}.toml");
            world.write(&file, text);
            providers.insert(
                name,
                Server::start("blindjoin-provider", &world.path(&file)),
            );
        }
        for &name in names {
            let mut text = common(name).replace("{}", "rules = \"rules.toml\"");
            write!(
                text,
                "[keyholder]\n{}",
                peer(&keyholder.address, keyholder_fingerprint)
            )
            .unwrap();
            for &provider in others(name) {
                let address = &providers[provider].address;
                write!(
                    text,
                    "[[provider]]\nname = \"{provider}\"\n{}",
                    peer(address, fingerprints[provider])
                )
                .unwrap();
            }
            text += "[link]\nkey_bits = 512\ntable = \"okvs\"\n";
            world.write(&format!("querier-{name}.toml"), &text);
            write!(
                text,
                "[dedupe]\njurisdiction = \"{name}\"\npriority = {priority:?}\n"
            )
            .unwrap();
            world.write(&format!("plan-{name}.toml"), text);
        }
        Self {
            world,
            providers,
            _keyholder: keyholder,
        }
    }

    /// Runs `dedupe` as one of them.
    fn dedupe(&self, name: &str, data: &str, out: &str, more: &[&str]) -> Output {
        let [config, data, out] = [&format!("plan-{name}.toml"), data, out]
            .map(|name| self.world.path(name).display().to_string());
        let arguments = ["dedupe", &data, "--config", &config, "--out", &out];
        run(
            "blindjoin-querier",
            arguments.into_iter().chain(more.iter().copied()),
        )
    }

    fn read(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let text = std::fs::read_to_string(self.world.path(name)).unwrap();
        let mut lines = text
            .lines()
            .map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let header = lines.next().unwrap();
        lines
            .map(|cells| {
                assert_eq!(cells.len(), header.len(), "generated cells hold no comma");
                header.iter().cloned().zip(cells).collect()
            })
            .collect()
    }

    /// Record to person, and person to the jurisdictions that hold her.
    fn truth(&self) -> (BTreeMap<String, String>, BTreeMap<String, BTreeSet<String>>) {
        let (mut person_of, mut holders) = (BTreeMap::new(), BTreeMap::<_, BTreeSet<_>>::new());
        for row in self.read("persons.csv") {
            let person = row["person"].clone();
            holders
                .entry(person.clone())
                .or_default()
                .insert(row["jurisdiction"].clone());
            person_of.insert(row["record_id"].clone() + "-again", person.clone());
            person_of.insert(row["record_id"].clone(), person);
        }
        (person_of, holders)
    }

    /// Files that a failed run has left, beside what was there.
    fn assert_nothing_of(&self, out: &str) {
        let left: Vec<String> = std::fs::read_dir(self.world.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name == out || name.contains(".part"))
            .collect();
        assert_eq!(left, [""; 0]);
    }
}

/// Repeats some of `b`'s records under other ids, last seen later.
fn add_duplicates(world: &World) {
    let mut text = std::fs::read_to_string(world.path("b.csv")).unwrap();
    let again: Vec<String> = text
        .lines()
        .skip(1)
        .step_by(5)
        .take(TWICE)
        .map(str::to_owned)
        .collect();
    for line in again {
        let (id, rest) = line.split_once(',').unwrap();
        let (rest, _) = rest.rsplit_once(',').unwrap();
        writeln!(text, "{id}-again,{rest},2030-01-01").unwrap();
    }
    world.write("b.csv", text);
}

fn others(name: &str) -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().filter(move |other| *other != name)
}

fn peer(address: &str, fingerprint: Fingerprint) -> String {
    format!("address = \"{address}\"\ncertificate_sha256 = \"{fingerprint}\"\n")
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

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
    four.providers.remove("c").unwrap().stop();
    let matrix = four.world.path("partial-matrix.csv");
    let more = ["--parallel", "2", "--json", "--matrix", path(&matrix)];
    let output = four.dedupe("a", "a.csv", "partial.csv", &more);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{told}");
    for words in [
        "linking with c",
        "partial.csv holds what is known",
        "--force",
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
    let output = four.dedupe("a", "a.csv", "none.csv", &["--parallel", "3"]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(75), "{told}");
    for name in ["b", "c", "d"] {
        assert!(told.contains(&format!("linking with {name}")), "{told}");
    }
    four.assert_nothing_of("none.csv");
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

/// A registry of two: people of one year, a few of the next, and one whose birth date nobody knows.
fn registry(name: &str, large: usize, small: usize) -> String {
    let mut text = "id,social,name,born\n".to_owned();
    let years = [(1950, large), (1951, small)];
    let years = years.iter().flat_map(|&(year, size)| vec![year; size]);
    for (number, year) in (1..).zip(years) {
        writeln!(text, "{name}{number},{number},N{number},{year}-05-06").unwrap();
    }
    writeln!(text, "{name}-undated,999,,").unwrap();
    text
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
