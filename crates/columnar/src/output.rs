use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::stream::{Siblings, Stream};
use crate::unfinished::{Pending, hold};

const BUFFER: usize = 256 << 10;

/// A file of mode 0600 that appears whole or not at all.
///
/// What is written goes to a temporary file in the destination's folder, which has no name where the
/// file system allows that; [`Output::commit`] makes it durable and puts it under its name. Dropped
/// before that, nothing remains, and neither if the process dies. `-` is standard output, and devices
/// and pipes are written to directly. A link is kept: what it points to appears or is replaced,
/// whether or not it is there already.
///
/// Results say who is in whose registry, so its owner alone may read the file, from its first byte
/// on, whatever the process's umask and whatever file it replaces: that one's mode, and whoever has
/// it open, keep the old content and do not get the new.
#[derive(Debug)]
pub struct Output {
    /// As it was named.
    path: PathBuf,
    /// Where it goes, links followed.
    written: PathBuf,
    target: Target,
    force: bool,
}

#[derive(Debug)]
enum Target {
    Direct(BufWriter<Stream<File>>),
    Standard(BufWriter<Stream<io::Stdout>>),
    Pending(BufWriter<Pending>),
}

impl Output {
    /// Prepares an output; an existing file is refused unless `force` says that it is to be replaced.
    ///
    /// # Errors
    ///
    /// [`Error::OutputExists`]; [`Error::Output`] when the folder is missing or not writable.
    pub fn create(path: &Path, force: bool) -> Result<Self, Error> {
        Outputs::new(force).create(path)
    }

    fn prepare(path: &Path, force: bool, siblings: &Siblings) -> Result<Self, Error> {
        let fail = |source| Error::Output {
            path: path.to_owned(),
            source,
        };
        let new = |written: PathBuf, target| Self {
            path: path.to_owned(),
            written,
            target,
            force,
        };
        if path == Path::new("-") {
            let stream = Stream::new(io::stdout(), siblings.clone());
            let target = Target::Standard(BufWriter::with_capacity(BUFFER, stream));
            return Ok(new(path.to_owned(), target));
        }
        let written = match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
            }
            Ok(found) if is_stream(&found) => {
                let file = File::options().write(true).open(path).map_err(fail)?;
                let stream = Stream::new(file, siblings.clone());
                let target = Target::Direct(BufWriter::with_capacity(BUFFER, stream));
                return Ok(new(path.to_owned(), target));
            }
            Ok(_) if !force => {
                return Err(Error::OutputExists {
                    path: path.to_owned(),
                });
            }
            Ok(_) => fs::canonicalize(path).map_err(fail)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                end_of_links(path).map_err(fail)?
            }
            Err(error) => return Err(fail(error)),
        };
        let pending = pending_in(folder(&written)).map_err(fail)?;
        let target = Target::Pending(BufWriter::with_capacity(BUFFER, pending));
        Ok(new(written, target))
    }

    /// The destination as it was named.
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
        Self::commit_all([self])
    }

    /// The same for several: none appears before all are whole and durable, and an interruption finds
    /// all of them or none.
    ///
    /// # Errors
    ///
    /// As for one. Those before it have then appeared.
    pub fn commit_all(outputs: impl IntoIterator<Item = Self>) -> Result<(), Error> {
        let whole: Vec<Whole> = outputs
            .into_iter()
            .map(Self::complete)
            .collect::<Result<_, _>>()?;
        let mut held = hold();
        whole
            .into_iter()
            .try_for_each(|whole| whole.appear(&mut held))
    }

    /// Brings everything that was written to where it must be before the file gets its name.
    fn complete(self) -> Result<Whole, Error> {
        let Self {
            path,
            written,
            target,
            force,
        } = self;
        let fail = |source| Error::Output {
            path: path.clone(),
            source,
        };
        let pending = match target {
            Target::Direct(mut file) => {
                file.flush().map_err(fail)?;
                None
            }
            Target::Standard(mut stream) => {
                stream.flush().map_err(fail)?;
                None
            }
            Target::Pending(file) => {
                let pending = file
                    .into_inner()
                    .map_err(|error| fail(error.into_error()))?;
                pending.sync().map_err(fail)?;
                Some(pending)
            }
        };
        Ok(Whole {
            path,
            written,
            pending,
            force,
        })
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
            Target::Pending(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Direct(file) => file.flush(),
            Target::Standard(stream) => stream.flush(),
            Target::Pending(file) => file.flush(),
        }
    }
}

/// An output that lacks nothing but its name; nothing pending where it never had another.
struct Whole {
    path: PathBuf,
    written: PathBuf,
    pending: Option<Pending>,
    force: bool,
}

impl Whole {
    fn appear(self, held: &mut Vec<PathBuf>) -> Result<(), Error> {
        let Some(pending) = self.pending else {
            return Ok(());
        };
        let fail = |source| Error::Output {
            path: self.path.clone(),
            source,
        };
        match pending.appear_at(&self.written, self.force, held) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(Error::OutputExists { path: self.path });
            }
            Err(error) => return Err(fail(error)),
        }
        // The name itself is durable once its folder is.
        File::open(folder(&self.written))
            .and_then(|folder| folder.sync_all())
            .map_err(fail)
    }
}

/// The outputs of one run, of which no two may be the same file.
#[derive(Debug)]
pub struct Outputs {
    force: bool,
    siblings: Siblings,
    taken: Vec<PathBuf>,
}

