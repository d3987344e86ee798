//! `blindjoin-provider`: compares its registry with the encrypted tables of queriers, and learns
//! nothing of them but their size.
//!
//! Exit codes: 0 done; 1 the data or the configuration is wrong; 2 usage; 70 a bug; 75 temporary.
#![forbid(unsafe_code)]

use std::error::Error as StdError;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use blindjoin_columnar::{InputOptions, ReadOptions, Reader, load_rules};
use blindjoin_provider::{Loaded, Permissions, load};
use blindjoin_service::config::{ProviderConfig, is_address};
use blindjoin_service::provider::{Prepared, Provider};
use blindjoin_service::{program, server, telemetry};
use blindjoin_terminal::{Console, Pages, Program, say};
use clap::{CommandFactory, Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

/// What a shell sees of the program.
const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 the data or the configuration is wrong; 2 usage; 70 a fault of the program; 75
temporary.
BLINDJOIN_LOG says what is logged: error, warn, info, debug or trace.";

/// The data provider of a privacy-preserving record linkage
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = AFTER_HELP
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Read the registry, then serve linkages until SIGTERM or SIGINT
    Serve(Serve),
    #[command(flatten)]
    Pages(Pages),
}

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own"
)]
#[command(after_help = "Example:\n  blindjoin-provider serve --config provider.toml")]
struct Serve {
    /// Configuration file; see config.example.toml
    #[arg(long, value_name = "FILE", env = "BLINDJOIN_PROVIDER_CONFIG")]
    config: PathBuf,
    /// Host and port to listen on, instead of the configuration's
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "BLINDJOIN_PROVIDER_LISTEN",
        value_parser = address
    )]
    listen: Option<String>,
    /// Publish at once how large the registry is, whatever the date: for a registry that is another
    /// one than was published. Queriers see that something has changed
    #[arg(long)]
    publish_now: bool,
    /// Serve although no record has a value for some rule
    #[arg(long)]
    allow_empty: bool,
    /// Serve although there are no records
    #[arg(long)]
    allow_no_records: bool,
    #[command(flatten)]
    reading: InputOptions,
    /// Log warnings only
    #[arg(long, short)]
    quiet: bool,
}

const PROGRAM: Program = Program {
    name: "blindjoin-provider",
    exit_code,
    panic_is_expected: blindjoin_columnar::is_guarded,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    PROGRAM.run(|| match &arguments.command {
        Command::Serve(arguments) => serve(arguments),
        Command::Pages(pages) => Ok(pages.run(Arguments::command())?),
    })
}

fn serve(arguments: &Serve) -> anyhow::Result<()> {
    telemetry::start(if arguments.quiet {
        LevelFilter::WARN
    } else {
        LevelFilter::INFO
    });
    program::check_environment()?;
    let mut config =
        ProviderConfig::load(&arguments.config).context("reading the configuration")?;
    if let Some(listen) = &arguments.listen {
        config.listen.clone_from(listen);
    }
    // All that can go wrong without the registry, before it is read.
    let rules = load_rules(&config.rules)?;
    let options = ReadOptions::strict().with_encoding(rules.encoding());
    let options = arguments.reading.over(options);
    let data = Reader::open(&config.data, options)?;
    let prepared = Prepared::new(&config)?;
    let permissions = Permissions {
        blocks: &config.blocks,
        pairs: config.limits.pairs > 0,
        allow_empty: arguments.allow_empty,
        allow_no_records: arguments.allow_no_records,
    };
    let Loaded {
        registry,
        records,
        remarks,
    } = load(data, &rules, permissions)?;
    let console = Console::new(arguments.quiet);
    for remark in &remarks {
        console.note(remark);
    }
    console.note(format_args!(
        "{records} records under {} rules: {} distinct keys",
        registry.rules.len(),
        registry.keys.len()
    ));
    program::block_on(async {
        let anew = arguments.publish_now;
        let provider = Provider::bind_prepared(&config, prepared, registry, anew).await?;
        let signalled = server::signalled();
        // The line that scripts wait for.
        say(format_args!("listening on {}", provider.address()));
        provider.serve(signalled).await
    })
    .context("starting the runtime")?
    .context("serving")
}

fn address(text: &str) -> Result<String, &'static str> {
    is_address(text).map(|()| text.to_owned())
}

/// The codes of errors that our libraries classify.
fn exit_code(error: &(dyn StdError + 'static)) -> Option<u8> {
    program::exit_code(error).or_else(|| {
        let error = error.downcast_ref::<blindjoin_columnar::Error>()?;
        error.is_usage().then_some(2)
    })
}

#[cfg(test)]
mod tests {
    use blindjoin_service::config::ProviderLimits;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
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
