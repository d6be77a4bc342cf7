//! Every request without a connection, for trials that hand it anything. No service uses this.

use std::path::Path;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::Config;
use crate::grpc;
use crate::patience::Patience;
use crate::store::disk::Error;
use crate::store::{Store, Writing};
use crate::watchers::Watchers;

/// A store whose methods can be called.
pub struct Requests {
    store: Store,
    writing: Writing,
    servers: grpc::Servers,
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Requests {
    /// Over the store of a folder. Blocks.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let config = Config { free_bytes_min: Some(0), ballast_bytes: 0, ..Config::new(folder) };
        let (store, writing) = Store::open(folder, &config.store())?;
        // A watch says within milliseconds that there is nothing new.
        let patience = Patience::default().scaled(1e-3);
        let servers = grpc::servers(&store, &CancellationToken::new(), patience, &Watchers::default());
        Ok(Self { store, writing, servers })
    }

    /// What a method answers to these messages: its first message.
    ///
    /// # Errors
    /// What the method says.
    pub async fn ask(&self, path: &str, messages: &[&[u8]]) -> Result<Bytes, Status> {
        grpc::ask(&self.servers, path, messages).await
    }

    /// Closes the store.
    ///
    /// # Errors
    /// Its disk failed.
    pub async fn close(self) -> Result<(), Error> {
        let Self { store, writing, servers } = self;
        drop(servers);
        store.close(writing).await
    }
}
