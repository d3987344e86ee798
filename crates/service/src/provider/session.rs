//! One session at the provider.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use blindjoin_protocol::{
    Account, Admitted, Agreement, BlockDirectory, Channel, EncryptedTable, Peer, Provider,
    SessionSecret, TableIntake,
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt, once};
use tonic::Status;
use tracing::info;

use super::registry::Served;
use super::rooms::Room;
use crate::client::Connection;
use crate::fingerprint::hex;
use crate::sessions::{Id, Session, short};
use crate::wire::key_holder_client::KeyHolderClient;
use crate::wire::link_response::Event;
use crate::wire::submit_comparisons_request::Part;
use crate::wire::{Chunk, LinkResponse, Progress, SessionOpening, SubmitComparisonsRequest};
use crate::{Error, Fingerprint, Role, pool, stream};

/// What a session is made of.
pub(super) struct Parts {
    pub(super) admitted: Arc<Admitted>,
    pub(super) agreement: Agreement,
    pub(super) caller: Fingerprint,
    pub(super) connection: Connection,
    pub(super) handshake: Vec<u8>,
    pub(super) keyholder: Peer,
    pub(super) querier: Peer,
    #[expect(dead_code, reason = "held until the session's memory is free again")]
    pub(super) room: Room,
    pub(super) secret: SessionSecret,
    pub(super) served: Arc<Served>,
}

/// A session between its opening and its end.
pub(super) struct Open {
    pub(super) querier: Fingerprint,
    abandoned: watch::Sender<bool>,
    begun: AtomicBool,
    parts: Parts,
}

impl Open {
    pub(super) fn new(parts: Parts) -> Self {
        Self {
            querier: parts.caller,
            abandoned: watch::Sender::new(false),
            begun: AtomicBool::new(false),
            parts,
        }
    }

    /// The name of the session.
    pub(super) fn id(&self) -> Id {
        self.parts.agreement.manifest_digest().0
    }

    /// Begins the one linkage that the session has.
    ///
    /// # Errors
    ///
    /// [`Error::SessionState`] for a second one.
    pub(super) fn begin(&self) -> Result<(), Error> {
        if self.begun.swap(true, Ordering::Relaxed) {
            Err(Error::SessionState)
        } else {
            Ok(())
        }
    }

    /// Whether a session failed because a hashed block holds more keys than its bound.
    pub(super) fn is_overfull(&self, error: &Error) -> bool {
        let blocks = self.parts.admitted.blocks.as_ref();
        let too_many = matches!(
            error,
            Error::Protocol(blindjoin_protocol::Error::TooMany { .. })
        );
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
        chunks: impl Stream<Item = Result<Chunk, Error>> + Unpin,
        events: &Events,
        idle: Duration,
        touch: impl Fn(),
    ) -> Result<Chunk, Error> {
        let Parts {
            admitted,
            agreement,
            keyholder,
            querier,
            secret,
            served,
            ..
        } = &self.parts;
        let to_querier = Channel::derive(agreement, Role::Provider, secret, querier)?;
        let to_keyholder = Channel::derive(agreement, Role::Provider, secret, keyholder)?;
        let jobs = {
            let (agreement, secret) = (agreement.clone(), secret.clone());
            let (served, admitted) = (served.clone(), admitted.clone());
            let join_keys = to_querier.join_keys(agreement.suite());
            pool::compute("preparing the comparisons", move || {
                let selected = served.select(&agreement.manifest().terms, &admitted)?;
                Ok::<_, Error>(selected.jobs(&agreement, &join_keys, &secret)?)
            })
        };
        let started = Instant::now();
        let table = self
            .take_table(chunks, &to_querier, events, idle, &touch)
            .await?;
        let jobs = jobs.await??;
        info!(session = %short(&self.id()), ms = started.elapsed().as_millis(), "table complete");
        let started = Instant::now();
        let provider = {
            let (agreement, secret) = (agreement.clone(), secret.clone());
            let join_keys = to_querier.join_keys(agreement.suite());
            pool::compute("preparing the comparisons", move || {
                Provider::new(&agreement, join_keys, jobs, table, &secret)
            })
            .await?
        };
        let provider = Arc::new(provider);
        let account = self
            .compare(&provider, &to_keyholder, events, &touch)
            .await?;
        info!(
            session = %short(&self.id()),
            comparisons = account.ciphertexts,
            transcript = %hex(&account.digest.0),
            ms = started.elapsed().as_millis(),
            "comparisons sent"
        );
        Ok(Chunk {
            number: 0,
            sealed: provider.summary(&to_querier, account)?,
        })
    }

