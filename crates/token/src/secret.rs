//! Secrets, held in memory that is wiped.

use std::fmt;

use hmac::{Hmac, KeyInit};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::encoding::hex;
use crate::error::{Error, SecretFault};

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
    /// [`Error::EmptySecret`] if there is nothing in it but white space; [`Error::SecretText`] for what
    /// an editor leaves in a file, which would make another secret of it.
    pub fn new(secret: &str) -> Result<Self, Error> {
        let named = "hashing secret";
        if secret.trim().is_empty() {
            return Err(Error::EmptySecret { secret: named });
        }
        check_text(secret, named)?;
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
    /// [`Error::SecretText`], and [`Error::KeyLength`]. A key of 32 characters that are not all ASCII is one of another
    /// length: OpenToken 1.x accepts it and then loses every token.
    pub fn new(key: &str) -> Result<Self, Error> {
        check_text(key, "encryption key")?;
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

/// Refuses a secret that holds what nobody types: the other party's would differ by it alone.
fn check_text(text: &str, secret: &'static str) -> Result<(), Error> {
    let fault = if text.starts_with('\u{feff}') {
        SecretFault::ByteOrderMark
    } else if text.contains(['\n', '\r', '\u{2028}', '\u{2029}', '\u{85}']) {
        SecretFault::LineEnd
    } else if text.contains(|c: char| c.is_control() && c != '\t') {
        SecretFault::Control
    } else {
        return Ok(());
    };
    Err(Error::SecretText { secret, fault })
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
    fn what_an_editor_leaves_in_a_file_is_no_part_of_a_secret() {
        for (text, expected) in [
            ("\u{feff}HashingKey", SecretFault::ByteOrderMark),
            ("HashingKey\n", SecretFault::LineEnd),
            ("HashingKey\r", SecretFault::LineEnd),
            ("Hashing\nKey", SecretFault::LineEnd),
            ("HashingKey\u{2028}", SecretFault::LineEnd),
            ("HashingKey\0", SecretFault::Control),
        ] {
            match HashingSecret::new(text) {
                Err(Error::SecretText { fault, .. }) => assert_eq!(fault, expected, "{text:?}"),
                other => panic!("{text:?}: {other:?}"),
            }
            let key = text.replace("HashingKey", "Secret-Encryption-Key-Goes-Here.");
            let error = EncryptionKey::new(&key).unwrap_err().to_string();
            assert!(!error.contains("Goes"), "{error}");
        }
        assert!(
            HashingSecret::new(" HashingKey ").is_ok(),
            "blanks are typed"
        );
        assert!(HashingSecret::new("Clé de voûte").is_ok());
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
