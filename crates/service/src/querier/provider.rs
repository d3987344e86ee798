//! The provider, as a querier calls it.

use std::sync::Arc;
use std::time::Duration;

use blindjoin_protocol::agree::{Answer, Offer, Published};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt, once};

use super::clock::Clock;
use crate::client::Connection;
use crate::progress::{News, Phase};
use crate::wire::link_request::Part;
use crate::wire::link_response::Event;
use crate::wire::provider_client::ProviderClient;
use crate::wire::{
    Chunk, DescribeRequest, LinkRequest, NegotiateRequest, ProviderOpenSessionRequest,
};
use crate::{Error, Role, pool, stream};

/// The longest publication that is read, in bytes.
const LONGEST_PUBLICATION: usize = 64 << 20;

/// A connection to the provider.
pub(super) struct ToProvider {
    connection: Connection,
    idle: Duration,
}

impl ToProvider {
    pub(super) fn new(connection: Connection, idle: Duration) -> Self {
        Self { connection, idle }
    }

    /// Fetches what the provider publishes.
    pub(super) async fn describe(&self) -> Result<Arc<Published>, Error> {
        let response = ProviderClient::new(self.connection.channel())
            .max_decoding_message_size(LONGEST_PUBLICATION)
            .describe(DescribeRequest {})
            .await
            .map_err(|status| self.connection.error(&status))?;
        let published = response.into_inner().published;
        let decode = move || Published::decode(&published);
        let published = pool::compute("reading what is published", decode).await??;
        Ok(Arc::new(published))
    }

    /// Makes an offer.
    pub(super) async fn negotiate(&self, offer: &Offer) -> Result<Answer, Error> {
        let request = NegotiateRequest {
            offer: offer.encode(),
        };
        let response = ProviderClient::new(self.connection.channel())
            .negotiate(request)
            .await
            .map_err(|status| self.connection.error(&status))?;
        Ok(Answer::decode(&response.into_inner().answer)?)
    }

    /// Opens a session; yields what the provider signs.
    pub(super) async fn open(
        &self,
        manifest: Vec<u8>,
        handshake: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let request = ProviderOpenSessionRequest {
            manifest,
            handshake,
        };
        let response = ProviderClient::new(self.connection.channel())
            .open_session(request)
            .await
            .map_err(|status| self.connection.error(&status))?;
        Ok(response.into_inner().handshake)
    }

    /// Sends the chunks of the table as they come, follows the comparisons, and takes the provider's
    /// summary.
    pub(super) async fn link(
        &self,
        id: Vec<u8>,
        chunks: mpsc::Receiver<Chunk>,
        clock: &Clock<'_>,
    ) -> Result<Chunk, Error> {
        let requests = once(LinkRequest {
            part: Some(Part::ManifestSha256(id)),
        })
        .chain(ReceiverStream::new(chunks).map(|chunk| LinkRequest {
            part: Some(Part::Chunk(chunk)),
        }));
        let response = ProviderClient::new(self.connection.channel())
            .link(requests)
            .await
            .map_err(|status| self.connection.error(&status))?;
        let mut events = response.into_inner().map(|message| match message {
            Ok(message) => Ok(message.event),
            Err(status) => Err(self.connection.error(&status)),
        });
        self.follow(&mut events, clock).await
    }

    /// Follows the provider's progress to its end.
    async fn follow(
        &self,
        events: &mut (impl Stream<Item = Result<Option<Event>, Error>> + Unpin),
        clock: &Clock<'_>,
    ) -> Result<Chunk, Error> {
        loop {
            match stream::next(events, Role::Provider, self.idle).await? {
                Some(Event::Progress(progress)) => {
                    if progress.compared > 0 {
                        clock.begin(Phase::Compare);
                    }
                    clock.observer.news(News::Done(
                        Phase::Compare,
                        progress.compared,
                        progress.total,
                    ));
                }
                Some(Event::Summary(chunk)) => return Ok(chunk),
                None => {
                    return Err(Error::Message {
                        role: Role::Provider,
                        part: "event",
                    });
                }
            }
        }
    }
}
