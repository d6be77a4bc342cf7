//! Trials of the services as real processes: what is promised, while everything around it fails.
//!
//! In reading order:
//! - [`process`]: the service as a process, started, waited for, told to stop, killed; [`chance`]: seeded randomness;
//! - [`records`]: what is written; [`feed`]: what the feed promises, checked message by message;
//! - [`load`]: callers that outlive the service; [`callers`]: writers, an importer and a watcher; [`ledger`]: what they
//!   were told, and whether the store agrees; [`check`]: what must hold after a restart;
//! - [`server`]: the service through all its starts; [`proxy`]: what cuts its answers; [`maintenance`]: what an operator
//!   asks;
//! - [`kills`]: the service is killed, again and again; [`linearizable`]: whether clients at the same names see one order;
//!   [`one_effect`]: whether a repeated write has one effect; [`compact_watch`], [`watching`]: whether watchers get all
//!   that they should; [`own_writes`]: whether the figures hold what was written before;
//! - [`disk`]: a disk that fails or loses power below the service; [`power`]: what a power cut takes back;
//!   [`io_errors`]: one call to the disk fails; [`stall`]: one does not return; [`full_disk`]: no room is left;
//! - [`raw`]: calls as bytes; [`honest`]: callers that behave, and how long they wait; [`usage`]: memory, files, threads;
//! - [`hostile`]: clients that mean harm; [`overload`]: more calls than can be answered, on [`processors`] of their own; [`soak`]: a long time;
//! - [`parsers`]: whatever reads what comes from outside is handed anything.
//!
//! A trial panics at the first promise that is broken, and says which. `REFORM_SEED` repeats a run.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a trial ends at the first thing that is not as promised"
)]

pub mod callers;
pub mod chance;
pub mod check;
pub mod compact_watch;
pub mod disk;
pub mod feed;
pub mod full_disk;
pub mod honest;
pub mod hostile;
pub mod io_errors;
pub mod kills;
pub mod ledger;
pub mod linearizable;
pub mod load;
pub mod maintenance;
pub mod one_effect;
pub mod overload;
pub mod own_writes;
pub mod parsers;
pub mod power;
pub mod process;
pub mod processors;
pub mod proxy;
pub mod raw;
pub mod records;
pub mod server;
pub mod soak;
pub mod stall;
pub mod usage;
pub mod watching;
