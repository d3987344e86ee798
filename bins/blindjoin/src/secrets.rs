//! Where secrets come from: files or environment variables, never arguments.

use std::env;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail, ensure};
use zeroize::Zeroizing;

use crate::console::Console;

/// A secret, by where it comes from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// The option that names its file.
    option: &'static str,
    /// The variable read when no file is named.
    pub(crate) variable: &'static str,
    /// Whether its holder chose its length.
    of_any_length: bool,
}

/// The hashing secret.
pub(crate) const HASHING_SECRET: Source = Source {
    option: "--hashing-secret-file",
    variable: "BLINDJOIN_HASHING_SECRET",
    of_any_length: true,
};
/// The encryption key.
pub(crate) const ENCRYPTION_KEY: Source = Source {
    option: "--encryption-key-file",
    variable: "BLINDJOIN_ENCRYPTION_KEY",
    of_any_length: false,
};

/// The longest secret in bytes.
const LONGEST: usize = 64 << 10;
/// Shorter ones can be found by trying all.
const LEAST: usize = 8;
/// Shorter ones may be found by trying likely ones.
const SUFFICIENT: usize = 16;

/// Reads a secret from the file if one is named, else from the variable if it is set.
pub(crate) fn find(
    file: Option<&Path>,
    source: Source,
    console: &Console,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    let Source {
        option, variable, ..
    } = source;
    let secret = match file {
        Some(file) => read(file, option)?,
        None => match env::var(variable) {
            Ok(secret) => Zeroizing::new(secret),
            Err(env::VarError::NotPresent) => return Ok(None),
            Err(env::VarError::NotUnicode(_)) => {
                bail!("environment variable {variable}: is not UTF-8")
            }
        },
    };
    if source.of_any_length {
        remark_on_length(&secret, file.map_or(variable, |_| option), console);
    }
    Ok(Some(secret))
}

/// The same, where there must be one.
pub(crate) fn require(
    file: Option<&Path>,
    source: Source,
    console: &Console,
) -> anyhow::Result<Zeroizing<String>> {
    find(file, source, console)?.with_context(|| {
        let Source {
            option, variable, ..
        } = source;
        format!("no secret: name a file with {option} or set {variable}")
    })
}

/// Whoever finds a secret can tell who stands behind a token, by trying names.
pub(crate) fn remark_on_length(secret: &str, from: &str, console: &Console) {
    if secret.len() < LEAST {
        console.note(format_args!(
            "{from}: the secret is shorter than {LEAST} bytes and can be found by trying; take a random one"
        ));
    }
}

/// Says what is not as it should be with a secret that has been found: who else may read its file, and
/// that it may be guessed.
pub(crate) fn advise(
    secret: &str,
    file: Option<&Path>,
    source: Source,
    console: &Console,
) -> anyhow::Result<()> {
    let from = file.map_or(source.variable, |_| source.option);
    let others = |metadata: Metadata| metadata.is_file() && metadata.mode() & 0o077 != 0;
    if let Some(path) = file.filter(|path| *path != Path::new("-")) {
        let name = format!("{from}: {}", path.display());
        let metadata = std::fs::metadata(path).with_context(|| name.clone())?;
        if others(metadata) {
            console.note(format_args!(
                "{name}: others than its owner may open this file; chmod 600 ends that"
            ));
        }
    }
    if source.of_any_length && (LEAST..SUFFICIENT).contains(&secret.len()) {
        console.note(format_args!(
            "{from}: the secret is shorter than {SUFFICIENT} bytes and may be guessed; take a random one"
        ));
    }
    Ok(())
}

/// Reads a secret from the file that an option names, or from standard input for `-`; one line end at
/// its end is not part of it.
pub(crate) fn read(path: &Path, option: &str) -> anyhow::Result<Zeroizing<String>> {
    let name = || {
        if path == Path::new("-") {
            format!("{option}: standard input")
        } else {
            format!("{option}: {}", path.display())
        }
    };
    let bytes = if path == Path::new("-") {
        read_all(io::stdin().lock())
    } else {
        File::open(path).and_then(read_all)
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
            let found = read(&path, "--secret").unwrap();
            assert_eq!(found.as_str(), expected);
        }
        let bytes = read_all(longest.as_bytes()).unwrap();
        assert_eq!((bytes.len(), bytes.capacity()), (LONGEST, LONGEST + 1));
        std::fs::write(&path, longest + "s").unwrap();
        let error = read(&path, "--secret").unwrap_err();
        let error = error.to_string();
        assert!(
            error.starts_with("--secret: ") && error.contains("longer than any secret"),
            "{error}"
        );
    }
}
