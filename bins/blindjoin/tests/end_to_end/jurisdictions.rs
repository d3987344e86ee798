//! Jurisdictions that serve their registries, and can ask for those of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::process::Output;

use blindjoin_service::Fingerprint;
use blindjoin_service::identity::authority::Authority;
use blindjoin_service::identity::fingerprint_of_file;

use crate::linkage::RULES;
use crate::world::{Server, World, run, text};

pub(crate) const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A person stays with the first of these that holds her.
pub(crate) const PRIORITY: [&str; 4] = ["c", "a", "d", "b"];

/// How many of `b`'s records are there twice.
pub(crate) const TWICE: usize = 7;

/// Jurisdictions that serve their registries, and can ask for those of the others.
pub(crate) struct Jurisdictions {
    pub(crate) world: World,
    pub(crate) providers: BTreeMap<&'static str, Server>,
    _keyholder: Server,
}

impl Jurisdictions {
    /// Generates the registries of four and serves them all.
    pub(crate) fn four() -> Self {
        let world = World::empty();
        let folder = world.folder.path();
        let arguments = "synth --records 120 --overlap 0.6 --typos 0 --jurisdictions 4 --out";
        let output = run("blindjoin", arguments.split(' ').chain([path(folder)]));
        assert!(output.status.success(), "{}", text(&output.stderr));
        add_duplicates(&world);
        Self::serve(world, &NAMES, &PRIORITY, "", "")
    }

    /// Serves two that allow blocks of birth years; north yields to south.
    pub(crate) fn two(limits: &str) -> Self {
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
    pub(crate) fn serve(
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
    pub(crate) fn dedupe(&self, name: &str, data: &str, out: &str, more: &[&str]) -> Output {
        let [config, data, out] = [&format!("plan-{name}.toml"), data, out]
            .map(|name| self.world.path(name).display().to_string());
        let arguments = ["dedupe", &data, "--config", &config, "--out", &out];
        run(
            "blindjoin-querier",
            arguments.into_iter().chain(more.iter().copied()),
        )
    }

    pub(crate) fn read(&self, name: &str) -> Vec<BTreeMap<String, String>> {
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
    pub(crate) fn truth(&self) -> (BTreeMap<String, String>, BTreeMap<String, BTreeSet<String>>) {
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
    pub(crate) fn assert_nothing_of(&self, out: &str) {
        let left: Vec<String> = std::fs::read_dir(self.world.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name == out || name.contains(".part"))
            .collect();
        assert_eq!(left, [""; 0]);
    }
}

/// Repeats some of `b`'s records under other ids, last seen later.
pub(crate) fn add_duplicates(world: &World) {
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

pub(crate) fn others(name: &str) -> impl Iterator<Item = &'static str> {
    NAMES.into_iter().filter(move |other| *other != name)
}

pub(crate) fn peer(address: &str, fingerprint: Fingerprint) -> String {
    format!("address = \"{address}\"\ncertificate_sha256 = \"{fingerprint}\"\n")
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A registry of two: people of one year, a few of the next, and one whose birth date nobody knows.
pub(crate) fn registry(name: &str, large: usize, small: usize) -> String {
    let mut text = "id,social,name,born\n".to_owned();
    let years = [(1950, large), (1951, small)];
    let years = years.iter().flat_map(|&(year, size)| vec![year; size]);
    for (number, year) in (1..).zip(years) {
        writeln!(text, "{name}{number},{number},N{number},{year}-05-06").unwrap();
    }
    writeln!(text, "{name}-undated,999,,").unwrap();
    text
}
