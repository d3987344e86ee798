//! Whole sessions over a network that loses, repeats, delays and reorders, between parties that crash
//! at any moment and go on from what they have stored.
//!
//! Work is pure, so it is done once for each session and recorded: thousands of schedules then cost
//! what sealing, opening and storing cost.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "link/common.rs"]
#[expect(dead_code, reason = "shared with the tests of whole linkages")]
mod common;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use blindjoin_protocol::session::{
    Action, Checkpoint, Event, KeyHolderSession, Line, Message, Outcome, Output, Pace,
    ProviderSession, QuerierSession, Question, Select, Selected, Session, Ticket, Work,
};
use blindjoin_protocol::{
    Card, Error, Identity, KeySize, Manifest, Mode, Profile, Role, SecretKey, SessionSecret,
    StreamKind, TableKind, Terms, local, size_class,
};
use rand::Rng;
use rand_chacha::ChaCha20Rng;
use rayon::prelude::*;

use common::{manifest, matched, population, provider_keys, querier_keys, rng, terms};

/// Schedules of all sessions together.
const SCHEDULES: u64 = 10_000;

/// The steps after which a schedule does not end.
const STEPS: u32 = 30_000;

const ROLES: [Role; 3] = [Role::Querier, Role::Provider, Role::KeyHolder];

const PACE: Pace = Pace {
    ahead: 2,
    line: Line::Lossy,
    constant_time_tables: false,
};

/// A session, what all of its work yields, and what is true of it.
struct Scene {
    name: &'static str,
    manifest: Manifest,
    secret_key: Arc<SecretKey>,
    question: Question,
    selected: Selected,
    recorded: BTreeMap<(usize, Ticket), Output>,
    /// Every chunk that is ever sent, by its stream and number.
    chunks: BTreeMap<(&'static str, u64), Vec<u8>>,
    card: Card,
}

fn identity(role: Role) -> Arc<Identity> {
    let people = common::people();
    Arc::new(match role {
        Role::Querier => people.querier,
        Role::Provider => people.provider,
        Role::KeyHolder => people.keyholder,
    })
}

fn people() -> local::People {
    let common::People {
        querier,
        provider,
        keyholder,
    } = common::people();
    let secrets = [1, 2, 3].map(|byte| SessionSecret::from_bytes([byte; 32]));
    local::People::new([querier, provider, keyholder], secrets)
}

fn place(role: Role) -> usize {
    ROLES.iter().position(|other| *other == role).unwrap()
}

impl Scene {
    fn new(name: &'static str, terms: Terms, [ours, theirs]: [usize; 2]) -> Self {
        let size = KeySize::insecure_test_key(512).unwrap();
        let terms = Terms {
            key_size: size,
            canaries: 2,
            ..terms
        };
        let lookup = terms.mode == Mode::Lookup;
        let (ours, theirs, shared) = population(7, ours, theirs, ours.div_ceil(3));
        let sizes = [ours.len(), theirs.len()].map(|count| size_class(count as u64 + 2));
        let querier_size = if lookup { 3 } else { sizes[0] };
        let manifest = manifest(terms, querier_size, sizes[1], None, &mut rng(7)).unwrap();
        let secret_key = SecretKey::generate(size, Profile::DjnShort, &mut rng(512));
        let mut scene = Self {
            name,
            manifest,
            secret_key: Arc::new(secret_key),
            question: querier_keys(ours.iter().map(String::as_str)).into(),
            selected: provider_keys(theirs.iter().map(String::as_str)).into(),
            recorded: BTreeMap::new(),
            chunks: BTreeMap::new(),
            card: Recorder::blank(),
        };
        let mut recorder = Recorder::default();
        let linked = local::link(
            &people(),
            &scene.manifest,
            scene.secret_key.clone(),
            scene.question.clone(),
            scene.selected.clone(),
            &mut recorder,
        )
        .unwrap();
        assert_eq!(matched(&linked.card), shared, "{name}");
        scene.recorded = recorder.recorded;
        scene.chunks = recorder.chunks;
        scene.card = linked.card;
        scene
    }

