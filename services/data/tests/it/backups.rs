//! A backup that was made under load is restored as the store was at its revision, history included.

use std::path::PathBuf;
use std::sync::Arc;

use reform_api::data::v1;
use reform_api::error::Reason;
use reform_data::store::{Commit, Draft, Error, Mutation, Options, Store, disk, restore};
use serde_json::json;
use tempfile::TempDir;
use tonic::Code;

use crate::records::{appeal, large, party, record};
use crate::support::{Server, assert_refused, at, create, drain, open_error};

/// The archive and its revision.
pub(crate) async fn backup(server: &Server) -> (Vec<u8>, i64) {
    let answer = server.maintenance().create_backup(v1::CreateBackupRequest {}).await.unwrap();
    let (messages, ended) = drain(answer.into_inner()).await;
    assert!(ended.is_none(), "{ended:?}");
    let revision = messages[0].revision;
    assert!(messages.iter().all(|message| message.revision == revision && message.chunk.len() <= 256 * 1024));
    (messages.iter().flat_map(|message| message.chunk.iter().copied()).collect(), revision)
}

/// The archive as a file, in a folder that goes with it.
pub(crate) fn written(archive: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    std::fs::write(&path, archive).unwrap();
    (folder, path)
}

/// A folder with the restored store.
fn restored(archive: &[u8]) -> TempDir {
    let (_folder, path) = written(archive);
    let into = tempfile::tempdir().unwrap();
    restore::restore(&path, into.path(), &mut |_| {}).unwrap();
    into
}

/// What the feed says from a revision to another, without what differs between two stores.
async fn history(server: &Server, after: i64, until: i64) -> Vec<v1::WatchChangesResponse> {
    let messages = server.replay(after, "").await.into_iter();
    let told = messages.filter(|message| message.revision <= until && !message.changes.is_empty());
    told.map(|message| v1::WatchChangesResponse { store_id: String::new(), head_revision: 0, ..message })
        .collect()
}

async fn export(server: &Server, revision: i64) -> (Vec<Vec<v1::Record>>, v1::ExportTrailer) {
    let request = v1::ExportRecordsRequest { as_of: at(revision), ..Default::default() };
    let (records, trailer) = server.export(request).await;
    (records, v1::ExportTrailer { store_id: String::new(), ..trailer })
}

/// Writes all sorts of commits, as one of several that do.
async fn write(server: Arc<Server>, writer: usize) {
    for n in 0..40 {
        let id = format!("w{writer}-{n}");
        let name = format!("records/{id}");
        server.create(large(&id, 4_000)).await.unwrap();
        server.update(v1::Record { title: "again".into(), ..appeal(&id) }, Some(&["title"])).await.unwrap();
        if n % 3 == 0 {
            server.delete(&name).await.unwrap();
        }
        if n % 6 == 0 {
            server.undelete(&name).await.unwrap();
        }
        if n % 6 == 3 {
            server.purge(&name).await.unwrap();
        }
        let many = (0..20).map(|m| create(appeal(&format!("{id}-{m}")))).collect();
        let reason = format!("batch {id}");
        let request = v1::CommitRecordsRequest { mutations: many, reason, ..Default::default() };
        server.records().commit_records(request).await.unwrap();
    }
}

