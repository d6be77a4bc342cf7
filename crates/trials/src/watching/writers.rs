//! Who writes what is watched: commits of some records or many, small or so large that a message does not hold them.

use std::sync::Arc;

use parking_lot::Mutex;
use prost_types::FieldMask;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::index;
use reform_api::data::v1;
use reform_api::data::v1::ChangeType;
use reform_api::data::v1::mutation::Mutation;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use super::recording::{Change, Truth, digest};
use crate::chance::request_id;
use crate::load::is_unknown;
use crate::process::soon;
use crate::records::{appeal, call, record};

/// Records of each writer.
const NAMES: usize = 60;
/// Records of a commit, at most.
const COMMIT_MAX: usize = 40;
/// One commit of so many is large: so many records of so many bytes, together more than a message of the feed.
const LARGE_EVERY: u32 = 60;
const LARGE_RECORDS: usize = 30;
const LARGE_BYTES: usize = 45_000;
/// Codes that no country has.
const JURISDICTIONS: [&str; 3] = ["XA", "XB", "XC"];

/// What a writer knows of one of its records.
#[derive(Debug, Clone, Copy, Default)]
struct Known {
    /// 0: it was never written.
    revision: i64,
    deleted: bool,
}

/// Writes until it is told to stop.
#[derive(Debug)]
pub struct Writer {
    /// Its number is in the names of its records.
    pub number: u64,
    /// Where to.
    pub channel: Channel,
    /// Whether it makes sense to call.
    pub up: watch::Receiver<bool>,
    /// What was acknowledged to all writers.
    pub truth: Arc<Mutex<Truth>>,
    /// Cancelled when it is to stop.
    pub stop: CancellationToken,
    /// Its randomness.
    pub random: StdRng,
}

impl Writer {
    /// Commits again and again, each until it is answered.
    pub async fn write(mut self) {
        let mut known = [Known::default(); NAMES];
        while !self.stop.is_cancelled() {
            let large = self.random.random_ratio(1, LARGE_EVERY);
            let records = if large { LARGE_RECORDS } else { self.random.random_range(1..=COMMIT_MAX) };
            let places = index::sample(&mut self.random, NAMES, records).into_vec();
            let id = request_id(&mut self.random);
            let description = if large { "x".repeat(LARGE_BYTES) } else { String::new() };
            let writes: Vec<_> =
                places.iter().map(|place| self.mutation(*place, known[*place], &id, &description)).collect();
            let (types, mutations): (Vec<ChangeType>, Vec<Mutation>) = writes.into_iter().unzip();
            let mutations = mutations.into_iter().map(|mutation| v1::Mutation { mutation: Some(mutation) });
            let request = v1::CommitRecordsRequest {
                mutations: mutations.collect(),
                request_id: id,
                ..v1::CommitRecordsRequest::default()
            };
            let answer = self.answer(request).await;
            let changes = answer.records.iter().zip(types).zip(&places).map(|((record, r#type), place)| {
                let previous_revision = known[*place].revision;
                known[*place] = Known { revision: record.revision, deleted: record.delete_time.is_some() };
                Change {
                    name: record.name.clone(),
                    kind: kind(*place).to_owned(),
                    jurisdiction: record.jurisdiction.clone(),
                    r#type: r#type.into(),
                    previous_revision,
                    digest: digest(Some(record)),
                }
            });
            let changes = changes.collect();
            self.truth.lock().note(answer.revision, changes);
        }
    }

    fn mutation(
        &mut self,
        place: usize,
        known: Known,
        id: &str,
        description: &str,
    ) -> (ChangeType, Mutation) {
        let name = format!("records/e{}-{place}", self.number);
        if known.revision == 0 {
            let record = v1::Record { description: description.to_owned(), ..new(&name, place) };
            let create =
                v1::CreateRecordRequest { record: Some(record), ..v1::CreateRecordRequest::default() };
            return (ChangeType::Created, Mutation::Create(create));
        }
        if known.deleted {
            let undelete = v1::UndeleteRecordRequest { name, ..v1::UndeleteRecordRequest::default() };
            return (ChangeType::Undeleted, Mutation::Undelete(undelete));
        }
        if self.random.random_ratio(1, 10) {
            let delete = v1::DeleteRecordRequest { name, ..v1::DeleteRecordRequest::default() };
            return (ChangeType::Deleted, Mutation::Delete(delete));
        }
        let (title, description) = (id.to_owned(), description.to_owned());
        let record = Some(v1::Record { name, title, description, ..v1::Record::default() });
        let update_mask = Some(FieldMask { paths: vec!["title".to_owned(), "description".to_owned()] });
        let update = v1::UpdateRecordRequest { record, update_mask, ..v1::UpdateRecordRequest::default() };
        (ChangeType::Updated, Mutation::Update(update))
    }

    async fn answer(&mut self, request: v1::CommitRecordsRequest) -> v1::CommitRecordsResponse {
        let mut client = RecordServiceClient::new(self.channel.clone());
        loop {
            soon("the service is up", self.up.wait_for(|up| *up)).await.expect("the trial goes on");
            match soon("an answer", client.commit_records(call(request.clone()))).await {
                Ok(answer) => return answer.into_inner(),
                Err(status) => assert!(is_unknown(&status), "{status:?}"),
            }
        }
    }
}

fn kind(place: usize) -> &'static str {
    if place.is_multiple_of(2) { "appeal" } else { "institution" }
}

fn new(name: &str, place: usize) -> v1::Record {
    let record = if kind(place) == "appeal" {
        appeal("any", 2023)
    } else {
        record(r#"{"title": "any", "citations": [{"source": "records/source"}], "institution": {}}"#)
    };
    let jurisdiction = JURISDICTIONS[place % JURISDICTIONS.len()].to_owned();
    v1::Record { name: name.to_owned(), jurisdiction, ..record }
}
