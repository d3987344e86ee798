use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::Error;

const BUFFER: usize = 256 << 10;

/// A file of mode 0600 that appears whole or not at all.
///
/// What is written goes to a temporary file in the destination's folder; [`Output::commit`] makes it
/// durable and moves it to its name. Dropped before that, nothing remains. `-` is standard output,
/// and devices and pipes are written to directly.
///
/// Results say who is in whose registry, so its owner alone may read the file, from its first byte
/// on, whatever the process's umask and whatever file it replaces: that one's mode, and whoever has
/// it open, keep the old content and do not get the new.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    target: Target,
    force: bool,
}

#[derive(Debug)]
enum Target {
    Direct(BufWriter<File>),
    Standard(BufWriter<io::Stdout>),
    Temporary(BufWriter<NamedTempFile>),
}

impl Output {
    /// Prepares an output; an existing file is refused unless `force` says that it is to be replaced.
    ///
    /// # Errors
    ///
    /// [`Error::OutputExists`]; [`Error::Output`] when the folder is missing or not writable.
    pub fn create(path: &Path, force: bool) -> Result<Self, Error> {
        if path == Path::new("-") {
            let target = Target::Standard(BufWriter::with_capacity(BUFFER, io::stdout()));
            return Ok(Self {
                path: path.to_owned(),
                target,
                force,
            });
        }
        let fail = |source| Error::Output {
            path: path.to_owned(),
            source,
        };
        let mut path_written = path.to_owned();
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
            }
            Ok(found) if is_stream(&found) => {
                let file = File::options().write(true).open(path).map_err(fail)?;
                let target = Target::Direct(BufWriter::with_capacity(BUFFER, file));
                return Ok(Self {
                    path: path_written,
                    target,
                    force,
                });
            }
            Ok(_) if !force => {
                return Err(Error::OutputExists {
                    path: path.to_owned(),
                });
            }
            // A link is kept and what it points to is replaced.
            Ok(_) => path_written = fs::canonicalize(path).map_err(fail)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(fail(error)),
        }
        let temporary = tempfile::Builder::new()
            .prefix(".blindjoin-")
            .suffix(".part")
            .tempfile_in(folder(&path_written))
            .map_err(fail)?;
        // It was made with this mode less the umask, which may take the owner's own bits.
        let mode = fs::Permissions::from_mode(0o600);
        temporary.as_file().set_permissions(mode).map_err(fail)?;
        let target = Target::Temporary(BufWriter::with_capacity(BUFFER, temporary));
        Ok(Self {
            path: path_written,
            target,
            force,
        })
    }

    /// The destination.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this is standard output.
    pub fn is_standard(&self) -> bool {
        matches!(self.target, Target::Standard(_))
    }

    /// Makes the content durable and lets the file appear under its name.
    ///
    /// # Errors
    ///
    /// [`Error::OutputExists`] when the file has come into being since and replacing it was not
    /// asked for.
    pub fn commit(self) -> Result<(), Error> {
        let Self {
            path,
            target,
            force,
        } = self;
        let fail = |source| Error::Output {
            path: path.clone(),
            source,
        };
        match target {
            Target::Direct(mut file) => file.flush().map_err(fail),
            Target::Standard(mut stream) => stream.flush().map_err(fail),
            Target::Temporary(file) => {
                let file = file
                    .into_inner()
                    .map_err(|error| fail(error.into_error()))?;
                file.as_file().sync_all().map_err(fail)?;
                let moved = if force {
                    file.persist(&path)
                } else {
                    file.persist_noclobber(&path)
                };
                match moved {
                    Ok(_) => {}
                    Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                        return Err(Error::OutputExists { path });
                    }
                    Err(error) => return Err(fail(error.error)),
                }
                // The name itself is durable once its folder is.
                File::open(folder(&path))
                    .and_then(|folder| folder.sync_all())
                    .map_err(fail)
            }
        }
    }

    pub(crate) fn error(&self, source: io::Error) -> Error {
        Error::Output {
            path: self.path.clone(),
            source,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.target {
            Target::Direct(file) => file.write(bytes),
            Target::Standard(stream) => stream.write(bytes),
            Target::Temporary(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Direct(file) => file.flush(),
            Target::Standard(stream) => stream.flush(),
            Target::Temporary(file) => file.flush(),
        }
    }
}

fn is_stream(metadata: &Metadata) -> bool {
    let kind = metadata.file_type();
    kind.is_char_device() || kind.is_fifo() || kind.is_socket() || kind.is_block_device()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_appears_before_the_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.csv");
        let mut output = Output::create(&path, false).expect("created");
        output.write_all(b"abc").expect("written");
        assert!(!path.exists());
        output.commit().expect("committed");
        assert_eq!(fs::read(&path).expect("there"), b"abc");
        let mut abandoned = Output::create(&path, true).expect("created");
        abandoned.write_all(b"xyz").expect("written");
        drop(abandoned);
        assert_eq!(fs::read(&path).expect("there"), b"abc");
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 1);
    }

    #[test]
    fn existing_files_are_kept_unless_forced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.csv");
        let early = Output::create(&path, false).expect("nothing there yet");
        fs::write(&path, b"mine").expect("written");
        assert!(matches!(
            Output::create(&path, false),
            Err(Error::OutputExists { .. })
        ));
        assert!(matches!(early.commit(), Err(Error::OutputExists { .. })));
        assert_eq!(fs::read(&path).expect("there"), b"mine");
        Output::create(&path, true)
            .expect("forced")
            .commit()
            .expect("committed");
        assert_eq!(fs::read(&path).expect("there"), b"");
    }

    #[test]
    fn files_are_their_owners_alone_before_and_after_the_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        let path = folder.path().join("out.csv");
        fs::write(&path, b"old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("set");
        let link = folder.path().join("link.csv");
        std::os::unix::fs::symlink(&path, &link).expect("linked");
        let mut reader = File::open(&path).expect("open");
        let mut output = Output::create(&link, true).expect("created");
        output.write_all(b"new").expect("written");
        let part = fs::read_dir(folder.path())
            .expect("folder")
            .map(|entry| entry.expect("an entry").path())
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "part")
            });
        assert_eq!(mode(&part.expect("a temporary file")), 0o600);
        output.commit().expect("committed");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read(&link).expect("there"), b"new");
        // Who had the old file open does not see the new content.
        let mut seen = String::new();
        io::Read::read_to_string(&mut reader, &mut seen).expect("read");
        assert_eq!(seen, "old");
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("no/such/out.csv");
        assert!(matches!(
            Output::create(&path, false),
            Err(Error::Output { .. })
        ));
    }
}
