//! Secrets, held in memory that is wiped.

use std::fmt;

use hmac::{Hmac, KeyInit};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::encoding::hex;
use crate::error::Error;

/// The secret from which tokens are keyed: OpenToken's hashing secret, HTAC's salt.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct HashingSecret(Vec<u8>);

/// The key under which tokens are sealed.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct EncryptionKey([u8; 32]);

impl HashingSecret {
    /// Takes the secret's UTF-8 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::EmptySecret`] if there is nothing in it but white space.
    pub fn new(secret: &str) -> Result<Self, Error> {
        if secret.trim().is_empty() {
            return Err(Error::EmptySecret {
                secret: "hashing secret",
            });
        }
        Ok(Self(secret.as_bytes().to_vec()))
    }

    /// SHA-256 of the secret in lower-case hexadecimal digits, as metadata files show it.
    ///
    /// It lets two parties see that they use one secret. It also lets anyone test a guess of it, so
    /// secrets must be long and random.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.0))
    }

    /// HMAC's key-dependent states.
    pub(crate) fn keyed(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.0).expect("HMAC takes keys of any length")
    }
}

impl EncryptionKey {
    /// Takes the key's UTF-8 bytes, exactly 32.
    ///
    /// # Errors
    ///
    /// [`Error::KeyLength`]. A key of 32 characters that are not all ASCII is one of another
    /// length: OpenToken 1.x accepts it and then loses every token.
    pub fn new(key: &str) -> Result<Self, Error> {
        let bytes = key.as_bytes().try_into().map_err(|_| Error::KeyLength {
            bytes: key.len(),
            characters: key.chars().count(),
        })?;
        Ok(Self(bytes))
    }

    /// SHA-256 of the key in lower-case hexadecimal digits, as metadata files show it.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.0))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for HashingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashingSecret")
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_checked_and_never_shown() {
        for blank in ["", " ", "\n\t"] {
            assert!(matches!(
                HashingSecret::new(blank),
                Err(Error::EmptySecret { .. })
            ));
        }
        let secret = HashingSecret::new("HashingKey").unwrap();
        assert_eq!(format!("{secret:?}"), "HashingSecret");
        assert_eq!(
            secret.digest(),
            "26ce1637d4a1e514cbf90ce0d73d7ea257342009083ab6f6e06cb434fb3a9d99"
        );
        let key = EncryptionKey::new("Secret-Encryption-Key-Goes-Here.").unwrap();
        assert_eq!(format!("{key:?}"), "EncryptionKey");
        assert_eq!(
            key.digest(),
            "05f0825275cb54bdf4cde58ef6875d24acb75f84ec0187a26d45d626f57f189b"
        );
    }

    #[test]
    fn a_key_of_thirty_two_characters_may_have_too_many_bytes() {
        let error = EncryptionKey::new("Sécret-Encryption-Key-Goes-Here.").unwrap_err();
        assert_eq!(
            error,
            Error::KeyLength {
                bytes: 33,
                characters: 32
            }
        );
        assert!(!error.to_string().contains("Goes"));
        assert!(EncryptionKey::new("short").is_err());
    }
}
