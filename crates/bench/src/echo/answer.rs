//! A bare tonic echo of an answer that was made beforehand, for the indicator service.

use std::convert::Infallible;
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes};
use futures::future::{self, BoxFuture, Ready};
use reform_api::analytics::v1;
use reform_api::analytics::v1::indicator_service_server::SERVICE_NAME;
use tonic::body::Body;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::codegen::Service;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::{ProstCodec, ProstDecoder};

/// Answers every call with the same bytes, as an IndicatorService.
#[derive(Debug, Clone)]
pub(crate) struct Answer(pub(crate) Bytes);

impl NamedService for Answer {
    const NAME: &'static str = SERVICE_NAME;
}

impl Service<http::Request<Body>> for Answer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let answer = self.clone();
        Box::pin(async move { Ok(Grpc::new(Same).unary(answer, request).await) })
    }
}

impl UnaryService<v1::QueryIndicatorRequest> for Answer {
    type Response = Bytes;
    type Future = Ready<Result<Response<Bytes>, Status>>;

    fn call(&mut self, _: Request<v1::QueryIndicatorRequest>) -> Self::Future {
        future::ready(Ok(Response::new(self.0.clone())))
    }
}

/// Sends bytes as they are.
#[derive(Debug, Clone, Copy)]
struct Same;

impl Codec for Same {
    type Encode = Bytes;
    type Decode = v1::QueryIndicatorRequest;
    type Encoder = Self;
    type Decoder = ProstDecoder<v1::QueryIndicatorRequest>;

    fn encoder(&mut self) -> Self::Encoder {
        *self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<v1::QueryIndicatorResponse, _>::new().decoder()
    }
}

impl Encoder for Same {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}
