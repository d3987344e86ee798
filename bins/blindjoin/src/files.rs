//! Options about files that several commands share.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use blindjoin_columnar::{Error, Format};
use sha2::{Digest, Sha256};

/// A format by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum FormatName {
    Csv,
    Parquet,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Csv => Self::Csv,
            FormatName::Parquet => Self::Parquet,
        }
    }
}

/// The format of an output: by option, else by its name.
pub(crate) fn output_format(path: &Path, named: Option<FormatName>) -> Result<Format, Error> {
    named.map_or_else(|| Format::of(path), |name| Ok(name.into()))
}

/// SHA-256 of a file; nothing for standard input, which is gone once read.
pub(crate) fn digest(path: &Path) -> anyhow::Result<Option<[u8; 32]>> {
    if path == Path::new("-") {
        return Ok(None);
    }
    let name = || path.display().to_string();
    let mut file = File::open(path).with_context(name)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer).with_context(name)?;
        if read == 0 {
            return Ok(Some(hasher.finalize().into()));
        }
        hasher.update(&buffer[..read]);
    }
}
