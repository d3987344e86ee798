//! The listening half: TLS handshakes under a deadline, connections to tonic, a graceful end.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Request;
use tonic::transport::Server;
use tonic::transport::server::{Router, TlsConnectInfo};
use tracing::{info, warn};

use crate::client::{KEEP_ALIVE, WINDOW, certificate_problem};
use crate::{Error, Fingerprint, Identity, Refusal, identity, tls};

mod call;

pub(crate) use call::Call;

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many handshakes may be under way.
const HANDSHAKES: usize = 64;

/// How long sessions may go on after a request to stop.
const GRACE: Duration = Duration::from_secs(10);

/// A bound address that does not answer yet.
#[derive(Debug)]
pub struct Listener {
    address: SocketAddr,
    listener: TcpListener,
}

impl Listener {
    /// Binds `address` (host and port; port 0 takes a free one).
    pub async fn bind(address: &str) -> Result<Self, Error> {
        let failed = |source| Error::Listen {
            address: address.to_owned(),
            source,
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        Ok(Self {
            address: listener.local_addr().map_err(failed)?,
            listener,
        })
    }

    /// What was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The server part that all parties share: windows, keep-alive, streams per connection.
pub(crate) fn builder() -> Server {
    Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .max_concurrent_streams(64)
        .tcp_nodelay(true)
}

/// Serves until `stop` resolves, then lets what is under way end within a grace period.
pub(crate) async fn serve(
    listener: Listener,
    identity: &Identity,
    clients: BTreeSet<Fingerprint>,
    router: Router,
    stop: impl Future<Output = ()>,
) -> Result<(), Error> {
    let acceptor = TlsAcceptor::from(Arc::new(tls::server(identity, clients)?));
    let (connections, incoming) = mpsc::channel(HANDSHAKES);
    let (stopping, stopped) = watch::channel(false);
    let accepting = tokio::spawn(accept(listener.listener, acceptor, connections));
    let serving =
        router.serve_with_incoming_shutdown(ReceiverStream::new(incoming), until(stopped.clone()));
    let grace = async {
        until(stopped).await;
        tokio::time::sleep(GRACE).await;
    };
    let signal = async {
        stop.await;
        info!("stopping");
        // Its receivers live as long as this function.
        stopping.send_replace(true);
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = serving => ended.map_err(|error| Error::Listen {
            address: listener.address.to_string(),
            source: std::io::Error::other(error),
        })?,
        () = grace => warn!("sessions were still under way at the end of the grace period"),
        () = signal => {}
    }
    accepting.abort();
    Ok(())
}

/// Resolves on SIGTERM or SIGINT.
pub async fn signalled() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (Ok(mut terminate), Ok(mut interrupt)) = (
            signal(SignalKind::terminate()),
            signal(SignalKind::interrupt()),
        ) else {
            warn!("no signal handlers; only a kill ends this program");
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }
    #[cfg(not(unix))]
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// Who makes a call, by the certificate of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) public_key: [u8; 32],
}

impl Caller {
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        let refused = || Error::from(Refusal::NoCertificate);
        let certificates = request
            .extensions()
            .get::<TlsConnectInfo<tonic::transport::server::TcpConnectInfo>>()
            .and_then(TlsConnectInfo::peer_certs)
            .ok_or_else(refused)?;
        let leaf = certificates.first().ok_or_else(refused)?;
        Ok(Self {
            fingerprint: Fingerprint::of_certificate(leaf),
            public_key: identity::public_key(leaf).map_err(|_| refused())?,
        })
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end too.
    if stopped.wait_for(|stop| *stop).await.is_err() {}
}

type Incoming = std::io::Result<TlsStream<TcpStream>>;

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, connections: mpsc::Sender<Incoming>) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let Ok(permit) = handshakes.clone().acquire_owned().await else {
            return;
        };
        let (tcp, address) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, usually: time for others to end.
                warn!(%error, "no connection could be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        if connections.is_closed() {
            return;
        }
        let (acceptor, connections) = (acceptor.clone(), connections.clone());
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, handshake(&acceptor, tcp)).await {
                // Sending fails only while the server ends.
                Ok(Ok(stream)) => drop(connections.send(Ok(stream)).await),
                Ok(Err(problem)) => warn!(%address, %problem, "refused a connection"),
                Err(_) => warn!(%address, "refused a connection: its handshake took too long"),
            }
            drop(permit);
        });
    }
}

async fn handshake(acceptor: &TlsAcceptor, tcp: TcpStream) -> Result<TlsStream<TcpStream>, String> {
    drop(tcp.set_nodelay(true));
    match acceptor.accept(tcp).into_fallible().await {
        Ok(stream) => Ok(stream),
        Err((error, mut tcp)) => {
            // Unread bytes would make the system reset the connection, and the reset would overtake
            // the alert that tells the client why.
            if tcp.shutdown().await.is_ok() {
                let mut rest = [0; 4096];
                while matches!(tcp.read(&mut rest).await, Ok(read) if read > 0) {}
            }
            Err(
                match error
                    .get_ref()
                    .and_then(|inner| inner.downcast_ref::<rustls::Error>())
                {
                    Some(rustls::Error::InvalidCertificate(certificate)) => {
                        certificate_problem(certificate)
                    }
                    Some(rustls::Error::NoCertificatesPresented) => {
                        "it showed no certificate".to_owned()
                    }
                    Some(other) => other.to_string(),
                    None => error.to_string(),
                },
            )
        }
    }
}
