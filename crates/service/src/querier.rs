//! The querier as a client of the other two.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use blindjoin_protocol::{
    Agreement, Allowance, Card, Channel, Error as ProtocolError, Handshake, Inbound,
    KeyAnnouncement, Manifest, Parties, Published, Querier, SessionSecret, Terms,
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt, once};

use crate::client::{Connection, Peer};
use crate::progress::{Figures, News, Observer, Phase};
use crate::wire::key_holder_client::KeyHolderClient;
use crate::wire::link_request::Part;
use crate::wire::link_response::Event;
use crate::wire::provider_client::ProviderClient;
use crate::wire::{
    Chunk, DescribeRequest, FetchResultRequest, KeyHolderOpenSessionRequest, LinkRequest,
    NegotiateRequest, ProviderOpenSessionRequest, SessionOpening,
};
use crate::{Error, Identity, Role, pool, random, stream};

mod question;

use question::Put;
pub use question::{Blocks, Cells, Question};

/// How long the provider may take to explain a failure that the key holder reports.
const EXPLANATION: Duration = Duration::from_secs(3);

/// The longest publication that is read, in bytes.
const LONGEST_PUBLICATION: usize = 64 << 20;

/// With whom, and how patiently, a querier links.
#[derive(Clone, Debug)]
pub struct Counterparts {
    /// The key holder.
    pub keyholder: Peer,
    /// The data provider.
    pub provider: Peer,
    /// How long to wait for a party that owes the next message.
    pub idle: Duration,
    /// Whether to read tables of powers at addresses that depend on nothing secret.
    pub constant_time_tables: bool,
}

/// What a linkage yields.
#[derive(Debug)]
pub struct Linked {
    /// The bingo card.
    pub card: Card,
    /// What it cost.
    pub figures: Figures,
    /// The rows, in order, that were not compared, or not under every rule, because their blocks are
    /// not offered, or were not named.
    pub left_out: Vec<u32>,
}

/// Asks a provider, on terms that suit the question.
///
/// # Errors
///
/// Whatever ends the session; nothing of the result is known then.
pub async fn link(
    identity: &Identity,
    counterparts: &Counterparts,
    terms: Terms,
    question: Question,
    observer: &dyn Observer,
) -> Result<Linked, Error> {
    // A session's state is some 20 kB, which need not lie on the caller's stack.
    Box::pin(run_session(
        identity,
        counterparts,
        terms,
        question,
        observer,
    ))
    .await
}

async fn run_session(
    identity: &Identity,
    counterparts: &Counterparts,
    terms: Terms,
    question: Question,
    observer: &dyn Observer,
) -> Result<Linked, Error> {
    let clock = Clock::new(observer);
    let (provider, keyholder) = tokio::try_join!(
        Connection::open(identity, Role::Provider, &counterparts.provider),
        Connection::open(identity, Role::KeyHolder, &counterparts.keyholder),
    )?;
    let both = Both {
        counterparts,
        identity,
        keyholder,
        provider,
    };
    let published = both.describe().await?;
    let (mut put, charge) = prepare(question, terms, &published).await?;
    published.own.check(&charge).map_err(ProtocolError::from)?;
    let manifest = both.negotiate(&put, &published).await?;
    let left_out = std::mem::take(&mut put.left_out);
    clock.begin(Phase::Keys);
    let opened = both.open(manifest).await?;
    clock.begin(Phase::Table);
    let figures = Figures {
        asked: put.len(),
        key_bits: opened.agreement.public_key().size().bits() as u64,
        table_entries: opened.agreement.sizes().table_entries(),
        comparisons: opened.agreement.sizes().comparison_ciphertexts(),
        provider_size: opened.agreement.manifest().provider_size,
        ..Figures::default()
    };
    let (card, figures) = both.run(opened, put, figures, &clock).await?;
    Ok(Linked {
        card,
        figures: Figures {
            phases: clock.finish(),
            ..figures
        },
        left_out,
    })
}

