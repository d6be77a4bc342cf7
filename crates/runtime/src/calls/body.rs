//! The messages of an answer and its end, under the same rules as the call before it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use reform_api::error::Reason;
use tokio::time::{Sleep, sleep_until};
use tonic::body::Body;
use tonic::{Code, Status};

use super::deadline::End;
use super::log::CallLog;
use super::refusal::{refuse, translate, write};

type Polled = Poll<Option<Result<Frame<Bytes>, Status>>>;

/// See the module.
#[derive(Debug)]
pub struct CallBody {
    inner: Body,
    ended: bool,
    until: Option<End>,
    /// Made at the first wait: the answers of most calls are there at once.
    timer: Option<Pin<Box<Sleep>>>,
    log: CallLog,
    span: tracing::Span,
}

impl CallBody {
    pub(super) fn new(inner: Body, until: Option<End>, log: CallLog, span: tracing::Span) -> Self {
        Self { inner, ended: false, until, timer: None, log, span }
    }

    /// Drops the stream, and with it what its handler holds, and ends the call.
    fn end(&mut self, reason: Reason) -> Polled {
        self.inner = Body::empty();
        self.ended = true;
        let status = refuse(reason);
        self.log.end(status.code());
        let mut trailers = HeaderMap::new();
        write(&mut trailers, &status);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn pass(&mut self, mut frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(trailers) = frame.trailers_mut() {
            translate(trailers);
            let code = trailers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()));
            self.log.end(code.unwrap_or(Code::Unknown));
        }
        frame
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Polled {
        let Some(End { at, reason }) = self.until else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => self.end(reason),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl http_body::Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        // A stream that is never empty must end, too.
        if let Some(end) = this.until.filter(|end| end.is_reached()) {
            return this.end(end.reason);
        }
        let span = this.span.clone();
        let _entered = span.enter();
        let inner = Pin::new(&mut this.inner);
        match catch_unwind(AssertUnwindSafe(|| inner.poll_frame(cx))) {
            Err(_panic) => this.end(Reason::Panic),
            Ok(Poll::Pending) => this.wait(cx),
            Ok(Poll::Ready(Some(Ok(frame)))) => Poll::Ready(Some(Ok(this.pass(frame)))),
            Ok(ended) => ended,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
