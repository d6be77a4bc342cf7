//! The service on the wire: requests are converted, the store decides, answers are converted.
//!
//! | file | what |
//! |---|---|
//! | `record`, `history`, `import`, `export` | RecordService |
//! | `change` | ChangeService |
//! | `maintenance`, `backup`, `verify` | MaintenanceService |
//! | `request` | what the requests of all of them share |
//! | `slow` | streams whose reader is too slow |
//! | `page_token` | sealed places in a list |
//! | `fault` | every store error as code, reason and details |

use bytes::Bytes;
use reform_api::data::v1::maintenance_service_server::MaintenanceServiceServer;
use reform_api::encoded::change_service_server::ChangeServiceServer;
use reform_api::encoded::record_service_server::RecordServiceServer;
use reform_runtime::background;
use reform_runtime::parsers;
use reform_runtime::queue::Queue;
use reform_runtime::routes::Routes;
use reform_runtime::server::REQUEST_BYTES_MAX;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::patience::Patience;
use crate::store::Store;
use crate::watchers::Watchers;

mod backup;
mod change;
mod export;
mod fault;
mod history;
mod import;
mod maintenance;
mod page_token;
mod record;
mod request;
mod slow;
mod verify;

/// The name under which health tells whether writes are taken.
pub(crate) const WRITES: &str = "writes";

/// Lists, counts and the like that are at work for each processor; some of them wait for the disk. The background has as many
/// threads again for the feed and for what is written.
const READS_AT_ONCE_PER_PROCESSOR: usize = background::THREADS_PER_PROCESSOR / 2;

/// The names under which health is told: one per service, and [`WRITES`].
pub(crate) const HEALTH_NAMES: &[&str] = &[
    "reform.data.v1.RecordService",
    "reform.data.v1.ChangeService",
    "reform.data.v1.MaintenanceService",
    WRITES,
];

/// The services of a store.
pub(crate) struct Servers {
    records: RecordServiceServer<record::Records>,
    changes: ChangeServiceServer<change::Changes>,
    maintenance: MaintenanceServiceServer<maintenance::Maintenance>,
}

pub(crate) fn servers(
    store: &Store,
    stop: &CancellationToken,
    patience: Patience,
    watchers: &Watchers,
) -> Servers {
    let reads = Queue::new(READS_AT_ONCE_PER_PROCESSOR * background::processors());
    let records = record::Records { store: store.clone(), stop: stop.clone(), patience, reads };
    let watchers = watchers.clone();
    let changes = change::Changes { store: store.clone(), stop: stop.clone(), patience, watchers };
    let maintenance = maintenance::Maintenance { store: store.clone(), stop: stop.clone(), patience };
    Servers {
        records: RecordServiceServer::new(records).max_decoding_message_size(REQUEST_BYTES_MAX),
        changes: ChangeServiceServer::new(changes).max_decoding_message_size(REQUEST_BYTES_MAX),
        maintenance: MaintenanceServiceServer::new(maintenance).max_decoding_message_size(REQUEST_BYTES_MAX),
    }
}

/// Everything that the process serves, over what every process serves.
pub(crate) fn routes(every: Routes, servers: Servers) -> Routes {
    let Servers { records, changes, maintenance } = servers;
    every.add_service(records).add_service(changes).add_service(maintenance)
}

/// What a method answers to these messages, without a connection; see [`parsers::ask`].
pub(crate) async fn ask(servers: &Servers, path: &str, messages: &[&[u8]]) -> Result<Bytes, Status> {
    let Servers { records, changes, maintenance } = servers;
    match path.rsplit_once('/').map(|(service, _)| service) {
        Some("/reform.data.v1.RecordService") => parsers::ask(records.clone(), path, messages).await,
        Some("/reform.data.v1.ChangeService") => parsers::ask(changes.clone(), path, messages).await,
        _ => parsers::ask(maintenance.clone(), path, messages).await,
    }
}
