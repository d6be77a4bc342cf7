//! What is stored survives open → write → drop → open, and what is damaged is never served as something else.

use std::path::Path;
use std::time::{Duration, Instant};

use prost::Message;
use reform_api::data::v1;
use reform_api::error::Reason;
use reform_data::store::chunk::{self, Chunk, CommitHeader, SlotHeader};
use reform_data::store::keys::{ChunkId, SUMMARIES};
use reform_data::store::meta::{Meta, STORE_FORMAT};
use reform_data::store::{disk, envelope};
use serde_json::json;
use tempfile::TempDir;
use tonic::Code;
use tonic_types::StatusExt;

use crate::records::{appeal, large, party, record};
use crate::support::{Server, assert_refused, create, drain, open_error};

/// How long sled may take to let go of its lock, which it does a moment after its last handle is dropped.
const LOCK_WAIT_MAX: Duration = Duration::from_secs(20);

/// The one tree of a stopped store.
pub(crate) fn tree(folder: &TempDir) -> sled::Db {
    let config = sled::Config::new().path(folder.path().join("sled")).segment_size(8 << 20);
    let begun = Instant::now();
    loop {
        match config.open() {
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock")
                    && begun.elapsed() < LOCK_WAIT_MAX =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            opened => return opened.unwrap(),
        }
    }
}

pub(crate) fn keys(tree: &sled::Db, prefix: &[u8]) -> Vec<Vec<u8>> {
    tree.scan_prefix(prefix).keys().map(|key| key.unwrap().to_vec()).collect()
}

/// Changes one stored value of a stopped store.
pub(crate) fn change(folder: &TempDir, key: &[u8], edit: impl FnOnce(&mut Vec<u8>)) {
    let tree = tree(folder);
    let mut value = tree.get(key).unwrap().unwrap().to_vec();
    edit(&mut value);
    tree.insert(key, value).unwrap();
    tree.flush().unwrap();
}

/// Everything that the reads of a store say.
async fn everything(
    server: &Server,
) -> (v1::GetStatusResponse, Vec<v1::Record>, Vec<i64>, Vec<v1::WatchChangesResponse>) {
    let status = v1::GetStatusResponse { bytes_on_disk: 0, bytes_free: 0, ..server.status().await };
    let all = v1::ListRecordsRequest { show_deleted: true, ..Default::default() };
    let mut counts = Vec::new();
    for filter in ["", "kind = party", "citations.source = \"records/s\"", "jurisdiction = KZ"] {
        let request = v1::CountRecordsRequest { filter: filter.into(), ..Default::default() };
        counts.push(server.count(request).await.unwrap());
    }
    (status, server.list(all).await, counts, server.replay(0, "").await)
}

/// The seed, some parties, a deleted one, and a commit of 2,500 appeals over several summaries.
async fn filled() -> Server {
    let server = Server::seeded().await;
    server.commit(vec![create(party("a", &["p"])), create(party("b", &["a", "p"]))]).await.unwrap();
    server.delete("records/b").await.unwrap();
    for n in 0..5 {
        server.commit((0..500).map(|m| create(appeal(&format!("n-{n}-{m:03}")))).collect()).await.unwrap();
    }
    server
}

#[tokio::test]
async fn a_restart_changes_no_answer() {
    let mut server = filled().await;
    let before = everything(&server).await;
    for _ in 0..2 {
        server = server.restart().await;
        assert!(everything(&server).await == before, "another answer after a restart");
    }
    let status = server.status().await;
    assert_eq!((status.head_revision, status.oldest_revision), (8, 0));
    assert_eq!((status.live_records["appeal"], status.live_records["party"]), (2_500, 2));
    assert!(status.writable && status.not_writable_reason.is_empty());
    assert_eq!(server.create(appeal("next")).await.unwrap().revision, 9);
}

#[tokio::test]
async fn a_folder_has_one_process() {
    let server = Server::start().await;
    // Answered: it has the folder.
    server.create(appeal("a")).await.unwrap();
    let error = open_error(server.folder()).await;
    assert!(matches!(error, reform_data::Error::Store(disk::Error::Locked(_))), "{error}");
    let server = server.restart().await;
    server.get("records/a").await.unwrap();
}

#[tokio::test]
async fn an_unfinished_snapshot_is_removed() {
    let server = Server::start().await;
    server.create(appeal("a")).await.unwrap();
    let folder = server.stop().await;
    let left: Vec<_> = ["snap.0000000000000001.generating", "snap.00000000000000FF.generating"]
        .map(|name| folder.path().join("sled").join(name))
        .into();
    for path in &left {
        std::fs::write(path, b"half").unwrap();
    }
    let server = Server::open(folder).await;
    server.get("records/a").await.unwrap();
    assert!(!left.iter().any(|path| Path::new(path).exists()));
}

