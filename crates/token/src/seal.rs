//! Sealed tokens: AES-256-GCM around the text of a token.

use std::fmt;

use aes_gcm::aead::AeadInOut;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce, Tag};
use rand::CryptoRng;

use crate::encoding::{LONGEST, base64_into, push_base64};
use crate::error::Error;
use crate::hasher::BLANK;
use crate::secret::EncryptionKey;

/// Seals and opens tokens under one key.
///
/// A sealed token is the base64 of IV (12 bytes), ciphertext and tag (16 bytes), without associated
/// data: 96 characters for a token of 44, 124 for one of 64. [`BLANK`] is never sealed, as in
/// OpenToken 1.x, so a reader of sealed tokens sees where there is none.
///
/// The IVs of one key must not repeat. Drawn at random they may be trusted not to for 2³² tokens.
///
/// # Source
///
/// NIST SP 800-38D, §7.1 for sealing, §8.3 on the number of random IVs.
#[derive(Clone)]
pub struct Sealer {
    gcm: Aes256Gcm,
}

/// What a sealed token turns out to be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Opened {
    /// A token, appended to the caller's text.
    Token,
    /// An empty or [`BLANK`] token, which is not sealed; appended unchanged.
    Blank,
}

impl Sealer {
    /// Prepares the key.
    pub fn new(key: &EncryptionKey) -> Self {
        Self {
            gcm: Aes256Gcm::new(key.bytes().into()),
        }
    }

    /// Seals a token under a random IV and appends it to `out`; [`BLANK`] is appended as it is.
    ///
    /// # Panics
    ///
    /// If the token is longer than any [`crate::Hasher`] yields: 64 bytes.
    pub fn seal(&self, token: &str, rng: &mut impl CryptoRng, out: &mut String) {
        let mut iv = [0; IV];
        rng.fill_bytes(&mut iv);
        self.seal_with(token, iv, out);
    }

    /// Seals a token under the given IV, which no other token of this key may have had.
    ///
    /// # Panics
    ///
    /// If the token is longer than any [`crate::Hasher`] yields: 64 bytes.
    pub fn seal_with(&self, token: &str, iv: [u8; IV], out: &mut String) {
        if token == BLANK {
            out.push_str(token);
            return;
        }
        assert!(token.len() <= TOKEN, "a token has at most 64 bytes");
        let mut bytes = [0; LONGEST];
        let end = IV + token.len();
        bytes[..IV].copy_from_slice(&iv);
        bytes[IV..end].copy_from_slice(token.as_bytes());
        let content = &mut bytes[IV..end];
        let tag = self
            .gcm
            .encrypt_inout_detached(&Nonce::from(iv), &[], content.into())
            .expect("a token is far shorter than what one IV can seal");
        bytes[end..end + TAG].copy_from_slice(&tag);
        push_base64(&bytes[..end + TAG], out);
    }

    /// Opens a sealed token and appends its content to `out`.
    ///
    /// An empty or [`BLANK`] token is appended as it is. On an error nothing is appended: what
    /// becomes of the row is the caller's decision (OpenToken copies the sealed token and goes on).
    ///
    /// # Errors
    ///
    /// [`Error::NotSealed`] if it has not the form of a sealed token, as one that has been opened
    /// already. [`Error::Authentication`] if it has, and this key did not seal it.
    pub fn open(&self, token: &str, out: &mut String) -> Result<Opened, Error> {
        if is_blank(token) {
            out.push_str(token);
            return Ok(Opened::Blank);
        }
        let not_sealed = || Error::NotSealed {
            characters: token.chars().count(),
        };
        let mut bytes = [0; LONGEST];
        let length = sealed_bytes(token, &mut bytes).ok_or_else(not_sealed)?;
        let (iv, rest) = bytes[..length]
            .split_first_chunk_mut::<IV>()
            .ok_or_else(not_sealed)?;
        let (content, tag) = rest.split_last_chunk_mut::<TAG>().ok_or_else(not_sealed)?;
        self.gcm
            .decrypt_inout_detached(
                &Nonce::from(*iv),
                &[],
                (&mut *content).into(),
                &Tag::from(*tag),
            )
            .map_err(|_| Error::Authentication)?;
        let content = std::str::from_utf8(content).map_err(|_| Error::Authentication)?;
        out.push_str(content);
        Ok(Opened::Token)
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealer")
    }
}

/// Whether a token stands for no token: empty, or [`BLANK`].
pub fn is_blank(token: &str) -> bool {
    token.is_empty() || token == BLANK
}

/// Whether a token has the form of a sealed one.
pub fn is_sealed(token: &str) -> bool {
    token != BLANK && sealed_bytes(token, &mut [0; LONGEST]).is_some()
}

