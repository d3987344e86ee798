//! Who is refused, with which words, and that the servers go on.

use blindjoin_protocol::agree::Counting;
use blindjoin_service::config::{KeyHolderLimits, Link, LinkOptions};
use blindjoin_service::identity::authority::Authority;
use blindjoin_service::querier::{Question, link};
use blindjoin_service::{Code, Error, Fault, Fingerprint, Identity, Role};

use crate::common::{Serving, Setup, fingerprint, options, querier_keys, terms};

const OURS: [[Option<&str>; 2]; 2] = [[Some("1"), None], [Some("2"), None]];
const THEIRS: [[Option<&str>; 2]; 1] = [[Some("2"), None]];

/// What the other side would be told, or what the user reads.
fn words(error: &Error) -> String {
    blindjoin_service::chain(error)
}

/// A party's policy forbids something, and only its own log says what.
fn assert_refused(error: &Error, by: Role) {
    assert!(
        matches!(error, Error::Answer { role, code: Code::Refused } if *role == by),
        "{error:?}"
    );
    assert_eq!(error.fault(), Fault::Refused);
}

/// A linkage of the set-up still works: nothing that went before has hurt the servers.
async fn still_serving(setup: &Setup, keyholder: &Serving, provider: &Serving) {
    let counterparts = setup.counterparts(keyholder.address, provider.address);
    let linked = setup.link(&counterparts, &options(), &OURS).await.unwrap();
    assert_eq!(linked.card.matched_rows(), 1);
}

