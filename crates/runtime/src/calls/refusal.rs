//! Errors that arise outside of handlers, with the reasons of the contract.

use http::HeaderMap;
use reform_api::error::{Fault, Reason};
use tonic::{Code, Status};

use crate::access;

/// The answer to a call that was ended from outside; it says nothing of what the handler did.
pub(super) fn refuse(reason: Reason) -> Status {
    let message = if reason == Reason::Deadline {
        "the deadline passed; a write may have been done"
    } else if reason == Reason::TokenInvalid {
        access::INVALID
    } else if reason == Reason::Overloaded {
        "too many answers are not read yet: try again later"
    } else {
        "a defect of the service ended this call"
    };
    Fault::new(reason, message).status()
}

/// Rewrites what the transport says about messages over their limits, and about bytes that are no message, which it takes
/// for its own fault; everything else stays as it is.
pub(crate) fn translate(headers: &mut HeaderMap) {
    // The cheap test first: this runs for every call, and almost all of them are OK.
    let code = headers.get(Status::GRPC_STATUS).map(|code| Code::from_bytes(code.as_bytes()));
    if !matches!(code, Some(Code::OutOfRange | Code::Internal)) {
        return;
    }
    let Some(status) = Status::from_header_map(headers) else { return };
    if !status.details().is_empty() {
        return;
    }
    // There is no other mark: the codes are shared with COMPACTED and PANIC, which have details.
    let reason = match status.message() {
        text if text.starts_with("Error, decoded message length too large") => Reason::MessageTooLarge,
        text if text.starts_with("Error, encoded message length too large") => Reason::AnswerTooLarge,
        text if text.starts_with("failed to decode Protobuf message") => Reason::FieldViolations,
        _ => return,
    };
    let message = status.message().trim_start_matches("Error, ");
    write(headers, &Fault::new(reason, message).status());
}

/// Puts `status` where the end of a call stands, in the place of another.
pub(super) fn write(headers: &mut HeaderMap, status: &Status) {
    headers.remove(Status::GRPC_MESSAGE);
    headers.remove(Status::GRPC_STATUS_DETAILS);
    if status.add_header(headers).is_err() {
        // The message does not fit a header; the code alone does.
        headers.insert(Status::GRPC_STATUS, i32::from(status.code()).into());
    }
}

#[cfg(test)]
mod tests {
    use reform_api::error::reason;

    use super::*;

    fn translated(status: &Status) -> Status {
        let mut headers = HeaderMap::new();
        status.add_header(&mut headers).unwrap();
        translate(&mut headers);
        Status::from_header_map(&headers).unwrap()
    }

    #[test]
    fn bytes_that_are_no_message_are_the_callers_fault() {
        let told = translated(&Status::internal("failed to decode Protobuf message: invalid varint"));
        assert_eq!(
            (told.code(), reason(&told).as_deref()),
            (Code::InvalidArgument, Some("FIELD_VIOLATIONS"))
        );
        let ours = translated(&Fault::new(Reason::Internal, "failed to decode Protobuf message").status());
        assert_eq!((ours.code(), reason(&ours).as_deref()), (Code::Internal, Some("INTERNAL")));
    }
}
