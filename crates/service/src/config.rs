//! What the three programs read at start: TOML, unknown keys refused, paths relative to the file.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use blindjoin_protocol::paillier::KeySize;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use crate::identity::IdentityFiles;
use crate::{Error, Fingerprint, Peer};

mod dedupe;
mod link;
mod provider;

pub use dedupe::{DedupePlan, Keep};
pub use link::LinkOptions;
pub use provider::{Client, ProviderConfig, ProviderLimits};

/// Configuration of a key holder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyHolderConfig {
    /// Host and port to serve on.
    pub listen: String,
    /// Accepts key sizes that protect nothing: for tests.
    #[serde(default)]
    pub insecure_test_keys: bool,
    /// Who this party is.
    pub identity: IdentityFiles,
    /// Where it keeps what it must remember: the ids of sessions that were opened.
    #[serde(default)]
    pub state_dir: PathBuf,
    /// Keys made in advance.
    #[serde(default)]
    pub keys: KeyStock,
    /// What a session may cost.
    #[serde(default)]
    pub limits: KeyHolderLimits,
    /// Which querier may link with which provider.
    #[serde(rename = "link")]
    pub links: Vec<Link>,
}

/// A permission at the key holder.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// SHA-256 of the querier's certificate.
    pub querier: Fingerprint,
    /// SHA-256 of the provider's certificate.
    pub provider: Fingerprint,
}

/// Session keys that the key holder makes in advance; each is used once, and there are no others.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyStock {
    /// The sizes of their modulus that are offered: a number, or a list of numbers.
    #[serde(deserialize_with = "one_or_many")]
    pub bits: Vec<u32>,
    /// How many of each wait.
    pub ready: usize,
}

fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(u32),
        Many(Vec<u32>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(bits) => vec![bits],
        OneOrMany::Many(bits) => bits,
    })
}

impl Default for KeyStock {
    fn default() -> Self {
        Self {
            bits: vec![3072],
            ready: 2,
        }
    }
}

/// Limits of a key holder.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeyHolderLimits {
    /// Sessions at once, reservations included.
    pub sessions: usize,
    /// Sessions of one querier at once, reservations included.
    pub sessions_per_querier: usize,
    /// How long a querier may hold a place before it opens its session.
    pub reservation_seconds: u64,
    /// How long an open session waits for its provider to come.
    pub orphan_seconds: u64,
    /// The longest time for which an agreement may be valid: so long are session ids remembered.
    pub expiry_days: u64,
    /// Comparisons in a session.
    pub comparisons: u64,
    /// Matches that a session may reveal to a querier.
    pub matches: u64,
    /// Whether it takes part in sessions in which it learns nothing, and so can enforce no cap.
    pub blind: bool,
    /// How long a session may wait for a party that owes the next message.
    pub idle_seconds: u64,
}

impl Default for KeyHolderLimits {
    fn default() -> Self {
        Self {
            sessions: 8,
            sessions_per_querier: 4,
            reservation_seconds: 30,
            orphan_seconds: 20,
            expiry_days: 7,
            comparisons: 50_000_000,
            matches: 10_000_000,
            blind: true,
            idle_seconds: 300,
        }
    }
}

/// Configuration of a querier.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuerierConfig {
    /// Rules file, or the name of a built-in rule set.
    pub rules: Option<String>,
    /// Accepts key sizes that protect nothing: for tests.
    #[serde(default)]
    pub insecure_test_keys: bool,
    /// Who this party is.
    pub identity: IdentityFiles,
    /// Whom it trusts with keys.
    pub keyholder: Peer,
    /// Whose registries it links with.
    #[serde(rename = "provider")]
    pub providers: Vec<NamedPeer>,
    /// How it links.
    #[serde(default)]
    pub link: LinkOptions,
    /// Which jurisdiction keeps whom.
    pub dedupe: Option<DedupePlan>,
}

/// A provider under the name by which the querier calls it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamedPeer {
    /// A word for command lines and columns.
    #[serde(default = "default_name")]
    pub name: String,
    /// Host and port.
    pub address: String,
    /// SHA-256 of its certificate.
    pub certificate_sha256: Fingerprint,
}

