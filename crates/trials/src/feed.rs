//! What the feed promises, checked message by message, and what follows from it.

use std::collections::BTreeMap;

use reform_api::data::v1;
use reform_api::data::v1::change_service_client::ChangeServiceClient;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use reform_api::data::v1::{ChangeType, Record};
use tonic::transport::Channel;
use tonic::{Status, Streaming};

use crate::process::soon;
use crate::records::call;

/// Records that are read at once; all of them must fit into one answer.
const BATCH_GET_RECORDS: usize = 200;

/// A whole commit.
#[derive(Debug, Clone, PartialEq)]
pub struct Commit {
    /// Which.
    pub revision: i64,
    /// As its caller gave it.
    pub reason: String,
    /// All of them, in order.
    pub changes: Vec<v1::Change>,
}

/// Reads one feed, over as many streams as it takes.
#[derive(Debug)]
pub struct Reader {
    store_id: String,
    /// Everything up to here has come.
    pub revision: i64,
    begun: Option<Commit>,
}

impl Reader {
    /// From the beginning.
    pub fn new(store_id: &str) -> Self {
        Self { store_id: store_id.to_owned(), revision: 0, begun: None }
    }

    /// A stream from where the last one ended. What came of an unfinished commit comes again.
    pub async fn open(&mut self, channel: &Channel) -> Result<Streaming<v1::WatchChangesResponse>, Status> {
        self.begun = None;
        let request = v1::WatchChangesRequest {
            after_revision: self.revision,
            store_id: self.store_id.clone(),
            filter: String::new(),
        };
        let mut client = ChangeServiceClient::new(channel.clone());
        client.watch_changes(request).await.map(tonic::Response::into_inner)
    }

    /// Takes a message, which must be the next one; the commit that it completes.
    pub fn take(&mut self, message: v1::WatchChangesResponse) -> Option<Commit> {
        let v1::WatchChangesResponse { store_id, revision, changes, commit_complete, head_revision, .. } =
            message;
        assert_eq!(store_id, self.store_id, "the feed is that of another store");
        assert!(revision <= head_revision, "revision {revision} is beyond the head {head_revision}");
        if changes.is_empty() {
            assert!(self.begun.is_none(), "commit {revision} is torn");
            assert!(commit_complete && revision == self.revision, "progress at {revision}: {self:?}");
            return None;
        }
        assert_eq!(revision, self.revision + 1, "the feed has a gap, or a commit came twice");
        let begun = Commit { revision, reason: message.reason, changes: Vec::new() };
        let mut commit = self.begun.take().unwrap_or(begun);
        commit.changes.extend(changes);
        if !commit_complete {
            self.begun = Some(commit);
            return None;
        }
        self.revision = revision;
        Some(commit)
    }
}

/// The whole feed, from the beginning to the head.
pub async fn read(channel: &Channel, store_id: &str, head: i64) -> Vec<Commit> {
    read_after(channel, store_id, 0, head).await
}

/// The feed after a revision, to the head.
pub async fn read_after(channel: &Channel, store_id: &str, revision: i64, head: i64) -> Vec<Commit> {
    let mut reader = Reader { revision, ..Reader::new(store_id) };
    let mut commits = Vec::new();
    let reading = async {
        let mut stream = reader.open(channel).await.unwrap();
        while reader.revision < head {
            commits.extend(reader.take(stream.message().await.unwrap().unwrap()));
        }
    };
    soon("the feed to its head", reading).await;
    assert!(commits.iter().map(|commit| commit.revision).eq(revision + 1..=head));
    commits
}

/// The newest version of every record, as the feed tells it.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    /// By name, deleted ones too.
    pub records: BTreeMap<String, Record>,
}

impl Replay {
    /// After some commits, the first of which is revision 1.
    pub fn of(commits: &[Commit]) -> Self {
        let mut replay = Self::default();
        commits.iter().for_each(|commit| replay.apply(commit));
        replay
    }

