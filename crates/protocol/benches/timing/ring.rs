//! Powers with secret exponents: the key holder's and the provider's.

use std::hint::black_box;

use blindjoin_bigint::{Backend, Batch, FixedBase, Lookup, Naturals, PowerLog, SquareRing};
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;

use super::welch::{Subject, place};

/// How many others there are.
const POOL: usize = 32;

/// Decryption under one key (class 0) or one of many.
///
/// What a measurement reads is made anew for it, where the one before lay: where a key lies in memory
/// shows in its time by more than a border's worth, also where all keys are the same.
pub(crate) struct Keys {
    primes: [Vec<BigUint>; 2],
    backend: Backend,
    current: Option<(PowerLog, Batch)>,
}

impl Keys {
    pub(crate) fn new(bits: usize, backend: Backend, rng: &mut ChaCha20Rng) -> Self {
        let mut prime = || {
            let size = KeySize::insecure_test_key(2 * bits).expect("a test size");
            let key = SecretKey::generate(size, Profile::DjnShort, rng);
            key.primes()[0].clone()
        };
        let primes = [vec![prime(); POOL], (0..POOL).map(|_| prime()).collect()];
        Self {
            primes,
            backend,
            current: None,
        }
    }
}

impl Subject for Keys {
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        self.current = None;
        let prime = &self.primes[class][place(POOL, rng)];
        let ring = SquareRing::new(prime, self.backend).expect("an odd modulus");
        let exponent = prime - 1u8;
        let log = PowerLog::new(&ring, &exponent, &exponent);
        self.current = Some((log, ring.random(self.backend.lanes(), rng)));
    }

    fn run(&mut self) {
        if let Some((log, x)) = &self.current {
            drop(black_box(log.log(black_box(x))));
        }
    }
}

/// Decryption of the ciphertext 1 (class 0) or of random ones, under one key.
pub(crate) struct Ciphertexts {
    ring: SquareRing,
    log: PowerLog,
    current: Option<Batch>,
}

impl Ciphertexts {
    pub(crate) fn new(bits: usize, backend: Backend, rng: &mut ChaCha20Rng) -> Self {
        let size = KeySize::insecure_test_key(2 * bits).expect("a test size");
        let key = SecretKey::generate(size, Profile::DjnShort, rng);
        let prime = key.primes()[0].clone();
        let ring = SquareRing::new(&prime, backend).expect("an odd modulus");
        let exponent = &prime - 1u8;
        Self {
            log: PowerLog::new(&ring, &exponent, &exponent),
            ring,
            current: None,
        }
    }
}

impl Subject for Ciphertexts {
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        self.current = None;
        let lanes = self.ring.backend().lanes();
        // Both are made, and a copy of one lies where that of the other would.
        let pair = [self.ring.one(lanes), self.ring.random(lanes, rng)];
        self.current = Some(pair[class].clone());
    }

    fn run(&mut self) {
        if let Some(x) = &self.current {
            drop(black_box(self.log.log(black_box(x))));
        }
    }
}

/// The exponents of class 0.
#[derive(Clone, Copy)]
pub(crate) enum Fixed {
    One,
    AllOnes,
    /// One that was drawn.
    Drawn,
}

/// An exponent that stays against random ones, at the same place.
struct Exponents {
    choice: [Naturals; 2],
    exponents: Naturals,
}

impl Exponents {
    fn new(len: usize, bits: usize, fixed: Fixed, rng: &mut ChaCha20Rng) -> Self {
        let mut first = Naturals::random(len, bits, rng);
        for i in 0..len {
            let words = first.item_mut(i);
            match fixed {
                Fixed::Drawn => {}
                Fixed::One => {
                    words.fill(0);
                    words[0] = 1;
                }
                Fixed::AllOnes => {
                    words.fill(u64::MAX);
                    let last = words.last_mut().expect("an exponent has a word");
                    *last >>= bits.next_multiple_of(64) - bits;
                }
            }
        }
        Self {
            choice: [first.clone(), first.clone()],
            exponents: first,
        }
    }

    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        let (len, bits) = (self.exponents.len(), self.exponents.bits());
        self.choice[1] = Naturals::random(len, bits, rng);
        for i in 0..len {
            let words = self.exponents.item_mut(i);
            words.copy_from_slice(self.choice[class].item(i));
        }
    }
}

/// How a power is computed.
pub(crate) enum Power {
    /// The provider's factor r, and every other power of an element.
    Windows(SquareRing),
    /// Noise from a table.
    Table(FixedBase),
    /// Not constant-time: multiplies only where a bit is set. It must be seen.
    BitByBit(SquareRing),
}

/// Powers of one base with exponents of two classes.
pub(crate) struct Powers {
    power: Power,
    base: Batch,
    x: Batch,
    exponents: Exponents,
}

impl Powers {
    pub(crate) fn new(
        bits: usize,
        backend: Backend,
        exponent_bits: usize,
        fixed: Fixed,
        power: impl Fn(SquareRing, &Batch) -> Power,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let ring = SquareRing::new(&modulus(bits, rng), backend).expect("an odd modulus");
        let base = ring.random(backend.lanes(), rng);
        let x = ring.random(backend.lanes(), rng);
        Self {
            power: power(ring, &base),
            exponents: Exponents::new(base.len(), exponent_bits, fixed, rng),
            base: x.clone(),
            x,
        }
    }

    pub(crate) fn windows(ring: SquareRing, _: &Batch) -> Power {
        Power::Windows(ring)
    }

    pub(crate) fn bit_by_bit(ring: SquareRing, _: &Batch) -> Power {
        Power::BitByBit(ring)
    }

    pub(crate) fn table(bits: usize, lookup: Lookup) -> impl Fn(SquareRing, &Batch) -> Power {
        move |ring, base| Power::Table(FixedBase::new(&ring, base, 0, bits, lookup))
    }
}

/// A key's modulus: beside a power of two, one itself is a number of few bits inside the ring, which
/// the processor multiplies by a trifle faster.
fn modulus(bits: usize, rng: &mut ChaCha20Rng) -> BigUint {
    let size = KeySize::insecure_test_key(bits).expect("a test size");
    let key = SecretKey::generate(size, Profile::DjnShort, rng);
    let [p, q] = key.primes();
    p * q
}

impl Subject for Powers {
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        self.exponents.prepare(class, rng);
        self.x.clone_from(&self.base);
    }

    fn run(&mut self) {
        let exponents = black_box(&self.exponents.exponents);
        match &self.power {
            Power::Windows(ring) => ring.pow_assign(&mut self.x, exponents),
            Power::Table(table) => drop(black_box(table.pow(exponents))),
            Power::BitByBit(ring) => {
                for bit in (0..exponents.bits()).rev() {
                    ring.square_assign(&mut self.x);
                    if exponents.window(0, bit, 1) == 1 {
                        ring.mul_assign(&mut self.x, &self.base);
                    }
                }
            }
        }
        black_box(&self.x);
    }
}
