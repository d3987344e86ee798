//! Residues as fixed-width big-endian bytes.

use num_bigint::BigUint;
use rand::CryptoRng;

use super::SquareRing;
use crate::batch::Batch;
use crate::error::Error;
use crate::modulus::{Scratch, splat};
use crate::words::Words;

impl SquareRing {
    /// Reads residues modulo m² from their fixed-width big-endian form, [`SquareRing::width`] bytes each.
    ///
    /// # Errors
    ///
    /// [`Error::PartialResidue`]; [`Error::OutOfRange`] for the first residue that is not below m².
    pub fn decode(&self, bytes: &[u8]) -> Result<Batch, Error> {
        let (m, width) = (self.m(), self.width());
        check_length(bytes, width)?;
        let len = bytes.chunks_exact(width).len();
        let mut out = Batch::zeroed(m, len);
        let mut scratch = Scratch::new(m);
        let mut words = vec![0; width.div_ceil(8)];
        let wide = m.pack();
        for (i, group) in bytes.chunks(width * m.lanes).enumerate() {
            scratch.low[..wide].fill(0);
            for (lane, residue) in group.chunks_exact(width).enumerate() {
                read_be(residue, &mut words);
                if !is_below_vartime(&words, &self.inner.square) {
                    return Err(Error::OutOfRange {
                        index: i * m.lanes + lane,
                    });
                }
                m.put(&mut scratch.low[..wide], lane, &words);
            }
            let pack = out.pack_mut(i);
            m.split(pack, &mut scratch);
            m.mul(pack, &self.inner.from_split, &mut scratch);
        }
        Ok(out)
    }

    /// Writes residues in their fixed-width big-endian form, [`SquareRing::width`] bytes each.
    pub fn encode(&self, batch: &Batch) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode_into(batch, &mut out);
        out
    }

    /// Appends what [`SquareRing::encode`] yields to `out`.
    pub fn encode_into(&self, batch: &Batch, out: &mut Vec<u8>) {
        let (m, width) = (self.m(), self.width());
        out.reserve(batch.len() * width);
        let mut scratch = Scratch::new(m);
        let mut words = vec![0; width.div_ceil(8)];
        for i in 0..batch.pack_count() {
            let mut pack = batch.clone_pack(i);
            m.canonical(&mut pack, &mut scratch);
            m.join(&pack, &mut scratch);
            for lane in 0..batch.lanes_used(i) {
                m.take(&scratch.low[..m.pack()], lane, &mut words);
                write_be(&words, width, out);
            }
        }
    }

    /// Reads integers, reducing them modulo m². For edges and tests: not constant-time, not fast.
    ///
    /// # Panics
    ///
    /// Never: reduced integers are in range.
    pub fn from_integers(&self, values: &[BigUint]) -> Batch {
        let width = self.width();
        let square = self.modulus() * self.modulus();
        let mut bytes = Vec::with_capacity(values.len() * width);
        for value in values {
            let be = (value % &square).to_bytes_be();
            bytes.resize(bytes.len() + width - be.len(), 0);
            bytes.extend_from_slice(&be);
        }
        self.decode(&bytes).expect("reduced integers are in range")
    }

    /// The residues as integers below m².
    pub fn to_integers(&self, batch: &Batch) -> Vec<BigUint> {
        self.encode(batch)
            .chunks_exact(self.width())
            .map(BigUint::from_bytes_be)
            .collect()
    }

    /// Draws `len` elements, uniform up to 2^−64, by reducing longer random integers.
    pub fn random(&self, len: usize, rng: &mut impl CryptoRng) -> Batch {
        let width = self.width() + 8;
        let mut bytes = vec![0; len * width];
        rng.fill_bytes(&mut bytes);
        self.reducer(width).reduce(&bytes)
    }

    /// Prepares the reduction modulo m² of big-endian integers of `width` bytes, however long.
    ///
    /// A key holder takes residues modulo n² into its rings modulo p² and q² this way.
    pub fn reducer(&self, width: usize) -> Reducer {
        let m = self.m();
        let limbs = (8 * width).div_ceil(m.radix).max(1);
        let square = self.modulus() * self.modulus();
        let r = m.r() % &square;
        let mut power = &r * &r % &square;
        let constants = (0..limbs.div_ceil(m.limbs))
            .map(|_| {
                power = &power * &r % &square;
                let mut out = Words::zeroed(m.pack());
                let (x0, x1) = out.split_at_mut(m.digit());
                splat(x0, m.lanes, m.radix, &(&power % self.modulus()));
                splat(x1, m.lanes, m.radix, &(&power / self.modulus()));
                out
            })
            .collect::<Vec<_>>();
        let mut power = r % self.modulus();
        let digit_constants = constants
            .iter()
            .map(|_| {
                power = &power * m.r() % self.modulus();
                let mut out = Words::zeroed(m.digit());
                splat(&mut out, m.lanes, m.radix, &power);
                out
            })
            .collect();
        Reducer {
            ring: self.clone(),
            width,
            constants,
            digit_constants,
        }
    }
}

