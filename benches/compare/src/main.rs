//! blindjoin's Paillier beside other libraries: one run, one thread, medians of interleaved samples.
//!
//! Every library's results are checked before they are timed.
//! `README.md` beside this program's manifest says how to run it and what the columns mean.

mod case;
mod inputs;
mod ours;
mod peers;
mod prototype;
mod python;
mod results;
mod targets;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use blindjoin_paillier::Backend;

use crate::case::Case;
use crate::inputs::Inputs;
use crate::prototype::Prototype;
use crate::results::{Entry, Results};

const USAGE: &str = "\
usage: blindjoin-compare [options]
  --sizes 2048,3072     bits of n
  --rounds 11           samples of every operation, taken in turn
  --sample-ms 25        least duration of a sample
  --ours                leave the other libraries out
  --prototype COMMAND   also run `COMMAND d2`, the measuring prototype
  --python-json FILE    also show the figures of python/compare.py --json FILE
  --assert              exit with 1 if a target was measured and missed";

struct Options {
    sizes: Vec<usize>,
    rounds: usize,
    sample: Duration,
    ours: bool,
    prototype: Option<String>,
    python: Option<PathBuf>,
    assert: bool,
}

impl Options {
    /// Reads the command line; `None` asks for the usage.
    fn parse(arguments: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let mut out = Self {
            sizes: vec![2048, 3072],
            rounds: 11,
            sample: Duration::from_millis(25),
            ours: false,
            prototype: None,
            python: None,
            assert: false,
        };
        let mut arguments = arguments;
        while let Some(option) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .with_context(|| format!("{option} wants a value"))
            };
            match option.as_str() {
                "--sizes" => {
                    let sizes = value()?;
                    out.sizes = sizes.split(',').map(str::parse).collect::<Result<_, _>>()?;
                }
                "--rounds" => out.rounds = value()?.parse()?,
                "--sample-ms" => out.sample = Duration::from_millis(value()?.parse()?),
                "--ours" => out.ours = true,
                "--prototype" => out.prototype = Some(value()?),
                "--python-json" => out.python = Some(value()?.into()),
                "--assert" => out.assert = true,
                "--help" | "-h" => return Ok(None),
                other => bail!("unknown option {other}"),
            }
        }
        if let Some(bits) = out.sizes.iter().find(|b| ![2048, 3072, 4096].contains(*b)) {
            bail!("no key of {bits} bits: 2048, 3072 or 4096");
        }
        Ok(Some(out))
    }
}

fn main() -> Result<ExitCode> {
    let Some(options) = Options::parse(std::env::args().skip(1)).context(USAGE)? else {
        writeln!(std::io::stdout(), "{USAGE}")?;
        return Ok(ExitCode::SUCCESS);
    };
    // Whatever any library hands to rayon runs on this one thread, whose processor time is taken.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let missed = pool.install(|| run(&options))?;
    Ok(if missed && options.assert {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Measures and prints; yields whether a target was missed.
fn run(options: &Options) -> Result<bool> {
    let mut log = std::io::stderr();
    let mut cases: Vec<Case> = Vec::new();
    for &bits in &options.sizes {
        writeln!(log, "preparing and checking {bits} bits")?;
        let inputs = Inputs::draw(bits);
        for backend in Backend::available() {
            cases.extend(ours::cases(&inputs, backend));
        }
        if !options.ours {
            cases.extend(peers::cases(&inputs));
        }
    }
    let mut prototype = options.prototype.as_deref().map(Prototype::new);
    for round in 0..options.rounds {
        writeln!(log, "round {} of {}", round + 1, options.rounds)?;
        for case in &mut cases {
            case.sample(options.sample);
        }
        if let Some(prototype) = prototype.as_mut().filter(|_| round.is_multiple_of(3)) {
            prototype.run()?;
        }
    }

    let mut results = Results::default();
    for case in &cases {
        results.push(Entry {
            operation: case.operation,
            bits: case.bits,
            who: case.who.to_owned(),
            nanoseconds: case.median(),
        });
    }
    if let Some(path) = &options.python {
        python::report(path, &options.sizes, &mut results)?;
    }
    if let Some(prototype) = &prototype {
        prototype.report(&options.sizes, &mut results);
    }
    let fastest = Backend::available()[0].name();
    let targets = targets::targets(&results, &options.sizes, fastest);
    let mut out = std::io::stdout().lock();
    for &bits in &options.sizes {
        writeln!(out, "{}", results.table(bits))?;
    }
    write!(out, "{}", targets::table(&targets))?;
    Ok(targets.iter().any(targets::Target::missed))
}
