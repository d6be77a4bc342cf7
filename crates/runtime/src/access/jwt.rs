//! Signed tokens (RFC 7519, RFC 8725).
//!
//! The signature is checked by ring, which is here for TLS: a library for tokens would bring a second one of cryptography.
//! What a token must say is checked here in any case.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lru::LruCache;
use reform_api::roles::Role;
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::keys::Keys;
use super::{JwtConfig, Known};
use crate::identity::Identity;
use crate::watched::{self, Watched};

/// How far clocks may differ.
pub const LEEWAY: Duration = Duration::from_secs(30);

/// Tokens whose signature is not computed again.
const SEEN_MAX: NonZeroUsize = NonZeroUsize::new(1_024).expect("it is not zero");

#[derive(Debug)]
pub(super) struct Jwt {
    keys: Watched<Keys>,
    issuer: String,
    audience: String,
    seen: Mutex<Seen>,
}

/// Tokens that these keys have signed, by their hash.
#[derive(Debug)]
struct Seen {
    keys: Arc<Keys>,
    tokens: LruCache<Vec<u8>, Known>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

/// Times are in seconds since 1970, whole or not.
#[derive(Deserialize)]
struct Claims {
    exp: f64,
    nbf: Option<f64>,
    iss: String,
    aud: Audience,
    sub: String,
    #[serde(default)]
    roles: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Jwt {
    pub(super) fn open(config: JwtConfig, every: Duration) -> Result<Self, watched::Error> {
        let JwtConfig { keys, issuer, audience } = config;
        let keys = Watched::open(vec![keys], every, |files| Keys::parse(&files[0]))?;
        let seen = Mutex::new(Seen { keys: keys.get(), tokens: LruCache::new(SEEN_MAX) });
        Ok(Self { keys, issuer, audience, seen })
    }

    /// Whom a token names, if it is valid now.
    pub(super) fn verify(&self, token: &[u8], now: SystemTime) -> Option<Known> {
        let keys = self.keys.get();
        let hash = digest(&SHA256, token).as_ref().to_vec();
        let seen = self.seen(&keys).tokens.get(&hash).cloned();
        let known = match seen {
            Some(known) => known,
            None => {
                let known = self.read(&keys, token, now)?;
                self.seen(&keys).tokens.put(hash, known.clone());
                known
            }
        };
        known.until.is_some_and(|until| now <= until).then_some(known)
    }

    /// The tokens that `keys` have signed; those of other keys are forgotten.
    fn seen(&self, keys: &Arc<Keys>) -> MutexGuard<'_, Seen> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !Arc::ptr_eq(&seen.keys, keys) {
            seen.keys = keys.clone();
            seen.tokens.clear();
        }
        seen
    }

    fn read(&self, keys: &Keys, token: &[u8], now: SystemTime) -> Option<Known> {
        let mut parts = token.rsplitn(2, |byte| *byte == b'.');
        let (signature, message) = (parts.next()?, parts.next()?);
        let (header, claims) = message.split_at_checked(message.iter().position(|byte| *byte == b'.')?)?;
        let header: Header = part(header)?;
        // Keys that the header itself brings (jwk, jku, x5c) are never looked at.
        let key = keys.get(&header.kid?)?;
        if header.alg != key.algorithm() || header.crit.is_some() {
            return None;
        }
        if !key.has_signed(message, &URL_SAFE_NO_PAD.decode(signature).ok()?) {
            return None;
        }
        self.accept(part(&claims[1..])?, now)
    }

    fn accept(&self, claims: Claims, now: SystemTime) -> Option<Known> {
        let Claims { exp, nbf, iss, aud, sub, roles } = claims;
        let ours = match &aud {
            Audience::One(one) => *one == self.audience,
            Audience::Many(many) => many.contains(&self.audience),
        };
        let until = moment(exp)?.checked_add(LEEWAY)?;
        let from = moment(nbf.unwrap_or(0.0))?.checked_sub(LEEWAY).unwrap_or(UNIX_EPOCH);
        if iss != self.issuer || !ours || now > until || now < from {
            return None;
        }
        let roles = roles.iter().filter_map(|role| role.parse::<Role>().ok()).collect();
        Some(Known { identity: Identity::new(&sub).ok()?, roles, until: Some(until) })
    }
}

fn part<T: DeserializeOwned>(text: &[u8]) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

fn moment(seconds: f64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
}
