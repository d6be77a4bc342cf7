//! The files of a front, each by itself.

use std::path::Path;

use reform_api::validity::Validity;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::Config;
use crate::access::{self, parsers};
use crate::config::check::Checked;
use crate::tls;

/// Says what is wrong with the content of a file.
type Reader = fn(&[u8]) -> Result<(), String>;

impl Config {
    /// Reads the files, as a start would; what is wrong is told by setting.
    pub fn check(&self, checked: &mut Checked) {
        if let Some(files) = &self.tls {
            check_tls(files, checked);
        }
        let access::Config { tokens, jwt, roles } = &self.access;
        let keys = jwt.as_ref().map(|jwt| &jwt.keys);
        let readers: [(_, _, Reader); 3] = [
            ("tokens", tokens.as_ref(), parsers::read_tokens),
            ("jwks", keys, parsers::read_keys),
            ("roles", roles.as_ref(), parsers::read_roles),
        ];
        for (key, path, read) in readers {
            let Some(path) = path else { continue };
            if let Some(Err(why)) = checked.file(key, path).map(|text| read(&text)) {
                checked.mistake(key, format!("{}: {why}", path.display()));
            }
        }
    }
}

fn check_tls(files: &tls::Files, checked: &mut Checked) {
    let tls::Files { cert, key, client_ca, client_crl } = files;
    let own = (checked.file("tls-cert", cert), checked.secret("tls-key", key));
    let mut optional = |key, path: &Option<_>| {
        let path: Option<&Path> = path.as_deref();
        path.map(|path| checked.file(key, path).ok_or(())).transpose()
    };
    let clients = (optional("tls-client-ca", client_ca), optional("tls-client-crl", client_crl));
    let ((Some(cert), Some(key)), (Ok(ca), Ok(crl))) = (own, clients) else { return };
    // The first is the own one.
    if let Some(Ok(own)) = CertificateDer::pem_slice_iter(&cert).next() {
        checked.dates("tls-cert", Validity::of(&own));
    }
    let clients = ca.as_deref().map(|ca| (ca, crl.as_deref()));
    if let Err(why) = tls::config(&cert, &key, clients) {
        let parts =
            [("private key", "tls-key"), ("client CA", "tls-client-ca"), ("revocation", "tls-client-crl")];
        let part = parts.iter().find(|(part, _)| why.starts_with(part));
        checked.mistake(part.map_or("tls-cert", |(_, key)| key), why);
    }
}
