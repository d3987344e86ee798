//! The key holder, as a querier calls it.

use std::time::Duration;

use tokio_stream::{Stream, StreamExt};

use crate::client::Connection;
use crate::wire::key_holder_client::KeyHolderClient;
use crate::wire::{
    Chunk, FetchResultRequest, KeyHolderOpenSessionRequest, ReserveRequest, SessionOpening,
};
use crate::{Error, Fingerprint, Role};

/// A place at the key holder, which serves once.
pub(super) struct Reservation(Vec<u8>);

/// A connection to the key holder.
pub(super) struct ToKeyHolder {
    connection: Connection,
    /// SHA-256 of the provider's certificate.
    provider: Fingerprint,
    idle: Duration,
}

impl ToKeyHolder {
    pub(super) fn new(connection: Connection, provider: Fingerprint, idle: Duration) -> Self {
        Self {
            connection,
            provider,
            idle,
        }
    }

    /// How long to wait for it.
    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    /// Takes a place and a key of so many bits, for a short time.
    pub(super) async fn reserve(&self, key_bits: usize) -> Result<Reservation, Error> {
        let key_bits = u32::try_from(key_bits).map_err(|_| Error::KeySize { bits: u32::MAX })?;
        let request = ReserveRequest {
            provider_certificate_sha256: self.provider.as_bytes().to_vec(),
            key_bits,
        };
        let response = KeyHolderClient::new(self.connection.channel())
            .reserve(request)
            .await
            .map_err(|status| self.connection.error(&status))?;
        Ok(Reservation(response.into_inner().reservation))
    }

    /// Opens the session that a place was reserved for; yields its public key.
    pub(super) async fn open(
        &self,
        reservation: Reservation,
        manifest: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let request = KeyHolderOpenSessionRequest {
            manifest,
            reservation: reservation.0,
            provider_certificate_sha256: self.provider.as_bytes().to_vec(),
        };
        let response = KeyHolderClient::new(self.connection.channel())
            .open_session(request)
            .await
            .map_err(|status| self.connection.error(&status))?;
        Ok(response.into_inner().announcement)
    }

    /// Fetches the result: the key holder answers once it has decided, chunk by chunk.
    pub(super) async fn fetch(
        &self,
        manifest_sha256: Vec<u8>,
        handshake: Vec<u8>,
    ) -> Result<impl Stream<Item = Result<Chunk, Error>> + Unpin, Error> {
        let request = FetchResultRequest {
            opening: Some(SessionOpening {
                manifest_sha256,
                handshake,
            }),
        };
        let response = KeyHolderClient::new(self.connection.channel())
            .fetch_result(request)
            .await
            .map_err(|status| self.connection.error(&status))?;
        let role = Role::KeyHolder;
        let part = "chunk";
        Ok(response.into_inner().map(move |message| match message {
            Ok(message) => message.chunk.ok_or(Error::Message { role, part }),
            Err(status) => Err(self.connection.error(&status)),
        }))
    }
}
