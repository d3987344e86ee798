//! `blindjoin-provider`: compares its registry with the encrypted tables of queriers, and learns
//! nothing of them but their size.
//!
//! Exit codes: 0 done; 1 the data or the configuration is wrong; 2 usage; 70 a bug; 75 temporary.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use blindjoin_columnar::load_rules;
use blindjoin_provider::{Loaded, Permissions, load};
use blindjoin_service::config::ProviderConfig;
use blindjoin_service::provider::Provider;
use blindjoin_service::{program, server, telemetry};
use clap::{Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

/// The data provider of a privacy-preserving record linkage
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the registry, then serve linkages until SIGTERM or SIGINT
    Serve(Serve),
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// Configuration file; see config.example.toml
    #[arg(long, value_name = "FILE", env = "BLINDJOIN_PROVIDER_CONFIG")]
    config: PathBuf,
    /// Host and port to listen on, instead of the configuration's
    #[arg(long, value_name = "ADDRESS", env = "BLINDJOIN_PROVIDER_LISTEN")]
    listen: Option<String>,
    /// Publish at once how large the registry is, whatever the date: for a registry that is another
    /// one than was published. Queriers see that something has changed
    #[arg(long)]
    publish_now: bool,
    /// Log warnings only
    #[arg(long, short)]
    quiet: bool,
}

fn main() -> ExitCode {
    let Arguments {
        command: Command::Serve(arguments),
    } = Arguments::parse();
    program::run("blindjoin-provider", || serve(&arguments))
}

fn serve(arguments: &Serve) -> anyhow::Result<()> {
    telemetry::start(if arguments.quiet {
        LevelFilter::WARN
    } else {
        LevelFilter::INFO
    });
    let mut config =
        ProviderConfig::load(&arguments.config).context("reading the configuration")?;
    if let Some(listen) = &arguments.listen {
        config.listen.clone_from(listen);
    }
    let Loaded {
        registry,
        records,
        remarks,
    } = load(
        &config.data,
        &load_rules(&config.rules)?,
        Permissions {
            blocks: &config.blocks,
            pairs: config.limits.pairs > 0,
        },
    )?;
    if !arguments.quiet {
        for remark in remarks {
            program::say(remark);
        }
        program::say(format_args!(
            "{records} records under {} rules: {} distinct keys",
            registry.rules.len(),
            registry.keys.len()
        ));
    }
    program::block_on(async {
        let provider = if arguments.publish_now {
            Provider::bind_and_publish(&config, registry).await?
        } else {
            Provider::bind(&config, registry).await?
        };
        program::listening(provider.address());
        provider.serve(server::signalled()).await
    })
    .context("starting the runtime")?
    .context("serving")
}

#[cfg(test)]
mod tests {
    use blindjoin_service::config::ProviderLimits;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_example_configuration_is_valid() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
        let config = ProviderConfig::load(example.as_ref()).unwrap();
        assert!(config.data.ends_with("people.csv"));
        assert!(config.state_dir.ends_with("provider-state"));
    }

    /// The example calls its limits defaults; two of them follow from machine and registry.
    #[test]
    fn the_example_configuration_states_the_defaults() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
        let example = ProviderConfig::load(example.as_ref()).unwrap();
        let default = ProviderLimits::default();
        let limits = ProviderLimits {
            table_mib: default.table_mib,
            places: default.places,
            ..example.limits
        };
        assert_eq!(limits, default);
        let bits: Vec<_> = example.key_sizes().unwrap();
        let all = ProviderConfig {
            key_bits: Vec::new(),
            ..example
        };
        assert_eq!(bits, all.key_sizes().unwrap());
    }
}
