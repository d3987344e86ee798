//! `blindjoin tokenize`: from records to tokens.

mod counts;

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Chunk, Header, InputOptions, Output, OutputColumn, OutputOptions, Outputs, Quoting,
    ReadOptions, Reader, RowBuffer, TableWriter, pipeline,
};
use blindjoin_record::Dialect;
use blindjoin_terminal::Usage;
use blindjoin_token::{
    EncryptionKey, Hasher, HashingSecret, Metadata, RecordIdKey, RecordIds, Scheme, Sealer,
    SecretHashes, Tokenizer, Tokens,
};

use crate::console::Console;
use crate::rules::Choice;
use crate::secrets;
use crate::threads::Threads;
use crate::timestamp::Timestamp;
use counts::{Counts, Done};

/// Turn records into keyed tokens, byte-identical with OpenToken or HTAC
///
/// Writes one row per record and rule with the columns RuleId, Token and RecordId, records in input
/// order, and next to it a metadata file with counts. A record without a valid signature under a rule
/// gets the blank token, 64 zeros. Tokens are sealed with AES-256-GCM if there is an encryption key.
///
/// Says how many tokens are blank and why, which fields lack values, and in which rows. Records none
/// of which yields a token are refused, and so is a header under which none could: see --allow-empty.
///
/// The hashing secret comes from --hashing-secret-file or from the environment variable
/// BLINDJOIN_HASHING_SECRET, the key from --encryption-key-file or BLINDJOIN_ENCRYPTION_KEY.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Example:\n  blindjoin tokenize registries/a.csv --hashing-secret-file secret --out a.csv"
)]
pub(crate) struct Arguments {
    /// Records, CSV or Parquet; - is standard input
    input: PathBuf,
    /// Where the tokens go, CSV or Parquet; - is standard output
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    out: PathBuf,
    /// File that holds the hashing secret
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    hashing_secret_file: Option<PathBuf>,
    /// File that holds the encryption key, 32 bytes of UTF-8
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    encryption_key_file: Option<PathBuf>,
    /// Do not seal, even if a key is in the environment
    #[arg(long, conflicts_with = "encryption_key_file", help_heading = "Secrets")]
    hash_only: bool,
    /// Replace record ids by a keyed hash, under the secret in this file
    #[arg(long, value_name = "FILE", help_heading = "Secrets")]
    record_id_key_file: Option<PathBuf>,
    /// Write rows of token, person, health_system and generated_at, as HTAC's sites exchange them
    #[arg(long, value_name = "NAME", help_heading = "Output")]
    health_system: Option<String>,
    /// Where the metadata goes [default: OUT with the extension .metadata.json]
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    metadata: Option<PathBuf>,
    /// Write tokens though all of them are blank
    #[arg(long)]
    allow_empty: bool,
    /// Print the counts as JSON
    #[arg(long, help_heading = "Output")]
    json: bool,
    #[command(flatten)]
    threads: Threads,
    #[command(flatten)]
    rules: Choice,
    #[command(flatten)]
    reading: InputOptions,
    #[command(flatten)]
    writing: OutputOptions,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let to_standard = arguments.out == Path::new("-");
    if arguments.json && to_standard {
        return Err(Usage::new("--json: the tokens go to standard output already").into());
    }
    let rules = arguments.rules.load()?;
    let secret = secrets::require(
        arguments.hashing_secret_file.as_deref(),
        secrets::HASHING_SECRET,
        console,
    )?;
    let secret = HashingSecret::new(&secret)?;
    let key = encryption_key(arguments, console)?;
    let record_ids = match &arguments.record_id_key_file {
        None => RecordIds::Keep,
        Some(file) => {
            let option = "--record-id-key-file";
            let key = secrets::read(file, option)?;
            secrets::remark_on_length(&key, option, console);
            RecordIds::Hashed(RecordIdKey::new(&HashingSecret::new(&key).context(option)?))
        }
    };
    // Before anything is read, which may take long.
    let format = arguments.writing.format(&arguments.out)?;
    let mut outputs = Outputs::new(arguments.writing.force);
    let output = outputs.create(&arguments.out)?;
    let metadata_file = arguments
        .metadata_path()
        .map(|path| outputs.create(&path))
        .transpose()?;
    let options = read_options(rules.dialect()).with_encoding(rules.encoding());
    let options = arguments.reading.over(options);
    let mut reader = Reader::open(&arguments.input, options)?;
    console.notes_on(&reader);
    let binding = arguments
        .rules
        .bind(&rules, &reader, arguments.allow_empty, console)?;
    let mut tokenizer = Tokenizer::new(binding, Hasher::new(&secret, Scheme::of(&rules)))
        .with_record_ids(record_ids);
    if let Some(key) = &key {
        tokenizer = tokenizer.with_sealer(Sealer::new(key));
    }
    let layout = Layout::new(&tokenizer, arguments.health_system.as_deref())?;
    let quoting = quoting(rules.dialect());
    let mut table = TableWriter::new(output, format, layout.columns(), quoting, Header::WithRows)?;
    let counts = tokenize(
        &mut reader,
        &tokenizer,
        &layout,
        &mut table,
        arguments.threads.number(),
        console,
    )?;
    counts.remark(&rules, console);
    let misread = counts.tally.findings().check();
    misread.with_context(|| reader.name().to_string())?;
    ensure!(
        arguments.allow_empty || !counts.are_empty(),
        "{}: all tokens are blank; --allow-empty writes them all the same",
        reader.name()
    );
    let mut finished = vec![table.finish()?];
    if let Some(mut file) = metadata_file {
        let metadata = Metadata {
            rules: &rules,
            scheme: tokenizer.hasher().scheme(),
            secrets: SecretHashes::of(Some(&secret), key.as_ref()),
            hashed_record_ids: arguments.record_id_key_file.is_some(),
            input_digest: reader.digest(),
            tally: &counts.tally,
        };
        write!(file, "{metadata}").with_context(|| file.path().display().to_string())?;
        finished.push(file);
    }
    let names: Vec<String> = finished
        .iter()
        .map(|output| output.path().display().to_string())
        .collect();
    Output::commit_all(finished)?;
    if counts.blank() > 0 {
        counts.tell(&names, console);
    }
    if arguments.json {
        console
            .data(counts.data(&rules, &names)?)
            .context("standard output")?;
    }
    Ok(())
}

