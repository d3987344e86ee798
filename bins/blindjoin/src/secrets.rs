//! Where secrets come from: files or environment variables, never arguments.

use std::env;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use zeroize::Zeroizing;

/// The variable read when no file is named.
pub(crate) const HASHING_SECRET: &str = "BLINDJOIN_HASHING_SECRET";
/// The variable read when no file is named.
pub(crate) const ENCRYPTION_KEY: &str = "BLINDJOIN_ENCRYPTION_KEY";

/// Reads a secret from the file if one is named, else from the variable if it is set.
pub(crate) fn find(
    file: Option<&Path>,
    variable: &str,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    if let Some(file) = file {
        return read(file).map(Some);
    }
    match env::var(variable) {
        Ok(secret) => Ok(Some(Zeroizing::new(secret))),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => bail!("environment variable {variable}: is not UTF-8"),
    }
}

/// The same, where there must be one. `option` is the option that names the file.
pub(crate) fn require(
    file: Option<&PathBuf>,
    variable: &str,
    option: &str,
) -> anyhow::Result<Zeroizing<String>> {
    find(file.map(PathBuf::as_path), variable)?
        .with_context(|| format!("no secret: name a file with {option} or set {variable}"))
}

/// Reads a secret from a file, or from standard input for `-`; one line end at its end is not part
/// of it.
pub(crate) fn read(path: &Path) -> anyhow::Result<Zeroizing<String>> {
    let name = || {
        if path == Path::new("-") {
            "standard input".into()
        } else {
            path.display().to_string()
        }
    };
    let mut bytes = Zeroizing::new(Vec::new());
    if path == Path::new("-") {
        std::io::stdin()
            .read_to_end(&mut bytes)
            .with_context(name)?;
    } else {
        std::fs::File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .with_context(name)?;
    }
    let text = std::str::from_utf8(&bytes)
        .ok()
        .with_context(|| format!("{}: the secret is not UTF-8", name()))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    Ok(Zeroizing::new(
        line.strip_suffix('\r').unwrap_or(line).to_owned(),
    ))
}
