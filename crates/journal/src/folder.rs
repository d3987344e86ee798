//! The folder of a journal, and who may look into it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::Error;

/// Makes the folder if it is not there, for its owner alone, and checks that nobody else may write
/// to it: whoever can replace the journal can reset budgets.
pub(crate) fn prepare(folder: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(at(folder))?;
    check_mode(folder, 0o022, true)
}

/// Makes the file with `build`, which gets the path of an empty file of its owner's alone, so that
/// it appears under its name whole or not at all.
///
/// If somebody else makes it at the same time, one of the two stays.
pub(crate) fn create(
    file: &Path,
    build: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<(), Error> {
    let unfinished = file.with_extension("new");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(at(&unfinished)(error));
        }
        _ => {}
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(&unfinished).map_err(at(&unfinished))?);
    build(&unfinished)?;
    // Unlike renaming, linking never replaces a journal that appeared meanwhile.
    match fs::hard_link(&unfinished, file) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(at(file)(error)),
        _ => {}
    }
    fs::remove_file(&unfinished).map_err(at(&unfinished))?;
    let folder = file.parent().unwrap_or_else(|| Path::new("."));
    sync(folder).map_err(at(folder))
}

/// Checks that the file is for its owner alone.
pub(crate) fn check_file(file: &Path) -> Result<(), Error> {
    check_mode(file, 0o077, false)
}

#[cfg(unix)]
fn check_mode(path: &Path, banned: u32, is_folder: bool) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path).map_err(at(path))?.permissions().mode() & 0o777;
    if mode & banned == 0 {
        return Ok(());
    }
    Err(Error::Permissions {
        path: path.to_owned(),
        mode,
        is_folder,
    })
}

#[cfg(not(unix))]
fn check_mode(_path: &Path, _banned: u32, _is_folder: bool) -> Result<(), Error> {
    Ok(())
}

/// Makes a new name durable.
#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync(_folder: &Path) -> io::Result<()> {
    Ok(())
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error {
    let path = PathBuf::from(path);
    move |source| Error::Folder {
        path: path.clone(),
        source,
    }
}
