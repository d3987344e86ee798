//! `blindjoin verify-secrets`: whether two parties use the same secrets, without showing them.

use std::path::PathBuf;

use anyhow::{Context, bail};
use blindjoin_token::{Agreement, EncryptionKey, HashingSecret, SecretHashes};

use crate::console::{self, Console};
use crate::secrets;

/// Print the hashes of secrets, and compare them with a metadata file
///
/// The hashes are those that metadata files show: hexadecimal digits of SHA-256. With --against, the
/// exit code is 1 if a secret differs. A secret that may be guessed is remarked on, and so is a file that
/// others than its owner may open.
///
/// Secrets come from the files named, or from the environment variables BLINDJOIN_HASHING_SECRET and
/// BLINDJOIN_ENCRYPTION_KEY.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin verify-secrets --hashing-secret-file secret --against a.metadata.json"
)]
pub(crate) struct Arguments {
    /// File that holds the hashing secret
    #[arg(long, value_name = "FILE")]
    hashing_secret_file: Option<PathBuf>,
    /// File that holds the encryption key
    #[arg(long, value_name = "FILE")]
    encryption_key_file: Option<PathBuf>,
    /// Metadata file to compare with, ours or OpenToken's
    #[arg(long, value_name = "METADATA")]
    against: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

const NAMES: [&str; 2] = ["HashingSecretHash", "EncryptionSecretHash"];

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let secret = secrets::find(
        arguments.hashing_secret_file.as_deref(),
        secrets::HASHING_SECRET,
        console,
    )?;
    if let Some(secret) = &secret {
        let file = arguments.hashing_secret_file.as_deref();
        secrets::advise(secret, file, secrets::HASHING_SECRET, console)?;
    }
    let secret = secret
        .map(|secret| HashingSecret::new(&secret))
        .transpose()?;
    let key = secrets::find(
        arguments.encryption_key_file.as_deref(),
        secrets::ENCRYPTION_KEY,
        console,
    )?;
    if let Some(key) = &key {
        let file = arguments.encryption_key_file.as_deref();
        secrets::advise(key, file, secrets::ENCRYPTION_KEY, console)?;
    }
    let key = key.map(|key| EncryptionKey::new(&key)).transpose()?;
    if secret.is_none() && key.is_none() {
        bail!(
            "no secret: name a file with --hashing-secret-file or --encryption-key-file, or set {} \
             or {}",
            secrets::HASHING_SECRET.variable,
            secrets::ENCRYPTION_KEY.variable
        );
    }
    let hashes = SecretHashes::of(secret.as_ref(), key.as_ref());
    let agreements = match &arguments.against {
        None => None,
        Some(path) => {
            let name = || format!("--against {}", path.display());
            let json = std::fs::read_to_string(path).with_context(name)?;
            Some(hashes.against(&SecretHashes::from_metadata(&json).with_context(name)?))
        }
    };
    print(&hashes, agreements, arguments.json)?;
    let Some(agreements) = agreements else {
        return Ok(());
    };
    let file = arguments
        .against
        .as_deref()
        .unwrap_or("".as_ref())
        .display();
    if agreements.contains(&Agreement::Different) {
        bail!("{file}: was made with other secrets");
    }
    if !agreements.contains(&Agreement::Same) {
        bail!("{file}: shows none of the secrets given, so there is nothing to compare");
    }
    Ok(())
}

fn print(
    hashes: &SecretHashes,
    agreements: Option<[Agreement; 2]>,
    json: bool,
) -> anyhow::Result<()> {
    let values = [&hashes.hashing, &hashes.encryption];
    if json {
        let mut map = serde_json::Map::new();
        for (name, value) in NAMES.iter().zip(values) {
            if let Some(value) = value {
                map.insert((*name).to_owned(), value.clone().into());
            }
        }
        for (name, agreement) in NAMES.iter().zip(agreements.into_iter().flatten()) {
            map.insert(format!("{name}Agreement"), word(agreement).into());
        }
        console::result(format_args!("{:#}", serde_json::Value::Object(map)))?;
        return Ok(());
    }
    for (at, (name, value)) in NAMES.iter().zip(values).enumerate() {
        let Some(value) = value else { continue };
        match agreements {
            None => console::result(format_args!("{name}: {value}"))?,
            Some(agreements) => {
                console::result(format_args!("{name}: {value} ({})", word(agreements[at])))?;
            }
        }
    }
    Ok(())
}

fn word(agreement: Agreement) -> &'static str {
    match agreement {
        Agreement::Same => "same",
        Agreement::Different => "different",
        Agreement::NotInFile => "not in the file",
        Agreement::NotGiven => "not given",
    }
}
