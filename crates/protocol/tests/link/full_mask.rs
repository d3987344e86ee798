//! A querier and a key holder that cheat together, against the full mask.

use std::collections::BTreeMap;

use blindjoin_protocol::agree::{Mask, TableKind, Terms};
use blindjoin_protocol::paillier::{KeySize, Profile, PublicKey};
use blindjoin_protocol::parts::Fingerprints;
use num_bigint::BigUint;
use rand::Rng;
use rand_chacha::ChaCha20Rng;

use crate::common::{
    provider_keys, querier_keys, rng, seal_all, send_table, session_under, take_table, terms,
};

const BITS: usize = 512;

/// A prime p of which p - 1 is a product of small primes, and a generator of all units modulo p.
struct Smooth {
    p: BigUint,
    factors: Vec<u32>,
    generator: BigUint,
}

impl Smooth {
    /// `2·3` times some of the `allowed` primes, plus one, of half the modulus' length.
    fn draw(allowed: &[u32], rng: &mut ChaCha20Rng) -> Self {
        let one = BigUint::from(1_u8);
        loop {
            let mut factors = vec![2, 3];
            let mut product = BigUint::from(6_u8);
            let mut pool = allowed.to_vec();
            while product.bits() < BITS as u64 / 2 {
                let at = usize::try_from(rng.next_u64() % pool.len() as u64).unwrap();
                product *= pool[at];
                factors.push(pool.swap_remove(at));
            }
            let p = &product + 1_u8;
            // The two top bits, as in any key.
            let long = p.bits() == BITS as u64 / 2 && p.bit(p.bits() - 2);
            let fermat = |base: u8| BigUint::from(base).modpow(&product, &p) == one;
            if long && fermat(2) && fermat(3) && fermat(5) {
                let full = |g: &BigUint| {
                    let proper = |f: &u32| g.modpow(&(&product / *f), &p) != one;
                    factors.iter().all(proper)
                };
                let generator = (2_u32..1000).map(BigUint::from).find(full).unwrap();
                return Self {
                    p,
                    factors,
                    generator,
                };
            }
        }
    }

    /// The logarithm of `value` to the base `generator³ⁿ`, modulo (p - 1)/3: in every small subgroup,
    /// then together (Pohlig and Hellman).
    fn logarithm(&self, tables: &Tables, value: &BigUint) -> BigUint {
        let order = &self.p - 1_u8;
        let parts = self.factors.iter().zip(tables).filter(|(f, _)| **f != 3);
        let (mut sum, mut modulus) = (BigUint::ZERO, BigUint::from(1_u8));
        for (&factor, table) in parts {
            let projected = value.modpow(&(&order / factor), &self.p);
            let digit = table[&projected];
            (sum, modulus) = combine((sum, modulus), (digit.into(), factor.into()));
        }
        sum
    }

    /// For each small factor the powers of the base in its subgroup.
    fn tables(&self, n: &BigUint) -> Tables {
        let order = &self.p - 1_u8;
        let base = self.generator.modpow(&(n * 3_u8), &self.p);
        let table = |&factor: &u32| {
            let base = base.modpow(&(&order / factor), &self.p);
            let powers = (0..factor).scan(BigUint::from(1_u8), |power, exponent| {
                let entry = (power.clone(), exponent);
                *power = &*power * &base % &self.p;
                Some(entry)
            });
            powers.collect()
        };
        self.factors.iter().map(table).collect()
    }
}

type Tables = Vec<BTreeMap<BigUint, u32>>;

/// x ≡ a mod m and x ≡ b mod k, for coprime m and k.
fn combine((a, m): (BigUint, BigUint), (b, k): (BigUint, BigUint)) -> (BigUint, BigUint) {
    let difference = (&b + &k - &a % &k) % &k;
    let step = difference * m.modinv(&k).unwrap() % &k;
    (a + &m * step, m * k)
}

/// What querier and key holder know together.
struct Cheats {
    primes: [Smooth; 2],
    tables: [Tables; 2],
    n: BigUint,
    /// Of order 3, and with every property that the other parties check.
    h: BigUint,
    /// What stands in every place of the table: 0, with noise that generates all units.
    entry: BigUint,
}

impl Cheats {
    fn new(rng: &mut ChaCha20Rng) -> Self {
        let primes: Vec<u32> = (5..600)
            .filter(|n| (2..*n).take_while(|d| d * d <= *n).all(|d| n % d != 0))
            .collect();
        // No small factor in common but 2 and 3.
        let [even, odd] = [0, 1].map(|which| {
            let chosen = primes.iter().skip(which).step_by(2);
            chosen.copied().collect::<Vec<_>>()
        });
        let (p, q) = loop {
            let (p, q) = (Smooth::draw(&even, rng), Smooth::draw(&odd, rng));
            if (&p.p * &q.p).bits() == BITS as u64 {
                break (p, q);
            }
        };
        let n = &p.p * &q.p;
        let n2 = &n * &n;
        let third = |s: &Smooth| {
            let exponent = (&s.p - 1_u8) / 3_u8;
            (s.generator.modpow(&exponent, &s.p), s.p.clone())
        };
        let (h, _) = combine(third(&p), third(&q));
        let generator = |s: &Smooth| (s.generator.clone(), s.p.clone());
        let (g, _) = combine(generator(&p), generator(&q));
        let tables = [p.tables(&n), q.tables(&n)];
        let entry = g.modpow(&n, &n2);
        let primes = [p, q];
        Self {
            primes,
            tables,
            n,
            h,
            entry,
        }
    }

