//! Mutual TLS 1.3 with pinned certificates, in both directions.
//!
//! A certificate must pass twice: it is issued by the configured authority, valid now and (for a
//! server) made out to the name we called; and its SHA-256 fingerprint stands in this party's
//! configuration. The second check is the one that carries the trust between organisations.

use std::collections::BTreeSet;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
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
    // A resumed session would skip the handshake that shows both certificates.
    config.resumption = rustls::client::Resumption::disabled();
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
