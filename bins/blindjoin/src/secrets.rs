//! Where secrets come from: files or environment variables, never arguments.

use std::env;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use zeroize::Zeroizing;

/// The variable read when no file is named.
pub(crate) const HASHING_SECRET: &str = "BLINDJOIN_HASHING_SECRET";
/// The variable read when no file is named.
pub(crate) const ENCRYPTION_KEY: &str = "BLINDJOIN_ENCRYPTION_KEY";

/// The longest secret in bytes.
const LONGEST: usize = 64 << 10;

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
    let bytes = if path == Path::new("-") {
        read_all(io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(read_all)
    };
    let bytes = bytes.with_context(name)?;
    ensure!(
        bytes.len() <= LONGEST,
        "{}: is longer than any secret, which has {LONGEST} bytes at most",
        name()
    );
    let text = std::str::from_utf8(&bytes)
        .ok()
        .with_context(|| format!("{}: the secret is not UTF-8", name()))?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    Ok(Zeroizing::new(
        line.strip_suffix('\r').unwrap_or(line).to_owned(),
    ))
}

/// Reads to the end, but little further than the longest secret, into memory of that size: a buffer
/// that grows leaves copies behind which nobody wipes.
fn read_all(input: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(vec![0; LONGEST + 1]);
    let mut input = input.take(bytes.len() as u64);
    let mut filled = 0;
    loop {
        match input.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_read_whole_into_memory_that_does_not_grow() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let longest = "s".repeat(LONGEST);
        for secret in ["", "HashingKey", "two\nlines\n", &longest] {
            std::fs::write(&path, secret).unwrap();
            let expected = secret.strip_suffix('\n').unwrap_or(secret);
            assert_eq!(read(&path).unwrap().as_str(), expected);
        }
        let bytes = read_all(longest.as_bytes()).unwrap();
        assert_eq!((bytes.len(), bytes.capacity()), (LONGEST, LONGEST + 1));
        std::fs::write(&path, longest + "s").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("longer than any secret"), "{error}");
    }
}