async fn same(original: &Server, copy: &Server, oldest: i64, revision: i64) {
    assert_eq!(copy.head().await, revision);
    assert!(export(copy, revision).await == export(original, revision).await, "another export at {revision}");
    let (told, copied) = (history(original, oldest, revision).await, history(copy, oldest, revision).await);
    assert_eq!(told.len(), copied.len());
    for (told, copied) in told.into_iter().zip(copied) {
        assert_eq!(told, copied);
    }
    for as_of in [oldest, (oldest + revision) / 2, revision] {
        let list = v1::ListRecordsRequest { show_deleted: true, as_of: at(as_of), ..Default::default() };
        assert!(copy.list(list.clone()).await == original.list(list).await, "another list at {as_of}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_store_is_the_store_at_the_revision_of_its_backup() {
    let server = Arc::new(Server::seeded().await);
    server.commit(vec![create(party("a", &["p"])), create(party("b", &["a", "p"]))]).await.unwrap();
    let writers: Vec<_> = (0..3).map(|writer| tokio::spawn(write(Arc::clone(&server), writer))).collect();
    let mut backups = Vec::new();
    while backups.len() < 3 || !writers.iter().all(tokio::task::JoinHandle::is_finished) {
        let (archive, revision) = backup(&server).await;
        backups.push((archive, revision));
        if backups.len() > 40 {
            backups.remove(1);
        }
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let last = backups.len() - 1;
    for place in [0, last / 2, last] {
        let (archive, revision) = &backups[place];
        let mut copy = Server::open(restored(archive)).await;
        assert_ne!(copy.status().await.store_id, server.status().await.store_id);
        same_but_for_purges(&server, &copy, *revision).await;
        copy = copy.restart().await;
        same_but_for_purges(&server, &copy, *revision).await;
        assert_eq!(copy.create(appeal("next")).await.unwrap().revision, revision + 1);
    }
}

/// A purge shows at every revision, so what was purged after the backup is told by the backup alone.
async fn same_but_for_purges(server: &Server, copy: &Server, revision: i64) {
    let purged = |message: &v1::WatchChangesResponse| {
        let changes = message.changes.iter();
        let names = changes.filter(|change| change.r#type() == v1::ChangeType::Purged);
        names.map(|change| change.name.clone()).collect::<Vec<_>>()
    };
    let head = server.head().await;
    let later: Vec<String> = history(server, revision, head).await.iter().flat_map(purged).collect();
    assert_eq!(copy.head().await, revision);
    let unpurged = |(records, _): (Vec<Vec<v1::Record>>, v1::ExportTrailer)| -> Vec<v1::Record> {
        records.into_iter().flatten().filter(|record| !later.contains(&record.name)).collect()
    };
    let (told, copied) = (export(server, revision).await, export(copy, revision).await);
    assert!(!later.is_empty() || told == copied, "another export at {revision}");
    assert!(unpurged(told) == unpurged(copied), "another export at {revision}");
    let without = |messages: Vec<v1::WatchChangesResponse>| -> Vec<_> {
        let blank = |mut message: v1::WatchChangesResponse| {
            let hidden = message.changes.iter_mut().filter(|change| later.contains(&change.name));
            hidden.for_each(|change| change.record = None);
            message
        };
        messages.into_iter().map(blank).collect()
    };
    let told = without(history(server, 0, revision).await);
    let copied = without(history(copy, 0, revision).await);
    assert_eq!(told.len(), copied.len());
    for (told, copied) in told.into_iter().zip(copied) {
        assert_eq!(told, copied);
    }
}

#[tokio::test]
async fn a_compacted_store_is_restored_with_the_history_that_it_has() {
    let server = Server::seeded().await;
    for n in 0..5 {
        server.create(large(&format!("n-{n}"), 3_000)).await.unwrap();
        server
            .update(v1::Record { title: "again".into(), ..appeal(&format!("n-{n}")) }, Some(&["title"]))
            .await
            .unwrap();
    }
    server.delete("records/n-0").await.unwrap();
    server.purge("records/n-0").await.unwrap();
    let oldest = server.head().await - 3;
    server.compact(oldest).await.unwrap();
    let (archive, revision) = backup(&server).await;
    let mut copy = Server::open(restored(&archive)).await;
    for _ in 0..2 {
        assert_eq!(copy.status().await.oldest_revision, oldest);
        same(&server, &copy, oldest, revision).await;
        assert_refused(copy.watch(0, "").await.map(drop), Code::OutOfRange, Reason::Compacted, &[]);
        assert_refused(copy.get("records/n-0").await, Code::NotFound, Reason::RecordPurged, &[]);
        copy = copy.restart().await;
    }
}

#[tokio::test]
async fn a_backup_that_a_compaction_overtakes_is_void() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { cache_bytes: 16 << 20, free_bytes_min: Some(0), ballast_bytes: 0 };
    let (store, writing) = Store::open(folder.path(), &options).unwrap();
    let add = async |id: &str| {
        let source = record(&json!({"name": format!("records/{id}"), "source": {}}));
        let mutations = vec![Mutation::Create(Box::new(Draft::new(source).unwrap()))];
        store.commit(Commit { mutations, ..Commit::default() }).await.unwrap();
    };
    add("a").await;
    let snapshot = store.newest();
    let mut overtaken = snapshot.backup();
    let mut whole = snapshot.backup();
    while whole.next_piece().unwrap().is_some() {}
    add("b").await;
    store.compact(store.durable().revision).await.unwrap();
    let error = overtaken.next_piece().unwrap_err();
    assert!(matches!(error, Error::Compacted { asked: 1, oldest: 2 }), "{error}");
    drop((snapshot, overtaken, whole));
    store.close(writing).await.unwrap();
}

#[tokio::test]
async fn an_empty_store_is_backed_up_and_restored() {
    let server = Server::start().await;
    let (archive, revision) = backup(&server).await;
    assert_eq!(revision, 0);
    let copy = Server::open(restored(&archive)).await;
    assert_eq!(copy.head().await, 0);
    assert_eq!(copy.create(appeal("a")).await.unwrap().revision, 1);
}

#[tokio::test]
async fn a_folder_that_is_not_empty_is_left_alone() {
    let server = Server::seeded().await;
    let (archive, _) = backup(&server).await;
    let (_folder, path) = written(&archive);
    let error = restore::restore(&path, server.folder().path(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, restore::Error::Disk(disk::Error::Locked(_))), "{error}");
    let folder = server.stop().await;
    let error = restore::restore(&path, folder.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, restore::Error::NotEmpty(_)), "{error}");
    let server = Server::open(folder).await;
    server.get("records/p").await.unwrap();
    let other = tempfile::tempdir().unwrap();
    std::fs::write(other.path().join("notes.txt"), b"mine").unwrap();
    let error = restore::restore(&path, other.path(), &mut |_| {}).unwrap_err();
    assert!(matches!(error, restore::Error::NotEmpty(_)), "{error}");
    assert!(other.path().join("notes.txt").exists());
}

#[tokio::test]
async fn what_an_interrupted_restore_leaves_does_not_open_and_is_restored_over() {
    let server = Server::seeded().await;
    let (archive, revision) = backup(&server).await;
    let whole = restored(&archive);
    // At each of its steps: being built, with the note moved, and all but done.
    for step in 0..3 {
        let folder = tempfile::tempdir().unwrap();
        let aside = folder.path().join("restoring");
        std::fs::create_dir(&aside).unwrap();
        let (sled, note) =
            (if step < 2 { &aside } else { folder.path() }, if step < 1 { &aside } else { folder.path() });
        copy(&whole.path().join("sled"), &sled.join("sled"));
        std::fs::copy(whole.path().join("head"), note.join("head")).unwrap();
        if step < 2 {
            let error = open_error(&folder).await;
            assert!(matches!(error, reform_data::Error::Store(disk::Error::Restoring(_))), "{step}: {error}");
            let (_folder, path) = written(&archive);
            restore::restore(&path, folder.path(), &mut |_| {}).unwrap();
        }
        let server = Server::open(folder).await;
        assert_eq!(server.head().await, revision, "{step}");
        assert!(!server.folder().path().join("restoring").exists());
    }
}

/// A folder of files.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}