/// Puts a question, and checks before anybody is asked that the provider will agree: it says no
/// without a reason.
async fn prepare(
    question: Question,
    terms: Terms,
    published: &Arc<Published>,
) -> Result<(Put, Allowance), Error> {
    let published = published.clone();
    let mut generator = random::generator()?;
    let prepare = move || {
        let put = question.put(terms, &published, &mut generator)?;
        let charge = published.admit(&put.offer)?.charge;
        Ok::<_, ProtocolError>((put, charge))
    };
    Ok(pool::compute("choosing blocks", prepare).await??)
}

struct Both<'a> {
    counterparts: &'a Counterparts,
    identity: &'a Identity,
    keyholder: Connection,
    provider: Connection,
}

/// A session that all three parties have agreed on.
struct Opened {
    agreement: Agreement,
    handshake: Vec<u8>,
    secret: SessionSecret,
    to_keyholder: Channel,
    to_provider: Channel,
}

impl Both<'_> {
    /// Fetches what the provider publishes.
    async fn describe(&self) -> Result<Arc<Published>, Error> {
        let response = ProviderClient::new(self.provider.channel())
            .max_decoding_message_size(LONGEST_PUBLICATION)
            .describe(DescribeRequest {})
            .await
            .map_err(|status| self.provider.error(&status))?;
        let published = response.into_inner().published;
        let decode = move || Published::decode(&published);
        let published = pool::compute("reading what is published", decode).await??;
        Ok(Arc::new(published))
    }

    /// Yields the agreement.
    async fn negotiate(&self, put: &Put, published: &Published) -> Result<Manifest, Error> {
        let request = NegotiateRequest {
            offer: put.offer.encode(),
        };
        let response = ProviderClient::new(self.provider.channel())
            .negotiate(request)
            .await
            .map_err(|status| self.provider.error(&status))?;
        let answer = blindjoin_protocol::Answer::decode(&response.into_inner().answer)?;
        let parties = Parties {
            querier: blindjoin_protocol::Identity::from_seed(self.identity.seed()).key(),
            provider: blindjoin_protocol::IdentityKey(self.provider.public_key()),
            keyholder: blindjoin_protocol::IdentityKey(self.keyholder.public_key()),
        };
        Ok(Manifest::new(&put.offer, &answer, published, parties)?)
    }

    async fn open(&self, manifest: Manifest) -> Result<Opened, Error> {
        let bytes = manifest.encode();
        let request = KeyHolderOpenSessionRequest {
            manifest: bytes.clone(),
            provider_certificate_sha256: self
                .counterparts
                .provider
                .certificate_sha256
                .as_bytes()
                .to_vec(),
        };
        let response = KeyHolderClient::new(self.keyholder.channel())
            .open_session(request)
            .await
            .map_err(|status| self.keyholder.error(&status))?;
        let announcement = KeyAnnouncement::decode(&response.into_inner().announcement)?;
        let mut generator = random::generator()?;
        let constant_time = self.counterparts.constant_time_tables;
        let (agreement, keyholder) = pool::compute("checking the public key", move || {
            let (agreement, peer) = announcement.accept(manifest, &mut generator)?;
            Ok::<_, Error>((agreement.with_constant_time_tables(constant_time), peer))
        })
        .await??;
        let secret = random::session_secret()?;
        let signer = blindjoin_protocol::Identity::from_seed(self.identity.seed());
        let handshake = Handshake::sign(Role::Querier, &signer, &agreement, &secret).encode();
        let request = ProviderOpenSessionRequest {
            manifest: bytes,
            handshake: handshake.clone(),
        };
        let response = ProviderClient::new(self.provider.channel())
            .open_session(request)
            .await
            .map_err(|status| self.provider.error(&status))?;
        let provider = Handshake::decode(&response.into_inner().handshake)?
            .verify(Role::Provider, &agreement)?;
        Ok(Opened {
            to_keyholder: Channel::derive(&agreement, Role::Querier, &secret, &keyholder)?,
            to_provider: Channel::derive(&agreement, Role::Querier, &secret, &provider)?,
            agreement,
            handshake,
            secret,
        })
    }

    async fn run(
        &self,
        opened: Opened,
        put: Put,
        mut figures: Figures,
        clock: &Clock<'_>,
    ) -> Result<(Card, Figures), Error> {
        let id = opened.agreement.manifest_digest().0.to_vec();
        let join_keys = opened.to_provider.join_keys(opened.agreement.suite());
        let (agreement, secret) = (opened.agreement.clone(), opened.secret.clone());
        let querier = pool::compute("laying out the table", move || {
            put.lay_out(&agreement, join_keys, &secret)
        })
        .await??;
        let querier = Arc::new(querier);

        // The call for the result waits at the key holder from now on: when this party goes away,
        // so does the call, and the key holder frees the session.
        let opening = SessionOpening {
            manifest_sha256: id.clone(),
            handshake: opened.handshake.clone(),
        };
        let fetching = self.fetch(opening, querier.result_stream(&opened.to_keyholder));
        let linking = self.link(id, &querier, &opened.to_provider, clock);
        let ((payloads, result), (summary, table_bytes)) =
            both(fetching, linking, self.counterparts.idle).await?;
        clock.begin(Phase::Result);
        figures.table_bytes = table_bytes;
        figures.comparison_bytes =
            figures.comparisons * opened.agreement.sizes().comparisons().item_bytes() as u64;
        figures.result_bytes = payloads.iter().map(|payload| payload.len() as u64).sum();
        let card = pool::compute("opening the result", move || {
            let mut opening = querier.opening();
            for payload in &payloads {
                opening = opening.take(payload)?;
            }
            opening.finish(&result, &summary)
        })
        .await??;
        Ok((card, figures))
    }

    /// Fetches the result: its payloads, and the stream that brought them.
    async fn fetch(
        &self,
        opening: SessionOpening,
        inbound: Inbound,
    ) -> Result<(Vec<Vec<u8>>, Inbound), Error> {
        let request = FetchResultRequest {
            opening: Some(opening),
        };
        let response = KeyHolderClient::new(self.keyholder.channel())
            .fetch_result(request)
            .await
            .map_err(|status| self.keyholder.error(&status))?;
        let missing = || Error::Message {
            role: Role::KeyHolder,
            part: "chunk",
        };
        let chunks = response.into_inner().map(|message| match message {
            Ok(message) => message.chunk.ok_or_else(missing),
            Err(status) => Err(self.keyholder.error(&status)),
        });
        let mut payloads = Vec::new();
        let keep = Arc::new(|_, payload| Ok(payload));
        let inbound = stream::receive(
            inbound,
            chunks,
            (Role::KeyHolder, self.counterparts.idle),
            keep,
            |payload| {
                payloads.push(payload);
                Ok(())
            },
        )
        .await?;
        Ok((payloads, inbound))
    }

    /// Sends the table, follows the comparisons, and takes the provider's summary.
    async fn link(
        &self,
        id: Vec<u8>,
        querier: &Arc<Querier>,
        channel: &Channel,
        clock: &Clock<'_>,
    ) -> Result<(Inbound, u64), Error> {
        let (sender, receiver) = mpsc::channel(stream::QUEUE);
        let requests = once(LinkRequest {
            part: Some(Part::ManifestSha256(id)),
        })
        .chain(ReceiverStream::new(receiver).map(|chunk| LinkRequest {
            part: Some(Part::Chunk(chunk)),
        }));
        let outbound = querier.table_stream(channel);
        let role = querier.clone();
        let payload = Arc::new(move |number| role.table_chunk(number));
        let total = outbound.chunks();
        let mut bytes = 0;
        let sending = async {
            let sent = |done, length| {
                bytes += length;
                clock.observer.news(News::Done(Phase::Table, done, total));
            };
            let outcome = stream::send(outbound, payload, &sender, sent).await;
            // Ends the request stream.
            drop(sender);
            outcome
        };
        let receiving = async {
            let response = ProviderClient::new(self.provider.channel())
                .link(requests)
                .await
                .map_err(|status| self.provider.error(&status))?;
            let mut events = response.into_inner().map(|message| match message {
                Ok(message) => Ok(message.event),
                Err(status) => Err(self.provider.error(&status)),
            });
            self.follow(&mut events, clock).await
        };
        let (sent, summary) = tokio::join!(sending, receiving);
        // What the provider said explains why it took no more chunks.
        let summary = summary?;
        sent?;
        let inbound = querier.summary_stream(channel);
        let (inbound, _) = inbound.open(summary.number, &summary.sealed)?;
        Ok((inbound, bytes))
    }

    /// Follows the provider's progress to its end.
    async fn follow(
        &self,
        events: &mut (impl Stream<Item = Result<Option<Event>, Error>> + Unpin),
        clock: &Clock<'_>,
    ) -> Result<Chunk, Error> {
        loop {
            match stream::next(events, Role::Provider, self.counterparts.idle).await? {
                Some(Event::Progress(progress)) => {
                    if progress.compared > 0 {
                        clock.begin(Phase::Compare);
                    }
                    clock.observer.news(News::Done(
                        Phase::Compare,
                        progress.compared,
                        progress.total,
                    ));
                }
                Some(Event::Summary(chunk)) => return Ok(chunk),
                None => {
                    return Err(Error::Message {
                        role: Role::Provider,
                        part: "event",
                    });
                }
            }
        }
    }
}

