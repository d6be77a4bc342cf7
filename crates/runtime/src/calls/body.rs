//! The messages of an answer and its end, under the same rules as the call before it.
//!
//! The transport takes what it is given, however much, and keeps what its peer does not read. So it is given large messages
//! in pieces: the next one when the last one was sent. What is left of an answer is here, and counted.

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
use crate::limits::Place;

/// Bytes of a piece.
const PIECE_BYTES: usize = 64 << 10;

type Polled = Poll<Option<Result<Frame<Bytes>, Status>>>;

/// See the module.
#[derive(Debug)]
pub struct CallBody {
    inner: Body,
    /// What is left of a message that is given in pieces.
    rest: Bytes,
    /// None for a call that was refused.
    place: Option<Place>,
    ended: bool,
    until: Option<End>,
    /// Made at the first wait: the answers of most calls are there at once.
    timer: Option<Pin<Box<Sleep>>>,
    /// None where there was no place.
    log: Option<CallLog>,
}

impl CallBody {
    /// Of a call for which there was no place: nothing comes behind the headers.
    pub(super) fn refused(inner: Body) -> Self {
        Self { inner, rest: Bytes::new(), place: None, ended: true, until: None, timer: None, log: None }
    }

    pub(super) fn new(inner: Body, until: Option<End>, place: Option<Place>, log: CallLog) -> Self {
        Self { inner, rest: Bytes::new(), place, ended: false, until, timer: None, log: Some(log) }
    }

    /// Drops the stream, and with it what its handler holds, and ends the call.
    fn end(&mut self, reason: Reason) -> Polled {
        self.inner = Body::empty();
        self.ended = true;
        self.keep(Bytes::new());
        let status = refuse(reason);
        self.told(status.code());
        let mut trailers = HeaderMap::new();
        write(&mut trailers, &status);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn told(&mut self, code: Code) {
        if let Some(log) = &mut self.log {
            log.end(code);
        }
    }

    /// What is left for later.
    fn keep(&mut self, rest: Bytes) {
        if let Some(place) = &self.place {
            place.hold(rest.len());
        }
        self.rest = rest;
    }

    /// The next piece of a message.
    fn piece(&mut self, mut message: Bytes) -> Frame<Bytes> {
        let piece = message.split_to(PIECE_BYTES.min(message.len()));
        self.keep(message);
        self.give(piece.len());
        Frame::data(piece)
    }

    /// What a feed was given last counts until it asks for more: a reader that stands still may have it for long.
    fn give(&self, bytes: usize) {
        if let Some(place) = self.place.as_ref().filter(|place| place.is_feed()) {
            place.hold(self.rest.len() + bytes);
        }
    }

    fn pass(&mut self, mut frame: Frame<Bytes>) -> Frame<Bytes> {
        if frame.data_ref().is_some_and(|data| data.len() > PIECE_BYTES) {
            return match frame.into_data() {
                Ok(message) => self.piece(message),
                Err(other) => other,
            };
        }
        if let Some(trailers) = frame.trailers_mut() {
            translate(trailers);
            let code = trailers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()));
            self.told(code.unwrap_or(Code::Unknown));
        } else {
            self.give(frame.data_ref().map_or(0, Bytes::len));
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
        this.give(0);
        // A stream that is never empty must end, too.
        if let Some(end) = this.until.filter(|end| end.is_reached()) {
            return this.end(end.reason);
        }
        if !this.rest.is_empty() {
            let rest = std::mem::take(&mut this.rest);
            return Poll::Ready(Some(Ok(this.piece(rest))));
        }
        let inner = Pin::new(&mut this.inner);
        match catch_unwind(AssertUnwindSafe(|| inner.poll_frame(cx))) {
            Err(_panic) => this.end(Reason::Panic),
            Ok(Poll::Pending) => this.wait(cx),
            Ok(Poll::Ready(Some(Ok(frame)))) => {
                let frame = this.pass(frame);
                if !this.rest.is_empty() && !this.place.as_ref().is_none_or(Place::has_room) {
                    return this.end(Reason::Overloaded);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Ok(ended) => ended,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended || (self.rest.is_empty() && self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.inner.size_hint() } else { SizeHint::default() }
    }
}
