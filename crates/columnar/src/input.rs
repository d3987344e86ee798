use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::content::{Content, TELLING};
use crate::{Error, Format, ReadOptions, Reader};

/// A table on its way in: a file that was opened once, or a stream.
///
/// All readings are of what was opened, though another file may take its name meanwhile. A stream
/// (standard input, a named pipe, a device) is read once; [`Input::repeatable`] makes it one that can
/// be read again.
///
/// ```no_run
/// use blindjoin_columnar::{Input, ReadOptions};
///
/// let input = Input::open("-".as_ref(), ReadOptions::strict())?.repeatable()?;
/// let rows = |input: &Input| input.reader()?.try_fold(0, |rows, chunk| Ok(rows + chunk?.len()));
/// assert_eq!(rows(&input)?, rows(&input)?);
/// # Ok::<(), blindjoin_columnar::Error>(())
/// ```
pub struct Input {
    name: Arc<str>,
    format: Format,
    options: ReadOptions,
    source: Source,
}

enum Source {
    /// Its bytes can be had from any place, at any time.
    File(Stored),
    /// Its bytes come once, in order.
    Stream(Box<dyn Read + Send>),
}

impl Input {
    /// Opens a file or stream, and standard input for `-`.
    ///
    /// The format is that of the options, else that of the name's extension; `.tsv` and `.tab` are CSV
    /// with tabs for commas, unless the options name a delimiter.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] where there is nothing to be read; [`Error::UnknownFormat`];
    /// [`Error::Content`] for a file that is neither CSV nor Parquet, whatever its name.
    pub fn open(path: &Path, mut options: ReadOptions) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self {
                name: "standard input".into(),
                format: options.format.unwrap_or(Format::Csv),
                options,
                source: Source::Stream(Box::new(io::stdin())),
            });
        }
        let name: Arc<str> = path.display().to_string().into();
        let fail = |source| Error::Input {
            file: Arc::clone(&name),
            source,
        };
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if metadata.is_dir() {
            return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        if tabs_by_name(path) {
            options.format.get_or_insert(Format::Csv);
            options.delimiter.get_or_insert(b'\t');
        }
        let source = if metadata.is_file() {
            Source::File(Stored::new(file, &metadata))
        } else {
            Source::Stream(Box::new(file))
        };
        let format = match options.format {
            Some(format) => format,
            None => Format::of(path).map_err(|unknown| match &source {
                Source::File(stored) => stored.unless_told(&name, unknown),
                Source::Stream(_) => unknown,
            })?,
        };
        Ok(Self {
            name,
            format,
            options,
            source,
        })
    }

    /// The file's name, for messages.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// How the table is written down.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The same, such that it can be read any number of times: a stream is copied to a temporary file
    /// that has no name and is gone with the process, however that ends.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] when the stream cannot be read or its copy not be written.
    pub fn repeatable(self) -> Result<Self, Error> {
        let source = match self.source {
            Source::File(stored) => stored,
            Source::Stream(stream) => copy(stream).map_err(|source| Error::Input {
                file: Arc::clone(&self.name),
                source,
            })?,
        };
        Ok(Self {
            source: Source::File(source),
            ..self
        })
    }

    /// SHA-256 of the file, whatever stands under its name by now.
    ///
    /// # Errors
    ///
    /// [`Error::Input`].
    ///
    /// # Panics
    ///
    /// As [`Input::reader`].
    pub fn digest(&self) -> Result<[u8; 32], Error> {
        let Source::File(stored) = &self.source else {
            panic!("a stream is read once, or made repeatable before");
        };
        stored.digest().map_err(|source| Error::Input {
            file: Arc::clone(&self.name),
            source,
        })
    }

    /// Reads the table from its beginning, once more.
    ///
    /// # Errors
    ///
    /// What is wrong with its header.
    ///
    /// # Panics
    ///
    /// If it is a stream: [`Input::repeatable`] makes it one that can be read again.
    pub fn reader(&self) -> Result<Reader, Error> {
        let Source::File(stored) = &self.source else {
            panic!("a stream is read once, or made repeatable before");
        };
        Reader::of_file(stored, Arc::clone(&self.name), self.format, self.options)
    }

    /// The file, unless it is a stream.
    pub(crate) fn stored(&self) -> Option<&Stored> {
        match &self.source {
            Source::File(stored) => Some(stored),
            Source::Stream(_) => None,
        }
    }

    /// Reads the table, and nobody after that: a stream is read as it comes.
    ///
    /// # Errors
    ///
    /// What is wrong with its header.
    pub fn into_reader(self) -> Result<Reader, Error> {
        match (self.source, self.format) {
            (Source::Stream(stream), Format::Csv) => {
                Reader::from_csv(stream, self.name, None, self.options)
            }
            // Its index stands at the end.
            (Source::Stream(stream), Format::Parquet) => {
                let stored = copy(stream).map_err(|source| Error::Input {
                    file: Arc::clone(&self.name),
                    source,
                })?;
                Reader::of_file(&stored, self.name, self.format, self.options)
            }
            (Source::File(stored), _) => {
                Reader::of_file(&stored, self.name, self.format, self.options)
            }
        }
    }
}

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Input")
            .field("name", &self.name)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

fn tabs_by_name(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["tsv", "tab"]
            .iter()
            .any(|tabs| extension.eq_ignore_ascii_case(tabs))
    })
}

fn copy(mut stream: Box<dyn Read + Send>) -> io::Result<Stored> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut stream, &mut file)?;
    file.flush()?;
    let metadata = file.metadata()?;
    Ok(Stored::new(file, &metadata))
}

/// A file whose bytes are had by their places, so that several may read it at once.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    file: Arc<File>,
    /// How many bytes there were when it was opened.
    pub(crate) length: u64,
}

impl Stored {
    fn new(file: File, metadata: &Metadata) -> Self {
        Self {
            file: Arc::new(file),
            length: metadata.len(),
        }
    }

    /// The bytes from a place on, in order.
    pub(crate) fn from(&self, place: u64) -> FromPlace {
        FromPlace {
            file: Arc::clone(&self.file),
            place,
        }
    }

    /// SHA-256 of all bytes.
    pub(crate) fn digest(&self) -> io::Result<[u8; 32]> {
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        let mut bytes = self.from(0);
        loop {
            let read = bytes.read(&mut buffer)?;
            if read == 0 {
                return Ok(digest.finalize().into());
            }
            digest.update(&buffer[..read]);
        }
    }

    /// What the first bytes say.
    pub(crate) fn content(&self) -> io::Result<Content> {
        let mut start = Vec::with_capacity(TELLING);
        self.from(0).take(TELLING as u64).read_to_end(&mut start)?;
        Ok(Content::of(&start))
    }

    /// A better complaint about a name that says no format: what the file is.
    fn unless_told(&self, name: &Arc<str>, unknown: Error) -> Error {
        match self.content() {
            Ok(Content::Text) | Err(_) => unknown,
            Ok(found) => Error::Content {
                file: Arc::clone(name),
                found,
                expected: Format::Csv,
            },
        }
    }
}

/// A file's bytes from a place on.
#[derive(Debug)]
pub(crate) struct FromPlace {
    file: Arc<File>,
    place: u64,
}

impl Read for FromPlace {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.place)?;
        self.place += read as u64;
        Ok(read)
    }
}
