//! What the servers' logs hold, at their most talkative: nothing that depends on records.
//!
//! A process of its own, because it listens to everything that is logged in it.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use blindjoin_protocol::agree::TableKind;
use blindjoin_service::config::LinkOptions;
use blindjoin_service::{Fingerprint, Identity};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

#[expect(dead_code, reason = "the other tests use the rest")]
#[path = "../service/common.rs"]
mod common;

use common::{Serving, Setup, options, registry};

/// What one session logs differently from the next, whatever the records.
const OWN_TO_A_SESSION: [&str; 5] = ["ms", "waited_ms", "session", "transcript", "address"];

/// Everything that is logged.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Line>>>);

/// Where a line comes from, and its fields in their order.
type Line = (String, Vec<(&'static str, String)>);

#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.push((field.name(), format!("{value:?}")));
    }
}

impl Heard {
    fn note(&self, origin: String, fields: Fields) {
        self.0.lock().unwrap().push((origin, fields.0));
    }

    /// What was heard since the last time.
    fn take(&self) -> Vec<Line> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let metadata = event.metadata();
        self.note(
            format!("{} {}", metadata.level(), metadata.target()),
            fields,
        );
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let metadata = attributes.metadata();
        self.note(
            format!("{} {}", metadata.level(), metadata.target()),
            fields,
        );
    }

    fn on_record(&self, _: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = Fields::default();
        values.record(&mut fields);
        self.note("record".to_owned(), fields);
    }
}

/// Of our own lines, how often each was logged, without what is a session's own.
fn our_lines(heard: &[Line]) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    for (origin, fields) in heard {
        let ours = origin.contains("blindjoin");
        // Keys are made beside the sessions, in their own time.
        let beside = fields
            .iter()
            .any(|(_, value)| value.contains("session key is ready"));
        if ours && !beside {
            let fields: Vec<_> = fields
                .iter()
                .filter(|(name, _)| !OWN_TO_A_SESSION.contains(name))
                .collect();
            *lines.entry(format!("{origin} {fields:?}")).or_default() += 1;
        }
    }
    lines
}

/// Records with one identifier each, of which `shared` are those of the first records.
fn people(owner: &str, count: usize, shared: usize) -> Vec<String> {
    (0..count)
        .map(|i| if i < shared { "BOTH" } else { owner }.to_owned() + &format!("-PERSON-{i:04}"))
        .collect()
}

fn rows(people: &[String]) -> Vec<[Option<&str>; 2]> {
    people.iter().map(|id| [Some(&**id), None]).collect()
}

/// Two registries of the same size, of which one shares 61 people with the querier and the other
/// 149: everything that is logged at any level is the same, but for what is a session's own, and no
/// line of any library in the process holds an identifier or a secret.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_do_not_depend_on_records_and_hold_no_secret() {
    let heard = Heard::default();
    let subscriber = tracing_subscriber::registry().with(heard.clone());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let setup = Setup::new();
    let modes = [
        LinkOptions {
            table: Some(TableKind::Cuckoo),
            ..options()
        },
        options(),
        LinkOptions {
            counting: Some(true),
            ..options()
        },
    ];
    let mut worlds = Vec::new();
    for shared in [61, 149] {
        let keyholder = setup.serve_keyholder().await;
        let (ours, theirs) = (people("OURS", 200, shared), people("THEIRS", 210, shared));
        let config = setup.provider_config_with_dice(keyholder.address);
        let provider = Serving::provider(&config, registry(&rows(&theirs))).await;
        let counterparts = setup.counterparts(keyholder.address, provider.address);
        for mode in &modes {
            let linked = setup.link(&counterparts, mode, &rows(&ours)).await.unwrap();
            assert_eq!(linked.card.matched_rows(), shared);
        }
        provider.stop().await;
        keyholder.stop().await;
        let lines = heard.take();
        assert_no_secret(&lines, &setup);
        worlds.push(our_lines(&lines));
    }
    assert!(
        worlds[0]
            .keys()
            .any(|line| line.contains("stream decrypted")),
        "the key holder's lines are heard: {:?}",
        worlds[0]
    );
    assert_eq!(worlds[0], worlds[1]);
}

fn assert_no_secret(lines: &[Line], setup: &Setup) {
    let mut secrets = vec!["PERSON".to_owned(), spelled(b"PERSON")];
    for files in [&setup.keyholder, &setup.provider, &setup.querier] {
        let seed = *Identity::load(files).unwrap().seed();
        secrets.push(spelled(&seed));
        secrets.push(Fingerprint::from_bytes(seed).to_string());
    }
    for (origin, fields) in lines {
        for (name, value) in fields {
            for secret in &secrets {
                assert!(!value.contains(secret), "{origin}: {name} = {value}");
            }
        }
    }
}

/// Bytes as `Debug` writes them.
fn spelled(bytes: &[u8]) -> String {
    format!("{bytes:?}").trim_matches(['[', ']']).to_owned()
}
