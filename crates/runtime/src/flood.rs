//! Frames that ask for work and carry no call: PING, SETTINGS, PRIORITY, RST_STREAM, empty DATA. The transport answers
//! them as fast as they come, so somebody has to count them. Many clients end each call with an empty DATA, and some
//! measure a fast connection with a PING for every round trip: neither is a flood.
//!
//! Who sends requests that are refused before they are read sends them all the same: nothing is read from there for a moment,
//! and what came meanwhile is read, refused and told together.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

use crate::limits::Share;
use crate::preface::Preface;

/// Such frames of one connection in a second, in the long run.
pub const FRAMES_PER_SECOND: u64 = 10_000;

/// Such frames at once.
pub const FRAMES_BURST: u64 = 20_000;

/// How long nothing is read from a connection on which a call was refused unread.
pub const REST: Duration = Duration::from_millis(20);

const HEADER_BYTES: usize = 9;

/// The flag of a DATA frame behind which the stream has no other.
const END_STREAM: u8 = 1;

const DATA: u8 = 0;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;

/// GOAWAY with ENHANCE_YOUR_CALM; which streams were looked at is left open, as streams may still be answered.
const GOODBYE: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 11];

/// Passes on what a peer sends, its preface first, until that is a flood; from then on nothing more is read, and the peer is
/// told why. The transport has no way to say so, so it is said here, between two of its frames.
#[derive(Debug)]
pub(crate) struct Guarded<S> {
    inner: S,
    preface: Preface,
    given: usize,
    frames: Frames,
    bucket: Bucket,
    flooded: Option<Arc<Notify>>,
    share: Arc<Share>,
    rest: Option<Pin<Box<Sleep>>>,
    written: Frames,
    /// Bytes of [`GOODBYE`] that were said.
    said: usize,
}

impl<S> Guarded<S> {
    /// What comes behind a preface that was read. Tells the flood to `flooded`; `share` tells what was refused.
    pub(crate) fn new(inner: S, preface: Preface, flooded: Arc<Notify>, share: Arc<Share>) -> Self {
        Self {
            inner,
            preface,
            given: 0,
            frames: Frames::default(),
            bucket: Bucket { left: FRAMES_BURST, since: Instant::now() },
            flooded: Some(flooded),
            share,
            rest: None,
            written: Frames::default(),
            said: 0,
        }
    }

    /// Rests when there is reason to.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.share.left_unread() {
            self.rest.get_or_insert_with(|| Box::pin(sleep(REST)));
        }
        if let Some(rest) = &mut self.rest {
            ready!(rest.as_mut().poll(cx));
            self.rest = None;
        }
        Poll::Ready(())
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    /// Says what there is to say before anything else; ready when that is nothing.
    fn poll_goodbye(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flooded.is_some() || !self.written.is_between() {
            return Poll::Ready(Ok(()));
        }
        while self.said < GOODBYE.len() {
            let written = ready!(Pin::new(&mut self.inner).poll_write(cx, &GOODBYE[self.said..]))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.said += written;
        }
        Poll::Ready(Ok(()))
    }
}

/// Where in the stream of frames the connection is.
#[derive(Debug, Default)]
struct Frames {
    /// Bytes that belong to no header.
    skip: usize,
    header: [u8; HEADER_BYTES],
    known: usize,
}

impl Frames {
    /// Whether no frame has begun that is not at its end.
    fn is_between(&self) -> bool {
        self.skip == 0 && self.known == 0
    }

    /// How many frames that are counted begin in the next bytes.
    fn count(&mut self, mut bytes: &[u8]) -> u64 {
        let mut counted = 0;
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            let more = bytes.len().min(HEADER_BYTES - self.known);
            self.header[self.known..self.known + more].copy_from_slice(&bytes[..more]);
            self.known += more;
            bytes = &bytes[more..];
            if self.known == HEADER_BYTES {
                let [high, middle, low, kind, flags, ..] = self.header;
                self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
                self.known = 0;
                counted += u64::from(match kind {
                    PRIORITY | RST_STREAM | SETTINGS | PING => true,
                    DATA => self.skip == 0 && flags & END_STREAM == 0,
                    _ => false,
                });
            }
        }
        counted
    }
}

/// Fills at a rate, up to a burst.
#[derive(Debug)]
struct Bucket {
    left: u64,
    since: Instant,
}

