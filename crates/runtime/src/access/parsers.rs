//! Each reader of credentials by itself: for a check of the configuration, and for trials that hand it anything.

use super::certificates::Certificates;
use super::keys::Keys;
use super::tokens::Tokens;
use super::{Access, Known};

/// Whether a file of hashed tokens can be read.
///
/// # Errors
/// Why not; so with the others.
pub fn read_tokens(text: &[u8]) -> Result<(), String> {
    Tokens::parse(text).map(drop)
}

/// Whether a JSON Web Key Set can be read.
///
/// # Errors
/// Why not.
pub fn read_keys(text: &[u8]) -> Result<(), String> {
    Keys::parse(text).map(drop)
}

/// Whether a file of roles can be read.
///
/// # Errors
/// Why not.
pub fn read_roles(text: &[u8]) -> Result<(), String> {
    Certificates::parse(text).map(drop)
}

/// Whom an `authorization` header names.
pub fn bearer(access: &Access, header: &[u8]) -> Option<String> {
    access.bearer(header).map(|Known { identity, .. }| identity.to_string())
}