impl NamedPeer {
    /// The peer without its name.
    pub fn peer(&self) -> Peer {
        Peer {
            address: self.address.clone(),
            certificate_sha256: self.certificate_sha256,
        }
    }
}

fn default_name() -> String {
    "provider".to_owned()
}

/// Reads what is known by a name.
fn named<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(D::Error::custom)
}

/// As [`named`], for what may be left out.
fn named_or_not<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    named(deserializer).map(Some)
}

/// The key size of so many bits, small ones included: the policies judge them.
pub(crate) fn key_size(bits: u32) -> Result<KeySize, Error> {
    KeySize::insecure_test_key(bits as usize).map_err(|_| Error::KeySize { bits })
}

impl KeyHolderConfig {
    /// Reads the configuration of a key holder.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it is not there, [`Error::Configuration`] with line and key otherwise.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mut config: Self = parse(path, &read(path)?)?;
        config.identity.relative_to(folder(path));
        config.state_dir = state_dir(path, &config.state_dir);
        let check = Check { path };
        check.address("listen", &config.listen)?;
        check.some("link", config.links.len())?;
        for link in &config.links {
            check.different("link", &[link.querier, link.provider])?;
        }
        let limits = &config.limits;
        for (key, value) in [
            ("limits.sessions", limits.sessions as u64),
            (
                "limits.sessions_per_querier",
                limits.sessions_per_querier as u64,
            ),
            ("limits.reservation_seconds", limits.reservation_seconds),
            ("limits.orphan_seconds", limits.orphan_seconds),
            ("limits.expiry_days", limits.expiry_days),
            ("limits.idle_seconds", limits.idle_seconds),
            ("keys.ready", config.keys.ready as u64),
        ] {
            check.positive(key, value)?;
        }
        check.some("keys.bits", config.keys.bits.len())?;
        for &bits in &config.keys.bits {
            check.key_bits("keys.bits", bits, config.insecure_test_keys)?;
        }
        Ok(config)
    }

    /// Everybody who may connect.
    pub fn clients(&self) -> BTreeSet<Fingerprint> {
        self.links
            .iter()
            .flat_map(|link| [link.querier, link.provider])
            .collect()
    }
}

impl QuerierConfig {
    /// Reads the configuration of a querier.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it is not there, [`Error::Configuration`] with line and key otherwise.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mut config: Self = parse(path, &read(path)?)?;
        config.identity.relative_to(folder(path));
        config.rules = config
            .rules
            .as_deref()
            .map(|rules| rules_relative_to(folder(path), rules));
        let check = Check { path };
        check.address("keyholder.address", &config.keyholder.address)?;
        check.some("provider", config.providers.len())?;
        for provider in &config.providers {
            check.address("provider.address", &provider.address)?;
            check.different(
                "provider",
                &[
                    provider.certificate_sha256,
                    config.keyholder.certificate_sha256,
                ],
            )?;
        }
        let names: BTreeSet<_> = config
            .providers
            .iter()
            .map(|provider| &provider.name)
            .collect();
        if names.len() < config.providers.len() {
            return Err(check.wrong("provider.name", "two providers have the same name"));
        }
        check.key_bits(
            "link.key_bits",
            config.link.key_bits,
            config.insecure_test_keys,
        )?;
        check.positive("link.idle_seconds", config.link.idle_seconds)?;
        let plan = config.dedupe.take();
        config.dedupe = plan
            .map(|plan| plan.resolve("dedupe.", path, &config.providers))
            .transpose()?;
        Ok(config)
    }

    /// Whether sessions may use keys of this size.
    pub fn allows_key_bits(&self, bits: u32) -> bool {
        key_bits_allowed(bits, self.insecure_test_keys)
    }
}

/// Whether a key size may be used: 2048, 3072 and 4096 always, small ones in tests only.
fn key_bits_allowed(bits: u32, insecure_test_keys: bool) -> bool {
    matches!(bits, 2048 | 3072 | 4096) || (insecure_test_keys && (256..2048).contains(&bits))
}

