//! RecordService: each call converts, asks the store once, and converts back.

use std::pin::Pin;

use bytes::Bytes;
use futures::{Stream, TryStreamExt};
use prost::Message;
use reform_api::data::v1;
use reform_api::encoded;
use reform_api::encoded::record_service_server::RecordService;
use reform_api::error::{Fault, Reason};
use reform_model::Name;
use reform_runtime::background;
use reform_runtime::calls::Writing;
use reform_runtime::queue::Queue;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::page_token::{self, Place};
use super::{fault, history, request, slow};
use crate::filter::Filter;
use crate::patience::Patience;
use crate::store::commit::{Commit, MUTATIONS_MAX};
use crate::store::list::{Order, PAGE_BYTES_MAX, Query};
use crate::store::{Committed, Error, Mutation, Outcome, Snapshot, Store};

/// Names of a batch.
const NAMES_MAX: usize = 1_000;
/// Records of a page when none is asked for.
const PAGE_SIZE_DEFAULT: usize = 100;
/// Records of a page.
const PAGE_SIZE_MAX: usize = 1_000;

/// The service over a store.
#[derive(Debug, Clone)]
pub(super) struct Records {
    pub(super) store: Store,
    pub(super) stop: CancellationToken,
    pub(super) patience: Patience,
    /// Reads of more than a record wait for their turn.
    pub(super) reads: Queue,
}

/// A boxed stream of answers.
pub(super) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Runs what reads much or computes long away from the threads that serve calls.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Status> {
    background::run(work).await.map_err(Fault::status)
}

impl Records {
    /// Reads much, or computes long, when it is its turn.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Status> {
        let turn = self.reads.turn().await;
        let turn = turn.map_err(|late| Fault::new(Reason::Overloaded, late.to_string()).status())?;
        blocking(move || {
            // A caller that leaves does not end the work.
            let _turn = turn;
            work()
        })
        .await
    }

    /// Commits one mutation and answers with its record.
    async fn write_one(
        &self,
        mut commit: Commit,
        mutation: Mutation,
    ) -> Result<Response<encoded::Answer>, Status> {
        commit.mutations = vec![mutation];
        let id = commit.request.as_ref().map(|request| request.id);
        let (revision, mut records) = self.write(commit, &|_| "record".to_owned()).await?;
        let record =
            records.pop().ok_or_else(|| Fault::new(Reason::Internal, "the commit made no change"))?;
        Ok(request::written(encoded::Answer(record), revision, id))
    }

    /// Commits and answers with the revision and the records, as they were after the commit.
    async fn write(
        &self,
        commit: Commit,
        prefix: &(dyn Fn(usize) -> String + Sync),
    ) -> Result<(i64, Vec<Bytes>), Status> {
        let committed = self.store.commit(commit).await.map_err(|error| fault::below(error, prefix))?;
        let records = match committed {
            Committed::Done { revision, outcomes } => {
                let snapshot = if revision == 0 { self.store.newest() } else { self.at(revision)? };
                let changed = outcomes.into_iter().filter_map(|outcome| match outcome {
                    Outcome::Changed(_, stored) => stored,
                    Outcome::Unchanged | Outcome::Skipped | Outcome::Refused(_) => None,
                });
                let records = changed.map(|stored| snapshot.encoded(&stored)).collect::<Result<_, _>>();
                (revision, records)
            }
            Committed::Repeat { revision } => {
                let snapshot = self.at(revision)?;
                let part = snapshot.commit(revision).map_err(fault::of_record)?;
                (revision, part.changes.iter().map(|stored| snapshot.encoded(stored)).collect())
            }
        };
        Ok((records.0, records.1.map_err(fault::of_record)?))
    }

    fn at(&self, revision: i64) -> Result<Snapshot, Fault> {
        self.store.at_or_oldest(revision).map_err(fault::of_record)
    }
}

