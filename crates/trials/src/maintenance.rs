//! What an operator asks while everything goes on.

use reform_api::data::v1;
use reform_api::data::v1::maintenance_service_client::MaintenanceServiceClient;
use tonic::Status;
use tonic::transport::Channel;

fn client(channel: &Channel) -> MaintenanceServiceClient<Channel> {
    MaintenanceServiceClient::new(channel.clone())
}

/// The state of the store.
///
/// # Errors
/// What the service says.
pub async fn state(channel: &Channel) -> Result<v1::GetStatusResponse, Status> {
    Ok(client(channel).get_status(v1::GetStatusRequest {}).await?.into_inner())
}

/// Drops history below a revision, to the end.
///
/// # Errors
/// What the service says; history may be dropped all the same.
///
/// # Panics
/// When the answers do not end at that revision.
pub async fn compact(channel: &Channel, revision: i64) -> Result<(), Status> {
    let mut answers =
        client(channel).compact_history(v1::CompactHistoryRequest { revision }).await?.into_inner();
    let mut last = v1::CompactHistoryResponse::default();
    while let Some(answer) = answers.message().await? {
        assert!(!last.done && answer.done_revision >= last.done_revision, "{answer:?} after {last:?}");
        last = answer;
    }
    assert!(
        last.done && last.done_revision >= revision,
        "history was to be dropped up to {revision}: {last:?}"
    );
    Ok(())
}

/// An archive of a store.
#[derive(Debug, Clone)]
pub struct Archive {
    /// Its revision.
    pub revision: i64,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Takes an archive, to the end.
///
/// # Errors
/// What the service says.
///
/// # Panics
/// When the archive is of several revisions.
pub async fn back_up(channel: &Channel) -> Result<Archive, Status> {
    let mut answers = client(channel).create_backup(v1::CreateBackupRequest {}).await?.into_inner();
    let (mut revision, mut bytes) = (None, Vec::new());
    while let Some(answer) = answers.message().await? {
        assert_eq!(
            *revision.get_or_insert(answer.revision),
            answer.revision,
            "an archive is of one revision"
        );
        bytes.extend_from_slice(&answer.chunk);
    }
    Ok(Archive { revision: revision.expect("an archive is not empty"), bytes })
}

/// Checks the whole store; the entries that were checked.
///
/// # Errors
/// What the service says.
///
/// # Panics
/// When anything is wrong with the store.
pub async fn verify(channel: &Channel) -> Result<i64, Status> {
    let mut answers = client(channel).verify_store(v1::VerifyStoreRequest {}).await?.into_inner();
    let mut last = v1::VerifyStoreResponse::default();
    while let Some(answer) = answers.message().await? {
        assert!(answer.problems.is_empty(), "the store is damaged: {:#?}", answer.problems);
        last = answer;
    }
    assert!(last.done, "the check ended early: {last:?}");
    Ok(last.checked)
}
