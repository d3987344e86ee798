//! Who is at the other end of a connection, and whether it still is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio_rustls::server::TlsStream;
use tonic::Request;
use tonic::transport::server::Connected;

use super::Place;
use crate::{Error, Fingerprint, Refusal, identity};

/// Who makes a call, by the certificate of its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) fingerprint: Fingerprint,
    pub(crate) public_key: [u8; 32],
}

impl Caller {
    /// Who makes a call whose message has arrived.
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        if let Some(Arrived(arrived)) = request.extensions().get() {
            arrived.notify_one();
        }
        let caller = Line::of(request)?.caller;
        Ok(caller)
    }

    /// Who owns a certificate in DER form.
    fn owning(certificate: &[u8]) -> Result<Self, Error> {
        Ok(Self {
            fingerprint: Fingerprint::of_certificate(certificate),
            public_key: identity::public_key(certificate).map_err(|_| Refusal::NoCertificate)?,
        })
    }
}

/// The connection that brought a call, as seen from the call and from whatever it leaves behind.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(super) caller: Caller,
    open: watch::Receiver<()>,
}

impl Line {
    pub(crate) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        let line = request.extensions().get::<Self>().cloned();
        line.ok_or_else(|| Refusal::NoCertificate.into())
    }

    /// Resolves when the connection has ended.
    pub(crate) async fn gone(mut self) {
        while self.open.changed().await.is_ok() {}
    }
}

/// Tells whoever waits for a call's message that it has arrived.
#[derive(Clone, Debug, Default)]
pub(super) struct Arrived(pub(super) Arc<Notify>);

/// A connection whose handshake is done. It leaves its place when it ends.
#[derive(Debug)]
pub(super) struct Accepted {
    line: Line,
    /// Dropped with the connection, which is what a [`Line`] waits for.
    _open: watch::Sender<()>,
    _place: Place,
    stream: TlsStream<TcpStream>,
}

impl Accepted {
    /// Takes a place for the owner of the connection's certificate.
    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        take: impl FnOnce(Fingerprint) -> Result<Place, Error>,
    ) -> Result<Self, Error> {
        let (_, session) = stream.get_ref();
        let leaf = session.peer_certificates().and_then(<[_]>::first);
        let caller = Caller::owning(leaf.ok_or(Refusal::NoCertificate)?)?;
        let (alive, open) = watch::channel(());
        Ok(Self {
            _place: take(caller.fingerprint)?,
            line: Line { caller, open },
            _open: alive,
            stream,
        })
    }
}

impl Connected for Accepted {
    type ConnectInfo = Line;

    fn connect_info(&self) -> Line {
        self.line.clone()
    }
}

impl AsyncRead for Accepted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Accepted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
