//! Tokens per CPU-second, from a row's cells to its five tokens, and the time to match two files.
//!
//! Everything runs on the one thread that is measured, except matching, which sorts with all.
//! Rows are generated; reading and writing files is not part of it. `--rows N` sets how many.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench prints, and stops at what it did not expect"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a bench measures time, unlike the crate"
)]

use std::fmt::Write;
use std::time::Instant;

use blindjoin_record::{Date, RuleSet};
use blindjoin_token::{
    EncryptionKey, Hasher, HashingSecret, Limits, Matches, Scheme, Sealer, Strategy, TokenKey,
    TokenTable, TokenTableBuilder, Tokenizer,
};
use rand::RngExt;
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;

const HEADER: [&str; 7] = [
    "RecordId",
    "FirstName",
    "LastName",
    "BirthDate",
    "Sex",
    "PostalCode",
    "SocialSecurityNumber",
];

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--rows");
    let rows = arguments
        .nth(1)
        .map_or(200_000, |rows| rows.parse().unwrap());
    let people = people(rows);
    for rules in ["opentoken", "htac"] {
        tokenize(&people, rules, false);
        tokenize(&people, rules, true);
    }
    join(rows);
}

/// People as registries hold them: names with accents, titles and suffixes, dates in two forms,
/// and now and then an invalid value.
fn people(rows: usize) -> Vec<Vec<String>> {
    let mut rng = ChaCha12Rng::seed_from_u64(1);
    let first = [
        "María", "John A.", "Dr. Ana", "tom", "Élise", "Wei", "Olumide", "Sarah",
    ];
    let last = [
        "García Jr.",
        "O'Reilly",
        "Smith-Jones",
        "Nguyen",
        "Müller",
        "Li",
        "Okafor",
        "N/A",
    ];
    let mut pick = |from: &[&str]| from[rng.random_range(0..from.len())].to_owned();
    let mut people: Vec<Vec<String>> = (0..rows)
        .map(|row| {
            vec![
                format!("{row:08x}-1b2c-4d3e-8f40-5a6b7c8d9e0f"),
                pick(&first),
                pick(&last),
                String::new(),
                pick(&["Male", "Female", "F", "M"]),
                String::new(),
                String::new(),
            ]
        })
        .collect();
    for (row, person) in people.iter_mut().enumerate() {
        let (year, month, day) = (
            rng.random_range(1920..2020),
            rng.random_range(1..=12),
            rng.random_range(1..=28),
        );
        person[3] = match row % 2 {
            0 => format!("{year}-{month:02}-{day:02}"),
            _ => format!("{month:02}/{day:02}/{year}"),
        };
        person[5] = format!("{:05}", rng.random_range(10_000..99_000));
        person[6] = format!(
            "{:03}-{:02}-{:04}",
            rng.random_range(1..660),
            rng.random_range(1..99),
            rng.random_range(1..9_999)
        );
    }
    people
}

fn tokenize(people: &[Vec<String>], rules: &str, sealed: bool) {
    let rules = RuleSet::builtin(rules).unwrap();
    let mut header = HEADER;
    if rules.name() == "htac" {
        header[6] = "phone";
    }
    let today = Date::new(2026, 11, 21).unwrap();
    let binding = rules.bind(&header, today).unwrap();
    let secret = HashingSecret::new("HashingKey").unwrap();
    let mut tokenizer = Tokenizer::new(binding, Hasher::new(&secret, Scheme::of(&rules)));
    if sealed {
        let key = EncryptionKey::new("Secret-Encryption-Key-Goes-Here.").unwrap();
        tokenizer = tokenizer.with_sealer(Sealer::new(&key));
    }
    let mut worker = tokenizer.worker();
    let mut rng = ChaCha12Rng::seed_from_u64(2);
    let mut characters = 0;
    let start = cpu_seconds();
    for person in people {
        let tokens = tokenizer.tokenize(person, &mut worker, &mut rng);
        characters += tokens.iter().map(str::len).sum::<usize>();
    }
    let seconds = cpu_seconds() - start;
    let tokens = people.len() * rules.rules().len();
    println!(
        "{:10} {:9} {:6.2} million tokens per CPU-second ({} rows, {} characters)",
        rules.name(),
        if sealed { "sealed" } else { "hash-only" },
        millions(tokens) / seconds,
        people.len(),
        characters
    );
}

/// Two files of which a third of the records is common to both; one token in fifty is shared by
/// many.
fn join(records: usize) {
    let start = Instant::now();
    let (left, right) = (table(records, 0), table(records, records * 2 / 3));
    let read = start.elapsed().as_secs_f64();
    for strategy in ["any", "all", "tiered", "(T1|T2)&(T3|T4)"] {
        let start = Instant::now();
        let parsed: Strategy = strategy.parse().unwrap();
        let matches = Matches::find(&left, &right, &parsed, &Limits::default()).unwrap();
        println!(
            "{:16} {:6.2} s to match two files of {:.1} million tokens: {} pairs ({read:.2} s to take them in)",
            strategy,
            start.elapsed().as_secs_f64(),
            millions(records * 5),
            matches.pairs().len(),
        );
    }
}

fn table(records: usize, from: usize) -> TokenTable {
    let mut builder = TokenTableBuilder::new();
    let (mut token, mut id) = (String::new(), String::new());
    for person in from..from + records {
        id.clear();
        write!(id, "{person:08x}-1b2c-4d3e-8f40-5a6b7c8d9e0f").unwrap();
        for (rule, name) in ["T1", "T2", "T3", "T4", "T5"].into_iter().enumerate() {
            let value = if rule == 4 { person / 50 } else { person };
            token.clear();
            write!(token, "{rule}{value:042x}=").unwrap();
            let key = TokenKey::read(&token).unwrap();
            builder.push(name, key, &id).unwrap();
        }
    }
    builder.finish()
}

/// The processor time of this thread, as Linux tells it.
fn cpu_seconds() -> f64 {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanoseconds = times.split(' ').next().unwrap();
    nanoseconds.parse::<f64>().unwrap() / 1e9
}

#[expect(clippy::cast_precision_loss, reason = "a figure of three digits")]
fn millions(count: usize) -> f64 {
    count as f64 / 1e6
}