impl Outputs {
    /// None yet; `force` says that existing files are to be replaced.
    pub fn new(force: bool) -> Self {
        Self {
            force,
            siblings: Siblings::default(),
            taken: Vec::new(),
        }
    }

    /// Prepares the next one in place of a file that may be replaced.
    ///
    /// # Errors
    ///
    /// As for [`Outputs::create`].
    pub fn replace(&mut self, path: &Path) -> Result<Output, Error> {
        self.add(path, true)
    }

    /// Prepares the next one.
    ///
    /// # Errors
    ///
    /// [`Error::OutputTwice`] where an earlier one goes to the same place, links followed; the errors
    /// of [`Output::create`].
    pub fn create(&mut self, path: &Path) -> Result<Output, Error> {
        self.add(path, self.force)
    }

    fn add(&mut self, path: &Path, force: bool) -> Result<Output, Error> {
        let output = Output::prepare(path, force, &self.siblings)?;
        self.siblings.add();
        let place = match &output.target {
            // Such as /dev/null, which takes everything.
            Target::Direct(_) => return Ok(output),
            Target::Standard(_) => output.path.clone(),
            Target::Pending(_) => {
                let folder = fs::canonicalize(folder(&output.written));
                let folder = folder.map_err(|source| output.error(source))?;
                folder.join(output.written.file_name().unwrap_or_default())
            }
        };
        if self.taken.contains(&place) {
            return Err(Error::OutputTwice {
                path: path.to_owned(),
            });
        }
        self.taken.push(place);
        Ok(output)
    }
}

fn is_stream(metadata: &Metadata) -> bool {
    let kind = metadata.file_type();
    kind.is_char_device() || kind.is_fifo() || kind.is_socket() || kind.is_block_device()
}

/// Where a path leads that is no link or one to what is not there.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("there are too many links"))
}

fn pending_in(folder: &Path) -> io::Result<Pending> {
    if !folder.is_dir() {
        let text = format!("there is no folder {}", folder.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, text));
    }
    // Without the temporary name, which is nobody's concern.
    Pending::create_in(folder).map_err(|error| io::Error::from(error.kind()))
}

pub(crate) fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn nothing_appears_before_the_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("out.csv");
        let mut output = Output::create(&path, false).expect("created");
        output.write_all(b"abc").expect("written");
        assert!(!path.exists());
        let names = fs::read_dir(folder.path()).expect("folder").count();
        assert_eq!(
            names,
            usize::from(cfg!(not(target_os = "linux"))),
            "it has no name yet"
        );
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
        // Without a name nobody else can open it; where it has one, its mode sees to that.
        let parts = fs::read_dir(folder.path())
            .expect("folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|end| end == "part"));
        parts.for_each(|part| assert_eq!(mode(&part), 0o600));
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

    #[test]
    fn links_are_kept_and_followed_whether_or_not_they_lead_to_a_file() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("there")).expect("made");
        symlink("there/out.csv", at("one.csv")).expect("linked");
        symlink("one.csv", at("two.csv")).expect("linked");
        let write = |text: &[u8], force| {
            let mut output = Output::create(&at("two.csv"), force)?;
            output.write_all(text).expect("written");
            output.commit()
        };
        write(b"first", false).expect("the link dangles");
        assert_eq!(fs::read(at("there/out.csv")).expect("there"), b"first");
        assert!(matches!(
            write(b"second", false),
            Err(Error::OutputExists { .. })
        ));
        write(b"third", true).expect("forced");
        assert_eq!(fs::read(at("there/out.csv")).expect("there"), b"third");
        for link in ["one.csv", "two.csv"] {
            let kind = fs::symlink_metadata(at(link)).expect("there").file_type();
            assert!(kind.is_symlink(), "{link}");
        }
        symlink("nowhere/out.csv", at("lost.csv")).expect("linked");
        assert!(matches!(
            Output::create(&at("lost.csv"), false),
            Err(Error::Output { .. })
        ));
        symlink("loop.csv", at("loop.csv")).expect("linked");
        assert!(matches!(
            Output::create(&at("loop.csv"), true),
            Err(Error::Output { .. })
        ));
        assert_eq!(fs::read_dir(at("there")).expect("folder").count(), 1);
    }

    #[test]
    fn no_two_outputs_go_to_one_place() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("in")).expect("made");
        symlink("in", at("also-in")).expect("linked");
        symlink("in/out.csv", at("link.csv")).expect("linked");
        for (one, other) in [
            ("in/out.csv", "in/out.csv"),
            ("in/out.csv", "also-in/out.csv"),
            ("in/out.csv", "in/../in/./out.csv"),
            ("link.csv", "in/out.csv"),
        ] {
            let mut outputs = Outputs::new(true);
            let _first = outputs.create(&at(one)).expect("the first");
            let second = outputs.create(&at(other));
            assert!(
                matches!(second, Err(Error::OutputTwice { .. })),
                "{one}, {other}"
            );
            outputs.create(&at("in/other.csv")).expect("another place");
        }
        let mut outputs = Outputs::new(false);
        let _null = outputs
            .create("/dev/null".as_ref())
            .expect("takes everything");
        outputs
            .create("/dev/null".as_ref())
            .expect("takes everything");
    }

    #[test]
    fn several_appear_together() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let mut outputs = Outputs::new(false);
        let both: Vec<Output> = ["a.csv", "b.csv"]
            .iter()
            .map(|name| outputs.create(&at(name)).expect("prepared"))
            .collect();
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 0);
        Output::commit_all(both).expect("committed");
        assert_eq!(fs::read_dir(folder.path()).expect("folder").count(), 2);
    }
}
