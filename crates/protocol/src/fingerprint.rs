//! The keyed functions that only querier and provider can compute.

use hmac::Hmac;
use hmac::KeyInit as _;
use hmac::Mac as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha20Rng;
use sha2::Sha256;
use sha2::Sha512;
use zeroize::Zeroizing;

use crate::binary::Binary;
use crate::mersenne;
use crate::mersenne::Mersenne;
use crate::suite::Suite;

/// The keyed functions that only querier and provider can compute.
///
/// The key states are prepared once; every function then costs one or two hash blocks.
///
/// # Source
///
/// `spec/protocol.md`, §3.2.
#[derive(Clone)]
pub struct Fingerprints {
    suite: Suite,
    id: Hmac<Sha256>,
    pad: Hmac<Sha512>,
    canary: Hmac<Sha256>,
}

impl Fingerprints {
    /// Yields the functions under three given keys: identifiers, labels and canaries.
    pub fn from_keys(suite: Suite, id: &[u8; 32], pad: &[u8; 32], canary: &[u8; 32]) -> Self {
        Self {
            suite,
            id: prf(id),
            pad: wide_prf(pad),
            canary: prf(canary),
        }
    }

    /// Yields the parameter set.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Yields the fingerprint of a value, uniform below `t - 2`.
    ///
    /// `field` separates uses: `id` in a cuckoo table, `okvs` in a key-value store, a part's
    /// number in pairs.
    pub fn fingerprint(&self, field: &[u8], value: &[u8]) -> u128 {
        let digest = mac(&self.id, &[b"fp\0", field, b"\0", value]);
        mersenne::reduce(&digest, self.suite.t_bits(), 3)
    }

    /// Yields the candidate bins of a value, one in each half of `half` bins.
    pub fn bins(&self, value: &[u8], half: u32) -> [u32; 2] {
        let digest = mac(&self.id, &[b"bin\0", value]);
        [
            scale(&digest[..8], half),
            half + scale(&digest[8..16], half),
        ]
    }

    /// Yields a value's row of a key-value store: three positions, one in each third of `third`
    /// places, and `dense` bits, low bits first.
    pub fn row(&self, value: &[u8], third: u32, dense: u32) -> ([u32; 3], u64) {
        let digest = mac(&self.id, &[b"okvs\0", value]);
        let sparse = [0, 1, 2].map(|i| i * third + scale(&digest[8 * i as usize..][..8], third));
        let digest = mac(&self.id, &[b"dense\0", value]);
        (sparse, word(&digest[24..]) & (u64::MAX >> (64 - dense)))
    }

    /// Yields the tag of a value, the label that a match shows.
    pub fn tag(&self, value: &[u8]) -> u64 {
        let digest = mac(&self.id, &[b"tag\0", value]);
        word(&digest[..8]) >> (64 - self.suite.label_bits())
    }

    /// Masks a label at a position: alpha·label + beta over GF(2^L).
    ///
    /// The map is used at one position of one session. Whatever somebody who does not know it does
    /// to a masked label that it sees, the label that comes out is uniform over all others: with an
    /// exclusive or alone it could be moved to a neighbour.
    pub fn cover(&self, position: u64, label: u64) -> u64 {
        let [alpha, beta] = self.affine(position);
        self.labels().mul(alpha, label) ^ beta
    }

    /// Yields the label that a masked one at a position stands for.
    pub fn uncover(&self, position: u64, masked: u64) -> u64 {
        let [alpha, beta] = self.affine(position);
        self.labels()
            .mul(self.labels().invert(alpha), masked ^ beta)
    }

    /// Masks a label at a position of a blind session: (alpha·label + beta) mod `t`.
    pub fn cover_blind(&self, position: u64, label: u128) -> u128 {
        let [alpha, beta] = self.affine_blind(position);
        self.residues().add(self.residues().mul(alpha, label), beta)
    }

