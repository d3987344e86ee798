//! Connections to the other parties, opened by hand so that a failure can be told in words.

use std::error::Error as _;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code as Grpc, Status};

pub(crate) use watched::refuses_a_certificate;
use watched::{Broken, Cause, Watched};

use crate::tls::NotPinned;
use crate::{Code, Error, Fingerprint, Identity, Role, tls};

mod watched;

/// Windows of HTTP/2: enough to keep a fast line full across a continent.
pub(crate) const WINDOW: u32 = 16 << 20;

/// How often an idle connection is probed, and how long a probe may take.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// How long TCP and TLS together may take to connect.
const CONNECT: Duration = Duration::from_secs(15);

/// Where another party serves, and by which certificate it is known.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peer {
    /// Host and port.
    pub address: String,
    /// SHA-256 of its certificate.
    pub certificate_sha256: Fingerprint,
}

/// An open connection to another party, whose certificate is the pinned one.
///
/// It is never reopened: a session ends with its connection.
#[derive(Clone, Debug)]
pub struct Connection {
    address: String,
    cause: Cause,
    channel: Channel,
    own: Fingerprint,
    role: Role,
    public_key: [u8; 32],
}

impl Connection {
    /// Connects, and checks the certificate of whoever answers.
    ///
    /// # Errors
    ///
    /// [`Error::Connect`] if nobody answers in time, [`Error::RefusedThem`] if somebody else does.
    pub async fn open(identity: &Identity, role: Role, peer: &Peer) -> Result<Self, Error> {
        let address = peer.address.clone();
        let failed = |source| Error::Connect {
            role,
            address: address.clone(),
            source,
        };
        let open = async {
            let tcp = TcpStream::connect(&peer.address).await.map_err(failed)?;
            tcp.set_nodelay(true).map_err(failed)?;
            let connector =
                TlsConnector::from(Arc::new(tls::client(identity, peer.certificate_sha256)?));
            let name = server_name(&peer.address).map_err(failed)?;
            connector
                .connect(name, tcp)
                .await
                .map_err(|error| tls_error(error, identity, role, &address))
        };
        let stream = tokio::time::timeout(CONNECT, open)
            .await
            .map_err(|_| failed(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")))??;
        let public_key = certificate_key(&stream).map_err(|problem| Error::RefusedThem {
            role,
            address: address.clone(),
            problem,
        })?;
        let cause = Cause::default();
        let channel = channel(Watched::new(stream, cause.clone()))
            .await
            .map_err(|error| Error::Lost {
                role,
                address: address.clone(),
                reason: crate::error::chain(&error),
            })?;
        Ok(Self {
            address,
            cause,
            channel,
            own: identity.fingerprint(),
            role,
            public_key,
        })
    }

    /// For the generated clients.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The Ed25519 key of the party at the other end, from its pinned certificate.
    pub fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    /// What a failed call means: an answer, a refusal of our certificate, or a broken line.
    pub fn error(&self, status: &Status) -> Error {
        let (role, address) = (self.role, self.address.clone());
        if let Some(code) = Code::of_status(status) {
            return Error::Answer { role, code };
        }
        // What the other side's transport says for a method that it does not have.
        if status.source().is_none() && status.code() == Grpc::Unimplemented {
            let code = Code::Version;
            return Error::Answer { role, code };
        }
        match self.cause.get() {
            Some(Broken::Refused(alert)) => Error::RefusedUs {
                role,
                address,
                alert,
                own: self.own,
            },
            Some(Broken::Network(reason)) => Error::Lost {
                role,
                address,
                reason,
            },
            None => {
                let reason = status
                    .source()
                    .map_or_else(|| status.message().to_owned(), crate::chain);
                Error::Lost {
                    role,
                    address,
                    reason,
                }
            }
        }
    }
}

async fn channel(stream: Watched) -> Result<Channel, tonic::transport::Error> {
    let stream = Mutex::new(Some(stream));
    let once = tower::service_fn(move |_| {
        let stream = stream.lock().unwrap_or_else(PoisonError::into_inner).take();
        std::future::ready(stream.map(TokioIo::new).ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotConnected,
                "the connection is closed; a new one needs a new session",
            )
        }))
    });
    // The name in the URI is never resolved: the stream is open already.
    Endpoint::from_static("http://blindjoin.invalid")
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(true)
        .connect_with_connector(once)
        .await
}

