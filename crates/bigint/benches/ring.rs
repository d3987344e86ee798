//! Nanoseconds per element of every operation, for every backend: `cargo bench -p blindjoin-bigint`.
#![expect(clippy::print_stdout, reason = "a benchmark reports on standard output")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use blindjoin_bigint::{Backend, FixedBase, Lookup, Naturals, SquareRing};
use num_bigint::BigUint;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

fn main() {
    let only: Vec<usize> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    for backend in Backend::available() {
        for bits in [1024, 1536, 2048, 3072, 4096] {
            if only.is_empty() || only.contains(&bits) {
                measure(backend, bits);
            }
        }
    }
}

fn measure(backend: Backend, bits: usize) {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let ring = SquareRing::new(&odd(bits, &mut rng), backend).expect("an odd modulus");
    // Small enough to be measured between two interruptions.
    let batch = 4 * backend.lanes();
    let x = ring.random(batch, &mut rng);
    let report = |name: &str, seconds: f64| {
        println!("{:8} m of {bits:4} bits  {name:28} {:12.1} ns", backend.name(), seconds * 1e9);
    };
    let each = |repeats: usize, f: &mut dyn FnMut()| best(f) / (batch * repeats) as f64;
    let long = ring.random(16 * batch, &mut rng);
    let mut wide = long.clone();
    report("product", each(16, &mut || ring.mul_assign(&mut wide, &long)));
    let mut z = x.clone();
    report("square", each(32, &mut || ring.square_times_assign(&mut z, 32)));
    let plain = Naturals::random(batch, 252, &mut rng);
    report("times 1 + y·m", each(1, &mut || ring.mul_one_plus_assign(&mut z, &plain)));
    for exponent_bits in [89, 127] {
        let exponents = Naturals::random(batch, exponent_bits, &mut rng);
        report(&format!("power, {exponent_bits} bits each"), each(1, &mut || ring.pow_assign(&mut z, &exponents)));
    }
    let shared = Naturals::random(1, 256, &mut rng);
    report("power, shared, 256 bits", each(1, &mut || ring.pow_shared_assign(&mut z, &shared, 0)));
    for (exponent_bits, lookup, window) in [
        (320, Lookup::Direct, 8),
        (320, Lookup::Direct, 10),
        (495, Lookup::Direct, 8),
        (495, Lookup::Direct, 9),
        (495, Lookup::Direct, 10),
        (495, Lookup::Direct, 11),
        (495, Lookup::ConstantTime, 4),
        (495, Lookup::ConstantTime, 5),
        (495, Lookup::ConstantTime, 6),
    ] {
        let table = FixedBase::with_window(&ring, &x, 0, exponent_bits, lookup, window);
        let exponents: Vec<_> = (0..64).map(|_| Naturals::random(batch, exponent_bits, &mut rng)).collect();
        let mut next = exponents.iter().cycle();
        let name = format!("fixed base, {exponent_bits} bits, w {window} {lookup:?} {} MB", table.bytes() >> 20);
        report(&name, each(1, &mut || drop(black_box(table.pow(next.next().expect("endless"))))));
    }
    let bytes = ring.encode(&x);
    report("decode", each(1, &mut || drop(black_box(ring.decode(&bytes)))));
    report("encode", each(1, &mut || drop(black_box(ring.encode(&x)))));
    report("units", each(1, &mut || assert!(black_box(ring.are_units_vartime(&x) || true))));
    report("logarithm", each(1, &mut || drop(black_box(ring.log_one_plus(&x)))));
}

fn odd(bits: usize, rng: &mut ChaCha20Rng) -> BigUint {
    let mut bytes = vec![0; bits.div_ceil(8)];
    rng.fill_bytes(&mut bytes);
    let mut n = BigUint::from_bytes_le(&bytes);
    n.set_bit(0, true);
    n.set_bit(bits as u64 - 1, true);
    n
}

/// The best of many runs: the machine at rest.
fn best(f: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    let mut best = f64::MAX;
    let mut runs = 0;
    while runs < 5 || start.elapsed() < Duration::from_millis(300) {
        let start = Instant::now();
        f();
        best = best.min(start.elapsed().as_secs_f64());
        runs += 1;
    }
    best
}
