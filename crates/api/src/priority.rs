//! What is given up first when there is too much at once: one table over the contract, as that of [`roles`](crate::roles).

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

/// A sort of calls. The later ones are refused sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Whether the service is well: never refused for the sake of others.
    Health,
    /// What others follow and are made from: the feed, exports, maintenance. Most of them last long.
    Feed,
    /// Single reads.
    Read,
    /// Single writes.
    Write,
    /// Imports.
    Import,
}

impl Class {
    /// Every class, in the order in which they are kept.
    pub const ALL: [Self; 5] = [Self::Health, Self::Feed, Self::Read, Self::Write, Self::Import];

    /// One word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Health => "health",
            Self::Feed => "feed",
            Self::Read => "read",
            Self::Write => "write",
            Self::Import => "import",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

use Class::{Feed, Health, Import, Read, Write};

/// Every method that a service of the pair answers, by its path.
pub const METHODS: &[(&str, Class)] = &[
    ("/reform.data.v1.RecordService/GetRecord", Read),
    ("/reform.data.v1.RecordService/BatchGetRecords", Read),
    ("/reform.data.v1.RecordService/ListRecords", Read),
    ("/reform.data.v1.RecordService/CountRecords", Read),
    ("/reform.data.v1.RecordService/ListRecordRevisions", Read),
    ("/reform.data.v1.RecordService/ExportRecords", Feed),
    ("/reform.data.v1.RecordService/CreateRecord", Write),
    ("/reform.data.v1.RecordService/UpdateRecord", Write),
    ("/reform.data.v1.RecordService/DeleteRecord", Write),
    ("/reform.data.v1.RecordService/UndeleteRecord", Write),
    ("/reform.data.v1.RecordService/CommitRecords", Write),
    ("/reform.data.v1.RecordService/ImportRecords", Import),
    ("/reform.data.v1.RecordService/PurgeRecord", Write),
    ("/reform.data.v1.ChangeService/WatchChanges", Feed),
    ("/reform.data.v1.MaintenanceService/GetStatus", Health),
    ("/reform.data.v1.MaintenanceService/CreateBackup", Feed),
    ("/reform.data.v1.MaintenanceService/VerifyStore", Feed),
    ("/reform.data.v1.MaintenanceService/CompactHistory", Feed),
    ("/reform.analytics.v1.IndicatorService/ListIndicators", Read),
    ("/reform.analytics.v1.IndicatorService/GetIndicator", Read),
    ("/reform.analytics.v1.IndicatorService/QueryIndicator", Read),
    ("/reform.analytics.v1.IndicatorService/BatchQueryIndicators", Read),
    ("/reform.analytics.v1.IndicatorService/WatchIndicator", Feed),
    ("/reform.analytics.v1.IndicatorService/ExplainPoint", Read),
    ("/reform.analytics.v1.IndicatorService/CompareRevisions", Read),
    ("/reform.analytics.v1.IndicatorService/ListConflicts", Read),
    ("/reform.analytics.v1.IndicatorService/GetParameter", Read),
    ("/reform.analytics.v1.IndicatorService/SimulateElection", Read),
    ("/reform.analytics.v1.IndicatorService/RenderChart", Read),
    ("/reform.analytics.v1.IndicatorService/GetStatus", Health),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Read),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Read),
    ("/grpc.health.v1.Health/Check", Health),
    ("/grpc.health.v1.Health/Watch", Health),
];

static BY_PATH: LazyLock<HashMap<&str, Class>> = LazyLock::new(|| METHODS.iter().copied().collect());

/// The class of the method at a path. What is in no table is refused elsewhere, and is a read until then.
pub fn class(path: &str) -> Class {
    BY_PATH.get(path).copied().unwrap_or(Read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles;

    /// That of roles is compared with the descriptor.
    #[test]
    fn every_method_has_a_class() {
        let classes: Vec<_> = METHODS.iter().map(|(path, _)| *path).collect();
        let methods: Vec<_> = roles::METHODS.iter().map(|(path, _)| *path).collect();
        assert_eq!(classes, methods);
    }

    #[test]
    fn a_class_follows_from_what_a_method_needs() {
        use roles::{Access, Role};
        for (path, class) in METHODS {
            let needs = roles::access(path).unwrap();
            match needs {
                Access::Open => assert_eq!(*class, Health, "{path}"),
                Access::Needs(Role::Reader) => assert!(*class <= Read, "{path}"),
                Access::Needs(Role::Writer) => assert_eq!(*class, Write, "{path}"),
                Access::Needs(Role::Importer) => assert_eq!(*class, Import, "{path}"),
                Access::Needs(Role::Admin) => assert!(matches!(class, Feed | Write), "{path}"),
            }
        }
    }
}
