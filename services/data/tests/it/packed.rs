//! The offline compaction: the same answers from fewer bytes.

use std::path::Path;
use std::process::Command;

use reform_api::data::v1;
use reform_api::error::Reason;
use reform_data::store::pack::{self, Packed};
use reform_data::store::{Options, Store};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::compactions::{filled, from};
use crate::records::{appeal, large};
use crate::support::{Server, assert_refused, create, reason};

const CACHE_BYTES: u64 = 16 << 20;

fn pack_there(folder: &Path, stop: &CancellationToken) -> Result<Packed, pack::Error> {
    pack::pack(folder, CACHE_BYTES, stop, &mut |_| {})
}

/// The same store, written anew.
pub(crate) async fn packed(folder: TempDir) -> Result<TempDir, pack::Error> {
    let packing = tokio::task::spawn_blocking(move || {
        pack_there(folder.path(), &CancellationToken::new())?;
        Ok(folder)
    });
    packing.await.unwrap()
}

/// Whether any file of the store holds these bytes.
fn holds(folder: &Path, text: &[u8]) -> bool {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read(&path).unwrap().windows(text.len()).any(|window| window == text) {
                return true;
            }
        }
    }
    false
}

async fn status(server: &Server) -> v1::GetStatusResponse {
    v1::GetStatusResponse { bytes_on_disk: 0, bytes_free: 0, ..server.status().await }
}

#[tokio::test]
async fn a_compacted_store_gives_the_same_answers() {
    let mut server = filled().await;
    server.create(v1::Record { title: "the secret".into(), ..appeal("purged") }).await.unwrap();
    server.delete("records/purged").await.unwrap();
    server.purge("records/purged").await.unwrap();
    // First with all history, then without most, then without any that can go.
    for oldest in [0, 5, 13] {
        server.compact(oldest).await.unwrap();
        let before = (from(&server, oldest).await, status(&server).await);
        let one = server.get("records/n-0-200").await.unwrap();
        let list = v1::ListRecordsRequest { page_size: 10, ..Default::default() };
        let token = server.page(list.clone()).await.unwrap().next_page_token;
        let folder = packed(server.stop().await).await.unwrap();
        assert!(!holds(folder.path(), b"the secret"));
        server = Server::open(folder).await;
        for _ in 0..2 {
            assert!((from(&server, oldest).await, status(&server).await) == before, "from {oldest} on");
            assert_eq!(server.get("records/n-0-200").await.unwrap(), one);
            assert_eq!(reason(&server.get("records/purged").await.unwrap_err()), Reason::RecordPurged);
            let page =
                server.page(v1::ListRecordsRequest { page_token: token.clone(), ..list.clone() }).await;
            assert_refused(page, Code::InvalidArgument, Reason::PageTokenInvalid, &[]);
            server = server.restart().await;
        }
    }
    assert_eq!(server.create(appeal("next")).await.unwrap().revision, 14);
}

#[tokio::test]
async fn dropped_history_leaves_the_files_and_its_revisions_stay() {
    let server = Server::start().await;
    let id = "0b7b5b1e-7c55-4e4b-8e39-6f2f5b0c9a01";
    let request = v1::CreateRecordRequest {
        record: Some(appeal("first")),
        request_id: id.into(),
        ..Default::default()
    };
    let first = server.records().create_record(request.clone()).await.unwrap().into_inner();
    for n in 0..300 {
        let description = format!("version {n} ").repeat(200);
        let record = v1::Record { description, ..appeal("a") };
        let update =
            v1::UpdateRecordRequest { record: Some(record), allow_missing: true, ..Default::default() };
        server.records().update_record(update).await.unwrap();
    }
    server.create(appeal("last")).await.unwrap();
    server.compact(301).await.unwrap();
    let before = from(&server, 301).await;
    let folder = server.stop().await;
    let folder = packed(folder).await.unwrap();
    assert!(!holds(folder.path(), b"version 298 version 298"));
    assert!(holds(folder.path(), b"version 299 version 299"));
    let server = Server::open(folder).await;
    assert!(from(&server, 301).await == before);
    // The commits without any change left are still known by their request ids.
    assert_eq!(server.records().create_record(request).await.unwrap().into_inner(), first);
    assert_eq!(server.create(appeal("next")).await.unwrap().revision, 303);
    let listed: Vec<_> = server.names("").await;
    assert_eq!(
        listed,
        ["records/first", "records/a", "records/last", "records/next"],
        "the order of creation"
    );
}

