//! The querier as a client of the other two.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use blindjoin_protocol::{
    Agreement, Allowance, Card, Channel, Error as ProtocolError, Handshake, Identity as Signer,
    IdentityKey, KeyAnnouncement, Manifest, Parties, Published, SessionSecret, Terms, leakage,
};

use crate::client::{Connection, Peer};
use crate::progress::{Figures, Observer, Phase};
use crate::{Error, Identity, Role, pool, random};

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
    let (mut put, charge) = prepare(question, terms, &published).await?;
    published.own.check(&charge).map_err(ProtocolError::from)?;
    // A place first: what is negotiated is charged, whether or not the key holder has one.
    let key_bits = put.offer.terms.key_size.bits();
    let reservation = keyholder.reserve(key_bits).await?;
    let answer = provider.negotiate(&put.offer).await?;
    let manifest = Manifest::new(&put.offer, &answer, &published, parties)?;
    let (left_out, named) = (std::mem::take(&mut put.left_out), put.named.take());
    clock.begin(Phase::Keys);
    let constant_time = counterparts.constant_time_tables;
    let opening = keyholder.open(reservation, manifest.encode());
    let opened = open(&provider, opening, manifest, &signer, constant_time).await?;
    clock.begin(Phase::Table);
    let figures = Figures {
        asked: put.len(),
        key_bits: opened.agreement.public_key().size().bits() as u64,
        table_entries: opened.agreement.sizes().table_entries(),
        comparisons: opened.agreement.sizes().comparison_ciphertexts(),
        provider_size: opened.agreement.manifest().provider_size,
        ..Figures::default()
    };
    let agreement = opened.agreement.clone();
    let (card, figures) = run(provider, &keyholder, opened, put, figures, &clock).await?;
    Ok(Linked {
        card,
        figures: Figures {
            phases: clock.finish(),
            ..figures
        },
        left_out,
        agreement,
        named,
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

/// A session that all three parties have agreed on.
struct Opened {
    agreement: Agreement,
    handshake: Vec<u8>,
    secret: SessionSecret,
    to_keyholder: Channel,
    to_provider: Channel,
}

async fn open(
    provider: &ToProvider,
    opening: impl Future<Output = Result<KeyAnnouncement, Error>>,
    manifest: Manifest,
    signer: &Signer,
    constant_time_tables: bool,
) -> Result<Opened, Error> {
    let bytes = manifest.encode();
    let announcement = opening.await?;
    let mut generator = random::generator()?;
    let (agreement, keyholder_peer) = pool::compute("checking the public key", move || {
        let (agreement, peer) = announcement.accept(manifest, &mut generator)?;
        let agreement = agreement.with_constant_time_tables(constant_time_tables);
        Ok::<_, Error>((agreement, peer))
    })
    .await??;
    let secret = random::session_secret()?;
    let handshake = Handshake::sign(Role::Querier, signer, &agreement, &secret).encode();
    let provider_peer = provider
        .open(bytes, handshake.clone())
        .await?
        .verify(Role::Provider, &agreement)?;
    Ok(Opened {
        to_keyholder: Channel::derive(&agreement, Role::Querier, &secret, &keyholder_peer)?,
        to_provider: Channel::derive(&agreement, Role::Querier, &secret, &provider_peer)?,
        agreement,
        handshake,
        secret,
    })
}

async fn run(
    provider: ToProvider,
    keyholder: &ToKeyHolder,
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

    // The call for the result waits at the key holder from now on: when this party goes away, so
    // does the call, and the key holder frees the session.
    let inbound = querier.result_stream(&opened.to_keyholder);
    let fetching = keyholder.fetch(id.clone(), opened.handshake, inbound);
    let linking = async {
        let linked = provider.link(id, &querier, &opened.to_provider, clock);
        let linked = linked.await;
        // The provider sees this party leave at the same moment whatever the key holder says.
        drop(provider);
        linked
    };
    let idle = keyholder.idle();
    let ((payloads, result), (summary, table_bytes)) = both(fetching, linking, idle).await?;
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
        let (ended, end) = tokio::sync::oneshot::channel();
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