#[tokio::test]
async fn a_damaged_snapshot_and_damaged_settings_are_made_again() {
    let server = filled().await;
    let before = everything(&server).await;
    // Opening a store that was written makes a snapshot.
    let mut folder = server.restart().await.stop().await;
    let sled = folder.path().join("sled");
    let named = |begins: &str| {
        let paths = std::fs::read_dir(&sled).unwrap().map(|entry| entry.unwrap().path());
        let found: Vec<_> =
            paths.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(begins)).collect();
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].clone()
    };
    for (begins, damage) in [
        ("snap.", (|bytes: &mut Vec<u8>| bytes[20] ^= 1) as fn(&mut Vec<u8>)),
        ("snap.", |bytes| bytes.truncate(7)),
        ("conf", |bytes| bytes.truncate(bytes.len() - 4)),
        ("conf", |bytes| bytes.clear()),
    ] {
        let path = named(begins);
        let mut bytes = std::fs::read(&path).unwrap();
        damage(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let server = Server::open(folder).await;
        assert!(everything(&server).await == before, "{begins}");
        folder = server.stop().await;
    }
}

#[tokio::test]
async fn a_damaged_summary_is_made_again_from_the_log() {
    let server = filled().await;
    let before = everything(&server).await;
    let folder = server.stop().await;
    let summaries = keys(&tree(&folder), &SUMMARIES);
    assert!(summaries.len() > 2, "{}", summaries.len());
    let mut folder = folder;
    for number in 0..summaries.len() {
        for (edit, name) in [
            ((|value: &mut Vec<u8>| value.truncate(3)) as fn(&mut Vec<u8>), "cut"),
            (|value| *value.last_mut().unwrap() ^= 1, "flipped"),
            (|value| *value = b"garbage".to_vec(), "garbage"),
        ] {
            let key = keys(&tree(&folder), &SUMMARIES).get(number).cloned();
            let Some(key) = key else { continue };
            change(&folder, &key, edit);
            let server = Server::open(folder).await;
            assert!(everything(&server).await == before, "summary {number} {name}");
            folder = server.stop().await;
        }
    }
    // Without any, the log alone is enough, and the store goes on from there.
    let tree = tree(&folder);
    for key in keys(&tree, &SUMMARIES) {
        tree.remove(key).unwrap();
    }
    tree.flush().unwrap();
    drop(tree);
    let server = Server::open(folder).await;
    assert!(everything(&server).await == before);
    assert_eq!(server.create(appeal("next")).await.unwrap().revision, 9);
}

