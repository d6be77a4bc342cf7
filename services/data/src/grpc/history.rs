//! What a record was, and what erases it: ListRecordRevisions and PurgeRecord.

use reform_api::data::v1;
use reform_api::encoded;
use reform_api::error::{Fault, Reason};
use tonic::Response;

use super::page_token::{self, Place};
use super::record::page_size;
use super::{fault, request};
use crate::store::list::Mark;
use crate::store::read::timestamp;
use crate::store::revisions::Past;
use crate::store::{Committed, Error, Mutation, Outcome, Store};

/// A page of a record's history.
pub(super) fn revisions(
    store: &Store,
    message: &v1::ListRecordRevisionsRequest,
) -> Result<encoded::ListRecordRevisionsResponse, Fault> {
    loop {
        let oldest = store.oldest();
        let page = page(store, message);
        // What was dropped meanwhile is not asked for: the page ends before it.
        if page.is_ok() || store.oldest() == oldest {
            return page;
        }
    }
}

fn page(
    store: &Store,
    message: &v1::ListRecordRevisionsRequest,
) -> Result<encoded::ListRecordRevisionsResponse, Fault> {
    let v1::ListRecordRevisionsRequest { name, page_size, page_token } = message;
    let name = request::name("name", name)?;
    let size = self::page_size(*page_size)?;
    // No list has a query like this, so no token of one fits here.
    let query = format!("ListRecordRevisions {name}");
    let before = match page_token.as_str() {
        "" => None,
        token => {
            let place = page_token::open(store, query.as_bytes(), token);
            Some(place.ok_or_else(|| fault::of_record(Error::PageToken))?.revision)
        }
    };
    let snapshot = store.newest();
    let (pasts, more) = snapshot.revisions(&name, before, size).map_err(fault::of_record)?;
    let last = pasts.last().filter(|_| more).map(|past| past.stored.revision);
    let token = last.map(|revision| {
        let mark = Mark::Name(String::new());
        page_token::seal(store, query.as_bytes(), Place { revision, mark })
    });
    let revisions = pasts.into_iter().map(|past| revision(store, past)).collect::<Result<_, _>>()?;
    Ok(encoded::ListRecordRevisionsResponse { revisions, next_page_token: token.unwrap_or_default() })
}

fn revision(store: &Store, past: Past) -> Result<encoded::RecordRevision, Fault> {
    let Past { commit, stored } = past;
    let at = store.at_or_oldest(stored.revision).map_err(fault::of_record)?;
    Ok(encoded::RecordRevision {
        revision: stored.revision,
        commit_time: Some(timestamp(stored.time_ms)),
        r#type: stored.header.operation,
        author: commit.author,
        reason: commit.reason,
        record: Some(at.encoded(&stored).map_err(fault::of_record)?),
    })
}

/// Erases a record for good.
pub(super) async fn purge(
    store: &Store,
    author: String,
    message: v1::PurgeRecordRequest,
) -> Result<Response<v1::PurgeRecordResponse>, Fault> {
    let fields = (message.request_id.as_str(), message.reason.as_str(), false);
    let mut commit = request::commit(author, "PurgeRecord", &message, fields)?;
    commit.mutations = vec![Mutation::Purge { name: request::name("name", &message.name)? }];
    let id = commit.request.as_ref().map(|request| request.id);
    let (revision, stored) = match store.commit(commit).await.map_err(fault::of_record)? {
        Committed::Done { revision, outcomes } => {
            let stored = outcomes.into_iter().find_map(|outcome| match outcome {
                Outcome::Changed(_, stored) => stored.map(|stored| *stored),
                Outcome::Unchanged | Outcome::Skipped | Outcome::Refused(_) => None,
            });
            (revision, stored)
        }
        Committed::Repeat { revision } => {
            let part = store.at_or_oldest(revision).and_then(|snapshot| snapshot.commit(revision));
            (revision, part.map_err(fault::of_record)?.changes.into_iter().next())
        }
    };
    let stored = stored.ok_or_else(|| Fault::new(Reason::Internal, "the commit made no change"))?;
    let versions_erased = stored.header.versions_erased.into();
    Ok(request::written(v1::PurgeRecordResponse { revision, versions_erased }, revision, id))
}