/// An answer of many records.
fn large<T>(message: T) -> Response<T> {
    let mut answer = Response::new(message);
    answer.extensions_mut().insert(background::Large);
    answer
}

fn filter(text: &str) -> Result<Filter, Fault> {
    Filter::parse(text).map_err(Fault::from)
}

#[tonic::async_trait]
impl RecordService for Records {
    async fn create_record(
        &self,
        request: Request<v1::CreateRecordRequest>,
    ) -> Result<Response<encoded::Answer>, Status> {
        let (author, message) = request::authored(request);
        let fields = (message.request_id.as_str(), message.reason.as_str(), message.validate_only);
        let commit = request::commit(author, "CreateRecord", &message, fields)?;
        self.write_one(commit, request::create("", message)?).await
    }

    async fn get_record(
        &self,
        request: Request<v1::GetRecordRequest>,
    ) -> Result<Response<encoded::Answer>, Status> {
        let v1::GetRecordRequest { name, as_of } = request.into_inner();
        let name = request::name("name", &name)?;
        let record = request::read(&self.store, as_of.as_ref(), |snapshot| {
            snapshot.get(&name).and_then(|stored| snapshot.encoded(&stored))
        });
        Ok(Response::new(encoded::Answer(record?)))
    }

    async fn batch_get_records(
        &self,
        request: Request<v1::BatchGetRecordsRequest>,
    ) -> Result<Response<encoded::BatchGetRecordsResponse>, Status> {
        let v1::BatchGetRecordsRequest { names, as_of } = request.into_inner();
        if names.len() > NAMES_MAX {
            return Err(Fault::violation("names", format!("more than {NAMES_MAX}")).status());
        }
        let store = self.store.clone();
        let answer = self.read(move || {
            let names = names.iter().enumerate();
            let names = names.map(|(index, name)| request::name(&format!("names[{index}]"), name));
            let names = names.collect::<Result<Vec<_>, _>>()?;
            let read = request::read(&store, as_of.as_ref(), |snapshot| batch(snapshot, &names))?;
            let too_large =
                || Fault::new(Reason::AnswerTooLarge, "the records are over 3 MiB: ask for fewer");
            read.ok_or_else(too_large)
        });
        Ok(large(answer.await?))
    }

    async fn list_records(
        &self,
        request: Request<v1::ListRecordsRequest>,
    ) -> Result<Response<encoded::ListRecordsResponse>, Status> {
        let store = self.store.clone();
        let message = request.into_inner();
        Ok(large(self.read(move || list(&store, message)).await?))
    }

    async fn count_records(
        &self,
        request: Request<v1::CountRecordsRequest>,
    ) -> Result<Response<v1::CountRecordsResponse>, Status> {
        let v1::CountRecordsRequest { filter, as_of, show_deleted } = request.into_inner();
        let filter = self::filter(&filter)?;
        let store = self.store.clone();
        let answer = self.read(move || {
            request::read(&store, as_of.as_ref(), |snapshot| {
                let count = snapshot.count(&filter, show_deleted)?;
                Ok(v1::CountRecordsResponse { count, revision: snapshot.revision })
            })
        });
        Ok(Response::new(answer.await?))
    }

    async fn update_record(
        &self,
        request: Request<v1::UpdateRecordRequest>,
    ) -> Result<Response<encoded::Answer>, Status> {
        let (author, message) = request::authored(request);
        let fields = (message.request_id.as_str(), message.reason.as_str(), message.validate_only);
        let commit = request::commit(author, "UpdateRecord", &message, fields)?;
        self.write_one(commit, request::update("", message)?).await
    }

    async fn delete_record(
        &self,
        request: Request<v1::DeleteRecordRequest>,
    ) -> Result<Response<encoded::Answer>, Status> {
        let (author, message) = request::authored(request);
        let fields = (message.request_id.as_str(), message.reason.as_str(), message.validate_only);
        let commit = request::commit(author, "DeleteRecord", &message, fields)?;
        let name = request::name("name", &message.name)?;
        self.write_one(commit, Mutation::Delete { name, etag: message.etag }).await
    }

