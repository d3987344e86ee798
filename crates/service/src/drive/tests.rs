//! A driver that is killed, and another that goes on from what it stored.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blindjoin_protocol::Card;
use blindjoin_protocol::agree::{
    Answer, Choices, Manifest, Offer, Published, PublishedRule, TableKind, Terms,
};
use blindjoin_protocol::input::{
    ProviderKeys, ProviderKeysBuilder, QuerierKeys, QuerierKeysBuilder, join_key,
};
use blindjoin_protocol::local::People;
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use blindjoin_protocol::session::{
    Checkpoint, KeyHolderSession, Own, ProviderSession, QuerierSession, Question, Selected,
};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;

use super::*;

/// Keeps a session in memory, until it fails after so many times: what it was given then is safe, and
/// nothing that rests on it has happened.
struct Memory {
    kept: Checkpoint,
    left: usize,
}

impl Store for &mut Memory {
    async fn store(&mut self, stored: Stored) -> Result<(), Error> {
        self.kept.store(stored);
        self.left = self.left.checked_sub(1).ok_or(Error::SessionState)?;
        Ok(())
    }
}

/// Provider and key holder, who know nothing of the querier's fate, and what they have for it.
struct Peers {
    provider: Option<ProviderSession>,
    keyholder: Option<KeyHolderSession>,
    to_querier: mpsc::UnboundedSender<Event>,
}

impl Peers {
    /// Goes on with one of them until neither has anything left to do.
    fn happen(&mut self, role: Role, event: Event) {
        let mut events = vec![(role, event)];
        while let Some((role, event)) = events.pop() {
            let mut actions = Vec::new();
            if role == Role::Provider {
                let session = self.provider.take().expect("an honest session goes on");
                self.provider = Some(session.handle(event, &mut actions).unwrap());
            } else {
                let session = self.keyholder.take().expect("an honest session goes on");
                self.keyholder = Some(session.handle(event, &mut actions).unwrap());
            }
            for (to, event) in done(role, actions) {
                if to == Role::Querier {
                    // A killed querier hears nothing.
                    drop(self.to_querier.send(event));
                } else {
                    events.insert(0, (to, event));
                }
            }
        }
    }
}

/// What the actions of a peer come to, and for whom.
fn done(role: Role, actions: Vec<Action>) -> Vec<(Role, Event)> {
    let events = actions.into_iter().filter_map(|action| match action {
        Action::Send { to, message } => Some((
            to,
            Event::Message {
                from: role,
                message,
            },
        )),
        Action::Compute(ticket, work) => Some((role, Event::Done(ticket, work.run()))),
        Action::Accept { stream, next } => {
            Some((stream.direction().0, Event::Accepted { stream, next }))
        }
        Action::Store(_) | Action::Reveal(_) => None,
    });
    events.collect()
}

/// The querier's line to both.
struct ToPeers {
    peers: Arc<Mutex<Peers>>,
    card: Option<Box<Card>>,
    over: Option<tokio::sync::oneshot::Sender<()>>,
}

impl ToPeers {
    fn happen(&self, role: Role, event: Event) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        peers.happen(role, event);
    }
}

impl Port for ToPeers {
    async fn send(&mut self, to: Role, message: Message) -> Result<(), Error> {
        let from = Role::Querier;
        self.happen(to, Event::Message { from, message });
        Ok(())
    }

    fn accept(&mut self, stream: StreamKind, next: u64) {
        let (sender, _) = stream.direction();
        self.happen(sender, Event::Accepted { stream, next });
    }

    fn reveal(&mut self, outcome: Outcome) {
        if let Outcome::Card(card) = outcome {
            self.card = Some(card);
            drop(self.over.take());
        }
    }
}

/// What a session is made of.
struct Scene {
    people: People,
    manifest: Manifest,
    secret_key: Arc<SecretKey>,
    ours: Question,
    theirs: Arc<ProviderKeys>,
}

