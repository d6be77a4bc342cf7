//! Who calls.

use std::sync::Arc;

use rustls_pki_types::CertificateDer;
use tonic::Request;
use webpki::EndEntityCert;

/// Bytes of an identity; longer ones are refused.
pub const IDENTITY_BYTES_MAX: usize = 255;

/// The name under which somebody is known: from a certificate, or from a token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identity(Arc<str>);

/// Why a text or a certificate names nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Empty, too long, or with characters that do not belong into a log line.
    #[error("an identity has 1 to {IDENTITY_BYTES_MAX} visible characters without blanks")]
    Text,
    /// The certificate cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(webpki::Error),
    /// It names nobody, or several.
    #[error("the certificate has {0} URI or DNS names where it must have one")]
    Names(usize),
    /// One name for many.
    #[error("the certificate has a wildcard for a name")]
    Wildcard,
}

impl Identity {
    /// # Errors
    /// [`Error::Text`].
    pub fn new(text: &str) -> Result<Self, Error> {
        let is_visible = |c: char| !c.is_control() && !c.is_whitespace();
        if text.is_empty() || text.len() > IDENTITY_BYTES_MAX || !text.chars().all(is_visible) {
            return Err(Error::Text);
        }
        Ok(Self(text.into()))
    }

    /// The one URI or DNS name among the certificate's alternative names. The common name is never looked at.
    ///
    /// # Errors
    /// [`Error`].
    pub fn of_certificate(certificate: &CertificateDer<'_>) -> Result<Self, Error> {
        let certificate = EndEntityCert::try_from(certificate).map_err(Error::Certificate)?;
        let names: Vec<_> = certificate.valid_uri_names().chain(certificate.valid_dns_names()).collect();
        match names[..] {
            [name] if name.starts_with('*') => Err(Error::Wildcard),
            [name] => Self::new(name),
            _ => Err(Error::Names(names.len())),
        }
    }

    /// Who makes this call; none without authentication.
    pub fn of<T>(request: &Request<T>) -> Option<&Self> {
        request.extensions().get()
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