struct Check<'a> {
    path: &'a Path,
}

impl Check<'_> {
    fn address(&self, key: &str, address: &str) -> Result<(), Error> {
        is_address(address).map_err(|problem| self.wrong(key, problem))
    }

    fn some(&self, key: &str, count: usize) -> Result<(), Error> {
        if count > 0 {
            Ok(())
        } else {
            Err(self.wrong(key, "needs at least one entry"))
        }
    }

    fn positive(&self, key: &str, value: u64) -> Result<(), Error> {
        if value > 0 {
            Ok(())
        } else {
            Err(self.wrong(key, "must be at least 1"))
        }
    }

    /// No party may stand in two roles of one session.
    fn different(&self, key: &str, parties: &[Fingerprint]) -> Result<(), Error> {
        let distinct: BTreeSet<_> = parties.iter().collect();
        if distinct.len() == parties.len() {
            return Ok(());
        }
        Err(self.wrong(
            key,
            "two of the three parties of a session have the same certificate",
        ))
    }

    fn key_bits(&self, key: &str, bits: u32, insecure_test_keys: bool) -> Result<(), Error> {
        if key_bits_allowed(bits, insecure_test_keys) {
            return Ok(());
        }
        Err(self.wrong(key, "must be 2048, 3072 or 4096"))
    }

    fn wrong(&self, key: &str, problem: &str) -> Error {
        Error::Configuration {
            path: self.path.to_owned(),
            message: format!("{key}: {problem}"),
        }
    }
}

/// Checks that a text is the address of a party, host and port; what is wrong with it otherwise.
///
/// # Errors
///
/// The problem in words.
pub fn is_address(text: &str) -> Result<(), &'static str> {
    const FORM: &str = "must be host:port, such as registry.example.org:7702";
    if text.contains("://") || text.contains('/') {
        return Err(
            "is the address of a web page; it must be host:port, such as registry.example.org:7702",
        );
    }
    let (host, port) = text.rsplit_once(':').ok_or(FORM)?;
    if host.is_empty() || port.parse::<u16>().is_err() {
        return Err(FORM);
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|source| Error::File {
        path: path.to_owned(),
        source,
    })
}

fn parse<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| Error::Configuration {
        path: path.to_owned(),
        message: in_words(error.to_string().trim_end()),
    })
}

