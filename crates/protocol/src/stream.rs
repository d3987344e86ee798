//! Ordered, sealed streams: chunks, their numbers, and the digest that closes them.
//!
//! A stream is a value. It is consumed by every step, so after an error there is none left to
//! misuse. Chunk 0 opens with a head that repeats what the manifest determines, the last chunk
//! ends with the SHA-256 of everything before it, and every chunk is sealed with ChaCha20-Poly1305
//! under the stream's number, the key holder's, the shard's and its own, and under the session and
//! whether it is the last. The same payloads
//! seal to the same bytes, so a chunk is resent, never remade.

mod checkpoint;
mod inbound;
mod outbound;
mod seal;

pub use checkpoint::StreamCheckpoint;
pub use inbound::Inbound;
pub use outbound::Outbound;

use crate::agreement::SessionId;
use crate::codec::{Reader, Writer};
use crate::random::SHARD;
use crate::size::Geometry;
use crate::{Error, Role};

/// What a stream carries, from whom to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StreamKind {
    /// The querier's encrypted table, to the provider.
    Table,
    /// The provider's masked comparisons, to the key holder.
    Comparisons,
    /// The key holder's result, to the querier.
    Result,
    /// What the provider sent to the key holder, in one chunk, to the querier.
    Summary,
}

impl StreamKind {
    /// Yields the sender and the receiver.
    pub fn direction(self) -> (Role, Role) {
        match self {
            Self::Table => (Role::Querier, Role::Provider),
            Self::Comparisons => (Role::Provider, Role::KeyHolder),
            Self::Result => (Role::KeyHolder, Role::Querier),
            Self::Summary => (Role::Provider, Role::Querier),
        }
    }

    /// Yields the number that enters nonces and heads. Two is for columns of the provider's, four
    /// for what controls a session, neither of which is a stream yet.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Table => 1,
            Self::Summary => 3,
            Self::Comparisons => 5,
            Self::Result => 6,
        }
    }

    /// Yields the name that errors and logs give it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Comparisons => "stream",
            Self::Result => "result",
            Self::Summary => "summary",
        }
    }
}

/// The digest that closes a stream: SHA-256 over its head and payloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamDigest(pub [u8; 32]);

/// The longest message of a stream: a payload, a head, a digest and the seal.
pub const LONGEST_CHUNK: usize = 1 << 20;

/// What chunk 0 opens with.
///
/// # Source
///
/// `spec/protocol.md`, §3.3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) geometry: Geometry,
    /// The comparisons and their stream, where a stream answers for them.
    pub(crate) about: Option<Account>,
    /// Whether the key holder found the session to have failed, in its answer.
    pub(crate) failed: bool,
}

/// An account of the stream of comparisons: what its two ends must agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The number of ciphertexts.
    pub ciphertexts: u64,
    /// The stream's closing digest.
    pub digest: StreamDigest,
}

impl Head {
    const BYTES: usize = 32 + 1 + 4 + 8 + 4 + 4 + 40 + 1;

    fn encode(&self, kind: StreamKind, session_id: SessionId) -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(&session_id.0)
            .u8(kind.number())
            .u32(SHARD)
            .u64(self.geometry.items());
        out.u32(u32::try_from(self.geometry.item_bytes()).expect("items are short"));
        out.u32(u32::try_from(self.geometry.per_chunk()).expect("chunks are short"));
        let about = self.about.unwrap_or(Account {
            ciphertexts: 0,
            digest: StreamDigest([0; 32]),
        });
        out.u64(about.ciphertexts)
            .raw(&about.digest.0)
            .u8(u8::from(self.failed));
        out.finish()
    }

    /// Reads the head of an answering stream, of which the account and the failure are news.
    fn decode(bytes: &[u8], kind: StreamKind, session_id: SessionId) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "stream head");
        let place = (input.array()?, input.u8()?, input.u32()?);
        if place != (session_id.0, kind.number(), SHARD) {
            return Err(Error::StreamSize {
                stream: kind.name(),
            });
        }
        let (items, item_bytes, per_chunk) = (input.u64()?, input.u32()?, input.u32()?);
        let about = Account {
            ciphertexts: input.u64()?,
            digest: StreamDigest(input.array()?),
        };
        let failed = input.flag()?;
        input.finish()?;
        let geometry = Geometry::new(items, item_bytes as usize, per_chunk as usize);
        Ok(Self {
            geometry,
            about: Some(about),
            failed,
        })
    }
}

