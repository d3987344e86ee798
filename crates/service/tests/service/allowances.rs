//! What a querier may ask for, and that nothing gives it back: neither a restart, nor a session that
//! comes to nothing, nor asking in parallel. And that one querier's asking is not another's loss.

use blindjoin_protocol::agree::{Manifest, Offer};
use blindjoin_service::Code;
use blindjoin_service::config::{Client, ProviderConfig, ProviderLimits};
use blindjoin_service::identity::IdentityFiles;

use crate::common::{Serving, Setup, fingerprint, options, registry, terms};
use crate::hand::{Hand, at_once, said};

const THEIRS: [[Option<&str>; 2]; 1] = [[Some("2"), None]];

/// The places of a table for a handful of keys: a class of 320 with any number of canaries.
const PLACES: u64 = 563;

/// A provider with two queriers, whose key holder is never there.
async fn provider(
    setup: &Setup,
    limits: ProviderLimits,
) -> (ProviderConfig, Serving, IdentityFiles) {
    let second = setup
        .authority
        .write_identity(setup.folder.path(), "second");
    let second = second.unwrap();
    let mut config = setup.provider_config("127.0.0.1:9".parse().unwrap());
    config.limits = limits;
    config.queriers.push(Client {
        certificate_sha256: fingerprint(&second),
    });
    let serving = Serving::provider(&config, registry(&THEIRS)).await;
    (config, serving, second)
}

