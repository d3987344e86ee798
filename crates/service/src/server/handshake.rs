//! Handshakes, and what an operator is told of those that fail.

use std::io;

use rustls::{AlertDescription, CertificateError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Fingerprint;
use crate::client::{certificate_problem, refuses_a_certificate};
use crate::tls::NotPinned;

/// Why a handshake has failed.
#[derive(Debug)]
pub(super) enum Problem {
    /// The connection ended before a byte had come.
    Silent,
    /// TLS says why.
    Tls(rustls::Error),
    /// The line broke.
    Line(io::Error),
}

/// Yields also what is left of a connection whose handshake has failed, to be [`ended`] once the failure
/// was told.
pub(super) async fn handshake(
    acceptor: &TlsAcceptor,
    tcp: TcpStream,
) -> Result<TlsStream<TcpStream>, (Problem, TcpStream)> {
    drop(tcp.set_nodelay(true));
    // Looks at the first byte and leaves it there.
    if matches!(tcp.peek(&mut [0]).await, Ok(0)) {
        return Err((Problem::Silent, tcp));
    }
    let accepted = acceptor.accept(tcp).into_fallible().await;
    accepted.map_err(|(error, tcp)| {
        let inner = error.get_ref();
        let tls = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let problem = match tls {
            Some(tls) => Problem::Tls(tls.clone()),
            None => Problem::Line(error),
        };
        (problem, tcp)
    })
}

/// Lets the other side read why before the connection is gone.
pub(super) async fn ended(mut tcp: TcpStream) {
    // Unread bytes would make the system reset the connection, and the reset would overtake the alert
    // that tells the client why.
    if tcp.shutdown().await.is_ok() {
        let mut rest = [0; 4096];
        while matches!(tcp.read(&mut rest).await, Ok(read) if read > 0) {}
    }
}

impl Problem {
    /// What is wrong and what to do, for the log of the party whose certificate is `own`.
    pub(super) fn in_words(&self, own: Fingerprint) -> String {
        use rustls::Error as E;
        match self {
            Self::Silent => "it ended without a word".to_owned(),
            Self::Line(error) => format!("the line broke during the handshake: {error}"),
            Self::Tls(E::InvalidCertificate(problem)) => {
                format!("{}; {}", certificate_problem(problem), remedy(problem))
            }
            Self::Tls(E::NoCertificatesPresented) => {
                "it showed no certificate; if it is a partner's, it must call with its blindjoin program, whose \
                 [identity] has one"
                    .to_owned()
            }
            Self::Tls(E::AlertReceived(alert)) if refuses_a_certificate(*alert) => format!(
                "it refused our certificate ({alert:?}); its configuration must name us by the fingerprint {own} \
                 and have the authority of our certificate, and that must not have expired"
            ),
            Self::Tls(
                E::NoApplicationProtocol
                | E::AlertReceived(AlertDescription::NoApplicationProtocol),
            ) => {
                "it does not speak HTTP/2, and so is no blindjoin program".to_owned()
            }
            Self::Tls(E::InvalidMessage(_) | E::InappropriateMessage { .. }) => {
                "what it sent is not TLS, and so is no blindjoin program's: a web browser or a scanner; a partner must \
                 call with its blindjoin program, without a proxy between that takes TLS off"
                    .to_owned()
            }
            Self::Tls(E::PeerIncompatible(problem)) => format!(
                "it does not speak TLS 1.3 as blindjoin does ({problem:?}); a proxy between us must pass TLS on as it is"
            ),
            Self::Tls(other) => other.to_string(),
        }
    }
}

/// What to do about a certificate that is refused.
fn remedy(problem: &CertificateError) -> &'static str {
    use CertificateError as E;
    match problem {
        E::Expired | E::ExpiredContext { .. } => {
            "its owner must renew it and send the new fingerprint"
        }
        E::NotValidYet | E::NotValidYetContext { .. } => "compare the clocks",
        E::UnknownIssuer | E::BadSignature => {
            "authority under [identity] must be the one that has issued the certificates of all parties"
        }
        E::Other(other) if other.0.is::<NotPinned>() => {
            "if it is a partner's, and it tells the same fingerprint on another way, put that into the configuration"
        }
        _ => "its owner must make another one",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use rustls::SignatureScheme;
    use rustls::client::ResolvesClientCert;
    use rustls::pki_types::ServerName;
    use rustls::sign::CertifiedKey;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    use super::*;
    use crate::identity::authority::Authority;
    use crate::{Identity, tls};

    /// Who comes.
    #[derive(Clone, Copy, Debug)]
    enum Comer {
        Nobody,
        Browser,
        WithoutCertificate,
        Stranger,
        OfAnotherAuthority,
        ExpectingAnother,
    }

    /// Of a client that has none.
    #[derive(Debug)]
    struct NoCertificate;

    impl ResolvesClientCert for NoCertificate {
        fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
            None
        }

        fn has_certs(&self) -> bool {
            false
        }
    }

    struct Scene {
        folder: tempfile::TempDir,
        authority: Authority,
        server: Identity,
        /// Listed, of the server's authority and of another.
        listed: [Identity; 2],
    }

    impl Scene {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let (authority, other) = (Authority::new(1).unwrap(), Authority::new(1).unwrap());
            let within = |name: &str| {
                let folder = folder.path().join(name);
                std::fs::create_dir(&folder).unwrap();
                folder
            };
            let of = |authority: &Authority, name| {
                let files = authority.write_identity(&within(name), name).unwrap();
                Identity::load(&files).unwrap()
            };
            let server = of(&authority, "server");
            let mut elsewhere = other.write_identity(&within("else"), "else").unwrap();
            // It trusts the server's authority, which does not trust it.
            elsewhere.authority = folder.path().join("server/authority.pem");
            let listed = [
                of(&authority, "client"),
                Identity::load(&elsewhere).unwrap(),
            ];
            Self {
                folder,
                authority,
                server,
                listed,
            }
        }

        /// What the server's operator is told.
        async fn told(&self, comer: Comer) -> (String, Fingerprint) {
            let pinned = self.listed.iter().map(Identity::fingerprint);
            let pinned: BTreeSet<_> = pinned.collect();
            let config = tls::server(&self.server, pinned).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let stranger = self
                .authority
                .write_identity(self.folder.path(), "stranger");
            let stranger = Identity::load(&stranger.unwrap()).unwrap();
            let server = self.server.fingerprint();
            let (identity, expects) = match comer {
                Comer::Stranger => (&stranger, server),
                Comer::OfAnotherAuthority => (&self.listed[1], server),
                Comer::ExpectingAnother => (&self.listed[0], stranger.fingerprint()),
                _ => (&self.listed[0], server),
            };
            let mut config = tls::client(identity, expects).unwrap();
            if matches!(comer, Comer::WithoutCertificate) {
                config.client_auth_cert_resolver = Arc::new(NoCertificate);
            }
            let calling = async {
                let mut tcp = TcpStream::connect(address).await.unwrap();
                match comer {
                    Comer::Nobody => {}
                    Comer::Browser => {
                        tcp.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
                        drop(tcp.read(&mut [0; 100]).await);
                    }
                    _ => {
                        let name = ServerName::try_from("localhost").unwrap();
                        let stream = TlsConnector::from(Arc::new(config))
                            .connect(name, tcp)
                            .await;
                        if let Ok(mut stream) = stream {
                            drop(stream.read(&mut [0; 100]).await);
                        }
                    }
                }
            };
            let serving = async {
                let (tcp, _) = listener.accept().await.unwrap();
                let (problem, tcp) = handshake(&acceptor, tcp).await.map(drop).unwrap_err();
                ended(tcp).await;
                problem
            };
            let (problem, ()) = tokio::join!(serving, calling);
            assert_eq!(
                matches!(problem, Problem::Silent),
                matches!(comer, Comer::Nobody)
            );
            (problem.in_words(server), stranger.fingerprint())
        }
    }

    #[tokio::test]
    async fn an_operator_is_told_who_came_and_what_to_do() {
        let scene = Scene::new();
        for (comer, words) in [
            (Comer::Nobody, &["without a word"][..]),
            (Comer::Browser, &["not TLS", "browser"]),
            (Comer::WithoutCertificate, &["no certificate", "[identity]"]),
            (
                Comer::Stranger,
                &["STRANGER", "put that into the configuration"],
            ),
            (
                Comer::OfAnotherAuthority,
                &["another authority", "[identity]"],
            ),
            (
                Comer::ExpectingAnother,
                &["refused our certificate", "OURS"],
            ),
        ] {
            let (told, stranger) = scene.told(comer).await;
            for word in words {
                let word = word
                    .replace("STRANGER", &stranger.to_string())
                    .replace("OURS", &scene.server.fingerprint().to_string());
                assert!(told.contains(&word), "{comer:?}: no {word:?} in: {told}");
            }
        }
    }
}
