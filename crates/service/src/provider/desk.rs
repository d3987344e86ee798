//! What the calls of queriers do.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use blindjoin_journal::Journal;
use blindjoin_protocol::Role;
use blindjoin_protocol::agree::{Answer, Manifest, Offer, Policy, Published};
use blindjoin_protocol::session::{Event, Message, Own, ProviderSession};
use tokio::sync::mpsc;
use tracing::info;

use super::budget::Budget;
use super::negotiations::{Negotiations, Pending};
use super::publisher::Publisher;
use super::registry::Served;
use super::rooms::Rooms;
use super::session::{self, Open};
use crate::client::{Connection, Peer};
use crate::drive::{Driven, Nowhere, Port};
use crate::server::{Call, Caller};
use crate::sessions::{Sessions, short};
use crate::wire::key_holder_client::KeyHolderClient;
use crate::wire::{GetPublicKeyRequest, ProviderOpenSessionRequest};
use crate::{Error, Fingerprint, Identity, Refusal, drive, pool, random};

/// What the calls share.
pub(super) struct Desk {
    pub(super) budget: Arc<Budget>,
    pub(super) constant_time_tables: bool,
    pub(super) identity: Identity,
    pub(super) idle: std::time::Duration,
    pub(super) journal: Arc<Journal>,
    pub(super) keyholder: Peer,
    pub(super) negotiations: Negotiations,
    pub(super) policy: Policy,
    pub(super) publisher: Arc<Publisher>,
    /// Held while a new edition is made, so that it is made once.
    pub(super) publishing: tokio::sync::Mutex<()>,
    pub(super) rooms: Arc<Rooms>,
    pub(super) served: RwLock<Arc<Served>>,
    pub(super) sessions: Arc<Sessions<Open>>,
    pub(super) signer: Arc<blindjoin_protocol::agree::Signer>,
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Desk")
            .field("sessions", &self.sessions)
            .finish_non_exhaustive()
    }
}

impl Desk {
    /// What is published, and what concerns the caller alone.
    pub(super) async fn describe(&self, caller: Caller) -> Result<Vec<u8>, Error> {
        let served = self.served().await?;
        let (budget, now) = (self.budget.clone(), random::now());
        pool::step("describing what is published", move || {
            let published = own(&served, &budget, caller.fingerprint, now)?;
            Ok(published.encode())
        })
        .await?
    }

    /// Answers an offer. What it is answered from is what is published, the offer itself, and what
    /// the caller has spent: records are not looked at.
    pub(super) async fn answer(&self, caller: Caller, offer: Vec<u8>) -> Result<Answer, Error> {
        let served = self.served().await?;
        let (budget, policy, rooms) =
            (self.budget.clone(), self.policy.clone(), self.rooms.clone());
        let now = random::now();
        let pending = pool::step("answering an offer", move || {
            let mut offer = Offer::decode(&offer)?;
            let querier = caller.fingerprint;
            let published = own(&served, &budget, querier, now)?;
            let admitted = published.admit(&offer)?;
            policy.check(&offer.terms, &admitted.sizes, now)?;
            let room = rooms.enter(querier, &admitted.sizes)?;
            // The last step that can fail: what is charged is also answered.
            let answer = Answer::new(&mut random::generator()?);
            budget.charge(querier, &admitted.charge, &published, now)?;
            // They are in what was admitted, too.
            offer.blocks = None;
            Ok::<_, Error>(Pending {
                querier,
                offer,
                answer,
                admitted,
                served,
                room,
                since: Instant::now(),
            })
        })
        .await??;
        let answer = pending.answer.clone();
        let charge = &pending.admitted.charge;
        info!(
            querier = %caller.fingerprint,
            places = charge.places,
            lookups = charge.lookups,
            pairs = charge.pairs,
            "an offer was answered and charged"
        );
        self.negotiations.keep(pending);
        Ok(answer)
    }

