//! Everything that the fuzzer is started from, or has found, run without it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use blindjoin_fuzz::{TARGETS, seeds};

/// What makes a seed's name tell it from what the fuzzer found.
const SEED: &str = "seed-";

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target)
}

/// The inputs kept for a target, by name.
fn kept(target: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = fs::read_dir(folder(target)).expect("every target has a corpus");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.expect("a folder that can be read").path();
        let name = path
            .file_name()
            .expect("an entry has a name")
            .to_string_lossy()
            .into_owned();
        (name, fs::read(&path).expect("a file that can be read"))
    };
    folder.map(read).collect()
}

#[test]
fn every_kept_input_keeps_the_promises() {
    for (target, run) in TARGETS {
        let kept = kept(target);
        assert!(kept.len() <= 64, "{target}: a few dozen inputs are enough");
        for (name, input) in kept {
            assert!(input.len() <= 16 << 10, "{target}/{name}: inputs are small");
            let read = run(&input);
            if let Some(name) = name.strip_prefix(SEED) {
                assert_eq!(read, !name.starts_with("bad-"), "{target}: {name} read");
            }
        }
    }
}

/// Brings corpora up to date with an encoding where `BLINDJOIN_SEEDS=write cargo test seeds` asks for
/// that.
#[test]
fn the_seeds_are_what_the_code_writes() {
    let write = std::env::var_os("BLINDJOIN_SEEDS").is_some_and(|value| value == "write");
    for (target, _) in TARGETS {
        let made: BTreeMap<String, Vec<u8>> = seeds()
            .into_iter()
            .filter(|(of, _, _)| of == target)
            .map(|(_, name, bytes)| (format!("{SEED}{name}"), bytes))
            .collect();
        assert!(!made.is_empty(), "{target} has no seeds");
        if write {
            let folder = folder(target);
            fs::create_dir_all(&folder).expect("a folder that can be written");
            for name in kept(target)
                .into_keys()
                .filter(|name| name.starts_with(SEED))
            {
                fs::remove_file(folder.join(name)).expect("a folder that can be written");
            }
            for (name, bytes) in &made {
                fs::write(folder.join(name), bytes).expect("a folder that can be written");
            }
        }
        let mut kept = kept(target);
        kept.retain(|name, _| name.starts_with(SEED));
        let names = |seeds: &BTreeMap<String, _>| seeds.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&kept), names(&made), "{target}");
        for (name, bytes) in made {
            assert!(
                kept[&name] == bytes,
                "{target}/{name} is out of date: BLINDJOIN_SEEDS=write"
            );
        }
    }
}