/// Host of `host:port` or `[v6]:port` as TLS wants it.
fn server_name(address: &str) -> io::Result<ServerName<'static>> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(|_| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a host name or an IP address",
        )
    })
}

fn certificate_key(stream: &TlsStream<TcpStream>) -> Result<[u8; 32], String> {
    let (_, session) = stream.get_ref();
    let leaf = session
        .peer_certificates()
        .and_then(<[_]>::first)
        .ok_or("it showed no certificate")?;
    crate::identity::public_key(leaf)
}

fn tls_error(error: io::Error, identity: &Identity, role: Role, address: &str) -> Error {
    let address = address.to_owned();
    let problem = match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        Some(rustls::Error::AlertReceived(alert)) if refuses_a_certificate(*alert) => {
            let alert = format!("{alert:?}");
            return Error::RefusedUs {
                role,
                address,
                alert,
                own: identity.fingerprint(),
            };
        }
        Some(rustls::Error::InvalidCertificate(certificate)) => certificate_problem(certificate),
        Some(other) => other.to_string(),
        None => {
            return Error::Connect {
                role,
                address,
                source: error,
            };
        }
    };
    Error::RefusedThem {
        role,
        address,
        problem,
    }
}

/// What is wrong with a certificate, in words.
pub(crate) fn certificate_problem(error: &rustls::CertificateError) -> String {
    use rustls::CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            "its certificate is not valid yet".to_owned()
        }
        E::UnknownIssuer | E::BadSignature => {
            "its certificate comes from another authority than the configured one".to_owned()
        }
        E::NotValidForName => "its certificate is made out to another host name".to_owned(),
        E::NotValidForNameContext {
            expected,
            presented,
        } => format!(
            "its certificate is made out to {}, and not to {}, by which we call; name it as in the certificate \
             (subjectAltName), or have that made anew",
            if presented.is_empty() {
                "no host name".to_owned()
            } else {
                presented.join(", ")
            },
            expected.to_str(),
        ),
        E::Other(other) if is_an_authoritys(other) => {
            "its certificate is one of an authority, as `openssl req -x509` makes without more; make it with -addext \
             basicConstraints=critical,CA:FALSE and -addext subjectAltName=DNS:HOST"
                .to_owned()
        }
        E::Other(other) => other
            .0
            .downcast_ref::<NotPinned>()
            .map_or_else(|| other.to_string(), ToString::to_string),
        other => other.to_string(),
    }
}

/// The check of certificates does not export the kinds of its own errors.
fn is_an_authoritys(other: &rustls::OtherError) -> bool {
    other.to_string().contains("CaUsedAsEndEntity")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authoritys_certificate_is_called_that_and_names_are_shown() {
        use std::sync::Arc;

        use rustls::CertificateError as E;

        // As the check of certificates calls it.
        #[derive(Debug, thiserror::Error)]
        #[error("CaUsedAsEndEntity")]
        struct CaUsedAsEndEntity;
        let other = E::Other(rustls::OtherError(Arc::new(CaUsedAsEndEntity)));
        assert!(certificate_problem(&other).contains("CA:FALSE"));
        let names = E::NotValidForNameContext {
            expected: ServerName::try_from("holder.example.org").unwrap(),
            presented: vec!["DnsName(\"localhost\")".to_owned()],
        };
        let told = certificate_problem(&names);
        assert!(
            told.contains("holder.example.org") && told.contains("localhost"),
            "{told}"
        );
    }

    #[test]
    fn hosts_are_read_out_of_addresses() {
        for (address, host) in [
            ("127.0.0.1:7701", "127.0.0.1"),
            ("[::1]:7701", "::1"),
            ("holder.example.org:443", "holder.example.org"),
        ] {
            assert_eq!(server_name(address).unwrap().to_str(), host);
        }
        assert!(server_name("no host:1").is_err());
    }
}
