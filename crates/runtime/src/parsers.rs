//! What is read from outside, each reader by itself: for trials that hand it anything. No service uses this.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use std::convert::Infallible;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service;

pub use crate::access::parsers::{bearer, read_keys, read_roles, read_tokens};
use crate::calls::Deadline;
use crate::calls::refusal::translate;
use crate::tls;

/// What stands before a message.
const FRAME_HEADER_BYTES: usize = 5;

/// Whether certificate, key, client CA and revocation list, as far as they are given, make a server.
pub fn certificates(files: &[&[u8]]) -> bool {
    let [cert, key, clients @ ..] = files else { return false };
    let clients = match clients {
        [] => None,
        [ca] => Some((*ca, None)),
        [ca, crl, ..] => Some((*ca, Some(*crl))),
    };
    tls::config(cert, key, clients).is_ok()
}

/// Calls a method of a generated server with these messages, without a connection: the first message of its answer, empty
/// where there is none. What would wait for something waits for nothing.
///
/// # Errors
/// What the method says.
pub async fn ask<S>(mut service: S, path: &str, messages: &[&[u8]]) -> Result<Bytes, Status>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
{
    let mut framed = BytesMut::new();
    for message in messages {
        framed.put_u8(0);
        framed.put_u32(u32::try_from(message.len()).expect("a message is far smaller"));
        framed.put_slice(message);
    }
    let frames = futures::stream::iter([Ok::<_, Infallible>(Frame::data(Bytes::from(framed)))]);
    let request = http::Request::post(path).header(CONTENT_TYPE, "application/grpc").header(TE, "trailers");
    let mut request =
        request.body(Body::new(StreamBody::new(frames))).expect("a path of the contract is one");
    request.extensions_mut().insert(Deadline::now());
    let mut answered = service.call(request).await.unwrap_or_else(|never| match never {});
    translate(answered.headers_mut());
    if let Some(status) = Status::from_header_map(answered.headers()) {
        return Err(status);
    }
    let Some(frame) = answered.into_body().frame().await else { return Ok(Bytes::new()) };
    match frame?.into_data() {
        Ok(mut data) => Ok(data.split_off(data.len().min(FRAME_HEADER_BYTES))),
        Err(mut frame) => match frame.trailers_mut().and_then(|trailers| {
            translate(trailers);
            Status::from_header_map(trailers)
        }) {
            Some(status) if status.code() != Code::Ok => Err(status),
            Some(_) | None => Ok(Bytes::new()),
        },
    }
}
