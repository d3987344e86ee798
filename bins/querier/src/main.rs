//! `blindjoin-querier`: links its records with a provider's registry, and alone learns the result.
//!
//! Exit codes: 0 done, or found; 1 the input, a peer or the configuration is wrong; 2 usage; 3 a
//! lookup found nothing; 70 a bug; 75 temporary, run the same command again; 130 and 143 interrupted.
#![forbid(unsafe_code)]

mod advice;
mod blocks;
mod compare;
mod dedupe;
mod link;
mod linkage;
mod lookup;
mod session;

use std::error::Error as StdError;
use std::process::ExitCode;

use blindjoin_service::{program, telemetry};
use blindjoin_terminal::{Console, Pages, Program, on_interruption};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

/// The exit code of a lookup that found nothing.
const NOT_FOUND: u8 = 3;

/// What a shell sees of the program.
const AFTER_HELP: &str = "\
Exit codes: 0 done, or found; 1 the input, a peer or the configuration is wrong; 2 usage; 3 a lookup
found nothing; 70 a fault of the program; 75 temporary, run the same command again; 130 and 143
interrupted, nothing is left behind.
BLINDJOIN_LOG says what is logged: error, warn, info, debug or trace.";

/// The querier of a privacy-preserving record linkage
#[derive(Debug, Parser)]
#[command(
    version,
    propagate_version = true,
    after_help = AFTER_HELP
)]
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
    #[command(flatten)]
    Pages(Pages),
}

const PROGRAM: Program = Program {
    name: "blindjoin-querier",
    exit_code,
    panic_is_expected: blindjoin_columnar::is_guarded,
};

fn main() -> ExitCode {
    let matches = command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    telemetry::start(LevelFilter::WARN);
    let mut found = true;
    let code = PROGRAM.run(|| {
        let _interruptions = on_interruption(PROGRAM.name, blindjoin_columnar::abandon_outputs)?;
        program::check_environment()?;
        let console = Console::new(arguments.quiet);
        match &arguments.command {
            Command::Dedupe(dedupe) => dedupe::run(dedupe, &console),
            Command::Link(link) => link::run(link, &console),
            Command::Pairs(pairs) => compare::run(pairs, &console),
            Command::Pages(pages) => Ok(pages.run(command())?),
            Command::Lookup(lookup) => {
                found = lookup::run(lookup, &console)?;
                Ok(())
            }
        }
    });
    if found {
        code
    } else {
        ExitCode::from(NOT_FOUND)
    }
}

/// The command line: pairs are compared within blocks, which the other commands may do without.
fn command() -> clap::Command {
    Arguments::command().mut_subcommand("pairs", |pairs| {
        pairs.mut_arg("block", |block| block.required(true))
    })
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
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn the_example_configuration_is_valid() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
        let config = blindjoin_service::config::QuerierConfig::load(example.as_ref()).unwrap();
        assert_eq!(config.link.key_bits, 3072);
        assert_eq!(config.providers.len(), 1);
    }
}
