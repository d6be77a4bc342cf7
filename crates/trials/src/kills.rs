//! The service is killed again and again, while writers, an import and a watcher go on, history is compacted and backups
//! are taken; every so often it is killed while it opens its store.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::Rng;
use rand::rngs::StdRng;
use reform_data::store::restore::restore;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic::transport::Channel;

use crate::chance::{Chance, moment};
use crate::check::begin;
use crate::feed::{self, Commit, Replay};
use crate::ledger::{Ledger, read_back};
use crate::load::{Caller, Load, Watched};
use crate::maintenance::{Archive, back_up, compact, state, verify};
use crate::process::soon;
use crate::server::{Kills, Server};

/// Every so many cycles the kill falls into the opening of the store, and the whole store is verified before the next.
const EVERY: usize = 5;
/// Writes that are acknowledged before a kill, at most.
const ACKNOWLEDGEMENTS_MAX: usize = 60;
/// A kill comes within this time after the last of them.
const MOMENT_MAX: Duration = Duration::from_millis(20);
/// Writes between two compactions, and between two backups, at most.
const PAUSE_MAX: usize = 25;
/// Progress is told after so many cycles.
const TOLD_EVERY: usize = 25;

/// What the operator asked and was told.
#[derive(Debug, Default)]
struct Operator {
    /// Up to here the feed was read and compared; nothing newer may be compacted.
    checked: AtomicI64,
    /// The greatest revision that was to be compacted, and the greatest that was.
    asked: AtomicI64,
    compacted: AtomicI64,
    compactions: AtomicUsize,
    backups: AtomicUsize,
    backup_bytes: AtomicUsize,
}

/// Compacts history again and again, up to some revision that everybody has seen.
async fn keep_compacting(
    mut caller: Caller,
    watched: watch::Receiver<Watched>,
    operator: Arc<Operator>,
    mut random: StdRng,
) {
    while caller.pause(random.random_range(1..=PAUSE_MAX)).await {
        let channel = caller.service().await;
        let newest = operator.checked.load(Ordering::SeqCst).min(watched.borrow().revision);
        let oldest = operator.asked.load(Ordering::SeqCst);
        if newest <= oldest {
            continue;
        }
        let revision = random.random_range(oldest + 1..=newest);
        operator.asked.store(revision, Ordering::SeqCst);
        match soon("a compaction", compact(&channel, revision)).await {
            Ok(()) => {
                operator.compacted.store(revision, Ordering::SeqCst);
                operator.compactions.fetch_add(1, Ordering::SeqCst);
            }
            Err(status) => caller.lost(&status).await,
        }
    }
}

/// Takes backups again and again.
async fn keep_backing_up(mut caller: Caller, operator: Arc<Operator>, mut random: StdRng) {
    while caller.pause(random.random_range(1..=PAUSE_MAX)).await {
        let channel = caller.service().await;
        match soon("a backup", back_up(&channel)).await {
            Ok(archive) => {
                operator.backups.fetch_add(1, Ordering::SeqCst);
                operator.backup_bytes.fetch_add(archive.bytes.len(), Ordering::SeqCst);
            }
            Err(status) => caller.lost(&status).await,
        }
    }
}

/// What the store must hold, as it was read from the feed.
#[derive(Debug, Default)]
struct Expected {
    store_id: String,
    /// The oldest revision that is kept, and the records at it.
    oldest: i64,
    base: Replay,
    /// The commits after it.
    commits: VecDeque<Commit>,
    /// The newest revision that was read, and the records at it.
    head: i64,
    newest: Replay,
}

