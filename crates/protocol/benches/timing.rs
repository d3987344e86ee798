//! Does time depend on secrets? `cargo bench -p blindjoin-protocol --bench timing -- [NAME]...`
//!
//! Every line compares inputs of two classes, in random order, by Welch's t (`timing/welch.rs`).
//! What is claimed to be constant must stay below the border, in two of three runs if not in the first,
//! since a real difference shows in each; the control, which is not constant, must exceed it. Otherwise the bench
//! fails. `--samples N` is one million by default: about fifteen minutes on a quiet core. A busy machine
//! adds noise, which hides differences; it makes none.
//!
//! Operands are short, so that a million measurements are feasible: the moduli of 256 (decryption)
//! and 512 bits run the code that those of 1024 to 4096 bits run, limb by limb.
#![expect(clippy::print_stdout, reason = "a bench prints")]

#[path = "timing/masks.rs"]
mod masks;
#[path = "timing/ring.rs"]
mod ring;
#[path = "timing/welch.rs"]
mod welch;

use std::process::ExitCode;

use blindjoin_bigint::{Backend, Lookup};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use masks::{Labels, Step, Values, Varied, Words};
use ring::{Ciphertexts, Fixed, Keys, Powers};
use welch::{Subject, measure};

/// What is said of a subject.
#[derive(Clone, Copy, PartialEq)]
enum Claim {
    Constant,
    /// Nothing: it is shown for comparison.
    None,
    /// It differs, or the measurement is blind.
    Control,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let samples = arguments
        .iter()
        .position(|argument| argument == "--samples")
        .and_then(|at| arguments.get(at + 1)?.parse().ok())
        .unwrap_or(1_000_000);
    let only: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with("--") && argument.parse::<usize>().is_err())
        .collect();
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let mut failed = false;
    for (name, claim, mut subject) in subjects(&mut rng) {
        if !only.is_empty() && !only.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let mut verdict = measure(&mut *subject, samples, &mut rng);
        let mut leaks = usize::from(verdict.leaks());
        // One run in some thousands exceeds the border by chance: two of three decide.
        if claim == Claim::Constant && verdict.leaks() {
            for _ in 0..2 {
                print(&name, samples, verdict, "again");
                verdict = measure(&mut *subject, samples, &mut rng);
                leaks += usize::from(verdict.leaks());
            }
        }
        let wrong = match claim {
            Claim::Constant => leaks > 1,
            Claim::Control => !verdict.leaks(),
            Claim::None => false,
        };
        failed |= wrong;
        let word = match (claim, wrong) {
            (Claim::None, _) => "no claim",
            (Claim::Control, false) => "differs, as it must",
            (_, false) => "holds",
            (_, true) => "FAILS",
        };
        print(&name, samples, verdict, word);
    }
    ExitCode::from(u8::from(failed))
}

fn print(name: &str, samples: usize, verdict: welch::Verdict, word: &str) {
    println!(
        "{name:<58} {samples:>8} samples  |t| {:6.2}  at {:3} %  {:+8.1} of {:8.0} ns  {word}",
        verdict.t.abs(),
        verdict.kept,
        verdict.slower,
        verdict.mean
    );
}

type Named = (String, Claim, Box<dyn Subject>);

fn subjects(rng: &mut ChaCha20Rng) -> Vec<Named> {
    use Claim::Constant;
    let backends = Backend::available().into_iter();
    let mut subjects: Vec<Named> = backends.flat_map(|backend| powers(backend, rng)).collect();
    let mut masks = |name: &str, subject: Box<dyn Subject>| {
        subjects.push((name.to_owned(), Constant, subject));
    };
    for (name, step) in [
        ("label covered", Step::Cover),
        ("label uncovered", Step::Uncover),
        ("label covered, blind", Step::CoverBlind),
    ] {
        masks(
            &format!("{name}: 0 or others"),
            Box::new(Labels::new(step, Varied::Label)),
        );
        masks(
            &format!("{name}: one mask or others"),
            Box::new(Labels::new(step, Varied::Position)),
        );
    }
    masks(
        "words uncovered, blind: 0 or others",
        Box::new(Words::new()),
    );
    masks("fingerprint: one value or others", Box::new(Values::new()));
    subjects
}

/// Powers on one backend.
fn powers(backend: Backend, rng: &mut ChaCha20Rng) -> Vec<Named> {
    use Claim::{Constant, Control};
    let mut subjects = Vec::new();
    let mut add = |name: &str, claim, subject: Box<dyn Subject>| {
        subjects.push((format!("{name}, {}", backend.name()), claim, subject));
    };
    let controlled = Powers::new(512, backend, 64, Fixed::One, Powers::bit_by_bit, rng);
    add(
        "control: squares, and products by bits",
        Control,
        Box::new(controlled),
    );
    let keys = Keys::new(256, backend, rng);
    add("decryption: one key or many", Constant, Box::new(keys));
    let ciphertexts = Ciphertexts::new(256, backend, rng);
    add(
        "decryption: the ciphertext 1 or others",
        Constant,
        Box::new(ciphertexts),
    );
    for (name, fixed) in [
        ("one", Fixed::One),
        ("all ones", Fixed::AllOnes),
        ("one drawn", Fixed::Drawn),
    ] {
        let factors = Powers::new(512, backend, 89, fixed, Powers::windows, rng);
        // The exponent one keeps the same numbers in the multiplier, which some processors work on a
        // trifle faster, whatever the instructions. A factor that was drawn has no such windows.
        let claim = match fixed {
            Fixed::One => Claim::None,
            Fixed::AllOnes | Fixed::Drawn => Constant,
        };
        let name_of_factor = format!("masking factor: {name} or others");
        add(&name_of_factor, claim, Box::new(factors));
        for (how, claim, lookup) in [
            ("whole tables read", Constant, Lookup::ConstantTime),
            ("entries read directly", Claim::None, Lookup::Direct),
        ] {
            let noise = Powers::new(512, backend, 320, fixed, Powers::table(320, lookup), rng);
            add(
                &format!("noise, {how}: {name} or others"),
                claim,
                Box::new(noise),
            );
        }
    }
    subjects
}
