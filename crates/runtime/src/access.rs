//! Who calls, and whether they may: credentials become an identity with roles, and the table of
//! [`roles`] decides.
//!
//! In reading order: `tokens`: a file of hashed tokens; `keys` and `jwt`: signed tokens; `certificates`: the roles of
//! those whom a certificate names. A bearer token says more than a certificate, so it decides alone where there are both.

mod certificates;
mod jwt;
mod keys;
#[doc(hidden)]
pub mod parsers;
mod tokens;

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use http::header::AUTHORIZATION;
use http::{Extensions, HeaderMap};
use reform_api::error::{Fault, Reason};
use reform_api::roles::{self, Role};
use tokio::time::Instant;
use tonic::Status;

use crate::identity::Identity;
use crate::watched::{self, Watched};
use certificates::Certificates;
use jwt::Jwt;
pub use jwt::LEEWAY;
use tokens::Tokens;
pub use tokens::hash;

/// Bytes of a token; longer ones are not looked at.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Where credentials are known from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Config {
    /// A file of hashed tokens, each with identity and roles.
    pub tokens: Option<PathBuf>,
    /// Signed tokens.
    pub jwt: Option<JwtConfig>,
    /// A TOML file with the roles of identities in certificates.
    pub roles: Option<PathBuf>,
}

/// What makes a signed token ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtConfig {
    /// A JSON Web Key Set.
    pub keys: PathBuf,
    /// The only `iss` that is accepted.
    pub issuer: String,
    /// One of the token's `aud` must be this.
    pub audience: String,
}

/// Decides on calls; without one everybody may do everything.
#[derive(Debug)]
pub struct Access {
    tokens: Option<Watched<Tokens>>,
    jwt: Option<Jwt>,
    certificates: Option<Watched<Certificates>>,
}

/// Somebody with a valid credential.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    identity: Identity,
    roles: Vec<Role>,
    /// When the credential ends.
    until: Option<SystemTime>,
}

/// A call that may go on.
#[derive(Debug, Default)]
pub(crate) struct Admitted {
    /// None where no name is asked for.
    pub(crate) identity: Option<Identity>,
    /// When the credential ends, and the call with it.
    pub(crate) until: Option<Instant>,
    /// Whether the call may change something.
    pub(crate) writes: bool,
    /// What its caller may do.
    pub(crate) roles: Vec<Role>,
}

/// A call that may not.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) identity: Option<Identity>,
    reason: Reason,
    needed: Option<Role>,
}

impl Config {
    /// Reads the files; none when nothing is configured.
    ///
    /// # Errors
    /// A file is wrong.
    pub fn open(&self, every: Duration) -> Result<Option<Access>, watched::Error> {
        if *self == Self::default() {
            return Ok(None);
        }
        let tokens = self
            .tokens
            .clone()
            .map(|path| Watched::open(vec![path], every, |files| Tokens::parse(&files[0])));
        let roles = self
            .roles
            .clone()
            .map(|path| Watched::open(vec![path], every, |files| Certificates::parse(&files[0])));
        let jwt = self.jwt.clone().map(|config| Jwt::open(config, every));
        Ok(Some(Access {
            tokens: tokens.transpose()?,
            jwt: jwt.transpose()?,
            certificates: roles.transpose()?,
        }))
    }
}

impl Access {
    /// Decides on a call; the certificate's identity is in its extensions.
    pub(crate) fn admit(
        &self,
        path: &str,
        headers: &HeaderMap,
        extensions: &Extensions,
    ) -> Result<Admitted, Refused> {
        let access = roles::access(path);
        if access == Some(roles::Access::Open) {
            return Ok(Admitted::default());
        }
        let known = self.known(headers, extensions.get()).map_err(Refused::because)?;
        let Known { identity, roles, until } = known;
        let needed = match access {
            Some(roles::Access::Needs(needed)) => Some(needed),
            Some(roles::Access::Open) | None => None,
        };
        if !needed.is_some_and(|needed| roles.iter().any(|role| role.includes(needed))) {
            return Err(Refused { identity: Some(identity), reason: Reason::RoleRequired, needed });
        }
        let until =
            until.map(|until| Instant::now() + until.duration_since(SystemTime::now()).unwrap_or_default());
        Ok(Admitted { identity: Some(identity), until, writes: needed != Some(Role::Reader), roles })
    }

    fn known(&self, headers: &HeaderMap, certificate: Option<&Identity>) -> Result<Known, Reason> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        match (given.next(), given.next()) {
            (None, _) => {
                let identity = certificate.ok_or(Reason::TokenMissing)?;
                let roles = self.certificates.as_ref().map(|known| known.get().roles(identity));
                Ok(Known { identity: identity.clone(), roles: roles.unwrap_or_default(), until: None })
            }
            (Some(one), None) => self.bearer(one.as_bytes()).ok_or(Reason::TokenInvalid),
            (Some(_), Some(_)) => Err(Reason::TokenInvalid),
        }
    }

    fn bearer(&self, header: &[u8]) -> Option<Known> {
        let (scheme, token) = header.split_at_checked(b"Bearer ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Bearer ") || token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        // Only signed tokens have dots.
        if token.contains(&b'.') {
            return self.jwt.as_ref()?.verify(token, SystemTime::now());
        }
        self.tokens.as_ref()?.get().find(token)
    }
}

impl Refused {
    fn because(reason: Reason) -> Self {
        Self { identity: None, reason, needed: None }
    }

    /// What the caller is told: nothing of why a credential is not accepted.
    pub(crate) fn status(&self) -> Status {
        let fault = match (self.reason, self.needed) {
            (Reason::TokenMissing, _) => Fault::new(self.reason, "a credential is required"),
            (Reason::RoleRequired, Some(role)) => {
                Fault::new(self.reason, format!("the role {role} is required")).with("role", role.as_str())
            }
            (Reason::RoleRequired, None) => Fault::new(self.reason, "nobody may call this"),
            (reason, _) => Fault::new(reason, INVALID),
        };
        fault.status()
    }
}

/// The one sentence about a credential that is not accepted, or no longer.
pub(crate) const INVALID: &str = "the credential is not valid";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Text that is nearly what is read here.
    const NEARLY: &str = r#"(Bearer |[a-f0-9]{64} |alice |reader,?|\{"keys":\[|"kty":"OKP"|"kid":|[\[\]{}".,:=\n#]|[A-Za-z0-9_-]{1,8}|eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIn0\.){0,24}"#;

    fn signed_only() -> Access {
        // RFC 8037, A.2.
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        let keys = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"{x}"}}]}}"#);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        std::fs::write(&path, keys).unwrap();
        let jwt = JwtConfig { keys: path, issuer: "i".to_owned(), audience: "a".to_owned() };
        let config = Config { jwt: Some(jwt), ..Config::default() };
        config.open(Duration::from_secs(3_600)).unwrap().unwrap()
    }

    #[tokio::test]
    async fn nothing_from_outside_panics_or_passes() {
        let access = signed_only();
        proptest!(|(text in NEARLY, bytes in prop::collection::vec(any::<u8>(), 0..256))| {
            for input in [text.as_bytes(), &bytes] {
                prop_assert_eq!(access.bearer(input), None);
                prop_assert_eq!(access.bearer(&[b"Bearer ", input].concat()), None);
                drop(Tokens::parse(input));
                drop(Certificates::parse(input));
                drop(keys::Keys::parse(input));
            }
        });
    }
}
