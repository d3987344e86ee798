//! The querier as a client of the other two.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use blindjoin_protocol::agree::{
    Agreement, Allowance, IdentityKey, Manifest, Parties, Published, Signer, Terms,
};
use blindjoin_protocol::session::{Event, Message, Outcome, Own, QuerierSession, StreamKind};
use blindjoin_protocol::{Card, Error as ProtocolError, leakage};
use tokio::sync::{mpsc, oneshot};

use crate::client::{Connection, Peer};
use crate::drive::{Driven, Nowhere, Port};
use crate::progress::{Figures, News, Observer, Phase};
use crate::wire::Chunk;
use crate::{Error, Identity, Role, drive, pool, random, stream};

mod clock;
mod keyholder;
mod provider;
mod question;

use clock::Clock;
use keyholder::ToKeyHolder;
use provider::ToProvider;
use question::Put;
pub use question::{Blocks, Cells, Question};

/// How long the provider may take to explain a failure that the key holder reports.
const EXPLANATION: Duration = Duration::from_secs(3);

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
    /// What was agreed.
    pub agreement: Agreement,
    /// The blocks that the provider was told, if there were some.
    pub named: Option<leakage::Named>,
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
    let signer = Signer::from_seed(identity.seed());
    let parties = Parties {
        querier: signer.key(),
        provider: IdentityKey(provider.public_key()),
        keyholder: IdentityKey(keyholder.public_key()),
    };
    parties.check()?;
    let idle = counterparts.idle;
    let provider = ToProvider::new(provider, idle);
    let keyholder = ToKeyHolder::new(keyholder, counterparts.provider.certificate_sha256, idle);

    let published = provider.describe().await?;
    let (put, charge) = prepare(question, terms, &published).await?;
    published.own.check(&charge).map_err(ProtocolError::from)?;
    // A place first: what is negotiated is charged, whether or not the key holder has one.
    let key_bits = put.offer.terms.key_size.bits();
    let reservation = keyholder.reserve(key_bits).await?;
    let answer = provider.negotiate(&put.offer).await?;
    let manifest = Manifest::new(&put.offer, &answer, &published, parties)?;
    clock.begin(Phase::Keys);
    let (bytes, sizes) = (manifest.encode(), manifest.sizes()?);
    let announcement = keyholder.open(reservation, bytes.clone()).await?;
    let figures = Figures {
        asked: put.len(),
        key_bits: manifest.terms.key_size.bits() as u64,
        table_entries: sizes.table_entries(),
        comparisons: sizes.comparison_ciphertexts(),
        provider_size: manifest.provider_size,
        ..Figures::default()
    };
    let own = Own {
        identity: Arc::new(signer),
        secret: random::session_secret()?,
        pace: drive::pace(counterparts.constant_time_tables),
        manifest: manifest.clone(),
    };
    let mut actions = Vec::new();
    let session = QuerierSession::new(&own, put.question, &mut actions);
    let driven = Driven { session, actions };
    let (session, handshake) = greet(driven, announcement).await?;
    let agreement = session.agreement().ok_or(Error::SessionState)?.clone();
    let handshake = provider.open(bytes, handshake).await?;
    clock.begin(Phase::Table);
    let (card, figures) = run(session, handshake, (provider, &keyholder), figures, &clock).await?;
    Ok(Linked {
        card,
        figures: Figures {
            phases: clock.finish(),
            ..figures
        },
        left_out: put.left_out,
        agreement,
        named: put.named,
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

/// Has the key holder's key checked; yields what this party then says to the provider.
async fn greet(
    driven: Driven<QuerierSession>,
    announcement: Vec<u8>,
) -> Result<(QuerierSession, Vec<u8>), Error> {
    let mut port = Greeting { handshake: None };
    let feed = async |events: mpsc::Sender<Event>| {
        let from = Role::KeyHolder;
        let message = Message::Announcement(announcement);
        drive::feed(&events, Event::Message { from, message }).await;
        Ok(())
    };
    let session = drive::drive(driven, &mut port, &mut Nowhere, feed).await?;
    let handshake = port.handshake.ok_or(Error::SessionState)?;
    Ok((session, handshake))
}

struct Greeting {
    handshake: Option<Vec<u8>>,
}

impl Port for Greeting {
    async fn send(&mut self, _: Role, message: Message) -> Result<(), Error> {
        let Message::Handshake(handshake) = message else {
            return Err(Error::SessionState);
        };
        self.handshake = Some(handshake);
        Ok(())
    }
}

async fn run(
    session: QuerierSession,
    handshake: Vec<u8>,
    (provider, keyholder): (ToProvider, &ToKeyHolder),
    mut figures: Figures,
    clock: &Clock<'_>,
) -> Result<(Card, Figures), Error> {
    let agreement = session.agreement().ok_or(Error::SessionState)?;
    let (id, sizes) = (agreement.manifest_digest().0.to_vec(), *agreement.sizes());
    let (to_provider, chunks) = mpsc::channel(stream::QUEUE);
    let (greet, greeting) = oneshot::channel();
    let mut port = Asking {
        to_provider: Some(to_provider),
        to_keyholder: Some(greet),
        clock,
        total: sizes.table().chunks(),
        table_bytes: 0,
        card: None,
    };
    let result_bytes = &mut figures.result_bytes;
    let feed = async |events: mpsc::Sender<Event>| {
        let from = Role::Provider;
        let message = Message::Handshake(handshake);
        drive::feed(&events, Event::Message { from, message }).await;
        // Where there is no table, the session tells why.
        let Ok(handshake) = greeting.await else {
            return Ok(());
        };
        // The call for the result waits at the key holder from now on: when this party goes away, so
        // does the call, and the key holder frees the session.
        let fetching = keyholder.fetch(id.clone(), handshake);
        let linking = async {
            let linked = provider.link(id.clone(), chunks, clock).await;
            // The provider sees this party leave at the same moment whatever the key holder says.
            drop(provider);
            linked
        };
        let idle = keyholder.idle();
        let (mut result, summary) = both(fetching, linking, idle).await?;
        clock.begin(Phase::Result);
        let summary = drive::arrived(from, StreamKind::Summary, summary);
        drive::feed(&events, summary).await;
        loop {
            let chunk = stream::next(&mut result, Role::KeyHolder, idle).await?;
            *result_bytes += chunk.sealed.len() as u64;
            let chunk = drive::arrived(Role::KeyHolder, StreamKind::Result, chunk);
            let last = matches!(&chunk, Event::Message { message, .. } if message.is_last());
            drive::feed(&events, chunk).await;
            if last {
                return Ok(());
            }
        }
    };
    drive::drive(session.into(), &mut port, &mut Nowhere, feed).await?;
    figures.table_bytes = port.table_bytes;
    let card = port.card.ok_or(Error::SessionState)?;
    figures.comparison_bytes = figures.comparisons * sizes.comparisons().item_bytes() as u64;
    Ok((*card, figures))
}

/// The querier while its table is on its way.
struct Asking<'a> {
    /// Ends the provider's stream when it is dropped.
    to_provider: Option<mpsc::Sender<Chunk>>,
    to_keyholder: Option<oneshot::Sender<Vec<u8>>>,
    clock: &'a Clock<'a>,
    /// The chunks of the table.
    total: u64,
    table_bytes: u64,
    card: Option<Box<Card>>,
}

impl Port for Asking<'_> {
    async fn send(&mut self, _: Role, message: Message) -> Result<(), Error> {
        if let Message::Handshake(handshake) = message {
            if let Some(greet) = self.to_keyholder.take() {
                drop(greet.send(handshake));
            }
            return Ok(());
        }
        let last = message.is_last();
        let chunk = drive::chunk(message)?;
        let (done, bytes) = (chunk.number + 1, chunk.sealed.len() as u64);
        let role = Role::Provider;
        let to = self.to_provider.as_ref().ok_or(Error::SessionState)?;
        to.send(chunk)
            .await
            .map_err(|_| Error::Truncated { role })?;
        if last {
            self.to_provider = None;
        }
        self.table_bytes += bytes;
        let news = News::Done(Phase::Table, done, self.total);
        self.clock.observer.news(news);
        Ok(())
    }

    fn reveal(&mut self, outcome: Outcome) {
        if let Outcome::Card(card) = outcome {
            self.card = Some(card);
        }
    }
}

