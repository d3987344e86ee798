//! Operations per second of one core, for every backend: `cargo bench -p blindjoin-paillier`.
//!
//! Arguments restrict the key sizes: `cargo bench -p blindjoin-paillier --bench scheme -- 2048`.
#![expect(
    clippy::print_stdout,
    reason = "a benchmark reports on standard output"
)]

use std::hint::black_box;
use std::time::Duration;

use blindjoin_paillier::{
    Backend, Ciphertexts, Elements, FixedBase, KeySize, Lookup, Naturals, Profile, PublicKey,
    SecretKey,
};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use rustix::time::{ClockId, clock_gettime};

/// Slot, factor and masking exponent of a comparison over the prime 2^89 − 1.
const SLOT: usize = 252;
const FACTOR: usize = 89;
const SLACK: usize = 86;
/// Comparisons for which a table of powers is made: those of a linkage of millions.
const MANY: usize = 1 << 22;

fn main() {
    let only: Vec<usize> = std::env::args()
        .filter_map(|arg| arg.parse().ok())
        .collect();
    for backend in Backend::available() {
        for bits in [2048, 3072, 4096] {
            if only.is_empty() || only.contains(&bits) {
                measure(backend, bits);
            }
        }
    }
}

fn measure(backend: Backend, bits: usize) {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let size = KeySize::new(bits).expect("a standard size");
    let start = seconds(ClockId::Monotonic);
    let key = SecretKey::generate_with_backend(size, Profile::DjnShort, backend, &mut rng);
    let generation = seconds(ClockId::Monotonic) - start;
    let public = key.public();
    let start = seconds(ClockId::Monotonic);
    let table = public.noise_table();
    println!(
        "{} {bits}: key in {:.2} s; noise table w {} of {} MiB in {:.3} s",
        backend.name(),
        generation,
        table.window(),
        table.bytes() >> 20,
        seconds(ClockId::Monotonic) - start,
    );
    let batch = 6 * size.slots_below_prime(SLOT) * backend.lanes();
    let report = |name: &str, f: &mut dyn FnMut()| {
        let each = best(f) / u32::try_from(batch).map_or(f64::MAX, f64::from);
        println!(
            "{} {bits}: {name:44} {:9.2} µs {:10.0} /s",
            backend.name(),
            each * 1e6,
            1.0 / each
        );
    };
    let plain = Naturals::random(batch, SLOT, &mut rng);
    let long = public.noise_powers(public.exponent_bits() + FACTOR + SLACK, MANY);
    report(
        "encryption",
        &mut discard(|| public.encrypt_random(&plain, &mut rng)),
    );
    let constant = public.clone().with_lookup(Lookup::ConstantTime);
    constant.noise_table();
    report(
        "encryption, constant-time look-ups",
        &mut discard(|| constant.encrypt_random(&plain, &mut rng)),
    );
    let table = public
        .encrypt_random(&plain, &mut rng)
        .expect("slots are below n");
    let mut entries = Elements::with_capacity(public.ring(), batch);
    entries.extend(table.as_batch());
    let wire = public.encode(&table);
    report(
        "decoding with checks",
        &mut discard(|| public.decode(&wire)),
    );
    report("encoding", &mut discard(|| public.encode(&table)));
    report(
        "masked comparison",
        &mut discard(|| compare(public, &long, &entries, &plain, &mut rng)),
    );
    report(
        "decryption, packed",
        &mut discard(|| key.decrypt_packed(&wire, SLOT)),
    );
    report(
        "decryption below p",
        &mut discard(|| key.decrypt_small(&wire)),
    );
    report("decryption", &mut discard(|| key.decrypt(&wire)));
}

/// (T·(1 + (t − y)·n))^r·(1 + (l + t·ρ)·n)·hsᵃ, from the table to the wire, randomness included.
fn compare(
    public: &PublicKey,
    noise: &FixedBase,
    entries: &Elements,
    plain: &Naturals,
    rng: &mut ChaCha20Rng,
) -> Vec<u8> {
    let count = plain.len();
    let places: Vec<usize> = (0..count).map(|i| (i * 7919) % count).collect();
    let differences = Naturals::random(count, FACTOR, rng);
    let factors = Naturals::random(count, FACTOR, rng);
    let exponents = Naturals::random(count, public.exponent_bits() + FACTOR + SLACK, rng);
    let mut base = Ciphertexts::from_batch(entries.gather_vartime(&places));
    public.add_plain(&mut base, &differences).expect("below n");
    public.multiply_plain(&mut base, &factors);
    public.add_plain(&mut base, plain).expect("below n");
    public.add(&mut base, &Ciphertexts::from_batch(noise.pow(&exponents)));
    public.encode(&base)
}

/// The computation, its result kept from being optimised away.
fn discard<T>(mut f: impl FnMut() -> T) -> impl FnMut() {
    move || {
        black_box(f());
    }
}

/// The best of many runs, in seconds of this thread's processor time: the machine at rest.
fn best(f: &mut dyn FnMut()) -> f64 {
    let start = seconds(ClockId::Monotonic);
    let mut best = f64::MAX;
    let mut runs = 0;
    while runs < 5 || seconds(ClockId::Monotonic) - start < 0.5 {
        let before = seconds(ClockId::ThreadCPUTime);
        f();
        best = best.min(seconds(ClockId::ThreadCPUTime) - before);
        runs += 1;
    }
    best
}

fn seconds(clock: ClockId) -> f64 {
    Duration::try_from(clock_gettime(clock)).map_or(0.0, |time| time.as_secs_f64())
}
