//! How the files of a crate hang together: no circle among them, and few names at the front door.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The crates whose files are held to an order.
const ORDERED: [&str; 2] = ["bigint", "protocol"];

/// The most names that a linkage is asked for by: everything in the documentation of `protocol` but
/// what is for drivers.
const FRONT: usize = 45;

/// The most names that a driver of sessions needs besides.
const SESSION: usize = 18;

fn source(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("crates")
        .join(name)
        .join("src")
}

/// The files below a folder: their modules' paths, with what they say outside of comments and tests.
fn files(folder: &Path, module: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder is readable") {
        let path = entry.expect("an entry is readable").path();
        let name = path.file_stem().expect("a name").to_string_lossy();
        let module = format!("{module}{name}");
        if path.is_dir() {
            files(&path, &format!("{module}::"), found);
        } else {
            let text = std::fs::read_to_string(&path).expect("a source file is readable");
            let code = text.split("#[cfg(test)]\nmod tests").next();
            let lines = code.unwrap_or_default().lines();
            let code: Vec<&str> = lines
                .map(|line| line.split("//").next().unwrap_or_default())
                .collect();
            found.insert(module, code.join("\n"));
        }
    }
}

/// The names in a tree of imports, `a::{b, c::d}`, with their paths.
fn leaves(tree: &str, before: &str, found: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((path, group)) = tree.split_once('{') else {
        found.push(format!("{before}{tree}"));
        return;
    };
    let before = format!("{before}{}", path.trim());
    let (mut depth, mut start) = (0, 0);
    let group = group.rsplit_once('}').expect("a closed group").0;
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                leaves(&group[start..at], &before, found);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !group[start..].trim().is_empty() {
        leaves(&group[start..], &before, found);
    }
}

/// What the imports of a file name, those alone that it exports if `exported`.
fn imported(code: &str, exported: bool) -> Vec<String> {
    let mut found = Vec::new();
    for (at, word) in code.match_indices("use ") {
        let before = code[..at].rsplit('\n').next().unwrap_or_default();
        let line = before.trim();
        if line == "pub" || (!exported && (line.is_empty() || line.starts_with("pub("))) {
            let tree = code[at + word.len()..].split(';').next();
            let mut own = Vec::new();
            leaves(tree.unwrap_or_default(), "", &mut own);
            // In a module within the file the first `super` is the file.
            let inside = before.starts_with(' ');
            found.extend(
                own.into_iter()
                    .map(|path| match path.strip_prefix("super::") {
                        Some(path) if inside => path.to_owned(),
                        _ => path,
                    }),
            );
        }
    }
    found
}

/// What a file names of its crate, from the root on.
fn named(module: &str, code: &str) -> Vec<String> {
    let imports = imported(code, false);
    let mut found: Vec<String> = imports
        .iter()
        .map(|path| {
            if let Some(path) = path.strip_prefix("crate::") {
                path.to_owned()
            } else if let Some(path) = path.strip_prefix("super::") {
                let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
                format!("{parent}::{path}")
            } else {
                // A child, where there is one of this name.
                format!("{module}::{path}")
            }
        })
        .collect();
    // Paths outside of imports.
    found.extend(code.split("crate::").skip(1).map(|path| {
        let ends = |letter: char| !letter.is_alphanumeric() && letter != '_' && letter != ':';
        path.split(ends).next().unwrap_or_default().to_owned()
    }));
    found
}

