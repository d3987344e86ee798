//! Where the recorded results of OpenToken's programs lie.

use std::path::{Path, PathBuf};

use crate::data;

/// The repository's vectors, and more where they are.
pub(crate) fn folders() -> impl Iterator<Item = PathBuf> {
    std::iter::once(data::own("opentoken")).chain(data::outside("vectors/opentoken"))
}

/// The sets of rows in a folder.
pub(crate) fn sets(folder: &Path) -> Vec<String> {
    let names = folder.read_dir().unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let sets = names.filter_map(|name| Some(name.strip_suffix("_input.csv")?.to_owned()));
    let sets: Vec<String> = sets.collect();
    assert!(!sets.is_empty(), "{}", folder.display());
    sets
}
