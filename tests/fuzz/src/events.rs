//! Three sessions on whatever order of events an input makes of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock};

use blindjoin_protocol::agree::{Manifest, TableKind};
use blindjoin_protocol::input::{ProviderKeys, QuerierKeysBuilder};
use blindjoin_protocol::parts::{Output, Ticket};
use blindjoin_protocol::session::{
    Action, Checkpoint, Event, KeyHolderSession, Line, Message, Outcome, Pace, ProviderSession,
    QuerierSession, Question, Selected, Session, StreamKind, Work,
};
use blindjoin_protocol::{Card, Error, Role, local, parts};

use crate::session::{KEY, manifest, people, secrets, terms};
use crate::streams::key;

const PACE: Pace = Pace {
    ahead: 2,
    line: Line::Lossy,
    constant_time_tables: false,
};

/// A session that is undisturbed, and what all of its work yields: work is pure, so this is what it
/// yields in any other.
struct Scene {
    manifest: Manifest,
    question: Question,
    selected: Selected,
    recorded: BTreeMap<(u8, Ticket), Output>,
    card: Card,
}

static SCENE: LazyLock<Scene> = LazyLock::new(|| {
    let mut keys = QuerierKeysBuilder::new(1);
    for id in 0..8 {
        let row = keys.row().expect("few rows");
        keys.push(row, 0, &key(id)).expect("few keys");
    }
    let theirs: Vec<Vec<u8>> = (4..20).map(key).collect();
    let theirs = ProviderKeys::collect(theirs.iter().map(Vec::as_slice)).expect("few keys");
    let (question, selected) = (Question::from(keys.build()), Selected::from(theirs));
    let manifest = manifest(terms(TableKind::Okvs), 64, 64, None);
    let mut recorder = Recorder::default();
    let (asked, chosen) = (question.clone(), selected.clone());
    let linked = parts::link_tapped(&all(), &manifest, KEY.clone(), asked, chosen, &mut recorder);
    Scene {
        manifest,
        question,
        selected,
        recorded: recorder.0,
        card: linked.expect("an honest session").card,
    }
});

#[derive(Default)]
struct Recorder(BTreeMap<(u8, Ticket), Output>);

impl parts::Tap for Recorder {
    fn work(&mut self, role: Role, ticket: Ticket, work: &Work) -> Result<Output, Error> {
        let output = work.run()?;
        self.0.insert((place(role), ticket), output.clone());
        Ok(output)
    }
}

fn all() -> local::People {
    let people = people();
    let identities = [people.querier, people.provider, people.keyholder];
    local::People::new(identities, secrets())
}

fn place(role: Role) -> u8 {
    match role {
        Role::Querier => 0,
        Role::Provider => 1,
        Role::KeyHolder => 2,
    }
}

fn role(place: u8) -> Role {
    [Role::Querier, Role::Provider, Role::KeyHolder][usize::from(place % 3)]
}

/// What travels: messages, and what receivers tell senders.
#[derive(Clone)]
enum Letter {
    Message(Role, Message),
    Accepted(StreamKind, u64),
}

/// The three parties; whoever is in the middle of a step is taken out.
struct World {
    querier: Option<QuerierSession>,
    provider: Option<ProviderSession>,
    keyholder: Option<KeyHolderSession>,
    stored: [Checkpoint; 3],
    letters: VecDeque<(Role, Letter)>,
    pending: VecDeque<(Role, Ticket)>,
    card: Option<Card>,
    /// Whether somebody has changed a message.
    altered: bool,
}

/// Each byte is a step: what happens, and to whom. Whatever happens, a session goes on or ends, and no
/// party reveals another card than the undisturbed session; where no message was changed none ends.
pub fn events(input: &[u8]) -> bool {
    let mut world = World::new();
    for &byte in input {
        if let Err(error) = world.step(byte) {
            assert!(world.altered, "{error} without a reason");
            return false;
        }
    }
    if let Some(card) = &world.card {
        assert!(*card == SCENE.card, "another card");
    }
    world.card.is_some()
}

impl World {
    fn new() -> Self {
        let scene = &*SCENE;
        let people = all();
        let own = |role| people.own(role, &scene.manifest, PACE);
        let mut world = Self {
            querier: None,
            provider: None,
            keyholder: None,
            stored: Default::default(),
            letters: VecDeque::new(),
            pending: VecDeque::new(),
            card: None,
            altered: false,
        };
        let mut actions = Vec::new();
        let question = scene.question.clone();
        let querier = QuerierSession::new(&own(Role::Querier), question, &mut actions);
        world.querier = Some(querier);
        world.carry_out(Role::Querier, &mut actions);
        let selected = scene.selected.clone();
        let select = Arc::new(move || Ok(selected.clone()));
        let provider = ProviderSession::new(&own(Role::Provider), select, &mut actions);
        world.provider = Some(provider);
        world.carry_out(Role::Provider, &mut actions);
        let own = own(Role::KeyHolder);
        let keyholder = KeyHolderSession::new(&own, KEY.clone(), &mut actions);
        world.keyholder = Some(keyholder.expect("the key fits"));
        world.carry_out(Role::KeyHolder, &mut actions);
        world
    }