    async fn take_table(
        &self,
        mut chunks: impl Stream<Item = Result<Chunk, Error>> + Unpin,
        channel: &Channel,
        events: &Events,
        idle: Duration,
        touch: &impl Fn(),
    ) -> Result<EncryptedTable, Error> {
        let agreement = &self.parts.agreement;
        let total = agreement.sizes().comparisons().chunks();
        let intake = TableIntake::new(agreement);
        let mut inbound = intake.stream(channel);
        // One chunk is checked while the next is received and opened.
        let mut checking: BoxedIntake = Box::pin(std::future::ready(Ok(Ok(intake))));
        while !inbound.is_closed() {
            let chunk = stream::next(&mut chunks, Role::Querier, idle).await?;
            touch();
            tell(events, 0, total);
            let payload;
            (inbound, payload) = pool::step("opening a chunk", move || {
                inbound.open(chunk.number, &chunk.sealed)
            })
            .await??;
            let intake = checking.await??;
            let (agreement, number) = (agreement.clone(), chunk.number);
            checking = Box::pin(pool::compute("checking a chunk", move || {
                intake.take(&TableIntake::check(&agreement, number, &payload)?)
            }));
        }
        let intake = checking.await??;
        let complete = move || Ok::<_, Error>(EncryptedTable::new(intake.finish(&inbound)?));
        pool::compute("completing the table", complete).await?
    }

    /// Streams all comparisons to the key holder, which verifies them while more are computed.
    async fn compare(
        &self,
        provider: &Arc<Provider>,
        channel: &Channel,
        events: &Events,
        touch: &impl Fn(),
    ) -> Result<Account, Error> {
        let Parts {
            connection,
            handshake,
            ..
        } = &self.parts;
        let opening = SessionOpening {
            manifest_sha256: self.id().to_vec(),
            handshake: handshake.clone(),
        };
        let (sender, receiver) = mpsc::channel(stream::QUEUE);
        let requests = once(SubmitComparisonsRequest {
            part: Some(Part::Opening(opening)),
        })
        .chain(
            ReceiverStream::new(receiver).map(|chunk| SubmitComparisonsRequest {
                part: Some(Part::Chunk(chunk)),
            }),
        );
        let role = provider.clone();
        let payload = Arc::new(move |number| role.compare(number));
        let outbound = provider.comparison_stream(channel);
        let total = outbound.chunks();
        let sending = async {
            let sent = |done, _| {
                touch();
                tell(events, done, total);
            };
            let outcome = stream::send(outbound, payload, &sender, sent).await;
            // Ends the request stream.
            drop(sender);
            outcome
        };
        let mut keyholder = KeyHolderClient::new(connection.channel());
        let submitting = async {
            keyholder
                .submit_comparisons(requests)
                .await
                .map_err(|status| connection.error(&status))
        };
        let (sent, submitted) = tokio::join!(sending, submitting);
        // What the key holder said explains why it took no more chunks.
        submitted?;
        Ok(sent?.account()?)
    }
}

/// Where the querier's progress display is fed from.
pub(super) type Events = mpsc::Sender<Result<LinkResponse, Status>>;

type BoxedIntake = std::pin::Pin<
    Box<dyn Future<Output = Result<Result<TableIntake, blindjoin_protocol::Error>, Error>> + Send>,
>;

/// Tells the querier how far the comparisons are, which depends on public sizes only. News that
/// finds no room is dropped: the next is newer.
fn tell(events: &Events, compared: u64, total: u64) {
    let event = Some(Event::Progress(Progress { compared, total }));
    if events.try_send(Ok(LinkResponse { event })).is_err() {}
}

impl Session for Open {
    fn abandon(&self) {
        self.abandoned.send_replace(true);
    }
}