    /// Applies the next commit, whose changes must fit what is there.
    pub fn apply(&mut self, commit: &Commit) {
        for change in &commit.changes {
            let record = change.record.clone().expect("a change carries its record");
            assert_eq!((&record.name, record.revision), (&change.name, commit.revision));
            let deleted = record.delete_time.is_some();
            let before = self.records.insert(change.name.clone(), record);
            let previous = before.as_ref().map_or(0, |before| before.revision);
            assert_eq!(change.previous_revision, previous, "{change:?}");
            let live = before.map(|before| before.delete_time.is_none());
            let fits = match change.r#type() {
                ChangeType::Created => live.is_none() && !deleted,
                ChangeType::Updated => live == Some(true) && !deleted,
                ChangeType::Deleted => live == Some(true) && deleted,
                ChangeType::Undeleted => live == Some(false) && !deleted,
                ChangeType::Unspecified | ChangeType::Purged | ChangeType::Damaged => false,
            };
            assert!(fits, "{change:?} after {live:?}");
        }
    }

    /// An export at a revision holds the live records, and says so at its end.
    pub async fn check_export(&self, channel: &Channel, revision: i64) {
        let point = Some(v1::as_of::Point::Revision(revision));
        let as_of = Some(v1::AsOf { store_id: String::new(), point });
        let request = v1::ExportRecordsRequest { as_of, ..Default::default() };
        let mut client = RecordServiceClient::new(channel.clone());
        let mut answers = client.export_records(request).await.unwrap().into_inner();
        let mut exported = BTreeMap::new();
        let mut trailer = None;
        while let Some(answer) = soon("an export goes on", answers.message()).await.unwrap() {
            let names = answer.records.into_iter().map(|record| record.name);
            exported.extend(names.zip(answer.revisions));
            trailer = answer.trailer.or(trailer);
        }
        let live = self.records.values().filter(|record| record.delete_time.is_none());
        let live: BTreeMap<String, i64> = live.map(|record| (record.name.clone(), record.revision)).collect();
        assert!(exported == live, "an export at {revision} is not what the feed says");
        let trailer = trailer.expect("a whole export has a trailer");
        assert_eq!((usize::try_from(trailer.count).unwrap(), trailer.revision), (live.len(), revision));
    }

    /// Get, List and Count at a revision say the same.
    pub async fn check(&self, channel: &Channel, revision: i64) {
        let as_of =
            Some(v1::AsOf { store_id: String::new(), point: Some(v1::as_of::Point::Revision(revision)) });
        let mut client = RecordServiceClient::new(channel.clone());
        let mut listed = BTreeMap::new();
        let mut page_token = String::new();
        loop {
            let request = v1::ListRecordsRequest {
                page_size: 1_000,
                page_token,
                as_of: as_of.clone(),
                show_deleted: true,
                ..v1::ListRecordsRequest::default()
            };
            let page = client.list_records(call(request)).await.unwrap().into_inner();
            assert_eq!((page.revision, page.unreadable), (revision, Vec::new()));
            for record in page.records {
                let name = record.name.clone();
                assert!(listed.insert(name.clone(), record).is_none(), "{name} is listed twice");
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        let differing = self.records.keys().chain(listed.keys());
        let differing = differing.filter(|name| listed.get(*name) != self.records.get(*name));
        let differing: Vec<_> =
            differing.map(|name| (listed.get(name), self.records.get(name))).take(2).collect();
        assert!(differing.is_empty(), "listed and replayed at {revision} differ: {differing:#?}");
        let live = self.records.values().filter(|record| record.delete_time.is_none()).count();
        for (show_deleted, expected) in [(false, live), (true, self.records.len())] {
            let request =
                v1::CountRecordsRequest { filter: String::new(), as_of: as_of.clone(), show_deleted };
            let count = client.count_records(call(request)).await.unwrap().into_inner().count;
            assert_eq!(
                usize::try_from(count).unwrap(),
                expected,
                "count at {revision}, show_deleted: {show_deleted}"
            );
        }
        let names: Vec<String> = self.records.keys().cloned().collect();
        for names in names.chunks(BATCH_GET_RECORDS) {
            let request = v1::BatchGetRecordsRequest { names: names.to_vec(), as_of: as_of.clone() };
            let records = client.batch_get_records(call(request)).await.unwrap().into_inner().records;
            assert!(records.iter().eq(names.iter().map(|name| &self.records[name])), "reads at {revision}");
        }
    }
}
