//! TLS 1.2 and 1.3 by rustls, from files that may change while the process runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, OtherError, RootCertStore, ServerConfig,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};

use crate::identity::Identity;
use crate::watched::{self, Watched};

/// Where the parts are, each in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// The certificate chain, the own certificate first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Who signs the certificates of clients. With it a client must have one.
    pub client_ca: Option<PathBuf>,
    /// Certificates that are no longer accepted, signed by those who issued them.
    pub client_crl: Option<PathBuf>,
}

/// The configuration of new connections; follows the files.
///
/// # Errors
/// A file cannot be read, or they do not fit each other.
pub fn watch(files: &Files, every: Duration) -> Result<Watched<ServerConfig>, watched::Error> {
    let Files { cert, key, client_ca, client_crl } = files;
    let paths = [Some(cert), Some(key), client_ca.as_ref(), client_crl.as_ref()];
    let has_crl = client_crl.is_some();
    Watched::open(paths.into_iter().flatten().cloned().collect(), every, move |contents| match contents {
        [cert, key] => config(cert, key, None),
        [cert, key, ca] => config(cert, key, Some((ca, None))),
        [cert, key, ca, crl] if has_crl => config(cert, key, Some((ca, Some(crl)))),
        _ => Err("a revocation list without a client CA".to_owned()),
    })
}

pub(crate) fn config(
    cert: &[u8],
    key: &[u8],
    clients: Option<(&[u8], Option<&[u8]>)>,
) -> Result<ServerConfig, String> {
    let chain = certificates("certificate", cert)?;
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| format!("private key: {error}"))?;
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some((ca, crl)) => builder.with_client_cert_verifier(verifier(ca, crl, provider)?),
    };
    let mut config =
        builder.with_single_cert(chain, key).map_err(|error| format!("certificate and key: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // A resumed session would carry a client certificate past a new CA or revocation list.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

fn verifier(
    ca: &[u8],
    crl: Option<&[u8]>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for root in certificates("client CA", ca)? {
        roots.add(root).map_err(|error| format!("client CA: {error}"))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
    if let Some(crl) = crl {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(crl).collect();
        let lists = lists.map_err(|error| format!("revocation list: {error}"))?;
        if lists.is_empty() {
            return Err("revocation list: there is none in the file".to_owned());
        }
        builder = builder.with_crls(lists).only_check_end_entity_revocation();
    }
    let inner = builder.build().map_err(|error| format!("client CA: {error}"))?;
    Ok(Arc::new(Named(inner)))
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match all {
        Ok(all) if all.is_empty() => Err(format!("{what}: there is none in the file")),
        Ok(all) => Ok(all),
        Err(error) => Err(format!("{what}: {error}")),
    }
}

/// Accepts only certificates that name one caller, beside all that the inner verifier asks for.
#[derive(Debug)]
struct Named(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Named {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.0.verify_client_cert(end_entity, intermediates, now)?;
        Identity::of_certificate(end_entity)
            .map_err(|error| CertificateError::Other(OtherError(Arc::new(error))))?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
