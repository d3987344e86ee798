//! `blindjoin-querier`: links its records with a provider's registry, and alone learns the result.
//!
//! Exit codes: 0 done, or found; 1 the input, a peer or the configuration is wrong; 2 usage; 3 a
//! lookup found nothing; 70 a bug; 75 temporary, run the same command again.
#![forbid(unsafe_code)]

mod advice;
mod blocks;
mod compare;
mod dedupe;
mod link;
mod linkage;
mod lookup;
mod session;

use std::process::ExitCode;

use blindjoin_service::{program, telemetry};
use clap::{Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

/// The exit code of a lookup that found nothing.
const NOT_FOUND: u8 = 3;

/// The querier of a privacy-preserving record linkage
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Show neither progress nor remarks
    #[arg(long, short, global = true)]
    quiet: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Dedupe(dedupe::Arguments),
    Link(link::Arguments),
    Lookup(lookup::Arguments),
    Pairs(compare::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    telemetry::start(LevelFilter::WARN);
    let mut found = true;
    let code = program::run("blindjoin-querier", || match &arguments.command {
        Command::Dedupe(dedupe) => dedupe::run(dedupe, arguments.quiet),
        Command::Link(link) => link::run(link, arguments.quiet),
        Command::Pairs(pairs) => compare::run(pairs, arguments.quiet),
        Command::Lookup(lookup) => {
            found = lookup::run(lookup, arguments.quiet)?;
            Ok(())
        }
    });
    if found {
        code
    } else {
        ExitCode::from(NOT_FOUND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_example_configuration_is_valid() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
        let config = blindjoin_service::config::QuerierConfig::load(example.as_ref()).unwrap();
        assert_eq!(config.link.key_bits, 3072);
        assert_eq!(config.providers.len(), 1);
    }
}
