//! What is stored of a session, and all that was.

use zeroize::Zeroizing;

use crate::codec::{Reader, Writer};
use crate::error::Error;
use crate::widths;

/// The longest manifest, announcement, handshake or checkpoint of a stream in bytes.
// As long as a chunk: none of them is longer.
pub(super) const LONGEST: usize = 1 << 20;

/// The most parts, and the longest part in bytes: chunks of a stream.
// 32 bits number the ciphertexts of a stream, of which a chunk has about a thousand; a part is a chunk's
// payload, or 16 bytes for each of its slots.
const MOST_PARTS: u32 = 1 << 24;

const LONGEST_PART: usize = 1 << 22;

/// What is to be stored now: the head replaces the one before, the part is added to those before.
///
/// The head opens the session to whoever reads it: it holds the session's secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// A few hundred bytes beside the manifest.
    pub head: Zeroizing<Vec<u8>>,
    /// What came of a chunk, if one was taken.
    pub part: Option<Vec<u8>>,
}

/// All that a session has stored: the latest head, and all parts in order.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Checkpoint {
    head: Zeroizing<Vec<u8>>,
    parts: Vec<Vec<u8>>,
}

impl Checkpoint {
    /// Puts what is to be stored to what was.
    pub fn store(&mut self, stored: Stored) {
        self.head = stored.head;
        self.parts.extend(stored.part);
    }

    /// Yields all of it as one string of bytes.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Writer::message("checkpoint");
        out.bytes(&self.head).u32(widths::short(self.parts.len()));
        for part in &self.parts {
            out.bytes(part);
        }
        Zeroizing::new(out.finish())
    }

    /// Reads what [`encode`](Self::encode) wrote; the session checks what it says.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] or [`Error::Version`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Error> {
        let mut input = Reader::message(bytes, "checkpoint")?;
        let head = Zeroizing::new(input.bytes(4 * LONGEST)?.to_vec());
        let count = input.u32()?;
        if count > MOST_PARTS {
            return Err(input.malformed());
        }
        let mut parts = Vec::new();
        for _ in 0..count {
            parts.push(input.bytes(LONGEST_PART)?.to_vec());
        }
        input.finish()?;
        Ok(Self { head, parts })
    }

    pub(super) fn into_parts(self) -> (Zeroizing<Vec<u8>>, Vec<Vec<u8>>) {
        (self.head, self.parts)
    }
}

/// Neither secrets nor what was received are shown.
impl std::fmt::Debug for Checkpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Checkpoint")
            .field("parts", &self.parts.len())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored")
            .field("part", &self.part.is_some())
            .finish_non_exhaustive()
    }
}