impl Expected {
    /// What must hold after every restart, while nobody writes.
    async fn check(
        &mut self,
        channel: &Channel,
        ledger: &Mutex<Ledger>,
        seen: &[Commit],
        operator: &Operator,
    ) {
        let state = state(channel).await.expect("a state");
        assert_eq!(state.store_id, self.store_id, "the store is another one");
        let (head, oldest) = (state.head_revision, state.oldest_revision);
        let compacted = operator.compacted.load(Ordering::SeqCst)..=operator.asked.load(Ordering::SeqCst);
        assert!(compacted.contains(&oldest), "{oldest} is the oldest revision, not one of {compacted:?}");
        let (mut news, newest) = {
            let mut ledger = ledger.lock();
            (ledger.news(), ledger.newest())
        };
        assert!(head >= newest, "revision {newest} was acknowledged and is lost: the head is {head}");
        // A write that was repeated may be answered by a commit of long ago.
        news.retain(|write| write.revision >= oldest);
        read_back(channel, news).await;

        let commits = feed::read_after(channel, &self.store_id, oldest, head).await;
        let kept = self.commits.iter().filter(|commit| commit.revision > oldest);
        let (before, after) = commits.split_at(kept.clone().count());
        assert!(kept.eq(before), "a commit that was read before has changed");
        ledger.lock().check_more(after);
        after.iter().for_each(|commit| self.newest.apply(commit));
        self.commits.extend(after.iter().cloned());
        self.head = head;
        // Before the commits go that are compacted: the watcher may have been slower than this.
        seen.iter().for_each(|seen| self.compare(seen));
        while self.commits.front().is_some_and(|commit| commit.revision <= oldest) {
            let commit = self.commits.pop_front().expect("there is one");
            self.base.apply(&commit);
        }
        self.oldest = oldest;
        self.base.check(channel, oldest).await;
        self.newest.check(channel, head).await;
        self.base.check_export(channel, oldest).await;
        self.newest.check_export(channel, head).await;
        operator.checked.store(head, Ordering::SeqCst);
    }

    /// A store that is made of an archive is another one, with the same records and the same history.
    async fn restored(&self, trials: &Path, archive: &Archive) {
        let folder = tempfile::tempdir().expect("a folder for an archive");
        let file = folder.path().join("archive");
        std::fs::write(&file, &archive.bytes).expect("an archive can be written");
        let mut server = Server::new(trials);
        restore(&file, &server.folder(), &mut |_| {}).expect("what was backed up can be restored");
        let channel = server.start().await;
        let state = state(&channel).await.expect("a state");
        assert_ne!(state.store_id, self.store_id, "a restored store is another one");
        assert_eq!(state.head_revision, archive.revision);
        let history = self.commits.iter().filter(|commit| commit.revision <= archive.revision);
        let commits = feed::read_after(&channel, &state.store_id, self.oldest, archive.revision).await;
        assert!(history.eq(&commits), "an archive has another history");
        let mut records = self.base.clone();
        records.check(&channel, self.oldest).await;
        commits.iter().for_each(|commit| records.apply(commit));
        records.check(&channel, archive.revision).await;
        records.check_export(&channel, archive.revision).await;
        verified(&channel).await;
        server.stop().await;
    }

    /// What the watcher saw is in the store, and nothing else.
    fn compare(&self, seen: &Commit) {
        let Commit { revision, .. } = seen;
        assert!(
            *revision <= self.head,
            "revision {revision} was sent and is lost: the head is {}",
            self.head
        );
        let place = usize::try_from(revision - self.oldest - 1);
        let stored = place.ok().and_then(|place| self.commits.get(place));
        assert_eq!(stored, Some(seen), "a watcher saw something else than the feed");
    }
}

/// Kills the service that often.
///
/// # Panics
/// When anything is not as promised.
pub async fn run(trials: &Path, cycles: usize) {
    cycle(trials, Server::new(trials), Chance::new("kills"), cycles).await;
}

/// Cuts the power of the service that often. A disk that `lies` must be found out.
///
/// # Panics
/// When anything is not as promised.
pub async fn cut_power(trials: &Path, cuts: usize, lies: bool) {
    let chance = Chance::new("power cuts");
    let server = Server::losing_power(trials, chance.part(300), lies);
    cycle(trials, server, chance, cuts).await;
}

