//! How an error looks on the wire: a code, a message, and `google.rpc` details with a reason.

use std::collections::HashMap;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt};

/// The `domain` of every `google.rpc.ErrorInfo` of both services.
pub const DOMAIN: &str = "reform";

/// Violations and problems beyond this number are counted, not listed: details travel in trailers.
pub const VIOLATIONS_MAX: usize = 20;

/// How long a caller waits before it tries again after UNAVAILABLE or OVERLOADED.
pub const RETRY_DELAY: Duration = Duration::from_millis(200);

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $text:literal => $code:ident;)*) => {
        /// The `reason` of an `ErrorInfo`: what a program may act on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason { $($(#[$doc])* $variant,)* }

        impl Reason {
            /// Every reason, in the order of the contract's table.
            pub const ALL: &[Reason] = &[$(Reason::$variant,)*];

            /// As it stands in `ErrorInfo.reason`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Reason::$variant => $text,)* }
            }

            /// The one code that this reason travels with.
            pub const fn code(self) -> Code {
                match self { $(Reason::$variant => Code::$code,)* }
            }
        }
    };
}

reasons! {
    /// One or more fields of the request cannot be.
    FieldViolations = "FIELD_VIOLATIONS" => InvalidArgument;
    /// The filter does not parse; the metadata carry `position`.
    FilterSyntax = "FILTER_SYNTAX" => InvalidArgument;
    /// The filter names a field that is not there; the metadata carry `path`.
    FilterUnknownField = "FILTER_UNKNOWN_FIELD" => InvalidArgument;
    /// The filter compares a field with what it cannot be compared with; the metadata carry `path`.
    FilterType = "FILTER_TYPE" => InvalidArgument;
    /// The page token was not made by this store for this query.
    PageTokenInvalid = "PAGE_TOKEN_INVALID" => InvalidArgument;
    /// No record of that name.
    RecordNotFound = "RECORD_NOT_FOUND" => NotFound;
    /// No indicator of that name.
    IndicatorNotFound = "INDICATOR_NOT_FOUND" => NotFound;
    /// The record was erased.
    RecordPurged = "RECORD_PURGED" => NotFound;
    /// A record of that name is there, or was and is deleted.
    RecordExists = "RECORD_EXISTS" => AlreadyExists;
    /// The request id was used by another request.
    RequestIdReused = "REQUEST_ID_REUSED" => AlreadyExists;
    /// A reference points at nothing.
    ReferenceMissing = "REFERENCE_MISSING" => FailedPrecondition;
    /// Other records refer to this one.
    RecordInUse = "RECORD_IN_USE" => FailedPrecondition;
    /// The caller asked for another store than this one.
    StoreChanged = "STORE_CHANGED" => FailedPrecondition;
    /// The record changed since the caller read it.
    EtagMismatch = "ETAG_MISMATCH" => Aborted;
    /// That revision was compacted; the metadata carry `oldest_revision`.
    Compacted = "COMPACTED" => OutOfRange;
    /// That revision is not there yet; the metadata carry `head_revision`.
    RevisionAhead = "REVISION_AHEAD" => OutOfRange;
    /// A stored value is damaged.
    CorruptRecord = "CORRUPT_RECORD" => DataLoss;
    /// Too little free space to write.
    DiskFull = "DISK_FULL" => ResourceExhausted;
    /// A message, batch or record over its limit.
    MessageTooLarge = "MESSAGE_TOO_LARGE" => ResourceExhausted;
    /// The answer would be over its limit.
    AnswerTooLarge = "ANSWER_TOO_LARGE" => ResourceExhausted;
    /// A reader that does not keep up; the metadata carry `revision`, the last one sent.
    SlowConsumer = "SLOW_CONSUMER" => ResourceExhausted;
    /// Too much at once; try again later.
    Overloaded = "OVERLOADED" => ResourceExhausted;
    /// The view has not reached the revision asked for.
    CatchingUp = "CATCHING_UP" => Unavailable;
    /// The service is starting.
    Starting = "STARTING" => Unavailable;
    /// The service is stopping.
    ShuttingDown = "SHUTTING_DOWN" => Unavailable;
    /// The store failed; the outcome of a write is unknown.
    StoreFailed = "STORE_FAILED" => Unavailable;
    /// The caller's deadline passed.
    Deadline = "DEADLINE" => DeadlineExceeded;
    /// No credentials.
    TokenMissing = "TOKEN_MISSING" => Unauthenticated;
    /// Wrong credentials.
    TokenInvalid = "TOKEN_INVALID" => Unauthenticated;
    /// The identity may not do this.
    RoleRequired = "ROLE_REQUIRED" => PermissionDenied;
    /// A bug: a handler panicked.
    Panic = "PANIC" => Internal;
    /// A bug.
    Internal = "INTERNAL" => Internal;
    /// An RPC that belongs to a later release.
    NotImplemented = "NOT_IMPLEMENTED" => Unimplemented;
}

