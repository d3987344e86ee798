//! What crosses between two parties of a session.

use crate::error::Error;
use crate::role::Role;
use crate::stream::kind::{LONGEST_CHUNK, StreamKind};

/// What may happen to messages between two parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// They arrive once and in order: anything else is somebody's doing, and ends the session.
    Ordered,
    /// They may be lost, repeated, late or out of order: what is not due is ignored.
    Lossy,
}

/// What crosses between two parties of a session.
#[derive(Clone, PartialEq, Eq)]
pub enum Message {
    /// The key holder's announcement.
    Announcement(Vec<u8>),
    /// A handshake of the querier's or the provider's.
    Handshake(Vec<u8>),
    /// A sealed chunk.
    Chunk {
        /// Of which stream.
        stream: StreamKind,
        /// Its place in the stream.
        number: u64,
        /// The chunk.
        sealed: Vec<u8>,
    },
}

impl Message {
    /// The longest chunk in bytes.
    pub const LONGEST: usize = LONGEST_CHUNK;

    /// Yields its name for logs and errors.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Announcement(_) => "key announcement",
            Self::Handshake(_) => "handshake",
            Self::Chunk { stream, .. } => stream.name(),
        }
    }

    /// Says whether it is the last chunk of its stream, as it says itself: nothing rests on that
    /// before the seal is opened.
    pub fn is_last(&self) -> bool {
        matches!(self, Self::Chunk { sealed, .. } if sealed.first() == Some(&1))
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Announcement(_) | Self::Handshake(_) => f.write_str(self.name()),
            Self::Chunk { number, .. } => write!(f, "{} {number}", self.name()),
        }
    }
}

/// What a message is that nobody waits for: an error, unless the line may have repeated it.
pub(super) fn unexpected(line: Line, from: Role, message: &Message) -> Result<(), Error> {
    match line {
        Line::Lossy => Ok(()),
        Line::Ordered => Err(Error::Unexpected {
            from,
            what: message.name(),
        }),
    }
}
