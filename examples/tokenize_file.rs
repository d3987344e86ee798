//! Makes tokens of a file of people, CSV or Parquet:
//!
//! ```console
//! $ cargo run -p blindjoin --example tokenize_file -- people.csv tokens.csv secret
//! ```
//!
//! `blindjoin tokenize` does this on all cores, with metadata, and says what is odd about the file.

use std::error::Error;
use std::path::Path;

use blindjoin_columnar::{
    Format, Header, Output, OutputColumn, Quoting, ReadOptions, Reader, TableWriter, today,
};
use blindjoin_record::RuleSet;
use blindjoin_token::{Hasher, HashingSecret, Scheme, Tokenizer};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [people, tokens, secret] = &arguments[..] else {
        return Err("usage: tokenize_file PEOPLE TOKENS SECRET_FILE".into());
    };
    let secret = std::fs::read_to_string(secret)?;
    tokenize(people.as_ref(), tokens.as_ref(), secret.trim_end())?;
    Ok(())
}

/// Writes a row for every record and rule, and yields how many these are.
///
/// A record that lacks what a rule needs has the blank token there.
pub(crate) fn tokenize(people: &Path, tokens: &Path, secret: &str) -> Result<u64, Box<dyn Error>> {
    let rules = RuleSet::builtin("opentoken")?;
    let reader = Reader::open(people, ReadOptions::lenient())?;
    let binding = rules.bind(reader.columns(), today())?;
    let hasher = Hasher::new(&HashingSecret::new(secret)?, Scheme::of(&rules));
    let tokenizer = Tokenizer::new(binding, hasher);

    let columns = ["RuleId", "Token", "RecordId"].map(OutputColumn::text);
    let mut table = TableWriter::new(
        Output::create(tokens, false)?,
        Format::of(tokens)?,
        columns.into(),
        Quoting::Needed,
        Header::Always,
    )?;
    let (mut worker, mut rng) = (tokenizer.worker(), rand::rng());
    for chunk in reader {
        let chunk = chunk?;
        let mut rows = table.buffers().buffer(chunk.len() * rules.rules().len());
        for row in chunk.rows().iter() {
            let made = tokenizer.tokenize(&row, &mut worker, &mut rng);
            for (rule, token) in rules.rules().iter().zip(made.iter()) {
                rows.push([Some(rule.id()), Some(token), Some(made.record_id())]);
            }
        }
        table.append(rows)?;
    }
    let written = table.rows();
    // Until here there is no file of this name.
    table.finish()?.commit()?;
    Ok(written)
}
