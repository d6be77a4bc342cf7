//! The roles of those whom a client certificate names.

use std::collections::BTreeMap;

use reform_api::roles::Role;

use crate::config::check_depth;
use crate::identity::Identity;

/// Roles by identity; who is not here has none.
#[derive(Debug)]
pub(super) struct Certificates(BTreeMap<Identity, Vec<Role>>);

impl Certificates {
    /// Reads TOML such as `"spiffe://reform/analytics" = ["reader"]`.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(text).map_err(|error| error.to_string())?;
        check_depth(text).map_err(|error| error.to_string())?;
        let table: BTreeMap<String, Vec<String>> = toml::from_str(text).map_err(|error| error.to_string())?;
        let one = |(name, roles): (String, Vec<String>)| {
            let identity = Identity::new(&name).map_err(|error| format!("{name:?}: {error}"))?;
            let roles = roles.iter().map(|role| role.parse()).collect::<Result<_, _>>();
            Ok((identity, roles.map_err(|error| format!("{name:?}: {error}"))?))
        };
        table.into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn roles(&self, identity: &Identity) -> Vec<Role> {
        self.0.get(identity).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_not_named_has_no_role() {
        let known = Certificates::parse(b"\"spiffe://a/b\" = [\"reader\", \"importer\"]\nhost = []").unwrap();
        let roles = |name| known.roles(&Identity::new(name).unwrap());
        assert_eq!(roles("spiffe://a/b"), [Role::Reader, Role::Importer]);
        assert_eq!((roles("host"), roles("other")), (vec![], vec![]));
        for wrong in ["a = [\"boss\"]", "a = 1", "\"\" = []", "a = []\na = []"] {
            assert!(Certificates::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
    }
}
