//! Streams of sealed chunks: a window of batches under way, in order, each side held back by the
//! other.
//!
//! Memory is bounded by the window on either side and by what HTTP/2 lets through unread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use blindjoin_protocol::{Inbound, LONGEST_CHUNK, Outbound};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use crate::wire::Chunk;
use crate::{Error, Role, pool};

/// How many sealed chunks may wait for the transport.
pub(crate) const QUEUE: usize = 4;

/// The largest message that carries a chunk, in bytes: the chunk, and room for how it is wrapped.
pub(crate) const LONGEST_MESSAGE: usize = LONGEST_CHUNK + 1024;

/// Computes the payloads of a stream several at once, seals them in order and hands them to `out`.
///
/// `sent` is told how many chunks have been handed over, and the bytes of the latest. The stream comes back closed.
///
/// # Errors
///
/// [`Error::Truncated`] if nobody takes the chunks any more; whoever reads from `out` knows why.
pub(crate) async fn send<F>(
    mut outbound: Outbound,
    payload: Arc<F>,
    out: &mpsc::Sender<Chunk>,
    mut sent: impl FnMut(u64, u64),
) -> Result<Outbound, Error>
where
    F: Fn(u64) -> Result<Vec<u8>, blindjoin_protocol::Error> + Send + Sync + 'static,
{
    let chunks = outbound.chunks();
    let mut pending = VecDeque::new();
    let mut begun = 0;
    loop {
        while begun < chunks && pending.len() < pool::window() {
            let (payload, number) = (payload.clone(), begun);
            pending.push_back(pool::compute("a batch", move || payload(number)));
            begun += 1;
        }
        let Some(front) = pending.pop_front() else {
            return Ok(outbound);
        };
        let payload = front.await??;
        let number = outbound.next();
        let sealed;
        (outbound, sealed) =
            pool::step("sealing a chunk", move || outbound.seal(&payload)).await??;
        let bytes = sealed.len() as u64;
        let chunk = Chunk { number, sealed };
        out.send(chunk).await.map_err(|_| Error::Truncated {
            role: Role::Provider,
        })?;
        sent(number + 1, bytes);
    }
}

/// Opens the chunks of a stream in order, works on several at once and hands over the results in
/// order. The stream comes back closed.
///
/// # Errors
///
/// [`Error::Timeout`] if `role` does not go on within `idle`, [`Error::Truncated`] if it stops
/// before the last chunk, and whatever its messages or the work yield.
pub(crate) async fn receive<T, F>(
    mut inbound: Inbound,
    mut chunks: impl Stream<Item = Result<Chunk, Error>> + Unpin,
    (role, idle): (Role, Duration),
    work: Arc<F>,
    mut take: impl FnMut(T) -> Result<(), Error>,
) -> Result<Inbound, Error>
where
    T: Send + 'static,
    F: Fn(u64, Vec<u8>) -> Result<T, blindjoin_protocol::Error> + Send + Sync + 'static,
{
    let mut pending = VecDeque::new();
    loop {
        while !inbound.is_closed() && pending.len() < pool::window() {
            let chunk = next(&mut chunks, role, idle).await?;
            let payload;
            (inbound, payload) = pool::step("opening a chunk", move || {
                inbound.open(chunk.number, &chunk.sealed)
            })
            .await??;
            let work = work.clone();
            pending.push_back(pool::compute("a batch", move || {
                work(chunk.number, payload)
            }));
        }
        let Some(front) = pending.pop_front() else {
            return Ok(inbound);
        };
        take(front.await??)?;
    }
}

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
