//! What happens to every call, around whatever serves it.
//!
//! - What is too much at once is refused, as [`limits`] says.
//! - With [`access`](crate::access), who may not is refused, and a credential that ends takes its streams along.
//! - A deadline that passes answers DEADLINE_EXCEEDED, also in the middle of a stream; handlers read [`Deadline`]. A call
//!   that does not last has one, even if its caller gave none.
//! - A panic, in a handler or in the stream it returned, answers INTERNAL and takes nothing else along.
//! - A message over its limit answers RESOURCE_EXHAUSTED, where the transport says OUT_OF_RANGE.
//! - Answers and errors alike carry the store and its newest revision here ([`Stamp`]).
//! - A request id goes with it, on to the calls that it makes and back to its caller.
//! - It is counted, and has a span in a trace. One log line when the call is over; with access, one for the audit for each
//!   write and each credential that does not do. What is too much at once has a line a second and caller.

mod audit;
mod body;
mod deadline;
mod log;
pub(crate) mod refusal;
mod request;
mod request_ids;
pub(crate) mod scan;

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{self, Either};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use reform_api::client::Carried;
use reform_api::error::Reason;
use reform_api::priority::Class;
use reform_api::request_id::{REQUEST_ID, RequestId};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

use crate::access::{Access, Admitted, Refused};
use crate::background::{self, Large};
use crate::identity::Identity;
use crate::limits::refusal::Full;
use crate::limits::{self, Limits, Place, Share};
use crate::metrics::calls::CallCounts;
use crate::traces::{self, Traced, Traces};
use audit::Audit;
pub use audit::{Writing, Written};
pub use body::CallBody;
pub use deadline::Deadline;
use deadline::End;
use log::CallLog;
use refusal::{refuse, translate};
pub use request::Received;
use request_ids::RequestIds;

/// Initial metadata of every answer: the id of the store that it comes from.
pub const STORE_ID: HeaderName = HeaderName::from_static("reform-store-id");

/// Initial metadata of every answer: a revision at or after the one that it comes from.
pub const REVISION: HeaderName = HeaderName::from_static("reform-revision");

/// Tells the store id and the revision of this moment; none while there is no store yet.
pub type Stamp = Arc<dyn Fn() -> Option<(HeaderValue, i64)> + Send + Sync>;

/// Puts [`Calls`] around a server's routes; it sits outside of everything else.
pub struct CallLayer {
    stamp: Option<Stamp>,
    access: Option<Arc<Access>>,
    limits: Arc<Limits>,
    ids: RequestIds,
    counts: Option<Arc<CallCounts>>,
    traces: Option<Arc<Traces>>,
}

impl CallLayer {
    /// With a `stamp`, its two metadata are set on every answer that does not have them already. With `access`, it
    /// decides on every call.
    pub fn new(stamp: Option<Stamp>, access: Option<Arc<Access>>) -> Self {
        let limits = Limits::new(limits::Config::default());
        Self { stamp, access, limits, ids: RequestIds::new(), counts: None, traces: None }
    }

    /// With other limits than the defaults.
    #[must_use]
    pub fn within(self, limits: limits::Config) -> Self {
        Self { limits: Limits::new(limits), ..self }
    }

    /// Counts every call.
    pub(crate) fn counting(self, counts: Option<Arc<CallCounts>>) -> Self {
        Self { counts, ..self }
    }

    /// Makes a span of every call.
    pub(crate) fn tracing(self, traces: Option<Arc<Traces>>) -> Self {
        Self { traces, ..self }
    }

    /// The service that `inner` is with it.
    pub fn around<S>(self, inner: S) -> Calls<S> {
        Calls { inner, layer: Arc::new(self), connection: Arc::default() }
    }

    /// The span of a call, and what goes on to the calls that it makes.
    fn carry<B>(&self, request: &Request<B>, id: &RequestId) -> (Option<Traced>, Carried) {
        let (path, headers) = (request.uri().path(), request.headers());
        let traced = self.traces.as_ref().and_then(|traces| Some((traces, traces.begin(path, headers)?)));
        let (traced, place) = match traced {
            Some((traces, traced)) => {
                let place = traces.carried(&traced);
                (Some(traced), place)
            }
            None => (None, traces::passed_on(headers)),
        };
        (traced, Carried::new(id.clone(), place))
    }
}

impl std::fmt::Debug for CallLayer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CallLayer")
            .field("stamp", &self.stamp.is_some())
            .field("access", &self.access)
            .field("limits", &self.limits)
            .finish()
    }
}

/// An answer that is on its way.
type Answering<E> = Pin<Box<dyn Future<Output = Result<Response<CallBody>, E>> + Send>>;

/// See the module.
#[derive(Debug, Clone)]
pub struct Calls<S> {
    inner: S,
    layer: Arc<CallLayer>,
    /// What the connection has under way.
    connection: Arc<Share>,
}

impl<S: Clone> Calls<S> {
    /// Those of one more connection.
    pub(crate) fn of_connection(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone(), connection: Arc::default() }
    }
}

impl<S> Calls<S> {
    /// What the connection has under way.
    pub(crate) fn share(&self) -> Arc<Share> {
        self.connection.clone()
    }

    /// Whether answers wait on this connection, and none of them was taken for that long.
    pub(crate) fn is_stalled(&self, limit: Duration) -> bool {
        self.connection.is_stalled(limit, self.layer.limits.now_ms())
    }
}

