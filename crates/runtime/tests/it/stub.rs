//! A service whose behaviour the caller chooses. It speaks `grpc.health.v1`, the smallest contract at hand that has
//! a unary call and a stream; `service` says what to do.

use std::pin::Pin;
use std::sync::Arc;

use futures::stream::{self, Stream, StreamExt};
use reform_runtime::calls::Deadline;
use tokio::sync::Notify;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

#[derive(Debug, Clone, Default)]
pub(crate) struct Stub {
    /// Told when a call of `gate` is under way.
    pub(crate) entered: Arc<Notify>,
    /// Lets that call go on.
    pub(crate) release: Arc<Notify>,
}

pub(crate) fn ask(what: &str) -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest { service: what.to_owned() })
}

type Answers = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

#[tonic::async_trait]
impl Health for Stub {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        match request.get_ref().service.as_str() {
            "panic" => panic!("a secret"),
            "never" => std::future::pending().await,
            "gate" => {
                self.entered.notify_one();
                self.release.notified().await;
                Ok(Response::new(HealthCheckResponse { status: 1 }))
            }
            "refuse" => Err(Status::out_of_range("mine")),
            "deadline" if Deadline::of(&request).is_none() => Err(Status::not_found("no deadline")),
            _ => Ok(Response::new(HealthCheckResponse { status: 1 })),
        }
    }

    type WatchStream = Answers;

    /// One message, and then as asked.
    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Answers>, Status> {
        let first = stream::iter([Ok(HealthCheckResponse { status: 1 })]);
        let rest: Answers = match request.get_ref().service.as_str() {
            "panic" => Box::pin(stream::once(async { panic!("a secret") })),
            "never" => Box::pin(stream::pending()),
            "flood" => Box::pin(stream::repeat_with(|| Ok(HealthCheckResponse { status: 1 }))),
            _ => Box::pin(stream::empty()),
        };
        Ok(Response::new(Box::pin(first.chain(rest))))
    }
}
