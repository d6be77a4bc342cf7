//! `grpc.health.v1` for a fixed set of names.
//!
//! Not the service of `tonic-health`: its watches never end, so that one open watch would hold up every drain, and
//! its statuses can be set from async code only, while a writer thread must be able to say that it failed.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use futures::Stream;
use futures::stream::{self, StreamExt};
use reform_api::error::{Fault, Reason};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{self, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// The name of the process as a whole.
pub const OVERALL: &str = "";

/// A cheap handle to the statuses of a process; all start as NOT_SERVING.
#[derive(Debug, Clone)]
pub struct Health {
    names: Arc<BTreeMap<String, watch::Sender<ServingStatus>>>,
    stopped: CancellationToken,
}

impl Health {
    /// Health of [`OVERALL`] and of `names`: full service names, and further ones such as `writes`.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let names = names.into_iter().chain([OVERALL]);
        let names = names.map(|name| (name.to_owned(), watch::Sender::new(ServingStatus::NotServing)));
        Self { names: Arc::new(names.collect()), stopped: CancellationToken::new() }
    }

    /// The names that health is told of.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }

    /// Sets one name; one that was not given to [`Health::new`] is ignored. After [`Health::stop`] nothing changes.
    pub fn set(&self, name: &str, serving: bool) {
        if let Some(status) = self.names.get(name) {
            self.put(status, serving);
        }
    }

    /// Sets every name, [`OVERALL`] included.
    pub fn set_all(&self, serving: bool) {
        for status in self.names.values() {
            self.put(status, serving);
        }
    }

    /// Says NOT_SERVING for every name from now on and ends all watches.
    pub fn stop(&self) {
        self.stopped.cancel();
        self.set_all(false);
    }

    /// The service that answers from this handle.
    pub fn service(&self) -> HealthServer<impl health_server::Health> {
        HealthServer::new(self.clone())
    }

    fn put(&self, status: &watch::Sender<ServingStatus>, serving: bool) {
        status.send_if_modified(|now| {
            // Read under the channel's lock, so that no late `set` undoes a `stop`.
            let serving = serving && !self.stopped.is_cancelled();
            let next = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
            std::mem::replace(now, next) != next
        });
    }
}

#[tonic::async_trait]
impl health_server::Health for Health {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        let name = &request.get_ref().service;
        let status = self.names.get(name).ok_or_else(|| Status::not_found("no such name"))?;
        let status = i32::from(*status.borrow());
        Ok(Response::new(HealthCheckResponse { status }))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let Some(status) = self.names.get(&request.get_ref().service) else {
            // As the protocol asks: a watcher of an unknown name waits, for the name may come with a restart.
            let unknown = HealthCheckResponse { status: ServingStatus::ServiceUnknown.into() };
            return Ok(Response::new(self.until_stopped(stream::iter([unknown]).chain(stream::pending()))));
        };
        let mut changes = status.subscribe();
        changes.mark_changed();
        let changes = stream::unfold(changes, async |mut changes| {
            changes.changed().await.ok()?;
            let status = i32::from(*changes.borrow_and_update());
            Some((HealthCheckResponse { status }, changes))
        });
        Ok(Response::new(self.until_stopped(changes)))
    }
}

impl Health {
    fn until_stopped(
        &self,
        changes: impl Stream<Item = HealthCheckResponse> + Send + 'static,
    ) -> <Self as health_server::Health>::WatchStream {
        let last = Fault::new(Reason::ShuttingDown, "the service is stopping").status();
        let changes = changes.map(Ok).take_until(self.stopped.clone().cancelled_owned());
        Box::pin(changes.chain(stream::iter([Err(last)])))
    }
}