/// Waits for the result and for the provider, whose word is preferred, because the key holder drops
/// a session for the provider's failures too.
///
/// What the key holder answers makes no difference to the provider: the session with it goes to its
/// end. Only a broken line to the key holder, which says nothing of the result, ends it early.
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
            Err(error @ Error::Lost { .. }) => match tokio::time::timeout(EXPLANATION, linking).await {
                Ok(Err(explanation)) => Err(explanation),
                _ => Err(error),
            },
            fetched => {
                let linked = linking.await?;
                Ok((fetched?, linked))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> Error {
        Error::Message {
            role: Role::KeyHolder,
            part: "test",
        }
    }

    /// The key holder's failure comes first, and the provider has its session to the end.
    #[tokio::test]
    async fn a_failure_at_the_key_holder_is_not_the_provider_s_to_see() {
        let (ended, end) = oneshot::channel();
        let mut served = false;
        let linking = async {
            end.await.unwrap();
            served = true;
            Ok(())
        };
        let fetching = async {
            // Fails at once; the provider goes on only later.
            tokio::spawn(async move { ended.send(()).unwrap() });
            Err::<(), _>(failed())
        };
        let outcome = both(fetching, linking, Duration::from_secs(9)).await;
        assert!(matches!(outcome, Err(Error::Message { .. })));
        assert!(served);
    }

    #[tokio::test]
    async fn the_provider_s_word_is_preferred() {
        let linking = std::future::ready(Err::<(), _>(Error::SessionState));
        let fetching = async {
            tokio::task::yield_now().await;
            Err::<(), _>(failed())
        };
        let outcome = both(fetching, linking, Duration::from_secs(9)).await;
        assert!(matches!(outcome, Err(Error::SessionState)));
    }
}
