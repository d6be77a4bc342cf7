//! The client of the data service.

use std::time::Duration;

use http::Uri;
use reform_api::client::{Credentials, DataClient, Settings};

/// Question and answer about the head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Does not connect yet. Nothing is tried again in it: whoever follows has to say so when the feed is gone, and goes on
/// in its own time.
pub(crate) fn client(uri: &Uri, credentials: &Credentials) -> DataClient {
    let settings = Settings { deadline: HEAD_TIMEOUT, retry_for: Duration::ZERO };
    DataClient::lazy_with(uri.to_string(), credentials)
        .expect("what is written from a URI reads as one")
        .with_settings(settings)
}