async fn cycle(trials: &Path, mut server: Server, chance: Chance, cycles: usize) {
    let began = Instant::now();
    let mut random = chance.part(0);
    let channel = server.start().await;
    let store_id = state(&channel).await.expect("a state").store_id;
    let ledger = begin(&channel, &mut random).await.expect("a first commit");
    let mut expected = Expected { store_id, ..Expected::default() };
    let mut load = Load::start(chance, &expected.store_id, ledger);
    let operator = Arc::new(Operator::default());
    let mut operators = JoinSet::new();
    let watched = load.watcher();
    operators.spawn(keep_compacting(load.caller(), watched, operator.clone(), chance.part(201)));
    operators.spawn(keep_backing_up(load.caller(), operator.clone(), chance.part(202)));
    load.up(channel);
    for cycle in 1..=cycles {
        if cycle % TOLD_EVERY == 0 {
            let (head, oldest) = (expected.head, expected.oldest);
            eprintln!("kills: {cycle} of {cycles}, head {head}, oldest {oldest}, {:?}", began.elapsed());
        }
        if cycle % EVERY == 0 {
            server.kill_in_open(random.random_range(0.0..1.0)).await;
            continue;
        }
        if !server.is_running() {
            let channel = server.start().await;
            expected.check(&channel, &load.ledger, &load.watched(), &operator).await;
            if cycle % EVERY == 1 {
                verified(&channel).await;
            }
            load.up(channel);
        }
        load.acknowledgements(random.random_range(1..=ACKNOWLEDGEMENTS_MAX)).await;
        server.kill_after(moment(&mut random, MOMENT_MAX)).await;
        load.down();
        while let Some(ended) = operators.try_join_next() {
            ended.expect("an operator does not panic");
        }
    }
    let channel = server.start().await;
    expected.check(&channel, &load.ledger, &load.watched(), &operator).await;
    load.up(channel.clone());
    load.acknowledgements(1).await;
    // Nothing newer than what was checked is compacted, so that this one can be compared to the end.
    let archive = soon("a backup", back_up(&channel)).await.expect("a backup of a store that serves");
    load.acknowledgements(1).await;
    let (ledger, seen) = load.finish(&channel).await;
    while let Some(ended) = soon("an operator ends", operators.join_next()).await {
        ended.expect("an operator does not panic");
    }
    let ledger = Mutex::new(ledger);
    expected.check(&channel, &ledger, &seen, &operator).await;
    let entries = verified(&channel).await;
    expected.restored(trials, &archive).await;
    let ledger = ledger.into_inner();
    assert!(ledger.writes() > cycles, "nearly nothing was written");
    eprintln!("{}", summary(cycles, &server, &ledger, &expected, &operator));
    if server.cut.writes > 0 {
        eprintln!("power cuts: {:?} were not synced and were taken back, all or in part", server.cut);
    }
    eprintln!("kills: {entries} entries verified at the end; {:.1} s", began.elapsed().as_secs_f64());
    server.stop().await;
}

/// Checks the whole store; the entries that were checked.
async fn verified(channel: &Channel) -> i64 {
    soon("a verification", verify(channel)).await.expect("a store that serves can be verified")
}

fn summary(
    cycles: usize,
    server: &Server,
    ledger: &Ledger,
    expected: &Expected,
    operator: &Operator,
) -> String {
    let Kills { in_open, before_open, .. } = server.kills;
    let Operator { compactions, backups, backup_bytes, .. } = operator;
    format!(
        "kills: {cycles}, {in_open} of them in open ({before_open} before the store was); {} writes acknowledged of {} \
         sent, 0 lost, none in part, none twice; {} revisions without a gap, {} of them compacted in {} compactions; \
         {} backups of {:.1} MiB in all, the last one restored; records as the feed says after each start",
        ledger.writes(),
        ledger.sent(),
        expected.head,
        expected.oldest,
        compactions.load(Ordering::SeqCst),
        backups.load(Ordering::SeqCst),
        backup_bytes.load(Ordering::SeqCst) as f64 / f64::from(1 << 20),
    )
}
