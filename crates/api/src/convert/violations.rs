//! What is wrong with a message: a field path and a sentence each.

use std::fmt;

use crate::error::Fault;

/// One field that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Where, relative to the message that was checked; empty for the message itself.
    ///
    /// It names a field in proto spelling, or a oneof of which nothing is chosen (`body`, `contender.who`).
    pub field_path: String,
    /// What is wrong, for a person.
    pub description: String,
}

/// Everything that is wrong, in field order; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// The same violations as seen from a message further out: `record.`, `mutations[2].create.record.`
    #[must_use]
    pub fn below(mut self, prefix: &str) -> Self {
        let outer = prefix.strip_suffix('.').unwrap_or(prefix);
        for Violation { field_path, description: _ } in &mut self.0 {
            *field_path = match (outer.is_empty(), field_path.is_empty()) {
                (true, _) => std::mem::take(field_path),
                (false, true) => outer.to_owned(),
                (false, false) => format!("{outer}.{field_path}"),
            };
        }
        self
    }

    /// The error for the caller.
    pub fn into_fault(self) -> Fault {
        Fault::violations(self.0.into_iter().map(|violation| (violation.field_path, violation.description)))
    }
}

impl From<Violations> for Fault {
    fn from(violations: Violations) -> Self {
        violations.into_fault()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Violation { field_path, description }) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{field_path}: {description}")?;
        }
        Ok(())
    }
}
