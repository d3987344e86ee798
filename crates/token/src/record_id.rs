//! What becomes of record ids.

use std::fmt;

use hmac::{Hmac, Mac};
use rand::CryptoRng;
use sha2::Sha256;

use crate::encoding::{hex, hex32, push_ascii};
use crate::secret::HashingSecret;

/// The treatment of record ids.
///
/// A token file shows its reader the record ids. Where these mean something elsewhere (a medical
/// record number) they should not leave the house; hashed under a key that stays there, they can
/// be found again by hashing one's own, and by nobody else.
#[derive(Clone)]
#[non_exhaustive]
pub enum RecordIds {
    /// As they are, white space and all.
    Keep,
    /// Hexadecimal digits of HMAC-SHA256 under a key, 64 characters.
    Hashed(RecordIdKey),
}

/// A key that hashes record ids.
#[derive(Clone)]
pub struct RecordIdKey(Hmac<Sha256>);

impl RecordIdKey {
    /// Prepares the secret, which should be one that no other party has.
    pub fn new(secret: &HashingSecret) -> Self {
        Self(secret.keyed())
    }
}

impl RecordIds {
    /// Appends what a record id becomes to `out`.
    pub fn write(&self, id: &str, out: &mut String) {
        match self {
            Self::Keep => out.push_str(id),
            Self::Hashed(RecordIdKey(keyed)) => {
                let mut mac = keyed.clone();
                mac.update(id.as_bytes());
                push_ascii(&hex32(&mac.finalize().into_bytes().into()), out);
            }
        }
    }

    /// Appends a random UUID, version 4.
    pub fn generate(rng: &mut impl CryptoRng, out: &mut String) {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let digits = hex(&bytes);
        for (i, range) in [0..8, 8..12, 12..16, 16..20, 20..32]
            .into_iter()
            .enumerate()
        {
            if i > 0 {
                out.push('-');
            }
            out.push_str(&digits[range]);
        }
    }
}

impl fmt::Debug for RecordIds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keep => "Keep",
            Self::Hashed(_) => "Hashed",
        })
    }
}

impl fmt::Debug for RecordIdKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecordIdKey")
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn a_generated_id_is_a_version_four_uuid() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (mut one, mut other) = (String::new(), String::new());
        RecordIds::generate(&mut rng, &mut one);
        RecordIds::generate(&mut rng, &mut other);
        assert_ne!(one, other);
        let groups: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(groups, [8, 4, 4, 4, 12]);
        assert_eq!(&one[14..15], "4");
        assert!("89ab".contains(&one[19..20]));
    }
}
