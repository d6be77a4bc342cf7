//! What requests share: names, ids, authors, and points in the history.

use prost::Message;
use reform_api::data::v1;
use reform_api::error::Fault;
use reform_model::Name;
use reform_runtime::calls::Written;
use reform_runtime::identity::Identity;
use sha2::{Digest, Sha256};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response};

use crate::mask::Mask;
use crate::store::commit::{Commit, Mode, RequestId, Update};
use crate::store::{Draft, Error, Mutation, Snapshot, Store};

/// Characters of a reason or an author.
const TEXT_CHARACTERS_MAX: usize = 1_000;

/// A record's name in a request.
pub(super) fn name(path: &str, text: &str) -> Result<Name, Fault> {
    Name::parse(text).map_err(|error| Fault::violation(path, error.to_string()))
}

/// Who writes, and what: the identity, or without authentication what the caller says of itself, marked as that.
pub(super) fn authored<T>(request: Request<T>) -> (String, T) {
    let author = match Identity::of(&request) {
        Some(identity) => identity.to_string(),
        None => unverified(request.metadata()),
    };
    (author, request.into_inner())
}

fn unverified(metadata: &MetadataMap) -> String {
    let stated = metadata.get("reform-author").and_then(|value| value.to_str().ok()).unwrap_or("anonymous");
    format!("unverified:{}", stated.chars().take(TEXT_CHARACTERS_MAX).collect::<String>())
}

/// Refuses a reason that is too long to be kept.
pub(super) fn check_reason(path: &str, reason: &str) -> Result<(), Fault> {
    if reason.chars().count() > TEXT_CHARACTERS_MAX {
        return Err(Fault::violation(path, format!("more than {TEXT_CHARACTERS_MAX} characters")));
    }
    Ok(())
}

/// The commit that a write asks for, without its mutations. `method` and the whole request make its hash.
pub(super) fn commit(
    author: String,
    method: &str,
    request: &impl Message,
    (request_id, reason, validate_only): (&str, &str, bool),
) -> Result<Commit, Fault> {
    check_reason("reason", reason)?;
    let request = match request_id {
        "" => None,
        text => {
            let id = uuid::Uuid::parse_str(text)
                .map_err(|_| Fault::violation("request_id", "must be a UUID"))?
                .into_bytes();
            let mut digest = Sha256::new();
            digest.update(method.as_bytes());
            digest.update(request.encode_to_vec());
            let mut hash = [0; 16];
            hash.copy_from_slice(&digest.finalize()[..16]);
            Some(RequestId { id, hash })
        }
    };
    let mode = if validate_only { Mode::Check(std::sync::Arc::default()) } else { Mode::Store };
    Ok(Commit { author, reason: reason.to_owned(), request, mode, returns: true, ..Commit::default() })
}

/// The answer of a write, with what the audit wants to know of it.
pub(super) fn written<T>(answer: T, revision: i64, id: Option<[u8; 16]>) -> Response<T> {
    let request_id = id.map(uuid::Uuid::from_bytes);
    let mut response = Response::new(answer);
    response.extensions_mut().insert(Written { revision, request_id });
    response
}

/// How often a read of the newest state begins again.
const OVERTAKEN_MAX: u32 = 10;

/// The state that a read asks for.
pub(super) fn snapshot(store: &Store, as_of: Option<&v1::AsOf>) -> Result<Snapshot, Fault> {
    let Some(v1::AsOf { store_id, point }) = as_of else { return Ok(store.newest()) };
    if !store_id.is_empty() && store_id != store.id() {
        return Err(super::fault::of_record(Error::StoreChanged(store.id().to_owned())));
    }
    let snapshot = match point {
        None => Ok(store.newest()),
        Some(v1::as_of::Point::Revision(revision)) if *revision < 0 => {
            return Err(Fault::violation("as_of.revision", "must not be negative"));
        }
        Some(v1::as_of::Point::Revision(revision)) => store.at(*revision),
        Some(v1::as_of::Point::Time(time)) => store
            .at_time(time.seconds.saturating_mul(1_000).saturating_add(i64::from(time.nanos) / 1_000_000)),
    };
    snapshot.map_err(super::fault::of_record)
}

/// Reads at the point in history that a call asks for; without one the newest state, and once more whenever a compaction
/// has overtaken it.
pub(super) fn read<T>(
    store: &Store,
    as_of: Option<&v1::AsOf>,
    read: impl Fn(&Snapshot) -> Result<T, Error>,
) -> Result<T, Fault> {
    let newest = as_of.is_none_or(|as_of| as_of.point.is_none());
    let mut overtaken = 0;
    loop {
        match read(&snapshot(store, as_of)?) {
            Err(Error::Compacted { .. }) if newest && overtaken < OVERTAKEN_MAX => overtaken += 1,
            answer => return answer.map_err(super::fault::of_record),
        }
    }
}

/// A record that is to be made; without a name the server gives it one.
pub(super) fn create(path: &str, request: v1::CreateRecordRequest) -> Result<Mutation, Fault> {
    let v1::CreateRecordRequest { record, record_id, .. } = request;
    let mut record = record.ok_or_else(|| Fault::violation(format!("{path}record"), "is required"))?;
    let name = match (record_id.as_str(), record.name.as_str()) {
        ("", "") => Name::from_id(&uuid::Uuid::new_v4().to_string()).expect("a UUID is an id"),
        ("", stated) => self::name(&format!("{path}record.name"), stated)?,
        (id, stated) => {
            let name = Name::from_id(id)
                .map_err(|error| Fault::violation(format!("{path}record_id"), error.to_string()))?;
            if !stated.is_empty() && stated != name.as_str() {
                let description = format!("is {stated}, but record_id says {name}");
                return Err(Fault::violation(format!("{path}record.name"), description));
            }
            name
        }
    };
    name.as_str().clone_into(&mut record.name);
    let draft =
        Draft::new(record).map_err(|violations| violations.below(&format!("{path}record")).into_fault())?;
    Ok(Mutation::Create(Box::new(draft)))
}

/// New values for some fields.
pub(super) fn update(path: &str, request: v1::UpdateRecordRequest) -> Result<Mutation, Fault> {
    let v1::UpdateRecordRequest { record, update_mask, allow_missing, .. } = request;
    let patch = record.ok_or_else(|| Fault::violation(format!("{path}record"), "is required"))?;
    let name = self::name(&format!("{path}record.name"), &patch.name)?;
    let mask = Mask::new(update_mask.map(|mask| mask.paths))
        .map_err(|error| Fault::violation(format!("{path}update_mask"), error.to_string()))?;
    Ok(Mutation::Update(Box::new(Update { name, patch, mask, allow_missing })))
}

/// One mutation of a commit.
pub(super) fn mutation(index: usize, mutation: v1::Mutation) -> Result<Mutation, Fault> {
    let path = |field: &str| format!("mutations[{index}].{field}.");
    match mutation.mutation {
        None => Err(Fault::violation(format!("mutations[{index}].mutation"), "is required")),
        Some(v1::mutation::Mutation::Create(request)) => create(&path("create"), request),
        Some(v1::mutation::Mutation::Update(request)) => update(&path("update"), request),
        Some(v1::mutation::Mutation::Delete(request)) => {
            let name = self::name(&format!("{}name", path("delete")), &request.name)?;
            Ok(Mutation::Delete { name, etag: request.etag })
        }
        Some(v1::mutation::Mutation::Undelete(request)) => {
            let name = self::name(&format!("{}name", path("undelete")), &request.name)?;
            Ok(Mutation::Undelete { name, etag: request.etag })
        }
    }
}
