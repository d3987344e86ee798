//! What the documents say about the protocol is what the protocol says.

use std::path::{Path, PathBuf};

use blindjoin_protocol::leakage;

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_leakage_table_is_the_protocols() {
    let table = leakage::table();
    for name in ["SECURITY.md", "crates/protocol/docs/leakage.md"] {
        assert!(
            document(name).contains(&table),
            "{name} should hold:\n\n{table}"
        );
    }
}

#[test]
fn tests_that_the_leakage_table_names_are_there() {
    let mut files = Vec::new();
    for folder in ["crates", "bins", "tests"] {
        collect(
            &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
            &mut files,
        );
    }
    for row in leakage::rows() {
        for pinned in row.pinned {
            let (module, test) = pinned.split_once("::").expect("a module and a test");
            let holds = |path: &&PathBuf| {
                path.file_stem().is_some_and(|stem| stem == module)
                    && std::fs::read_to_string(path)
                        .is_ok_and(|text| text.contains(&format!("fn {test}()")))
            };
            assert!(
                files.iter().any(|path| holds(&path)),
                "{}: no {pinned}",
                row.mode
            );
        }
    }
}

/// The files of Rust in a folder, but not what is built.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{error}"));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn the_readme_says_what_each_party_learns_by_default() {
    let summary = leakage::summary();
    let readme = document("README.md");
    assert!(
        readme.contains(&summary),
        "README.md should hold:\n\n{summary}"
    );
}