/// Links under another identity than the set-up's querier.
async fn link_as(
    setup: &Setup,
    identity: &Identity,
    keyholder: &Serving,
    provider: &Serving,
) -> Error {
    let counterparts = setup.counterparts(keyholder.address, provider.address);
    let keys = querier_keys(&OURS);
    let terms = terms(&options(), keys.len());
    let question = Question::Keys(keys, None);
    link(identity, &counterparts, terms, question, &())
        .await
        .unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_and_expired_certificates_are_refused_with_a_reason() {
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let folder = setup.folder.path();

    let stranger = setup.authority.write_identity(folder, "stranger").unwrap();
    let error = link_as(
        &setup,
        &Identity::load(&stranger).unwrap(),
        &keyholder,
        &provider,
    )
    .await;
    assert!(matches!(error, Error::RefusedUs { .. }), "{error:?}");
    assert!(
        words(&error).contains(&fingerprint(&stranger).to_string()),
        "{error}"
    );
    assert_eq!(error.fault(), Fault::Refused);

    let error = link_as(
        &setup,
        &Identity::load_unchecked(&setup.expired).unwrap(),
        &keyholder,
        &provider,
    )
    .await;
    assert!(matches!(error, Error::RefusedUs { .. }), "{error:?}");
    assert!(words(&error).contains("expired"), "{error}");

    still_serving(&setup, &keyholder, &provider).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_another_certificate_is_refused() {
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let identity = Identity::load(&setup.querier).unwrap();

    // The wrong fingerprint, and the wrong port: the key holder where the provider should be.
    let mut pinned_wrong = setup.counterparts(keyholder.address, provider.address);
    pinned_wrong.provider.certificate_sha256 = Fingerprint::from_bytes([1; 32]);
    let wrong_port = setup.counterparts(keyholder.address, keyholder.address);
    for counterparts in [pinned_wrong, wrong_port] {
        let keys = querier_keys(&OURS);
        let terms = terms(&options(), keys.len());
        let question = Question::Keys(keys, None);
        let error = link(&identity, &counterparts, terms, question, &())
            .await
            .unwrap_err();
        assert!(matches!(error, Error::RefusedThem { .. }), "{error:?}");
        assert!(
            words(&error).contains("not the one in our configuration"),
            "{error}"
        );
    }
    still_serving(&setup, &keyholder, &provider).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_with_expired_or_foreign_certificates_are_refused() {
    let mut setup = Setup::new();
    let folder = setup.folder.path().join("other");
    std::fs::create_dir(&folder).unwrap();
    setup.keyholder = Authority::new(1)
        .unwrap()
        .write_identity(&folder, "keyholder")
        .unwrap();
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let error = setup
        .link(
            &setup.counterparts(keyholder.address, provider.address),
            &options(),
            &OURS,
        )
        .await
        .unwrap_err();
    assert!(words(&error).contains("another authority"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn absent_servers_are_temporary() {
    let setup = Setup::new();
    let keyholder = setup.serve_keyholder().await;
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let counterparts = setup.counterparts(keyholder.address, nobody);
    let error = setup
        .link(&counterparts, &options(), &OURS)
        .await
        .unwrap_err();
    assert!(
        words(&error).contains("no connection to the data provider"),
        "{error}"
    );
    assert_eq!(error.fault().exit_code(), 75);

    // The provider is there, but its key holder is not.
    let provider = setup.serve_provider(nobody, &THEIRS).await;
    let counterparts = setup.counterparts(keyholder.address, provider.address);
    let error = setup
        .link(&counterparts, &options(), &OURS)
        .await
        .unwrap_err();
    assert_eq!(error.fault().exit_code(), 75, "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_holder_lets_only_listed_pairs_link() {
    let setup = Setup::new();
    let (querier, provider) = (fingerprint(&setup.querier), fingerprint(&setup.provider));
    let another = Fingerprint::from_bytes([9; 32]);
    let links = vec![
        Link {
            querier,
            provider: another,
        },
        Link {
            querier: another,
            provider,
        },
    ];
    let keyholder = setup.serve_keyholder_for(links).await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let counterparts = setup.counterparts(keyholder.address, provider.address);
    let error = setup
        .link(&counterparts, &options(), &OURS)
        .await
        .unwrap_err();
    assert_refused(&error, Role::KeyHolder);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_rules_and_other_limits_are_refused_with_a_reason() {
    let mut setup = Setup::new();
    setup.provider_limits.counting = Counting::Required;
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let counterparts = setup.counterparts(keyholder.address, provider.address);

    let blind = LinkOptions {
        counting: Some(false),
        ..options()
    };
    let error = setup.link(&counterparts, &blind, &OURS).await.unwrap_err();
    assert!(words(&error).contains("must count matches"), "{error}");
    assert_eq!(error.fault(), Fault::Refused);

    let counting = LinkOptions {
        counting: Some(true),
        ..options()
    };
    let for_months = LinkOptions {
        session_hours: 24 * 60,
        ..counting.clone()
    };
    let error = setup.link(&counterparts, &for_months, &OURS).await;
    assert_refused(&error.unwrap_err(), Role::Provider);

    let identity = Identity::load(&setup.querier).unwrap();
    let keys = querier_keys(&OURS);
    let mut terms = terms(&counting, keys.len());
    terms.rules_digest = [0; 32];
    let question = Question::Keys(keys, None);
    let error = link(&identity, &counterparts, terms, question, &())
        .await
        .unwrap_err();
    assert!(
        words(&error).contains("rules are not the provider's"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allowances_add_up_over_sessions() {
    let mut setup = Setup::new();
    // A table for two keys and any number of canaries has 563 places.
    setup.provider_limits.places = Some(1200);
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    still_serving(&setup, &keyholder, &provider).await;
    still_serving(&setup, &keyholder, &provider).await;
    let counterparts = setup.counterparts(keyholder.address, provider.address);
    let error = setup
        .link(&counterparts, &options(), &OURS)
        .await
        .unwrap_err();
    assert!(words(&error).contains("allowance"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_holder_that_goes_away_is_temporary() {
    let setup = Setup {
        limits: KeyHolderLimits {
            sessions: 1,
            ..KeyHolderLimits::default()
        },
        ..Setup::new()
    };
    let keyholder = setup.serve_keyholder().await;
    let provider = setup.serve_provider(keyholder.address, &THEIRS).await;
    let counterparts = setup.counterparts(keyholder.address, provider.address);
    still_serving(&setup, &keyholder, &provider).await;
    keyholder.stop().await;
    let error = setup
        .link(&counterparts, &options(), &OURS)
        .await
        .unwrap_err();
    assert_eq!(error.fault().exit_code(), 75, "{error:?}");
}