fn join(hand: &Hand) -> Offer {
    hand.offer(terms(&options(), 1), 320, None)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_agreed_on_is_charged_for_good_whatever_becomes_of_it() {
    let setup = Setup::new();
    let limits = ProviderLimits {
        places: Some(2 * PLACES + PLACES / 2),
        lookups: 5,
        ..setup.provider_limits.clone()
    };
    let (config, serving, second) = provider(&setup, limits).await;
    let hand = Hand::at(&setup, &setup.querier, &serving).await;
    let offer = join(&hand);
    let answer = hand.negotiate(&offer).await.unwrap();
    assert_eq!(hand.left().await, [PLACES + PLACES / 2, 5, 0]);
    // Its session comes to nothing: the key holder is not there.
    assert_eq!(said(&hand.open(&offer, &answer).await), Code::Unavailable);
    assert_eq!(hand.left().await[0], PLACES + PLACES / 2);

    // A lookup of one record under two rules.
    let lookup = options().lookup_terms(terms(&options(), 1).rules, crate::common::DIGEST);
    let lookup = lookup.unwrap();
    let size = lookup.rules.len() as u64 + u64::from(lookup.canaries);
    let lookup = hand.offer(lookup, size, None);
    for left in [3, 1] {
        hand.negotiate(&lookup).await.unwrap();
        assert_eq!(hand.left().await[1], left);
    }
    assert_eq!(
        said(&hand.negotiate(&lookup).await.unwrap_err()),
        Code::Refused
    );

    // Neither the end of the connection nor a restart gives anything back.
    drop(hand);
    serving.stop().await;
    let serving = Serving::provider(&config, registry(&THEIRS)).await;
    let hand = Hand::at(&setup, &setup.querier, &serving).await;
    assert_eq!(hand.left().await, [PLACES + PLACES / 2, 1, 0]);
    hand.negotiate(&join(&hand)).await.unwrap();
    let refused = hand.negotiate(&join(&hand)).await.unwrap_err();
    assert_eq!(said(&refused), Code::Refused);
    assert_eq!(hand.left().await[0], PLACES / 2, "a refusal costs nothing");
    // Another querier has its own.
    let other = Hand::at(&setup, &second, &serving).await;
    assert_eq!(other.left().await[0], 2 * PLACES + PLACES / 2);
    other.negotiate(&join(&other)).await.unwrap();
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn allowances_are_not_overdrawn_by_asking_in_parallel() {
    let setup = Setup::new();
    let limits = ProviderLimits {
        places: Some(3 * PLACES),
        sessions: 100,
        sessions_per_querier: 100,
        ..setup.provider_limits.clone()
    };
    let (_, serving, _) = provider(&setup, limits).await;
    let hand = Hand::at(&setup, &setup.querier, &serving).await;
    let offer = join(&hand);
    let asked: Vec<_> = (0..20).map(|_| hand.negotiate(&offer)).collect();
    let mut answered = 0;
    for asked in at_once(asked).await {
        match asked.map_err(|status| said(&status)) {
            Ok(_) => answered += 1,
            // More than a few at once are not even looked at.
            Err(Code::Refused | Code::Busy) => {}
            Err(other) => panic!("{other}"),
        }
    }
    for _ in 0..5 {
        match hand.negotiate(&offer).await {
            Ok(_) => answered += 1,
            Err(status) => assert_eq!(said(&status), Code::Refused),
        }
    }
    assert_eq!((answered, hand.left().await[0]), (3, 0));
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_id_stays_used_after_a_restart() {
    let setup = Setup::new();
    let (config, serving, _) = provider(&setup, setup.provider_limits.clone()).await;
    let hand = Hand::at(&setup, &setup.querier, &serving).await;
    let offer = join(&hand);
    let answer = hand.negotiate(&offer).await.unwrap();
    assert_eq!(said(&hand.open(&offer, &answer).await), Code::Unavailable);
    assert_eq!(said(&hand.open(&offer, &answer).await), Code::Closed);
    serving.stop().await;
    let serving = Serving::provider(&config, registry(&THEIRS)).await;
    let again = Hand::at(&setup, &setup.querier, &serving).await;
    assert_eq!(said(&again.open(&offer, &answer).await), Code::Closed);
    serving.stop().await;
    // Even a provider that took the same dice would not use it again.
    let manifest = Manifest::new(&offer, &answer, &hand.published, again.parties()).unwrap();
    let (id, expires) = (manifest.digest().0, manifest.terms.expires);
    let journal = blindjoin_journal::Journal::open(&config.state_dir).unwrap();
    let used = journal.use_id(&id, expires, expires - 1);
    assert!(matches!(used, Err(blindjoin_journal::Error::Used)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_querier_takes_no_room_from_another() {
    let setup = Setup::new();
    let limits = setup.provider_limits.clone();
    let each = limits.sessions_per_querier;
    assert!(each < limits.sessions);
    let (_, serving, second) = provider(&setup, limits).await;
    let honest = Hand::at(&setup, &second, &serving).await;
    let waiting = join(&honest);
    let answer = honest.negotiate(&waiting).await.unwrap();

    let flood = Hand::at(&setup, &setup.querier, &serving).await;
    let offer = join(&flood);
    let mut answers = Vec::new();
    for _ in 0..8 {
        let asked: Vec<_> = (0..32).map(|_| flood.negotiate(&offer)).collect();
        for asked in at_once(asked).await {
            match asked {
                Ok(answer) => answers.push(answer),
                Err(status) => assert_eq!(said(&status), Code::Busy),
            }
        }
    }
    assert_eq!(answers.len(), each, "as many as have room, of 256");
    let left = flood.left().await[0];
    assert_eq!(left, (1 << 22) - each as u64 * PLACES, "no room, no charge");

    // The offer that waited is still there, and there is room for more of that querier's.
    let opened = honest.open(&waiting, &answer).await;
    assert_eq!(
        said(&opened),
        Code::Unavailable,
        "known, but without key holder"
    );
    honest.negotiate(&waiting).await.unwrap();
    // What is given up is free again.
    assert_eq!(
        said(&flood.open(&offer, &answers[0]).await),
        Code::Unavailable
    );
    flood.negotiate(&offer).await.unwrap();
    // Nobody opens what another was answered.
    let stolen = flood.open(&waiting, &answer).await;
    assert_eq!(said(&stolen), Code::Closed);
    serving.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_whose_session_nobody_opens_frees_its_room() {
    let setup = Setup::new();
    let limits = ProviderLimits {
        sessions_per_querier: 1,
        idle_seconds: 1,
        ..setup.provider_limits.clone()
    };
    let (_, serving, _) = provider(&setup, limits).await;
    let hand = Hand::at(&setup, &setup.querier, &serving).await;
    let offer = join(&hand);
    let first = hand.negotiate(&offer).await.unwrap();
    assert_eq!(said(&hand.negotiate(&offer).await.unwrap_err()), Code::Busy);
    let again = async {
        loop {
            match hand.negotiate(&offer).await {
                Ok(_) => return,
                Err(status) => assert_eq!(said(&status), Code::Busy),
            }
        }
    };
    let again = tokio::time::timeout(std::time::Duration::from_secs(30), again);
    again.await.unwrap();
    // What was waiting is gone.
    assert_eq!(said(&hand.open(&offer, &first).await), Code::Closed);
    serving.stop().await;
}
