//! Three sessions in one thread: for examples, tests, benchmarks and whoever holds both registries.
//!
//! Nothing is stored, and messages arrive in the order in which they are sent.

use std::collections::VecDeque;
use std::sync::Arc;

use blindjoin_paillier::SecretKey;
use rand::CryptoRng;

use crate::card::Card;
use crate::error::Error;
use crate::manifest::{Manifest, Parties};
use crate::random::SessionSecret;
use crate::role::Role;
use crate::session::event::Session;
use crate::session::event::{Action, Event, Outcome, Own, Pace};
use crate::session::input::{Question, Selected};
use crate::session::keyholder::KeyHolderSession;
use crate::session::message::Message;
use crate::session::provider::ProviderSession;
use crate::session::querier::QuerierSession;
use crate::session::work::{Output, Ticket, Work};
use crate::signer::Signer;
use crate::stream::kind::{Account, StreamKind};

/// The three parties' identities and session secrets.
#[derive(Clone, Debug)]
pub struct People {
    /// In the order querier, provider, key holder.
    identities: [Arc<Signer>; 3],
    secrets: [SessionSecret; 3],
}

impl People {
    /// Draws all of them.
    pub fn draw(rng: &mut impl CryptoRng) -> Self {
        let mut seed = || {
            let mut seed = [0; 32];
            rng.fill_bytes(&mut seed);
            seed
        };
        let identities = [0; 3].map(|_| Signer::from_seed(&seed()));
        let secrets = [0; 3].map(|_| SessionSecret::from_bytes(seed()));
        Self::new(identities, secrets)
    }

    /// Yields these people, in the order querier, provider, key holder.
    pub fn new(identities: [Signer; 3], secrets: [SessionSecret; 3]) -> Self {
        let identities = identities.map(Arc::new);
        Self {
            identities,
            secrets,
        }
    }

    /// Yields whom a manifest must name.
    pub fn parties(&self) -> Parties {
        let [querier, provider, keyholder] = &self.identities;
        Parties {
            querier: querier.key(),
            provider: provider.key(),
            keyholder: keyholder.key(),
        }
    }

    /// Yields the secret from which everything random of one party follows.
    pub fn secret(&self, role: Role) -> &SessionSecret {
        &self.secrets[place(role)]
    }

    /// Yields what one of them is in a session.
    pub fn own(&self, role: Role, manifest: &Manifest, pace: Pace) -> Own {
        Own {
            identity: self.identities[place(role)].clone(),
            manifest: manifest.clone(),
            secret: self.secret(role).clone(),
            pace,
        }
    }
}

fn place(role: Role) -> usize {
    match role {
        Role::Querier => 0,
        Role::Provider => 1,
        Role::KeyHolder => 2,
    }
}

/// Sees what happens in a session, and may change it.
#[doc(hidden)]
pub trait Tap {
    /// Does a party's work.
    ///
    /// # Errors
    ///
    /// Those of the work, which end the session.
    fn work(&mut self, role: Role, ticket: Ticket, work: &Work) -> Result<Output, Error> {
        let (_, _) = (role, ticket);
        work.run()
    }

    /// Carries a message from one party to another.
    fn carry(&mut self, from: Role, to: Role, message: Message) -> Message {
        let (_, _) = (from, to);
        message
    }
}

impl Tap for () {}

/// What three parties have at the end of a session.
#[derive(Clone, Debug)]
pub struct Linked {
    /// The querier's card.
    pub card: Card,
    /// The stream of comparisons, as all of them account for it.
    pub account: Account,
    /// What the key holder counted: matches, canaries and dummies together; nothing where it is blind.
    pub counted: Option<u64>,
}

/// Runs a session from the manifest to the card.
///
/// # Errors
///
/// Whatever ends it, at whichever party that is.
pub fn link(
    people: &People,
    manifest: &Manifest,
    secret_key: Arc<SecretKey>,
    question: impl Into<Question>,
    selected: impl Into<Selected>,
) -> Result<Linked, Error> {
    link_tapped(people, manifest, secret_key, question, selected, &mut ())
}

/// [`link`] under the eyes of a [`Tap`].
#[doc(hidden)]
pub fn link_tapped(
    people: &People,
    manifest: &Manifest,
    secret_key: Arc<SecretKey>,
    question: impl Into<Question>,
    selected: impl Into<Selected>,
    tap: &mut impl Tap,
) -> Result<Linked, Error> {
    let mut actions = Vec::new();
    let mut queue = Queue::default();
    let own = |role| people.own(role, manifest, Pace::default());
    let mut querier = QuerierSession::new(&own(Role::Querier), question.into(), &mut actions);
    queue.carry_out(Role::Querier, &mut actions, tap);
    let selected = selected.into();
    let select = Arc::new(move || Ok(selected.clone()));
    let mut provider = ProviderSession::new(&own(Role::Provider), select, &mut actions);
    queue.carry_out(Role::Provider, &mut actions, tap);
    let mut keyholder = KeyHolderSession::new(&own(Role::KeyHolder), secret_key, &mut actions)?;
    queue.carry_out(Role::KeyHolder, &mut actions, tap);
    while let Some((role, event)) = queue.events.pop_front() {
        match role {
            Role::Querier => querier = querier.handle(event, &mut actions)?,
            Role::Provider => provider = provider.handle(event, &mut actions)?,
            Role::KeyHolder => keyholder = keyholder.handle(event, &mut actions)?,
        }
        queue.carry_out(role, &mut actions, tap);
    }
    let Queue {
        card,
        account,
        counted,
        ..
    } = queue;
    let (Some(card), Some(account)) = (card, account) else {
        return Err(Error::Disagreement);
    };
    Ok(Linked {
        card,
        account,
        counted,
    })
}

/// What is still to happen, and what has been revealed.
#[derive(Default)]
struct Queue {
    events: VecDeque<(Role, Event)>,
    card: Option<Card>,
    account: Option<Account>,
    counted: Option<u64>,
}

impl Queue {
    fn carry_out(&mut self, role: Role, actions: &mut Vec<Action>, tap: &mut impl Tap) {
        for action in actions.drain(..) {
            match action {
                Action::Send { to, message } => {
                    let message = tap.carry(role, to, message);
                    let from = role;
                    self.events
                        .push_back((to, Event::Message { from, message }));
                }
                Action::Compute(ticket, work) => {
                    let output = tap.work(role, ticket, &work);
                    self.events.push_back((role, Event::Done(ticket, output)));
                }
                Action::Store(_) => {}
                Action::Accept { stream, next } => {
                    let (sender, _) = StreamKind::direction(stream);
                    self.events
                        .push_back((sender, Event::Accepted { stream, next }));
                }
                Action::Reveal(Outcome::Card(card)) => self.card = Some(*card),
                Action::Reveal(Outcome::Compared(account)) => self.account = Some(account),
                Action::Reveal(Outcome::Decided { matches, .. }) => self.counted = matches,
            }
        }
    }
}