impl Bucket {
    /// Takes so many; false when there are not as many.
    fn take(&mut self, count: u64, now: Instant) -> bool {
        if count > self.left {
            let elapsed_ms = u64::try_from(now.duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
            self.left = self
                .left
                .saturating_add(elapsed_ms.saturating_mul(FRAMES_PER_SECOND) / 1_000)
                .min(FRAMES_BURST);
            self.since = now;
        }
        let enough = count <= self.left;
        self.left = self.left.saturating_sub(count);
        enough
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.flooded.is_none() {
            ready!(this.poll_goodbye(cx))?;
            ready!(Pin::new(&mut this.inner).poll_flush(cx))?;
            return Poll::Pending;
        }
        let left = &this.preface[this.given..];
        if !left.is_empty() {
            let now = left.len().min(buffer.remaining());
            buffer.put_slice(&left[..now]);
            this.given += now;
            return Poll::Ready(Ok(()));
        }
        ready!(this.poll_rest(cx));
        let before = buffer.filled().len();
        let read = Pin::new(&mut this.inner).poll_read(cx, buffer);
        let counted = this.frames.count(&buffer.filled()[before..]);
        if counted > 0
            && !this.bucket.take(counted, Instant::now())
            && let Some(flooded) = this.flooded.take()
        {
            flooded.notify_one();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_goodbye(cx))?;
        let written = ready!(Pin::new(&mut this.inner).poll_write_vectored(cx, bytes))?;
        let mut left = written;
        for part in bytes {
            let (part, _) = part.split_at(left.min(part.len()));
            this.written.count(part);
            left -= part.len();
        }
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// A frame of that type with a payload of so many bytes, which look like headers of pings.
    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let mut frame = vec![0, (payload >> 8) as u8, payload as u8, kind, 0, 0, 0, 0, 1];
        frame.resize(HEADER_BYTES + payload, PING);
        frame
    }

    #[test]
    fn frames_are_counted_however_they_are_cut() {
        let counted = [frame(PING, 8), frame(SETTINGS, 0), frame(RST_STREAM, 4), frame(DATA, 0)];
        let mut last = frame(DATA, 0);
        last[4] = END_STREAM;
        let others = [frame(DATA, 700), frame(1, 30), frame(8, 4), last];
        let mut bytes = Vec::new();
        counted.iter().chain(&others).chain(&counted).for_each(|frame| bytes.extend(frame));
        for size in [1, 2, 7, 9, 10, 64, bytes.len()] {
            let mut frames = Frames::default();
            let count: u64 = bytes.chunks(size).map(|chunk| frames.count(chunk)).sum();
            assert_eq!(count, 8, "{size}");
        }
    }

    fn guarded<S>(inner: S, share: &Arc<Share>) -> Guarded<S> {
        Guarded::new(inner, *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Arc::default(), share.clone())
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_read_for_a_moment_after_a_request_was_left_unread() {
        let (mut peer, ours) = tokio::io::duplex(100);
        let share = Arc::<Share>::default();
        let (mut guarded, mut read) = (guarded(ours, &share), [0; 100]);
        assert_eq!(guarded.read(&mut read).await.unwrap(), 24);
        for _ in 0..2 {
            peer.write_all(b"one").await.unwrap();
            assert_eq!(guarded.read(&mut read).await.unwrap(), 3);
            share.leave_unread();
            let began = tokio::time::Instant::now();
            peer.write_all(b"two").await.unwrap();
            guarded.write_all(b"what is said is said meanwhile").await.unwrap();
            assert_eq!(began.elapsed(), Duration::ZERO);
            assert_eq!(guarded.read(&mut read).await.unwrap(), 3);
            assert!(began.elapsed() >= REST, "{:?}", began.elapsed());
        }
    }

    #[tokio::test]
    async fn the_preface_comes_again_before_the_rest() {
        let mut guarded = guarded(tokio::io::join(&b"and more"[..], tokio::io::sink()), &Arc::default());
        let (mut few, mut read) = ([0; 5], Vec::<u8>::new());
        while let Ok(bytes @ 1..) = guarded.read(&mut few).await {
            read.extend(&few[..bytes]);
        }
        assert_eq!(read, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand more");
    }

    #[test]
    fn a_bucket_fills_again() {
        let start = Instant::now();
        let mut bucket = Bucket { left: FRAMES_BURST, since: start };
        assert!(bucket.take(FRAMES_BURST, start));
        assert!(!bucket.take(1, start));
        let later = start + Duration::from_secs(1);
        assert!(bucket.take(FRAMES_PER_SECOND, later));
        assert!(!bucket.take(1, later));
        assert!(bucket.take(FRAMES_BURST, later + Duration::from_secs(3_600)));
    }
}
