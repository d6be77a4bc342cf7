//! How a failure reads, and the exit code that goes with it.

use std::io::{self, Write};
use std::process::ExitCode;

use reform_api::error;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::client::Service;

/// A part was refused, or this machine failed.
const EXIT_FAILED: u8 = 1;
/// Wrong usage.
const EXIT_USAGE: u8 = 2;
/// What was asked for is not there.
const EXIT_MISSING: u8 = 3;
/// The request is not accepted in any state.
const EXIT_INVALID: u8 = 4;
/// The state forbids the request.
const EXIT_CONFLICT: u8 = 5;
/// Nobody answered in time.
const EXIT_AWAY: u8 = 6;
/// The service is at fault.
const EXIT_FAULTY: u8 = 7;
/// A limit was met.
const EXIT_EXHAUSTED: u8 = 8;
/// The caller may not.
const EXIT_FORBIDDEN: u8 = 9;

/// Why a command did not end as it should.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Nobody listens there.
    #[error("cannot reach {} at {url} ({})", .service.program(), innermost(.source))]
    Unreachable {
        /// Which service.
        service: Service,
        /// Where it should be.
        url: String,
        /// What the transport said.
        source: tonic::transport::Error,
    },
    /// A service answered with an error.
    #[error("{} at {url}: {}", .service.program(), describe(.status))]
    Call {
        /// Which service.
        service: Service,
        /// Where it is.
        url: String,
        /// What it said.
        status: Box<Status>,
    },
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// What was asked for would undo what others did.
    #[error("{0}")]
    Conflict(String),
    /// What a service sent breaks its own contract.
    #[error("{0}")]
    Broken(String),
    /// A part of the demo does not start or ended early.
    #[error("demo: {0}")]
    Demo(String),
    /// Reading, writing or the machine failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// A message has no JSON form.
    #[error("cannot write an answer as JSON: {0}")]
    Json(#[from] reform_api::json::Error),
}

impl Failure {
    /// Writes one readable text to stderr; a reader of stdout that left early is no failure.
    pub(crate) fn report(self) -> ExitCode {
        if let Self::Io(error) = &self
            && error.kind() == io::ErrorKind::BrokenPipe
        {
            return ExitCode::SUCCESS;
        }
        let mut text = format!("reform: {self}");
        if let Some(hint) = self.hint() {
            text.push_str("\n  ");
            text.push_str(&hint);
        }
        // Nobody is left to tell when stderr is closed.
        let _ = writeln!(io::stderr(), "{text}");
        ExitCode::from(self.exit_code())
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => EXIT_USAGE,
            Self::Unreachable { .. } => EXIT_AWAY,
            Self::Call { status, .. } => exit_code(status.code()),
            Self::Conflict(_) => EXIT_CONFLICT,
            Self::Broken(_) | Self::Json(_) => EXIT_FAULTY,
            Self::File { .. } | Self::Demo(_) | Self::Io(_) => EXIT_FAILED,
        }
    }

    /// What the person may do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { service, .. } => Some(start_hint(*service)),
            Self::Call { service, status, .. } => match error::reason(status).as_deref() {
                Some("INDICATOR_NOT_FOUND") => Some("reform indicators shows every indicator".to_owned()),
                Some("STARTING" | "CATCHING_UP") => Some("try again in a moment".to_owned()),
                Some("OVERLOADED") => Some("try again later".to_owned()),
                Some("NOT_IMPLEMENTED") => Some("this call comes with a later release".to_owned()),
                Some(_) => None,
                None if status.code() == Code::Unavailable => Some(start_hint(*service)),
                None if status.code() == Code::Unimplemented => {
                    Some(format!("is that really {}? see {}", service.program(), service.flag()))
                }
                None => None,
            },
            Self::Usage(_)
            | Self::File { .. }
            | Self::Conflict(_)
            | Self::Broken(_)
            | Self::Demo(_)
            | Self::Io(_)
            | Self::Json(_) => None,
        }
    }
}