/// What the parser of TOML says, without the names of types.
fn in_words(message: &str) -> String {
    const WORDS: [(&str, &str); 7] = [
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u32", "expected a whole number, 0 or more"),
        ("expected u64", "expected a whole number, 0 or more"),
        ("expected usize", "expected a whole number, 0 or more"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list in brackets"),
    ];
    // An expectation is the last word of its line.
    let lines = message.lines().map(|line| {
        let known = WORDS.iter().find(|(words, _)| line.ends_with(words));
        match known {
            Some((words, instead)) => line.trim_end_matches(words).to_owned() + instead,
            None => line.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or_else(|| Path::new(""))
}

/// The folder of what a party must remember: as its configuration says, or beside the configuration
/// under the same name, so that several parties can have theirs in one folder.
fn state_dir(path: &Path, given: &Path) -> PathBuf {
    if given.as_os_str().is_empty() {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push("-state");
        folder(path).join(name)
    } else {
        folder(path).join(given)
    }
}

/// A name without extension and separator is a built-in rule set, anything else a path.
fn rules_relative_to(folder: &Path, rules: &str) -> String {
    let path = folder.join(rules);
    if is_rule_set_name(rules) && !path.exists() {
        return rules.to_owned();
    }
    path.to_string_lossy().into_owned()
}

/// Whether `rules` has the form of a rule set's name rather than of a file's.
fn is_rule_set_name(rules: &str) -> bool {
    !rules.is_empty()
        && rules
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_keyholder(text: &str) -> Result<KeyHolderConfig, Error> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyholder.toml");
        std::fs::write(&path, text).unwrap();
        KeyHolderConfig::load(&path)
    }

    fn valid() -> String {
        let (querier, provider) = ("ab".repeat(32), "cd".repeat(32));
        format!(
            "listen = \"127.0.0.1:7701\"\n\n[identity]\nauthority = \"a.pem\"\ncertificate = \"k.pem\"\n\
             key = \"k.key\"\n\n[[link]]\nquerier = \"{querier}\"\nprovider = \"{provider}\"\n"
        )
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let config = load_keyholder(&valid()).unwrap();
        assert!(config.identity.key.is_absolute() && config.identity.key.ends_with("k.key"));
        assert_eq!(config.keys.bits, [3072]);
        assert!(config.state_dir.is_absolute() && config.state_dir.ends_with("keyholder-state"));
    }

    #[test]
    fn unknown_keys_are_refused_with_line_and_key() {
        let error = load_keyholder(&valid().replace("listen", "lisen"))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 1") && error.contains("lisen"),
            "{error}"
        );
        let error = load_keyholder(&format!("{}color = 3\n", valid()))
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("line 11") && error.contains("color"),
            "{error}"
        );
    }

    #[test]
    fn wrong_values_are_refused_with_their_key() {
        for (good, bad, key) in [
            ("127.0.0.1:7701", "127.0.0.1", "listen"),
            ("127.0.0.1:7701", ":7701", "listen"),
            ("127.0.0.1:7701", "127.0.0.1:99999", "listen"),
            ("127.0.0.1:7701", "https://127.0.0.1:7701", "host:port"),
            ("127.0.0.1:7701", "holder.example.org:7701/v1", "web page"),
            (
                "[[link]]",
                "[limits]\nexpiry_days = -1\n[[link]]",
                "a whole number, 0 or more",
            ),
            ("[[link]]", "[limits]\nblind = 1\n[[link]]", "true or false"),
            ("[[link]]", "[keys]\nbits = 1024\n[[link]]", "keys.bits"),
            (
                "[[link]]",
                "[limits]\nsessions = 0\n[[link]]",
                "limits.sessions",
            ),
            ("abab", "abax", "64 hexadecimal digits"),
            ("[[link]]", "[keys]\nready = 0\n[[link]]", "keys.ready"),
            ("[[link]]", "[keys]\nbits = []\n[[link]]", "keys.bits"),
            (
                "[[link]]",
                "[keys]\nbits = [3072, 1024]\n[[link]]",
                "keys.bits",
            ),
            (&"cd".repeat(32), &"ab".repeat(32), "same certificate"),
        ] {
            let error = load_keyholder(&valid().replacen(good, bad, 1)).unwrap_err();
            assert!(matches!(error, Error::Configuration { .. }));
            assert!(error.to_string().contains(key), "{error}");
        }
    }

    #[test]
    fn test_keys_need_their_own_word() {
        let small = valid().replace("[[link]]", "[keys]\nbits = 512\n[[link]]");
        load_keyholder(&small).unwrap_err();
        load_keyholder(&format!("insecure_test_keys = true\n{small}")).unwrap();
    }

    #[test]
    fn every_configuration_has_a_state_folder_of_its_own() {
        let folder = |path: &str, given: &str| state_dir(Path::new(path), Path::new(given));
        let state = folder("/etc/registry-a.toml", "");
        assert_eq!(state, Path::new("/etc/registry-a-state"));
        assert_eq!(folder("provider.toml", ""), Path::new("provider-state"));
        assert_eq!(folder("/etc/p.toml", "state"), Path::new("/etc/state"));
        assert_eq!(folder("/etc/p.toml", "/var/lib"), Path::new("/var/lib"));
    }

    #[test]
    fn rule_set_names_are_not_paths() {
        assert_eq!(rules_relative_to(Path::new("/etc"), "ssn"), "ssn");
        assert_eq!(
            rules_relative_to(Path::new("/etc"), "rules.toml"),
            "/etc/rules.toml"
        );
        assert_eq!(
            rules_relative_to(Path::new("/etc"), "/x/rules.toml"),
            "/x/rules.toml"
        );
    }
}
