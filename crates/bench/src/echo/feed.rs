//! The bare stream: messages of a feed, made beforehand, over and over, encoded as they are sent.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::{self, BoxFuture, Ready};
use futures::stream::{self, Stream};
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::change_service_server::SERVICE_NAME;
use tonic::body::Body;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, ServerStreamingService};
use tonic::{Request, Response, Status};
use tonic_prost::{ProstCodec, ProstDecoder};

/// Answers every call with the same endless stream, as a ChangeService.
#[derive(Debug, Clone)]
pub(crate) struct Feed {
    /// What is sent, over and over.
    pub(crate) messages: Arc<Vec<Arc<v1::WatchChangesResponse>>>,
}

impl NamedService for Feed {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for Feed {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let feed = self.clone();
        Box::pin(async move { Ok(Grpc::new(Shared).server_streaming(feed, request).await) })
    }
}

impl ServerStreamingService<v1::WatchChangesRequest> for Feed {
    type Response = Arc<v1::WatchChangesResponse>;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Self::Response, Status>> + Send>>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, _: Request<v1::WatchChangesRequest>) -> Self::Future {
        let messages = Arc::clone(&self.messages);
        let endless = (0..messages.len()).cycle().map(move |index| Ok(Arc::clone(&messages[index])));
        let endless: Self::ResponseStream = Box::pin(stream::iter(endless));
        future::ready(Ok(Response::new(endless)))
    }
}

/// Encodes messages that others hold too.
#[derive(Debug, Clone, Copy)]
struct Shared;

impl Codec for Shared {
    type Encode = Arc<v1::WatchChangesResponse>;
    type Decode = v1::WatchChangesRequest;
    type Encoder = Self;
    type Decoder = ProstDecoder<v1::WatchChangesRequest>;

    fn encoder(&mut self) -> Self::Encoder {
        *self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<v1::WatchChangesResponse, _>::new().decoder()
    }
}

impl Encoder for Shared {
    type Item = Arc<v1::WatchChangesResponse>;
    type Error = Status;

    fn encode(&mut self, item: Self::Item, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        item.encode(buffer).map_err(|_| Status::internal("a buffer that does not grow"))
    }
}
