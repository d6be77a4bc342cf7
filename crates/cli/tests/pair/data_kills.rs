//! A data service that is killed again and again.

use std::time::{Duration, Instant};

use rand::Rng;
use rand::rngs::StdRng;
use reform_trials::chance::{Chance, moment};
use reform_trials::check;
use reform_trials::load::Load;
use reform_trials::records::status;
use tonic::transport::Channel;

use crate::kills;
use crate::process::{Port, Process, data_service};

/// Every so many kills one falls into the opening of the store, and the whole store is checked.
const EVERY: usize = 5;
/// Writes that are acknowledged before a kill, at most.
const ACKNOWLEDGEMENTS_MAX: usize = 60;
/// A kill comes within this time after the last of them.
const MOMENT_MAX: Duration = Duration::from_millis(20);

/// What the service logs once its store is open.
const OPEN: &str = "store is open";

/// The service through all its starts.
struct Killed {
    port: Port,
    folder: tempfile::TempDir,
    random: StdRng,
    /// How long the last start took.
    opening: Duration,
    killed_in_open: usize,
    /// Those of them that came before the store was open.
    killed_before_open: usize,
}

impl Killed {
    async fn start(&mut self) -> (Process, Channel) {
        let started = Instant::now();
        let process = data_service(self.folder.path()).start_on(&self.port);
        let channel = process.until_serving().await;
        self.opening = started.elapsed();
        (process, channel)
    }

    /// Starts it and kills it before it serves, or just after.
    async fn kill_in_open(&mut self) {
        let delay = moment(&mut self.random, self.opening);
        let log = data_service(self.folder.path()).start_on(&self.port).kill_after(delay).await;
        self.killed_in_open += 1;
        self.killed_before_open += usize::from(!log.contains(OPEN));
    }

    async fn kill_under_load(&mut self, load: &mut Load, process: Process) {
        load.acknowledgements(self.random.random_range(1..=ACKNOWLEDGEMENTS_MAX)).await;
        process.kill_after(moment(&mut self.random, MOMENT_MAX)).await;
        load.down();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_data_service_loses_nothing_acknowledged() {
    let chance = Chance::new("data kills");
    let (kills, began) = (kills(), Instant::now());
    let mut killed = Killed {
        port: Port::reserve(),
        folder: tempfile::tempdir().unwrap(),
        random: chance.part(0),
        opening: Duration::ZERO,
        killed_in_open: 0,
        killed_before_open: 0,
    };
    let (process, channel) = killed.start().await;
    let (store_id, _) = status(&channel).await;
    let ledger = check::begin(&channel, &mut killed.random).await.unwrap();
    let mut load = Load::start(chance, &store_id, ledger);
    load.up(channel);
    let mut running = Some(process);
    for kill in 1..=kills {
        let process = match running.take() {
            Some(process) => process,
            None if kill % EVERY == 0 => {
                killed.kill_in_open().await;
                continue;
            }
            None => {
                let (process, channel) = killed.start().await;
                let head = check::restarted(&channel, &store_id, &load.ledger).await;
                if kill % EVERY == 1 {
                    let ledger = std::mem::take(&mut *load.ledger.lock());
                    check::whole(&channel, &store_id, head, &ledger).await;
                    *load.ledger.lock() = ledger;
                }
                load.up(channel);
                process
            }
        };
        killed.kill_under_load(&mut load, process).await;
    }
    let (process, channel) = killed.start().await;
    check::restarted(&channel, &store_id, &load.ledger).await;
    load.up(channel.clone());
    load.acknowledgements(1).await;
    let (ledger, watched) = load.finish(&channel).await;
    let (_, head) = status(&channel).await;
    let commits = check::whole(&channel, &store_id, head, &ledger).await;
    assert!(watched == commits, "a watcher that was cut again and again saw something else than the feed");
    process.stop().await;
    let Killed { killed_in_open, killed_before_open, .. } = killed;
    let records: usize = commits.iter().map(|commit| commit.changes.len()).sum();
    eprintln!(
        "data kills: {kills}, {killed_in_open} of them in open ({killed_before_open} before the store was); {} writes \
         acknowledged, 0 lost; {head} revisions with {records} changes; {:.1} s",
        ledger.writes(),
        began.elapsed().as_secs_f64()
    );
}
