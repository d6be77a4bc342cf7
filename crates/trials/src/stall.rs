//! A sync that does not return: the service says that it takes no writes, then ends.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::chance::Chance;
use crate::check;
use crate::disk::{Disk, Fault};
use crate::load::Load;
use crate::process::{Program, soon};
use crate::records::status;

/// Far longer than the patience of the service: 30 seconds are 0.6 here.
const STALL: Duration = Duration::from_secs(100);
const PATIENCE: &str = "0.02";
/// The first sync after so many calls stalls: the store is open by then.
const CALLS: usize = 60;

/// One sync of a service under load stalls.
///
/// # Panics
/// When the service does not say so, does not end, or loses anything.
pub async fn run(trials: &Path) {
    let (disk, chance) = (Disk::new(), Chance::new("stall"));
    let plain = Program::data(trials, &disk.folder()).env("TRIALS_PATIENCE", PATIENCE);
    let process = disk.failing(plain.clone(), Fault::Stall(STALL), CALLS).start();
    let channel = process.until_serving().await;
    let (store_id, _) = status(&channel).await;
    let ledger = check::begin(&channel, &mut chance.part(0)).await.unwrap();
    let mut load = Load::start(chance, &store_id, ledger);
    let request = HealthCheckRequest { service: "writes".to_owned() };
    let mut health = HealthClient::new(channel.clone()).watch(request).await.unwrap().into_inner();
    load.up(channel.clone());
    let slow = async {
        while health.message().await.expect("health is told").expect("health goes on").status()
            != ServingStatus::NotServing
        {}
    };
    soon("health says that writes are not taken", slow).await;
    let (ended, log) = process.ended().await;
    load.down();
    assert_eq!(ended.signal(), Some(Signal::ABORT.as_raw()), "{log}");
    assert!(log.contains("the writer is stuck"), "{log}");

    let process = plain.start();
    let channel = process.until_serving().await;
    check::restarted(&channel, &store_id, &load.ledger).await;
    load.up(channel.clone());
    load.acknowledgements(10).await;
    let (ledger, _) = load.finish(&channel).await;
    let (_, head) = status(&channel).await;
    check::whole(&channel, &store_id, head, &ledger).await;
    process.stop().await;
}
