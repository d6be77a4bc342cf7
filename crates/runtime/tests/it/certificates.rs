//! Certificates made for a test.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber, date_time_ymd,
};
use reform_api::client::Credentials;
use reform_runtime::tls;
use tempfile::TempDir;

/// A folder with a CA and what it signed.
pub(crate) struct Ca {
    folder: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Ca {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.distinguished_name.push(DnType::CommonName, "test CA");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let ca = Self { folder: tempfile::tempdir().unwrap(), issuer };
        ca.write("ca.pem", &ca.issuer.pem());
        ca
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Signs a certificate and writes it with its key; their paths.
    pub(crate) fn issue(&self, name: &str, params: &CertificateParams) -> (PathBuf, PathBuf) {
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        (
            self.write(&format!("{name}.pem"), &cert.pem()),
            self.write(&format!("{name}.key"), &key.serialize_pem()),
        )
    }

    /// What a server of `localhost` needs; clients that this CA signed are asked for a certificate.
    pub(crate) fn server(&self, serial: u8) -> tls::Files {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.serial_number = Some(SerialNumber::from(vec![serial]));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let (cert, key) = self.issue("server", &params);
        tls::Files { cert, key, client_ca: Some(self.path("ca.pem")), client_crl: None }
    }

    /// Credentials that trust this CA and show a certificate of it.
    pub(crate) fn client(&self, name: &str, params: &CertificateParams) -> Credentials {
        Credentials { identity: Some(self.issue(name, params)), ..self.stranger() }
    }

    /// Credentials that trust this CA and show nothing.
    pub(crate) fn stranger(&self) -> Credentials {
        Credentials { ca: Some(self.path("ca.pem")), ..Credentials::default() }
    }

    /// Revokes one serial number.
    pub(crate) fn revoke(&self, serial: u8) -> PathBuf {
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2120, 1, 1),
            crl_number: SerialNumber::from(vec![1]),
            issuing_distribution_point: None,
            revoked_certs: vec![RevokedCertParams {
                serial_number: SerialNumber::from(vec![serial]),
                revocation_time: date_time_ymd(2021, 1, 1),
                reason_code: None,
                invalidity_date: None,
            }],
            key_identifier_method: KeyIdMethod::Sha256,
        };
        self.write("crl.pem", &list.signed_by(&self.issuer).unwrap().pem().unwrap())
    }
}

/// A client's certificate with these URI names.
pub(crate) fn named(uris: &[&str]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.serial_number = Some(SerialNumber::from(vec![7]));
    params.subject_alt_names = uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// Copies what one CA made over what is in force.
pub(crate) fn replace(with: &Path, path: &Path) {
    std::fs::copy(with, path).unwrap();
}
