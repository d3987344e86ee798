//! `blindjoin decrypt`: from sealed tokens to plain ones.

use std::path::{Path, PathBuf};

use anyhow::Context;
use blindjoin_columnar::{
    Chunk, Header, InputOptions, Output, OutputColumn, OutputOptions, RowBuffer, TableWriter,
    pipeline,
};
use blindjoin_record::Dialect;
use blindjoin_terminal::Usage;
use blindjoin_token::{EncryptionKey, Error, Sealer};
use serde_json::json;

use crate::console::Console;
use crate::threads::Threads;
use crate::token_file::{self, Columns};
use crate::{secrets, tokenize};

/// Open sealed tokens, byte-identical with what tokenize --hash-only writes
///
/// Blank tokens stay. A token that does not open (another key, or changed since) ends the run with
/// its row; with --keep-unopened such tokens are copied as they are and counted, as OpenToken does.
///
/// The key comes from --encryption-key-file or the environment variable BLINDJOIN_ENCRYPTION_KEY.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin decrypt sealed.csv --encryption-key-file key --out opened.csv"
)]
pub(crate) struct Arguments {
    /// Sealed tokens with the columns RuleId, Token and RecordId, CSV or Parquet; - is standard input
    input: PathBuf,
    /// Where the open tokens go, CSV or Parquet; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
    /// File that holds the encryption key
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    encryption_key_file: Option<PathBuf>,
    /// Copy tokens that do not open, and count them
    #[arg(long)]
    keep_unopened: bool,
    /// Whose way of quoting record ids to follow
    #[arg(long, value_name = "DIALECT", value_parser = crate::rules::dialect(), default_value = "ot1-java")]
    dialect: Dialect,
    /// Print the counts as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    reading: InputOptions,
    #[command(flatten)]
    writing: OutputOptions,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    if arguments.json && arguments.out == Path::new("-") {
        return Err(Usage::new("--json: the tokens go to standard output already").into());
    }
    let key = secrets::require(
        arguments.encryption_key_file.as_deref(),
        secrets::ENCRYPTION_KEY,
        console,
    )?;
    let sealer = Sealer::new(&EncryptionKey::new(&key)?);
    let format = arguments.writing.format(&arguments.out)?;
    let output = Output::create(&arguments.out, arguments.writing.force)?;
    let (mut reader, columns) = token_file::open(&arguments.input, arguments.reading, console)?;
    let mut table = TableWriter::new(
        output,
        format,
        vec![
            OutputColumn::text("RuleId"),
            OutputColumn::distinct_text("Token"),
            OutputColumn::text("RecordId"),
        ],
        tokenize::quoting(Some(arguments.dialect)),
        Header::WithRows,
    )?;
    let buffers = table.buffers();
    let bar = console.progress("decrypting", &reader);
    let name = reader.name().to_string();
    let mut unopened = 0;
    pipeline::run(
        &mut reader,
        arguments.threads.number(),
        || {
            let (name, sealer, buffers) = (&name, &sealer, buffers.clone());
            move |chunk: &Chunk| {
                let rows = buffers.buffer(chunk.len());
                open(chunk, columns, sealer, arguments.keep_unopened, rows, name)
            }
        },
        |opened: Done| {
            table.append(opened.rows)?;
            unopened += opened.unopened;
            bar.inc(opened.progress);
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    let tokens = table.rows();
    table.finish()?.commit()?;
    if unopened > 0 {
        console.note(format_args!(
            "{name}: {unopened} tokens did not open and were copied"
        ));
    }
    if arguments.json {
        let data = json!({
            "input": name,
            "tokens": tokens,
            "unopened": unopened,
            "outputs": [arguments.out.display().to_string()],
        });
        console.data(data).context("standard output")?;
    }
    Ok(())
}

/// What one chunk has come to.
struct Done {
    rows: RowBuffer,
    unopened: u64,
    progress: u64,
}

fn open(
    chunk: &Chunk,
    columns: Columns,
    sealer: &Sealer,
    keep_unopened: bool,
    mut rows: RowBuffer,
    file: &str,
) -> anyhow::Result<Done> {
    let mut token = String::new();
    let mut unopened = 0;
    for (row, number) in chunk.rows().iter().zip(chunk.first_row()..) {
        let sealed = columns.token(row);
        token.clear();
        match sealer.open(sealed, &mut token) {
            Ok(_) => {}
            Err(Error::Authentication | Error::NotSealed { .. }) if keep_unopened => {
                token.push_str(sealed);
                unopened += 1;
            }
            Err(error) => return Err(error).with_context(|| format!("{file}: row {number}")),
        }
        rows.push([
            Some(columns.rule(row)),
            Some(&token),
            Some(columns.record_id(row)),
        ]);
    }
    Ok(Done {
        rows,
        unopened,
        progress: chunk.progress(),
    })
}
