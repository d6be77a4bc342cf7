//! The clients against a service that is scripted to fail.

mod calls;
mod exports;
mod fake;
mod imports;
mod lists;
mod watches;

use reform_api::error::{Fault, Reason};
use tonic::Status;

fn status(reason: Reason) -> Status {
    Fault::new(reason, "as scripted").status()
}

/// What `reason` says of a status, for comparisons.
fn reason(status: &Status) -> Option<String> {
    reform_api::error::reason(status)
}