    /// Opens the session of an answered offer.
    pub(super) async fn open(
        &self,
        call: &Call,
        caller: Caller,
        request: ProviderOpenSessionRequest,
    ) -> Result<Vec<u8>, Error> {
        let manifest = Manifest::decode(&request.manifest)?;
        let id = manifest.digest().0;
        call.is_about(id);
        let pending = self
            .negotiations
            .take(&manifest.provider_nonce, caller.fingerprint)?;
        manifest.check_negotiation(&pending.offer, &pending.answer, &pending.admitted)?;
        if manifest.parties.querier.0 != caller.public_key
            || manifest.parties.provider != self.signer.key()
        {
            return Err(Refusal::OtherParties.into());
        }
        let now = random::now();
        manifest.check(&self.policy, now)?;
        let (journal, expires) = (self.journal.clone(), manifest.terms.expires);
        pool::step("noting a session's id", move || {
            journal.use_id(&id, expires, now)
        })
        .await??;
        let started = Instant::now();
        let connection = Connection::open(&self.identity, Role::KeyHolder, &self.keyholder).await?;
        if manifest.parties.keyholder.0 != connection.public_key() {
            return Err(Refusal::OtherKeyHolder.into());
        }
        let mut keyholder = KeyHolderClient::new(connection.channel());
        let response = keyholder
            .get_public_key(GetPublicKeyRequest {
                manifest_sha256: id.to_vec(),
            })
            .await
            .map_err(|status| connection.error(&status))?;
        let (sizes, key_bits) = (manifest.sizes()?, manifest.terms.key_size.bits());
        let own = Own {
            identity: self.signer.clone(),
            secret: random::session_secret()?,
            pace: drive::pace(self.constant_time_tables),
            manifest,
        };
        let admitted = Arc::new(pending.admitted);
        let (served, terms) = (pending.served, own.manifest.terms.clone());
        let selecting = admitted.clone();
        let select = Arc::new(move || served.select(&terms, &selecting));
        let mut actions = Vec::new();
        let begun = ProviderSession::new(&own, select, &mut actions);
        let mut port = Opening { handshake: None };
        let feed = async |events: mpsc::Sender<Event>| {
            let message = |from, message| Event::Message { from, message };
            let greeting = Message::Handshake(request.handshake);
            drive::feed(&events, message(Role::Querier, greeting)).await;
            let key = Message::Announcement(response.into_inner().announcement);
            drive::feed(&events, message(Role::KeyHolder, key)).await;
            Ok(())
        };
        let driven = Driven {
            session: begun,
            actions,
        };
        let begun = drive::drive(driven, &mut port, &mut Nowhere, feed).await?;
        let handshake = port.handshake.ok_or(Error::SessionState)?;
        info!(
            session = %short(&id),
            querier = %caller.fingerprint,
            table = sizes.table_entries(),
            comparisons = sizes.comparison_ciphertexts(),
            key_bits,
            ms = started.elapsed().as_millis(),
            "session opened"
        );
        let session = Open::new(session::Parts {
            admitted,
            begun,
            caller: caller.fingerprint,
            connection,
            id,
            room: pending.room,
            sizes,
        });
        self.sessions.insert(id, Arc::new(session))?;
        Ok(handshake)
    }

    /// What is published and served now: a new edition from its date on.
    async fn served(&self) -> Result<Arc<Served>, Error> {
        let current = || {
            let served = self.served.read().unwrap_or_else(PoisonError::into_inner);
            served.clone()
        };
        let served = current();
        if random::now() < served.published.next {
            return Ok(served);
        }
        let _turn = self.publishing.lock().await;
        let (served, now) = (current(), random::now());
        if now < served.published.next {
            return Ok(served);
        }
        let publisher = self.publisher.clone();
        let publish = move || publisher.serve(now, false);
        let served = Arc::new(pool::compute("publishing", publish).await??);
        *self.served.write().unwrap_or_else(PoisonError::into_inner) = served.clone();
        Ok(served)
    }
}

/// A session whose querier is being greeted.
struct Opening {
    handshake: Option<Vec<u8>>,
}

impl Port for Opening {
    async fn send(&mut self, _: Role, message: Message) -> Result<(), Error> {
        let Message::Handshake(handshake) = message else {
            return Err(Error::SessionState);
        };
        self.handshake = Some(handshake);
        Ok(())
    }
}

/// What a querier is told.
fn own(
    served: &Served,
    budget: &Budget,
    caller: Fingerprint,
    now: u64,
) -> Result<Published, Error> {
    let mut rng = random::generator()?;
    Ok(Published {
        own: budget.own(caller, &served.published, now, &mut rng)?,
        ..served.published.clone()
    })
}
