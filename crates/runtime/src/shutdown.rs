//! Signals become a token that everything long-lived watches.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What a process that was told twice to stop exits with.
pub const EXIT_SECOND_SIGNAL: i32 = 130;

/// A token that is cancelled by the first SIGINT or SIGTERM.
///
/// A second one ends the process at once with [`EXIT_SECOND_SIGNAL`], without a drain: that is what a person means
/// by it, and nothing acknowledged is lost, because nothing is acknowledged before it is durable. The task that
/// waits for signals lives as long as the process.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn on_signals() -> io::Result<CancellationToken> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let name = next(&mut interrupt, &mut terminate).await;
        tracing::info!(signal = name, "stopping");
        stop.cancel();
        let name = next(&mut interrupt, &mut terminate).await;
        tracing::error!(signal = name, "told twice to stop, not waiting any longer");
        std::process::exit(EXIT_SECOND_SIGNAL);
    });
    Ok(token)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> &'static str {
    tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    }
}
