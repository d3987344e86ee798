//! What two parties share after the handshake: the root of the keys between them.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroize;
use zeroize::ZeroizeOnDrop;
use zeroize::Zeroizing;

use crate::agreement::{Agreement, SessionId};
use crate::error::Error;
use crate::fingerprint::Fingerprints;
use crate::handshake::{Peer, own_ephemeral};
use crate::random::SessionSecret;
use crate::role::Role;
use crate::stream::kind::StreamKind;
use crate::suite::Suite;

/// What two parties of a session share: the root of their stream keys and, between querier and
/// provider, of the keys that identifiers and labels are made with.
pub struct Channel {
    root: Hkdf<Sha256>,
    session_id: SessionId,
    parties: [Role; 2],
    /// The ephemeral keys in the order of `parties`.
    ephemerals: [[u8; 32]; 2],
}

impl Channel {
    /// Derives the channel between this party (`own`, with its session secret) and a peer.
    ///
    /// Both sides derive the same, and only if they hold the same manifest and the same public
    /// key of the key holder.
    ///
    /// # Errors
    ///
    /// [`Error::WeakSharedSecret`] when the peer's ephemeral key is degenerate.
    ///
    /// # Source
    ///
    /// X25519 (RFC 7748) and HKDF-SHA-256 (RFC 5869) with the session's identity as salt.
    ///
    /// `spec/protocol.md`, §3.1.
    pub fn derive(
        agreement: &Agreement,
        own: Role,
        secret: &SessionSecret,
        peer: &Peer,
    ) -> Result<Self, Error> {
        let shared = Zeroizing::new(peer.exchange(own, secret)?);
        let session_id = agreement.session_id();
        Ok(Self {
            root: Hkdf::new(Some(&session_id.0), shared.as_slice()),
            session_id,
            parties: [own, peer.role()],
            ephemerals: [own_ephemeral(own, secret), *peer.ephemeral()],
        })
    }

    /// Yields the keys for fingerprints, labels and canaries.
    ///
    /// # Panics
    ///
    /// If the channel is not between querier and provider.
    pub fn fingerprints(&self, suite: Suite) -> Fingerprints {
        assert!(
            self.connects(Role::Querier, Role::Provider),
            "join keys belong to querier and provider"
        );
        Fingerprints::from_keys(
            suite,
            &self.expand(&[b"id"]),
            &self.expand(&[b"pad"]),
            &self.expand(&[b"canary"]),
        )
    }

    pub(crate) fn session_id(&self) -> SessionId {
        self.session_id
    }

    /// Yields the key that seals one stream.
    ///
    /// # Panics
    ///
    /// If the stream does not run between the channel's parties.
    pub(crate) fn stream_key(&self, kind: StreamKind) -> StreamKey {
        let (from, to) = kind.direction();
        assert!(
            self.connects(from, to),
            "the {} stream runs elsewhere",
            kind.name()
        );
        let key = match kind {
            StreamKind::Table => self.expand(&[b"q2p"]),
            StreamKind::Summary => self.expand(&[b"p2q"]),
            // As in HPKE, both public keys enter the keys of the one-way seals.
            StreamKind::Comparisons | StreamKind::Result => {
                let label: &[u8] = if kind == StreamKind::Result {
                    b"k2q"
                } else {
                    b"p2k"
                };
                let sender = usize::from(self.parties[0] != from);
                self.expand(&[
                    label,
                    &self.ephemerals[sender],
                    &self.ephemerals[1 - sender],
                ])
            }
        };
        StreamKey(*key)
    }

    /// A channel of fixed keys.
    #[cfg(test)]
    pub(crate) fn for_tests(parties: [Role; 2]) -> Self {
        Self {
            root: Hkdf::new(None, &[9; 32]),
            session_id: SessionId([8; 32]),
            parties,
            ephemerals: [[1; 32], [2; 32]],
        }
    }

    fn connects(&self, one: Role, other: Role) -> bool {
        self.parties == [one, other] || self.parties == [other, one]
    }

    fn expand(&self, info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
        let mut out = Zeroizing::new([0; 32]);
        self.root
            .expand_multi_info(info, &mut *out)
            .expect("32 bytes are within HKDF's reach");
        out
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel")
            .field("parties", &self.parties)
            .finish_non_exhaustive()
    }
}

/// The key of one stream's chunks.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct StreamKey(pub(crate) [u8; 32]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_keys_are_the_specification_s() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../tests/vectors/reference.json")).unwrap();
        let bytes = |name: &str| -> [u8; 32] {
            let text = vectors["hkdf"][name].as_str().unwrap();
            std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
        };
        let id = SessionId::of(b"vectors", &[bytes("fingerprint")]);
        assert_eq!(id.0, bytes("salt"));
        let channel = Channel {
            root: Hkdf::new(Some(&id.0), &bytes("secret")),
            session_id: id,
            parties: [Role::Querier, Role::Provider],
            ephemerals: [[0; 32]; 2],
        };
        for name in ["id", "pad", "canary", "q2p", "p2q"] {
            assert_eq!(*channel.expand(&[name.as_bytes()]), bytes(name), "{name}");
        }
        assert_ne!(
            channel.stream_key(StreamKind::Table).0,
            channel.stream_key(StreamKind::Summary).0
        );
    }
}