/// Decodes what may be a sealed token: base64 of enough bytes for IV, content and tag.
fn sealed_bytes(token: &str, bytes: &mut [u8; LONGEST]) -> Option<usize> {
    let lengths = SEALED_SHORTEST..=SEALED_LONGEST;
    if !lengths.contains(&token.len()) || token.len() == HTAC {
        return None;
    }
    base64_into(token, bytes)
}

const IV: usize = 12;
const TAG: usize = 16;
/// The longest token.
const TOKEN: usize = 64;
/// Hexadecimal tokens would pass for base64.
const HTAC: usize = 64;
const SEALED_SHORTEST: usize = (IV + 32 + TAG).div_ceil(3) * 4;
const SEALED_LONGEST: usize = LONGEST.div_ceil(3) * 4;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    const TOKEN: &str = "NtutoPooHEU4jEQrZQT3iTJHdJiTm7jWDqh/aWscHpY=";
    const SEALED: &str = "AAECAwQFBgcICQoLZgDV7+0jojAuWo4rELSI8HrxqsqMD/3JRowlP5lsvjsC2u+Dn9M3gJKix6NUDvo8hPzw46nm9xL0eHOq";

    fn sealer(key: &str) -> Sealer {
        Sealer::new(&EncryptionKey::new(key).unwrap())
    }

    fn reference() -> Sealer {
        sealer("Secret-Encryption-Key-Goes-Here.")
    }

    #[test]
    fn the_known_answer_is_sealed_and_opened() {
        let iv = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
        let mut out = String::new();
        reference().seal_with(TOKEN, iv, &mut out);
        assert_eq!(out, SEALED);
        out.clear();
        assert_eq!(reference().open(SEALED, &mut out), Ok(Opened::Token));
        assert_eq!(out, TOKEN);
        assert!(is_sealed(SEALED));
        for other in [TOKEN, BLANK, "", &"ab".repeat(32)] {
            assert!(!is_sealed(other), "{other}");
        }
    }

    #[test]
    fn blank_tokens_pass_both_ways() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut out = String::new();
        reference().seal(BLANK, &mut rng, &mut out);
        assert_eq!(out, BLANK);
        out.clear();
        assert_eq!(reference().open(BLANK, &mut out), Ok(Opened::Blank));
        assert_eq!(out, BLANK);
        assert_eq!(reference().open("", &mut out), Ok(Opened::Blank));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        for place in 0..SEALED.len() {
            let mut changed = SEALED.to_owned().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            let mut out = String::from("before");
            assert_eq!(
                reference().open(&changed, &mut out),
                Err(Error::Authentication)
            );
            assert_eq!(out, "before");
        }
        let mut out = String::new();
        let other = sealer("another-Encryption-Key-Goes-Here");
        assert_eq!(other.open(SEALED, &mut out), Err(Error::Authentication));
    }

    #[test]
    fn what_is_not_sealed_is_told_apart() {
        for text in [TOKEN, "x", &SEALED[..92], &"!".repeat(96), &"A".repeat(400)] {
            let mut out = String::new();
            let error = reference().open(text, &mut out).unwrap_err();
            let cut = text.len() == 92;
            assert_eq!(matches!(error, Error::Authentication), cut, "{error}");
            assert_eq!(matches!(error, Error::NotSealed { .. }), !cut, "{error}");
            assert!(!error.to_string().contains(text));
        }
    }

    #[test]
    fn sealing_twice_yields_two_texts_of_one_token() {
        let mut rng = ChaCha20Rng::seed_from_u64(2);
        let (mut one, mut other, mut open) = (String::new(), String::new(), String::new());
        let token = "ab".repeat(32);
        reference().seal(&token, &mut rng, &mut one);
        reference().seal(&token, &mut rng, &mut other);
        assert_ne!(one, other);
        assert_eq!(one.len(), 124);
        reference().open(&one, &mut open).unwrap();
        assert_eq!(open, token);
    }

    proptest! {
        #[test]
        fn every_token_comes_back_whatever_its_length(token in "[ -~]{32,64}", key: [u8; 16], iv: [u8; IV]) {
            let sealer = Sealer::new(&EncryptionKey::new(&crate::encoding::hex(&key)).unwrap());
            let (mut sealed, mut opened) = (String::from("before"), String::from("before"));
            sealer.seal_with(&token, iv, &mut sealed);
            let sealed = &sealed["before".len()..];
            prop_assert_eq!(sealed.len(), (IV + token.len() + TAG).div_ceil(3) * 4);
            prop_assert_eq!(sealer.open(sealed, &mut opened), Ok(Opened::Token));
            prop_assert_eq!(&opened["before".len()..], token);
        }
    }
}