/// An error on its way to a caller; [`Fault::status`] is the only place where a `Status` with details is made.
#[derive(Debug, Clone)]
pub struct Fault {
    reason: Reason,
    message: String,
    metadata: HashMap<String, String>,
    details: Box<ErrorDetails>,
}

impl Fault {
    /// An error for `reason`, whose code it decides; `message` is for a person.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        let mut details = Box::new(ErrorDetails::new());
        if matches!(reason.code(), Code::Unavailable) || reason == Reason::Overloaded {
            details.set_retry_info(Some(RETRY_DELAY));
        }
        Self { reason, message: message.into(), metadata: HashMap::new(), details }
    }

    /// Bad fields: `(field path, description)` each; at most [`VIOLATIONS_MAX`] are listed, all are counted.
    pub fn violations(violations: impl IntoIterator<Item = (String, String)>) -> Self {
        let all: Vec<_> = violations.into_iter().collect();
        let first = all.first().map(|(path, text)| format!("{path}: {text}")).unwrap_or_default();
        let message = match all.len() {
            0 | 1 => first,
            n => format!("{first} (and {} more)", n - 1),
        };
        let mut fault =
            Self::new(Reason::FieldViolations, message).with("violations_total", all.len().to_string());
        let listed = all.into_iter().take(VIOLATIONS_MAX);
        fault
            .details
            .set_bad_request(listed.map(|(path, text)| FieldViolation::new(path, text)).collect::<Vec<_>>());
        fault
    }

    /// One bad field.
    pub fn violation(path: impl Into<String>, description: impl Into<String>) -> Self {
        Self::violations([(path.into(), description.into())])
    }

    /// Adds a pair to the `ErrorInfo` metadata.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<String>) -> Self {
        self.metadata.insert(key.to_owned(), value.into());
        self
    }

    /// Names the resource: `type` such as `reform.data.v1.Record`, and its name.
    #[must_use]
    pub fn resource(mut self, resource_type: &str, name: &str) -> Self {
        self.details.set_resource_info(resource_type, name, "", self.message.clone());
        self
    }

    /// Adds the preconditions that failed: `(subject, description)` each; at most [`VIOLATIONS_MAX`].
    #[must_use]
    pub fn preconditions(mut self, failed: impl IntoIterator<Item = (String, String)>) -> Self {
        let kind = self.reason.as_str();
        let listed = failed.into_iter().take(VIOLATIONS_MAX);
        self.details.set_precondition_failure(
            listed.map(|(subject, text)| PreconditionViolation::new(kind, subject, text)).collect::<Vec<_>>(),
        );
        self
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The sentence for a person.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The wire form.
    pub fn status(self) -> Status {
        let Self { reason, message, metadata, mut details } = self;
        details.set_error_info(reason.as_str(), DOMAIN, metadata);
        Status::with_error_details(reason.code(), message, *details)
    }
}

impl From<Fault> for Status {
    fn from(fault: Fault) -> Self {
        fault.status()
    }
}

/// The code as the contract writes it.
pub const fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// What the metadata of such a status say under a key.
pub fn metadata(status: &Status, key: &str) -> Option<String> {
    let info = status.get_details_error_info().filter(|info| info.domain == DOMAIN);
    info.and_then(|info| info.metadata.get(key).cloned())
}

/// The reason in a status that one of the services sent; none when it came from elsewhere.
pub fn reason(status: &Status) -> Option<String> {
    status.get_details_error_info().filter(|info| info.domain == DOMAIN).map(|info| info.reason)
}