    async fn undelete_record(
        &self,
        request: Request<v1::UndeleteRecordRequest>,
    ) -> Result<Response<encoded::Answer>, Status> {
        let (author, message) = request::authored(request);
        let fields = (message.request_id.as_str(), message.reason.as_str(), message.validate_only);
        let commit = request::commit(author, "UndeleteRecord", &message, fields)?;
        let name = request::name("name", &message.name)?;
        self.write_one(commit, Mutation::Undelete { name, etag: message.etag }).await
    }

    async fn purge_record(
        &self,
        request: Request<v1::PurgeRecordRequest>,
    ) -> Result<Response<v1::PurgeRecordResponse>, Status> {
        let (author, message) = request::authored(request);
        Ok(history::purge(&self.store, author, message).await?)
    }

    async fn commit_records(
        &self,
        request: Request<v1::CommitRecordsRequest>,
    ) -> Result<Response<encoded::CommitRecordsResponse>, Status> {
        let (author, message) = request::authored(request);
        let fields = (message.request_id.as_str(), message.reason.as_str(), message.validate_only);
        let mut commit = request::commit(author, "CommitRecords", &message, fields)?;
        commit.mutations = blocking(move || mutations(message.mutations)).await?;
        let verbs: Vec<&str> = commit.mutations.iter().map(verb).collect();
        let prefix = move |index: usize| {
            format!("mutations[{index}].{}", verbs.get(index).unwrap_or(&"create.record"))
        };
        let id = commit.request.as_ref().map(|request| request.id);
        let (revision, records) = self.write(commit, &prefix).await?;
        let store_id = self.store.id().to_owned();
        Ok(request::written(encoded::CommitRecordsResponse { revision, store_id, records }, revision, id))
    }

    async fn list_record_revisions(
        &self,
        request: Request<v1::ListRecordRevisionsRequest>,
    ) -> Result<Response<encoded::ListRecordRevisionsResponse>, Status> {
        let store = self.store.clone();
        let message = request.into_inner();
        Ok(Response::new(self.read(move || history::revisions(&store, &message)).await?))
    }

    type ImportRecordsStream = Answers<v1::ImportRecordsResponse>;

    async fn import_records(
        &self,
        request: Request<Streaming<v1::ImportRecordsRequest>>,
    ) -> Result<Response<Self::ImportRecordsStream>, Status> {
        let (author, batches) = request::authored(request);
        let writing = Writing::default();
        let answers = super::import::answers(self.clone(), author, batches);
        let told = writing.clone();
        let answers = answers.inspect_ok(move |answer| told.stored(answer.revision));
        let mut response: Response<Self::ImportRecordsStream> = Response::new(Box::pin(answers));
        response.extensions_mut().insert(writing);
        Ok(response)
    }

    type ExportRecordsStream = Answers<v1::ExportRecordsResponse>;

    async fn export_records(
        &self,
        request: Request<v1::ExportRecordsRequest>,
    ) -> Result<Response<Self::ExportRecordsStream>, Status> {
        let v1::ExportRecordsRequest { filter, as_of, name_damaged } = request.into_inner();
        let filter = self::filter(&filter)?;
        let snapshot = request::snapshot(&self.store, as_of.as_ref())?;
        let (ordered, damaged) = {
            let snapshot = snapshot.clone();
            blocking(move || snapshot.export_order(&filter, name_damaged).map_err(fault::of_record)).await?
        };
        let store_id = self.store.id().to_owned();
        let export = super::export::Export { snapshot, store_id, ordered, damaged };
        let answers = super::export::answers(export, self.stop.clone());
        let revision = |message: &v1::ExportRecordsResponse| Some(message.trailer.as_ref()?.revision);
        Ok(Response::new(Box::pin(slow::ended(answers, self.patience.reader_slow, revision))))
    }
}

