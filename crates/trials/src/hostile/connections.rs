//! Connections that are no use.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Target;
use super::frames::{End, Peer, call_and_reset, ping};
use crate::process::SOON;

const SILENT: usize = 200;
const HALF_OPEN: usize = 10_000;
/// Within this time a silent peer is sent away: five seconds, and some for the machine.
const SENT_AWAY: Duration = Duration::from_secs(10);
/// Connections that flood at the same time.
const FLOODS: usize = 2;
/// How long one waits before it comes again.
const AGAIN: Duration = Duration::from_millis(250);

pub(super) async fn silent(target: Target) -> String {
    let mut peers = JoinSet::new();
    for _ in 0..target.size.of(SILENT) {
        let mut peer = TcpStream::connect(target.address).await.unwrap();
        peers.spawn(async move {
            let closed = timeout(SENT_AWAY, peer.read(&mut [0])).await;
            assert!(!matches!(closed, Ok(Ok(1..))), "there is nothing to say");
            closed.is_ok()
        });
    }
    let all = peers.len();
    let closed = peers.join_all().await.into_iter().filter(|closed| *closed).count();
    assert_eq!(closed, all, "every silent peer is sent away");
    format!("{closed} of {all} were closed")
}

/// Those that find no place wait in the system's queue, or are not even there.
pub(super) async fn half_open(target: Target) -> String {
    let limit = target.size.time;
    let mut peers = JoinSet::new();
    for _ in 0..target.size.of(HALF_OPEN) {
        peers.spawn(async move {
            let mut peer = timeout(limit, TcpStream::connect(target.address)).await.ok()?.ok()?;
            Some(timeout(limit, peer.read(&mut [0])).await.is_ok())
        });
    }
    let all = peers.len();
    let known: Vec<bool> = peers.join_all().await.into_iter().flatten().collect();
    let closed = known.iter().filter(|closed| **closed).count();
    format!("of {all}, {} were connected and {closed} closed", known.len())
}

pub(super) async fn rapid_resets(target: Target) -> String {
    floods(&target, |sent| call_and_reset(sent * 2 + 1)).await
}

pub(super) async fn pings(target: Target) -> String {
    floods(&target, |_| ping()).await
}

/// They come again when they were sent away, a little later, as anything that repeats does.
async fn floods(target: &Target, frames: fn(u32) -> Vec<u8>) -> String {
    let (address, time) = (target.address, target.size.time);
    let mut peers = JoinSet::new();
    for _ in 0..FLOODS {
        peers.spawn(async move {
            let began = Instant::now();
            let mut ends = Vec::new();
            while let Some(left) = time.checked_sub(began.elapsed()) {
                ends.push(Peer::connect(address).await.unwrap().flood(left + SOON, frames).await);
                tokio::time::sleep(AGAIN).await;
            }
            ends
        });
    }
    let ends: Vec<(u32, End)> = peers.join_all().await.into_iter().flatten().collect();
    let mut told = BTreeMap::<String, usize>::new();
    for (_, end) in &ends {
        *told.entry(format!("{end:?}")).or_default() += 1;
    }
    let sent = ends.iter().map(|(sent, _)| u64::from(*sent)).sum::<u64>();
    // Who still sends when the connection is closed may miss the GOAWAY before it.
    assert!(ends.iter().all(|(_, end)| *end != End::Open), "somebody was not sent away: {told:?}");
    format!("{sent} sent, {told:?}")
}
