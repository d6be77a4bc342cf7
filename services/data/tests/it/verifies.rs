//! VerifyStore and `verify`: nothing is wrong while all is well, and what is wrong is named.

use std::sync::Arc;

use reform_api::data::v1;
use reform_data::offline::verify::Verify;
use reform_data::store::keys::{ChunkId, SUMMARIES};
use tempfile::TempDir;

use crate::backups::{backup, written};
use crate::durability::{change, keys, tree};
use crate::records::{appeal, large};
use crate::support::{Server, create, drain, open_error, update};

/// What is wrong, and how many values were looked at.
async fn verify(server: &Server) -> (Vec<String>, i64) {
    let answer = server.maintenance().verify_store(v1::VerifyStoreRequest {}).await.unwrap();
    let (messages, ended) = drain(answer.into_inner()).await;
    assert!(ended.is_none(), "{ended:?}");
    assert_eq!(messages.iter().filter(|message| message.done).count(), 1);
    let last = messages.last().unwrap();
    assert!(last.done && messages.is_sorted_by_key(|message| message.checked));
    (messages.iter().flat_map(|message| message.problems.clone()).collect(), last.checked)
}

/// The exit code of the subcommand over a stopped store.
async fn offline(folder: &TempDir, accept_loss: bool) -> String {
    let data_dir = folder.path().to_owned();
    let verify = Verify::Folder { data_dir, cache_bytes: 16 << 20, accept_loss };
    match verify.run().await {
        Ok(code) => format!("{code:?}"),
        Err(error) => error.to_string(),
    }
}

fn code(code: u8) -> String {
    format!("{:?}", std::process::ExitCode::from(code))
}

/// Three summaries, versions of all sorts, and a tail that no summary covers.
async fn filled() -> Server {
    let server = Server::seeded().await;
    for n in 0..4 {
        server.commit((0..700).map(|m| create(appeal(&format!("n-{n}-{m}")))).collect()).await.unwrap();
    }
    let titled = |m| v1::Record { title: format!("title {m}"), ..appeal(&format!("n-0-{m}")) };
    server.commit((0..300).map(|m| update(titled(m))).collect()).await.unwrap();
    server.delete("records/n-0-1").await.unwrap();
    server.purge("records/n-0-1").await.unwrap();
    server.create(large("last", 20_000)).await.unwrap();
    server
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_wrong_with_a_store_while_it_is_written_and_compacted() {
    let server = Arc::new(filled().await);
    let (problems, checked) = verify(&server).await;
    assert_eq!(problems, Vec::<String>::new());
    assert!(checked > 20, "{checked}");
    let writing = tokio::spawn({
        let server = Arc::clone(&server);
        async move {
            for n in 0..30 {
                let many = (0..60).map(|m| create(appeal(&format!("w-{n}-{m}"))));
                server.commit(many.collect()).await.unwrap();
                let again = |m: usize| v1::Record { title: format!("{n}"), ..appeal(&format!("n-1-{m}")) };
                server.commit((0..60).map(|m| update(again(m))).collect()).await.unwrap();
                if n % 5 == 4 {
                    server.compact(server.head().await - 3).await.unwrap();
                }
            }
        }
    });
    let mut rounds = 0;
    while !writing.is_finished() || rounds < 3 {
        assert_eq!(verify(&server).await.0, Vec::<String>::new());
        rounds += 1;
    }
    writing.await.unwrap();
    let server = Arc::into_inner(server).unwrap().restart().await;
    assert_eq!(verify(&server).await.0, Vec::<String>::new());
    let (archive, _) = backup(&server).await;
    let folder = server.stop().await;
    assert_eq!(offline(&folder, false).await, code(0));
    let (_folder, archive) = written(&archive);
    assert_eq!(format!("{:?}", Verify::Archive(archive).run().await.unwrap()), code(0));
}

#[tokio::test]
async fn damaged_values_are_named_by_place_and_record() {
    let folder = filled().await.stop().await;
    let chunks: Vec<ChunkId> =
        keys(&tree(&folder), b"c").iter().filter_map(|key| ChunkId::parse(key)).collect();
    let summaries = keys(&tree(&folder), &SUMMARIES);
    let damaged = *chunks.iter().rfind(|id| id.revision == 3).unwrap();
    change(&folder, &damaged.chunk_key(), |value| value[30] ^= 1);
    change(&folder, &summaries[0], |value| value[30] ^= 1);
    assert_eq!(offline(&folder, false).await, code(1));
    let server = Server::open(folder).await;
    let (problems, _) = verify(&server).await;
    let place = format!("chunk {}.{} of the change log is damaged", damaged.revision, damaged.part);
    assert!(problems[0].starts_with("summary 1.0 of the change log is damaged"), "{problems:?}");
    assert!(problems[1].starts_with(&place) && problems[1].contains("records/n-1-699"), "{problems:?}");
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[tokio::test]
async fn a_store_that_does_not_open_is_verified_all_the_same() {
    let folder = filled().await.stop().await;
    let tree = tree(&folder);
    for key in keys(&tree, &SUMMARIES) {
        tree.remove(key).unwrap();
    }
    let chunk = keys(&tree, b"c").into_iter().nth(2).unwrap();
    drop(tree);
    change(&folder, &chunk, |value| value[30] ^= 1);
    open_error(&folder).await;
    assert_eq!(offline(&folder, false).await, code(1));
    assert!(offline(&tempfile::tempdir().unwrap(), false).await == code(1));
}

#[tokio::test]
async fn a_loss_is_accepted_under_a_new_id() {
    let server = filled().await;
    let before = server.status().await;
    let folder = server.stop().await;
    let tree = tree(&folder);
    let last = keys(&tree, b"c").pop().unwrap();
    tree.remove(last).unwrap();
    let summary = keys(&tree, &SUMMARIES).pop().unwrap();
    tree.remove(summary).unwrap();
    tree.flush().unwrap();
    drop(tree);
    open_error(&folder).await;
    assert_eq!(offline(&folder, false).await, code(1));
    assert_eq!(offline(&folder, true).await, code(0));
    assert_eq!(offline(&folder, true).await, code(0));
    let server = Server::open(folder).await;
    let after = server.status().await;
    assert_eq!(after.head_revision, before.head_revision - 1);
    assert_ne!(after.store_id, before.store_id);
    assert_eq!(server.create(appeal("next")).await.unwrap().revision, before.head_revision);
}
