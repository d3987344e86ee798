//! Ordered, sealed streams: chunks, their numbers, and the digest that closes them.
//!
//! A stream is a value. It is consumed by every step, so after an error there is none left to
//! misuse. Chunk 0 opens with a head that repeats what the manifest determines, the last chunk
//! ends with the SHA-256 of everything before it, and every chunk is sealed with ChaCha20-Poly1305
//! under its number, the session, the stream's name and whether it is the last. The same payloads
//! seal to the same bytes, so a chunk is resent, never remade.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};
use sha2::{Digest as _, Sha256};

use crate::agreement::SessionId;
use crate::codec::{Reader, Writer};
use crate::keys::{Channel, StreamKey};
#[cfg(test)]
use crate::number;
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

    /// Yields the name that enters the seal.
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) geometry: Geometry,
    /// The comparisons and their stream, where a stream answers for them.
    pub(crate) about: Option<Account>,
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
    const BYTES: usize = 32 + 1 + 8 + 4 + 4 + 40;

    fn encode(&self, kind: StreamKind, session_id: SessionId) -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(&session_id.0)
            .u8(kind as u8)
            .u64(self.geometry.items());
        out.u32(u32::try_from(self.geometry.item_bytes()).expect("items are short"));
        out.u32(u32::try_from(self.geometry.per_chunk()).expect("chunks are short"));
        let about = self.about.unwrap_or(Account {
            ciphertexts: 0,
            digest: StreamDigest([0; 32]),
        });
        out.u64(about.ciphertexts).raw(&about.digest.0);
        out.finish()
    }

    /// Reads the head of an answering stream, of which only the number of items is news.
    fn decode(bytes: &[u8], kind: StreamKind, session_id: SessionId) -> Result<Self, Error> {
        let mut input = Reader::new(bytes, "stream head");
        if input.array()? != session_id.0 || input.u8()? != kind as u8 {
            return Err(Error::StreamSize {
                stream: kind.name(),
            });
        }
        let (items, item_bytes, per_chunk) = (input.u64()?, input.u32()?, input.u32()?);
        let about = Account {
            ciphertexts: input.u64()?,
            digest: StreamDigest(input.array()?),
        };
        input.finish()?;
        let geometry = Geometry::new(items, item_bytes as usize, per_chunk as usize);
        Ok(Self {
            geometry,
            about: Some(about),
        })
    }
}

/// The sending end of a stream.
pub struct Outbound {
    seal: Seal,
    head: Head,
    next: u64,
    digest: Sha256,
    closed: Option<StreamDigest>,
}

impl Outbound {
    pub(crate) fn new(channel: &Channel, kind: StreamKind, head: Head) -> Self {
        let seal = Seal::new(channel, kind);
        let digest = Sha256::new_with_prefix(head.encode(kind, seal.session_id));
        Self {
            seal,
            head,
            next: 0,
            digest,
            closed: None,
        }
    }

    /// Yields the number of chunks of the whole stream.
    pub fn chunks(&self) -> u64 {
        self.head.geometry.chunks()
    }

    /// Yields the number of the chunk that [`seal`](Self::seal) takes next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Seals the next payload.
    ///
    /// To resume after a crash, start again and seal the recomputed payloads from the first: the
    /// bytes are those already sent.
    ///
    /// # Errors
    ///
    /// [`Error::StreamSize`] for a payload of another length than its chunk has,
    /// [`Error::StreamState`] after the last chunk.
    pub fn seal(mut self, payload: &[u8]) -> Result<(Self, Vec<u8>), Error> {
        let stream = self.seal.kind.name();
        if self.closed.is_some() {
            return Err(Error::StreamState {
                stream,
                state: "closed",
                chunks: self.next,
            });
        }
        let geometry = self.head.geometry;
        if payload.len() != geometry.items_in(self.next)? * geometry.item_bytes() {
            return Err(Error::StreamSize { stream });
        }
        let number = self.next;
        let last = number + 1 == geometry.chunks();
        self.digest.update(payload);
        let mut plain = Vec::with_capacity(payload.len() + Head::BYTES + 32);
        if number == 0 {
            plain.extend_from_slice(&self.head.encode(self.seal.kind, self.seal.session_id));
        }
        plain.extend_from_slice(payload);
        if last {
            let digest: [u8; 32] = self.digest.clone().finalize().into();
            plain.extend_from_slice(&digest);
            self.closed = Some(StreamDigest(digest));
        }
        self.next += 1;
        let sealed = self.seal.seal(number, last, &plain);
        Ok((self, sealed))
    }

