//! Streams over a network that loses, repeats and reorders, between parties that crash.

use std::collections::{BTreeMap, VecDeque};

use blindjoin_protocol::{
    Channel, Checkpoint, Error, Inbound, KeyHolder, Outbound, Provider, Release, Released,
    SessionSecret, TableKind, Verdicts, size_class,
};
use rand::Rng;
use rand_chacha::ChaCha20Rng;

use crate::common::{
    Session, key, open_result, population, provider_keys, querier_keys, rng, seal_all, send_result,
    send_table, session, take_table, terms,
};

/// One stream between two parties that may lose their memory at any time, but not what they stored.
struct Link<'a> {
    open_sender: &'a dyn Fn() -> Outbound,
    open_receiver: &'a dyn Fn() -> Inbound,
    payload: &'a dyn Fn(u64) -> Vec<u8>,
    network: VecDeque<(u64, Vec<u8>)>,
    /// Every chunk that was ever sent, to see that none is ever sent in two forms.
    sent: BTreeMap<u64, Vec<u8>>,
    crashes: u32,
    rng: ChaCha20Rng,
}

impl Link<'_> {
    fn chance(&mut self, one_in: u32) -> bool {
        self.rng.next_u32().is_multiple_of(one_in)
    }

    /// Runs until the stream has ended on both sides; yields the ends and the payloads.
    fn run(&mut self) -> (Outbound, Inbound, Vec<Vec<u8>>) {
        let mut sender = (self.open_sender)();
        let mut receiver = (self.open_receiver)();
        let mut stored_sender: BTreeMap<u64, Checkpoint> = BTreeMap::new();
        let mut stored_receiver: Option<Checkpoint> = None;
        let mut payloads: Vec<Vec<u8>> = Vec::new();
        let chunks = sender.chunks();
        stored_sender.insert(0, sender.checkpoint());
        for _ in 0..10_000 {
            if receiver.is_closed() && sender.account().is_ok() {
                return (sender, receiver, payloads);
            }
            if self.chance(9) {
                // The sender forgets, and starts from what the receiver says it holds.
                self.crashes += 1;
                let from = &stored_sender[&receiver.next()];
                sender = (self.open_sender)()
                    .resume(&Checkpoint::from_bytes(from.as_bytes()))
                    .unwrap();
            }
            if self.chance(9) {
                self.crashes += 1;
                self.network.clear();
                receiver = (self.open_receiver)();
                if let Some(stored) = &stored_receiver {
                    receiver = receiver
                        .resume(&Checkpoint::from_bytes(stored.as_bytes()))
                        .unwrap();
                }
            }
            if sender.next() < chunks && sender.next() < receiver.next() + 4 {
                let number = sender.next();
                let (next, chunk) = sender.seal(&(self.payload)(number)).unwrap();
                sender = next;
                stored_sender.insert(sender.next(), sender.checkpoint());
                let before = self.sent.insert(number, chunk.clone());
                assert!(
                    before.is_none_or(|before| before == chunk),
                    "chunk {number} changed"
                );
                for _ in 0..=u32::from(self.chance(4)) {
                    if !self.chance(5) {
                        self.network.push_back((number, chunk.clone()));
                    }
                }
                if self.chance(3) && self.network.len() > 1 {
                    self.network.swap(0, 1);
                }
            } else if self.network.is_empty() {
                let from = &stored_sender[&receiver.next()];
                sender = (self.open_sender)().resume(from).unwrap();
            }
            if let Some((number, chunk)) = self.network.pop_front()
                && number == receiver.next()
            {
                let (next, payload) = receiver.open(number, &chunk).unwrap();
                receiver = next;
                payloads.push(payload);
                stored_receiver = Some(receiver.checkpoint());
            }
        }
        panic!("the stream does not end");
    }
}

fn unreliable(
    seed: u64,
    open_sender: &dyn Fn() -> Outbound,
    open_receiver: &dyn Fn() -> Inbound,
    payload: &dyn Fn(u64) -> Vec<u8>,
) -> (Outbound, Inbound, Vec<Vec<u8>>, u32) {
    let (network, sent) = (VecDeque::new(), BTreeMap::new());
    let mut link = Link {
        open_sender,
        open_receiver,
        payload,
        network,
        sent,
        crashes: 0,
        rng: rng(seed),
    };
    let (sender, receiver, payloads) = link.run();
    (sender, receiver, payloads, link.crashes)
}

