//! Who may call what: one table over the contract, from which services decide and the documentation is made.
//!
//! `REFORM_UPDATE=1 cargo test -p reform-api documentation` writes `docs/ROLES.md` anew.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::str::FromStr;
use std::sync::LazyLock;

use crate::error::Reason;

/// What an identity may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Reads.
    Reader,
    /// Reads, and changes single records and commits.
    Writer,
    /// Reads, and imports.
    Importer,
    /// Everything.
    Admin,
}

/// A text that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no role; the roles are reader, writer, importer, admin")]
pub struct NoRole(pub String);

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Writer, Self::Importer, Self::Admin];

    /// As files and tokens say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
            Self::Importer => "importer",
            Self::Admin => "admin",
        }
    }

    /// Whether who has this role may do what `needed` stands for.
    pub const fn includes(self, needed: Self) -> bool {
        matches!(
            (self, needed),
            (Self::Admin, _)
                | (_, Self::Reader)
                | (Self::Writer, Self::Writer)
                | (Self::Importer, Self::Importer)
        )
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = NoRole;

    fn from_str(text: &str) -> Result<Self, NoRole> {
        let found = Self::ALL.into_iter().find(|role| role.as_str() == text);
        found.ok_or_else(|| NoRole(text.to_owned()))
    }
}

/// What a method asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing, not even a name.
    Open,
    /// A role.
    Needs(Role),
}

use Access::{Needs, Open};
use Role::{Admin, Importer, Reader, Writer};

/// Every method that a service of the pair answers, by its path. What is not here is refused to everybody.
pub const METHODS: &[(&str, Access)] = &[
    ("/reform.data.v1.RecordService/GetRecord", Needs(Reader)),
    ("/reform.data.v1.RecordService/BatchGetRecords", Needs(Reader)),
    ("/reform.data.v1.RecordService/ListRecords", Needs(Reader)),
    ("/reform.data.v1.RecordService/CountRecords", Needs(Reader)),
    ("/reform.data.v1.RecordService/ListRecordRevisions", Needs(Reader)),
    ("/reform.data.v1.RecordService/ExportRecords", Needs(Reader)),
    ("/reform.data.v1.RecordService/CreateRecord", Needs(Writer)),
    ("/reform.data.v1.RecordService/UpdateRecord", Needs(Writer)),
    ("/reform.data.v1.RecordService/DeleteRecord", Needs(Writer)),
    ("/reform.data.v1.RecordService/UndeleteRecord", Needs(Writer)),
    ("/reform.data.v1.RecordService/CommitRecords", Needs(Writer)),
    ("/reform.data.v1.RecordService/ImportRecords", Needs(Importer)),
    ("/reform.data.v1.RecordService/PurgeRecord", Needs(Admin)),
    ("/reform.data.v1.ChangeService/WatchChanges", Needs(Reader)),
    ("/reform.data.v1.MaintenanceService/GetStatus", Needs(Reader)),
    ("/reform.data.v1.MaintenanceService/CreateBackup", Needs(Admin)),
    ("/reform.data.v1.MaintenanceService/VerifyStore", Needs(Admin)),
    ("/reform.data.v1.MaintenanceService/CompactHistory", Needs(Admin)),
    ("/reform.analytics.v1.IndicatorService/ListIndicators", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/GetIndicator", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/QueryIndicator", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/BatchQueryIndicators", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/WatchIndicator", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/ExplainPoint", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/CompareRevisions", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/ListConflicts", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/GetParameter", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/SimulateElection", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/RenderChart", Needs(Reader)),
    ("/reform.analytics.v1.IndicatorService/GetStatus", Needs(Reader)),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Needs(Reader)),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Needs(Reader)),
    ("/grpc.health.v1.Health/Check", Open),
    ("/grpc.health.v1.Health/Watch", Open),
];

static BY_PATH: LazyLock<HashMap<&str, Access>> = LazyLock::new(|| METHODS.iter().copied().collect());

/// What the method at a path asks for; none when it is in no table, which means that nobody may call it.
pub fn access(path: &str) -> Option<Access> {
    BY_PATH.get(path).copied()
}

/// What is wrong with a credential, and what its caller is told, whatever the method: but for health, which asks nobody.
/// The first is none at all.
pub const REFUSALS: &[(&str, Reason)] = &[
    ("no token", Reason::TokenMissing),
    ("wrong signature", Reason::TokenInvalid),
    ("no aud", Reason::TokenInvalid),
    ("no iss", Reason::TokenInvalid),
    ("expired by 31 s", Reason::TokenInvalid),
    ("nbf in an hour", Reason::TokenInvalid),
    ("unknown key", Reason::TokenInvalid),
    ("9 KiB", Reason::TokenInvalid),
    ("a role that is not enough", Reason::RoleRequired),
];

/// The tables for people, in Markdown.
pub fn markdown() -> String {
    let mut text = String::from("| method |");
    for role in Role::ALL {
        write!(text, " {role} |").expect("a string takes all");
    }
    text.push_str("\n|---|---|---|---|---|\n");
    for (path, access) in METHODS {
        write!(text, "| `{}` |", path.trim_start_matches('/')).expect("a string takes all");
        for role in Role::ALL {
            text.push_str(match access {
                Open => " open |",
                Needs(needed) if role.includes(*needed) => " yes |",
                Needs(_) => " – |",
            });
        }
        text.push('\n');
    }
    text.push_str(
        "\nWhat is not accepted is told the same way by every method that asks for a credential:\n\n",
    );
    text.push_str("| credential | code | reason |\n|---|---|---|\n");
    for (credential, reason) in REFUSALS {
        let code = if *reason == Reason::RoleRequired { "PERMISSION_DENIED" } else { "UNAUTHENTICATED" };
        writeln!(text, "| {credential} | `{code}` | `{}` |", reason.as_str()).expect("a string takes all");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_contract_has_an_entry_and_no_other_is_there() {
        let methods = crate::descriptors::pool().services().flat_map(|service| {
            service
                .methods()
                .map(|method| format!("/{}/{}", method.parent_service().full_name(), method.name()))
                .collect::<Vec<_>>()
        });
        let mut contract: Vec<_> = methods.filter(|path| path.starts_with("/reform.")).collect();
        let mut table: Vec<_> = METHODS
            .iter()
            .map(|(path, _)| (*path).to_owned())
            .filter(|path| path.starts_with("/reform."))
            .collect();
        contract.sort();
        table.sort();
        assert_eq!(contract, table);
        assert_eq!(access("/reform.data.v1.RecordService/EraseAll"), None);
    }

    #[test]
    fn the_documentation_holds_this_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ROLES.md");
        let page = std::fs::read_to_string(path).unwrap();
        let (text, _) = page.split_once("| method |").unwrap();
        let made = format!("{text}{}", markdown());
        if std::env::var_os("REFORM_UPDATE").is_some() {
            std::fs::write(path, made).unwrap();
        } else {
            assert_eq!(page, made, "REFORM_UPDATE=1 writes it anew");
        }
    }

    #[test]
    fn a_role_is_what_its_name_says() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert!(role.includes(Reader) && Admin.includes(role));
        }
        assert!(!Writer.includes(Importer) && !Importer.includes(Writer) && !Writer.includes(Admin));
        assert!("Reader".parse::<Role>().is_err());
    }
}
