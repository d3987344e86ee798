//! `blindjoin`: the user's toolbox for privacy-preserving record linkage.
//!
//! Exit codes: 0 done; 1 the input or the configuration is wrong; 2 usage; 70 a bug; 75 temporary,
//! run the same command again; 130 and 143 interrupted.
#![forbid(unsafe_code)]
#![expect(
    clippy::doc_markdown,
    reason = "the documentation of arguments is their help text"
)]

mod blocks;
mod console;
mod decrypt;
mod dedupe_tokens;
mod demo;
mod evaluate;
mod init;
mod matching;
mod provenance;
mod rules;
mod secrets;
mod synth;
mod threads;
mod timestamp;
mod token_file;
mod tokenize;
mod verify_secrets;

use std::error::Error as StdError;
use std::process::ExitCode;

use blindjoin_terminal::{Pages, Program, on_interruption};
use clap::{CommandFactory, Parser, Subcommand};

use console::Console;

/// Privacy-preserving record linkage: generate, tokenise, match, evaluate
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, after_help = AFTER_HELP)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Print neither progress nor remarks
    #[arg(long, short, global = true, display_order = 900)]
    quiet: bool,
}

const AFTER_HELP: &str = "\
Example:
  blindjoin demo

Exit codes:
  0           done
  1           the input or the configuration is wrong
  2           wrong usage
  70          a fault of the program
  75          temporary: run the same command again
  130, 143    interrupted

Environment:
  BLINDJOIN_HASHING_SECRET    the hashing secret, if no file is named
  BLINDJOIN_ENCRYPTION_KEY    the encryption key, if no file is named";

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::Arguments),
    Init(init::Arguments),
    Synth(synth::Arguments),
    Tokenize(tokenize::Arguments),
    Decrypt(decrypt::Arguments),
    Match(matching::Arguments),
    DedupeTokens(dedupe_tokens::Arguments),
    VerifySecrets(verify_secrets::Arguments),
    Blocks(blocks::Arguments),
    Evaluate(evaluate::Arguments),
    #[command(flatten)]
    Pages(Pages),
}

const PROGRAM: Program = Program {
    name: "blindjoin",
    exit_code,
    panic_is_expected: blindjoin_columnar::is_guarded,
};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    PROGRAM.run(|| {
        let _interruptions = on_interruption(PROGRAM.name, || {
            blindjoin_columnar::abandon_outputs();
            demo::abandon();
        })?;
        run(&arguments)
    })
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let console = Console::new(arguments.quiet);
    match &arguments.command {
        Command::Demo(arguments) => demo::run(arguments, &console),
        Command::Init(arguments) => init::run(arguments, &console),
        Command::Synth(arguments) => synth::run(arguments, &console),
        Command::Tokenize(arguments) => tokenize::run(arguments, &console),
        Command::Decrypt(arguments) => decrypt::run(arguments, &console),
        Command::Match(arguments) => matching::run(arguments, &console),
        Command::DedupeTokens(arguments) => dedupe_tokens::run(arguments, &console),
        Command::VerifySecrets(arguments) => verify_secrets::run(arguments, &console),
        Command::Blocks(arguments) => blocks::run(arguments, &console),
        Command::Evaluate(arguments) => evaluate::run(arguments, &console),
        Command::Pages(pages) => Ok(pages.run(Arguments::command())?),
    }
}

/// The codes of errors that our libraries classify.
fn exit_code(error: &(dyn StdError + 'static)) -> Option<u8> {
    if let Some(error) = error.downcast_ref::<blindjoin_service::Error>() {
        return Some(error.fault().exit_code());
    }
    let error = error.downcast_ref::<blindjoin_columnar::Error>()?;
    error.is_usage().then_some(2)
}