fn decide_all(
    session: &Session,
    payloads: &[Vec<u8>],
    stream: &Inbound,
) -> Result<Released, Error> {
    let keyholder = KeyHolder::new(
        &session.agreement,
        key(session.agreement.public_key().profile()),
    );
    let verdicts: Vec<Verdicts> = (0..)
        .zip(payloads)
        .map(|(i, payload)| keyholder.decide(i, payload))
        .collect::<Result<_, _>>()?;
    verdicts
        .into_iter()
        .try_fold(keyholder.release(), Release::take)?
        .finish(stream)
}

#[test]
fn crashes_and_losses_change_nothing() {
    let (ours, theirs, shared) = population(1, 420, 1300, 40);
    let sizes = [size_class(424), size_class(1304)];
    let session = session(terms(TableKind::Cuckoo), sizes[0], sizes[1], None, 1).unwrap();
    let keys = || querier_keys(ours.iter().map(String::as_str));
    let theirs = provider_keys(theirs.iter().map(String::as_str));
    let (querier, table) = send_table(&session, keys()).unwrap();
    let provider = take_table(&session, &theirs, &table).unwrap();
    let batches: Vec<Vec<u8>> = (0..provider.comparisons().chunks())
        .map(|i| provider.compare(i).unwrap())
        .collect();
    // A provider that has lost everything but its secret computes the same.
    let reborn: Provider = {
        let secret = SessionSecret::from_bytes(*session.secrets[1].expose());
        let [q, _, k] = session.secrets.clone();
        let session = Session {
            secrets: [q, secret, k],
            ..session_again()
        };
        take_table(&session, &theirs, &table).unwrap()
    };
    assert_eq!(reborn.compare(1).unwrap(), batches[1]);

    let mut crashes = 0;
    for seed in 0..40 {
        let channel: &Channel = &session.provider_to_keyholder;
        let keyholder = KeyHolder::new(
            &session.agreement,
            key(session.agreement.public_key().profile()),
        );
        let (sent, received, payloads, seen) = unreliable(
            seed,
            &|| provider.comparison_stream(channel),
            &|| keyholder.comparison_stream(&session.keyholder_to_provider),
            &|i| batches[usize::try_from(i).unwrap()].clone(),
        );
        crashes += seen;
        assert_eq!(payloads, batches);
        assert_eq!(sent.account().unwrap(), received.account().unwrap());
        if seed > 0 {
            continue;
        }
        let released = decide_all(&session, &payloads, &received).unwrap();
        let summary = provider
            .summary(&session.provider_to_querier, sent.account().unwrap())
            .unwrap();
        let result = send_result(&session, &released, |payload| payload).unwrap();
        let card = open_result(&session, &querier, &result, &summary).unwrap();
        assert_eq!(crate::common::matched(&card), shared);
    }
    assert!(crashes > 40, "{crashes} crashes in 40 runs");
}

/// The session of the test above, negotiated again: the same nonces, secrets and keys.
fn session_again() -> Session {
    session(
        terms(TableKind::Cuckoo),
        size_class(424),
        size_class(1304),
        None,
        1,
    )
    .unwrap()
}

#[test]
fn a_checkpoint_of_another_stream_is_refused() {
    let session = session(terms(TableKind::Cuckoo), 64, 64, None, 2).unwrap();
    let (querier, _) = send_table(&session, querier_keys(["a"])).unwrap();
    let table = querier.table_stream(&session.querier_to_provider);
    let other = session_again();
    let (elsewhere, _) = send_table(&other, querier_keys(["a"])).unwrap();
    let elsewhere = elsewhere.table_stream(&other.querier_to_provider);
    let malformed = Error::Malformed { what: "checkpoint" };
    let checkpoint = elsewhere.checkpoint();
    assert_eq!(table.resume(&checkpoint).unwrap_err(), malformed);
    let summary = querier.summary_stream(&session.querier_to_provider);
    let table = querier.table_stream(&session.querier_to_provider);
    assert_eq!(summary.resume(&table.checkpoint()).unwrap_err(), malformed);
    let bytes = table.checkpoint().as_bytes().to_vec();
    for length in 0..bytes.len() {
        let table = querier.table_stream(&session.querier_to_provider);
        assert!(
            table
                .resume(&Checkpoint::from_bytes(&bytes[..length]))
                .is_err()
        );
    }
    let (_, sealed) = seal_all(
        table.resume(&Checkpoint::from_bytes(&bytes)).unwrap(),
        |i| querier.table_chunk(i),
    )
    .unwrap();
    assert_eq!(sealed.len(), 1);
}
