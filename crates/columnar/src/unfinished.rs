//! Files that are being written, and what becomes of them when the process is interrupted.

#[cfg(target_os = "linux")]
use std::fs::OpenOptions;
use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::output::folder;

/// The names of files that are not whole: few, since most have none.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes every file that is not whole, once those that are about to appear have done so; none
/// appears after that.
///
/// For whoever ends the process at a signal. On Linux there is seldom anything to remove: a file that
/// is being written has no name there, and is gone with the process.
pub fn abandon_outputs() {
    let names = hold();
    for name in names.iter() {
        std::fs::remove_file(name).unwrap_or_default();
    }
    // Held to the end of the process.
    std::mem::forget(names);
}

/// Keeps an interruption waiting.
pub(crate) fn hold() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file that is being written and will get its name when it is whole.
#[derive(Debug)]
pub(crate) enum Pending {
    /// It has none before.
    #[cfg(target_os = "linux")]
    Nameless(File),
    /// It has a temporary one, where the file system knows no nameless files.
    Named(Temporary),
}

impl Pending {
    pub(crate) fn create_in(folder: &Path) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = nameless(folder) {
            return Ok(Self::Nameless(file));
        }
        Ok(Self::Named(Temporary::create_in(folder)?))
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => file.sync_all(),
            Self::Named(temporary) => temporary.file.as_file().sync_all(),
        }
    }

    /// Puts the file under its name; of one that is there it takes the place only if `force` says so.
    ///
    /// The caller [holds](hold) interruptions off meanwhile.
    pub(crate) fn appear_at(
        self,
        path: &Path,
        force: bool,
        held: &mut Vec<PathBuf>,
    ) -> io::Result<()> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => match link(&file, path) {
                Err(error) if force && error.kind() == io::ErrorKind::AlreadyExists => {
                    // A link never replaces a file; a file that moves does.
                    let named = builder().make_in(folder(path), |name| link(&file, name))?;
                    named
                        .into_temp_path()
                        .persist(path)
                        .map_err(|error| error.error)
                }
                linked => linked,
            },
            Self::Named(temporary) => {
                let file = temporary.release(held);
                let moved = if force {
                    file.persist(path)
                } else {
                    file.persist_noclobber(path)
                };
                moved.map(drop).map_err(|error| error.error)
            }
        }
    }
}

impl Write for Pending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            #[cfg(target_os = "linux")]
            Self::Nameless(file) => file.write(bytes),
            Self::Named(temporary) => temporary.file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file under a temporary name, which is gone when this is.
#[derive(Debug)]
pub(crate) struct Temporary {
    file: NamedTempFile,
    noted: Noted,
}

/// A name that is to be removed if the process is interrupted.
#[derive(Debug)]
struct Noted(Option<PathBuf>);

impl Temporary {
    fn create_in(folder: &Path) -> io::Result<Self> {
        // Noted while nothing can interrupt, so that there is no name that nobody knows.
        let mut held = hold();
        let file = builder().tempfile_in(folder)?;
        owners_alone(file.as_file())?;
        held.push(file.path().to_owned());
        let noted = Noted(Some(file.path().to_owned()));
        Ok(Self { file, noted })
    }

    /// The file, whose name is no longer to be removed.
    fn release(mut self, held: &mut Vec<PathBuf>) -> NamedTempFile {
        if let Some(name) = self.noted.0.take() {
            held.retain(|known| *known != name);
        }
        self.file
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        if let Some(name) = self.0.take() {
            hold().retain(|known| *known != name);
        }
    }
}

fn builder() -> tempfile::Builder<'static, 'static> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".blindjoin-").suffix(".part");
    builder
}

/// Sets the mode whatever the process's umask, which may take the owner's own bits.
fn owners_alone(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(0o600))
}

/// A file without a name, where the file system knows such files and `/proc` can give it one later.
#[cfg(target_os = "linux")]
fn nameless(folder: &Path) -> Option<File> {
    use std::os::unix::fs::OpenOptionsExt;

    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::TMPFILE.bits().cast_signed())
        .open(folder)
        .ok()?;
    owners_alone(&file).ok()?;
    descriptor(&file).try_exists().ok()?.then_some(file)
}

/// Gives a nameless file its first name.
#[cfg(target_os = "linux")]
fn link(file: &File, name: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};

    Ok(linkat(
        CWD,
        descriptor(file),
        CWD,
        name,
        AtFlags::SYMLINK_FOLLOW,
    )?)
}

#[cfg(target_os = "linux")]
fn descriptor(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;

    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As on a file system that knows no nameless files.
    #[test]
    fn a_named_file_appears_like_a_nameless_one_and_leaves_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.csv");
        let write = |text: &[u8]| {
            let temporary = Temporary::create_in(folder.path()).expect("created");
            let name = temporary.file.path().to_owned();
            assert!(hold().contains(&name));
            let mut pending = Pending::Named(temporary);
            pending.write_all(text).expect("written");
            pending.sync().expect("synced");
            (pending, name)
        };
        let (pending, name) = write(b"one");
        pending
            .appear_at(&path, false, &mut hold())
            .expect("nothing is there");
        assert!(!hold().contains(&name));
        let (pending, _) = write(b"two");
        let refused = pending.appear_at(&path, false, &mut hold());
        assert_eq!(
            refused.map_err(|error| error.kind()),
            Err(io::ErrorKind::AlreadyExists)
        );
        let (pending, _) = write(b"three");
        pending
            .appear_at(&path, true, &mut hold())
            .expect("replaced");
        let (abandoned, name) = write(b"four");
        drop(abandoned);
        assert!(!hold().contains(&name));
        assert_eq!(std::fs::read(&path).expect("there"), b"three");
        let names = std::fs::read_dir(folder.path())
            .expect("the folder")
            .count();
        assert_eq!(names, 1);
    }
}
