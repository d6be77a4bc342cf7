//! A network that stops passing anything on without closing anything, and a feed that is faster than its reader.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures::TryStreamExt;
use reform_api::analytics::v1;
use reform_api::client::{Credentials, DataClient};
use reform_api::data::v1::WatchChangesRequest;
use reform_api::error::Reason;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::fake::{Fake, Script, put};
use crate::pair::{Pair, appeal, appeals, assert_refused, store, within};

/// Passes bytes both ways while it is open; while it is not, connections are taken and nothing goes through.
struct Link {
    address: SocketAddr,
    open: watch::Sender<bool>,
    accepted: watch::Receiver<usize>,
    _accepting: AbortOnDropHandle<()>,
}

impl Link {
    async fn to(service: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, is_open) = watch::channel(true);
        let (count, accepted) = watch::channel(0);
        let accepting = tokio::spawn(async move {
            loop {
                let (caller, _) = listener.accept().await.unwrap();
                count.send_modify(|count| *count += 1);
                tokio::spawn(joined(caller, service, is_open.clone()));
            }
        });
        Self { address, open, accepted, _accepting: AbortOnDropHandle::new(accepting) }
    }
}

async fn joined(caller: TcpStream, service: SocketAddr, open: watch::Receiver<bool>) {
    let Ok(service) = TcpStream::connect(service).await else { return };
    let ((from_caller, to_caller), (from_service, to_service)) = (caller.into_split(), service.into_split());
    tokio::join!(passed(from_caller, to_service, open.clone()), passed(from_service, to_caller, open));
}

async fn passed(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut open: watch::Receiver<bool>) {
    let mut bytes = vec![0; 1 << 14];
    while let Ok(count) = from.read(&mut bytes).await {
        if count == 0
            || open.wait_for(|open| *open).await.is_err()
            || to.write_all(&bytes[..count]).await.is_err()
        {
            return;
        }
    }
}

#[tokio::test]
async fn a_half_open_network_is_noticed_and_the_last_state_answers_with_growing_lag() {
    let data = Fake::start(store("a", 1)).await;
    let mut link = Link::to(data.address).await;
    let through = format!("http://{}", link.address).parse().unwrap();
    let mut pair = Pair::beside(data, |config| {
        config.data = through;
        config.staleness_max = Duration::from_millis(100);
    })
    .await;
    assert_eq!(pair.count(2).await, "1");
    pair.until_serving(true).await;

    link.open.send_replace(false);
    pair.data.commit(vec![put(appeal("late", 2023))]);
    let ahead = v1::QueryIndicatorRequest { min_revision: 3, ..appeals() };
    let status = pair.client.query_indicator(within(ahead, Duration::from_millis(300))).await.unwrap_err();
    assert_refused(&status, Reason::CatchingUp);
    // Nothing was closed, so only the missing answer to a ping tells.
    pair.until_serving(false).await;
    assert_eq!(pair.count(0).await, "1");
    let first = pair.status().await;
    let connections = *link.accepted.borrow();
    link.accepted.wait_for(|accepted| *accepted > connections).await.unwrap();
    let later = pair.status().await;
    assert!(first.serving_stale && later.lag_ms > first.lag_ms, "{first:?}, then {later:?}");
    assert_eq!((later.applied_revision, pair.count(0).await.as_str()), (2, "1"));

    link.open.send_replace(true);
    assert_eq!(pair.count(3).await, "2");
    pair.until_serving(true).await;
    assert_eq!(pair.data.until(|_| true).await.exports, 1);
}

/// Nothing lies between the feed and the fold: what the fold has not taken waits at the other end of the connection.
#[tokio::test]
async fn a_feed_that_is_faster_than_its_reader_waits_for_it() {
    const COMMITS: usize = 300;
    let large = |number: usize| {
        let mut record = appeal(&format!("appeal-{number}"), 2023);
        record.title = "x".repeat(32 << 10);
        vec![put(record)]
    };
    let data = Fake::start(Script::new("a", (0..COMMITS).map(large).collect())).await;
    let sent = data.until(|_| true).await.sent;
    let client = DataClient::lazy_with(format!("http://{}", data.address), &Credentials::default()).unwrap();
    let mut feed = client.watch(WatchChangesRequest { store_id: "a".into(), ..Default::default() });
    feed.try_next().await.unwrap().unwrap();
    let mut before = usize::MAX;
    while before != sent.load(Ordering::Relaxed) {
        before = sent.load(Ordering::Relaxed);
        // Whether it goes on by itself shows only after a while.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(before < COMMITS / 2, "{before} of {COMMITS} commits were sent to a reader that took one");
    let mut last = 1;
    while last < COMMITS {
        last = usize::try_from(feed.try_next().await.unwrap().unwrap().revision).unwrap();
    }
}
