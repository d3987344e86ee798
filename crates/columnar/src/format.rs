use std::fmt;
use std::path::Path;

use crate::Error;

/// How a table is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated text with a header, UTF-8.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format that a name's extension stands for; standard streams (`-`) are CSV.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownFormat`] for every other extension and for none.
    pub fn of(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self::Csv);
        }
        let extension = path
            .extension()
            .and_then(|extension| extension.to_str())
            .unwrap_or("");
        if extension.eq_ignore_ascii_case("csv") {
            Ok(Self::Csv)
        } else if extension.eq_ignore_ascii_case("parquet") {
            Ok(Self::Parquet)
        } else {
            Err(Error::UnknownFormat {
                name: path.display().to_string(),
            })
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Csv => "CSV",
            Self::Parquet => "Parquet",
        })
    }
}