#[tokio::test]
async fn a_damaged_chunk_is_data_loss_and_never_another_value() {
    let server = Server::start().await;
    let source = record(&json!({"name": "records/s", "source": {}}));
    server.commit(vec![create(source), create(large("whole", 20_000))]).await.unwrap();
    server.create(large("broken", 20_000)).await.unwrap();
    let folder = server.stop().await;
    let broken = ChunkId { revision: 2, part: 0 }.chunk_key();
    let original = tree(&folder).get(broken).unwrap().unwrap().to_vec();
    let mut folder = folder;
    for at in [0, 1, 5, 9, 40, 100, 10_000, original.len() - 1] {
        change(&folder, &broken, |value| {
            value.clone_from(&original);
            value[at] ^= 0x20;
        });
        let server = Server::open(folder).await;
        let user = party("user", &["broken"]);
        for refused in [
            server.get("records/broken").await,
            server.delete("records/broken").await,
            server.create(large("broken", 1)).await,
            server.create(user).await,
        ] {
            let status = refused.unwrap_err();
            let named = status.get_details_resource_info().map(|info| info.resource_name);
            assert_eq!(named.as_deref(), Some("records/broken"), "byte {at}: {status:?}");
            assert_refused::<()>(Err(status), Code::DataLoss, Reason::CorruptRecord, &[]);
        }
        server.get("records/whole").await.unwrap();
        let corrupt = |refused| assert_refused::<()>(refused, Code::DataLoss, Reason::CorruptRecord, &[]);
        for order_by in ["", "name desc"] {
            let list = v1::ListRecordsRequest { order_by: order_by.into(), ..Default::default() };
            let page = server.page(list).await.unwrap();
            assert_eq!(page.unreadable, ["records/broken"]);
            assert!(page.records.iter().any(|record| record.name == "records/whole"));
            assert!(page.records.iter().all(|record| record.name != "records/broken"));
        }
        corrupt(server.count(v1::CountRecordsRequest::default()).await.map(|_| ()));
        let export = v1::ExportRecordsRequest::default();
        corrupt(server.records().export_records(export.clone()).await.map(|_| ()));
        let named = v1::ExportRecordsRequest { name_damaged: true, ..export };
        let (messages, ended) =
            drain(server.records().export_records(named).await.unwrap().into_inner()).await;
        assert!(ended.is_none(), "{ended:?}");
        let damaged: Vec<String> = messages.iter().flat_map(|message| message.damaged.clone()).collect();
        assert_eq!(damaged, ["records/broken"]);
        assert_eq!(messages.last().unwrap().trailer.as_ref().unwrap().damaged, 1);
        let feed = server.replay(0, "").await;
        assert_eq!((feed[0].changes.len(), feed[0].changes[1].name.as_str()), (2, "records/whole"));
        let [told] = feed[1].changes.as_slice() else { panic!("{feed:?}") };
        assert_eq!((told.r#type(), told.name.as_str()), (v1::ChangeType::Damaged, "records/broken"));
        assert_eq!((told.kind.as_str(), told.record.is_none(), feed[1].revision), ("appeal", true, 2));
        let none = server.replay(0, "kind = party").await;
        assert!(none.iter().all(|message| message.changes.is_empty()));
        // What is not there is written as before.
        let added = server.create(appeal(&format!("after-{at}"))).await.unwrap();
        assert!(added.revision > 2);
        folder = server.stop().await;
    }
    change(&folder, &broken, |value| value.clone_from(&original));
    let server = Server::open(folder).await;
    assert_eq!(server.get("records/broken").await.unwrap().description.len(), 20_000);
}

#[tokio::test]
async fn an_older_store_is_upgraded() {
    let server = filled().await;
    let before = everything(&server).await;
    let folder = server.stop().await;
    let format = |folder: &TempDir| {
        let value = tree(folder).get(Meta::key()).unwrap().unwrap();
        Meta::open(&value).unwrap().format
    };
    assert_eq!(format(&folder), STORE_FORMAT);
    change(&folder, &Meta::key(), |value| *value = Meta { format: 1, ..Meta::open(value).unwrap() }.seal());
    let server = Server::open(folder).await;
    assert!(everything(&server).await == before);
    assert_eq!(format(&server.stop().await), STORE_FORMAT);
}

#[tokio::test]
async fn a_newer_store_is_refused_by_number() {
    let server = Server::start().await;
    let folder = server.stop().await;
    change(&folder, &Meta::key(), |value| {
        let meta = Meta { format: 77, ..Meta::open(value).unwrap() };
        *value = meta.seal();
    });
    let error = open_error(&folder).await;
    assert!(matches!(error, reform_data::Error::Store(disk::Error::Newer { found: 77 })), "{error}");
    assert!(error.to_string().contains("77"), "{error}");
    change(&folder, &Meta::key(), |value| value[8] ^= 1);
    let error = open_error(&folder).await;
    assert!(matches!(error, reform_data::Error::Store(disk::Error::Meta(_))), "{error}");
}

#[tokio::test]
async fn a_chunk_says_what_keys_and_envelope_promise() {
    let server = Server::start().await;
    server.create(appeal("a")).await.unwrap();
    server.create(appeal("b")).await.unwrap();
    let folder = server.stop().await;
    let tree = tree(&folder);
    let chunks: Vec<ChunkId> = keys(&tree, b"c").iter().filter_map(|key| ChunkId::parse(key)).collect();
    assert_eq!(chunks.iter().map(|id| id.revision).collect::<Vec<_>>(), [1, 2]);
    for id in chunks {
        let value = tree.get(id.chunk_key()).unwrap().unwrap();
        assert_eq!(value[0], envelope::FORMAT);
        let chunk = Chunk::open(id, value.to_vec().into()).unwrap();
        let commits: Vec<(i64, u32, bool)> = chunk
            .commits()
            .iter()
            .map(|commit: &CommitHeader| (commit.revision, commit.slots, commit.complete))
            .collect();
        assert_eq!(commits, [(id.revision, 1, true)]);
        let chunk::Slot { header: SlotHeader { operation, .. }, record } = chunk.slot(0).unwrap();
        assert_eq!(operation, i32::from(v1::ChangeType::Created));
        let stored = v1::Record::decode(record).unwrap();
        assert_eq!(stored, crate::records::plain(server_record(id.revision)));
    }
}

fn server_record(revision: i64) -> v1::Record {
    appeal(if revision == 1 { "a" } else { "b" })
}
