//! From a signature to a token.

use std::fmt;

use blindjoin_record::RuleSet;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::encoding::{hex32, push_ascii, push_base64};
use crate::secret::HashingSecret;

/// What stands in place of a token where a record has no signature: 64 zeros.
pub const BLANK: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// How a signature becomes a token.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Scheme {
    /// Base64 of HMAC-SHA256 over the 64 hexadecimal digits of the signature's SHA-256: 44
    /// characters.
    #[default]
    OpenToken,
    /// Hexadecimal digits of HMAC-SHA256 over the signature itself: 64 characters.
    Htac,
}

/// Turns signatures into tokens under one secret.
///
/// The two key-dependent hash states are computed once; a token then costs four compressions of
/// SHA-256 (three in the HTAC scheme, for a signature of up to 55 bytes). Its time depends on the
/// signature's length only.
#[derive(Clone)]
pub struct Hasher {
    scheme: Scheme,
    keyed: Hmac<Sha256>,
}

impl Scheme {
    /// The scheme that a rule set's tokens follow: HTAC's if it has a rule `HTAC` or `HTAC_CLEAN`,
    /// as the built-in sets of these names and those that extend them, and else OpenToken's.
    ///
    /// Rule ids are part of a rule set's digest, so parties who agree on it agree on the scheme.
    pub fn of(rules: &RuleSet) -> Self {
        let mut rules = rules.rules().iter();
        if rules.any(|rule| ["HTAC", "HTAC_CLEAN"].contains(&rule.id())) {
            Self::Htac
        } else {
            Self::OpenToken
        }
    }

    /// The scheme's name in metadata.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenToken => "opentoken",
            Self::Htac => "htac",
        }
    }
}

impl Hasher {
    /// Prepares the secret.
    pub fn new(secret: &HashingSecret, scheme: Scheme) -> Self {
        Self {
            scheme,
            keyed: secret.keyed(),
        }
    }

    /// The scheme.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Appends the token of a signature to `out`.
    ///
    /// A signature is taken as it is; whether there is one is the rules' affair, and [`BLANK`]
    /// stands for none.
    pub fn token(&self, signature: &str, out: &mut String) {
        match self.scheme {
            Scheme::OpenToken => {
                let digest: [u8; 32] = Sha256::digest(signature).into();
                push_base64(&self.mac(&hex32(&digest)), out);
            }
            Scheme::Htac => push_ascii(&hex32(&self.mac(signature.as_bytes())), out),
        }
    }

    fn mac(&self, message: &[u8]) -> [u8; 32] {
        let mut mac = self.keyed.clone();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("scheme", &self.scheme)
            .finish_non_exhaustive()
    }
}
