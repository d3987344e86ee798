//! The seal of a stream's chunks.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{ChaCha20Poly1305, Nonce};

use super::{LONGEST_CHUNK, StreamKind};
use crate::Error;
use crate::agreement::SessionId;
use crate::codec::Writer;
use crate::keys::{Channel, StreamKey};

/// The authenticated encryption of one stream's chunks: a byte that says whether the chunk is the
/// last, then the ciphertext and its tag.
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

    pub(super) fn open(&self, number: u64, sealed: &[u8]) -> Result<(bool, Vec<u8>), Error> {
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
