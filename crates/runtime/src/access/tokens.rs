//! A file of tokens, each line a hash, an identity and roles. Tokens are long and random, so a plain hash tells nothing of
//! them; people do not choose them.

use reform_api::roles::Role;
use ring::digest::{SHA256, digest};
use subtle::ConstantTimeEq;

use super::Known;
use crate::identity::Identity;

const HASH_BYTES: usize = 32;

/// Every lookup goes through all of them.
const TOKENS_MAX: usize = 1_000;

#[derive(Debug)]
pub(super) struct Tokens(Vec<([u8; HASH_BYTES], Known)>);

/// What stands for a token in the file: its SHA-256 in hexadecimal digits.
pub fn hash(token: &str) -> String {
    digest(&SHA256, token.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Tokens {
    /// Reads lines `HASH IDENTITY ROLE,ROLE`; empty ones and those that begin with `#` are left out.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
        let mut tokens = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // The line itself stays out of logs: somebody may have put a token where its hash belongs.
            tokens.push(one(line).map_err(|why| format!("line {}: {why}", index + 1))?);
        }
        if tokens.len() > TOKENS_MAX {
            return Err(format!("more than {TOKENS_MAX} tokens; signed tokens have no such limit"));
        }
        Ok(Self(tokens))
    }

    /// Who has this token. Takes as long for every token.
    pub(super) fn find(&self, token: &[u8]) -> Option<Known> {
        let hash = digest(&SHA256, token);
        let mut found = None;
        for (known, who) in &self.0 {
            if bool::from(known.as_slice().ct_eq(hash.as_ref())) {
                found = Some(who);
            }
        }
        found.cloned()
    }
}

fn one(line: &str) -> Result<([u8; HASH_BYTES], Known), String> {
    let mut words = line.split_whitespace();
    let (Some(hash), Some(identity), Some(roles), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err("it is HASH IDENTITY ROLE,ROLE".to_owned());
    };
    let hash = unhex(hash).ok_or_else(|| "the hash is 64 hexadecimal digits".to_owned())?;
    let identity = Identity::new(identity).map_err(|error| error.to_string())?;
    let roles = roles.split(',').map(str::parse::<Role>).collect::<Result<_, _>>();
    let roles = roles.map_err(|_| "the roles are reader, writer, importer, admin, with commas".to_owned())?;
    Ok((hash, Known { identity, roles, until: None }))
}

fn unhex(text: &str) -> Option<[u8; HASH_BYTES]> {
    if text.len() != 2 * HASH_BYTES || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; HASH_BYTES];
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let text = format!("# ours\n\n{} alice reader,writer\n  {}\tbob admin\n", hash("a"), hash("b"));
        let tokens = Tokens::parse(text.as_bytes()).unwrap();
        let alice = tokens.find(b"a").unwrap();
        assert_eq!((alice.identity.as_str(), alice.roles), ("alice", vec![Role::Reader, Role::Writer]));
        assert_eq!(tokens.find(b"b").unwrap().identity.as_str(), "bob");
        assert_eq!((tokens.find(b"c"), tokens.find(b"")), (None, None));
    }

    #[test]
    fn a_wrong_line_is_named_and_not_shown() {
        for wrong in ["secret alice reader", "alice reader", "x"] {
            let why = Tokens::parse(format!("# first\n{wrong}").as_bytes()).unwrap_err();
            assert!(why.starts_with("line 2: ") && !why.contains("secret"), "{why}");
        }
        for roles in ["boss", "reader, writer", ""] {
            assert!(Tokens::parse(format!("{} alice {roles}", hash("a")).as_bytes()).is_err(), "{roles}");
        }
    }
}