    /// A join of more than one chunk through the key-value store, smaller ones, and a lookup.
    fn all() -> Vec<Self> {
        let blind = |terms| Terms {
            blind: true,
            ..terms
        };
        let (cuckoo, okvs) = (terms(TableKind::Cuckoo), terms(TableKind::Okvs));
        let lookup = Terms {
            mode: Mode::Lookup,
            ..blind(terms(TableKind::Cuckoo))
        };
        vec![
            Self::new("key-value store, blind", blind(okvs.clone()), [1000, 2500]),
            Self::new("key-value store, counting", okvs, [20, 1200]),
            Self::new("cuckoo, counting", cuckoo, [20, 30]),
            Self::new("lookup", lookup, [1, 60]),
        ]
    }
}

/// Notes the work and the chunks of an undisturbed session.
#[derive(Default)]
struct Recorder {
    recorded: BTreeMap<(usize, Ticket), Output>,
    chunks: BTreeMap<(&'static str, u64), Vec<u8>>,
}

impl Recorder {
    /// A card of nothing.
    fn blank() -> Card {
        let (ours, theirs, _) = population(1, 1, 1, 0);
        let cuckoo = terms(TableKind::Cuckoo);
        common::link(cuckoo, &ours, &theirs, 1).unwrap().0
    }
}

impl local::Tap for Recorder {
    fn work(&mut self, role: Role, ticket: Ticket, work: &Work) -> Result<Output, Error> {
        let output = work.run()?;
        let before = self.recorded.insert((place(role), ticket), output.clone());
        assert!(before.is_none(), "{ticket:?} twice");
        Ok(output)
    }

    fn carry(&mut self, _: Role, _: Role, message: Message) -> Message {
        if let Message::Chunk {
            stream,
            number,
            sealed,
        } = &message
        {
            self.chunks.insert((stream.name(), *number), sealed.clone());
        }
        message
    }
}

/// A party's session, of whichever role.
enum Party {
    Querier(QuerierSession),
    Provider(ProviderSession),
    KeyHolder(Box<KeyHolderSession>),
}

impl Party {
    fn new(scene: &Scene, role: Role, actions: &mut Vec<Action>) -> Self {
        let own = people().own(role, &scene.manifest, PACE);
        match role {
            Role::Querier => {
                Self::Querier(QuerierSession::new(&own, scene.question.clone(), actions))
            }
            Role::Provider => {
                let select: Arc<dyn Select> = Arc::new(scene.selected.clone());
                Self::Provider(ProviderSession::new(&own, select, actions))
            }
            Role::KeyHolder => {
                let key = scene.secret_key.clone();
                let session = KeyHolderSession::new(&own, key, actions).unwrap();
                Self::KeyHolder(Box::new(session))
            }
        }
    }

    /// Goes on from what was stored, as bytes.
    fn resume(
        scene: &Scene,
        role: Role,
        stored: &[u8],
        actions: &mut Vec<Action>,
    ) -> Result<Self, Error> {
        let checkpoint = Checkpoint::decode(stored)?;
        let identity = identity(role);
        Ok(match role {
            Role::Querier => {
                let question = scene.question.clone();
                let session =
                    QuerierSession::resume(identity, PACE, question, checkpoint, actions)?;
                Self::Querier(session)
            }
            Role::Provider => {
                let select: Arc<dyn Select> = Arc::new(scene.selected.clone());
                let session = ProviderSession::resume(identity, PACE, select, checkpoint, actions)?;
                Self::Provider(session)
            }
            Role::KeyHolder => {
                let key = scene.secret_key.clone();
                let session = KeyHolderSession::resume(identity, PACE, key, checkpoint, actions)?;
                Self::KeyHolder(Box::new(session))
            }
        })
    }