fn start_hint(service: Service) -> String {
    let program = service.program();
    format!("is it running? start it with `{program}`, pass {} URL, or try `reform demo`", service.flag())
}

/// The last cause says most: the transport's own text is "transport error".
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// Message, code, reason and what else the error carries, then every field or subject at fault.
pub(crate) fn describe(status: &Status) -> String {
    let details = status.get_error_details();
    let reason = error::reason(status).map(|reason| format!(" / {reason}")).unwrap_or_default();
    let mut text = format!("{} ({}{reason})", status.message(), error::code_name(status.code()));
    if let Some(info) = details.error_info() {
        let mut pairs: Vec<_> = info.metadata.iter().map(|(key, value)| format!("{key} {value}")).collect();
        pairs.sort();
        if !pairs.is_empty() {
            text.push_str(&format!(" [{}]", pairs.join(", ")));
        }
    }
    let fields = details.bad_request().into_iter().flat_map(|bad| &bad.field_violations);
    let fields = fields.map(|violation| format!("{}: {}", violation.field, violation.description));
    let subjects = details.precondition_failure().into_iter().flat_map(|failed| &failed.violations);
    let subjects = subjects.map(|violation| format!("{}: {}", violation.subject, violation.description));
    // One alone is the message itself.
    for line in fields.chain(subjects).filter(|line| line != status.message()) {
        text.push_str(&format!("\n  {line}"));
    }
    text
}

/// The exit code of each class of errors.
fn exit_code(code: Code) -> u8 {
    match code {
        Code::Ok => EXIT_FAILED,
        Code::NotFound => EXIT_MISSING,
        Code::InvalidArgument | Code::OutOfRange => EXIT_INVALID,
        Code::AlreadyExists | Code::FailedPrecondition | Code::Aborted => EXIT_CONFLICT,
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => EXIT_AWAY,
        Code::Internal | Code::DataLoss | Code::Unknown | Code::Unimplemented => EXIT_FAULTY,
        Code::ResourceExhausted => EXIT_EXHAUSTED,
        Code::Unauthenticated | Code::PermissionDenied => EXIT_FORBIDDEN,
    }
}

#[cfg(test)]
mod tests {
    use reform_api::error::{Fault, Reason};

    use super::*;

    #[test]
    fn a_refusal_names_code_reason_and_every_field() {
        let fields = [("record.title", "is required"), ("record.jurisdiction", "is no code")];
        let status =
            Fault::violations(fields.map(|(path, text)| (path.to_owned(), text.to_owned()))).status();
        let text = describe(&status);
        assert!(text.contains("INVALID_ARGUMENT / FIELD_VIOLATIONS"), "{text}");
        assert!(text.contains("\n  record.title: is required\n  record.jurisdiction: is no code"), "{text}");
    }

    #[test]
    fn a_missing_indicator_says_how_to_find_one() {
        let status = Box::new(Fault::new(Reason::IndicatorNotFound, "no such indicator").status());
        let failure = Failure::Call { service: Service::Analytics, url: "http://x".to_owned(), status };
        assert!(failure.hint().is_some_and(|hint| hint.contains("reform indicators")));
    }

    #[test]
    fn each_class_of_errors_has_its_exit_code() {
        for (code, expected) in [
            (Code::NotFound, 3),
            (Code::InvalidArgument, 4),
            (Code::Aborted, 5),
            (Code::Unavailable, 6),
            (Code::DataLoss, 7),
            (Code::ResourceExhausted, 8),
            (Code::PermissionDenied, 9),
        ] {
            let status = Box::new(Status::new(code, "x"));
            let failure = Failure::Call { service: Service::Data, url: "http://x".to_owned(), status };
            assert_eq!(failure.exit_code(), expected, "{code:?}");
        }
        assert_eq!(Failure::Usage("x".to_owned()).exit_code(), 2);
        assert_eq!(Failure::Conflict("x".to_owned()).exit_code(), 5);
    }
}
