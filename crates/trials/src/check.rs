//! What must hold of a store after it was opened again.

use rand::rngs::StdRng;
use reform_api::data::v1;
use reform_api::data::v1::record_service_client::RecordServiceClient;
use tonic::Status;
use tonic::transport::Channel;

use crate::chance::request_id;
use crate::feed::{self, Commit, Replay};
use crate::ledger::{Acknowledged, Ledger, read_back};
use crate::records::{base, call, status};

/// Writes what all records refer to, as the first commit.
///
/// # Errors
/// As [`repeat_begin`].
pub async fn begin(channel: &Channel, random: &mut StdRng) -> Result<Ledger, Status> {
    let mut ledger = Ledger::default();
    repeat_begin(channel, &request_id(random), &mut ledger).await?;
    Ok(ledger)
}

/// The first commit, which may be there already.
///
/// # Errors
/// What the service says; the commit may be in the store all the same.
pub async fn repeat_begin(channel: &Channel, id: &str, ledger: &mut Ledger) -> Result<(), Status> {
    *ledger = Ledger::default();
    ledger.ask(id, 2);
    let request = v1::CommitRecordsRequest { request_id: id.to_owned(), reason: id.to_owned(), ..base() };
    let mut client = RecordServiceClient::new(channel.clone());
    let v1::CommitRecordsResponse { revision, records, .. } =
        client.commit_records(call(request)).await?.into_inner();
    ledger.acknowledge(Acknowledged { request_id: id.to_owned(), revision, records });
    Ok(())
}

/// What must hold after every restart, while nobody writes; the head.
pub async fn restarted(channel: &Channel, store_id: &str, ledger: &parking_lot::Mutex<Ledger>) -> i64 {
    let (found, head) = status(channel).await;
    assert_eq!(found, store_id, "the store is another one");
    let (news, newest) = {
        let mut ledger = ledger.lock();
        (ledger.news(), ledger.newest())
    };
    assert!(head >= newest, "revision {newest} was acknowledged and is lost: the head is {head}");
    read_back(channel, news).await;
    head
}

/// What must hold of the whole store: every acknowledged write is there, none has a second effect, none is there in
/// part, and what is read is the fold of the feed. All commits.
pub async fn whole(channel: &Channel, store_id: &str, head: i64, ledger: &Ledger) -> Vec<Commit> {
    let commits = feed::read(channel, store_id, head).await;
    ledger.check(&commits);
    let half = usize::try_from(head / 2).expect("revisions begin at 1");
    let mut replay = Replay::of(&commits[..half]);
    replay.check(channel, head / 2).await;
    commits[half..].iter().for_each(|commit| replay.apply(commit));
    replay.check(channel, head).await;
    commits
}
