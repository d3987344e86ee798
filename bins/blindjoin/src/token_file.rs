//! Token files: who their columns are, and their rows as keys to be compared.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, anyhow};
use blindjoin_columnar::{Chunk, InputOptions, ReadOptions, Reader, Row, pipeline};
use blindjoin_token::{Sealer, TokenKey, TokenTable, TokenTableBuilder, is_sealed};

use crate::console::Console;
use crate::secrets;

/// The rule of HTAC's files, which do not name one.
const HTAC_RULE: &str = "HTAC";

/// The columns of a token file, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    /// Absent in files of one rule.
    rule: Option<usize>,
    token: usize,
    record_id: usize,
}

impl Columns {
    /// Finds them: RuleId, Token and RecordId as OpenToken writes them, or token and person as HTAC
    /// does, in any order and case.
    pub(crate) fn of(reader: &Reader) -> anyhow::Result<Self> {
        if reader.columns().is_empty() {
            // Tokens of no records, which have no header either: there is no row to look into.
            return Ok(Self {
                rule: None,
                token: 0,
                record_id: 1,
            });
        }
        let find = |name: &str| {
            reader
                .columns()
                .iter()
                .position(|column| column.trim().eq_ignore_ascii_case(name))
        };
        let rule = find("RuleId");
        let id = if rule.is_some() { "RecordId" } else { "person" };
        match (find("Token"), find(id)) {
            (Some(token), Some(record_id)) => Ok(Self {
                rule,
                token,
                record_id,
            }),
            _ => Err(anyhow!(
                "{}: is no token file, which has the columns RuleId, Token and RecordId, or token \
                 and person",
                reader.name()
            )),
        }
    }

    pub(crate) fn rule<'a>(&self, row: Row<'a>) -> &'a str {
        self.rule
            .map_or(HTAC_RULE, |rule| row.cell(rule).unwrap_or(""))
    }

    pub(crate) fn token<'a>(&self, row: Row<'a>) -> &'a str {
        row.cell(self.token).unwrap_or("")
    }

    pub(crate) fn record_id<'a>(&self, row: Row<'a>) -> &'a str {
        row.cell(self.record_id).unwrap_or("")
    }
}

/// Opens a token file; one without a byte holds the tokens of no records.
pub(crate) fn open(
    path: &Path,
    reading: InputOptions,
    console: &Console,
) -> anyhow::Result<(Reader, Columns)> {
    let options = ReadOptions {
        duplicate_columns: true,
        may_be_empty: true,
        ..ReadOptions::strict()
    };
    let reader = Reader::open(path, reading.over(options))?;
    console.notes_on(&reader);
    if reader.columns().is_empty() {
        console.note(format_args!("{}: is empty: no tokens", reader.name()));
    }
    let columns = Columns::of(&reader)?;
    Ok((reader, columns))
}

/// The key of a row's token; sealed tokens are opened if there is a key for them.
pub(crate) fn key(
    token: &str,
    sealer: Option<&Sealer>,
    opened: &mut String,
) -> Result<Option<TokenKey>, blindjoin_token::Error> {
    match sealer {
        Some(sealer) if is_sealed(token) => {
            opened.clear();
            sealer.open(token, opened)?;
            TokenKey::read(opened)
        }
        _ => TokenKey::read(token),
    }
}

/// Says how to give the key that a sealed token needs.
pub(crate) fn with_advice(error: blindjoin_token::Error) -> anyhow::Error {
    match error {
        blindjoin_token::Error::Sealed => anyhow::Error::from(error).context(format!(
            "name the file of its key with --encryption-key-file, or set {}",
            secrets::ENCRYPTION_KEY.variable
        )),
        error => error.into(),
    }
}

/// Reads the rest of a token file, which is then ready to be matched.
pub(crate) fn load(
    (mut reader, columns): (Reader, Columns),
    sealer: Option<&Sealer>,
    threads: NonZeroUsize,
    console: &Console,
) -> anyhow::Result<TokenTable> {
    let name = reader.name().to_string();
    let bar = console.progress("reading", &reader);
    let mut table = TokenTableBuilder::new();
    pipeline::run(
        &mut reader,
        threads,
        || {
            let mut opened = String::new();
            let name = &name;
            move |chunk: &Chunk| -> anyhow::Result<_> {
                let mut keys = Vec::with_capacity(chunk.len());
                for (row, number) in chunk.rows().iter().zip(chunk.first_row()..) {
                    let key = key(columns.token(row), sealer, &mut opened);
                    let key = key.map_err(with_advice);
                    keys.push(key.with_context(|| format!("{name}: row {number}"))?);
                }
                Ok((chunk.clone(), keys))
            }
        },
        |(chunk, keys)| -> anyhow::Result<()> {
            let rows = chunk.rows();
            for (row, key) in rows.iter().zip(keys) {
                table
                    .push(columns.rule(row), key, columns.record_id(row))
                    .with_context(|| name.clone())?;
            }
            bar.inc(chunk.progress());
            Ok(())
        },
    )?;
    bar.finish_and_clear();
    Ok(table.finish())
}
