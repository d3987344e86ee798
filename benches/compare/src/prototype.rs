//! Another program's figures: a measuring prototype of the kernel.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::case::{Operation, median};
use crate::results::{Entry, Results};

/// The program and what it has said so far.
pub struct Prototype {
    command: String,
    /// Operation, bits of n, nanoseconds per lane: the best of its blockings in each run.
    figures: Vec<(Operation, usize, f64)>,
}

impl Prototype {
    /// A program that is called as `command d2`.
    pub fn new(command: &str) -> Self {
        Self {
            command: command.to_owned(),
            figures: Vec::new(),
        }
    }

    /// Runs it once and keeps its medians for products and squares modulo n².
    pub fn run(&mut self) -> Result<()> {
        let output = Command::new(&self.command)
            .arg("d2")
            .output()
            .with_context(|| format!("cannot run {}", self.command))?;
        ensure!(output.status.success(), "{} d2 failed", self.command);
        let mut run: Vec<(Operation, usize, f64)> = Vec::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Some(figure) = parse(line) else { continue };
            match run.iter_mut().find(|f| (f.0, f.1) == (figure.0, figure.1)) {
                Some(known) => known.2 = known.2.min(figure.2),
                None => run.push(figure),
            }
        }
        ensure!(!run.is_empty(), "{} d2 printed no figure", self.command);
        self.figures.extend(run);
        Ok(())
    }

    /// Adds the medians over all runs to `results`, for the key sizes in `sizes`.
    pub fn report(&self, sizes: &[usize], results: &mut Results) {
        for &bits in sizes {
            for operation in [Operation::Product, Operation::Square] {
                let of = |f: &&(Operation, usize, f64)| (f.0, f.1) == (operation, bits);
                let values: Vec<f64> = self.figures.iter().filter(of).map(|f| f.2).collect();
                if !values.is_empty() {
                    results.push(Entry {
                        operation,
                        bits,
                        who: "prototype".to_owned(),
                        nanoseconds: median(&values),
                    });
                }
            }
        }
    }
}

/// Reads `mod 4096 as (n,n) digits H40 B10 mul 283.3 ns/lane (median 288.3) …`: 4096 bits are those of n².
fn parse(line: &str) -> Option<(Operation, usize, f64)> {
    let (modulus, rest) = line.strip_prefix("mod ")?.split_once(" as (n,n) digits ")?;
    let operation = match rest.split_whitespace().nth(2)? {
        "mul" => Operation::Product,
        "sqr" => Operation::Square,
        _ => return None,
    };
    let (_, rest) = rest.split_once("(median ")?;
    let (median, _) = rest.split_once(')')?;
    Some((
        operation,
        modulus.parse::<usize>().ok()? / 2,
        median.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_and_other_lines_are_not() {
        let line = "mod 4096 as (n,n) digits H40 B10 sqr   206.1 ns/lane (median 209.8) IFMA 11240 -> 6.82 G IFMA/s";
        assert_eq!(parse(line), Some((Operation::Square, 2048, 209.8)));
        assert_eq!(parse(&line.replace(" sqr ", " pow61 perlane ")), None);
        assert_eq!(parse("scalar-add GHz 3.983"), None);
    }
}
