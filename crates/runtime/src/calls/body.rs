//! The messages of an answer and its end, under the same rules as the call before it.
//!
//! The transport takes what it is given, however much, and keeps what its peer does not read. So it is given large messages
//! in pieces: the next one when the last one was sent. What is left of an answer is here, and counted together with the
//! piece that the transport has.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
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
    /// What is left of a message that is given in pieces, and what is behind it.
    rest: VecDeque<Frame<Bytes>>,
    /// Bytes of it.
    left: usize,
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
        Self { ended: true, ..Self::of(inner) }
    }

    pub(super) fn new(inner: Body, until: Option<End>, place: Option<Place>, log: CallLog) -> Self {
        Self { until, place, log: Some(log), ..Self::of(inner) }
    }

    fn of(inner: Body) -> Self {
        Self {
            inner,
            rest: VecDeque::new(),
            left: 0,
            place: None,
            ended: false,
            until: None,
            timer: None,
            log: None,
        }
    }

    /// With its first message made already, if it is there at once.
    pub(super) fn begun(mut self) -> Self {
        self.look_behind(&mut Context::from_waker(Waker::noop()));
        if !self.has_room() {
            let told = self.end(Reason::Overloaded);
            self.rest.push_back(told);
        }
        self
    }

    /// Drops the stream, and with it what its handler holds, and ends the call.
    fn end(&mut self, reason: Reason) -> Frame<Bytes> {
        self.inner = Body::empty();
        self.ended = true;
        self.rest = VecDeque::new();
        self.left = 0;
        self.hold(0);
        let status = refuse(reason);
        self.told(status.code());
        told_by(&status)
    }

    fn told(&mut self, code: Code) {
        if let Some(log) = &mut self.log {
            log.end(code);
        }
    }

    /// Leaves a message for later, in pieces, and what is behind it. Of those behind a large one there is one at the most.
    fn leave(&mut self, message: Bytes, cx: &mut Context<'_>) {
        self.left += message.len();
        if message.len() <= PIECE_BYTES || !self.rest.is_empty() {
            return self.rest.push_back(Frame::data(message));
        }
        let is_feed = self.is_feed();
        let pieces = message.chunks(PIECE_BYTES).map(|piece| {
            // As parts of the message they would keep all of it, and what it grew to. A feed has one of its own size.
            Frame::data(if is_feed { message.slice_ref(piece) } else { Bytes::copy_from_slice(piece) })
        });
        self.rest.extend(pieces);
        drop(message);
        if !is_feed {
            self.look_behind(cx);
        }
    }

    /// What made a message keeps the memory in which it was written until it is over, which it mostly is.
    fn look_behind(&mut self, cx: &mut Context<'_>) {
        let behind = match self.poll_inner(cx) {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(None)) => None,
            Ok(Poll::Ready(Some(Ok(frame)))) => match frame.into_data() {
                Ok(message) => return self.leave(message, cx),
                Err(trailers) => Some(trailers),
            },
            Ok(Poll::Ready(Some(Err(status)))) => Some(told_by(&status)),
            Err(_panic) => Some(told_by(&refuse(Reason::Panic))),
        };
        self.inner = Body::empty();
        self.rest.extend(behind);
    }

    fn is_feed(&self) -> bool {
        self.place.as_ref().is_some_and(Place::is_feed)
    }

    /// Whether there is room for what is left.
    fn has_room(&self) -> bool {
        self.place.as_ref().is_none_or(|place| place.take_room(self.left))
    }

    fn hold(&self, bytes: usize) {
        if let Some(place) = &self.place {
            place.hold(bytes);
        }
    }

    /// What the transport was given last counts until it asks for more: who does not read may leave it there for long.
    fn give(&self, bytes: usize) {
        self.hold(self.left + bytes);
    }

    fn pass(&mut self, mut frame: Frame<Bytes>) -> Frame<Bytes> {
        if let Some(trailers) = frame.trailers_mut() {
            translate(trailers);
            let code = trailers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()));
            self.told(code.unwrap_or(Code::Unknown));
        }
        self.give(frame.data_ref().map_or(0, Bytes::len));
        frame
    }

    /// Passes what is left of a message.
    fn next_left(&mut self) -> Option<Frame<Bytes>> {
        let frame = self.rest.pop_front()?;
        self.left -= frame.data_ref().map_or(0, Bytes::len);
        Some(self.pass(frame))
    }

    fn poll_inner(&mut self, cx: &mut Context<'_>) -> std::thread::Result<Polled> {
        let inner = Pin::new(&mut self.inner);
        catch_unwind(AssertUnwindSafe(|| inner.poll_frame(cx)))
    }

    fn wait(&mut self, cx: &mut Context<'_>) -> Polled {
        let Some(End { at, reason }) = self.until else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Some(Ok(self.end(reason)))),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Passes what was made just now, or as much as is passed at once.
    fn pass_whole(&mut self, frame: Frame<Bytes>, cx: &mut Context<'_>) -> Polled {
        match frame.into_data() {
            Ok(message) if message.len() > PIECE_BYTES => {
                self.leave(message, cx);
                let next =
                    if self.has_room() { self.next_left() } else { Some(self.end(Reason::Overloaded)) };
                Poll::Ready(next.map(Ok))
            }
            Ok(message) => Poll::Ready(Some(Ok(self.pass(Frame::data(message))))),
            Err(other) => Poll::Ready(Some(Ok(self.pass(other)))),
        }
    }
}

/// The end of an answer by an error.
fn told_by(status: &Status) -> Frame<Bytes> {
    let mut trailers = HeaderMap::new();
    write(&mut trailers, status);
    Frame::trailers(trailers)
}

impl http_body::Body for CallBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Polled {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(this.rest.pop_front().map(Ok));
        }
        this.give(0);
        // A stream that is never empty must end, too.
        if let Some(end) = this.until.filter(|end| end.is_reached()) {
            return Poll::Ready(Some(Ok(this.end(end.reason))));
        }
        if let Some(frame) = this.next_left() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match this.poll_inner(cx) {
            Err(_panic) => Poll::Ready(Some(Ok(this.end(Reason::Panic)))),
            Ok(Poll::Pending) => this.wait(cx),
            Ok(Poll::Ready(Some(Ok(frame)))) => this.pass_whole(frame, cx),
            Ok(ended) => ended,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && (self.ended || self.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.inner.size_hint() } else { SizeHint::default() }
    }
}