    /// Yields the account of the stream once its last chunk is sealed.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] before the last chunk.
    pub fn account(&self) -> Result<Account, Error> {
        account(self.closed, self.head.geometry, self.seal.kind, self.next)
    }
}

impl std::fmt::Debug for Outbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Outbound")
            .field("kind", &self.seal.kind)
            .field("next", &self.next)
            .finish_non_exhaustive()
    }
}

/// The receiving end of a stream.
pub struct Inbound {
    seal: Seal,
    expected: Expected,
    next: u64,
    digest: Sha256,
    closed: Option<StreamDigest>,
}

/// What a receiver knows of a stream before it starts.
#[derive(Clone, Debug)]
enum Expected {
    /// Every byte of the head.
    Head(Head),
    /// All but the number of items, of which there is a bound, and the account.
    AtMost { geometry: Geometry },
}

impl Inbound {
    pub(crate) fn new(channel: &Channel, kind: StreamKind, head: Head) -> Self {
        Self::expecting(channel, kind, Expected::Head(head))
    }

    /// A stream whose head says how many items it has: a power of two, at most as many as
    /// `geometry`, or exactly as many as `geometry`.
    pub(crate) fn at_most(channel: &Channel, kind: StreamKind, geometry: Geometry) -> Self {
        Self::expecting(channel, kind, Expected::AtMost { geometry })
    }

    fn expecting(channel: &Channel, kind: StreamKind, expected: Expected) -> Self {
        Self {
            seal: Seal::new(channel, kind),
            expected,
            next: 0,
            digest: Sha256::new(),
            closed: None,
        }
    }

    /// Yields the number of the chunk that is due.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Says whether the last chunk has arrived.
    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// Opens the chunk that is due and yields its payload.
    ///
    /// # Errors
    ///
    /// [`Error::ChunkOutOfOrder`], [`Error::ChunkNotAuthentic`], [`Error::StreamSize`],
    /// [`Error::StreamDigest`], or [`Error::StreamState`] for a chunk after the last.
    pub fn open(mut self, number: u64, sealed: &[u8]) -> Result<(Self, Vec<u8>), Error> {
        let stream = self.seal.kind.name();
        if self.closed.is_some() {
            return Err(Error::StreamState {
                stream,
                state: "closed",
                chunks: self.next,
            });
        }
        if number != self.next {
            return Err(Error::ChunkOutOfOrder {
                stream,
                expected: self.next,
                got: number,
            });
        }
        let (last, mut plain) = self.seal.open(number, sealed)?;
        let size = Error::StreamSize { stream };
        if last {
            let body = plain.len().checked_sub(32).ok_or(size.clone())?;
            let closing = plain.split_off(body);
            self.digest.update(&plain);
            let digest: [u8; 32] = self.digest.clone().finalize().into();
            if closing != digest {
                return Err(Error::StreamDigest { stream });
            }
            self.closed = Some(StreamDigest(digest));
        } else {
            self.digest.update(&plain);
        }
        if number == 0 {
            if plain.len() < Head::BYTES {
                return Err(size);
            }
            let payload = plain.split_off(Head::BYTES);
            self.take_head(&plain)?;
            plain = payload;
        }
        let geometry = self.geometry();
        let due = geometry.items_in(number).map_err(|_| size.clone())? * geometry.item_bytes();
        if plain.len() != due || last != (number + 1 == geometry.chunks()) {
            return Err(size);
        }
        self.next += 1;
        Ok((self, plain))
    }

    /// Yields what the sender's head says about the stream of comparisons, after chunk 0.
    pub(crate) fn about(&self) -> Option<Account> {
        match &self.expected {
            Expected::Head(head) if self.next > 0 => head.about,
            _ => None,
        }
    }

    /// Yields the account of the stream once its last chunk has arrived.
    ///
    /// # Errors
    ///
    /// [`Error::StreamState`] before the last chunk.
    pub fn account(&self) -> Result<Account, Error> {
        account(self.closed, self.geometry(), self.seal.kind, self.next)
    }

