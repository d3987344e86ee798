//! Powers with secret exponents: the key holder's and the provider's.

use std::hint::black_box;

use blindjoin_bigint::{Backend, Batch, FixedBase, Lookup, Naturals, PowerLog, SquareRing};
use blindjoin_protocol::{KeySize, Profile, SecretKey};
use num_bigint::BigUint;
use rand_chacha::ChaCha20Rng;

use super::welch::{Subject, place};

/// Entries of a pool: of the fixed class as many copies as the other has members, so that both are
/// equally cold.
const POOL: usize = 32;

/// Decryption under one key (class 0) or one of many.
pub(crate) struct Keys {
    pools: [Vec<(PowerLog, Batch)>; 2],
    next: (usize, usize),
}

impl Keys {
    pub(crate) fn new(bits: usize, backend: Backend, rng: &mut ChaCha20Rng) -> Self {
        let mut prime = || {
            let size = KeySize::insecure_test_key(2 * bits).expect("a test size");
            let key = SecretKey::generate(size, Profile::DjnShort, rng);
            key.primes()[0].clone()
        };
        let fixed = prime();
        let others: Vec<BigUint> = (0..POOL).map(|_| prime()).collect();
        let mut half = |prime: &BigUint| {
            let ring = SquareRing::new(prime, backend).expect("an odd modulus");
            let exponent = prime - 1u8;
            let log = PowerLog::new(&ring, &exponent, &exponent);
            (log, ring.random(backend.lanes(), rng))
        };
        // By turns, so that neither class lies better in memory than the other.
        let pairs = others.iter().map(|other| (half(&fixed), half(other)));
        let (one, many) = pairs.unzip();
        Self {
            pools: [one, many],
            next: (0, 0),
        }
    }
}

impl Subject for Keys {
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        self.next = (class, place(POOL, rng));
    }

    fn run(&mut self) {
        let (log, x) = &self.pools[self.next.0][self.next.1];
        drop(black_box(log.log(black_box(x))));
    }
}

/// Decryption of the ciphertext 1 (class 0) or of random ones, under one key.
pub(crate) struct Ciphertexts {
    log: PowerLog,
    pools: [Vec<Batch>; 2],
    next: (usize, usize),
}

impl Ciphertexts {
    pub(crate) fn new(bits: usize, backend: Backend, rng: &mut ChaCha20Rng) -> Self {
        let size = KeySize::insecure_test_key(2 * bits).expect("a test size");
        let key = SecretKey::generate(size, Profile::DjnShort, rng);
        let prime = key.primes()[0].clone();
        let ring = SquareRing::new(&prime, backend).expect("an odd modulus");
        let exponent = &prime - 1u8;
        let lanes = backend.lanes();
        let pairs = (0..POOL).map(|_| (ring.one(lanes), ring.random(lanes, rng)));
        let (ones, others) = pairs.unzip();
        Self {
            log: PowerLog::new(&ring, &exponent, &exponent),
            pools: [ones, others],
            next: (0, 0),
        }
    }
}

impl Subject for Ciphertexts {
    fn prepare(&mut self, class: usize, rng: &mut ChaCha20Rng) {
        self.next = (class, place(POOL, rng));
    }

    fn run(&mut self) {
        let x = &self.pools[self.next.0][self.next.1];
        drop(black_box(self.log.log(black_box(x))));
    }
}

/// The exponents of class 0.
#[derive(Clone, Copy)]
pub(crate) enum Fixed {
    One,
    AllOnes,
}

/// The exponent one, or all ones, against random ones, at the same place.
struct Exponents {
    choice: [Naturals; 2],
    exponents: Naturals,
}

impl Exponents {
    fn new(len: usize, bits: usize, fixed: Fixed) -> Self {
        let mut first = Naturals::zero(len, bits);
        for i in 0..len {
            let words = first.item_mut(i);
            words[0] = 1;
            if let Fixed::AllOnes = fixed {
                words.fill(u64::MAX);
                let last = words.last_mut().expect("an exponent has a word");
                *last >>= bits.next_multiple_of(64) - bits;
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
        bits: u64,
        backend: Backend,
        exponent_bits: usize,
        fixed: Fixed,
        power: impl Fn(SquareRing, &Batch) -> Power,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let modulus = (BigUint::from(1u8) << bits) - 5u8;
        let ring = SquareRing::new(&modulus, backend).expect("an odd modulus");
        let base = ring.from_integers(&vec![BigUint::from(2u8); backend.lanes()]);
        let x = ring.random(backend.lanes(), rng);
        Self {
            power: power(ring, &base),
            exponents: Exponents::new(base.len(), exponent_bits, fixed),
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
