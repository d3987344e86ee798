//! Configuration of a data provider.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use blindjoin_protocol::agree::Counting;
use blindjoin_protocol::input::BlockDirectory;
use blindjoin_protocol::paillier::KeySize;
use serde::Deserialize;

use super::{Check, folder, key_size, named, parse, read, rules_relative_to, state_dir};
use crate::identity::IdentityFiles;
use crate::provider::Every;
use crate::{Error, Fingerprint, Peer};

/// Configuration of a data provider.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// Host and port to serve on.
    pub listen: String,
    /// The registry, CSV or Parquet.
    pub data: PathBuf,
    /// Rules file, or the name of a built-in rule set.
    pub rules: String,
    /// Folder of what must outlive a restart: budgets, used session ids, what was published.
    #[serde(default)]
    pub state_dir: PathBuf,
    /// Blockings by fields that queriers may use, such as `birth_year,state`.
    #[serde(default)]
    pub blocks: Vec<String>,
    /// How often it publishes how large its registry is.
    #[serde(default)]
    pub publish_every: Every,
    /// The key sizes that it accepts, in bits of the modulus; with none listed, all that are safe.
    #[serde(default)]
    pub key_bits: Vec<u32>,
    /// Reads tables of powers at addresses that depend on nothing secret.
    #[serde(default)]
    pub constant_time_tables: bool,
    /// Accepts key sizes that protect nothing: for tests.
    #[serde(default)]
    pub insecure_test_keys: bool,
    /// Publishes classes without noise, from which exact numbers can be learnt: for measurements.
    #[serde(default)]
    pub insecure_exact_classes: bool,
    /// Who this party is.
    pub identity: IdentityFiles,
    /// Whom it trusts with keys.
    pub keyholder: Peer,
    /// What a session may cost.
    #[serde(default)]
    pub limits: ProviderLimits,
    /// Who may ask.
    #[serde(rename = "querier")]
    pub queriers: Vec<Client>,
}

/// A party that may call.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// SHA-256 of its certificate.
    pub certificate_sha256: Fingerprint,
}

/// Limits of a provider.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct ProviderLimits {
    /// Sessions at once, offers that wait for theirs included.
    pub sessions: usize,
    /// Those of one querier.
    pub sessions_per_querier: usize,
    /// Mebibytes that the tables of all sessions together may take; without, half of the machine's.
    pub table_mib: Option<u64>,
    /// Whether the key holder counts matches, and so can cap them, or learns nothing.
    #[serde(deserialize_with = "named")]
    pub counting: Counting,
    /// The least number of our records in a block of fields that queriers may name.
    pub k_min: u64,
    /// The most bits of hashed blocks; 0 allows none.
    pub hash_bits: u8,
    /// The days after which a querier's allowances are renewed.
    pub period_days: u64,
    /// Places of tables of one querier in a period: how many identifiers it can test. Without, ten
    /// times the published classes of all rules, and 4,194,304 at least.
    pub places: Option<u64>,
    /// Lookups of one querier in a period, each of one record under one rule.
    pub lookups: u64,
    /// Pairs of records of one querier in a period; 0 refuses pairwise linkages.
    pub pairs: u64,
    /// How long a session may wait for a party that owes the next message.
    pub idle_seconds: u64,
}

impl Default for ProviderLimits {
    fn default() -> Self {
        Self {
            sessions: 8,
            sessions_per_querier: 4,
            table_mib: None,
            counting: Counting::Allowed,
            k_min: 11,
            hash_bits: 0,
            period_days: 30,
            places: None,
            lookups: 1000,
            pairs: 0,
            idle_seconds: 300,
        }
    }
}

impl ProviderConfig {
    /// Reads the configuration of a provider.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it is not there, [`Error::Configuration`] with line and key otherwise.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let mut config: Self = parse(path, &read(path)?)?;
        let folder = folder(path);
        config.identity.relative_to(folder);
        config.data = folder.join(&config.data);
        config.state_dir = state_dir(path, &config.state_dir);
        config.rules = rules_relative_to(folder, &config.rules);
        config.check(&Check { path })?;
        Ok(config)
    }

    fn check(&self, check: &Check<'_>) -> Result<(), Error> {
        check.address("listen", &self.listen)?;
        check.address("keyholder.address", &self.keyholder.address)?;
        check.some("querier", self.queriers.len())?;
        for querier in &self.queriers {
            let keyholder = self.keyholder.certificate_sha256;
            check.different("querier", &[querier.certificate_sha256, keyholder])?;
        }
        for bits in &self.key_bits {
            check.key_bits("key_bits", *bits, self.insecure_test_keys)?;
        }
        let limits = &self.limits;
        check.positive("limits.sessions", limits.sessions as u64)?;
        let per_querier = limits.sessions_per_querier as u64;
        check.positive("limits.sessions_per_querier", per_querier)?;
        check.positive("limits.table_mib", limits.table_mib.unwrap_or(1))?;
        check.positive("limits.k_min", limits.k_min)?;
        check.positive("limits.period_days", limits.period_days)?;
        check.positive("limits.idle_seconds", limits.idle_seconds)?;
        if limits.hash_bits > BlockDirectory::MOST_HASH_BITS {
            return Err(check.wrong(
                "limits.hash_bits",
                &format!("must be at most {}", BlockDirectory::MOST_HASH_BITS),
            ));
        }
        Ok(())
    }

    /// The key sizes that it accepts.
    pub fn key_sizes(&self) -> Result<Vec<KeySize>, Error> {
        let bits: &[u32] = match self.key_bits.as_slice() {
            [] if self.insecure_test_keys => &[2048, 3072, 4096, 512, 768, 1024, 1536],
            [] => &[2048, 3072, 4096],
            listed => listed,
        };
        bits.iter().map(|bits| key_size(*bits)).collect()
    }

    /// Everybody who may connect.
    pub fn clients(&self) -> BTreeSet<Fingerprint> {
        self.queriers
            .iter()
            .map(|querier| querier.certificate_sha256)
            .collect()
    }
}
