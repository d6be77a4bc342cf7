//! What makes a write repeatable.

use uuid::Uuid;

use crate::data::v1;

/// A request that is stored once however often it is sent.
pub(super) trait Repeatable {
    fn request_id_mut(&mut self) -> &mut String;
}

/// The request with a `request_id`; its own, if it has one.
pub(super) fn repeatable<Q: Repeatable>(mut request: Q) -> Q {
    let id = request.request_id_mut();
    if id.is_empty() {
        *id = Uuid::new_v4().to_string();
    }
    request
}

macro_rules! repeatable {
    ($($request:ident),*) => {
        $(impl Repeatable for v1::$request {
            fn request_id_mut(&mut self) -> &mut String {
                &mut self.request_id
            }
        })*
    };
}

repeatable!(
    CreateRecordRequest,
    UpdateRecordRequest,
    DeleteRecordRequest,
    UndeleteRecordRequest,
    PurgeRecordRequest,
    CommitRecordsRequest,
    ImportBatch
);
