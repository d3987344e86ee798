//! A TLS stream that remembers why it broke.
//!
//! The layers above turn a broken stream into errors of their own, or try to connect again, and the
//! alert with which the other side refused us would be lost.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use rustls::AlertDescription;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Why a stream broke, if it did.
#[derive(Clone, Debug, Default)]
pub(super) struct Cause(Arc<Mutex<Option<Broken>>>);

/// What ended a stream.
#[derive(Clone, Debug)]
pub(super) enum Broken {
    /// The other side refused our certificate, in the words of TLS.
    Refused(String),
    /// The network, or somebody in it.
    Network(String),
}

impl Cause {
    pub(super) fn get(&self) -> Option<Broken> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn note(&self, error: &io::Error) {
        let inner = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let mut cause = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match inner {
            Some(rustls::Error::AlertReceived(alert)) if refuses_a_certificate(*alert) => {
                *cause = Some(Broken::Refused(format!("{alert:?}")));
            }
            _ => {
                cause.get_or_insert_with(|| Broken::Network(in_words(error)));
            }
        }
    }
}

/// Why a stream broke, for people.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        // The library beneath says it with the address of its manual.
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset => {
            "the other side ended it without a word, as a program does that is killed".to_owned()
        }
        _ => error.to_string(),
    }
}

/// Whether an alert says that its sender does not take our certificate. Others come from a line
/// that changes bytes.
pub(crate) fn refuses_a_certificate(alert: AlertDescription) -> bool {
    use AlertDescription as A;
    matches!(
        alert,
        A::AccessDenied
            | A::BadCertificate
            | A::CertificateExpired
            | A::CertificateRequired
            | A::CertificateRevoked
            | A::CertificateUnknown
            | A::CertificateUnobtainable
            | A::HandshakeFailure
            | A::NoCertificate
            | A::UnknownCA
            | A::UnsupportedCertificate
    )
}

/// The stream.
pub(super) struct Watched {
    cause: Cause,
    stream: TlsStream<TcpStream>,
}

impl Watched {
    pub(super) fn new(stream: TlsStream<TcpStream>, cause: Cause) -> Self {
        Self { cause, stream }
    }

    fn watch<T>(&self, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if let Poll::Ready(Err(error)) = &outcome {
            self.cause.note(error);
        }
        outcome
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(outcome)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, buffers);
        self.watch(outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
