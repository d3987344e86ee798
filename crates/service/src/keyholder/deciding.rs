//! From the first comparison to the delivered result.
//!
//! # What a provider sees of it
//!
//! Whatever the comparisons hold, the stream is read to its agreed end at the same pace, and the
//! answer is the same empty message: ciphertexts out of range, decryptions that no comparison
//! yields, and too many matches make the session fail, which the querier alone is told, inside its
//! sealed result. So no provider learns anything of the querier's table by sending what it should
//! not.
//!
//! A stream that breaks off, stalls, or holds a chunk out of order or with a broken seal ends the
//! call at once. These are properties of what the provider itself has sent: it could work out
//! alone, without the key holder, that and where the call ends.

use std::sync::Arc;
use std::time::{Duration, Instant};

use blindjoin_protocol::{Channel, Handshake, Peer, Released, SecretKey};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use tracing::{info, warn};

use super::session::Open;
use super::{Decided, Holder};
use crate::fingerprint::hex;
use crate::server::{Call, Caller};
use crate::sessions::{CloseOnDrop, Id, short};
use crate::wire::submit_comparisons_request::Part;
use crate::wire::{Chunk, FetchResultResponse, SessionOpening};
use crate::{Error, Refusal, Role, chain, pool, stream};

impl Holder {
    pub(super) async fn submit(
        &self,
        call: &Call,
        caller: Caller,
        mut parts: impl Stream<Item = Result<Option<Part>, Error>> + Unpin,
    ) -> Result<(), Error> {
        let Some(Part::Opening(opening)) =
            stream::next(&mut parts, Role::Provider, self.idle).await?
        else {
            return Err(Error::Message {
                role: Role::Provider,
                part: "opening",
            });
        };
        let (id, session) = self.session_of_provider(call, caller, &opening.manifest_sha256)?;
        let provider =
            Handshake::decode(&opening.handshake)?.verify(Role::Provider, &session.agreement)?;
        let key = session.take_key()?;
        let guard = CloseOnDrop::new(&self.sessions, id);
        let chunks = parts.map(|part| match part? {
            Some(Part::Chunk(chunk)) => Ok(chunk),
            _ => Err(Error::Message {
                role: Role::Provider,
                part: "chunk",
            }),
        });
        let released = tokio::select! {
            released = self.decide(&session, key, &provider, chunks) => released?,
            () = session.over() => return Err(Error::SessionState),
        };
        session.complete(released);
        guard.keep();
        Ok(())
    }

    /// Decrypts the whole stream; nothing of it is released before the last chunk is in order.
    async fn decide(
        &self,
        session: &Open,
        key: Arc<SecretKey>,
        provider: &Peer,
        chunks: impl Stream<Item = Result<Chunk, Error>> + Unpin,
    ) -> Result<Released, Error> {
        let started = Instant::now();
        let id = session.agreement.manifest_digest().0;
        let channel = Channel::derive(
            &session.agreement,
            Role::KeyHolder,
            &session.secret,
            provider,
        )?;
        let role = Arc::new(blindjoin_protocol::KeyHolder::new(&session.agreement, key));
        let inbound = role.comparison_stream(&channel);
        let mut release = Some(role.release());
        let decide = Arc::new(move |number, payload: Vec<u8>| role.decide(number, &payload));
        let inbound = stream::receive(
            inbound,
            chunks,
            (Role::Provider, self.idle),
            decide,
            |verdicts| {
                self.sessions.touch(&id);
                release = release
                    .take()
                    .map(|release| release.take(verdicts))
                    .transpose()?;
                Ok(())
            },
        )
        .await?;
        let released = release.ok_or(Error::SessionState)?.finish(&inbound)?;
        if let Some(failure) = released.failure() {
            warn!(session = %short(&id), reason = %chain(failure), "the session has failed");
        }
        info!(
            session = %short(&id),
            comparisons = released.account().ciphertexts,
            transcript = %hex(&released.account().digest.0),
            ms = started.elapsed().as_millis(),
            "stream decrypted"
        );
        let decided = Decided {
            comparisons: released.account().ciphertexts,
            matches: released.matches(),
        };
        self.decided.send_replace(Some(decided));
        Ok(released)
    }

    pub(super) fn session_of_provider(
        &self,
        call: &Call,
        caller: Caller,
        id: &[u8],
    ) -> Result<(Id, Arc<Open>), Error> {
        let session = self.sessions.find(id)?;
        let id = session.agreement.manifest_digest().0;
        call.is_about(id);
        let agreed = session.agreement.manifest().parties.provider.0;
        if caller.fingerprint != session.provider || caller.public_key != agreed {
            return Err(Refusal::AnothersSession {
                role: Role::Provider,
            }
            .into());
        }
        Ok((id, session))
    }

    pub(super) async fn fetch(
        &self,
        call: &Arc<Call>,
        caller: Caller,
        opening: Option<SessionOpening>,
    ) -> Result<mpsc::Receiver<Result<FetchResultResponse, Status>>, Error> {
        let opening = opening.ok_or(Error::Message {
            role: Role::Querier,
            part: "opening",
        })?;
        let session = self.sessions.find(&opening.manifest_sha256)?;
        let id = session.agreement.manifest_digest().0;
        call.is_about(id);
        if caller.fingerprint != session.querier {
            return Err(Refusal::AnothersSession {
                role: Role::Querier,
            }
            .into());
        }
        let guard = CloseOnDrop::new(&self.sessions, id);
        let querier =
            Handshake::decode(&opening.handshake)?.verify(Role::Querier, &session.agreement)?;
        let channel = Channel::derive(
            &session.agreement,
            Role::KeyHolder,
            &session.secret,
            &querier,
        )?;
        let released = session.released().await?;
        let (sender, receiver) = mpsc::channel(stream::QUEUE);
        let (call, idle) = (call.clone(), self.idle);
        tokio::spawn(async move {
            if let Err(error) = deliver(released, &channel, (&sender, idle), guard).await {
                let status = call.refuse(&error);
                // The querier may have left; the log has the outcome.
                drop(tokio::time::timeout(idle, sender.send(Err(status))).await);
            } else {
                info!(session = %short(&id), "result handed over");
            }
        });
        Ok(receiver)
    }
}

type Answers = mpsc::Sender<Result<FetchResultResponse, Status>>;

/// Seals the result chunk by chunk. The session is over when the last one is on its way.
async fn deliver(
    released: Arc<Released>,
    channel: &Channel,
    (sender, idle): (&Answers, Duration),
    guard: CloseOnDrop<Open>,
) -> Result<(), Error> {
    let mut guard = Some(guard);
    let mut outbound = released.stream(channel);
    while outbound.next() < released.chunks() {
        let number = outbound.next();
        let payload = released.chunk(number)?;
        let sealed;
        (outbound, sealed) =
            pool::step("sealing a chunk", move || outbound.seal(&payload)).await??;
        let chunk = Some(Chunk { number, sealed });
        if outbound.next() == released.chunks() {
            drop(guard.take());
        }
        match tokio::time::timeout(idle, sender.send(Ok(FetchResultResponse { chunk }))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => {
                return Err(Error::Vanished {
                    role: Role::Querier,
                    reason: "it left before its result".to_owned(),
                });
            }
            Err(_) => {
                return Err(Error::Timeout {
                    role: Role::Querier,
                    phase: "result",
                    seconds: idle.as_secs(),
                });
            }
        }
    }
    Ok(())
}
