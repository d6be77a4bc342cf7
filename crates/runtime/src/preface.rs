//! The first bytes of an HTTP/2 connection, awaited here because the transport waits for them for ever.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// Bytes of the preface; what they say is for the transport to judge.
pub(crate) const PREFACE_BYTES: usize = 24;

/// A connection whose peer has spoken; what it said is read again.
#[derive(Debug)]
pub(crate) struct Spoken<S> {
    inner: S,
    preface: [u8; PREFACE_BYTES],
    given: usize,
}

/// Waits for the preface.
///
/// # Errors
/// The peer went before it had said as much.
pub(crate) async fn spoken<S: AsyncRead + Unpin>(mut inner: S) -> io::Result<Spoken<S>> {
    let mut preface = [0; PREFACE_BYTES];
    inner.read_exact(&mut preface).await?;
    Ok(Spoken { inner, preface, given: 0 })
}

impl<S: AsyncRead + Unpin> AsyncRead for Spoken<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let left = &this.preface[this.given..];
        if left.is_empty() {
            return Pin::new(&mut this.inner).poll_read(cx, buffer);
        }
        let now = left.len().min(buffer.remaining());
        buffer.put_slice(&left[..now]);
        this.given += now;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Spoken<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_read_comes_again_before_the_rest() {
        let text = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand more";
        let mut spoken = spoken(&text[..]).await.unwrap();
        let mut again = Vec::<u8>::new();
        let mut few = [0; 5];
        while let Ok(read @ 1..) = spoken.read(&mut few).await {
            again.extend(&few[..read]);
        }
        assert_eq!(again, text);
        assert!(super::spoken(&text[..23]).await.is_err());
    }
}
