//! Which code and reason a refusal is: the one place that says so.

use reform_api::error::{Fault, Reason};
use reform_indicators::{QueryError, filter};
use tonic::Status;

use crate::refusal::Refusal;

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        fault(refusal).status()
    }
}

fn fault(refusal: Refusal) -> Fault {
    let message = refusal.to_string();
    match refusal {
        Refusal::Starting => Fault::new(Reason::Starting, message),
        Refusal::ShuttingDown => Fault::new(Reason::ShuttingDown, message),
        Refusal::CatchingUp { wanted: _, applied, head } => Fault::new(Reason::CatchingUp, message)
            .with("applied_revision", applied.to_string())
            .with("head_revision", head.to_string()),
        Refusal::RevisionAhead { wanted: _, head } => {
            Fault::new(Reason::RevisionAhead, message).with("head_revision", head.to_string())
        }
        Refusal::StoreChanged { asked: _, followed } => Fault::new(Reason::StoreChanged, message.clone())
            .with("store_id", followed)
            .preconditions([("store_id".to_owned(), message)]),
        Refusal::Compacted { wanted: _, oldest } => {
            let fault = Fault::new(Reason::Compacted, message);
            oldest.map_or(fault.clone(), |oldest| fault.with("oldest_revision", oldest.to_string()))
        }
        Refusal::Overloaded(_) => Fault::new(Reason::Overloaded, message),
        Refusal::Fields(violations) => Fault::violations(violations),
        Refusal::Filter { path, error } => filter_fault(path, &error),
        Refusal::UnknownIndicator(id) => indicator_fault(&id, message),
        Refusal::PageToken => Fault::new(Reason::PageTokenInvalid, message),
        Refusal::Query { prefix, error } => query_fault(&prefix, error),
        Refusal::TooLarge { bytes: _ } => Fault::new(Reason::AnswerTooLarge, message),
        Refusal::Internal => Fault::new(Reason::Internal, message),
    }
}

fn query_fault(prefix: &str, error: QueryError) -> Fault {
    let text = error.to_string();
    match error {
        QueryError::UnknownIndicator(id) => indicator_fault(&id, text),
        QueryError::Field { path, message } => Fault::violation(format!("{prefix}{path}"), message),
        QueryError::NoPoint { path, message } => Fault::violation(path, message),
        QueryError::NotFound { path, name } => Fault::new(Reason::RecordNotFound, text)
            .with("path", format!("{prefix}{path}"))
            .resource("reform.data.v1.Record", name.as_str()),
        QueryError::Filter(error) => filter_fault(format!("{prefix}filter"), &error),
    }
}

fn indicator_fault(id: &str, message: String) -> Fault {
    Fault::new(Reason::IndicatorNotFound, message)
        .resource("reform.analytics.v1.Indicator", &format!("indicators/{id}"))
}

/// `field` is the field of the request, `path` what the filter names.
fn filter_fault(field: String, error: &filter::Error) -> Fault {
    let message = error.to_string();
    let fault = match error {
        filter::Error::TooLong | filter::Error::TooManyTerms | filter::Error::TooDeep => {
            Fault::new(Reason::FilterSyntax, message)
        }
        filter::Error::Syntax { offset, message: _ } => {
            Fault::new(Reason::FilterSyntax, message).with("position", offset.to_string())
        }
        filter::Error::UnknownDimension(path) => {
            Fault::new(Reason::FilterUnknownField, message).with("path", path)
        }
        filter::Error::Type { path, message: _ } => {
            Fault::new(Reason::FilterType, message).with("path", path)
        }
    };
    fault.with("field", field)
}
