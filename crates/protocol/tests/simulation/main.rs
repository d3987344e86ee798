//! Whole sessions over a network that loses, repeats, delays and reorders, between parties that crash
//! at any moment and go on from what they have stored.
//!
//! Work is pure, so it is done once for each session and recorded: thousands of schedules then cost
//! what sealing, opening and storing cost.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../link/common.rs"]
#[expect(dead_code, reason = "shared with the tests of whole linkages")]
mod common;
mod party;
mod scene;
mod world;

use std::collections::VecDeque;

use blindjoin_protocol::agree::TableKind;
use blindjoin_protocol::session::{Action, Event, Message, StreamKind};
use blindjoin_protocol::{Error, Role, parts};
use rand::Rng as _;
use rayon::prelude::*;

use common::{provider_keys, querier_keys, rng, terms};
use party::Party;
use scene::{ROLES, Recorder, Scene, people, place};
use world::{Weather, World};

/// Schedules of all sessions together.
const SCHEDULES: u64 = 10_000;

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
    let link = parts::link_tapped(
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
