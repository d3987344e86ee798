//! Messages that a program wrote which knows the specification alone (`spec/messages.py`), and ours.

use blindjoin_protocol::Role;
use blindjoin_protocol::agree::{
    Agreement, Answer, IdentityKey, Manifest, Offer, Parties, Published, SessionSecret, Signer,
};
use blindjoin_protocol::input::{QuerierKeysBuilder, join_key};
use blindjoin_protocol::paillier::{KeySize, Profile, SecretKey};
use blindjoin_protocol::parts::{Channel, Handshake, KeyAnnouncement, Querier, TableIntake};
use num_bigint::BigUint;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::common::rng;

const ROLES: [Role; 3] = [Role::Querier, Role::Provider, Role::KeyHolder];

fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/messages.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    let digits = (0..text.len()).step_by(2).map(|at| &text[at..at + 2]);
    digits
        .map(|digits| u8::from_str_radix(digits, 16).unwrap())
        .collect()
}

fn array<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().unwrap()
}

fn parties(vectors: &Value) -> Parties {
    let [querier, provider, keyholder] =
        [0, 1, 2].map(|i| IdentityKey(array(&vectors["parties"][i])));
    Parties {
        querier,
        provider,
        keyholder,
    }
}

#[test]
fn publications_offers_answers_and_manifests_are_the_specification_s() {
    let vectors = vectors();
    let published = Published::decode(&bytes(&vectors["published"])).unwrap();
    assert_eq!(published.encode(), bytes(&vectors["published"]));
    let answer = Answer::decode(&bytes(&vectors["answer"])).unwrap();
    assert_eq!(answer.encode(), bytes(&vectors["answer"]));
    let offers = vectors["offers"].as_array().unwrap();
    assert_eq!(offers.len(), 7);
    for row in offers {
        let name = &row["name"];
        let offer = Offer::decode(&bytes(&row["offer"])).unwrap();
        assert_eq!(offer.encode(), bytes(&row["offer"]), "{name}");
        let manifest = Manifest::new(&offer, &answer, &published, parties(&vectors));
        let manifest = manifest.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(manifest.encode(), bytes(&row["manifest"]), "{name}");
        assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest), "{name}");
    }
}

/// A session of the vectors: what was agreed, and the handshakes in the order of [`ROLES`].
struct Session {
    agreement: Agreement,
    handshakes: [Handshake; 3],
    secrets: [SessionSecret; 3],
}

impl Session {
    fn of(vectors: &Value, row: &Value) -> Self {
        let mut offers = vectors["offers"].as_array().unwrap().iter();
        let manifest = &offers.find(|offer| offer["name"] == row["name"]).unwrap()["manifest"];
        let manifest = Manifest::decode(&bytes(manifest)).unwrap();
        let announcement = KeyAnnouncement::decode(&bytes(&row["announcement"])).unwrap();
        let (agreement, _) = announcement.accept(manifest, &mut rng(2)).unwrap();
        Self {
            agreement,
            handshakes: [0, 1, 2]
                .map(|i| Handshake::decode(&bytes(&row["handshakes"][i])).unwrap()),
            secrets: [0, 1, 2].map(|i| SessionSecret::from_bytes(array(&vectors["secrets"][i]))),
        }
    }

    fn channel(&self, own: usize, peer: usize) -> Channel {
        let peer = self.handshakes[peer].verify(ROLES[peer], &self.agreement);
        let secret = &self.secrets[own];
        Channel::derive(&self.agreement, ROLES[own], secret, &peer.unwrap()).unwrap()
    }

    /// A querier with one key, which is enough to open streams.
    fn querier(&self) -> Querier {
        let rules = self.agreement.manifest().terms.rules.len();
        let mut keys = QuerierKeysBuilder::new(rules.try_into().unwrap());
        let mut key = Vec::new();
        join_key(&mut key, "ID", b"452-38-7291", None).unwrap();
        let row = keys.row().unwrap();
        keys.push(row, 0, &key).unwrap();
        let fingerprints = self.channel(0, 1).fingerprints(self.agreement.suite());
        Querier::new(
            &self.agreement,
            fingerprints,
            keys.build(),
            &self.secrets[0],
        )
        .unwrap()
    }
}

#[test]
fn handshakes_and_announcements_are_the_specification_s() {
    let vectors = vectors();
    let integer =
        |name: &str| BigUint::parse_bytes(vectors[name].as_str().unwrap().as_bytes(), 16).unwrap();
    let size = KeySize::insecure_test_key(1024).unwrap();
    let (primes, h) = ([integer("p"), integer("q")], integer("h"));
    let profile = Profile::DjnShort;
    let key = SecretKey::from_parts(primes, &h, None, profile, size, &mut rng(1)).unwrap();
    for row in vectors["sessions"].as_array().unwrap() {
        let session = Session::of(&vectors, row);
        let agreement = &session.agreement;
        assert_eq!(agreement.session_id().0, array(&row["session_id"]));
        assert_eq!(
            agreement.public_key_fingerprint(),
            &array(&row["fingerprint"])
        );
        let identity = |i: usize| Signer::from_seed(&array(&vectors["seeds"][i]));
        for (i, role) in ROLES.into_iter().enumerate() {
            let ours = Handshake::sign(role, &identity(i), agreement, &session.secrets[i]);
            assert_eq!(ours.encode(), bytes(&row["handshakes"][i]), "{role}");
        }
        let same = Agreement::new(agreement.manifest().clone(), key.public().clone()).unwrap();
        let ours = KeyAnnouncement::sign(&identity(2), &same, &session.secrets[2]);
        assert_eq!(ours.encode(), bytes(&row["announcement"]));
    }
}

#[test]
fn sealed_streams_of_the_specification_open() {
    let vectors = vectors();
    let [lookup, counted] = [0, 1].map(|i| &vectors["sessions"][i]);
    let session = Session::of(&vectors, lookup);
    let table = TableIntake::new(&session.agreement).stream(&session.channel(1, 0));
    let (table, payload) = table.open(0, &bytes(&lookup["table"][0])).unwrap();
    let place = |i: usize| Sha256::digest(format!("place {i}")).repeat(8);
    let places: Vec<u8> = (0..34).flat_map(place).collect();
    assert_eq!(payload, places);
    assert!(table.is_closed());
    let summary = session.querier().summary_stream(&session.channel(0, 1));
    let (summary, payload) = summary.open(0, &bytes(&lookup["summary"][0])).unwrap();
    assert!(payload.is_empty() && summary.is_closed());

    let session = Session::of(&vectors, counted);
    let result = session.querier().result_stream(&session.channel(0, 2));
    let (result, payload) = result.open(0, &bytes(&counted["result"][0])).unwrap();
    assert!(result.is_closed());
    let entries: Vec<&[u8]> = payload.chunks(15).collect();
    assert_eq!(entries.len(), 640 + 110);
    assert_eq!(entries[3], [&21_u64.to_be_bytes()[..], &[3; 7]].concat());
    assert_eq!(entries[40], [&[255; 8][..], &[0; 7]].concat());
}
