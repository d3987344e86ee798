//! What a call may cost before its handler sees it: the size of a message, the time until it has
//! arrived, how many are under way.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::server::NamedService;
use tonic::{Code as Grpc, Status};
use tracing::warn;

use super::Places;
use super::caller::{Arrived, Line};
use crate::{Code, Error, Fingerprint, Role, chain};

/// The bounds of a method.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// Service and method, as in the URI.
    pub(crate) path: &'static str,
    /// The largest message in bytes.
    pub(crate) largest: usize,
    /// How long the one message of a caller may take to arrive; a stream's handler looks after the
    /// messages itself.
    pub(crate) arrives: Duration,
    /// Calls under way of one caller.
    pub(crate) each: usize,
}

/// Calls of one method under way, of all callers together.
const ALL: usize = 256;

/// A service behind the bounds of its methods.
#[derive(Clone)]
pub(crate) struct Bounded<S> {
    caller: Role,
    methods: Arc<[Method<S>]>,
}

struct Method<S> {
    bound: Bound,
    places: Arc<Places>,
    service: S,
}

impl<S> Bounded<S> {
    /// `service` makes the service for messages of at most so many bytes; `caller` is who calls it,
    /// for the log.
    pub(crate) fn new(caller: Role, bounds: &[Bound], service: impl Fn(usize) -> S) -> Self {
        let method = |bound: &Bound| Method {
            bound: *bound,
            places: Places::new("calls", bound.each, ALL),
            service: service(bound.largest),
        };
        Self {
            caller,
            methods: bounds.iter().map(method).collect(),
        }
    }
}

impl<S: NamedService> NamedService for Bounded<S> {
    const NAME: &'static str = S::NAME;
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<S> Service<Request<Body>> for Bounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Answering {
        let path = request.uri().path();
        let Some(method) = self.methods.iter().find(|method| method.bound.path == path) else {
            let code = Code::Version;
            return answer(Status::new(code.grpc(), code.word()));
        };
        let Bound { path, arrives, .. } = method.bound;
        let Some(line) = request.extensions().get::<Line>() else {
            let code = Code::Refused;
            return answer(Status::new(code.grpc(), code.word()));
        };
        let caller = line.caller.fingerprint;
        let refuse = move |error: &Error| {
            warn!(path, %caller, told = %Code::of_error(error), reason = %chain(error), "a call failed");
            error.to_status()
        };
        let place = match method.places.take(caller) {
            Ok(place) => place,
            Err(error) => return answer(refuse(&error)),
        };
        let arrived = Arrived::default();
        request.extensions_mut().insert(arrived.clone());
        let (role, answering) = (self.caller, method.service.clone().call(request));
        Box::pin(async move {
            let outcome = tokio::select! {
                response = answering => response,
                () = late(arrived, arrives) => {
                    let error = Error::Timeout {
                        role,
                        phase: "message",
                        seconds: arrives.as_secs(),
                    };
                    Ok(refuse(&error).into_http())
                }
            };
            drop(place);
            outcome.map(|response| without_texts(response, path, caller))
        })
    }
}

fn answer(status: Status) -> Answering {
    Box::pin(std::future::ready(Ok(status.into_http())))
}

/// Resolves if a call's message does not arrive in time.
async fn late(arrived: Arrived, within: Duration) {
    if tokio::time::timeout(within, arrived.0.notified())
        .await
        .is_ok()
    {
        std::future::pending::<()>().await;
    }
}

/// What the transport has against a message is told as a code too: its texts name sizes.
fn without_texts(response: Response<Body>, method: &str, caller: Fingerprint) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) if status.code() != Grpc::Ok && Code::of_status(&status).is_none() => {
            let code = Code::Aborted;
            warn!(method, %caller, told = %code, reason = status.message(), "a call failed");
            Status::new(code.grpc(), code.word()).into_http()
        }
        _ => response,
    }
}
