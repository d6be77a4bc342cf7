//! What a client trusts and shows. Files are named, not contents: they are read again, so that new ones need no restart.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::HeaderValue;

/// A token is read again when it is older than this.
const TOKEN_AGE_MAX: Duration = Duration::from_secs(5);

/// What a client trusts and shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Certificates in PEM that sign those of services; `https` needs them. Read at each connection.
    pub ca: Option<PathBuf>,
    /// The own certificate chain and its private key, in PEM. Read at each connection.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// A file with a bearer token, which goes with every call.
    pub token: Option<PathBuf>,
}

/// A token as a header, from a file that may change.
#[derive(Debug)]
pub(super) struct TokenFile {
    path: PathBuf,
    read: Mutex<Option<(Instant, HeaderValue)>>,
}

impl TokenFile {
    pub(super) fn of(credentials: &Credentials) -> Option<Arc<Self>> {
        let path = credentials.token.clone()?;
        Some(Arc::new(Self { path, read: Mutex::new(None) }))
    }

    /// The header, or why there is none; a file that is gone leaves the token that was read from it.
    pub(super) fn header(&self) -> Result<HeaderValue, String> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, header)) = &*read
            && at.elapsed() < TOKEN_AGE_MAX
        {
            return Ok(header.clone());
        }
        let header = match (self.parse(), &*read) {
            (Ok(header), _) => header,
            (Err(_), Some((_, header))) => header.clone(),
            (Err(why), None) => return Err(format!("{}: {why}", self.path.display())),
        };
        *read = Some((Instant::now(), header.clone()));
        Ok(header)
    }

    fn parse(&self) -> Result<HeaderValue, String> {
        let text = std::fs::read_to_string(&self.path).map_err(|error| error.to_string())?;
        let mut header = HeaderValue::from_str(&format!("Bearer {}", text.trim()))
            .map_err(|_| "a token is one line of visible characters".to_owned())?;
        header.set_sensitive(true);
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_header_that_logs_do_not_show() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let credentials = Credentials { token: Some(path.clone()), ..Credentials::default() };
        let token = TokenFile::of(&credentials).unwrap();
        assert!(token.header().unwrap_err().contains("token"));
        std::fs::write(&path, "a\nb").unwrap();
        assert!(token.header().is_err());
        std::fs::write(&path, "secret\n").unwrap();
        let header = token.header().unwrap();
        assert_eq!(header, "Bearer secret");
        assert!(!format!("{token:?}").contains("secret"));
        std::fs::remove_file(&path).unwrap();
        assert_eq!(token.header().unwrap(), "Bearer secret");
    }
}