impl Scene {
    fn new() -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let key = |id: usize| {
            let mut key = Vec::new();
            join_key(&mut key, "id", id.to_string().as_bytes(), None).unwrap();
            key
        };
        let (mut ours, mut theirs) = (QuerierKeysBuilder::new(1), ProviderKeysBuilder::default());
        for id in 0..30 {
            let row = ours.row().unwrap();
            ours.push(row, 0, &key(id)).unwrap();
            theirs.push(&key(3 * id)).unwrap();
        }
        let (ours, theirs): (QuerierKeys, ProviderKeys) = (ours.build(), theirs.build());
        let size = KeySize::insecure_test_key(512).unwrap();
        let rules = vec!["id".to_owned()];
        let rule = PublishedRule {
            id: rules[0].clone(),
            class: PublishedRule::class_of(theirs.len() as u64, 0),
            forms: 1,
            weight: 1,
        };
        let published = Published::new(vec![rule], [0; 32], vec![size], [0; 32]);
        let choices = Choices::new(size, 2_000_000_000);
        let terms = Terms::join(&choices, TableKind::Okvs, rules, [0; 32], 30).unwrap();
        let offer = Offer::for_keys(terms, &published, &ours, None, &mut rng).unwrap();
        let people = People::draw(&mut rng);
        let answer = Answer::new(&mut rng);
        Self {
            manifest: Manifest::new(&offer, &answer, &published, people.parties()).unwrap(),
            people,
            secret_key: Arc::new(SecretKey::generate(size, Profile::DjnShort, &mut rng)),
            ours: Question::from(ours),
            theirs: Arc::new(theirs),
        }
    }

    fn own(&self, role: Role) -> Own {
        let pace = Pace {
            line: Line::Lossy,
            ..pace(false)
        };
        self.people.own(role, &self.manifest, pace)
    }

    /// The peers at their beginning, and what they say by themselves.
    fn peers(&self, to_querier: mpsc::UnboundedSender<Event>) -> Peers {
        let (mut first, mut second) = (Vec::new(), Vec::new());
        let theirs = self.theirs.clone();
        let select = Arc::new(move || Ok(Selected::Keys(theirs.clone())));
        let provider = ProviderSession::new(&self.own(Role::Provider), select, &mut first);
        let (own, key) = (self.own(Role::KeyHolder), self.secret_key.clone());
        let keyholder = KeyHolderSession::new(&own, key, &mut second).unwrap();
        let mut peers = Peers {
            provider: Some(provider),
            keyholder: Some(keyholder),
            to_querier,
        };
        for (to, event) in done(Role::KeyHolder, second) {
            if to == Role::Querier {
                peers.to_querier.send(event).unwrap();
            } else {
                peers.happen(to, event);
            }
        }
        peers
    }
}

/// Drives the querier until it has its card or its store fails, with word of silence now and then.
async fn drive_querier(
    driven: Driven<QuerierSession>,
    peers: &Arc<Mutex<Peers>>,
    mut heard: mpsc::UnboundedReceiver<Event>,
    memory: &mut Memory,
) -> Result<Box<Card>, Error> {
    let (over, mut ended) = tokio::sync::oneshot::channel::<()>();
    let mut port = ToPeers {
        peers: peers.clone(),
        card: None,
        over: Some(over),
    };
    let silent = peers.clone();
    let feed = async |events: mpsc::Sender<Event>| {
        let mut silence = tokio::time::interval(Duration::from_millis(20));
        loop {
            tokio::select! {
                _ = &mut ended => return Ok(()),
                event = heard.recv() => feed(&events, event.expect("the peers live")).await,
                _ = silence.tick() => {
                    feed(&events, Event::Silence).await;
                    let mut peers = silent.lock().unwrap_or_else(PoisonError::into_inner);
                    peers.happen(Role::Provider, Event::Silence);
                    peers.happen(Role::KeyHolder, Event::Silence);
                }
            }
        }
    };
    drive(driven, &mut port, &mut &mut *memory, feed).await?;
    port.card.ok_or(Error::SessionState)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_driver_is_followed_by_one_that_ends_the_session() {
    let scene = Scene::new();
    let mut kills = 0;
    loop {
        let (sender, heard) = mpsc::unbounded_channel();
        let peers = Arc::new(Mutex::new(scene.peers(sender)));
        let own = scene.own(Role::Querier);
        let mut actions = Vec::new();
        let session = QuerierSession::new(&own, scene.ours.clone(), &mut actions);
        let mut memory = Memory {
            kept: Checkpoint::default(),
            left: kills,
        };
        let driven = Driven { session, actions };
        let first = drive_querier(driven, &peers, heard, &mut memory).await;
        let card = if let Ok(card) = first {
            // Nothing was left to fail at.
            assert!(kills > 5, "{kills} times something was stored");
            assert_eq!(card.matched_rows(), 10);
            return;
        } else {
            let (sender, heard) = mpsc::unbounded_channel();
            peers.lock().unwrap().to_querier = sender;
            let kept = Checkpoint::decode(&memory.kept.encode()).unwrap();
            let mut memory = Memory {
                kept: kept.clone(),
                left: usize::MAX,
            };
            let mut actions = Vec::new();
            let (identity, pace) = (own.identity.clone(), own.pace);
            let asked = scene.ours.clone();
            let session =
                QuerierSession::resume(identity, pace, asked, kept, &mut actions).unwrap();
            if session.is_over() {
                // The card was revealed before the last thing was stored.
                kills += 1;
                continue;
            }
            let driven = Driven { session, actions };
            drive_querier(driven, &peers, heard, &mut memory).await
        };
        assert_eq!(card.unwrap().matched_rows(), 10, "killed after {kills}");
        kills += 1;
    }
}