/// Where the fields of a mutation stand below it.
fn verb(mutation: &Mutation) -> &'static str {
    match mutation {
        Mutation::Create(_) | Mutation::Import { .. } => "create.record",
        Mutation::Update(_) => "update.record",
        Mutation::Delete { .. } | Mutation::Purge { .. } => "delete",
        Mutation::Undelete { .. } => "undelete",
    }
}

fn mutations(wire: Vec<v1::Mutation>) -> Result<Vec<Mutation>, Fault> {
    if wire.is_empty() || wire.len() > MUTATIONS_MAX {
        return Err(Fault::violation("mutations", format!("must be 1 to {MUTATIONS_MAX}")));
    }
    let mutations: Vec<Mutation> = wire
        .into_iter()
        .enumerate()
        .map(|(index, mutation)| request::mutation(index, mutation))
        .collect::<Result<_, _>>()?;
    let mut seen = std::collections::HashSet::new();
    let repeated = mutations.iter().position(|mutation| !seen.insert(mutation.name().clone()));
    match repeated {
        Some(index) => {
            let path = format!("mutations[{index}]");
            Err(Fault::violation(path, format!("{} is changed twice", mutations[index].name())))
        }
        None => Ok(mutations),
    }
}

/// How many items a page has.
pub(super) fn page_size(asked: i32) -> Result<usize, Fault> {
    match usize::try_from(asked) {
        Err(_) => Err(Fault::violation("page_size", "must not be negative")),
        Ok(0) => Ok(PAGE_SIZE_DEFAULT),
        Ok(size) => Ok(size.min(PAGE_SIZE_MAX)),
    }
}

fn list(store: &Store, message: v1::ListRecordsRequest) -> Result<encoded::ListRecordsResponse, Fault> {
    let query_bytes =
        v1::ListRecordsRequest { page_size: 0, page_token: String::new(), ..message.clone() }.encode_to_vec();
    let v1::ListRecordsRequest { filter, order_by, page_size, page_token, as_of, show_deleted } = message;
    let size = self::page_size(page_size)?;
    let filter = self::filter(&filter)?;
    let order = Order::parse(&order_by).ok_or_else(|| {
        Fault::violation("order_by", "must be main_date or name, each with or without ' desc'")
    })?;
    let query = Query { filter: &filter, order, show_deleted };
    let page = |snapshot: &Snapshot, from| {
        let page = snapshot.list(&query, from, size)?;
        let records = page.items.iter().map(|stored| snapshot.encoded(stored)).collect::<Result<_, _>>()?;
        let revision = snapshot.revision;
        let next = page.next.map(|mark| page_token::seal(store, &query_bytes, Place { revision, mark }));
        let (next_page_token, unreadable) = (next.unwrap_or_default(), page.unreadable);
        Ok(encoded::ListRecordsResponse { records, next_page_token, revision, unreadable })
    };
    if page_token.is_empty() {
        return request::read(store, as_of.as_ref(), |snapshot| page(snapshot, None));
    }
    let place = page_token::open(store, &query_bytes, &page_token).ok_or(Error::PageToken);
    let next = place.and_then(|place| page(&store.at(place.revision)?, Some(place.mark)));
    next.map_err(fault::of_record)
}

/// The records of those names; none when they are over 3 MiB.
fn batch(snapshot: &Snapshot, names: &[Name]) -> Result<Option<encoded::BatchGetRecordsResponse>, Error> {
    let mut records = Vec::with_capacity(names.len());
    let mut bytes = 0;
    for name in names {
        let record = snapshot.encoded(&snapshot.get(name)?)?;
        bytes += record.len();
        if bytes > PAGE_BYTES_MAX {
            return Ok(None);
        }
        records.push(record);
    }
    Ok(Some(encoded::BatchGetRecordsResponse { records, revision: snapshot.revision }))
}
