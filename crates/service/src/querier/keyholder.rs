//! The key holder, as a querier calls it.

use std::sync::Arc;
use std::time::Duration;

use blindjoin_protocol::{Inbound, KeyAnnouncement};
use tokio_stream::StreamExt;

use crate::client::Connection;
use crate::wire::key_holder_client::KeyHolderClient;
use crate::wire::{
    FetchResultRequest, KeyHolderOpenSessionRequest, ReserveRequest, SessionOpening,
};
use crate::{Error, Fingerprint, Role, stream};

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
    ) -> Result<KeyAnnouncement, Error> {
        let request = KeyHolderOpenSessionRequest {
            manifest,
            reservation: reservation.0,
            provider_certificate_sha256: self.provider.as_bytes().to_vec(),
        };
        let response = KeyHolderClient::new(self.connection.channel())
            .open_session(request)
            .await
            .map_err(|status| self.connection.error(&status))?;
        let announcement = response.into_inner().announcement;
        Ok(KeyAnnouncement::decode(&announcement)?)
    }

    /// Fetches the result: its payloads, and the stream that brought them.
    pub(super) async fn fetch(
        &self,
        manifest_sha256: Vec<u8>,
        handshake: Vec<u8>,
        inbound: Inbound,
    ) -> Result<(Vec<Vec<u8>>, Inbound), Error> {
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
        let missing = || Error::Message {
            role: Role::KeyHolder,
            part: "chunk",
        };
        let chunks = response.into_inner().map(|message| match message {
            Ok(message) => message.chunk.ok_or_else(missing),
            Err(status) => Err(self.connection.error(&status)),
        });
        let mut payloads = Vec::new();
        let keep = Arc::new(|_, payload| Ok(payload));
        let inbound = stream::receive(
            inbound,
            chunks,
            (Role::KeyHolder, self.idle),
            keep,
            |payload| {
                payloads.push(payload);
                Ok(())
            },
        )
        .await?;
        Ok((payloads, inbound))
    }
}
