//! Certificates and tokens for a service that asks for them, and what its callers show.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, SanType, SigningKey,
};
use reform_runtime::access::{self, JwtConfig};
use reform_runtime::{front, tls};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;

use crate::load::Peer;

const CALLER: &str = "spiffe://bench/caller";
const ISSUER: &str = "https://bench.test";
const AUDIENCE: &str = "reform";
const KEY_ID: &str = "bench";
/// How long a signed token is good.
const SIGNED_FOR: Duration = Duration::from_secs(24 * 3_600);

/// What a service asks of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Asks {
    /// Nothing.
    Nothing,
    /// A certificate that names them, and a role of that name.
    Certificate,
    /// A token of a file of hashes.
    Token,
    /// A token that is signed.
    Signed,
}

/// Files for a service, and what a caller shows.
pub(crate) struct Secrets {
    client: Arc<ClientConfig>,
    token: String,
    signed: String,
}

impl Secrets {
    /// Writes the files into a new folder.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub(crate) fn make(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir(folder)?;
        let files = Files(folder.to_owned());
        let client = certificates(&files)?;
        fs::write(files.roles(), format!("\"{CALLER}\" = [\"reader\"]\n"))?;
        let token = uuid::Uuid::new_v4().simple().to_string();
        fs::write(files.tokens(), format!("{} caller reader\n", access::hash(&token)))?;
        Ok(Self { client, token, signed: signed(&files)? })
    }

    /// A service that asks for something, with what it asks for.
    pub(crate) fn show(&self, asks: Asks, address: SocketAddr) -> Peer {
        let plain = Peer::from(address);
        match asks {
            Asks::Nothing => plain,
            Asks::Certificate => Peer { tls: Some(self.client.clone()), ..plain },
            Asks::Token => Peer { token: Some(self.token.clone()), ..plain },
            Asks::Signed => Peer { token: Some(self.signed.clone()), ..plain },
        }
    }
}

/// How a service is reached that asks for something; `folder` is that of [`Secrets::make`].
pub(crate) fn front(asks: Asks, folder: Option<PathBuf>) -> front::Config {
    let plain = front::Config::new((Ipv4Addr::LOCALHOST, 0).into());
    let Some(files) = folder.map(Files) else { return plain };
    let nothing = access::Config::default();
    match asks {
        Asks::Nothing => plain,
        Asks::Certificate => front::Config {
            tls: Some(tls::Files {
                cert: files.server_certificate(),
                key: files.server_key(),
                client_ca: Some(files.ca()),
                client_crl: None,
            }),
            access: access::Config { roles: Some(files.roles()), ..nothing },
            ..plain
        },
        Asks::Token => {
            front::Config { access: access::Config { tokens: Some(files.tokens()), ..nothing }, ..plain }
        }
        Asks::Signed => {
            let (issuer, audience) = (ISSUER.to_owned(), AUDIENCE.to_owned());
            let jwt = JwtConfig { keys: files.keys(), issuer, audience };
            front::Config { access: access::Config { jwt: Some(jwt), ..nothing }, ..plain }
        }
    }
}

/// Where each is.
struct Files(PathBuf);

impl Files {
    fn ca(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    fn server_certificate(&self) -> PathBuf {
        self.0.join("server.pem")
    }

    fn server_key(&self) -> PathBuf {
        self.0.join("server.key")
    }

    fn roles(&self) -> PathBuf {
        self.0.join("roles.toml")
    }

    fn tokens(&self) -> PathBuf {
        self.0.join("tokens")
    }

    fn keys(&self) -> PathBuf {
        self.0.join("keys.json")
    }
}

/// A CA, the service's certificate, and how a caller connects that has one, too.
fn certificates(files: &Files) -> anyhow::Result<Arc<ClientConfig>> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(files.ca(), ca.pem())?;

    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()])?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    fs::write(files.server_certificate(), params.signed_by(&key, &ca)?.pem())?;
    fs::write(files.server_key(), key.serialize_pem())?;

    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::URI(Ia5String::try_from(CALLER)?)];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, &ca)?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(ca.der().to_vec()))?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate.der().clone()], key)?;
    client.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(client))
}

/// A key, and a token of a reader that it has signed (RFC 7519, RFC 8037).
fn signed(files: &Files) -> anyhow::Result<String> {
    let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let key = KeyPair::generate_for(&PKCS_ED25519)?;
    let x = encode(key.public_key_raw());
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": KEY_ID, "x": x}]});
    fs::write(files.keys(), keys.to_string())?;
    let until = (SystemTime::now() + SIGNED_FOR).duration_since(UNIX_EPOCH)?.as_secs();
    let header = json!({"alg": "EdDSA", "kid": KEY_ID, "typ": "JWT"});
    let claims = json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "caller", "exp": until, "roles": ["reader"]});
    let [header, claims] = [header, claims].map(|part| encode(part.to_string().as_bytes()));
    let message = format!("{header}.{claims}");
    let signature = encode(&key.sign(message.as_bytes())?);
    Ok(format!("{message}.{signature}"))
}
