//! The admin port: `GET /metrics` over HTTP/1.1 in plaintext, for the monitoring system, and nothing else.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::metrics::Metrics;
use crate::server;

/// Connections at the same time.
const CONNECTIONS_MAX: usize = 16;

/// How long a connection may take for its one question and answer.
const CONNECTION_MAX: Duration = Duration::from_secs(10);

const PATH: &str = "/metrics";

const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Answers until it is dropped.
pub(crate) async fn serve(listener: TcpListener, metrics: Metrics) {
    let metrics = Arc::new(metrics);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            (peer, place) = server::accept(&listener, &places) => {
                let metrics = metrics.clone();
                connections.spawn(async move {
                    let _place = place;
                    converse(peer, metrics).await;
                });
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn converse(peer: TcpStream, metrics: Arc<Metrics>) {
    let answering = service_fn(move |request: Request<_>| answer(request, metrics.clone()));
    // Whoever asks every few seconds can connect as often, and so nobody keeps a place.
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .serve_connection(TokioIo::new(peer), answering);
    match timeout(CONNECTION_MAX, conversation).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a connection to the admin port failed"),
        Err(_) => tracing::debug!("a connection to the admin port took too long"),
    }
}

async fn answer<B>(request: Request<B>, metrics: Arc<Metrics>) -> Result<Response<Full<Bytes>>, Infallible> {
    let mut response = Response::new(Full::default());
    if request.uri().path() != PATH {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if request.method() != Method::GET {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET"));
    } else {
        // Some numbers are asked of the disk, which may take its time.
        match tokio::task::spawn_blocking(move || metrics.text()).await {
            Ok(text) => {
                *response.body_mut() = Full::from(text);
                response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
            }
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be read");
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
        }
    }
    Ok(response)
}