    /// Takes the masks off the words of a blind session, which stand at positions from `first` on:
    /// a match's word becomes its label, any other stays uniform below `t`.
    ///
    /// One inversion serves them all.
    pub fn uncover_blind(&self, first: u64, words: &mut [u128]) {
        let field = self.residues();
        let mut alphas = Zeroizing::new(vec![0; words.len()]);
        for ((alpha, word), position) in alphas.iter_mut().zip(&mut *words).zip(first..) {
            let [factor, beta] = self.affine_blind(position);
            *alpha = factor;
            *word = field.sub(*word, beta);
        }
        field.invert_all(&mut alphas);
        for (word, inverse) in words.iter_mut().zip(alphas.iter()) {
            *word = field.mul(*word, *inverse);
        }
    }

    /// The mask of a position over GF(2^L): a factor, not zero, and a summand.
    fn affine(&self, position: u64) -> [u64; 2] {
        let digest = wide_mac(&self.pad, &[b"x", &position.to_be_bytes()]);
        let [alpha, beta] =
            [0, 32].map(|at| word(&digest[at..at + 8]) >> (64 - self.suite.label_bits()));
        // Zero is read as one, without a branch.
        let nonzero = (alpha | alpha.wrapping_neg()) >> 63;
        [alpha | (1 ^ nonzero), beta]
    }

    /// The mask of a position modulo `t`: a factor, not zero, and a summand.
    fn affine_blind(&self, position: u64) -> [u128; 2] {
        let digest = wide_mac(&self.pad, &[b"t", &position.to_be_bytes()]);
        let half = |at: usize| digest[at..at + 32].try_into().expect("half of 64 bytes");
        let bits = self.suite.t_bits();
        [
            1 + mersenne::reduce(half(0), bits, 2),
            mersenne::reduce(half(32), bits, 1),
        ]
    }

    fn labels(&self) -> Binary {
        Binary::of_labels(self.suite.label_bits())
    }

    fn residues(&self) -> Mersenne {
        Mersenne::new(self.suite.t_bits())
    }

    /// Yields a candidate for the provider's opaque handle of a record in pairs.
    pub(crate) fn handle(&self, number: u32, attempt: u8) -> u32 {
        let digest = wide_mac(&self.pad, &[b"handle", &number.to_be_bytes(), &[attempt]]);
        u32::from_be_bytes(digest[..4].try_into().expect("four bytes"))
    }

    /// Yields the generator of what a canary among pairs shows.
    pub(crate) fn canary_rng(&self, number: u8) -> ChaCha20Rng {
        ChaCha20Rng::from_seed(*mac(&self.canary, &[b"pair", &[number]]))
    }

    /// Yields the join key of a canary.
    pub fn canary(&self, number: u8) -> Vec<u8> {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let digest = mac(&self.canary, &[&[number]]);
        let hex = digest
            .iter()
            .flat_map(|byte| [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        b"\0canary:".iter().copied().chain(hex).collect()
    }
}

impl std::fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fingerprints")
            .field("suite", &self.suite.name())
            .finish_non_exhaustive()
    }
}

pub(crate) fn prf(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn wide_prf(key: &[u8; 32]) -> Hmac<Sha512> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

pub(crate) fn mac(key: &Hmac<Sha256>, parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut mac = key.clone();
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn wide_mac(key: &Hmac<Sha512>, parts: &[&[u8]]) -> Zeroizing<[u8; 64]> {
    let mut mac = key.clone();
    for part in parts {
        mac.update(part);
    }
    Zeroizing::new(mac.finalize().into_bytes().into())
}

fn word(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().expect("eight bytes"))
}

/// Maps eight uniform bytes to `0..bound`, by multiplication.
pub(crate) fn scale(bytes: &[u8], bound: u32) -> u32 {
    let product = u128::from(word(bytes)) * u128::from(bound);
    u32::try_from(product >> 64).expect("below a 32-bit bound")
}

/// The specification's vectors, and the join keys that it has some of them under.
#[cfg(test)]
pub(crate) fn specified() -> (serde_json::Value, Fingerprints) {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("../tests/vectors/reference.json"))
            .expect("the vectors are JSON");
    let key = |name: &str| -> [u8; 32] {
        let text = vectors["keyed"]["t107"]["keys"][name]
            .as_str()
            .expect("a key");
        std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("digits"))
    };
    let keys = Fingerprints::from_keys(Suite::T107, &key("id"), &key("pad"), &key("canary"));
    (vectors, keys)
}
