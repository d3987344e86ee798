//! Double Metaphone beside that of `rphonetic`, on names of registries: how long, and how many codes
//! differ: `cargo bench -p blindjoin-record --bench phonetic`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a bench measures time and prints it"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

#[path = "../../../tests/common/data.rs"]
mod data;

use blindjoin_record::phonetic::double_metaphone;
use rphonetic::DoubleMetaphone;

/// In turn, of which the medians are shown.
const RUNS: usize = 7;
/// Names coded in a run, over and over.
const NAMES: usize = 200_000;

fn main() {
    let own = data::own("febrl/dataset4b.csv");
    let outside = data::outside("data/febrl/dataset4b.csv");
    for (list, file) in [("ours", Some(own)), ("FEBRL's", outside)] {
        let Some(file) = file else { continue };
        let names = names(&std::fs::read_to_string(file).unwrap());
        let other = DoubleMetaphone::default();
        let differing = names.iter().filter(|name| {
            let both = other.double_metaphone(name);
            let theirs = [both.primary(), both.alternate()];
            codes(name).iter().map(String::as_str).ne(theirs)
        });
        let differing = differing.count();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(timed(&names, |name| codes(name)[0].len()));
            theirs.push(timed(&names, |name| {
                let both = other.double_metaphone(name);
                both.primary().len() + both.alternate().len()
            }));
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "{list:8} {} names, {differing} with other codes; ours {ours} ns per name, rphonetic {theirs} ns, {:.2} times",
            names.len(),
            f64::from(theirs) / f64::from(ours)
        );
    }
}

/// The letters of given names and surnames, in upper case.
fn names(text: &str) -> Vec<String> {
    let rows = text.lines().skip(1);
    let cells = rows.flat_map(|line| line.split(',').skip(1).take(2));
    let letters = cells.map(|cell| {
        let letters = cell.chars().filter(char::is_ascii_alphabetic);
        letters.collect::<String>().to_uppercase()
    });
    letters.filter(|name| !name.is_empty()).collect()
}

fn codes(name: &str) -> [String; 2] {
    [false, true].map(|alternate| {
        let mut code = String::new();
        double_metaphone(name, alternate, &mut code);
        code
    })
}

/// Nanoseconds per name.
fn timed(names: &[String], mut code: impl FnMut(&str) -> usize) -> u32 {
    let start = Instant::now();
    for name in names.iter().cycle().take(NAMES) {
        black_box(code(black_box(name)));
    }
    let took: Duration = start.elapsed();
    u32::try_from(took.as_nanos() / NAMES as u128).unwrap()
}

fn median(mut times: Vec<u32>) -> u32 {
    times.sort_unstable();
    times[RUNS / 2]
}
