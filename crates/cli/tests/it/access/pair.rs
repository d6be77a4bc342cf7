//! Both services with access, and calls of any method with any credential.

use std::net::SocketAddr;
use std::path::PathBuf;

use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, TE};
use http_body_util::{BodyExt, Full};
use reform_api::client::{Credentials, Link};
use reform_api::error::reason;
use reform_runtime::access::{Config, JwtConfig, hash};
use reform_runtime::front;
use serde_json::json;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tower::Service;

use super::signer::{AUDIENCE, ISSUER, Signer};
use crate::services::Services;

/// Names of the tokens in the file, which are their roles, too.
const STATIC: [&str; 4] = ["reader", "writer", "importer", "admin"];

pub(super) struct Pair {
    pub(super) data: Link,
    pub(super) analytics: Link,
    services: Services,
}

impl Pair {
    /// Starts both, with these keys and a token for each role; analytics shows that of a reader.
    pub(super) async fn start(signers: &[&Signer]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: String| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        let keys: Vec<_> = signers.iter().map(|signer| signer.jwk()).collect();
        let keys = write("keys.json", json!({"keys": keys}).to_string());
        let lines = STATIC.map(|role| format!("{} static-{role} {role}\n", hash(&static_token(role))));
        let access = Config {
            tokens: Some(write("tokens", lines.concat())),
            jwt: Some(JwtConfig { keys, issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned() }),
            roles: None,
        };
        let token = write("token", static_token("reader"));
        let front = front::Config { access, ..front::Config::new(([127, 0, 0, 1], 0).into()) };
        let shows = |config: &mut reform_analytics::Config| config.credentials.token = Some(token);
        let services = Services::start(folder, front, shows).await;
        let nothing = Credentials::default();
        let pair = Self {
            data: Link::connect(services.data.url(), &nothing).await.unwrap(),
            analytics: Link::connect(services.analytics.url(), &nothing).await.unwrap(),
            services,
        };
        until_serving(&pair.data, "reform.data.v1.RecordService").await;
        until_serving(&pair.analytics, "reform.analytics.v1.IndicatorService").await;
        pair
    }

    /// The service that answers a method.
    pub(super) fn link(&self, path: &str) -> &Link {
        if path.contains("analytics") { &self.analytics } else { &self.data }
    }

    /// Where the data service listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.services.data.address
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.services.folder.path().join(name)
    }

    pub(super) async fn stop(self) {
        let Self { data, analytics, services } = self;
        drop((data, analytics));
        services.stop().await;
    }
}

/// The token in the file of who has a role.
pub(super) fn static_token(role: &str) -> String {
    format!("reform_{role}_{}", "x".repeat(32))
}

async fn until_serving(link: &Link, service: &str) {
    let request = HealthCheckRequest { service: service.to_owned() };
    let mut changes = HealthClient::new(link.clone()).watch(request).await.unwrap().into_inner();
    while changes.message().await.unwrap().unwrap().status() != ServingStatus::Serving {}
}

/// Calls a method with an empty message: its code and reason.
pub(super) async fn call(link: &Link, path: &str, token: Option<&str>) -> (Code, Option<String>) {
    let status = status(link.clone(), path, token.map(|token| format!("Bearer {token}"))).await;
    (status.code(), reason(&status))
}

/// As [`call`], with any header.
pub(super) async fn status(mut link: Link, path: &str, authorization: Option<String>) -> Status {
    let message = Full::new(bytes::Bytes::from_static(&[0; 5]));
    let mut request = Request::post(path).header(CONTENT_TYPE, "application/grpc").header(TE, "trailers");
    if let Some(header) = authorization {
        request = request.header(AUTHORIZATION, header);
    }
    let request = request.body(Body::new(message)).unwrap();
    std::future::poll_fn(|cx| link.poll_ready(cx)).await.unwrap();
    let response = link.call(request).await.unwrap();
    if let Some(status) = Status::from_header_map(response.headers()) {
        return status;
    }
    let first = response.into_body().frame().await.expect("a message or trailers").unwrap();
    first.trailers_ref().map_or(Status::ok(""), |trailers| Status::from_header_map(trailers).unwrap())
}