    fn handle(self, event: Event, actions: &mut Vec<Action>) -> Result<Self, Error> {
        Ok(match self {
            Self::Querier(session) => Self::Querier(session.handle(event, actions)?),
            Self::Provider(session) => Self::Provider(session.handle(event, actions)?),
            Self::KeyHolder(session) => Self::KeyHolder(Box::new(session.handle(event, actions)?)),
        })
    }

    /// Where it stands, in words.
    fn stands(&self) -> String {
        match self {
            Self::Querier(session) => format!("{session:?}"),
            Self::Provider(session) => format!("{session:?}"),
            Self::KeyHolder(session) => format!("{session:?}"),
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Querier(session) => session.is_over(),
            Self::Provider(session) => session.is_over(),
            Self::KeyHolder(session) => session.is_over(),
        }
    }
}

/// What travels: messages, and what receivers tell senders.
#[derive(Clone)]
enum Letter {
    Message(Role, Message),
    Accepted(StreamKind, u64),
}

/// What may go wrong, one time in so many; 0 for never.
#[derive(Clone, Copy)]
struct Weather {
    loss: u32,
    repeat: u32,
    /// How many steps a letter may take.
    delay: u32,
    crash: u32,
    crashes: u32,
}

impl Weather {
    const FAIR: Self = Self {
        loss: 0,
        repeat: 0,
        delay: 1,
        crash: 0,
        crashes: 0,
    };
}

struct World<'a> {
    scene: &'a Scene,
    weather: Weather,
    rng: ChaCha20Rng,
    /// Nobody where a party has just crashed.
    parties: [Option<Party>; 3],
    stored: [Checkpoint; 3],
    /// Letters on their way, by when they arrive.
    letters: BTreeMap<(u32, u32), (Role, Letter)>,
    /// Work under way, done in any order.
    pending: Vec<(Role, Ticket)>,
    events: [u32; 3],
    step: u32,
    sent: u32,
    crashes: u32,
    revealed: Option<Card>,
    seen: BTreeSet<(&'static str, u64)>,
    /// A party and the number of the event after which it crashes.
    fate: Option<(Role, u32)>,
}

impl<'a> World<'a> {
    fn new(scene: &'a Scene, weather: Weather, seed: u64) -> Self {
        let mut world = Self {
            scene,
            weather,
            rng: rng(seed),
            parties: [None, None, None],
            stored: Default::default(),
            letters: BTreeMap::new(),
            pending: Vec::new(),
            events: [0; 3],
            step: 0,
            sent: 0,
            crashes: 0,
            revealed: None,
            seen: BTreeSet::new(),
            fate: None,
        };
        for role in ROLES {
            let mut actions = Vec::new();
            let party = Party::new(scene, role, &mut actions);
            world.carry_out(role, party, actions);
        }
        world
    }

    fn chance(&mut self, one_in: u32) -> bool {
        one_in > 0 && self.rng.next_u32().is_multiple_of(one_in)
    }

    fn draw(&mut self, below: u32) -> u32 {
        self.rng.next_u32() % below.max(1)
    }

    /// Carries out a party's actions, unless it crashes meanwhile.
    fn carry_out(&mut self, role: Role, party: Party, actions: Vec<Action>) {
        for action in actions {
            // Before the first head is stored there is no session that could go on.
            let begun = self.stored[place(role)] != Checkpoint::default();
            if begun && self.crashes < self.weather.crashes && self.chance(self.weather.crash) {
                return self.crash(role);
            }
            match action {
                Action::Send { to, message } => {
                    if let Message::Chunk {
                        stream,
                        number,
                        sealed,
                    } = &message
                    {
                        let place = (stream.name(), *number);
                        assert!(
                            self.scene.chunks[&place] == *sealed,
                            "{place:?} has changed"
                        );
                        self.seen.insert(place);
                    }
                    self.post(to, &Letter::Message(role, message));
                }
                Action::Compute(ticket, _) => self.pending.push((role, ticket)),
                Action::Store(stored) => self.stored[place(role)].store(stored),
                Action::Accept { stream, next } => {
                    let (sender, _) = stream.direction();
                    self.post(sender, &Letter::Accepted(stream, next));
                }
                Action::Reveal(Outcome::Card(card)) => self.revealed = Some(*card),
                Action::Reveal(Outcome::Compared(_)) => {}
                Action::Reveal(Outcome::Decided { failure, .. }) => assert_eq!(failure, None),
            }
        }
        self.parties[place(role)] = Some(party);
    }

