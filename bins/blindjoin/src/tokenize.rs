//! `blindjoin tokenize`: from records to tokens.

use std::io::Write;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use blindjoin_columnar::{
    Chunk, Format, Header, Output, OutputColumn, Quoting, ReadOptions, Reader, RowBuffer,
    TableWriter, pipeline,
};
use blindjoin_record::Dialect;
use blindjoin_token::{
    EncryptionKey, Hasher, HashingSecret, Metadata, RecordIdKey, RecordIds, Scheme, Sealer,
    SecretHashes, Tally, Tokenizer, Tokens,
};

use crate::console::Console;
use crate::files::{self, FormatName};
use crate::rules::Choice;
use crate::secrets;
use crate::timestamp::Timestamp;

/// Turn records into keyed tokens, byte-identical with OpenToken or HTAC
///
/// Writes one row per record and rule with the columns RuleId, Token and RecordId, records in input
/// order, and next to it a metadata file with counts. A record without a valid signature under a rule
/// gets the blank token, 64 zeros. Tokens are sealed with AES-256-GCM if there is an encryption key.
///
/// The hashing secret comes from --hashing-secret-file or from the environment variable
/// BLINDJOIN_HASHING_SECRET, the key from --encryption-key-file or BLINDJOIN_ENCRYPTION_KEY.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Records, CSV or Parquet; - is standard input
    input: PathBuf,
    /// Where the tokens go, CSV or Parquet; - is standard output
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// File that holds the hashing secret
    #[arg(long, value_name = "FILE")]
    hashing_secret_file: Option<PathBuf>,
    /// File that holds the encryption key, 32 bytes of UTF-8
    #[arg(long, value_name = "FILE")]
    encryption_key_file: Option<PathBuf>,
    /// Do not seal, even if a key is in the environment
    #[arg(long, conflicts_with = "encryption_key_file")]
    hash_only: bool,
    #[command(flatten)]
    rules: Choice,
    /// Replace record ids by a keyed hash, under the secret in this file
    #[arg(long, value_name = "FILE")]
    record_id_key_file: Option<PathBuf>,
    /// Write rows of token, person, health_system and generated_at, as HTAC's sites exchange them
    #[arg(long, value_name = "NAME")]
    health_system: Option<String>,
    /// Where the metadata goes [default: OUT with the extension .metadata.json]
    #[arg(long, value_name = "FILE")]
    metadata: Option<PathBuf>,
    /// Format of the input, if its name does not say it
    #[arg(long, value_enum)]
    format: Option<FormatName>,
    /// Format of the output, if its name does not say it
    #[arg(long, value_enum)]
    out_format: Option<FormatName>,
    /// Threads [default: one per core]
    #[arg(long, value_name = "N")]
    threads: Option<NonZeroUsize>,
    /// Replace existing files
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments, console: &Console) -> anyhow::Result<()> {
    let rules = arguments.rules.load()?;
    let secret = secrets::require(
        arguments.hashing_secret_file.as_ref(),
        secrets::HASHING_SECRET,
        "--hashing-secret-file",
    )?;
    let secret = HashingSecret::new(&secret)?;
    let key = encryption_key(arguments)?;
    let options = read_options(rules.dialect()).with_format(arguments.format.map(Format::from));
    let mut reader = Reader::open(&arguments.input, options)?;
    console.notes_on(&reader);
    let binding = arguments.rules.bind(&rules, &reader)?;
    let mut tokenizer = Tokenizer::new(binding, Hasher::new(&secret, Scheme::of(&rules)));
    if let Some(key) = &key {
        tokenizer = tokenizer.with_sealer(Sealer::new(key));
    }
    if let Some(file) = &arguments.record_id_key_file {
        let key = secrets::read(file)?;
        let key = RecordIdKey::new(&HashingSecret::new(&key).context("--record-id-key-file")?);
        tokenizer = tokenizer.with_record_ids(RecordIds::Hashed(key));
    }
    let layout = Layout::new(&tokenizer, arguments.health_system.as_deref())?;
    let format = files::output_format(&arguments.out, arguments.out_format)?;
    let output = Output::create(&arguments.out, arguments.force)?;
    let metadata_file = match arguments.metadata_path() {
        None => None,
        Some(path) => Some(Output::create(&path, arguments.force)?),
    };
    let quoting = quoting(rules.dialect());
    let mut table = TableWriter::new(output, format, layout.columns(), quoting, Header::WithRows)?;
    let threads = arguments.threads.unwrap_or_else(pipeline::all_cores);
    let counts = tokenize(
        &mut reader,
        &tokenizer,
        &layout,
        &mut table,
        threads,
        console,
    )?;
    counts.report(&reader, console);
    let output = table.finish()?;
    if let Some(mut file) = metadata_file {
        let metadata = Metadata {
            rules: &rules,
            scheme: tokenizer.hasher().scheme(),
            secrets: SecretHashes::of(Some(&secret), key.as_ref()),
            hashed_record_ids: arguments.record_id_key_file.is_some(),
            input_digest: files::digest(&arguments.input)?,
            tally: &counts.tally,
        };
        write!(file, "{metadata}").with_context(|| file.path().display().to_string())?;
        file.commit()?;
    }
    output.commit()?;
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

fn encryption_key(arguments: &Arguments) -> anyhow::Result<Option<EncryptionKey>> {
    if arguments.hash_only {
        return Ok(None);
    }
    let key = secrets::find(
        arguments.encryption_key_file.as_deref(),
        secrets::ENCRYPTION_KEY,
    )?;
    Ok(key.map(|key| EncryptionKey::new(&key)).transpose()?)
}

/// Rows are padded and cut as the reference does; its Python version reads a line end inside quotes
/// as one line feed.
fn read_options(dialect: Option<Dialect>) -> ReadOptions {
    let fold = dialect.is_some_and(|dialect| dialect != Dialect::Ot1Java);
    ReadOptions {
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
        ensure!(
            rules.len() == 1,
            "--health-system: rows without a rule id need a set of one rule, such as htac"
        );
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

/// What a run has counted.
struct Counts {
    tally: Tally,
    ragged_rows: u64,
    first_ragged_row: Option<u64>,
}

impl Counts {
    fn report(&self, reader: &Reader, console: &Console) {
        if let Some(first) = self.first_ragged_row {
            console.note(format_args!(
                "{}: {} rows have more or fewer cells than the header, the first is row {first}",
                reader.name(),
                self.ragged_rows,
            ));
        }
        if self.tally.generated_ids() > 0 {
            console.note(format_args!(
                "{}: {} records have no record id and were given random ones",
                reader.name(),
                self.tally.generated_ids(),
            ));
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
    let mut counts = Counts {
        tally: Tally::new(tokenizer.binding()),
        ragged_rows: 0,
        first_ragged_row: None,
    };
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
            table.append(done.rows)?;
            counts.tally.merge(&done.tally);
            counts.ragged_rows += done.ragged_rows;
            counts.first_ragged_row = counts.first_ragged_row.or(done.first_ragged_row);
            bar.inc(done.progress);
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    Ok(counts)
}

/// What one chunk has come to.
struct Done {
    rows: RowBuffer,
    tally: Tally,
    ragged_rows: u64,
    first_ragged_row: Option<u64>,
    progress: u64,
}
