//! The connection, and what goes with every call.

use std::time::Duration;

use tonic::metadata::errors::InvalidMetadataValue;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Error;
use tonic::{Request, Response, Status};

use super::attempts::{Attempts, deadline, settled};
use super::credentials::Credentials;
use super::link::Link;

/// The largest answer to a call; services send at most 3 MiB of what was asked for, and its frame.
pub(super) const ANSWER_BYTES_MAX: usize = 4 << 20;
/// The largest message of a feed or an export: records that refer to each other in a cycle come in one.
pub(super) const STREAM_BYTES_MAX: usize = 16 << 20;

/// The request metadata that names who writes.
const AUTHOR: &str = "reform-author";

/// How patient a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How long each attempt at a call may take; 30 s unless set. Streams have no such limit.
    pub deadline: Duration,
    /// How long after the first failure another attempt may begin; 30 s unless set. In a stream whatever moves it on
    /// ends a row of failures. Zero: nothing is tried again. [`Duration::MAX`]: for ever.
    pub retry_for: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { deadline: Duration::from_secs(30), retry_for: Duration::from_secs(30) }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) channel: Link,
    pub(super) settings: Settings,
    author: Option<MetadataValue<Ascii>>,
}

impl Caller {
    pub(super) fn new(channel: Link) -> Self {
        Self { channel, settings: Settings::default(), author: None }
    }

    pub(super) async fn connect(url: String, credentials: &Credentials) -> Result<Self, Error> {
        Ok(Self::new(Link::connect(url, credentials).await?))
    }

    pub(super) fn lazy(url: String, credentials: &Credentials) -> Result<Self, Error> {
        Ok(Self::new(Link::lazy(url, credentials)?))
    }

    pub(super) fn set_author(&mut self, author: &str) -> Result<(), InvalidMetadataValue> {
        self.author = Some(author.parse()?);
        Ok(())
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.settings.retry_for)
    }

    /// A request with its metadata and without a deadline, as streams want it.
    pub(super) fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        if let Some(author) = &self.author {
            request.metadata_mut().insert(AUTHOR, author.clone());
        }
        request
    }

    /// One answer to one request, tried again as often as the settings allow.
    pub(super) async fn call<Q, A, F>(
        &self,
        message: Q,
        send: impl Fn(Link, Request<Q>) -> F,
    ) -> Result<A, Status>
    where
        Q: Clone,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let mut attempts = self.attempts();
        loop {
            let mut request = self.request(message.clone());
            request.set_timeout(self.settings.deadline);
            let sending = send(self.channel.clone(), request);
            // The transport's own limit ends with the headers of the answer and begins after the connection is made.
            match tokio::time::timeout(self.settings.deadline, sending).await {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => attempts.pause(settled(status)).await?,
                Err(_) => return Err(deadline()),
            }
        }
    }
}

/// What both clients offer to set and to ask.
macro_rules! handle {
    ($client:ident) => {
        impl $client {
            /// Connects, so that a service that is not there is told at once.
            ///
            /// # Errors
            /// `url` is none, such as `http://127.0.0.1:50051`, or nobody listens there.
            pub async fn connect(url: impl Into<String>) -> Result<Self, tonic::transport::Error> {
                Self::connect_with(url, &Credentials::default()).await
            }

            /// As `connect`, with credentials; `url` may be `https`.
            ///
            /// # Errors
            /// As `connect`, and when service and client do not trust each other.
            pub async fn connect_with(
                url: impl Into<String>,
                credentials: &Credentials,
            ) -> Result<Self, tonic::transport::Error> {
                Ok(Self { caller: Caller::connect(url.into(), credentials).await? })
            }

            /// Connects when the first call is made, and again whenever the connection was lost. Needs a runtime.
            ///
            /// # Errors
            /// `url` is none.
            pub fn lazy(url: impl Into<String>) -> Result<Self, tonic::transport::Error> {
                Self::lazy_with(url, &Credentials::default())
            }

            /// As `lazy`, with credentials; `url` may be `https`.
            ///
            /// # Errors
            /// `url` is none.
            pub fn lazy_with(
                url: impl Into<String>,
                credentials: &Credentials,
            ) -> Result<Self, tonic::transport::Error> {
                Ok(Self { caller: Caller::lazy(url.into(), credentials)? })
            }

            /// Uses a connection that was made elsewhere.
            pub fn new(channel: impl Into<Link>) -> Self {
                Self { caller: Caller::new(channel.into()) }
            }

            /// Names who writes, in the request metadata; without authentication the service stores it as unverified.
            ///
            /// # Errors
            /// Metadata hold visible ASCII characters and blanks only.
            pub fn with_author(
                mut self,
                author: &str,
            ) -> Result<Self, tonic::metadata::errors::InvalidMetadataValue> {
                self.caller.set_author(author)?;
                Ok(self)
            }

            /// Changes how patient this handle is.
            #[must_use]
            pub fn with_settings(mut self, settings: Settings) -> Self {
                self.caller.settings = settings;
                self
            }

            /// The connection, for calls that have no method here.
            pub fn channel(&self) -> Link {
                self.caller.channel.clone()
            }
        }
    };
}
pub(super) use handle;

/// One method for each RPC with one answer, under its name. What stands after `with` prepares the request.
macro_rules! calls {
    ($client:ident: $($(#[$doc:meta])* $service:ident.$rpc:ident($request:ty) -> $answer:ty $(, with $prepare:path)?;)*) => {
        impl $client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// As the contract lists them, and those of the [module](crate::client).
                pub async fn $rpc(&self, request: $request) -> Result<$answer, tonic::Status> {
                    $(let request = $prepare(request);)?
                    let send = |channel, request| async move { $service(channel).$rpc(request).await };
                    self.caller.call(request, send).await
                }
            )*
        }
    };
}
pub(super) use calls;
