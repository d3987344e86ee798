//! One session at the provider.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use blindjoin_protocol::Error as ProtocolError;
use blindjoin_protocol::agree::{Admitted, Sizes};
use blindjoin_protocol::input::BlockDirectory;
use blindjoin_protocol::session::{Event, Message, Outcome, ProviderSession, StreamKind};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt, once};
use tonic::Status;
use tracing::info;

use super::rooms::Room;
use crate::client::Connection;
use crate::drive::{self, Nowhere, Port};
use crate::fingerprint::hex;
use crate::sessions::{Id, Session, short};
use crate::wire::key_holder_client::KeyHolderClient;
use crate::wire::link_response::Event as News;
use crate::wire::submit_comparisons_request::Part;
use crate::wire::{Chunk, LinkResponse, Progress, SessionOpening, SubmitComparisonsRequest};
use crate::{Error, Fingerprint, Role, stream};

/// What a session is made of.
pub(super) struct Parts {
    pub(super) admitted: Arc<Admitted>,
    pub(super) begun: ProviderSession,
    pub(super) caller: Fingerprint,
    pub(super) connection: Connection,
    pub(super) id: Id,
    pub(super) room: Room,
    pub(super) sizes: Sizes,
}

/// A session between its opening and its end.
pub(super) struct Open {
    pub(super) querier: Fingerprint,
    abandoned: watch::Sender<bool>,
    admitted: Arc<Admitted>,
    /// Until the one linkage begins that the session has.
    begun: Mutex<Option<ProviderSession>>,
    connection: Connection,
    id: Id,
    /// Held until the session's memory is free again.
    _room: Room,
    sizes: Sizes,
}

impl Open {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            querier: parts.caller,
            abandoned: watch::Sender::new(false),
            admitted: parts.admitted,
            begun: Mutex::new(Some(parts.begun)),
            connection: parts.connection,
            id: parts.id,
            _room: parts.room,
            sizes: parts.sizes,
        }
    }

    /// The name of the session.
    pub(super) fn id(&self) -> Id {
        self.id
    }

    /// Begins the one linkage that the session has.
    ///
    /// # Errors
    ///
    /// [`Error::SessionState`] for a second one.
    pub(super) fn begin(&self) -> Result<ProviderSession, Error> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        begun.take().ok_or(Error::SessionState)
    }

    /// Whether a session failed because a hashed block holds more keys than its bound.
    pub(super) fn is_overfull(&self, error: &Error) -> bool {
        let blocks = self.admitted.blocks.as_ref();
        let too_many = matches!(error, Error::Protocol(ProtocolError::TooMany { .. }));
        too_many && blocks.is_some_and(BlockDirectory::is_hashed)
    }

    /// Resolves when the session has been abandoned.
    pub(super) async fn abandoned(&self) {
        // The sender lives as long as this session, so waiting cannot fail.
        if self
            .abandoned
            .subscribe()
            .wait_for(|abandoned| *abandoned)
            .await
            .is_err()
        {}
    }

    /// Takes the table, sends the comparisons to the key holder, and yields the summary for the
    /// querier. `touch` is called whenever the session goes on.
    pub(super) async fn link(
        &self,
        begun: ProviderSession,
        mut chunks: impl Stream<Item = Result<Chunk, Error>> + Unpin,
        events: &Events,
        (idle, touch): (Duration, impl Fn() + Sync),
    ) -> Result<Chunk, Error> {
        let (sender, receiver) = mpsc::channel(stream::QUEUE);
        let (met, meeting) = oneshot::channel();
        let (due, total) = (
            self.sizes.table().chunks(),
            self.sizes.comparisons().chunks(),
        );
        let mut port = Linking {
            id: self.id,
            events,
            touch: &touch,
            total,
            met: Some(met),
            to_keyholder: sender,
            summary: None,
            since: Instant::now(),
        };
        let feed = async |to: mpsc::Sender<Event>| {
            for _ in 0..due {
                let chunk = stream::next(&mut chunks, Role::Querier, idle).await?;
                tell(events, 0, total);
                let chunk = drive::arrived(Role::Querier, StreamKind::Table, chunk);
                drive::feed(&to, chunk).await;
            }
            // Where the comparisons do not begin, the session tells why.
            if let Ok(handshake) = meeting.await {
                self.submit(handshake, receiver).await?;
                let (stream, next) = (StreamKind::Comparisons, total);
                drive::feed(&to, Event::Accepted { stream, next }).await;
            }
            Ok(())
        };
        drive::drive(begun.into(), &mut port, &mut Nowhere, feed).await?;
        port.summary.ok_or(Error::SessionState)
    }

    /// Streams all comparisons to the key holder, which verifies them while more are computed.
    async fn submit(&self, handshake: Vec<u8>, chunks: mpsc::Receiver<Chunk>) -> Result<(), Error> {
        let opening = SessionOpening {
            manifest_sha256: self.id.to_vec(),
            handshake,
        };
        let opening = once(Part::Opening(opening));
        // It ends where the comparisons do: no session sends another.
        let due = usize::try_from(self.sizes.comparisons().chunks()).unwrap_or(usize::MAX);
        let chunks = ReceiverStream::new(chunks).take(due).map(Part::Chunk);
        let requests = opening.chain(chunks);
        let requests = requests.map(|part| SubmitComparisonsRequest { part: Some(part) });
        KeyHolderClient::new(self.connection.channel())
            .submit_comparisons(requests)
            .await
            .map_err(|status| self.connection.error(&status))?;
        Ok(())
    }
}

