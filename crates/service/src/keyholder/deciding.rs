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

use blindjoin_protocol::session::{Event, KeyHolderSession, Message, Outcome, StreamKind};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;
use tracing::{info, warn};

use super::session::Open;
use super::{Decided, Holder};
use crate::drive::{Nowhere, Port};
use crate::fingerprint::hex;
use crate::server::{Call, Caller};
use crate::sessions::{CloseOnDrop, Id, short};
use crate::wire::submit_comparisons_request::Part;
use crate::wire::{Chunk, FetchResultResponse, SessionOpening};
use crate::{Error, Refusal, Role, chain, drive, stream};

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
        KeyHolderSession::verify(&session.agreement, Role::Provider, &opening.handshake)?;
        let begun = session.begin()?;
        let guard = CloseOnDrop::new(&self.sessions, id);
        let chunks = parts.map(|part| match part? {
            Some(Part::Chunk(chunk)) => Ok(chunk),
            _ => Err(Error::Message {
                role: Role::Provider,
                part: "chunk",
            }),
        });
        let decided = tokio::select! {
            decided = self.decide(&session, begun, opening.handshake, chunks) => decided?,
            () = session.over() => return Err(Error::SessionState),
        };
        session.complete(decided);
        guard.keep();
        Ok(())
    }

    /// Decides the whole stream; nothing of it is released before the last chunk is in order.
    async fn decide(
        &self,
        session: &Open,
        begun: KeyHolderSession,
        handshake: Vec<u8>,
        mut chunks: impl Stream<Item = Result<Chunk, Error>> + Unpin,
    ) -> Result<KeyHolderSession, Error> {
        let mut port = Deciding {
            holder: self,
            id: session.agreement.manifest_digest().0,
            started: Instant::now(),
        };
        let (due, idle) = (session.agreement.sizes().comparisons().chunks(), self.idle);
        let feed = async |events: mpsc::Sender<Event>| {
            let from = Role::Provider;
            let message = Message::Handshake(handshake);
            drive::feed(&events, Event::Message { from, message }).await;
            for _ in 0..due {
                let chunk = stream::next(&mut chunks, from, idle).await?;
                let chunk = drive::arrived(from, StreamKind::Comparisons, chunk);
                drive::feed(&events, chunk).await;
            }
            Ok(())
        };
        let decided = drive::drive(begun.into(), &mut port, &mut Nowhere, feed).await?;
        if decided.has_decided() {
            Ok(decided)
        } else {
            Err(Error::SessionState)
        }
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
        KeyHolderSession::verify(&session.agreement, Role::Querier, &opening.handshake)?;
        let decided = session.decided().await?;
        let (sender, receiver) = mpsc::channel(stream::QUEUE);
        let (call, idle) = (call.clone(), self.idle);
        tokio::spawn(async move {
            let mut port = Delivering {
                answers: sender.clone(),
                idle,
                guard: Some(guard),
            };
            let feed = async |events: mpsc::Sender<Event>| {
                let from = Role::Querier;
                let message = Message::Handshake(opening.handshake);
                drive::feed(&events, Event::Message { from, message }).await;
                Ok(())
            };
            let delivered = drive::drive(decided.into(), &mut port, &mut Nowhere, feed).await;
            if let Err(error) = delivered {
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

/// The key holder while it decides: it has nothing to send.
struct Deciding<'a> {
    holder: &'a Holder,
    id: Id,
    started: Instant,
}

impl Port for Deciding<'_> {
    async fn send(&mut self, _: Role, _: Message) -> Result<(), Error> {
        Err(Error::SessionState)
    }

    fn reveal(&mut self, outcome: Outcome) {
        let Outcome::Decided {
            account,
            matches,
            failure,
        } = outcome
        else {
            return;
        };
        if let Some(failure) = failure {
            let reason = chain(&failure);
            warn!(session = %short(&self.id), %reason, "the session has failed");
        }
        info!(
            session = %short(&self.id),
            comparisons = account.ciphertexts,
            transcript = %hex(&account.digest.0),
            ms = self.started.elapsed().as_millis(),
            "stream decrypted"
        );
        let decided = Decided {
            comparisons: account.ciphertexts,
            matches,
        };
        self.holder.decided.send_replace(Some(decided));
    }

    fn goes_on(&mut self) {
        self.holder.sessions.touch(&self.id);
    }
}

/// The key holder while its result is on its way.
struct Delivering {
    answers: mpsc::Sender<Result<FetchResultResponse, Status>>,
    idle: Duration,
    guard: Option<CloseOnDrop<Open>>,
}

impl Port for Delivering {
    /// The session is over when the last chunk is on its way.
    async fn send(&mut self, _: Role, message: Message) -> Result<(), Error> {
        if message.is_last() {
            drop(self.guard.take());
        }
        let chunk = Some(drive::chunk(message)?);
        let sending = self.answers.send(Ok(FetchResultResponse { chunk }));
        match tokio::time::timeout(self.idle, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Error::Vanished {
                role: Role::Querier,
                reason: "it left before its result".to_owned(),
            }),
            Err(_) => Err(Error::Timeout {
                role: Role::Querier,
                phase: "result",
                seconds: self.idle.as_secs(),
            }),
        }
    }
}
