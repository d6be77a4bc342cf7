//! A rolling restart of two analytics services under callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reform_api::client::AnalyticsClient;
use reform_trials::process::Program;
use reform_trials::records::{appeal, base, commit, creates};
use tonic::transport::{Channel, Endpoint};

use crate::process::{Port, data_service, sibling, soon};
use crate::records::appeals_per_year;

/// How often each is restarted.
const ROUNDS: usize = 3;
const CALLERS: usize = 4;

/// Asks whichever of the two is next, until it is told to stop.
async fn ask(client: AnalyticsClient, revision: i64, stop: Arc<AtomicBool>, answered: Arc<AtomicUsize>) {
    while !stop.load(Ordering::Relaxed) {
        let answer = client.query_indicator(appeals_per_year(revision)).await;
        let answer = answer.expect("no call fails that is tried again as the client does");
        assert!(answer.revision >= revision);
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_analytics_fails_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let data = data_service(folder.path()).start();
    let channel = data.until_serving().await;
    commit(&channel, base()).await;
    let head = commit(&channel, creates([appeal("a", 2023), appeal("b", 2024)])).await;
    let ports = [Port::reserve(), Port::reserve()];
    let program = Program::new("reform-analytics", sibling("reform-analytics"));
    let program = program.arg("--data").arg(format!("http://{}", data.address().await));
    let mut running: Vec<_> = ports.iter().map(|port| program.start_on(port)).collect();
    for process in &running {
        process.until_serving().await;
    }
    let endpoint = |port: &Port| Endpoint::from_shared(format!("http://{}", port.address())).unwrap();
    let client = AnalyticsClient::new(Channel::balance_list(ports.iter().map(endpoint)));
    let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(ask(client.clone(), head, stop.clone(), answered.clone())))
        .collect();
    for turn in 0..2 * ROUNDS {
        let before = answered.load(Ordering::Relaxed);
        let old = running.remove(0);
        old.stop().await;
        running.push(program.start_on(&ports[turn % 2]));
        running[1].until_serving().await;
        // They go on before the next one is restarted.
        let goes_on = async {
            while answered.load(Ordering::Relaxed) < before + 10 {
                tokio::task::yield_now().await
            }
        };
        soon("calls are answered", goes_on).await;
    }
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        soon("a caller", caller).await.expect("a caller saw a failure");
    }
    eprintln!("rolling: {} calls answered, none failed", answered.load(Ordering::Relaxed));
    for process in running {
        process.stop().await;
    }
    data.stop().await;
}