/// Where the querier's progress display is fed from.
pub(super) type Events = mpsc::Sender<Result<LinkResponse, Status>>;

/// The provider while it links.
struct Linking<'a, F> {
    id: Id,
    events: &'a Events,
    touch: &'a F,
    /// The chunks of comparisons.
    total: u64,
    /// Takes the handshake that the call to the key holder begins with.
    met: Option<oneshot::Sender<Vec<u8>>>,
    to_keyholder: mpsc::Sender<Chunk>,
    summary: Option<Chunk>,
    since: Instant,
}

impl<F: Fn() + Sync> Port for Linking<'_, F> {
    async fn send(&mut self, to: Role, message: Message) -> Result<(), Error> {
        match (to, message) {
            (_, Message::Handshake(handshake)) => {
                let ms = self.since.elapsed().as_millis();
                info!(session = %short(&self.id), ms, "table complete, comparisons prepared");
                self.since = Instant::now();
                if let Some(met) = self.met.take() {
                    drop(met.send(handshake));
                }
                Ok(())
            }
            (Role::KeyHolder, message) => {
                let chunk = drive::chunk(message)?;
                let done = chunk.number + 1;
                let role = Role::KeyHolder;
                let sending = self.to_keyholder.send(chunk).await;
                sending.map_err(|_| Error::Truncated { role })?;
                tell(self.events, done, self.total);
                Ok(())
            }
            (_, message) => {
                self.summary = Some(drive::chunk(message)?);
                Ok(())
            }
        }
    }

    fn reveal(&mut self, outcome: Outcome) {
        if let Outcome::Compared(account) = outcome {
            info!(
                session = %short(&self.id),
                comparisons = account.ciphertexts,
                transcript = %hex(&account.digest.0),
                ms = self.since.elapsed().as_millis(),
                "comparisons sent"
            );
        }
    }

    fn goes_on(&mut self) {
        (self.touch)();
    }
}

/// Tells the querier how far the comparisons are, which depends on public sizes only. News that
/// finds no room is dropped: the next is newer.
fn tell(events: &Events, compared: u64, total: u64) {
    let event = Some(News::Progress(Progress { compared, total }));
    if events.try_send(Ok(LinkResponse { event })).is_err() {}
}

impl Session for Open {
    fn abandon(&self) {
        self.abandoned.send_replace(true);
    }
}
