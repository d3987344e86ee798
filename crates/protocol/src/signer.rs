//! A party's identity: the key with which it signs.

use ed25519_dalek::Signer as _;
use ed25519_dalek::SigningKey;

/// The public half of an Ed25519 identity key, as it stands in a pinned certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdentityKey(pub [u8; 32]);

/// A party's Ed25519 identity: the same key that its certificate certifies.
pub struct Signer(SigningKey);

impl Signer {
    /// Yields the identity of a 32-byte Ed25519 seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// Signs a statement.
    pub(crate) fn sign(&self, statement: &[u8]) -> [u8; 64] {
        self.0.sign(statement).to_bytes()
    }

    /// Yields the public half.
    pub fn key(&self) -> IdentityKey {
        IdentityKey(self.0.verifying_key().to_bytes())
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Signer").field(&self.key()).finish()
    }
}
