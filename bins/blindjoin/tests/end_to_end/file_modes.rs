//! Secrets and results are their owner's alone, whatever the umask and whatever stood there.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::pairs;
use crate::world::{World, run_under, text};

/// The umask, and the mode of the files that stand where the outputs go, if any do.
const ROUNDS: [(&str, Option<u32>); 3] =
    [("000", None), ("022", Some(0o666)), ("000", Some(0o644))];

/// Runs a command line in all rounds, and checks the mode of what it writes. In the line, `@` stands
/// for the world's folder; folders among the outputs stand for all files in them.
fn check(world: &World, program: &str, line: &str, outputs: &[&str]) {
    let folder = format!("{}/", world.folder.path().display());
    let line = line.replace('@', &folder);
    for (umask, stood) in ROUNDS {
        let mut arguments: Vec<&str> = line.split_whitespace().collect();
        if let Some(mode) = stood {
            for path in files(world, outputs) {
                fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            }
            // A demonstration replaces what it has left.
            arguments.extend((arguments[0] != "demo").then_some("--force"));
        }
        let output = run_under(umask, program, &arguments);
        assert!(output.status.success(), "{line}: {}", text(&output.stderr));
        for path in files(world, outputs) {
            let mode = mode(&path);
            let path = path.display();
            assert_eq!(mode, 0o600, "{path} under {umask}, over {stood:?}: {line}");
        }
    }
}

/// Who may read and write a file.
pub(crate) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn files(world: &World, outputs: &[&str]) -> Vec<PathBuf> {
    let paths = outputs.iter().map(|name| world.path(name));
    paths.flat_map(|path| files_in(&path)).collect()
}

fn files_in(path: &Path) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    entries.flat_map(|path| files_in(&path)).collect()
}

#[test]
fn what_a_set_up_and_a_demonstration_write_is_their_owners_alone() {
    let world = World::empty();
    let synth = "synth --records 20 --overlap 0.5 --typos 0 --seed 7 --expect --out @registries";
    check(&world, "blindjoin", synth, &["registries"]);
    let init = "init @setup --data @registries/b.csv --rules @registries/rules.toml";
    check(&world, "blindjoin", init, &["setup"]);
    assert_eq!(files_in(&world.path("setup")).len(), 11);
    let demo = "demo --records 20 --insecure-test-key-bits 512 --dir @demo";
    check(&world, "blindjoin", demo, &["demo"]);
    assert!(world.path("demo/card.csv").exists() && world.path("demo/report.html").exists());
}

#[test]
fn what_the_token_commands_write_is_their_owners_alone() {
    let world = World::empty();
    world.write("secret", "HashingKey");
    world.write("key", "Secret-Encryption-Key-Goes-Here.");
    world.write(
        "people.csv",
        "RecordId,FirstName,LastName,BirthDate,Sex,PostalCode,SocialSecurityNumber\n\
         1,Ann,Smith,1980-01-02,F,98101,452-38-7291\n",
    );
    let tokenize = "tokenize @people.csv --out @tokens.csv --hashing-secret-file @secret \
                    --encryption-key-file @key";
    let both = ["tokens.csv", "tokens.metadata.json"];
    check(&world, "blindjoin", tokenize, &both);
    let decrypt = "decrypt @tokens.csv --out @plain.csv --encryption-key-file @key";
    check(&world, "blindjoin", decrypt, &["plain.csv"]);
    let matching = "match @plain.csv @plain.csv --out @pairs.parquet --statistics @pairs.json";
    check(
        &world,
        "blindjoin",
        matching,
        &["pairs.parquet", "pairs.json"],
    );
    let roster = "dedupe-tokens a=@plain.csv b=@plain.csv --rule T1 --out @roster.csv \
                  --statistics @roster.json";
    check(&world, "blindjoin", roster, &["roster.csv", "roster.json"]);
    let blocks = "blocks @people.csv --block sex --out @blocks.csv";
    check(&world, "blindjoin", blocks, &["blocks.csv"]);
}

#[test]
fn what_a_querier_writes_is_its_owners_alone() {
    let world = pairs::world(&pairs::registry('p', 40), pairs::RULES);
    world.write("ours.csv", pairs::csv(&pairs::registry('q', 40)));
    let (_keyholder, _provider) = world.serve();
    let common = "@ours.csv --config @setup/querier.toml";
    let link = format!("link {common} --out @card.csv --report @link.html");
    check(
        &world,
        "blindjoin-querier",
        &link,
        &["card.csv", "link.html"],
    );
    let pairs = format!(
        "pairs {common} --block state --out @pairs.csv --card @cells.csv \
         --report @pairs.html"
    );
    let all = ["pairs.csv", "cells.csv", "pairs.html"];
    check(&world, "blindjoin-querier", &pairs, &all);
    let dedupe = format!("dedupe {common} --local --out @own.csv --pairs @twice.csv");
    check(
        &world,
        "blindjoin-querier",
        &dedupe,
        &["own.csv", "twice.csv"],
    );
}
