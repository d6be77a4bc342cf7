//! One line of what was found.

use serde_json::{Value, json};

use crate::client::Service;

/// The columns of a table of findings.
pub(super) const COLUMNS: [&str; 5] = ["", "service", "check", "found", "what to do"];

/// How it is; what is worse is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    /// As it should be.
    Ok,
    /// It works, and may not for long.
    Warn,
    /// It does not work.
    Fail,
}

impl Health {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) health: Health,
    service: &'static str,
    check: &'static str,
    found: String,
    advice: String,
}

impl Finding {
    pub(super) fn ok(service: Service, check: &'static str, found: impl Into<String>) -> Self {
        Self::new(Health::Ok, service, check, found, "")
    }

    pub(super) fn warn(
        service: Service,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(Health::Warn, service, check, found, advice)
    }

    pub(super) fn fail(
        service: Service,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self::new(Health::Fail, service, check, found, advice)
    }

    fn new(
        health: Health,
        service: Service,
        check: &'static str,
        found: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { health, service: service.program(), check, found: found.into(), advice: advice.into() }
    }

    pub(super) fn row(self) -> [String; 5] {
        let Self { health, service, check, found, advice } = self;
        [health.as_str().to_owned(), service.to_owned(), check.to_owned(), found, advice]
    }

    pub(super) fn json(&self) -> Value {
        let Self { health, service, check, found, advice } = self;
        json!({"health": health.as_str(), "service": service, "check": check, "found": found, "advice": advice})
    }
}
