//! Three parties, their stores, and the network between them.

use std::collections::{BTreeMap, BTreeSet};

use blindjoin_protocol::parts::Ticket;
use blindjoin_protocol::session::{Action, Checkpoint, Event, Message, Outcome, StreamKind};
use blindjoin_protocol::{Card, Role};
use rand::Rng as _;
use rand_chacha::ChaCha20Rng;

use crate::common::rng;
use crate::party::Party;
use crate::scene::{ROLES, Scene, place};

/// The steps after which a schedule does not end.
const STEPS: u32 = 30_000;

/// What travels: messages, and what receivers tell senders.
#[derive(Clone)]
pub(crate) enum Letter {
    Message(Role, Message),
    Accepted(StreamKind, u64),
}

/// What may go wrong, one time in so many; 0 for never.
#[derive(Clone, Copy)]
pub(crate) struct Weather {
    pub(crate) loss: u32,
    pub(crate) repeat: u32,
    /// How many steps a letter may take.
    pub(crate) delay: u32,
    pub(crate) crash: u32,
    pub(crate) crashes: u32,
}

impl Weather {
    pub(crate) const FAIR: Self = Self {
        loss: 0,
        repeat: 0,
        delay: 1,
        crash: 0,
        crashes: 0,
    };
}

pub(crate) struct World<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) weather: Weather,
    pub(crate) rng: ChaCha20Rng,
    /// Nobody where a party has just crashed.
    pub(crate) parties: [Option<Party>; 3],
    pub(crate) stored: [Checkpoint; 3],
    /// Letters on their way, by when they arrive.
    pub(crate) letters: BTreeMap<(u32, u32), (Role, Letter)>,
    /// Work under way, done in any order.
    pub(crate) pending: Vec<(Role, Ticket)>,
    pub(crate) events: [u32; 3],
    pub(crate) step: u32,
    pub(crate) sent: u32,
    pub(crate) crashes: u32,
    pub(crate) revealed: Option<Card>,
    pub(crate) seen: BTreeSet<(&'static str, u64)>,
    /// A party and the number of the event after which it crashes.
    pub(crate) fate: Option<(Role, u32)>,
}

impl<'a> World<'a> {
    pub(crate) fn new(scene: &'a Scene, weather: Weather, seed: u64) -> Self {
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

    pub(crate) fn chance(&mut self, one_in: u32) -> bool {
        one_in > 0 && self.rng.next_u32().is_multiple_of(one_in)
    }

    pub(crate) fn draw(&mut self, below: u32) -> u32 {
        self.rng.next_u32() % below.max(1)
    }

    /// Carries out a party's actions, unless it crashes meanwhile.
    pub(crate) fn carry_out(&mut self, role: Role, party: Party, actions: Vec<Action>) {
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

    pub(crate) fn post(&mut self, to: Role, letter: &Letter) {
        for _ in 0..=u32::from(self.chance(self.weather.repeat)) {
            if !self.chance(self.weather.loss) {
                let at = self.step + 1 + self.draw(self.weather.delay);
                self.sent += 1;
                self.letters.insert((at, self.sent), (to, letter.clone()));
            }
        }
    }

    /// A party loses all but what it has stored, and comes back at once.
    pub(crate) fn crash(&mut self, role: Role) {
        self.crashes += 1;
        self.pending.retain(|(other, _)| *other != role);
        let stored = self.stored[place(role)].encode();
        let mut actions = Vec::new();
        let party = Party::resume(self.scene, role, &stored, &mut actions).unwrap();
        self.carry_out(role, party, actions);
    }

    pub(crate) fn happen(&mut self, role: Role, event: Event) {
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
    pub(crate) fn step(&mut self) {
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
    pub(crate) fn run(&mut self) -> [u32; 3] {
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
