//! Which service answers a call: the first segment of its path names it.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use hyper::body::Incoming;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::BoxFuture;
use tonic::server::NamedService;
use tower::Service;

use crate::calls::Received;

type Answer = BoxFuture<Response<Body>, Infallible>;

/// The services of a process; cheap to clone.
#[derive(Clone, Default)]
pub struct Routes {
    services: Arc<Vec<(&'static str, Arc<dyn Answers>)>>,
}

/// A generated server, whatever it serves.
trait Answers: Send + Sync {
    fn answer(&self, request: Request<Received<Incoming>>) -> Answer;
}

impl<S> Answers for S
where
    S: Service<Request<Received<Incoming>>, Response = Response<Body>, Error = Infallible, Future = Answer>,
    S: Clone + Send + Sync,
{
    fn answer(&self, request: Request<Received<Incoming>>) -> Answer {
        // Generated servers are always ready, and a clone of one is a counted pointer.
        self.clone().call(request)
    }
}

impl Routes {
    /// One service.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<
                Request<Received<Incoming>>,
                Response = Response<Body>,
                Error = Infallible,
                Future = Answer,
            >,
        S: NamedService + Clone + Send + Sync + 'static,
    {
        Self::default().add_service(service)
    }

    /// One service more.
    #[must_use]
    pub fn add_service<S>(mut self, service: S) -> Self
    where
        S: Service<
                Request<Received<Incoming>>,
                Response = Response<Body>,
                Error = Infallible,
                Future = Answer,
            >,
        S: NamedService + Clone + Send + Sync + 'static,
    {
        Arc::make_mut(&mut self.services).push((S::NAME, Arc::new(service)));
        self
    }

    fn find(&self, path: &str) -> Option<&dyn Answers> {
        let (name, _method) = path.strip_prefix('/')?.split_once('/')?;
        let found = self.services.iter().find(|(service, _)| *service == name)?;
        Some(found.1.as_ref())
    }
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.services.iter().map(|(name, _)| name)).finish()
    }
}

impl Service<Request<Received<Incoming>>> for Routes {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Received<Incoming>>) -> Answer {
        match self.find(request.uri().path()) {
            Some(service) => service.answer(request),
            None => {
                let message = format!("there is no {}", request.uri().path());
                Box::pin(async move { Ok(Status::unimplemented(message).into_http()) })
            }
        }
    }
}
