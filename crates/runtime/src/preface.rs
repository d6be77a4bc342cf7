//! The first bytes of an HTTP/2 connection, awaited here because the transport waits for them for ever.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// What a peer says first; it is for the transport to judge.
pub(crate) type Preface = [u8; 24];

/// Waits for the preface.
///
/// # Errors
/// The peer went before it had said as much.
pub(crate) async fn spoken<S: AsyncRead + Unpin>(peer: &mut S) -> io::Result<Preface> {
    let mut preface = Preface::default();
    peer.read_exact(&mut preface).await?;
    Ok(preface)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_behind_stays_where_it_is() {
        let mut text = &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nand more"[..];
        assert_eq!(&spoken(&mut text).await.unwrap(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert_eq!(text, b"and more");
        assert!(spoken(&mut &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"[..]).await.is_err());
    }
}
