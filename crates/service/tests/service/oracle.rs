//! A querier that asks the provider for one person, without any session: two registries that differ
//! in one record must answer alike.

use blindjoin_protocol::{
    Answer, BlockDirectory, Manifest, Objection, Offer, Published, QuerierKeys, Terms,
};
use blindjoin_protocol::{Identity as Signer, IdentityKey, Parties};
use blindjoin_service::config::{LinkOptions, ProviderLimits};
use blindjoin_service::wire::provider_client::ProviderClient;
use blindjoin_service::wire::{DescribeRequest, NegotiateRequest};
use blindjoin_service::{Connection, Identity, Role};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;

use crate::common::{Serving, Setup, options, peer, querier_keys, registry, terms};

/// Whom the querier wants to know about.
const CANDIDATE: &str = "candidate";

/// All that a querier gets to see for one offer.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// The length of the answer, and the sizes that follow.
    Answered(usize, u64, u64, Vec<u64>),
    /// Code and text.
    Refused(tonic::Code, String),
}

struct Oracle {
    connection: Connection,
    published: Published,
    parties: Parties,
}

impl Oracle {
    async fn at(setup: &Setup, provider: &Serving) -> Self {
        let identity = Identity::load(&setup.querier).unwrap();
        let at = peer(&setup.provider, provider.address);
        let connection = Connection::open(&identity, Role::Provider, &at)
            .await
            .unwrap();
        let described = ProviderClient::new(connection.channel())
            .describe(DescribeRequest {})
            .await
            .unwrap();
        Self {
            published: Published::decode(&described.into_inner().published).unwrap(),
            parties: Parties {
                querier: Signer::from_seed(identity.seed()).key(),
                provider: IdentityKey(connection.public_key()),
                keyholder: IdentityKey([9; 32]),
            },
            connection,
        }
    }

    fn offer(&self, terms: Terms, keys: &QuerierKeys, blocks: Option<&BlockDirectory>) -> Offer {
        Offer::for_keys(terms, &self.published, keys, blocks, &mut rng()).unwrap()
    }

    async fn ask(&self, offer: &Offer) -> Seen {
        let request = NegotiateRequest {
            offer: offer.encode(),
        };
        let answered = ProviderClient::new(self.connection.channel())
            .negotiate(request)
            .await;
        match answered {
            Err(status) => Seen::Refused(status.code(), status.message().to_owned()),
            Ok(response) => {
                let bytes = response.into_inner().answer;
                let answer = Answer::decode(&bytes).unwrap();
                let manifest =
                    Manifest::new(offer, &answer, &self.published, self.parties).unwrap();
                Seen::Answered(
                    bytes.len(),
                    manifest.querier_size,
                    manifest.provider_size,
                    manifest.classes,
                )
            }
        }
    }

    /// Every way of asking for one person that there is without a session.
    async fn interrogate(&self) -> Vec<Seen> {
        let one = querier_keys(&[[Some(CANDIDATE), None]]);
        let hashed = |bits, salt| BlockDirectory::hashed(bits, salt, one.iter(), &mut rng());
        let salt = self.published.own.salt;
        let mut offers = Vec::new();
        // Canaries that walk over the edge of a class, also with one rule only.
        for canaries in (0..=255).step_by(5) {
            let options = LinkOptions {
                canaries,
                ..options()
            };
            let all = terms(&options, 1);
            let some = Terms {
                rules: all.rules[..1].to_vec(),
                ..all.clone()
            };
            offers.extend([all, some].map(|terms| self.offer(terms, &one, None)));
        }
        // The block of one hash: of the fewest bits, of too many, under a salt of one's own.
        let plain = terms(&options(), 1);
        for (bits, salt) in [(1, salt), (2, salt), (19, salt), (1, [1; 32])] {
            let blocks = hashed(bits, salt);
            offers.push(self.offer(plain.clone(), &one, Some(&blocks)));
        }
        let lookup = options().lookup_terms(plain.rules.clone(), plain.rules_digest);
        offers.push(self.offer(lookup.unwrap(), &one, Some(&hashed(1, salt))));
        // On what was published before, and under other rules.
        let mut before = self.offer(plain.clone(), &one, None);
        before.published = [3; 32];
        offers.push(before);
        let mut others = plain;
        others.rules_digest = [4; 32];
        offers.push(self.offer(others, &one, None));

        let mut seen = Vec::new();
        for offer in &offers {
            seen.push(self.ask(offer).await);
        }
        seen
    }
}

fn rng() -> ChaCha20Rng {
    ChaCha20Rng::from_seed([1; 32])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_offer_tells_whether_a_person_is_in_the_registry() {
    let mut setup = Setup::new();
    setup.provider_limits = ProviderLimits {
        hash_bits: 1,
        // Nothing ends the interrogation early.
        sessions: 1000,
        sessions_per_querier: 1000,
        ..setup.provider_limits
    };
    let keyholder = setup.serve_keyholder().await;
    let ids: Vec<String> = (0..2000).map(|id| id.to_string()).collect();
    let without: Vec<_> = ids.iter().map(|id| [Some(id.as_str()), None]).collect();
    let mut with = without.clone();
    with.push([Some(CANDIDATE), None]);

    let mut worlds = Vec::new();
    for values in [&without, &with] {
        let config = setup.provider_config_with_dice(keyholder.address);
        let provider = Serving::provider(&config, registry(values)).await;
        let oracle = Oracle::at(&setup, &provider).await;
        let seen = oracle.interrogate().await;
        assert!(seen.iter().any(|seen| matches!(seen, Seen::Answered(..))));
        worlds.push((oracle.published.digest(), seen));
        provider.stop().await;
    }
    keyholder.stop().await;
    let [absent, present] = &worlds[..] else {
        panic!("two worlds");
    };
    assert_eq!(absent, present);

    // No size depends on the number of canaries, and no refusal says why.
    let sizes: Vec<&Seen> = absent.1.iter().step_by(2).take(52).collect();
    assert!(sizes.iter().all(|seen| *seen == sizes[0]), "{sizes:?}");
    let refusals = absent.1.iter().filter_map(|seen| match seen {
        Seen::Refused(_, word) => Some(word.as_str()),
        Seen::Answered(..) => None,
    });
    let refusals: Vec<&str> = refusals.collect();
    let due = ["refused", "refused", "outdated", "outdated", "refused"];
    assert_eq!(refusals, due);
}

/// What the provider would refuse is told before it is asked, with the numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_querier_finds_objections_before_it_asks() {
    let mut setup = Setup::new();
    setup.provider_limits.hash_bits = 1;
    let keyholder = setup.serve_keyholder().await;
    let provider = setup
        .serve_provider(keyholder.address, &[[Some("1"), None]])
        .await;
    let oracle = Oracle::at(&setup, &provider).await;
    let one = querier_keys(&[[Some(CANDIDATE), None]]);
    let blocks = BlockDirectory::hashed(1, oracle.published.own.salt, one.iter(), &mut rng());
    let offer = oracle.offer(terms(&options(), 1), &one, Some(&blocks));
    // Two classes of 320 keys are less than two thousand.
    let objection = Objection::HashBits { bits: 1, most: 0 };
    assert_eq!(oracle.published.admit(&offer), Err(objection.into()));
    assert!(matches!(oracle.ask(&offer).await, Seen::Refused(..)));
    provider.stop().await;
    keyholder.stop().await;
}
