//! `blindjoin-keyholder`: makes a key for every session, decrypts the comparisons, and learns at
//! most how many of them match.
//!
//! Exit codes: 0 done; 1 the configuration is wrong; 2 usage; 70 a bug; 75 temporary.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use blindjoin_service::config::{KeyHolderConfig, is_address};
use blindjoin_service::keyholder::KeyHolder;
use blindjoin_service::{program, server, telemetry};
use blindjoin_terminal::{Pages, Program, say};
use clap::{CommandFactory, Parser, Subcommand};
use tracing_subscriber::filter::LevelFilter;

/// The key holder of a privacy-preserving record linkage
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

/// What a shell sees of the program.
const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 the configuration is wrong; 2 usage; 70 a fault of the program; 75 temporary.
BLINDJOIN_LOG says what is logged: error, warn, info, debug or trace.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve linkages until SIGTERM or SIGINT
    Serve(Serve),
    #[command(flatten)]
    Pages(Pages),
}

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  blindjoin-keyholder serve --config keyholder.toml")]
struct Serve {
    /// Configuration file; see config.example.toml
    #[arg(long, value_name = "FILE", env = "BLINDJOIN_KEYHOLDER_CONFIG")]
    config: PathBuf,
    /// Host and port to listen on, instead of the configuration's
    #[arg(long, value_name = "ADDRESS", env = "BLINDJOIN_KEYHOLDER_LISTEN", value_parser = address)]
    listen: Option<String>,
    /// Log warnings only
    #[arg(long, short)]
    quiet: bool,
}

const PROGRAM: Program = Program {
    name: "blindjoin-keyholder",
    exit_code: program::exit_code,
    panic_is_expected: || false,
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
        KeyHolderConfig::load(&arguments.config).context("reading the configuration")?;
    if let Some(listen) = &arguments.listen {
        config.listen.clone_from(listen);
    }
    program::block_on(async {
        let keyholder = KeyHolder::bind(&config).await?;
        let signalled = server::signalled();
        // The line that scripts wait for.
        say(format_args!("listening on {}", keyholder.address()));
        keyholder.serve(signalled).await
    })
    .context("starting the runtime")?
    .context("serving")
}

fn address(text: &str) -> Result<String, &'static str> {
    is_address(text).map(|()| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_example_configuration_is_valid() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml");
        let config = KeyHolderConfig::load(example.as_ref()).unwrap();
        assert_eq!(config.links.len(), 1);
    }
}