/// Waits for the result and for the provider. When one fails, so does the other; the provider's
/// word is preferred, because the key holder drops a session for the provider's failures too.
async fn both<F, L>(
    fetching: impl Future<Output = Result<F, Error>>,
    linking: impl Future<Output = Result<L, Error>>,
    idle: Duration,
) -> Result<(F, L), Error> {
    let (mut fetching, mut linking) = (pin!(fetching), pin!(linking));
    tokio::select! {
        linked = &mut linking => {
            let linked = linked?;
            let fetched = tokio::time::timeout(idle, fetching).await;
            let late = |_| Error::Timeout { role: Role::KeyHolder, phase: "result", seconds: idle.as_secs() };
            Ok((fetched.map_err(late)??, linked))
        }
        fetched = &mut fetching => match fetched {
            Ok(fetched) => Ok((fetched, linking.await?)),
            Err(error) => match tokio::time::timeout(EXPLANATION, linking).await {
                Ok(Err(explanation)) => Err(explanation),
                _ => Err(error),
            },
        },
    }
}

/// Times the phases, and tells of them.
struct Clock<'a> {
    observer: &'a dyn Observer,
    times: Mutex<Times>,
}

struct Times {
    began: Instant,
    phase: Phase,
    phases: Vec<(Phase, Duration)>,
}

impl<'a> Clock<'a> {
    fn new(observer: &'a dyn Observer) -> Self {
        observer.news(News::Begun(Phase::Negotiate));
        let times = Times {
            began: Instant::now(),
            phase: Phase::Negotiate,
            phases: Vec::new(),
        };
        Self {
            observer,
            times: Mutex::new(times),
        }
    }

    /// Begins a phase, unless it has begun.
    fn begin(&self, phase: Phase) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if times.phase == phase {
            return;
        }
        let ended = (times.phase, times.began.elapsed());
        times.phases.push(ended);
        (times.phase, times.began) = (phase, Instant::now());
        self.observer.news(News::Begun(phase));
    }

    fn finish(self) -> Vec<(Phase, Duration)> {
        let Times {
            began,
            phase,
            mut phases,
        } = self
            .times
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        phases.push((phase, began.elapsed()));
        phases
    }
}
