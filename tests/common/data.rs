//! The files that tests read: those of the repository, and those that some machines have beside it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// A file or folder of `tests/data`, which every clone has.
pub(crate) fn own(name: &str) -> PathBuf {
    let path = root().join("tests/data").join(name);
    assert!(
        path.exists(),
        "{} belongs to the repository",
        path.display()
    );
    path
}

/// A file or folder in `shared` beside the repository, if it is there.
///
/// If it is not, this says SKIPPED where the test harness does not catch it, and with
/// `BLINDJOIN_REQUIRE_DATA=1` the test fails.
pub(crate) fn outside(name: &str) -> Option<PathBuf> {
    let path = root().join("../shared").join(name);
    if path.exists() {
        return Some(path);
    }
    let test = std::thread::current();
    let test = test.name().unwrap_or("a test");
    let said = format!("SKIPPED: {test} without ../shared/{name}\n");
    assert!(
        std::env::var_os("BLINDJOIN_REQUIRE_DATA").is_none_or(|value| value != "1"),
        "{said}"
    );
    // The macros of the standard library would leave it in the harness's hands.
    std::io::stderr()
        .write_all(said.as_bytes())
        .expect("standard error is open");
    None
}

/// The repository.
fn root() -> PathBuf {
    let mut folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    while !folder.join("tests/data").is_dir() {
        folder = folder.parent().expect("a crate lies in the repository");
    }
    folder.to_owned()
}