impl<S, B> Service<Request<B>> for Calls<S>
where
    B: http_body::Body,
    S: Service<Request<Received<B>>, Response = Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<CallBody>;
    type Error = S::Error;
    type Future = Answering<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let started = Instant::now();
        let class = limits::class(request.uri().path());
        let CallLayer { access, limits, .. } = &*self.layer;
        // Before anything is done for the call, and again once it is known whose it is.
        if let Err(full) = limits.room(class) {
            return self.refused(&request, None, full, class);
        }
        let access = access.as_deref();
        let admitted = access.map(|access| admit(access, &mut request)).transpose();
        let audit = access.is_some().then(|| Audit::of(&admitted));
        let entered = match admitted {
            Ok(admitted) => {
                let identity = access.and(request.extensions().get::<Identity>());
                match limits.enter(class, identity, &self.connection) {
                    Ok(place) => Ok((admitted, place)),
                    Err(full) => return self.refused(&request, identity, full, class),
                }
            }
            Err(refused) => {
                self.connection.leave_unread();
                Err(refused.status())
            }
        };
        let deadline = Deadline::of_headers(request.headers());
        let deadline = deadline.or_else(|| Deadline::after(limits.deadline(class)?));
        if let Some(deadline) = deadline {
            request.extensions_mut().insert(deadline);
        }
        let counted = self.layer.counts.as_ref().map(|counts| counts.begin(request.uri().path()));
        let id = self.layer.ids.of(request.headers());
        let (traced, carried) = self.layer.carry(&request, &id);
        let log = CallLog::new(&request, (started, id.clone()), audit, counted, traced);
        let asks = request.headers().contains_key(reform_api::WHO);
        let who =
            entered.as_ref().ok().filter(|_| asks).and_then(|(admitted, _)| Who::of(admitted.as_ref()?));
        let layer = self.layer.clone();
        let (answering, until, place) = match entered {
            Ok((admitted, place)) => (
                Either::Left(
                    carried.within(self.inner.call(request.map(|body| Received::new(body, place.clone())))),
                ),
                admitted.and_then(|admitted| admitted.until),
                Some(place),
            ),
            Err(status) => (Either::Right(future::ready(Ok(status.into_http()))), None, None),
        };
        let handled = AssertUnwindSafe(answering).catch_unwind();
        Box::pin(async move {
            let handled = deadline::within(deadline, handled).await;
            let mut response = match handled {
                Some(Ok(answered)) => answered?,
                Some(Err(_panic)) => refuse(Reason::Panic).into_http(),
                None => refuse(Reason::Deadline).into_http(),
            };
            stamped(response.headers_mut(), id, layer.stamp.as_ref());
            if let Some(Who { identity, roles }) = who {
                response.headers_mut().insert(reform_api::IDENTITY, identity);
                response.headers_mut().insert(reform_api::ROLES, roles);
            }
            let is_large = response.extensions_mut().remove::<Large>().is_some();
            let response = finish(response, End::first(deadline, until), place, log);
            Ok(if is_large { background::run(|| response.map(CallBody::begun)).await } else { response })
        })
    }
}

impl<S> Calls<S> {
    /// What a call is told for which there is no place. It has no line in the log and no span of its own.
    fn refused<B, E: Send + 'static>(
        &self,
        request: &Request<B>,
        identity: Option<&Identity>,
        full: Full,
        class: Class,
    ) -> Answering<E> {
        let CallLayer { stamp, limits, ids, counts, .. } = &*self.layer;
        let method = request.uri().path();
        self.connection.leave_unread();
        if let Some(counts) = counts {
            counts.begin(method).end(Code::ResourceExhausted, Duration::ZERO);
        }
        if let Some(calls) = limits.count_refused(identity, &self.connection) {
            let identity = identity.map(Identity::as_str).unwrap_or_default();
            tracing::info!(calls, method, limit = full.setting(), identity, "calls refused");
        }
        let mut response = Response::new(Body::empty());
        *response.headers_mut() = limits.refusal(full, class);
        stamped(response.headers_mut(), ids.of(request.headers()), stamp.as_ref());
        Box::pin(future::ready(Ok(response.map(CallBody::refused))))
    }
}

/// What every answer has.
fn stamped(headers: &mut HeaderMap, id: RequestId, stamp: Option<&Stamp>) {
    headers.insert(REQUEST_ID, id.header());
    if let Some((store_id, revision)) = stamp.and_then(|stamp| stamp()) {
        headers.entry(STORE_ID).or_insert(store_id);
        headers.entry(REVISION).or_insert_with(|| revision.into());
    }
}

/// Decides on a call, and gives its handler the identity.
fn admit<B>(access: &Access, request: &mut Request<B>) -> Result<Admitted, Refused> {
    let admitted = access.admit(request.uri().path(), request.headers(), request.extensions())?;
    if let Some(identity) = &admitted.identity {
        request.extensions_mut().insert(identity.clone());
    }
    Ok(admitted)
}

/// Whom the service takes the caller for, to be told.
struct Who {
    identity: HeaderValue,
    roles: HeaderValue,
}

impl Who {
    fn of(admitted: &Admitted) -> Option<Self> {
        let roles: Vec<_> = admitted.roles.iter().map(|role| role.as_str()).collect();
        let identity = HeaderValue::from_str(admitted.identity.as_ref()?.as_str()).ok()?;
        Some(Self { identity, roles: HeaderValue::from_str(&roles.join(",")).ok()? })
    }
}

/// An error before the first message stands in the headers; any other end is in the trailers, yet to come.
fn finish(
    mut response: Response<Body>,
    end: Option<End>,
    place: Option<Place>,
    mut log: CallLog,
) -> Response<CallBody> {
    translate(response.headers_mut());
    if let Some(written) = response.extensions_mut().remove() {
        log.wrote(written);
    }
    if let Some(writing) = response.extensions_mut().remove() {
        log.writes(writing);
    }
    if let Some(code) = response.headers().get(Status::GRPC_STATUS) {
        log.end(Code::from_bytes(code.as_bytes()));
    }
    response.map(|inner| CallBody::new(inner, end, place, log))
}
