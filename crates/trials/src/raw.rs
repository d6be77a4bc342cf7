//! Calls as bytes: what no generated client would send, and what need not be decoded.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::{Service, ServiceExt};

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    path: &'static str,
    message: Bytes,
    encoding: Option<&'static str>,
    timeout: Duration,
}

impl Call {
    /// With an encoded message.
    pub fn new(path: &'static str, message: impl Into<Bytes>) -> Self {
        Self { path, message: message.into(), encoding: None, timeout: Duration::from_secs(20) }
    }

    /// With a message that is compressed, as it says.
    #[must_use]
    pub fn compressed(mut self, encoding: &'static str) -> Self {
        self.encoding = Some(encoding);
        self
    }

    /// With another deadline than 20 seconds.
    #[must_use]
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The bytes of the answer's messages.
    ///
    /// # Errors
    /// What the service says.
    pub async fn send(self, channel: &Channel) -> Result<usize, Status> {
        let mut body = BytesMut::with_capacity(5 + self.message.len());
        body.put_u8(u8::from(self.encoding.is_some()));
        body.put_u32(u32::try_from(self.message.len()).expect("messages have a length of 32 bits"));
        body.put(self.message);
        let mut request = Request::post(format!("http://service{}", self.path))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
            .header("grpc-timeout", format!("{}m", self.timeout.as_millis()));
        if let Some(encoding) = self.encoding {
            request = request.header("grpc-encoding", encoding);
        }
        let request = request.body(Body::new(Full::new(body.freeze()))).expect("a request");
        let mut channel = channel.clone();
        let unavailable = |error: tonic::transport::Error| Status::from_error(Box::new(error));
        let channel = channel.ready().await.map_err(unavailable)?;
        let mut response = channel.call(request).await.map_err(unavailable)?;
        status(response.headers())?;
        let mut bytes = 0;
        while let Some(frame) = response.body_mut().frame().await {
            let frame = frame?;
            bytes += frame.data_ref().map_or(0, Bytes::len);
            if let Some(trailers) = frame.trailers_ref() {
                status(trailers)?;
            }
        }
        Ok(bytes)
    }
}

fn status(headers: &HeaderMap) -> Result<(), Status> {
    match Status::from_header_map(headers) {
        Some(status) if status.code() != Code::Ok => Err(status),
        Some(_) | None => Ok(()),
    }
}
