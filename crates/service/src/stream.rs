//! Streams of messages as they arrive: in time, to their end, and how large they may be.

use std::time::Duration;

use blindjoin_protocol::session::Message;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use crate::{Error, Role};

/// How many sealed chunks may wait for the transport.
// A chunk has up to a mebibyte: so much memory a slow peer can hold for each stream.
pub(crate) const QUEUE: usize = 4;

/// The largest message that carries a chunk, in bytes: the chunk, and room for how it is wrapped.
pub(crate) const LONGEST_MESSAGE: usize = Message::LONGEST + 1024;

/// The next message of a stream that has not ended.
///
/// # Errors
///
/// [`Error::Timeout`], [`Error::Truncated`], and what the stream itself yields.
pub(crate) async fn next<T>(
    stream: &mut (impl Stream<Item = Result<T, Error>> + Unpin),
    role: Role,
    idle: Duration,
) -> Result<T, Error> {
    match tokio::time::timeout(idle, stream.next()).await {
        Ok(Some(message)) => message,
        Ok(None) => Err(Error::Truncated { role }),
        Err(_) => Err(Error::Timeout {
            role,
            phase: "stream",
            seconds: idle.as_secs(),
        }),
    }
}

/// What a server makes of a request stream that breaks: the caller is gone.
pub(crate) fn vanished(role: Role, status: &Status) -> Error {
    Error::Vanished {
        role,
        reason: status.message().to_owned(),
    }
}