    fn step(&mut self, byte: u8) -> Result<(), Error> {
        let whom = role(byte >> 3);
        match byte & 7 {
            0 => self.arrive(true),
            1 => self.arrive(false),
            2 => {
                self.letters.pop_front();
                Ok(())
            }
            3 => {
                let late = self.letters.pop_front();
                self.letters.extend(late);
                Ok(())
            }
            4 => self.happen(whom, Event::Silence),
            5 => self.crash(whom),
            6 => {
                self.alter(byte >> 3);
                Ok(())
            }
            _ => {
                let Some((role, ticket)) = self.pending.pop_front() else {
                    return Ok(());
                };
                let output = SCENE.recorded[&(place(role), ticket)].clone();
                self.happen(role, Event::Done(ticket, Ok(output)))
            }
        }
    }

    fn arrive(&mut self, once: bool) -> Result<(), Error> {
        let Some((role, letter)) = self.letters.front().cloned() else {
            return Ok(());
        };
        if once {
            self.letters.pop_front();
        }
        let event = match letter {
            Letter::Message(from, message) => Event::Message { from, message },
            Letter::Accepted(stream, next) => Event::Accepted { stream, next },
        };
        self.happen(role, event)
    }

    /// Changes a byte of the next message, unless it is the key: that is checked by work, which is
    /// recorded here.
    fn alter(&mut self, at: u8) {
        if let Some((_, Letter::Message(_, message))) = self.letters.front_mut()
            && let Message::Handshake(bytes) | Message::Chunk { sealed: bytes, .. } = message
        {
            let at = usize::from(at) * bytes.len() / 32;
            bytes[at] ^= 1;
            self.altered = true;
        }
    }

    fn happen(&mut self, role: Role, event: Event) -> Result<(), Error> {
        let mut actions = Vec::new();
        match role {
            Role::Querier => self.querier = go_on(self.querier.take(), event, &mut actions)?,
            Role::Provider => self.provider = go_on(self.provider.take(), event, &mut actions)?,
            Role::KeyHolder => {
                self.keyholder = go_on(self.keyholder.take(), event, &mut actions)?;
            }
        }
        self.carry_out(role, &mut actions);
        Ok(())
    }

    /// A party loses all but what it has stored.
    fn crash(&mut self, role: Role) -> Result<(), Error> {
        self.pending.retain(|(other, _)| *other != role);
        let bytes = self.stored[usize::from(place(role))].encode();
        let checkpoint = Checkpoint::decode(&bytes).expect("it was encoded just now");
        let identity = all().own(role, &SCENE.manifest, PACE).identity;
        let mut actions = Vec::new();
        match role {
            Role::Querier => {
                let question = SCENE.question.clone();
                let resumed =
                    QuerierSession::resume(identity, PACE, question, checkpoint, &mut actions);
                self.querier = Some(resumed?);
            }
            Role::Provider => {
                let selected = SCENE.selected.clone();
                let select = Arc::new(move || Ok(selected.clone()));
                let resumed =
                    ProviderSession::resume(identity, PACE, select, checkpoint, &mut actions);
                self.provider = Some(resumed?);
            }
            Role::KeyHolder => {
                let key = KEY.clone();
                let resumed =
                    KeyHolderSession::resume(identity, PACE, key, checkpoint, &mut actions);
                self.keyholder = Some(resumed?);
            }
        }
        self.carry_out(role, &mut actions);
        Ok(())
    }

    fn carry_out(&mut self, role: Role, actions: &mut Vec<Action>) {
        for action in actions.drain(..) {
            match action {
                Action::Send { to, message } => {
                    self.letters.push_back((to, Letter::Message(role, message)));
                }
                Action::Compute(ticket, _) => self.pending.push_back((role, ticket)),
                Action::Store(stored) => self.stored[usize::from(place(role))].store(stored),
                Action::Accept { stream, next } => {
                    let (sender, _) = stream.direction();
                    self.letters
                        .push_back((sender, Letter::Accepted(stream, next)));
                }
                Action::Reveal(Outcome::Card(card)) => self.card = Some(*card),
                Action::Reveal(_) => {}
            }
        }
    }
}

/// A party that has ended stays so.
fn go_on<S: Session>(
    session: Option<S>,
    event: Event,
    actions: &mut Vec<Action>,
) -> Result<Option<S>, Error> {
    session
        .map(|session| session.handle(event, actions))
        .transpose()
}

/// An undisturbed session, and some that are disturbed: by name.
pub(crate) fn orders() -> Vec<(&'static str, Vec<u8>)> {
    let (arrives, done) = (0, 7);
    let undisturbed = [arrives, done].repeat(40);
    let silence = [4, 8 | 4, 16 | 4];
    let crashes = [5, 8 | 5, 16 | 5];
    let twice = [&[1][..], &[arrives, done].repeat(2)].concat();
    let with = |what: &[u8]| [&[arrives, done].repeat(6), what, &undisturbed].concat();
    let lost = [&[2, 2, 2][..], &silence, &undisturbed].concat();
    let crashed = [&crashes[..], &silence, &undisturbed, &silence, &undisturbed].concat();
    vec![
        ("undisturbed", undisturbed.clone()),
        ("lost", lost),
        ("repeated", twice.repeat(40)),
        ("crashed", with(&crashed)),
        // The querier's handshake, once both have the key.
        (
            "bad-altered",
            [&[arrives, arrives, done, done, 6 | 8][..], &undisturbed].concat(),
        ),
    ]
}
