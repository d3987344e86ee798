//! Nanoseconds per element of every operation, for every backend: `cargo bench -p blindjoin-bigint`.
//!
//! Arguments restrict the lengths of m: `cargo bench -p blindjoin-bigint --bench ring -- 2048`.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark reports on standard output"
)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use blindjoin_bigint::{Backend, Batch, FixedBase, Lookup, Naturals, PowerLog, SquareRing};
use num_bigint::BigUint;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use rayon::ThreadPoolBuilder;
use rustix::time::{ClockId, clock_gettime};

/// Squarings in a row, as in an exponentiation.
const CHAIN: usize = 32;

fn main() {
    let only: Vec<u32> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    // What works on a pool works in this thread, whose processor time is measured.
    let pool = ThreadPoolBuilder::new().num_threads(1).use_current_thread();
    let pool = pool.build().expect("a pool of this thread alone");
    for backend in Backend::available() {
        for bits in [1024, 1536, 2048, 3072, 4096] {
            if only.is_empty() || only.contains(&bits) {
                pool.install(|| measure(backend, bits));
            }
        }
    }
}

fn measure(backend: Backend, bits: u32) {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let ring = SquareRing::new(&odd(bits, &mut rng), backend).expect("an odd modulus");
    // Small enough to be measured between two interruptions.
    let batch = 4 * backend.lanes();
    let x = ring.random(batch, &mut rng);
    let report = |name: &str, count: usize, f: &mut dyn FnMut()| {
        let each = best(f) / u32::try_from(count).map_or(f64::MAX, f64::from);
        println!(
            "{:8} m of {bits:4} bits  {name:46} {:12.1} ns",
            backend.name(),
            each * 1e9
        );
    };
    let many = ring.random(16 * batch, &mut rng);
    let mut product = many.clone();
    report(
        "product",
        many.len(),
        &mut discard(|| ring.mul_assign(&mut product, &many)),
    );
    let mut y = x.clone();
    report(
        "square",
        batch * CHAIN,
        &mut discard(|| ring.square_times_assign(&mut y, CHAIN)),
    );
    let plain = Naturals::random(batch, 252, &mut rng);
    report(
        "times 1 + y·m",
        batch,
        &mut discard(|| ring.mul_one_plus_assign(&mut y, &plain)),
    );
    for exponent in [89, 127] {
        let exponents = Naturals::random(batch, exponent, &mut rng);
        let name = format!("power, {exponent} bits each");
        report(&name, batch, &mut || ring.pow_assign(&mut y, &exponents));
    }
    let shared = Naturals::random(1, 256, &mut rng);
    report(
        "power, 256 bits shared",
        batch,
        &mut discard(|| ring.pow_shared_assign(&mut y, &shared, 0)),
    );
    let exponent = ring.modulus() - 1u8;
    let log = PowerLog::new(&ring, &exponent, &exponent);
    report(
        "logarithm of a power, as long as m",
        many.len(),
        &mut discard(|| log.log(&many)),
    );
    fixed_base(&ring, &x, &report, &mut rng);
    columns(&ring, &many, &mut rng);
    let bytes = ring.encode(&many);
    report("decode", many.len(), &mut discard(|| ring.decode(&bytes)));
    report("encode", many.len(), &mut discard(|| ring.encode(&many)));
    report(
        "units",
        many.len(),
        &mut discard(|| ring.are_units_vartime(&many)),
    );
    report(
        "logarithm",
        many.len(),
        &mut discard(|| ring.log_one_plus(&many)),
    );
}

type Report<'a> = &'a dyn Fn(&str, usize, &mut dyn FnMut());

