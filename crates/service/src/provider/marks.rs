//! Which keys a published version of a registry had, in 64 bits each.
//!
//! A registry that has outgrown what was published is served in the version that was published,
//! until the next date. No copy of the registry is kept for this: of every key a mark, 64 bits that
//! mean nothing without the secret of the journal's noise. What is served is what has a mark and is
//! still there. Who was removed from the registry is gone at once.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use rayon::slice::ParallelSliceMut;
use sha2::{Digest, Sha256};

use crate::Error;
use crate::fingerprint::hex;

/// What a file of marks begins with.
const MAGIC: &[u8; 16] = b"blindjoin marks1";

const PREFIX: &str = "marks-";

/// Marks in ascending order.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<u64>);

/// SHA-256 of a file of marks, by which it is also called.
pub(super) type MarksDigest = [u8; 32];

impl Marks {
    pub(super) fn new(mut marks: Vec<u64>) -> Self {
        marks.par_sort_unstable();
        marks.dedup();
        Self(marks)
    }

    pub(super) fn has(&self, mark: u64) -> bool {
        self.0.binary_search(&mark).is_ok()
    }

    /// Writes the marks to their own file of a folder: whole, and for its owner alone.
    pub(super) fn write(&self, folder: &Path) -> Result<MarksDigest, Error> {
        let mut hash = Sha256::new().chain_update(MAGIC);
        for mark in &self.0 {
            hash.update(mark.to_be_bytes());
        }
        let digest = hash.finalize().into();
        let path = path(folder, &digest);
        let unfinished = path.with_extension("new");
        let written = || {
            let mut options = fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = BufWriter::new(options.open(&unfinished)?);
            file.write_all(MAGIC)?;
            for mark in &self.0 {
                file.write_all(&mark.to_be_bytes())?;
            }
            file.into_inner()?.sync_all()?;
            fs::rename(&unfinished, &path)?;
            if cfg!(unix) {
                File::open(folder)?.sync_all()?;
            }
            Ok(())
        };
        written().map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        Ok(digest)
    }

    /// Reads the marks of this digest.
    ///
    /// # Errors
    ///
    /// [`Error::Kept`] if they are not what was written.
    pub(super) fn read(folder: &Path, digest: &MarksDigest) -> Result<Self, Error> {
        let path = path(folder, digest);
        let mut bytes = Vec::new();
        File::open(&path)
            .and_then(|file| BufReader::new(file).read_to_end(&mut bytes))
            .map_err(|source| Error::File { path, source })?;
        let damaged = || Error::Kept {
            what: "its marks of the published version",
        };
        if <[u8; 32]>::from(Sha256::digest(&bytes)) != *digest {
            return Err(damaged());
        }
        let marks = bytes.strip_prefix(MAGIC).ok_or_else(damaged)?;
        let (marks, rest) = marks.as_chunks();
        if !rest.is_empty() {
            return Err(damaged());
        }
        Ok(Self(
            marks.iter().map(|mark| u64::from_be_bytes(*mark)).collect(),
        ))
    }
}

/// Removes all files of marks from a folder but those of these digests.
pub(super) fn clean(folder: &Path, kept: &BTreeSet<MarksDigest>) -> Result<(), Error> {
    let kept: BTreeSet<_> = kept.iter().map(|digest| path(folder, digest)).collect();
    let cleaned = || {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let is_marks = entry.file_name().to_string_lossy().starts_with(PREFIX);
            if is_marks && !kept.contains(&entry.path()) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    };
    cleaned().map_err(|source| Error::File {
        path: folder.to_owned(),
        source,
    })
}

fn path(folder: &Path, digest: &MarksDigest) -> PathBuf {
    folder.join(format!("{PREFIX}{}", hex(&digest[..16])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_outlive_a_restart_and_nothing_else_is_taken_for_them() {
        let folder = tempfile::tempdir().unwrap();
        let digest = Marks::new(vec![7, 3, 7, u64::MAX])
            .write(folder.path())
            .unwrap();
        let marks = Marks::read(folder.path(), &digest).unwrap();
        let has = [3, 7, u64::MAX, 4, 0].map(|mark| marks.has(mark));
        assert_eq!(has, [true, true, true, false, false]);

        let file = path(folder.path(), &digest);
        let whole = fs::read(&file).unwrap();
        let mut other = whole.clone();
        other[20] ^= 1;
        for bytes in [&other[..], &whole[..whole.len() - 8], b""] {
            fs::write(&file, bytes).unwrap();
            let error = Marks::read(folder.path(), &digest).unwrap_err();
            assert!(matches!(error, Error::Kept { .. }), "{error:?}");
        }
        fs::remove_file(&file).unwrap();
        let error = Marks::read(folder.path(), &digest).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error:?}");
    }

    #[test]
    fn only_the_marks_that_are_named_stay() {
        let folder = tempfile::tempdir().unwrap();
        let write = |marks: &[u64]| Marks::new(marks.to_vec()).write(folder.path()).unwrap();
        let (one, other) = (write(&[1, 2]), write(&[]));
        fs::write(folder.path().join("journal.redb"), "").unwrap();
        clean(folder.path(), &[one].into()).unwrap();
        Marks::read(folder.path(), &one).unwrap();
        Marks::read(folder.path(), &other).unwrap_err();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