    fn geometry(&self) -> Geometry {
        match &self.expected {
            Expected::Head(head) => head.geometry,
            Expected::AtMost { geometry } => *geometry,
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> Result<(), Error> {
        let (kind, session_id) = (self.seal.kind, self.seal.session_id);
        let size = Error::StreamSize {
            stream: kind.name(),
        };
        match &self.expected {
            Expected::Head(head) => {
                if bytes != head.encode(kind, session_id) {
                    return Err(size);
                }
            }
            Expected::AtMost { geometry } => {
                let head = Head::decode(bytes, kind, session_id)?;
                let items = head.geometry.items();
                let known = Geometry::new(items, geometry.item_bytes(), geometry.per_chunk());
                let fits = items == geometry.items()
                    || (items < geometry.items() && items.is_power_of_two());
                if head.geometry != known || !fits {
                    return Err(size);
                }
                self.expected = Expected::Head(head);
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbound")
            .field("kind", &self.seal.kind)
            .field("next", &self.next)
            .finish_non_exhaustive()
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

/// The authenticated encryption of one stream's chunks: a byte that says whether the chunk is the
/// last, then the ciphertext and its tag.
struct Seal {
    cipher: ChaCha20Poly1305,
    kind: StreamKind,
    session_id: SessionId,
}

impl Seal {
    fn new(channel: &Channel, kind: StreamKind) -> Self {
        let StreamKey(key) = &channel.stream_key(kind);
        Self {
            cipher: ChaCha20Poly1305::new(key.into()),
            kind,
            session_id: channel.session_id(),
        }
    }

    fn seal(&self, number: u64, last: bool, plain: &[u8]) -> Vec<u8> {
        let payload = Payload {
            msg: plain,
            aad: &self.associated(number, last),
        };
        let sealed = self
            .cipher
            .encrypt(&nonce(number), payload)
            .expect("a chunk is short");
        let mut out = Vec::with_capacity(1 + sealed.len());
        out.push(u8::from(last));
        out.extend_from_slice(&sealed);
        out
    }

    fn open(&self, number: u64, sealed: &[u8]) -> Result<(bool, Vec<u8>), Error> {
        let refused = Error::ChunkNotAuthentic {
            stream: self.kind.name(),
            number,
        };
        let (last, sealed) = match sealed.split_first() {
            Some((&flag @ (0 | 1), rest)) if rest.len() < LONGEST_CHUNK => (flag == 1, rest),
            _ => return Err(refused),
        };
        let payload = Payload {
            msg: sealed,
            aad: &self.associated(number, last),
        };
        match self.cipher.decrypt(&nonce(number), payload) {
            Ok(plain) => Ok((last, plain)),
            Err(_) => Err(refused),
        }
    }

    fn associated(&self, number: u64, last: bool) -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(&self.session_id.0).raw(self.kind.name().as_bytes());
        out.u64(number).u8(u8::from(last));
        out.finish()
    }
}

fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(geometry: Geometry, expected: Geometry) -> (Outbound, Inbound) {
        let channel = Channel::for_tests([Role::Querier, Role::Provider]);
        let head = |geometry| Head {
            geometry,
            about: None,
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
    fn an_answer_has_a_power_of_two_of_entries_within_its_bound() {
        let channel = Channel::for_tests([Role::KeyHolder, Role::Querier]);
        let about = Some(Account {
            ciphertexts: 9,
            digest: StreamDigest([5; 32]),
        });
        for (items, fits) in [
            (64, true),
            (128, true),
            (96, false),
            (256, false),
            (0, false),
        ] {
            let head = Head {
                geometry: Geometry::new(items, 2, 1000),
                about,
            };
            let outbound = Outbound::new(&channel, StreamKind::Result, head);
            let (_, chunk) = outbound.seal(&vec![0; 2 * number::index(items)]).unwrap();
            let inbound =
                Inbound::at_most(&channel, StreamKind::Result, Geometry::new(128, 2, 1000));
            let opened = inbound.open(0, &chunk);
            assert_eq!(opened.is_ok(), fits, "{items} entries");
            if let Ok((inbound, _)) = opened {
                assert_eq!(inbound.about(), about);
            }
        }
    }
}
