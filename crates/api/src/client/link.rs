//! The connection to a service: where it is, what is trusted and shown there, and the token that goes with every call.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::transport::{Channel, Endpoint, Error};
use tower_service::Service;

use super::carried::Carried;
use super::credentials::{Credentials, TokenFile};
use super::encrypted::Connector;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// A peer that answers no PING is gone, though the connection says nothing.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection for generated clients; cheap to clone.
#[derive(Debug, Clone)]
pub struct Link {
    channel: Channel,
    token: Option<Arc<TokenFile>>,
}

impl Link {
    /// Connects, so that a service that is not there is told at once.
    ///
    /// # Errors
    /// `url` is none, such as `https://data.example:50051`; nobody listens there; or the two do not trust each other.
    pub async fn connect(url: String, credentials: &Credentials) -> Result<Self, Error> {
        let endpoint = endpoint(url)?;
        let channel = match Connector::new(endpoint.uri(), credentials) {
            Some(connector) => endpoint.connect_with_connector(connector).await?,
            None => endpoint.connect().await?,
        };
        Ok(Self { channel, token: TokenFile::of(credentials) })
    }

    /// Connects when the first call is made, and again whenever the connection was lost. Needs a runtime.
    ///
    /// # Errors
    /// `url` is none.
    pub fn lazy(url: String, credentials: &Credentials) -> Result<Self, Error> {
        let endpoint = endpoint(url)?;
        let channel = match Connector::new(endpoint.uri(), credentials) {
            Some(connector) => endpoint.connect_with_connector_lazy(connector),
            None => endpoint.connect_lazy(),
        };
        Ok(Self { channel, token: TokenFile::of(credentials) })
    }
}

impl Link {
    /// The bare connection, without the token, for clients that take nothing else.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }
}

/// A connection that was made elsewhere, without a token.
impl From<Channel> for Link {
    fn from(channel: Channel) -> Self {
        Self { channel, token: None }
    }
}

fn endpoint(url: String) -> Result<Endpoint, Error> {
    Ok(Endpoint::from_shared(url)?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}

impl Service<Request<Body>> for Link {
    type Response = Response<Body>;
    type Error = StdError;
    type Future = BoxFuture<'static, Result<Self::Response, StdError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StdError>> {
        self.channel.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(token) = &self.token {
            match token.header() {
                Ok(header) => request.headers_mut().insert(AUTHORIZATION, header),
                Err(why) => return Box::pin(async move { Err(Status::unauthenticated(why).into()) }),
            };
        }
        Carried::add(request.headers_mut());
        let answering = self.channel.call(request);
        Box::pin(async move { Ok(answering.await?) })
    }
}