fn account(
    closed: Option<StreamDigest>,
    geometry: Geometry,
    kind: StreamKind,
    chunks: u64,
) -> Result<Account, Error> {
    match closed {
        Some(digest) => Ok(Account {
            ciphertexts: geometry.items(),
            digest,
        }),
        None => Err(Error::StreamState {
            stream: kind.name(),
            state: "unfinished",
            chunks,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Channel;
    use crate::number;

    fn pair(geometry: Geometry, expected: Geometry) -> (Outbound, Inbound) {
        let channel = Channel::for_tests([Role::Querier, Role::Provider]);
        let head = |geometry| Head {
            geometry,
            about: None,
            failed: false,
        };
        let outbound = Outbound::new(&channel, StreamKind::Table, head(geometry));
        (
            outbound,
            Inbound::new(&channel, StreamKind::Table, head(expected)),
        )
    }

    #[test]
    fn a_stream_of_another_size_is_refused_at_its_first_chunk() {
        let geometry = |items, width| Geometry::new(items, width, 4);
        for (sent, expected) in [
            (geometry(9, 3), geometry(10, 3)),
            (geometry(9, 3), geometry(9, 4)),
            (Geometry::new(9, 3, 8), geometry(9, 3)),
        ] {
            let (outbound, inbound) = pair(sent, expected);
            let (_, chunk) = outbound
                .seal(&vec![1; sent.per_chunk() * sent.item_bytes()])
                .unwrap();
            let refused = inbound.open(0, &chunk).unwrap_err();
            assert_eq!(refused, Error::StreamSize { stream: "table" });
        }
    }

    #[test]
    fn payloads_of_another_length_are_not_sealed() {
        let geometry = Geometry::new(5, 3, 4);
        for length in [0, 11, 13] {
            let (outbound, _) = pair(geometry, geometry);
            let refused = outbound.seal(&vec![0; length]).unwrap_err();
            assert_eq!(refused, Error::StreamSize { stream: "table" });
        }
    }

    #[test]
    fn both_ends_account_for_the_same_stream() {
        let geometry = Geometry::new(5, 3, 4);
        let (mut outbound, mut inbound) = pair(geometry, geometry);
        for payload in [[7; 12].as_slice(), &[8; 3]] {
            assert!(outbound.account().is_err() && !inbound.is_closed());
            let number = outbound.next();
            let (sent, chunk) = outbound.seal(payload).unwrap();
            let (received, opened) = inbound.open(number, &chunk).unwrap();
            assert_eq!(opened, payload);
            (outbound, inbound) = (sent, received);
        }
        assert!(inbound.is_closed());
        assert_eq!(outbound.account().unwrap(), inbound.account().unwrap());
        assert!(matches!(outbound.seal(&[]), Err(Error::StreamState { .. })));
    }

    #[test]
    fn an_answer_has_as_many_entries_as_are_due_and_says_what_it_is_about() {
        let channel = Channel::for_tests([Role::KeyHolder, Role::Querier]);
        let about = Some(Account {
            ciphertexts: 9,
            digest: StreamDigest([5; 32]),
        });
        for (items, fits) in [(128, true), (64, false), (127, false), (256, false)] {
            let head = Head {
                geometry: Geometry::new(items, 2, 1000),
                about,
                failed: false,
            };
            let outbound = Outbound::new(&channel, StreamKind::Result, head);
            let (_, chunk) = outbound.seal(&vec![0; 2 * number::index(items)]).unwrap();
            let due = Geometry::new(128, 2, 1000);
            let opened = Inbound::answer(&channel, StreamKind::Result, due).open(0, &chunk);
            assert_eq!(opened.is_ok(), fits, "{items} entries");
            if let Ok((inbound, _)) = opened {
                assert_eq!(inbound.about(), about);
            }
        }
    }
}