    fn post(&mut self, to: Role, letter: &Letter) {
        for _ in 0..=u32::from(self.chance(self.weather.repeat)) {
            if !self.chance(self.weather.loss) {
                let at = self.step + 1 + self.draw(self.weather.delay);
                self.sent += 1;
                self.letters.insert((at, self.sent), (to, letter.clone()));
            }
        }
    }

    /// A party loses all but what it has stored, and comes back at once.
    fn crash(&mut self, role: Role) {
        self.crashes += 1;
        self.pending.retain(|(other, _)| *other != role);
        let stored = self.stored[place(role)].encode();
        let mut actions = Vec::new();
        let party = Party::resume(self.scene, role, &stored, &mut actions).unwrap();
        self.carry_out(role, party, actions);
    }

    fn happen(&mut self, role: Role, event: Event) {
        let mut actions = Vec::new();
        let party = self.parties[place(role)].take().unwrap();
        let party = match party.handle(event, &mut actions) {
            Ok(party) => party,
            Err(error) => panic!("the {role} ends the session: {error}"),
        };
        self.carry_out(role, party, actions);
        self.events[place(role)] += 1;
        if self.fate == Some((role, self.events[place(role)])) {
            self.crash(role);
        }
    }

    /// Has one thing happen.
    fn step(&mut self) {
        self.step += 1;
        let due = self.letters.first_key_value().map(|(&(at, _), _)| at);
        let arrives = due.is_some_and(|at| at <= self.step);
        if arrives && (self.pending.is_empty() || self.chance(2)) {
            let (_, (role, letter)) = self.letters.pop_first().unwrap();
            let event = match letter {
                Letter::Message(from, message) => Event::Message { from, message },
                Letter::Accepted(stream, next) => Event::Accepted { stream, next },
            };
            self.happen(role, event);
        } else if !self.pending.is_empty() {
            let any = self.draw(u32::try_from(self.pending.len()).unwrap());
            let (role, ticket) = self.pending.swap_remove(any as usize);
            let output = self.scene.recorded[&(place(role), ticket)].clone();
            self.happen(role, Event::Done(ticket, Ok(output)));
        } else if self.letters.is_empty() || self.chance(200) {
            for role in ROLES {
                self.happen(role, Event::Silence);
            }
        }
    }

    /// Runs to the end; says how many events each party had.
    fn run(&mut self) -> [u32; 3] {
        while self.step < STEPS {
            if self.parties.iter().flatten().all(Party::is_over) {
                assert!(
                    self.revealed.as_ref() == Some(&self.scene.card),
                    "another card"
                );
                assert!(self.seen.iter().eq(self.scene.chunks.keys()));
                return self.events;
            }
            self.step();
        }
        let stand = self.parties.iter().flatten().map(Party::stands);
        let stand: Vec<String> = stand.collect();
        panic!(
            "it does not end: {}, letters {}, pending {:?}",
            stand.join(", "),
            self.letters.len(),
            self.pending
        );
    }
}

/// Runs a schedule; whatever goes wrong is told with its number, which repeats it.
fn schedule(scenes: &[Scene], number: u64) -> u32 {
    // The first is the longest by far.
    let which = if number.is_multiple_of(20) {
        0
    } else {
        1 + usize::try_from(number % 3).unwrap()
    };
    let scene = &scenes[which];
    let mut drawn = rng(number);
    let mut any = |of: [u32; 4]| of[drawn.next_u32() as usize % 4];
    let weather = Weather {
        loss: any([0, 3, 6, 12]),
        repeat: any([0, 2, 4, 12]),
        delay: any([1, 3, 10, 40]),
        crash: any([0, 5, 15, 50]),
        crashes: 12,
    };
    let mut world = World::new(scene, weather, number);
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.run()));
    assert!(outcome.is_ok(), "schedule {number}, {}", scene.name);
    world.crashes
}

