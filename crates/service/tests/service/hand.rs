//! A querier by hand at the provider: it says what no program of ours would say.

use blindjoin_protocol::agree::{
    Answer, IdentityKey, Manifest, Offer, Parties, Published, Signer, Terms,
};
use blindjoin_protocol::parts::BlockOffer;
use blindjoin_service::identity::IdentityFiles;
use blindjoin_service::wire::provider_client::ProviderClient;
use blindjoin_service::wire::{DescribeRequest, NegotiateRequest, ProviderOpenSessionRequest};
use blindjoin_service::{Code, Connection, Identity, Role};
use tonic::Status;
use tonic::transport::Channel;

use crate::common::{Serving, Setup, peer};

/// All that a querier gets to see for one offer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// The answer but for its nonce, and what is left of the allowance: places, lookups, pairs.
    Answered(Vec<u8>, [u64; 3]),
    /// The code, the text, and what is left.
    Refused(tonic::Code, String, [u64; 3]),
}

/// A connection to the provider, and what it publishes.
pub(crate) struct Hand {
    connection: Connection,
    pub(crate) published: Published,
    parties: Parties,
}

impl Hand {
    pub(crate) async fn at(setup: &Setup, files: &IdentityFiles, provider: &Serving) -> Self {
        let identity = Identity::load(files).unwrap();
        let at = peer(&setup.provider, provider.address);
        let connection = Connection::open(&identity, Role::Provider, &at)
            .await
            .unwrap();
        let parties = Parties {
            querier: Signer::from_seed(identity.seed()).key(),
            provider: IdentityKey(connection.public_key()),
            keyholder: IdentityKey([9; 32]),
        };
        let published = describe(&connection).await;
        Self {
            connection,
            published,
            parties,
        }
    }

    /// Who the manifests of this querier name.
    pub(crate) fn parties(&self) -> Parties {
        self.parties
    }

    fn client(&self) -> ProviderClient<Channel> {
        ProviderClient::new(self.connection.channel())
    }

    /// What is left of the allowance: places, lookups, pairs.
    pub(crate) async fn left(&self) -> [u64; 3] {
        let left = describe(&self.connection).await.own.left;
        [left.places, left.lookups, left.pairs]
    }

    pub(crate) async fn negotiate(&self, offer: &Offer) -> Result<Answer, Status> {
        let offer = offer.encode();
        let answered = self.client().negotiate(NegotiateRequest { offer }).await?;
        Ok(Answer::decode(&answered.into_inner().answer).unwrap())
    }

    /// Opens the session of an answered offer, of which the key holder knows nothing.
    pub(crate) async fn open(&self, offer: &Offer, answer: &Answer) -> Status {
        let manifest = Manifest::new(offer, answer, &self.published, self.parties).unwrap();
        let request = ProviderOpenSessionRequest {
            manifest: manifest.encode(),
            handshake: Vec::new(),
        };
        self.client().open_session(request).await.unwrap_err()
    }

    pub(crate) async fn ask(&self, offer: &Offer) -> Seen {
        let answered = self.negotiate(offer).await;
        let left = self.left().await;
        match answered {
            Ok(answer) => {
                let blank = Answer { nonce: [0; 32] };
                assert_ne!(answer, blank, "a nonce");
                Seen::Answered(blank.encode(), left)
            }
            Err(status) => Seen::Refused(status.code(), status.message().to_owned(), left),
        }
    }

    /// An offer as it stands here, whether or not it contradicts itself.
    pub(crate) fn offer(&self, terms: Terms, size: u64, blocks: Option<BlockOffer>) -> Offer {
        Offer {
            terms,
            nonce: [1; 32],
            published: self.published.digest(),
            querier_size: size,
            blocks,
        }
    }
}

async fn describe(connection: &Connection) -> Published {
    let described = ProviderClient::new(connection.channel())
        .describe(DescribeRequest {})
        .await
        .unwrap();
    Published::decode(&described.into_inner().published).unwrap()
}

/// The code that a party told.
pub(crate) fn said(status: &Status) -> Code {
    Code::of_status(status).unwrap_or_else(|| panic!("a text instead of a code: {status:?}"))
}

/// Waits for all of them, under way at the same time.
pub(crate) async fn at_once<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut all: Vec<_> = all.into_iter().map(|one| (Box::pin(one), None)).collect();
    std::future::poll_fn(|context| {
        for (one, outcome) in &mut all {
            if outcome.is_none()
                && let std::task::Poll::Ready(ready) = one.as_mut().poll(context)
            {
                *outcome = Some(ready);
            }
        }
        if all.iter().all(|(_, outcome)| outcome.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    all.into_iter().filter_map(|(_, outcome)| outcome).collect()
}
