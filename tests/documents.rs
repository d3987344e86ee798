//! What the documents say about the protocol is what the protocol says, and what they refer to is there.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use blindjoin_protocol::parts;

fn document(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn the_leakage_table_is_the_protocols() {
    let table = parts::table();
    for name in ["SECURITY.md", "crates/protocol/docs/leakage.md"] {
        assert!(
            document(name).contains(&table),
            "{name} should hold:\n\n{table}"
        );
    }
}

#[test]
fn tests_that_the_leakage_table_names_are_there() {
    let files = files(&["crates", "bins", "tests"], &["rs"]);
    for row in parts::rows() {
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

#[test]
fn the_readme_says_what_each_party_learns_by_default() {
    let summary = parts::summary();
    let readme = document("README.md");
    assert!(
        readme.contains(&summary),
        "README.md should hold:\n\n{summary}"
    );
}

/// The specification and what cites it: `spec/protocol.md, §5.4`, and every `§` in `spec` itself.
#[test]
fn cited_sections_of_the_specification_exist() {
    let sections = sections();
    let mut cited = BTreeSet::new();
    for path in files(
        &["crates", "bins", "tests", "proto", "docs", "examples"],
        &["rs", "md", "py", "proto"],
    ) {
        for line in read(&path).lines() {
            if let Some((_, rest)) = line.split_once("spec/protocol.md") {
                for section in numbers(rest) {
                    assert!(
                        sections.contains(&section),
                        "{}: no §{section} in spec/protocol.md",
                        path.display()
                    );
                    cited.insert(section);
                }
            }
        }
    }
    assert!(
        cited.len() > 20,
        "the code cites its specification: {cited:?}"
    );
    for path in files(&["spec"], &["md", "py"]) {
        for section in read(&path).lines().flat_map(numbers) {
            assert!(
                sections.contains(&section),
                "{}: no §{section} in spec/protocol.md",
                path.display()
            );
        }
    }
}

/// The numbers of the specification's headings.
fn sections() -> BTreeSet<String> {
    let heading = |line: &str| {
        let number = line.trim_start_matches('#').strip_prefix(' ')?;
        let number = number.split(' ').next()?.trim_end_matches('.');
        let first = number.chars().next().filter(char::is_ascii_digit);
        first.filter(|_| line.starts_with("##"))?;
        Some(number.to_owned())
    };
    document("spec/protocol.md")
        .lines()
        .filter_map(heading)
        .collect()
}

/// The numbers behind section signs.
fn numbers(text: &str) -> Vec<String> {
    let number = |part: &str| {
        let end = part
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(part.len());
        part[..end].trim_end_matches('.').to_owned()
    };
    let parts = text.split('§').skip(1).map(number);
    parts.filter(|number| !number.is_empty()).collect()
}

/// Links between documents lead to files, and to headings where they name one.
#[test]
fn links_lead_somewhere() {
    let all = files(
        &[
            "crates", "bins", "benches", "tests", "docs", "examples", "spec",
        ],
        &["md"],
    );
    // Pages inside `crates/*/docs` are part of rustdoc, which checks its links itself.
    let inner = |path: &PathBuf| {
        let text = path.to_string_lossy();
        text.contains("/crates/") && text.contains("/docs/")
    };
    let root = [
        "README.md",
        "SECURITY.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
    ];
    let root = root.map(|name| Path::new(env!("CARGO_MANIFEST_DIR")).join(name));
    let mut followed = 0;
    for path in all.into_iter().filter(|path| !inner(path)).chain(root) {
        for link in links(&read(&path)) {
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let folder = path.parent().expect("a file has a folder");
            let target = if file.is_empty() {
                path.clone()
            } else {
                folder.join(file)
            };
            let broken = || format!("{}: {link} leads nowhere", path.display());
            assert!(target.exists(), "{}", broken());
            assert!(
                heading.is_empty() || anchors(&read(&target)).contains(heading),
                "{}",
                broken()
            );
            followed += 1;
        }
    }
    assert!(followed > 30, "{followed} links");
}

/// Every crate says what it is, and what it is not, to whoever comes across its folder.
#[test]
fn every_crate_has_a_readme() {
    for parent in ["crates", "bins"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(parent);
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let manifest = read(&path.join("Cargo.toml"));
            let name = manifest.split('"').nth(1).expect("a package has a name");
            let readme = read(&path.join("README.md"));
            assert!(
                readme.starts_with(&format!("# {name}\n")),
                "{}",
                path.display()
            );
        }
    }
}

/// What links of a page point at, but for those that leave the repository.
fn links(page: &str) -> Vec<String> {
    let mut code = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code || line.starts_with("    ") {
            continue;
        }
        let targets = line.split("](").skip(1);
        let targets = targets.filter_map(|rest| rest.split(')').next());
        let here =
            targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
        found.extend(here.map(str::to_owned));
    }
    found
}

/// The names that headings of a page can be linked by.
fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| {
        let text = line.trim_start_matches('#').trim().to_lowercase();
        let kept = text
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// The files of these kinds in some folders, but not what is built.
fn files(folders: &[&str], extensions: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in folders {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        collect(&folder, extensions, &mut found);
    }
    found
}

fn collect(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{error}"));
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect(&path, extensions, found);
            }
        } else if extension.is_some_and(|extension| extensions.contains(&extension)) {
            found.push(path);
        }
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