#[test]
fn whatever_the_network_and_the_parties_do_the_card_is_the_same() {
    let scenes = Scene::all();
    let crashes: u32 = (0..SCHEDULES)
        .into_par_iter()
        .map(|number| schedule(&scenes, number))
        .sum();
    assert!(crashes > 10_000, "{crashes} crashes");
}

/// Every party, after every event of a session in which nothing else goes wrong.
#[test]
fn a_session_goes_on_from_any_event() {
    for scene in Scene::all() {
        let events = World::new(&scene, Weather::FAIR, 1).run();
        assert!(events.iter().all(|&count| count > 5), "{events:?}");
        for (role, count) in ROLES.into_iter().zip(events) {
            for event in 1..=count {
                let mut world = World::new(&scene, Weather::FAIR, 1);
                world.fate = Some((role, event));
                world.run();
                assert_eq!(world.crashes, 1, "{}, {role}, event {event}", scene.name);
            }
        }
    }
}

/// What a party that has crashed answers to some events, with whatever work they ask for.
fn answer(
    mut party: Party,
    mut actions: Vec<Action>,
    events: impl IntoIterator<Item = Event>,
) -> Result<Party, Error> {
    let mut events: VecDeque<Event> = events.into_iter().collect();
    loop {
        for action in actions.drain(..) {
            match action {
                Action::Compute(ticket, work) => {
                    events.push_front(Event::Done(ticket, work.run()));
                }
                // What rests on the input is a chunk.
                Action::Send { message, .. } => {
                    assert!(!matches!(message, Message::Chunk { .. }), "{message:?}");
                }
                _ => {}
            }
        }
        let Some(event) = events.pop_front() else {
            return Ok(party);
        };
        party = party.handle(event, &mut actions)?;
    }
}

/// The masks of a position serve once, and so does the seal of a chunk: for this input, and with this
/// table.
#[test]
fn nothing_goes_on_with_another_input() {
    let scene = || Scene::new("small", terms(TableKind::Cuckoo), [20, 30]);
    let honest = scene();
    let mut world = World::new(&honest, Weather::FAIR, 1);
    // Until the provider compares.
    while !world.seen.contains(&("stream", 0)) {
        world.step();
    }
    let resume = |role, scene: &Scene| {
        let mut actions = Vec::new();
        let stored = world.stored[place(role)].encode();
        let party = Party::resume(scene, role, &stored, &mut actions).unwrap();
        (party, actions)
    };
    let refused = |role, scene: &Scene, table: &[u8]| {
        let (party, actions) = resume(role, scene);
        let message = Message::Chunk {
            stream: StreamKind::Table,
            number: 0,
            sealed: table.to_vec(),
        };
        let from = Role::Querier;
        let events = (role == Role::Provider).then_some(Event::Message { from, message });
        answer(party, actions, events).err()
    };
    let changed = |what| Some(Error::Changed { what });
    let table = &honest.chunks[&("table", 0)];

    let asking = Scene {
        question: querier_keys(["somebody else"]).into(),
        ..scene()
    };
    assert_eq!(
        refused(Role::Querier, &asking, &[]),
        changed("another question")
    );
    let selecting = Scene {
        selected: provider_keys(["somebody"]).into(),
        ..scene()
    };
    assert_eq!(
        refused(Role::Provider, &selecting, table),
        changed("another registry")
    );
    let mut recorder = Recorder::default();
    let key = honest.secret_key.clone();
    let (question, selected) = (asking.question, honest.selected.clone());
    let link = local::link(
        &people(),
        &honest.manifest,
        key,
        question,
        selected,
        &mut recorder,
    );
    link.unwrap();
    let other = &recorder.chunks[&("table", 0)];
    assert_eq!(
        refused(Role::Provider, &honest, other),
        changed("another table")
    );
}