impl Arguments {
    /// Next to the tokens, unless told otherwise or the tokens go to standard output.
    fn metadata_path(&self) -> Option<PathBuf> {
        if self.metadata.is_some() {
            return self.metadata.clone();
        }
        let is_file = self.out != Path::new("-");
        is_file.then(|| self.out.with_extension("metadata.json"))
    }
}

fn encryption_key(
    arguments: &Arguments,
    console: &Console,
) -> anyhow::Result<Option<EncryptionKey>> {
    if arguments.hash_only {
        return Ok(None);
    }
    let key = secrets::find(
        arguments.encryption_key_file.as_deref(),
        secrets::ENCRYPTION_KEY,
        console,
    )?;
    Ok(key.map(|key| EncryptionKey::new(&key)).transpose()?)
}

/// Rows are padded and cut as the reference does; its Python version reads a line end inside quotes
/// as one line feed.
fn read_options(dialect: Option<Dialect>) -> ReadOptions {
    let fold = dialect.is_some_and(|dialect| dialect != Dialect::Ot1Java);
    ReadOptions {
        digest: true,
        fold_quoted_crlf: fold,
        ..ReadOptions::lenient()
    }
}

pub(crate) fn quoting(dialect: Option<Dialect>) -> Quoting {
    match dialect {
        Some(Dialect::Ot1Java) => Quoting::OuterBlanks,
        _ => Quoting::Needed,
    }
}

/// What a row of the output holds.
enum Layout {
    Tokens {
        rules: Vec<String>,
    },
    /// One rule, and the columns of HTAC's exchange.
    Htac {
        health_system: String,
        generated_at: String,
    },
}

impl Layout {
    fn new(tokenizer: &Tokenizer, health_system: Option<&str>) -> anyhow::Result<Self> {
        let rules = tokenizer.binding().rules().rules();
        let Some(health_system) = health_system else {
            let rules = rules.iter().map(|rule| rule.id().to_owned()).collect();
            return Ok(Self::Tokens { rules });
        };
        if rules.len() != 1 {
            let text =
                "--health-system: rows without a rule id need a set of one rule, such as htac";
            return Err(Usage::new(text).into());
        }
        Ok(Self::Htac {
            health_system: health_system.to_owned(),
            generated_at: Timestamp::now()?.to_string(),
        })
    }

    fn columns(&self) -> Vec<OutputColumn> {
        match self {
            Self::Tokens { .. } => vec![
                OutputColumn::text("RuleId"),
                OutputColumn::distinct_text("Token"),
                OutputColumn::text("RecordId"),
            ],
            Self::Htac { .. } => vec![
                OutputColumn::distinct_text("token"),
                OutputColumn::text("person"),
                OutputColumn::text("health_system"),
                OutputColumn::text("generated_at"),
            ],
        }
    }

    fn push(&self, tokens: Tokens<'_>, rows: &mut RowBuffer) {
        let id = Some(tokens.record_id());
        match self {
            Self::Tokens { rules } => {
                for (rule, token) in rules.iter().zip(tokens.iter()) {
                    rows.push([Some(rule.as_str()), Some(token), id]);
                }
            }
            Self::Htac {
                health_system,
                generated_at,
            } => {
                let (system, at) = (Some(health_system.as_str()), Some(generated_at.as_str()));
                rows.push([Some(tokens.get(0)), id, system, at]);
            }
        }
    }
}

fn tokenize(
    reader: &mut Reader,
    tokenizer: &Tokenizer,
    layout: &Layout,
    table: &mut TableWriter,
    threads: NonZeroUsize,
    console: &Console,
) -> anyhow::Result<Counts> {
    let bar = console.progress("tokenizing", reader);
    let buffers = table.buffers();
    let rules = tokenizer.binding().rules();
    let row_bytes = if tokenizer.is_sealing() { 128 } else { 80 };
    let mut counts = Counts::new(reader.name(), tokenizer.binding());
    pipeline::run(
        reader,
        threads,
        || {
            let mut rng = rand::rng();
            let buffers = buffers.clone();
            move |chunk: &Chunk| -> anyhow::Result<Done> {
                let mut worker = tokenizer.worker().starting_at(chunk.first_row());
                let mut rows = buffers.buffer_of(chunk.len() * rules.rules().len(), row_bytes);
                for row in chunk.rows().iter() {
                    layout.push(tokenizer.tokenize(&row, &mut worker, &mut rng), &mut rows);
                }
                Ok(Done {
                    rows,
                    tally: worker.into_tally(),
                    ragged_rows: chunk.ragged_rows(),
                    first_ragged_row: chunk.first_ragged_row(),
                    progress: chunk.progress(),
                })
            }
        },
        |done: Done| {
            bar.inc(done.progress);
            Ok(table.append(counts.take(done))?)
        },
    )?;
    bar.finish_and_clear();
    Ok(counts)
}
