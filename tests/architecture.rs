//! The arrows between the crates, and the promises every crate root makes, as a test.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Who names whom, straight dependencies only: each line names only what stands above it, and all of
/// what it says.
const ARROWS: &[(&str, &[&str])] = &[
    ("blindjoin-bigint", &[]),
    ("blindjoin-cuckoo", &[]),
    ("blindjoin-record", &[]),
    ("blindjoin-terminal", &[]),
    ("blindjoin-journal", &[]),
    ("blindjoin-paillier", &["blindjoin-bigint"]),
    ("blindjoin-token", &["blindjoin-record"]),
    (
        "blindjoin-protocol",
        &["blindjoin-bigint", "blindjoin-paillier", "blindjoin-cuckoo"],
    ),
    (
        "blindjoin-linkage",
        &["blindjoin-record", "blindjoin-protocol"],
    ),
    (
        "blindjoin-columnar",
        &["blindjoin-record", "blindjoin-linkage"],
    ),
    (
        "blindjoin-service",
        &["blindjoin-protocol", "blindjoin-journal"],
    ),
    ("blindjoin-report", &[]),
    (
        "blindjoin-keyholder",
        &["blindjoin-service", "blindjoin-terminal"],
    ),
    (
        "blindjoin-provider",
        &[
            "blindjoin-service",
            "blindjoin-terminal",
            "blindjoin-columnar",
            "blindjoin-linkage",
            "blindjoin-protocol",
            "blindjoin-record",
        ],
    ),
    (
        "blindjoin-querier",
        &[
            "blindjoin-service",
            "blindjoin-terminal",
            "blindjoin-columnar",
            "blindjoin-linkage",
            "blindjoin-protocol",
            "blindjoin-record",
            "blindjoin-report",
        ],
    ),
    (
        "blindjoin",
        &[
            "blindjoin-columnar",
            "blindjoin-linkage",
            "blindjoin-protocol",
            "blindjoin-provider",
            "blindjoin-querier",
            "blindjoin-record",
            "blindjoin-service",
            "blindjoin-terminal",
            "blindjoin-token",
        ],
    ),
];

/// Foreign families that one crate alone may name, so that replacing one stays a local change.
const FENCED: &[(&str, &[&str])] = &[
    ("tonic", &["blindjoin-service"]),
    (
        "tokio",
        &[
            "blindjoin-service",
            "blindjoin-terminal",
            "blindjoin-keyholder",
            "blindjoin-provider",
            "blindjoin-querier",
            "blindjoin",
        ],
    ),
    ("arrow-array", &["blindjoin-columnar"]),
    ("parquet", &["blindjoin-columnar"]),
    ("redb", &["blindjoin-journal"]),
    (
        "num-bigint",
        &[
            "blindjoin-bigint",
            "blindjoin-paillier",
            "blindjoin-protocol",
        ],
    ),
];

/// The crates that must not reach for files, clocks, threads or hash-ordered maps.
const PURE: &[&str] = &[
    "cuckoo", "linkage", "paillier", "protocol", "record", "token",
];

struct Package {
    dependencies: BTreeSet<String>,
    roots: Vec<String>,
}

fn workspace() -> BTreeMap<String, Package> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs, since it runs this test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo metadata is JSON");
    let packages = metadata["packages"]
        .as_array()
        .expect("metadata lists packages");
    packages.iter().map(read_package).collect()
}

fn read_package(package: &Value) -> (String, Package) {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let dependencies = package["dependencies"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .map(|dependency| text(&dependency["name"]))
        .collect();
    let roots = package["targets"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|target| ["lib", "bin"].contains(&target["kind"][0].as_str().unwrap_or_default()))
        .map(|target| text(&target["src_path"]))
        .collect();
    (
        text(&package["name"]),
        Package {
            dependencies,
            roots,
        },
    )
}

#[test]
fn arrows_point_one_way() {
    let packages = workspace();
    let known: BTreeMap<_, _> = ARROWS.iter().copied().collect();
    for (name, package) in &packages {
        if name == "blindjoin-workspace" {
            continue;
        }
        let drawn = known
            .get(name.as_str())
            .unwrap_or_else(|| panic!("{name} is not in the table of arrows"));
        let named: BTreeSet<&str> = package
            .dependencies
            .iter()
            .filter(|dependency| packages.contains_key(*dependency))
            .map(String::as_str)
            .collect();
        let drawn: BTreeSet<&str> = drawn.iter().copied().collect();
        assert_eq!(named, drawn, "the arrows from {name}");
    }
    for (name, _) in ARROWS {
        assert!(
            packages.contains_key(*name),
            "{name} is in the table of arrows but not in the tree"
        );
    }
}

#[test]
fn foreign_families_stay_behind_their_fence() {
    for (name, package) in &workspace() {
        for (family, owners) in FENCED {
            assert!(
                !package.dependencies.contains(*family) || owners.contains(&name.as_str()),
                "{name} must not name {family}"
            );
        }
    }
}

#[test]
fn every_crate_root_but_bigint_forbids_unsafe_code() {
    for (name, package) in &workspace() {
        for root in &package.roots {
            let source = std::fs::read_to_string(root).expect("a crate root is readable");
            let forbids = source.contains("#![forbid(unsafe_code)]");
            assert_eq!(forbids, name != "blindjoin-bigint", "{root}");
        }
    }
}

/// The crate that has it all, and the packages outside of the workspace that call C libraries.
const ALLOWED_UNSAFE: [&str; 3] = ["crates/bigint", "benches/compare", "tests/interop"];

/// Tests and benches too: crate roots say it for the libraries and programs alone.
#[test]
fn no_file_outside_bigint_has_an_unsafe_block() {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()];
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder is readable") {
            let path = entry.expect("an entry is readable").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                let own = ALLOWED_UNSAFE.iter().any(|folder| path.ends_with(folder));
                if name != "target" && !name.starts_with('.') && !own {
                    folders.push(path);
                }
            } else if name.ends_with(".rs") {
                seen += 1;
                let source = std::fs::read_to_string(&path).expect("a source file is readable");
                // In two parts, so that this file is not one of them.
                let word = concat!("un", "safe");
                let opens = ["{", "fn", "impl", "trait", "extern"];
                let found = opens
                    .iter()
                    .any(|next| source.contains(&format!("{word} {next}")));
                assert!(!found, "{}", path.display());
            }
        }
    }
    assert!(seen > 300, "{seen} files");
}

#[test]
fn pure_crates_carry_the_lints_that_keep_them_pure() {
    let lints = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("crates")
            .join(name);
        std::fs::read_to_string(path.join(".clippy.toml"))
            .unwrap_or_else(|error| panic!("{name} has no .clippy.toml: {error}"))
    };
    let first = lints(PURE[0]);
    for banned in [
        "Instant::now",
        "SystemTime::now",
        "thread::spawn",
        "File::open",
        "env::var",
        "HashMap",
        "Mutex",
    ] {
        assert!(first.contains(banned), "{} does not ban {banned}", PURE[0]);
    }
    for name in PURE {
        assert_eq!(lints(name), first, "{name} has lints of its own");
    }
}
