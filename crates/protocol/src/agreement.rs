//! A manifest together with the key it is carried out under: the session's identity.

use blindjoin_bigint::Lookup;
use blindjoin_paillier::PublicKey;
use sha2::Digest as _;
use sha2::Sha256;

use crate::error::Error;
use crate::manifest::{Manifest, ManifestDigest};
use crate::size::Sizes;
use crate::suite::Suite;

/// The SHA-256 that names a session and enters every key of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 32]);

impl SessionId {
    /// Of the manifest and the fingerprints of all key holders' public keys, in the manifest's order.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §3.1.
    pub(crate) fn of(manifest: &[u8], fingerprints: &[[u8; 32]]) -> Self {
        let hash = Sha256::new()
            .chain_update(b"session1")
            .chain_update(manifest);
        let keys = Sha256::digest(fingerprints.as_flattened());
        Self(hash.chain_update(keys).finalize().into())
    }
}

/// A manifest and the key holder's public key: what every message of a session is bound to.
#[derive(Clone, Debug)]
pub struct Agreement {
    manifest: Manifest,
    digest: ManifestDigest,
    fingerprint: [u8; 32],
    session_id: SessionId,
    sizes: Sizes,
    public_key: PublicKey,
}

impl Agreement {
    /// Binds a manifest to a public key of the agreed profile and length.
    ///
    /// # Errors
    ///
    /// [`Error::ManifestMismatch`] when the key is of another profile or length.
    pub fn new(manifest: Manifest, public_key: PublicKey) -> Result<Self, Error> {
        let field = "public key";
        if public_key.profile() != manifest.terms.profile
            || public_key.size() != manifest.terms.key_size
        {
            return Err(Error::ManifestMismatch { field });
        }
        let bytes = manifest.encode();
        let fingerprint = public_key.fingerprint();

        Ok(Self {
            digest: manifest.digest(),
            sizes: manifest.sizes()?,
            fingerprint,
            session_id: SessionId::of(&bytes, &[fingerprint]),
            manifest,
            public_key,
        })
    }

    /// Reads tables of powers, if `wanted`, at addresses that do not depend on what is drawn, at
    /// about twice the price of a power.
    ///
    /// Without this, which entries of a table are read depends on the encryption randomness, which
    /// a process that shares this processor's caches could observe. Results are the same.
    #[must_use]
    pub fn with_constant_time_tables(self, wanted: bool) -> Self {
        if !wanted {
            return self;
        }
        let public_key = self.public_key.with_lookup(Lookup::ConstantTime);
        Self { public_key, ..self }
    }

    /// Yields the manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Yields the manifest's digest.
    pub fn manifest_digest(&self) -> ManifestDigest {
        self.digest
    }

    /// Yields the fingerprint of the key holder's public key.
    pub fn public_key_fingerprint(&self) -> &[u8; 32] {
        &self.fingerprint
    }

    /// Yields the key holder's public key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Yields the session's identity.
    pub fn session_id(&self) -> SessionId {
        self.session_id
    }

    /// Yields the counts and lengths of the session.
    pub fn sizes(&self) -> &Sizes {
        &self.sizes
    }

    /// Yields the parameter set of the comparisons.
    pub fn suite(&self) -> Suite {
        self.manifest.terms.suite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_ids_are_the_specification_s() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../tests/vectors/reference.json")).unwrap();
        let session = &vectors["session"];
        let bytes = |text: &serde_json::Value| -> [u8; 32] {
            let text = text.as_str().unwrap();
            std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        };
        let keys = session["fingerprints"].as_array().unwrap();
        let keys: Vec<[u8; 32]> = keys.iter().map(bytes).collect();
        for (name, count) in [("one", 1), ("two", 2)] {
            let id = SessionId::of(b"a manifest", &keys[..count]);
            assert_eq!(id.0, bytes(&session[name]), "{name}");
        }
    }
}