/// Reduces integers of one width modulo m²; see [`SquareRing::reducer`].
///
/// The integer is cut into chunks below R, Σ cᵢ·Rⁱ; each is split into digits without a division and
/// multiplied by the constant of its power of R.
#[derive(Clone)]
pub struct Reducer {
    ring: SquareRing,
    width: usize,
    /// R^(3+i) modulo m² as digits.
    constants: Vec<Words>,
    /// R^(2+i) modulo m.
    digit_constants: Vec<Words>,
}

impl Reducer {
    /// Reads integers of the prepared width, reduced modulo m².
    ///
    /// # Panics
    ///
    /// If the bytes are not a whole number of integers.
    pub fn reduce(&self, bytes: &[u8]) -> Batch {
        let m = self.ring.m();
        let mut out = Batch::zeroed(m, self.count(bytes));
        let mut scratch = Scratch::new(m);
        let mut part = Words::zeroed(m.pack());
        let mut integer = Words::zeroed(self.constants.len() * m.digit());
        for (group, pack) in bytes.chunks(self.width * m.lanes).zip(out.packs_mut()) {
            self.read_lanes(group, &mut integer);
            for (j, constant) in self.constants.iter().enumerate() {
                scratch.low.fill(0);
                scratch.low[..m.digit()].copy_from_slice(&integer[j * m.digit()..][..m.digit()]);
                m.split(&mut part, &mut scratch);
                m.mul(&mut part, constant, &mut scratch);
                if j == 0 {
                    pack.copy_from_slice(&part);
                } else {
                    m.add(pack, &part);
                }
            }
        }
        out
    }

    /// Whether every integer is a unit modulo m, found by one greatest common divisor for all.
    ///
    /// # Panics
    ///
    /// If the bytes are not a whole number of integers.
    pub fn are_units_vartime(&self, bytes: &[u8]) -> bool {
        let m = self.ring.m();
        let count = self.count(bytes);
        let mut scratch = Scratch::new(m);
        let mut product = self.ring.one_digit();
        let mut sum = Words::zeroed(m.digit());
        let mut part = Words::zeroed(m.digit());
        let mut integer = Words::zeroed(self.constants.len() * m.digit());
        for (i, group) in bytes.chunks(self.width * m.lanes).enumerate() {
            self.read_lanes(group, &mut integer);
            for (j, constant) in self.digit_constants.iter().enumerate() {
                part.copy_from_slice(&integer[j * m.digit()..][..m.digit()]);
                m.mul_digit(&mut part, constant, &mut scratch);
                if j == 0 {
                    sum.copy_from_slice(&part);
                } else {
                    m.add_digit(&mut sum, &part);
                }
            }
            self.ring
                .fill_idle_lanes(&mut sum, (count - i * m.lanes).min(m.lanes));
            m.mul_digit(&mut product, &sum, &mut scratch);
        }
        self.ring.is_unit_digit_vartime(&product)
    }

    fn count(&self, bytes: &[u8]) -> usize {
        assert!(
            bytes.len().is_multiple_of(self.width),
            "whole integers of {} bytes",
            self.width
        );
        bytes.len().checked_div(self.width).unwrap_or(0)
    }

    fn read_lanes(&self, group: &[u8], integer: &mut [u64]) {
        let mut words = vec![0; self.width.div_ceil(8)];
        integer.fill(0);
        for (lane, residue) in group.chunks_exact(self.width).enumerate() {
            read_be(residue, &mut words);
            self.ring.m().put(integer, lane, &words);
        }
    }
}

impl std::fmt::Debug for Reducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reducer")
            .field("width", &self.width)
            .finish_non_exhaustive()
    }
}

fn check_length(bytes: &[u8], width: usize) -> Result<(), Error> {
    if bytes.len().is_multiple_of(width) {
        Ok(())
    } else {
        Err(Error::PartialResidue {
            bytes: bytes.len(),
            width,
        })
    }
}

fn read_be(bytes: &[u8], words: &mut [u64]) {
    words.fill(0);
    for (word, chunk) in words.iter_mut().zip(bytes.rchunks(8)) {
        let mut be = [0; 8];
        be[8 - chunk.len()..].copy_from_slice(chunk);
        *word = u64::from_be_bytes(be);
    }
}

fn write_be(words: &[u64], width: usize, out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + width, 0);
    for (chunk, word) in out[start..].rchunks_mut(8).zip(words) {
        let be = word.to_be_bytes();
        chunk.copy_from_slice(&be[8 - chunk.len()..]);
    }
}

fn is_below_vartime(words: &[u64], bound: &[u64]) -> bool {
    for i in (0..words.len().max(bound.len())).rev() {
        let word = |of: &[u64]| of.get(i).copied().unwrap_or(0);
        if word(words) != word(bound) {
            return word(words) < word(bound);
        }
    }
    false
}
