//! The messages of a request, counted as they come: many that never end would fill the memory, and large ones that come as
//! fast as they can would take the processors.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use reform_api::error::{Fault, Reason};
use tokio::time::{Sleep, sleep_until};

use super::scan::{FIELDS_MAX, Scan, TooMany};
use crate::limits::Place;

/// Requests up to this size are not counted, because there cannot be enough of them.
const SMALL_BYTES: u64 = 64 << 10;

/// See the module.
#[derive(Debug)]
pub struct Received<B: Body> {
    inner: B,
    place: Place,
    bytes: u64,
    scan: Scan,
    /// Until when nothing more is taken.
    pause: Option<Pin<Box<Sleep>>>,
}

impl<B: Body> Received<B> {
    pub(super) fn new(inner: B, place: Place) -> Self {
        Self { inner, place, bytes: 0, scan: Scan::new(), pause: None }
    }

    fn count(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.scan.look(bytes).map_err(|TooMany| {
            let message = format!("the message has over {FIELDS_MAX} fields on its outer levels");
            Fault::new(Reason::MessageTooLarge, message)
        })?;
        self.bytes = self.bytes.saturating_add(bytes.len() as u64);
        if self.bytes <= SMALL_BYTES {
            return Ok(());
        }
        self.pause = self.place.pace(bytes.len()).map(|until| Box::pin(sleep_until(until)));
        self.place.receive(self.bytes)
    }
}

impl<B: Body> Drop for Received<B> {
    fn drop(&mut self) {
        if !self.inner.is_end_stream() {
            self.place.leave_unread();
        }
    }
}

impl<B> Body for Received<B>
where
    B: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Unpin,
{
    type Data = Bytes;
    type Error = Box<dyn Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Some(pause) = &mut this.pause {
            ready!(pause.as_mut().poll(cx));
            this.pause = None;
        }
        let frame = match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => return Poll::Ready(Some(Err(error.into()))),
            None => return Poll::Ready(None),
        };
        let counted = this.count(frame.data_ref().map_or(&[], Bytes::as_ref));
        Poll::Ready(Some(counted.map(|()| frame).map_err(|fault| fault.status().into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
