//! What the commands have in common: with whom, under which rules and how to link.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use blindjoin_service::Identity;
use blindjoin_service::config::{LinkOptions, MaskChoice, NamedPeer, QuerierConfig, Table};
use blindjoin_service::querier::Counterparts;

/// With whom, under which rules and how to link; shared by every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Session {
    /// Configuration file; see config.example.toml
    #[arg(long, value_name = "FILE", env = "BLINDJOIN_QUERIER_CONFIG")]
    config: PathBuf,
    /// Rules file or built-in rule set, instead of the configuration's
    #[arg(long, value_name = "RULES", env = "BLINDJOIN_RULES")]
    rules: Option<String>,
    /// Which of the configuration's providers, where there are several
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    #[command(flatten)]
    options: Options,
}

/// How to link, where the command line says otherwise than the configuration.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Bits of the session key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS")]
    key_bits: Option<u32>,
    /// Layout of the encrypted identifiers of a join [default: okvs, but cuckoo under --mask full]
    #[arg(long, value_name = "TABLE")]
    table: Option<TableName>,
    /// Let the key holder count the matches and enforce a cap on them; a lookup never does
    #[arg(long, conflicts_with = "blind")]
    counting: bool,
    /// Let the key holder learn not even the number of matches; default, but in `pairs`
    #[arg(long)]
    blind: bool,
    /// Let the key holder count, but the provider hide the number of matches among false ones
    #[arg(long, conflicts_with = "blind")]
    hide_count: bool,
    /// How differences are masked; full has the key holder count the matches
    #[arg(long, value_name = "MASK")]
    mask: Option<MaskName>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TableName {
    Cuckoo,
    Okvs,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum MaskName {
    Slot,
    Full,
}

/// A session's settings, command line and configuration together.
pub(crate) struct Resolved {
    pub(crate) config: QuerierConfig,
    pub(crate) identity: Identity,
    pub(crate) options: LinkOptions,
    pub(crate) provider: NamedPeer,
    pub(crate) rules: String,
}

impl Session {
    /// Puts the command line above the configuration.
    pub(crate) fn resolve(&self) -> anyhow::Result<Resolved> {
        let config = QuerierConfig::load(&self.config).context("reading the configuration")?;
        let identity = Identity::load(&config.identity).context("loading our identity")?;
        let rules = self
            .rules
            .clone()
            .or_else(|| config.rules.clone())
            .with_context(|| {
                format!(
                    "{} names no rules, and neither does --rules",
                    self.config.display()
                )
            })?;
        let provider = match &self.provider {
            None if config.providers.len() == 1 => config.providers.first(),
            None => None,
            Some(name) => config
                .providers
                .iter()
                .find(|provider| provider.name == *name),
        };
        let provider = provider.cloned().with_context(|| {
            let names: Vec<&str> = config
                .providers
                .iter()
                .map(|provider| provider.name.as_str())
                .collect();
            format!(
                "say with --provider which of {} to link with",
                names.join(", ")
            )
        })?;
        let options = self.options.over(&config)?;
        Ok(Resolved {
            config,
            identity,
            options,
            provider,
            rules,
        })
    }
}

impl Options {
    /// Puts the command line above the configuration.
    pub(crate) fn over(&self, config: &QuerierConfig) -> anyhow::Result<LinkOptions> {
        let mut options = config.link.clone();
        if let Some(bits) = self.key_bits {
            anyhow::ensure!(
                config.allows_key_bits(bits),
                "--key-bits must be 2048, 3072 or 4096"
            );
            options.key_bits = bits;
        }
        match self.table {
            Some(TableName::Cuckoo) => options.table = Some(Table::Cuckoo),
            Some(TableName::Okvs) => options.table = Some(Table::Okvs),
            None => {}
        }
        match self.mask {
            Some(MaskName::Slot) => options.mask = MaskChoice::Slot,
            Some(MaskName::Full) => options.mask = MaskChoice::Full,
            None => {}
        }
        if self.blind {
            (options.counting, options.hide_count) = (Some(false), false);
        }
        if self.counting {
            options.counting = Some(true);
        }
        if self.hide_count {
            (options.counting, options.hide_count) = (Some(true), true);
        }
        Ok(options)
    }
}

impl Resolved {
    /// With whom to link.
    pub(crate) fn counterparts(&self) -> Counterparts {
        self.counterparts_at(&self.provider)
    }

    /// With whom to link, at a provider of the configuration.
    pub(crate) fn counterparts_at(&self, provider: &NamedPeer) -> Counterparts {
        Counterparts {
            keyholder: self.config.keyholder.clone(),
            provider: provider.peer(),
            idle: Duration::from_secs(self.options.idle_seconds),
            constant_time_tables: self.options.constant_time_tables,
        }
    }
}
