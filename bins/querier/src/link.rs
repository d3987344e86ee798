//! `blindjoin-querier link`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use blindjoin_columnar::{Format, Output, load_rules};
use blindjoin_querier::{Bars, People, Summary, write};
use blindjoin_service::config::{LinkOptions, MaskChoice, NamedPeer, QuerierConfig, Table};
use blindjoin_service::program::{self, say};
use blindjoin_service::querier::{Counterparts, Linked};
use blindjoin_service::{Identity, querier};

/// Link records with a provider's registry
///
/// Writes the bingo card: a line per record in input order, a column per rule, 1 where the provider
/// has a record with the same values, 0 where it has none, and nothing where the record lacks a
/// value.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The records, CSV or Parquet; - is standard input
    #[arg(value_name = "FILE")]
    data: PathBuf,
    /// Where to write the card; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Replace an existing card
    #[arg(long)]
    force: bool,
    /// Format of the records, and of the card where its name does not tell
    #[arg(long, value_name = "FORMAT")]
    format: Option<FormatName>,
    #[command(flatten)]
    session: Session,
}

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
    /// Bits of the session key: 2048, 3072 or 4096
    #[arg(long, value_name = "BITS")]
    key_bits: Option<u32>,
    /// Layout of the encrypted identifiers
    #[arg(long, value_name = "TABLE")]
    table: Option<TableName>,
    /// Let the key holder learn not even the number of matches
    #[arg(long)]
    blind: bool,
    /// Let the provider hide the number of matches among false ones
    #[arg(long)]
    hide_count: bool,
    /// How differences are masked
    #[arg(long, value_name = "MASK")]
    mask: Option<MaskName>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum FormatName {
    Csv,
    Parquet,
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

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Csv => Self::Csv,
            FormatName::Parquet => Self::Parquet,
        }
    }
}

pub(crate) fn run(arguments: &Arguments, quiet: bool) -> anyhow::Result<()> {
    let Resolved { config, identity, options, provider, rules } = arguments.session.resolve()?;
    let rules = load_rules(&rules)?;
    let format = arguments.format.map(Format::from);
    let card_format = match Format::of(&arguments.out) {
        Ok(format) => format,
        Err(error) => format.ok_or(error)?,
    };
    let people = People::read(&arguments.data, format, &rules)?;
    if !quiet {
        people.remarks.iter().for_each(say);
    }
    // Now, because a whole linkage would be in vain if the card had no place.
    let output = Output::create(&arguments.out, arguments.force)?;
    let terms = options.terms(people.rules.clone(), people.rules_digest, people.keys.len() as u64)?;
    let counterparts = Counterparts {
        keyholder: config.keyholder.clone(),
        provider: provider.peer(),
        idle: Duration::from_secs(options.idle_seconds),
    };
    let bars = Bars::new(quiet);
    let linked = program::block_on(querier::link(&identity, &counterparts, terms, people.keys, &bars));
    bars.finish();
    let Linked { card, figures } = linked.context("starting the runtime")??;
    let summary = Summary::of(&card, &people.ids, &people.rules);
    write(&card, &people.ids, &people.rules, output, card_format)?;
    summary.warnings().iter().for_each(say);
    if !quiet {
        say(&summary);
        let phases: Vec<String> = figures
            .phases
            .iter()
            .map(|(phase, time)| format!("{phase} {:.1} s", time.as_secs_f64()))
            .collect();
        say(phases.join(", "));
    }
    Ok(())
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
        let rules = self.rules.clone().or_else(|| config.rules.clone()).with_context(|| {
            format!("{} names no rules, and neither does --rules", self.config.display())
        })?;
        let provider = match &self.provider {
            None if config.providers.len() == 1 => config.providers.first(),
            None => None,
            Some(name) => config.providers.iter().find(|provider| provider.name == *name),
        };
        let provider = provider.cloned().with_context(|| {
            let names: Vec<&str> = config.providers.iter().map(|provider| provider.name.as_str()).collect();
            format!("say with --provider which of {} to link with", names.join(", "))
        })?;
        let options = self.options(&config)?;
        Ok(Resolved { config, identity, options, provider, rules })
    }

    fn options(&self, config: &QuerierConfig) -> anyhow::Result<LinkOptions> {
        let mut options = config.link.clone();
        if let Some(bits) = self.key_bits {
            anyhow::ensure!(config.allows_key_bits(bits), "--key-bits must be 2048, 3072 or 4096");
            options.key_bits = bits;
        }
        match self.table {
            Some(TableName::Cuckoo) => options.table = Table::Cuckoo,
            Some(TableName::Okvs) => options.table = Table::Okvs,
            None => {}
        }
        match self.mask {
            Some(MaskName::Slot) => options.mask = MaskChoice::Slot,
            Some(MaskName::Full) => options.mask = MaskChoice::Full,
            None => {}
        }
        options.blind |= self.blind;
        options.hide_count |= self.hide_count;
        Ok(options)
    }
}
