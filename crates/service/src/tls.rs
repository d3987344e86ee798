//! Mutual TLS 1.3 with pinned certificates, in both directions.
//!
//! A certificate must pass twice: it is issued by the configured authority, valid now and (for a
//! server) made out to the name we called; and its SHA-256 fingerprint stands in this party's
//! configuration. The second check is the one that carries the trust between organisations.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, DistinguishedName, OtherError,
    ServerConfig, SignatureScheme,
};

use crate::{Error, Fingerprint, Identity};

/// A certificate that is in order, but not among those of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its certificate has the fingerprint {found}, which is not the one in our configuration")]
pub(crate) struct NotPinned {
    /// What it has.
    pub(crate) found: Fingerprint,
}

/// TLS for a server that talks to the owners of `pinned` certificates only.
pub(crate) fn server(
    identity: &Identity,
    pinned: BTreeSet<Fingerprint>,
) -> Result<ServerConfig, Error> {
    let provider = provider();
    let chain =
        WebPkiClientVerifier::builder_with_provider(identity.roots().clone(), provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(Arc::new(PinnedClients { chain, pinned }))
        .with_single_cert(identity.chain().to_vec(), identity.key())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed connection would skip the handshake that shows both certificates and checks that
    // they are valid and pinned now.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// TLS for a client that talks to the owner of the `pinned` certificate only.
pub(crate) fn client(identity: &Identity, pinned: Fingerprint) -> Result<ClientConfig, Error> {
    let provider = provider();
    let chain =
        WebPkiServerVerifier::builder_with_provider(identity.roots().clone(), provider.clone())
            .build()
            .map_err(|error| rustls::Error::General(error.to_string()))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PinnedServer { chain, pinned }))
        .with_client_auth_cert(identity.chain().to_vec(), identity.key())?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn not_pinned(found: Fingerprint) -> rustls::Error {
    CertificateError::Other(OtherError(Arc::new(NotPinned { found }))).into()
}

/// The methods of a verifier that have nothing to do with pinning.
macro_rules! signatures_as_in_the_chain {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.chain.verify_tls12_signature(message, cert, signature)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            signature: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, rustls::Error> {
            self.chain.verify_tls13_signature(message, cert, signature)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.chain.supported_verify_schemes()
        }
    };
}

#[derive(Debug)]
struct PinnedServer {
    chain: Arc<WebPkiServerVerifier>,
    pinned: Fingerprint,
}

impl ServerCertVerifier for PinnedServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let found = Fingerprint::of_certificate(end_entity);
        if found != self.pinned {
            return Err(not_pinned(found));
        }
        self.chain
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    signatures_as_in_the_chain!();
}

#[derive(Debug)]
struct PinnedClients {
    chain: Arc<dyn ClientCertVerifier>,
    pinned: BTreeSet<Fingerprint>,
}

impl ClientCertVerifier for PinnedClients {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let found = Fingerprint::of_certificate(end_entity);
        if !self.pinned.contains(&found) {
            return Err(not_pinned(found));
        }
        self.chain
            .verify_client_cert(end_entity, intermediates, now)
    }

    signatures_as_in_the_chain!();
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use rustls::client::{ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue};
    use rustls::{ClientConnection, HandshakeKind, NamedGroup, ServerConnection};

    use super::*;
    use crate::identity::authority::Authority;

    /// A client's memory that takes every ticket it gets.
    #[derive(Debug, Default)]
    struct Tickets {
        seen: AtomicUsize,
        kept: Mutex<Vec<Tls13ClientSessionValue>>,
    }

    impl ClientSessionStore for Tickets {
        fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

        fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
            None
        }

        fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

        fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
            None
        }

        fn remove_tls12_session(&self, _: &ServerName<'static>) {}

        fn insert_tls13_ticket(&self, _: ServerName<'static>, value: Tls13ClientSessionValue) {
            self.seen.fetch_add(1, Ordering::Relaxed);
            self.kept.lock().unwrap().push(value);
        }

        fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
            self.kept.lock().unwrap().pop()
        }
    }

    /// Lets both sides talk until neither has anything to say.
    fn converse(client: &mut ClientConnection, server: &mut ServerConnection) {
        while client.wants_write() || server.wants_write() {
            let mut said = Vec::new();
            while client.wants_write() {
                client.write_tls(&mut said).unwrap();
            }
            let mut heard = &*said;
            while !heard.is_empty() {
                server.read_tls(&mut heard).unwrap();
                server.process_new_packets().unwrap();
            }
            let mut said = Vec::new();
            while server.wants_write() {
                server.write_tls(&mut said).unwrap();
            }
            let mut heard = &*said;
            while !heard.is_empty() {
                client.read_tls(&mut heard).unwrap();
                client.process_new_packets().unwrap();
            }
        }
    }

    #[test]
    fn no_ticket_is_sent_and_every_connection_shows_both_certificates() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(1).unwrap();
        let identity =
            |name| Identity::load(&authority.write_identity(folder.path(), name).unwrap()).unwrap();
        let (server, client) = (identity("server"), identity("client"));
        let pinned = BTreeSet::from([client.fingerprint()]);
        let serving = Arc::new(super::server(&server, pinned).unwrap());
        // A client that would resume if it could.
        let tickets = Arc::new(Tickets::default());
        let mut calling = super::client(&client, server.fingerprint()).unwrap();
        calling.resumption = Resumption::store(tickets.clone());
        let calling = Arc::new(calling);
        for _ in 0..2 {
            let name = ServerName::try_from("localhost").unwrap();
            let mut client = ClientConnection::new(calling.clone(), name).unwrap();
            let mut server = ServerConnection::new(serving.clone()).unwrap();
            converse(&mut client, &mut server);
            assert_eq!(server.handshake_kind(), Some(HandshakeKind::Full));
            assert!(server.peer_certificates().is_some());
        }
        assert_eq!(tickets.seen.load(Ordering::Relaxed), 0);
    }
}
