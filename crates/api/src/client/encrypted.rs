//! Connections by TLS. The files are read for each one, which is rare, so that a renewed certificate needs no restart.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::credentials::{Credentials, TokenFile};
use crate::validity::Validity;

/// The port of `https` when the address names none.
const PORT: u16 = 443;

/// Connects to a service and checks it; shows the own certificate when it is asked for.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    credentials: Arc<Credentials>,
}

impl Connector {
    /// None when the address asks for plaintext.
    pub(super) fn new(uri: &Uri, credentials: &Credentials) -> Option<Self> {
        let encrypted = uri.scheme_str() == Some("https");
        encrypted.then(|| Self { credentials: Arc::new(credentials.clone()) })
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let credentials = self.credentials.clone();
        Box::pin(async move { connect(&uri, credentials).await.map(TokioIo::new) })
    }
}

async fn connect(uri: &Uri, credentials: Arc<Credentials>) -> io::Result<TlsStream<TcpStream>> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
    let config =
        tokio::task::spawn_blocking(move || config(&credentials)).await.map_err(io::Error::other)??;
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(PORT))).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

fn config(credentials: &Credentials) -> io::Result<ClientConfig> {
    let Some(ca) = &credentials.ca else {
        return Err(io::Error::other("https needs the certificates of those who are trusted (--tls-ca)"));
    };
    let mut roots = RootCertStore::empty();
    for root in certificates(ca)? {
        roots.add(root).map_err(|error| wrong(ca, error))?;
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots);
    let mut config = match &credentials.identity {
        None => builder.with_no_client_auth(),
        Some((cert, key_path)) => {
            let key = PrivateKeyDer::from_pem_file(key_path).map_err(|error| wrong(key_path, error))?;
            builder.with_client_auth_cert(certificates(cert)?, key).map_err(|error| wrong(cert, error))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

/// What a service shows to whoever connects by TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// The version of the protocol, such as `TLSv1_3`.
    pub protocol: String,
    /// How long its certificate is valid; none where it cannot be read.
    pub validity: Option<Validity>,
}

impl Credentials {
    /// Connects once by TLS, as every connection does: both sides trust each other then.
    ///
    /// # Errors
    /// A file is wrong, nobody is there, or one does not trust the other.
    pub async fn look_at(&self, uri: &Uri) -> io::Result<Shown> {
        let stream = connect(uri, Arc::new(self.clone())).await?;
        let (_, session) = stream.get_ref();
        let protocol = session.protocol_version().and_then(|version| version.as_str()).unwrap_or("TLS");
        let first = session.peer_certificates().and_then(<[_]>::first);
        let validity = first.and_then(|certificate| Validity::of(certificate));
        Ok(Shown { protocol: protocol.to_owned(), validity })
    }

    /// The first of the own certificates, in DER; none where there is no file of them.
    ///
    /// # Errors
    /// The file is wrong.
    pub fn own_certificate(&self) -> io::Result<Option<CertificateDer<'static>>> {
        let Some((cert, _)) = &self.identity else { return Ok(None) };
        Ok(certificates(cert)?.into_iter().next())
    }

    /// Reads all files, as a connection would; those of TLS when it is `encrypted`.
    ///
    /// # Errors
    /// What is wrong, which names the file.
    pub fn check(&self, encrypted: bool) -> io::Result<()> {
        if encrypted {
            config(self)?;
        }
        TokenFile::of(self).map_or(Ok(()), |token| token.header().map(drop).map_err(io::Error::other))
    }
}

fn certificates(path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let all = all.map_err(|error| wrong(path, error))?;
    if all.is_empty() { Err(wrong(path, "there is no certificate in the file")) } else { Ok(all) }
}

fn wrong(path: &Path, why: impl std::fmt::Display) -> io::Error {
    io::Error::other(format!("{}: {why}", path.display()))
}
