//! The public keys that sign tokens: a JSON Web Key Set (RFC 7517).
//!
//! The algorithm belongs to the key, not to the token: Ed25519 signs EdDSA, P-256 signs ES256, RSA signs RS256. There are
//! no others, and no shared secrets.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;

/// Keys by their id.
#[derive(Debug)]
pub(super) struct Keys(HashMap<String, Key>);

#[derive(Debug)]
pub(super) enum Key {
    Ed25519(Vec<u8>),
    P256(Vec<u8>),
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    x: Option<String>,
    y: Option<String>,
    n: Option<String>,
    e: Option<String>,
}

impl Keys {
    /// Keys of other kinds and for other uses are left out; a set without one of ours is wrong.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let Set { keys } = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let mut known = HashMap::new();
        for (index, jwk) in keys.into_iter().enumerate() {
            let wrong = |why: &str| format!("key {index}: {why}");
            let Some((kid, key)) = one(jwk).map_err(wrong)? else { continue };
            if known.insert(kid, key).is_some() {
                return Err(wrong("its kid is there twice"));
            }
        }
        if known.is_empty() {
            return Err("there is no key for EdDSA, ES256 or RS256".to_owned());
        }
        Ok(Self(known))
    }

    pub(super) fn get(&self, kid: &str) -> Option<&Key> {
        self.0.get(kid)
    }
}

fn one(jwk: Jwk) -> Result<Option<(String, Key)>, &'static str> {
    let Jwk { kty, kid, alg, r#use, crv, x, y, n, e } = jwk;
    if r#use.is_some_and(|purpose| purpose != "sig") {
        return Ok(None);
    }
    let bytes = |text: Option<String>| {
        URL_SAFE_NO_PAD.decode(text.ok_or("a part of the key is missing")?).map_err(|_| "not in base64url")
    };
    let key = match (kty.as_str(), crv.as_deref()) {
        ("OKP", Some("Ed25519")) => Key::Ed25519(exactly(bytes(x)?)?),
        ("EC", Some("P-256")) => {
            // An uncompressed point.
            Key::P256([&[4][..], &exactly(bytes(x)?)?, &exactly(bytes(y)?)?].concat())
        }
        ("RSA", None) => Key::Rsa { n: bytes(n)?, e: bytes(e)? },
        _ => return Ok(None),
    };
    if alg.is_some_and(|alg| alg != key.algorithm()) {
        return Ok(None);
    }
    let kid = kid.ok_or("it has no kid")?;
    Ok(Some((kid, key)))
}

/// The length of a coordinate on either curve.
fn exactly(bytes: Vec<u8>) -> Result<Vec<u8>, &'static str> {
    if bytes.len() == 32 { Ok(bytes) } else { Err("a part of the key has not 32 bytes") }
}

impl Key {
    /// The one algorithm that this key signs with.
    pub(super) fn algorithm(&self) -> &'static str {
        match self {
            Self::Ed25519(_) => "EdDSA",
            Self::P256(_) => "ES256",
            Self::Rsa { .. } => "RS256",
        }
    }

    pub(super) fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let verified = match self {
            Self::Ed25519(key) => UnparsedPublicKey::new(&ED25519, key).verify(message, signature),
            Self::P256(key) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            Self::Rsa { n, e } => {
                RsaPublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
        };
        verified.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the signature of RFC 7515, A.2.
    const RSA: &str = concat!(
        r#"{"kty":"RSA","kid":"rfc","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJr"#,
        "cS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbB",
        "YUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj",
        r#"8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}"#,
    );
    const MESSAGE: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = concat!(
        "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1d",
        "nZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwu",
        "sC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );

    #[test]
    fn rsa_verifies_the_example_of_its_standard() {
        let keys = Keys::parse(format!(r#"{{"keys":[{RSA}]}}"#).as_bytes()).unwrap();
        let key = keys.get("rfc").unwrap();
        let signature = URL_SAFE_NO_PAD.decode(SIGNATURE).unwrap();
        assert_eq!(key.algorithm(), "RS256");
        assert!(key.has_signed(MESSAGE.as_bytes(), &signature));
        assert!(!key.has_signed(&MESSAGE.as_bytes()[1..], &signature));
        assert!(!key.has_signed(MESSAGE.as_bytes(), &signature[1..]));
    }

    #[test]
    fn a_set_has_keys_of_ours_each_once() {
        let twice = format!("{RSA},{RSA}");
        let anonymous = RSA.replace(r#""kid":"rfc","#, "");
        for wrong in [
            "",
            r#"{"kty":"oct","kid":"s","k":"c2VjcmV0"}"#,
            r#"{"kty":"EC","crv":"P-384","kid":"e","x":"","y":""}"#,
            r#"{"kty":"OKP","crv":"Ed25519","kid":"e","x":"short"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","kid":"e"}"#,
            &RSA.replace(r#""kid""#, r#""alg":"HS256","kid""#),
            &RSA.replace(r#""kid""#, r#""use":"enc","kid""#),
            &twice,
            &anonymous,
        ] {
            assert!(Keys::parse(format!(r#"{{"keys":[{wrong}]}}"#).as_bytes()).is_err(), "{wrong}");
        }
        assert!(Keys::parse(b"[]").is_err());
    }
}
