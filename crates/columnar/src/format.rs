use std::fmt;
use std::path::Path;

use crate::Error;

/// How a table is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
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

    /// The format of an output: what its name stands for, else what was `told`.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownOutputFormat`] where neither says it; [`Error::OtherFormat`] where they
    /// contradict each other.
    pub fn of_output(path: &Path, told: Option<Self>) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(told.unwrap_or(Self::Csv));
        }
        let name = || path.display().to_string();
        match (Self::of(path), told) {
            (Err(_), None) => Err(Error::UnknownOutputFormat { name: name() }),
            (Err(_), Some(told)) => Ok(told),
            (Ok(named), Some(told)) if named != told => Err(Error::OtherFormat {
                name: name(),
                named,
                told,
            }),
            (Ok(named), _) => Ok(named),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outputs_name_comes_first_and_is_not_contradicted() {
        let of = |path: &str, told| Format::of_output(path.as_ref(), told);
        let (csv, parquet) = (Format::Csv, Format::Parquet);
        assert_eq!(of("x.CSV", None).ok(), Some(csv));
        assert_eq!(of("x.parquet", Some(parquet)).ok(), Some(parquet));
        assert_eq!(of("x", Some(parquet)).ok(), Some(parquet));
        assert_eq!(of("-", None).ok(), Some(csv));
        assert_eq!(of("-", Some(parquet)).ok(), Some(parquet));
        let unknown = of("x", None);
        assert!(matches!(unknown, Err(Error::UnknownOutputFormat { .. })));
        for (path, told) in [("x.csv", parquet), ("x.parquet", csv)] {
            let error = of(path, Some(told));
            assert!(matches!(error, Err(Error::OtherFormat { .. })), "{path}");
        }
    }
}
