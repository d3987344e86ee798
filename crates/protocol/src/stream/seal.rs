//! The seal of a stream's chunks.

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::Nonce;
use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::aead::KeyInit as _;
use chacha20poly1305::aead::Payload;

use crate::agreement::SessionId;
use crate::channel::{Channel, StreamKey};
use crate::codec::Writer;
use crate::error::Error;
use crate::random::{KEY_HOLDER, SHARD};
use crate::stream::kind::{LONGEST_CHUNK, StreamKind};
use crate::widths;

/// The authenticated encryption of one stream's chunks: a byte that says whether the chunk is the
/// last, then the ciphertext and its tag.
///
/// # Source
///
/// `spec/protocol.md`, §3.3.
pub(super) struct Seal {
    cipher: ChaCha20Poly1305,
    pub(super) kind: StreamKind,
    pub(super) session_id: SessionId,
}

impl Seal {
    pub(super) fn new(channel: &Channel, kind: StreamKind) -> Self {
        let StreamKey(key) = &channel.stream_key(kind);
        Self {
            cipher: ChaCha20Poly1305::new(key.into()),
            kind,
            session_id: channel.session_id(),
        }
    }

    pub(super) fn seal(&self, number: u64, last: bool, plain: &[u8]) -> Vec<u8> {
        let nonce = nonce(self.kind, widths::short(widths::index(number)));
        let payload = Payload {
            msg: plain,
            aad: &self.associated(&nonce, last),
        };
        let sealed = self
            .cipher
            .encrypt(&nonce, payload)
            .expect("a chunk is short");
        let mut out = Vec::with_capacity(1 + sealed.len());
        out.push(u8::from(last));
        out.extend_from_slice(&sealed);
        out
    }

    pub(super) fn open(&self, number: u64, sealed: &[u8]) -> Result<(bool, Vec<u8>), Error> {
        let refused = Error::ChunkNotAuthentic {
            stream: self.kind.name(),
            number,
        };
        let (last, sealed) = match sealed.split_first() {
            Some((&flag @ (0 | 1), rest)) if rest.len() < LONGEST_CHUNK => (flag == 1, rest),
            _ => return Err(refused),
        };
        let nonce = nonce(
            self.kind,
            u32::try_from(number).map_err(|_| refused.clone())?,
        );
        let payload = Payload {
            msg: sealed,
            aad: &self.associated(&nonce, last),
        };
        match self.cipher.decrypt(&nonce, payload) {
            Ok(plain) => Ok((last, plain)),
            Err(_) => Err(refused),
        }
    }

    fn associated(&self, nonce: &Nonce, last: bool) -> Vec<u8> {
        let mut out = Writer::new();
        out.raw(&self.session_id.0).raw(nonce).u8(u8::from(last));
        out.finish()
    }
}

/// No two chunks of a session share a nonce, whatever their keys are.
fn nonce(kind: StreamKind, chunk: u32) -> Nonce {
    let mut out = Writer::new();
    out.u8(kind.number())
        .u8(KEY_HOLDER)
        .u16(0)
        .u32(SHARD)
        .u32(chunk);
    Nonce::try_from(out.finish().as_slice()).expect("twelve bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_are_the_specification_s() {
        let vectors: serde_json::Value =
            serde_json::from_str(include_str!("../../tests/vectors/reference.json")).unwrap();
        for row in vectors["nonces"].as_array().unwrap() {
            let kind = match row["stream"].as_str().unwrap() {
                "table" => StreamKind::Table,
                "summary" => StreamKind::Summary,
                "comparisons" => StreamKind::Comparisons,
                _ => StreamKind::Result,
            };
            let nonce = nonce(kind, row["chunk"].as_u64().unwrap().try_into().unwrap());
            let text = row["nonce"].as_str().unwrap();
            let byte = |i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
            assert_eq!(*nonce, std::array::from_fn::<u8, 12, _>(byte));
        }
    }

    /// Not even under different keys: a mistake in a key would otherwise reuse one.
    #[test]
    fn no_two_chunks_of_a_session_share_a_nonce() {
        let kinds = [
            StreamKind::Table,
            StreamKind::Summary,
            StreamKind::Comparisons,
            StreamKind::Result,
        ];
        let numbers = (0..1000).chain([1 << 16, 1 << 31, u32::MAX]);
        let chunks = numbers.flat_map(|chunk| kinds.map(|kind| (kind, chunk)));
        let nonces: Vec<[u8; 12]> = chunks
            .map(|(kind, chunk)| nonce(kind, chunk).into())
            .collect();
        let distinct: std::collections::BTreeSet<_> = nonces.iter().collect();
        assert_eq!(distinct.len(), nonces.len());
    }
}