#[tokio::test]
async fn a_compaction_that_is_stopped_leaves_the_store() {
    let server = filled().await;
    let before = from(&server, 0).await;
    let folder = server.stop().await;
    let stop = CancellationToken::new();
    let (folder, stopped) = tokio::task::spawn_blocking(move || {
        let stopped = pack::pack(folder.path(), CACHE_BYTES, &stop, &mut |progress| {
            if progress.step == "comparing" {
                stop.cancel();
            }
        });
        (folder, stopped)
    })
    .await
    .unwrap();
    assert!(matches!(stopped, Err(pack::Error::Stopped)), "{stopped:?}");
    let mut left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["head", "lock", "sled"]);
    let server = Server::open(folder).await;
    assert!(from(&server, 0).await == before);
}

#[tokio::test]
async fn an_interrupted_swap_is_finished_by_the_next_open() {
    let server = filled().await;
    let before = from(&server, 0).await;
    let mut folder = server.stop().await;
    for (from_name, to) in [("sled", "sled.new"), ("sled", "sled.old")] {
        std::fs::rename(folder.path().join(from_name), folder.path().join(to)).unwrap();
        std::fs::create_dir_all(folder.path().join("compacting").join("sled")).unwrap();
        let server = Server::open(folder).await;
        assert!(from(&server, 0).await == before, "{to}");
        folder = server.stop().await;
        assert!(!folder.path().join("compacting").exists());
    }
}

#[tokio::test]
async fn the_subcommand_says_what_it_did_or_why_not() {
    let compact = |folder: &Path| {
        let program = env!("CARGO_BIN_EXE_reform-data");
        Command::new(program).arg("compact").arg("--data-dir").arg(folder).output().unwrap()
    };
    let server = Server::start().await;
    server.commit((0..50).map(|n| create(large(&format!("a-{n}"), 30_000))).collect()).await.unwrap();
    let used = compact(server.folder().path());
    assert_eq!(used.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&used.stderr).contains("in use"), "{used:?}");
    let folder = server.stop().await;
    let done = compact(folder.path());
    assert!(done.status.success(), "{done:?}");
    assert!(String::from_utf8_lossy(&done.stdout).contains("revisions 0 to 1"), "{done:?}");
    let empty = tempfile::tempdir().unwrap();
    let absent = compact(empty.path());
    assert_eq!(absent.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&absent.stderr).contains("no store"), "{absent:?}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
    let missing = Command::new(env!("CARGO_BIN_EXE_reform-data")).arg("compact").output().unwrap();
    assert_eq!(missing.status.code(), Some(1), "{missing:?}");
}

#[tokio::test]
async fn a_damaged_store_is_not_compacted() {
    let server = Server::start().await;
    server.create(large("a", 20_000)).await.unwrap();
    server.create(large("b", 20_000)).await.unwrap();
    let folder = server.stop().await;
    crate::durability::change(
        &folder,
        &reform_data::store::keys::ChunkId { revision: 2, part: 0 }.chunk_key(),
        |value| {
            value[100] ^= 1;
        },
    );
    let (folder, refused) = tokio::task::spawn_blocking(move || {
        let refused = pack_there(folder.path(), &CancellationToken::new());
        (folder, refused)
    })
    .await
    .unwrap();
    assert!(matches!(refused, Err(pack::Error::Disk(_))), "{refused:?}");
    let options = Options { cache_bytes: CACHE_BYTES, free_bytes_min: Some(0), ballast_bytes: 0 };
    let path = folder.path().to_owned();
    let (store, writing) =
        tokio::task::spawn_blocking(move || Store::open(&path, &options)).await.unwrap().unwrap();
    assert_eq!(store.durable().revision, 2);
    store.close(writing).await.unwrap();
}
