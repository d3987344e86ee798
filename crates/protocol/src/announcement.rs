//! The key holder's public key on its way to the others.

use blindjoin_paillier::PublicKey;
use rand::CryptoRng;

use crate::agreement::Agreement;
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::handshake::{Handshake, Peer};
use crate::manifest::Manifest;
use crate::random::SessionSecret;
use crate::role::Role;
use crate::signer::Signer;

/// The key holder's public key with its signed ephemeral key: the same bytes to both other parties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyAnnouncement {
    public_key: Vec<u8>,
    handshake: Handshake,
}

impl KeyAnnouncement {
    /// Signs the agreement's public key.
    pub fn sign(identity: &Signer, agreement: &Agreement, secret: &SessionSecret) -> Self {
        Self {
            public_key: agreement.public_key().to_bytes(),
            handshake: Handshake::sign(Role::KeyHolder, identity, agreement, secret),
        }
    }

    /// Makes every check of the public key and of the signature over it, and binds the manifest.
    ///
    /// `rng` draws the bases of the primality test.
    ///
    /// # Errors
    ///
    /// [`Error::BadPublicKey`], [`Error::ManifestMismatch`] or [`Error::BadSignature`].
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §5.1.
    pub fn accept(
        &self,
        manifest: Manifest,
        rng: &mut impl CryptoRng,
    ) -> Result<(Agreement, Peer), Error> {
        let terms = &manifest.terms;
        let public_key =
            PublicKey::from_bytes(&self.public_key, terms.profile, terms.key_size, rng)
                .map_err(Error::BadPublicKey)?;
        let agreement = Agreement::new(manifest, public_key)?;
        let peer = self.handshake.verify(Role::KeyHolder, &agreement)?;
        Ok((agreement, peer))
    }

    /// Yields the canonical bytes.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §20.8.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.bytes(&self.public_key).raw(&self.handshake.encode());
        out.finish()
    }

    /// Reads an announcement; nothing is checked yet.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "key announcement");
        let public_key = input.bytes(4096)?.to_vec();
        let handshake = Handshake::decode(input.raw(97)?)?;
        input.finish()?;
        Ok(Self {
            public_key,
            handshake,
        })
    }
}