    fn decrypt(&self, c: &BigUint) -> BigUint {
        let phi = (&self.primes[0].p - 1_u8) * (&self.primes[1].p - 1_u8);
        let power = c.modpow(&phi, &(&self.n * &self.n));
        (power - 1_u8) / &self.n * phi.modinv(&self.n).unwrap() % &self.n
    }

    /// Reads the factor from the noise, and then the identifier from the plaintext by trial.
    fn identify<'a>(
        &self,
        keys: &Fingerprints,
        (position, c): (u64, &BigUint),
        dictionary: &'a [String],
    ) -> Option<&'a str> {
        let logarithm = |which: usize| {
            let smooth = &self.primes[which];
            let cube = c.modpow(&BigUint::from(3_u8), &smooth.p);
            smooth.logarithm(&self.tables[which], &cube)
        };
        // Both logarithms know the factor's parity, so one of them brings half its modulus.
        let [p, q] = [0, 1].map(|which| (logarithm(which), (&self.primes[which].p - 1_u8) / 3_u8));
        let half = &q.1 / 2_u8;
        let (least, step) = combine(p, (q.0 % &half, half));
        let plain = self.decrypt(c);
        let mut factor = least;
        while factor < self.n {
            for name in dictionary {
                let key = format!("id\0{name}");
                let value = BigUint::from(keys.fingerprint(b"id", key.as_bytes()));
                let label = keys.cover_blind(position, keys.tag(key.as_bytes()).into());
                if (&factor * (&self.n - value) + label) % &self.n == plain {
                    return Some(name);
                }
            }
            factor += &step;
        }
        None
    }
}

fn below(bound: &BigUint, rng: &mut ChaCha20Rng) -> BigUint {
    let mut bytes = [0; BITS / 8 + 8];
    rng.fill_bytes(&mut bytes);
    BigUint::from_bytes_be(&bytes) % bound
}

/// Noise out of powers of hs is of order 3 here, so that the cube of a comparison is a power of what
/// the querier sent, whose logarithm is the factor; the noise ρⁿ hides it.
#[test]
fn noise_of_small_order_does_not_uncover_the_factors() {
    let mut rng = rng(21);
    let cheats = Cheats::new(&mut rng);
    let terms = Terms {
        mask: Mask::Full,
        blind: true,
        key_size: KeySize::insecure_test_key(BITS).unwrap(),
        ..terms(TableKind::Cuckoo)
    };
    let (profile, size) = (Profile::DjnShort, terms.key_size);
    let public = PublicKey::new(&cheats.n, &cheats.h, profile, size, &mut rng);
    let public = public.expect("all that is checked of a public key holds");
    let session = session_under(public, terms, 64, 64, None, 21).unwrap();
    let keys = session
        .querier_to_provider
        .fingerprints(session.agreement.suite());
    let names: Vec<String> = (0..60).map(|i| format!("person {i}")).collect();
    let registry = || names[10..20].iter().map(String::as_str);

    // The noise as it was: every identifier is read.
    let n2 = &cheats.n * &cheats.n;
    let hs = cheats.h.modpow(&cheats.n, &n2);
    for (position, name) in (0..).zip(registry()) {
        let key = format!("id\0{name}");
        let value = BigUint::from(keys.fingerprint(b"id", key.as_bytes()));
        let label = keys.cover_blind(position, keys.tag(key.as_bytes()).into());
        let difference = &cheats.entry * (1_u8 + (&cheats.n - value) * &cheats.n) % &n2;
        let c = difference.modpow(&below(&cheats.n, &mut rng), &n2)
            * (1_u8 + label * &cheats.n)
            * hs.modpow(&below(&cheats.n, &mut rng), &n2)
            % &n2;
        let read = cheats.identify(&keys, (position, &c), &names);
        assert_eq!(read, Some(name), "the attack works where the noise is weak");
    }

    // The noise as it is: not one.
    let (querier, _) = send_table(&session, querier_keys(["nobody"])).unwrap();
    let width = session.agreement.sizes().table().item_bytes();
    let mut entry = vec![0; width];
    let bytes = cheats.entry.to_bytes_be();
    entry[width - bytes.len()..].copy_from_slice(&bytes);
    let stream = querier.table_stream(&session.querier_to_provider);
    let (_, table) = seal_all(stream, |number| {
        let range = querier.table().range(number)?;
        Ok(entry.repeat(usize::try_from(range.end - range.start).unwrap()))
    })
    .unwrap();
    let provider = take_table(&session, &provider_keys(registry()), &table).unwrap();
    let comparisons = provider.compare(0).unwrap();
    assert_eq!(comparisons.len(), 128 * width);
    for (position, c) in (0..).zip(comparisons.chunks(width)) {
        let c = BigUint::from_bytes_be(c);
        assert_eq!(cheats.identify(&keys, (position, &c), &names), None);
    }
}
