//! Clients that mean harm, one sort after the other, beside honest ones that are measured without them before and after: the
//! service's memory stays under a bound, the honest wait hardly longer, and who means harm is told, or cut off.
//!
//! On the processors that all share, who means harm goes last: what is measured is the harm to the service, not what it costs
//! to do it.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use tonic::transport::{Channel, Endpoint};

use self::attack::ATTACKS;
use crate::honest::{Honest, Waits};
use crate::process::{Process, Program, SOON};
use crate::processors;
use crate::records::{appeal, base, commit, creates};
use crate::usage::mib;

mod attack;
mod calls;
mod connections;
mod frames;
mod streams;

/// Records that there are to read.
const RECORDS: usize = 20_000;
/// As many of them as there are in any case: more than a client takes unread.
const RECORDS_MIN: usize = 2_000;
/// The factor by which honest callers may wait longer.
const WAIT_FACTOR: f64 = 2.0;
/// What a hostile client takes unread: as little as the protocol has it.
const WINDOW_BYTES: u32 = 65_535;
/// The part of its patience that the service has, so that a slow reader is slow soon.
const PATIENCE: &str = "0.02";

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// How long each sort is there, and how long the honest are alone before and after.
    pub time: Duration,
    /// The part of the clients that there are.
    pub scale: f64,
    /// A wait that nobody minds, on a machine that others use too.
    pub short: Duration,
}

impl Size {
    /// As many of so many.
    fn of(self, count: usize) -> usize {
        ((count as f64 * self.scale) as usize).max(1)
    }
}

/// Where they go.
#[derive(Debug, Clone)]
struct Target {
    address: SocketAddr,
    endpoint: Endpoint,
    size: Size,
}

/// What one sort came to.
#[derive(Debug, Clone)]
pub struct Figure {
    /// The sort.
    pub name: &'static str,
    /// 99 of 100 honest calls were shorter, without it.
    pub without: Duration,
    /// The same, with it.
    pub with: Duration,
    /// Bytes by which the service grew at the most.
    pub memory: u64,
    /// Bytes that it had before.
    pub idle: u64,
    /// What they were told.
    pub told: String,
}

/// All sorts whose name has `only` in it.
///
/// # Panics
/// At the first that does harm.
pub async fn run(trials: &Path, size: Size, only: &str) -> Vec<Figure> {
    let mut figures = Vec::new();
    for attack in ATTACKS.iter().filter(|attack| attack.name.contains(only)) {
        let figure = one(trials, size, attack).await;
        let (with, without) = (figure.with.as_secs_f64() * 1e3, figure.without.as_secs_f64() * 1e3);
        let memory = mib(figure.memory);
        eprintln!(
            "{}: p99 {with:.2} ms, {without:.2} ms without; +{memory:.1} MiB on {:.1}; {}",
            figure.name,
            mib(figure.idle),
            figure.told
        );
        figures.push(figure);
    }
    figures
}

async fn one(trials: &Path, size: Size, attack: &attack::Attack) -> Figure {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::data(trials, folder.path()).args(attack.settings).env("TRIALS_PATIENCE", PATIENCE);
    let program = attack.descriptors.map_or(program.clone(), |limit| program.with_descriptors(limit));
    let data = program.start();
    let channel = data.until_serving().await;
    fill(&channel, size.of(RECORDS).max(RECORDS_MIN)).await;
    let address = data.address().await;
    let usual = Endpoint::from_shared(format!("http://{address}")).unwrap();
    // What a client does not read stays with the service.
    let endpoint =
        usual.clone().initial_stream_window_size(WINDOW_BYTES).initial_connection_window_size(WINDOW_BYTES);
    let mut honest = Honest::start(&usual, "records/a1");
    let target = Target { address, endpoint, size };
    let alone = tokio::time::sleep(size.time / 2);
    let ((), mut without) = honest.during(alone).await;
    let before = data.usage();
    before.forget_peak();
    let limit = size.time + SOON;
    let attacking = tokio::time::timeout(limit, (attack.start)(target.clone()));
    let (told, with) = honest.during(processors::behind(attacking)).await;
    let told = told.unwrap_or_else(|_| panic!("{}: not over within {limit:?}", attack.name));
    let memory = before.again().peak.saturating_sub(before.resident);
    let idle = before.resident;
    let ((), after) = honest.during(tokio::time::sleep(size.time / 2)).await;
    without.add(after);
    let (without, with) = (p99(&without), p99(&with));
    let figure = Figure { name: attack.name, without, with, memory, idle, told };
    honest.stop().await;
    // Whoever comes now is served.
    crate::honest::get("records/a2").send(&target.endpoint.connect().await.unwrap()).await.unwrap();
    check(&figure, attack, size, &data);
    data.stop().await;
    figure
}

fn p99(waits: &Waits) -> Duration {
    waits.quantile(0.99)
}

fn check(figure: &Figure, attack: &attack::Attack, size: Size, data: &Process) {
    let bound = attack.memory_max;
    assert!(figure.memory <= bound, "over {bound} bytes: {figure:?}, {data:?}");
    let allowed = figure.without.mul_f64(WAIT_FACTOR).max(size.short);
    assert!(figure.with <= allowed, "the honest wait: {figure:?}");
}

async fn fill(channel: &Channel, records: usize) {
    commit(channel, base()).await;
    for batch in (0..records).collect::<Vec<_>>().chunks(100) {
        commit(channel, creates(batch.iter().map(|number| appeal(&format!("a{number}"), 2024)))).await;
    }
}
