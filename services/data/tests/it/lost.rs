//! A log that lost something says so when it is opened, and never goes on as if nothing had been there.

use reform_data::Error;
use reform_data::store::disk;
use reform_data::store::keys::{ChunkId, SUMMARIES};
use reform_data::store::meta::Meta;

use crate::durability::{keys, tree};
use crate::records::{appeal, large};
use crate::support::{Server, create, open_error};

/// Three commits, the second over several chunks.
async fn filled() -> tempfile::TempDir {
    let server = Server::seeded().await;
    server.commit((0..3).map(|n| create(large(&format!("n-{n}"), 9_000))).collect()).await.unwrap();
    server.create(appeal("last")).await.unwrap();
    server.stop().await
}

fn chunks(folder: &tempfile::TempDir) -> Vec<ChunkId> {
    keys(&tree(folder), b"c").iter().filter_map(|key| ChunkId::parse(key)).collect()
}

fn remove(folder: &tempfile::TempDir, prefix: &[u8]) {
    let tree = tree(folder);
    for key in keys(&tree, prefix) {
        tree.remove(key).unwrap();
    }
    tree.flush().unwrap();
}

#[tokio::test]
async fn a_missing_chunk_is_noticed_at_open() {
    let count = chunks(&filled().await).len();
    assert_eq!(count, 5);
    for missing in 0..count {
        let folder = filled().await;
        let id = chunks(&folder)[missing];
        remove(&folder, &SUMMARIES);
        remove(&folder, &id.chunk_key());
        let error = open_error(&folder).await;
        let named = match &error {
            Error::Store(disk::Error::Gap { next, .. }) => *next > id,
            Error::Store(disk::Error::Lost { noted, head, .. }) => (*noted, *head) == (3, Some(2)),
            _ => false,
        };
        assert!(named, "{id:?}: {error}");
    }
}

#[tokio::test]
async fn a_log_that_ends_within_a_commit_is_noticed() {
    let folder = filled().await;
    remove(&folder, &SUMMARIES);
    for id in &chunks(&folder)[3..] {
        remove(&folder, &id.chunk_key());
    }
    let error = open_error(&folder).await;
    assert!(matches!(error, Error::Store(disk::Error::Torn(2))), "{error}");
}

#[tokio::test]
async fn a_store_that_lost_everything_is_not_begun_anew() {
    let folder = filled().await;
    remove(&folder, &SUMMARIES);
    remove(&folder, b"c");
    let error = open_error(&folder).await;
    assert!(matches!(error, Error::Store(disk::Error::Lost { noted: 3, head: Some(0), .. })), "{error}");
    remove(&folder, &Meta::key());
    let error = open_error(&folder).await;
    assert!(matches!(error, Error::Store(disk::Error::Lost { noted: 3, head: None, .. })), "{error}");
    std::fs::remove_dir_all(folder.path().join("sled")).unwrap();
    let error = open_error(&folder).await;
    assert!(matches!(error, Error::Store(disk::Error::Lost { noted: 3, head: None, .. })), "{error}");
    assert!(error.to_string().contains("restore a backup"), "{error}");
}
