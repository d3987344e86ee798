//! The key holder, as a querier calls it.

use std::sync::Arc;
use std::time::Duration;

use blindjoin_protocol::{Inbound, KeyAnnouncement};
use tokio_stream::StreamExt;

use crate::client::Connection;
use crate::wire::key_holder_client::KeyHolderClient;
use crate::wire::{FetchResultRequest, KeyHolderOpenSessionRequest, SessionOpening};
use crate::{Error, Fingerprint, Role, stream};

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

    /// Opens a session; yields its public key.
    pub(super) async fn open(&self, manifest: Vec<u8>) -> Result<KeyAnnouncement, Error> {
        let request = KeyHolderOpenSessionRequest {
            manifest,
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
