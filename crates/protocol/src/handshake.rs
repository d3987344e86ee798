//! Handshakes: ephemeral keys, signed together with what they were made for.

use ed25519_dalek::Signature;
use ed25519_dalek::VerifyingKey;
use x25519_dalek::PublicKey as ExchangeKey;
use x25519_dalek::StaticSecret;

use crate::agreement::Agreement;
use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::manifest::Manifest;
use crate::random::SessionSecret;
use crate::role::Role;
use crate::role::role_byte;
use crate::signer::IdentityKey;
use crate::signer::Signer;

/// A party's ephemeral X25519 key, signed together with what it was made for.
///
/// The signature covers the role, the manifest, the key holder's public key and the ephemeral key,
/// so a party that was shown another manifest or another public key cannot be talked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handshake {
    role: Role,
    ephemeral: [u8; 32],
    signature: [u8; 64],
}

impl Handshake {
    /// Signs this party's ephemeral key, which is derived from the session secret: the same
    /// session yields the same bytes again.
    pub fn sign(
        role: Role,
        identity: &Signer,
        agreement: &Agreement,
        secret: &SessionSecret,
    ) -> Self {
        let ephemeral = ExchangeKey::from(&ephemeral(role, secret)).to_bytes();
        let signature = identity.sign(&statement(role, agreement, &ephemeral));
        Self {
            role,
            ephemeral,
            signature,
        }
    }

    /// Checks the signature against the identity the manifest names for `role`.
    ///
    /// # Errors
    ///
    /// [`Error::BadSignature`], also for a handshake of another role.
    pub fn verify(&self, role: Role, agreement: &Agreement) -> Result<Peer, Error> {
        let refused = Error::BadSignature { role };
        let identity = identity_of(agreement.manifest(), role);
        let key = VerifyingKey::from_bytes(&identity.0).map_err(|_| refused.clone())?;
        let statement = statement(role, agreement, &self.ephemeral);
        if self.role != role
            || key
                .verify_strict(&statement, &Signature::from_bytes(&self.signature))
                .is_err()
        {
            return Err(refused);
        }
        Ok(Peer {
            role,
            ephemeral: self.ephemeral,
        })
    }

    /// Yields the 97 canonical bytes.
    ///
    /// # Source
    ///
    /// `spec/protocol.md`, §20.8.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Writer::new();
        out.u8(role_byte(self.role))
            .raw(&self.ephemeral)
            .raw(&self.signature);
        out.finish()
    }

    /// Reads a handshake; the signature is not yet checked.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "handshake");
        let role = match input.u8()? {
            1 => Role::KeyHolder,
            2 => Role::Provider,
            3 => Role::Querier,
            _ => return Err(input.malformed()),
        };
        let handshake = Self {
            role,
            ephemeral: input.array()?,
            signature: input.array()?,
        };
        input.finish()?;
        Ok(handshake)
    }
}

/// A peer whose handshake has been verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    role: Role,
    ephemeral: [u8; 32],
}

impl Peer {
    /// Yields the peer's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Computes the secret shared with the peer.
    pub(crate) fn exchange(&self, own: Role, secret: &SessionSecret) -> Result<[u8; 32], Error> {
        let shared = ephemeral(own, secret).diffie_hellman(&ExchangeKey::from(self.ephemeral));
        if !shared.was_contributory() {
            return Err(Error::WeakSharedSecret { role: self.role });
        }
        Ok(shared.to_bytes())
    }

    /// Yields the peer's ephemeral public key.
    pub(crate) fn ephemeral(&self) -> &[u8; 32] {
        &self.ephemeral
    }
}

/// The ephemeral public key of this party itself.
pub(crate) fn own_ephemeral(role: Role, secret: &SessionSecret) -> [u8; 32] {
    ExchangeKey::from(&ephemeral(role, secret)).to_bytes()
}

fn ephemeral(role: Role, secret: &SessionSecret) -> StaticSecret {
    StaticSecret::from(*secret.expand(&[b"x25519", &[role_byte(role)]]))
}

fn identity_of(manifest: &Manifest, role: Role) -> IdentityKey {
    match role {
        Role::KeyHolder => manifest.parties.keyholder,
        Role::Provider => manifest.parties.provider,
        Role::Querier => manifest.parties.querier,
    }
}

fn statement(role: Role, agreement: &Agreement, ephemeral: &[u8; 32]) -> Vec<u8> {
    let mut out = Writer::new();
    out.raw(b"blindjoin handshake 1\0").u8(role_byte(role));
    out.raw(&agreement.manifest_digest().0)
        .raw(agreement.public_key_fingerprint())
        .raw(ephemeral);
    out.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_of_small_order_yield_no_channel() {
        let secret = SessionSecret::from_bytes([3; 32]);
        for point in [[0; 32], std::array::from_fn(|i| u8::from(i == 0))] {
            let peer = Peer {
                role: Role::Provider,
                ephemeral: point,
            };
            let refused = Error::WeakSharedSecret {
                role: Role::Provider,
            };
            assert_eq!(peer.exchange(Role::Querier, &secret), Err(refused));
        }
    }

    #[test]
    fn both_ends_compute_the_same_secret() {
        let [one, other] = [1, 2].map(|seed| SessionSecret::from_bytes([seed; 32]));
        let peer = |role, secret| Peer {
            role,
            ephemeral: own_ephemeral(role, secret),
        };
        let there = peer(Role::Provider, &other).exchange(Role::Querier, &one);
        let back = peer(Role::Querier, &one).exchange(Role::Provider, &other);
        assert_eq!(there, back);
        // One secret serves one role: the same bytes yield another key elsewhere.
        assert_ne!(
            own_ephemeral(Role::Querier, &one),
            own_ephemeral(Role::Provider, &one)
        );
    }
}
