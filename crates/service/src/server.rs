//! The listening half: TLS handshakes under a deadline, connections to tonic, a graceful end.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::future::Future;
use std::io::{self, IsTerminal};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::transport::Server;
use tracing::{debug, info, warn};

use crate::client::{KEEP_ALIVE, WINDOW};
use crate::{Error, Fingerprint, Identity, chain, pool, tls};

mod bounds;
mod call;
mod caller;
mod handshake;
mod places;

pub(crate) use bounds::{Bound, Bounded};
pub(crate) use call::Call;
use caller::Accepted;
pub(crate) use caller::{Caller, Line};
use handshake::{Problem, ended, handshake};
pub(crate) use places::{Place, Places};

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How many handshakes may be under way.
const HANDSHAKES: usize = 64;

/// How many connections a party may have open, and all parties together. Each may hold a window of
/// bytes that nobody has read yet.
const CONNECTIONS: (usize, usize) = (16, 1024);

/// How many connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// How many streams a connection may have.
const STREAMS: u32 = 64;

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
        // Names are looked up where waiting is no harm.
        let named = address.to_owned();
        let reserve = move || Reserved::new(&named);
        pool::step("taking the address", reserve).await??.listen()
    }

    /// What was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// An address that is this program's and at which nobody answers yet: connections are refused.
#[derive(Debug)]
pub struct Reserved {
    address: String,
    socket: TcpSocket,
}

impl Reserved {
    /// Takes `address`, host and port.
    ///
    /// # Errors
    ///
    /// [`Error::Listen`] if another program has it, or nobody can.
    pub fn new(address: &str) -> Result<Self, Error> {
        let failed = |source| listen_error(address, source);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "there is no such address");
        for place in address.to_socket_addrs().map_err(failed)? {
            match bound(place) {
                Ok(socket) => {
                    return Ok(Self {
                        address: address.to_owned(),
                        socket,
                    });
                }
                Err(error) => last = error,
            }
        }
        Err(failed(last))
    }

    /// Lets connections wait from now on.
    ///
    /// # Errors
    ///
    /// As for [`Reserved::new`].
    ///
    /// # Panics
    ///
    /// Outside of a runtime.
    pub fn listen(self) -> Result<Listener, Error> {
        let Self { address, socket } = self;
        let failed = |source| listen_error(&address, source);
        let listener = socket.listen(BACKLOG).map_err(failed)?;
        Ok(Listener {
            address: listener.local_addr().map_err(failed)?,
            listener,
        })
    }
}

fn bound(place: SocketAddr) -> io::Result<TcpSocket> {
    let socket = if place.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // As a listener does: connections of an earlier run that are still closing do not matter.
    socket.set_reuseaddr(true)?;
    socket.bind(place)?;
    Ok(socket)
}

fn listen_error(address: &str, source: io::Error) -> Error {
    Error::Listen {
        address: address.to_owned(),
        source,
    }
}

/// Serves `clients` until `stop` resolves, then lets what is under way end within a grace period.
pub(crate) async fn serve<S>(
    listener: Listener,
    identity: &Identity,
    clients: BTreeSet<Fingerprint>,
    service: Bounded<S>,
    stop: impl Future<Output = ()>,
) -> Result<(), Error>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + NamedService
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let router = Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .max_concurrent_streams(STREAMS)
        .tcp_nodelay(true)
        .add_service(service);
    let acceptor = TlsAcceptor::from(Arc::new(tls::server(identity, clients)?));
    let (connections, incoming) = mpsc::channel(HANDSHAKES);
    let (stopping, stopped) = watch::channel(false);
    let accepting = tokio::spawn(accept(
        listener.listener,
        acceptor,
        identity.fingerprint(),
        connections,
    ));
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
            source: io::Error::other(error),
        })?,
        () = grace => warn!("sessions were still under way at the end of the grace period"),
        () = signal => {}
    }
    accepting.abort();
    Ok(())
}

/// Resolves on SIGTERM or SIGINT, either of which may come from this call on, before the first poll.
///
/// SIGHUP is no end where no terminal is: whoever sends it wants another configuration read, and
/// sessions under way must not pay for that. It says that this takes a restart.
///
/// # Panics
///
/// Outside of a runtime.
pub fn signalled() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::hangup()),
    );
    async {
        let (Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)) = signals else {
            warn!("no signal handlers; only a kill ends this program");
            return std::future::pending().await;
        };
        loop {
            tokio::select! {
                // In the order in which they are likely to come: what is said is said before the end.
                biased;
                _ = hangup.recv() => {
                    // Its terminal is closed.
                    if io::stdin().is_terminal() {
                        return;
                    }
                    warn!("SIGHUP: the configuration is read at the next start, and not now");
                }
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
            }
        }
    }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end too.
    if stopped.wait_for(|stop| *stop).await.is_err() {}
}

type Incoming = io::Result<Accepted>;

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    own: Fingerprint,
    connections: mpsc::Sender<Incoming>,
) {
    let handshakes = Arc::new(Semaphore::new(HANDSHAKES));
    let places = Places::new("connections", CONNECTIONS.0, CONNECTIONS.1);
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
        let places = places.clone();
        tokio::spawn(async move {
            match tokio::time::timeout(HANDSHAKE, handshake(&acceptor, tcp)).await {
                Ok(Ok(stream)) => match Accepted::new(stream, |caller| places.take(caller)) {
                    // Sending fails only while the server ends.
                    Ok(accepted) => drop(connections.send(Ok(accepted)).await),
                    Err(error) => warn!(%address, reason = %chain(&error), "refused a connection"),
                },
                // As of those that only look whether somebody listens: nothing is wrong.
                Ok(Err((Problem::Silent, _))) => {
                    debug!(%address, "a connection ended without a word");
                }
                Ok(Err((problem, tcp))) => {
                    let problem = problem.in_words(own);
                    warn!(%address, %problem, "refused a connection");
                    if tokio::time::timeout(HANDSHAKE, ended(tcp)).await.is_err() {
                        debug!(%address, "a refused connection was kept open");
                    }
                }
                Err(_) => warn!(
                    %address,
                    problem = "its handshake took too long; if it is a partner's, look at the line between us",
                    "refused a connection"
                ),
            }
            drop(permit);
        });
    }
}