fn fixed_base(ring: &SquareRing, x: &Batch, report: Report<'_>, rng: &mut ChaCha20Rng) {
    let direct = [
        (320, 8),
        (320, 10),
        (495, 8),
        (495, 9),
        (495, 10),
        (495, 11),
        (495, 12),
        (2422, 8),
        (2422, 10),
        (2422, 11),
        (2422, 12),
    ];
    // A unit of every ring, as a random element need not be.
    let base = ring.from_integers(&[BigUint::from(2u8)]);
    let constant = [(495, 4), (495, 5), (495, 6)];
    let cases = direct
        .map(|(bits, w)| (bits, w, Lookup::Direct))
        .into_iter();
    for (bits, window, lookup) in
        cases.chain(constant.map(|(bits, w)| (bits, w, Lookup::ConstantTime)))
    {
        let table = FixedBase::with_window(ring, &base, 0, bits, lookup, window);
        let exponents: Vec<_> = (0..64)
            .map(|_| Naturals::random(x.len(), bits, rng))
            .collect();
        let mut next = exponents.iter().cycle();
        let name = format!(
            "fixed base, {bits} bits, w {window}, {lookup:?}, {} MB",
            table.bytes() >> 20
        );
        report(
            &name,
            x.len(),
            &mut discard(|| next.next().map(|exponents| table.pow(exponents))),
        );
    }
}

/// Products of powers for many columns, beside products alone.
///
/// A product by an entry is 8 units where a product of two elements is 10: so much of the latter's time is what
/// it would take without reading tables and adding logarithms.
fn columns(ring: &SquareRing, many: &Batch, rng: &mut ChaCha20Rng) {
    const BITS: usize = 48;
    /// Bits of an exponent that a table serves at once.
    const WINDOW: usize = 8;
    const TIMES: usize = 64;
    // Units of every ring, as random elements need not be.
    let two = ring.from_integers(&[BigUint::from(2u8)]);
    let mut product = many.clone();
    for (rows, columns) in [(1024, 408), (1024, 1313)] {
        let mut bases = ring.repeat(&two, 0, rows * ring.backend().lanes() / 8);
        let exponents = Naturals::random(bases.len(), 128, rng);
        ring.pow_assign(&mut bases, &exponents);
        let rows: Vec<Vec<u64>> = (0..bases.len())
            .map(|_| {
                (0..columns)
                    .map(|_| rng.next_u64() >> (64 - BITS))
                    .collect()
            })
            .collect();
        let products = || ring.products_vartime(&bases, &rows, columns, BITS);
        let count = bases.len() * columns * BITS.div_ceil(WINDOW);
        let (mut each, mut plain) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            plain.push(once(&mut || {
                for _ in 0..TIMES {
                    ring.mul_assign(&mut product, many);
                }
            }));
            each.push(once(&mut discard(products)));
        }
        let of = |times: &mut Vec<f64>, count: usize| {
            times.sort_by(f64::total_cmp);
            times[times.len() >> 1] / u32::try_from(count).map_or(f64::MAX, f64::from)
        };
        let (each, plain) = (
            of(&mut each, count),
            0.8 * of(&mut plain, TIMES * many.len()),
        );
        println!(
            "{:8} m of {:4} bits  {:46} {:12.1} ns, {:.0} % of the plain rate",
            ring.backend().name(),
            ring.modulus().bits(),
            format!(
                "columns, {columns} by {} of {BITS} bits, a product",
                rows.len()
            ),
            each * 1e9,
            100.0 * plain / each,
        );
    }
}

fn odd(bits: u32, rng: &mut ChaCha20Rng) -> BigUint {
    let mut bytes = vec![0; bits.div_ceil(8) as usize];
    rng.fill_bytes(&mut bytes);
    let mut n = BigUint::from_bytes_le(&bytes);
    n.set_bit(0, true);
    n.set_bit(u64::from(bits) - 1, true);
    n
}

/// The computation, its result kept from being optimised away.
fn discard<T>(mut f: impl FnMut() -> T) -> impl FnMut() {
    move || {
        black_box(f());
    }
}

/// The best of many runs, in seconds of processor time: the machine at rest.
fn best(f: &mut dyn FnMut()) -> f64 {
    let start = Instant::now();
    let mut best = f64::MAX;
    let mut runs = 0;
    while runs < 5 || start.elapsed() < Duration::from_millis(300) {
        best = best.min(once(f));
        runs += 1;
    }
    best
}

/// Seconds of processor time.
fn once(f: &mut dyn FnMut()) -> f64 {
    let before = processor_time();
    f();
    processor_time() - before
}

/// What this thread has used, in seconds.
fn processor_time() -> f64 {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).map_or(0.0, |time| time.as_secs_f64())
}