/// The files that lie on a circle, or between two: those that are left where files that need no other,
/// and files that no other needs, are taken away as long as there are some.
fn circles(files: &BTreeMap<String, String>) -> BTreeMap<&str, BTreeSet<&str>> {
    let target = |path: &str| {
        let mut ends: Vec<usize> = path.match_indices("::").map(|(end, _)| end).collect();
        ends.push(path.len());
        let mut modules = ends.into_iter().rev().map(|end| &path[..end]);
        modules.find_map(|module| files.get_key_value(module.trim_start_matches(':')))
    };
    let mut arrows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (module, code) in files.iter().filter(|(module, _)| *module != "lib") {
        let paths = named(module, code);
        let to = paths.iter().filter_map(|path| target(path));
        let to = to.map(|(to, _)| to.as_str()).filter(|to| to != module);
        arrows.insert(module, to.collect());
    }
    loop {
        let needed: BTreeSet<&str> = arrows.values().flatten().copied().collect();
        let left: BTreeSet<&str> = arrows
            .iter()
            .filter(|(module, to)| !to.is_empty() && needed.contains(*module))
            .map(|(module, _)| *module)
            .collect();
        if left.len() == arrows.len() {
            return arrows;
        }
        arrows.retain(|module, _| left.contains(module));
        for to in arrows.values_mut() {
            to.retain(|module| left.contains(module));
        }
    }
}

#[test]
fn no_file_needs_one_that_needs_it() {
    for name in ORDERED {
        let mut found = BTreeMap::new();
        files(&source(name), "", &mut found);
        assert!(found.len() > 20, "{name}: {} files", found.len());
        let circles = circles(&found);
        assert!(circles.is_empty(), "{name}: {circles:#?}");
    }
}

/// The judge of the test above, judged.
#[test]
fn a_circle_is_found_and_what_leads_to_it_is_not() {
    let file = |module: &str, code: &str| (module.to_owned(), code.to_owned());
    let files = BTreeMap::from([
        file("lib", "pub use a::A;"),
        file("a", "use crate::{b::{B, C}, d};"),
        file("b", "mod c;\nuse c::C;\nuse crate::d::D;"),
        file("b::c", "fn f() -> crate::a::A {}"),
        file("d", "use std::fmt;"),
        file("e", "use super::a::A;"),
    ]);
    let found: Vec<&str> = circles(&files).into_keys().collect();
    assert_eq!(found, ["a", "b", "b::c"]);
}

/// The names that a file makes public: what it exports, and what it defines.
fn public(code: &str) -> Vec<String> {
    let mut found = imported(code, true);
    let mut hidden = false;
    for line in code.lines() {
        let defined = ["struct", "enum", "trait", "fn", "const", "type"];
        let defined = defined
            .iter()
            .any(|kind| line.starts_with(&format!("pub {kind} ")));
        if defined && !hidden {
            found.push(line.to_owned());
        }
        hidden = line == "#[doc(hidden)]" || (hidden && line.starts_with('#'));
    }
    found
}

#[test]
fn the_front_door_of_the_protocol_has_few_names() {
    let mut found = BTreeMap::new();
    files(&source("protocol"), "", &mut found);
    let (front, parts) = found["lib"]
        .split_once("#[doc(hidden)]\npub mod parts")
        .expect("what is for tests comes last, and is not documented");
    assert!(!parts.contains("\npub mod"));
    let mut names = public(front);
    let doors: Vec<&str> = front
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .filter(|module| *module != "session")
        .collect();
    assert_eq!(doors, ["leakage", "local"]);
    names.extend(doors.iter().flat_map(|module| public(&found[*module])));
    // Another crate under its own name is one door, and none of ours.
    names.retain(|name| name != "blindjoin_paillier as paillier");
    assert!(names.len() <= FRONT, "{}: {names:#?}", names.len());
    let session = public(&found["session"]);
    assert!(session.len() <= SESSION, "{}: {session:#?}", session.len());
}

#[test]
fn no_program_takes_the_protocol_apart() {
    let crates = std::fs::read_dir(source("protocol").join("../..")).expect("a folder");
    let bins = std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("bins"));
    let mut seen = 0;
    for package in crates.chain(bins.expect("a folder")) {
        let package = package.expect("an entry is readable").path();
        if package.ends_with("protocol") || !package.join("src").exists() {
            continue;
        }
        let mut found = BTreeMap::new();
        files(&package.join("src"), "", &mut found);
        for (module, code) in found {
            seen += 1;
            let taken =
                code.contains("blindjoin_protocol::parts") || code.contains("protocol::parts");
            assert!(!taken, "{}: {module}", package.display());
        }
    }
    assert!(seen > 100, "{seen} files");
}
