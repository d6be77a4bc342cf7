//! What callers asked and were told, to be compared with what the store holds.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::Record;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tonic::transport::Channel;

use crate::feed::Commit;
use crate::records::call;

/// The reason of every import; its batches are told apart by this label.
pub const IMPORT: &str = "import";
/// See [`IMPORT`].
pub const BATCH_LABEL: &str = "batch";

/// A write that was acknowledged.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// Its request id.
    pub request_id: String,
    /// The revision as answered.
    pub revision: i64,
    /// The records as answered; an import answers none.
    pub records: Vec<Record>,
}

/// Everything that was asked and answered.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Changes of every write that was sent, by request id.
    asked: HashMap<String, usize>,
    acknowledged: Vec<Acknowledged>,
    /// How many of them were read back.
    read_back: usize,
    /// What came of the writes whose commits were checked, by request id.
    stored: HashMap<String, Effect>,
    /// Writes that were acknowledged, checked, and are no longer in `acknowledged`.
    forgotten: usize,
    /// The newest revision that anybody was told.
    newest: i64,
}

/// What a write left in the feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Effect {
    revision: i64,
    digest: u64,
}

impl Ledger {
    /// Before it is sent for the first time.
    pub fn ask(&mut self, request_id: &str, changes: usize) {
        assert!(self.asked.insert(request_id.to_owned(), changes).is_none());
    }

    /// After it is answered.
    pub fn acknowledge(&mut self, answer: Acknowledged) {
        self.newest = self.newest.max(answer.revision);
        self.acknowledged.push(answer);
    }

    /// Acknowledged writes.
    pub fn writes(&self) -> usize {
        self.forgotten + self.acknowledged.len()
    }

    /// Writes that were sent.
    pub fn sent(&self) -> usize {
        self.asked.len()
    }

    /// The newest revision that anybody was told.
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// What was acknowledged since the last call of this.
    pub fn news(&mut self) -> Vec<Acknowledged> {
        let news = self.acknowledged[self.read_back..].to_vec();
        self.read_back = self.acknowledged.len();
        news
    }

    /// Every acknowledged write is in the feed where its caller was told, and every write that was sent is in it once,
    /// whole, or not at all.
    pub fn check(&self, commits: &[Commit]) {
        let mut stored = HashMap::new();
        self.note(commits, &mut stored);
        self.compare(&self.acknowledged, &stored);
    }

    /// As [`Ledger::check`], for the commits after those of the calls before. What was acknowledged so far is forgotten.
    pub fn check_more(&mut self, commits: &[Commit]) {
        let mut stored = std::mem::take(&mut self.stored);
        self.note(commits, &mut stored);
        self.stored = stored;
        self.compare(&self.acknowledged, &self.stored);
        self.forgotten += self.acknowledged.len();
        self.acknowledged.clear();
        self.read_back = 0;
    }

    /// Every write that was sent is in the feed once, whole, or not at all.
    fn note(&self, commits: &[Commit], stored: &mut HashMap<String, Effect>) {
        for commit in commits {
            let request_id = request_id(commit);
            let asked = self.asked.get(request_id);
            assert_eq!(asked, Some(&commit.changes.len()), "commit {} is not whole", commit.revision);
            let records = commit.changes.iter().map(|change| change.record.as_ref().unwrap());
            let effect = Effect { revision: commit.revision, digest: digest(records) };
            let before = stored.insert(request_id.to_owned(), effect);
            assert!(before.is_none(), "{request_id} had a second effect after {before:?}: {commit:?}");
        }
    }

    fn compare(&self, acknowledged: &[Acknowledged], stored: &HashMap<String, Effect>) {
        for Acknowledged { request_id: id, revision, records } in acknowledged {
            let Some(effect) = stored.get(id) else { panic!("{id}, acknowledged as {revision}, is lost") };
            assert_eq!(effect.revision, *revision, "{id} was acknowledged with another revision");
            let same = records.is_empty() || digest(records) == effect.digest;
            assert!(same, "revision {revision} holds something else than {records:?}");
        }
    }
}

/// Tells apart what commits hold.
fn digest<'a>(records: impl IntoIterator<Item = &'a Record>) -> u64 {
    let mut hasher = DefaultHasher::new();
    records.into_iter().for_each(|record| record.encode_to_vec().hash(&mut hasher));
    hasher.finish()
}

fn request_id(commit: &Commit) -> &str {
    if commit.reason != IMPORT {
        return &commit.reason;
    }
    let labels = commit.changes.iter().map(|change| &change.record.as_ref().unwrap().labels[BATCH_LABEL]);
    let mut labels: Vec<&String> = labels.collect();
    labels.dedup();
    assert_eq!(labels.len(), 1, "commit {} mixes batches", commit.revision);
    labels[0]
}

/// Reads every record of some writes as of their revision.
pub async fn read_back(channel: &Channel, writes: Vec<Acknowledged>) {
    let mut client = RecordServiceClient::new(channel.clone());
    for Acknowledged { request_id, revision, records } in writes {
        if records.is_empty() {
            continue;
        }
        let point = Some(v1::as_of::Point::Revision(revision));
        let request = v1::BatchGetRecordsRequest {
            names: records.iter().map(|record| record.name.clone()).collect(),
            as_of: Some(v1::AsOf { store_id: String::new(), point }),
        };
        let read = client.batch_get_records(call(request)).await;
        let read = read.unwrap_or_else(|status| panic!("{request_id} at {revision} is lost: {status:?}"));
        assert_eq!(read.into_inner().records, records);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::appeal;

    /// Two writes as the feed should show them: one record, then three.
    fn commits() -> Vec<Commit> {
        let change = |id: &str| v1::Change { record: Some(appeal(id, 2023)), ..v1::Change::default() };
        let commit = |revision, reason: &str, ids: &[&str]| Commit {
            revision,
            reason: reason.to_owned(),
            changes: ids.iter().map(|id| change(id)).collect(),
        };
        vec![commit(1, "one", &["a"]), commit(2, "three", &["b", "c", "d"])]
    }

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        for Commit { revision, reason, changes } in commits() {
            ledger.ask(&reason, changes.len());
            let records = changes.into_iter().filter_map(|change| change.record).collect();
            ledger.acknowledge(Acknowledged { request_id: reason, revision, records });
        }
        ledger
    }

    #[test]
    fn a_feed_with_everything_passes() {
        ledger().check(&commits());
    }

    #[test]
    #[should_panic(expected = "is lost")]
    fn a_lost_write_is_found() {
        ledger().check(&commits()[..1]);
    }

    #[test]
    #[should_panic(expected = "is not whole")]
    fn half_a_commit_is_found() {
        let mut commits = commits();
        commits[1].changes.pop();
        ledger().check(&commits);
    }

    #[test]
    #[should_panic(expected = "a second effect")]
    fn a_second_effect_is_found() {
        let mut commits = commits();
        commits.push(Commit { revision: 3, ..commits[0].clone() });
        ledger().check(&commits);
    }

    #[test]
    #[should_panic(expected = "holds something else")]
    fn another_content_is_found() {
        let mut commits = commits();
        commits[0].changes[0].record = Some(appeal("a", 2024));
        ledger().check(&commits);
    }
}
