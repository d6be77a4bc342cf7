//! What says who somebody is, and the configuration of a service.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair, SanType};
use reform_api::validity::Validity;
use reform_runtime::access::{Access, Config, JwtConfig, hash};
use reform_runtime::identity::Identity;
use reform_runtime::parsers;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls_pki_types::CertificateDer;

use super::{Form, Parser};

const ISSUER: &str = "https://issuer.test";
const ROLES: &str = "\"spiffe://reform/analytics\" = [\"reader\"]\n\"host.name\" = [\"writer\", \"admin\"]\n";
/// The key of RFC 7515, A.2.
const RSA: &str = concat!(
    r#"{"kty":"RSA","kid":"rfc","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJr"#,
    "cS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbB",
    "YUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj",
    r#"8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
);

/// Every parser of credentials, and of configurations.
pub(super) fn all(folder: &Path) -> Vec<Parser<'static>> {
    let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
    let x = encode(key.public_key().as_ref());
    let keys =
        format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"ed","use":"sig","x":"{x}"}},{RSA}]}}"#);
    let access = access(folder, &keys);
    let claims = claims();
    let signed = format!("Bearer {}", sign(&key, claims.as_bytes()));
    let tokens = format!("# ours\n{} alice reader,writer\n{} bob admin\n", hash("a"), hash("b"));
    let again = access.clone();
    let mut all = vec![
        Parser::text("file of tokens", [tokens], |text| parsers::read_tokens(text.as_bytes()).is_ok()),
        Parser::text("file of roles", [ROLES], |text| parsers::read_roles(text.as_bytes()).is_ok()),
        Parser::text("JSON Web Key Set", [keys], |text| parsers::read_keys(text.as_bytes()).is_ok()),
        Parser::text("bearer token", [signed.clone(), "Bearer plain".to_owned()], move |text| {
            let known = parsers::bearer(&access, text.as_bytes());
            let unchanged = signed.strip_prefix("Bearer ") == text.get("Bearer ".len()..);
            assert!(
                known.is_none() || unchanged || text.get("Bearer ".len()..) == Some("plain"),
                "a changed token is accepted: {text}"
            );
            known.is_some()
        }),
        Parser::text("claims of a signed token", [claims], move |text| {
            let token = sign(&key, text.as_bytes());
            parsers::bearer(&again, format!("Bearer {token}").as_bytes()).is_some()
        }),
    ];
    all.extend(certificates());
    all.extend(configurations(folder));
    all
}

/// Knows one signed key and one plain token.
fn access(folder: &Path, keys: &str) -> std::sync::Arc<Access> {
    let (path, tokens) = (folder.join("keys.json"), folder.join("tokens"));
    fs::write(&path, keys).unwrap();
    fs::write(&tokens, format!("{} alice reader\n", hash("plain"))).unwrap();
    let jwt = JwtConfig { keys: path, issuer: ISSUER.to_owned(), audience: "reform".to_owned() };
    let config = Config { jwt: Some(jwt), tokens: Some(tokens), ..Config::default() };
    std::sync::Arc::new(config.open(Duration::from_secs(86_400)).unwrap().unwrap())
}

fn claims() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let exp = now + 86_400;
    format!(
        r#"{{"iss":"{ISSUER}","aud":["reform"],"sub":"alice","exp":{exp},"nbf":1.5,"roles":["reader","else"]}}"#
    )
}

fn sign(key: &Ed25519KeyPair, claims: &[u8]) -> String {
    let message = format!("{}.{}", encode(br#"{"alg":"EdDSA","kid":"ed"}"#), encode(claims));
    let signature = encode(key.sign(message.as_bytes()).as_ref());
    format!("{message}.{signature}")
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn certificates() -> Vec<Parser<'static>> {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    let mut of_client = CertificateParams::default();
    of_client.subject_alt_names = vec![SanType::URI("spiffe://reform/who".try_into().unwrap())];
    let of_client = of_client.self_signed(&key).unwrap();
    let (pem, key) = (cert.pem(), key.serialize_pem());
    let files = [pem.clone(), key.clone()].join("\0");
    vec![
        Parser::new("certificate of a client", Form::Bytes, vec![of_client.der().to_vec()], |der| {
            Identity::of_certificate(&CertificateDer::from(der)).is_ok()
        }),
        Parser::new("validity of a certificate", Form::Bytes, vec![cert.der().to_vec()], |der| {
            Validity::of(der).is_some()
        }),
        Parser::text("certificate and key", [files], |text| {
            let files: Vec<_> = text.split('\0').map(str::as_bytes).collect();
            parsers::certificates(&files)
        }),
        Parser::text("client CA", [pem.clone()], move |text| {
            parsers::certificates(&[pem.as_bytes(), key.as_bytes(), text.as_bytes()])
        }),
    ]
}

/// Files, and values that need no file.
fn configurations(folder: &Path) -> Vec<Parser<'static>> {
    let file = folder.join("service.toml");
    let path = file.display().to_string();
    let data = include_str!("../../../../deploy/reform-data.toml");
    let analytics = include_str!("../../../../deploy/reform-analytics.toml");
    let none = |_: &str| None;
    vec![
        Parser::text("configuration file", [data, analytics], move |text| {
            fs::write(&file, text).unwrap();
            let read = reform_data::config::Command::read(["reform-data", "--config", &path], none);
            let other =
                reform_analytics::config::Command::read(["reform-analytics", "--config", &path], none);
            read.is_ok() | other.is_ok()
        }),
        Parser::text(
            "configuration values",
            ["127.0.0.1:1\nhttp://127.0.0.1:1\ninfo,h2=warn\n5s\n256 MiB\n60s"],
            |text| {
                let values: Vec<_> = text.split('\n').collect();
                let value = |variable: &str| {
                    let keys = ["LISTEN", "DATA", "LOG", "DRAIN", "PAST_BYTES", "STALENESS_MAX"];
                    let at = keys.iter().position(|key| variable == format!("REFORM_{key}"))?;
                    Some((*values.get(at)?).to_owned())
                };
                reform_analytics::config::Command::read(["reform-analytics"], value).is_ok()
            },
        ),
    ]
}
