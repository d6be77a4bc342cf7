//! What a call that is served hands on to the calls that it makes: by what it is found in logs and traces.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};

tokio::task_local! {
    static CARRIED: Carried;
}

/// Metadata that go with every call that is made while a call is served. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Carried(Arc<[(HeaderName, HeaderValue)]>);

impl Carried {
    /// The id of a call, and its place in a trace.
    pub fn new(metadata: impl Into<Arc<[(HeaderName, HeaderValue)]>>) -> Self {
        Self(metadata.into())
    }

    /// That of the call that is being served; nothing outside of one. A task that is spawned has to be given it.
    pub fn current() -> Self {
        CARRIED.try_with(Self::clone).unwrap_or_default()
    }

    /// Does `work` as a part of the call.
    pub async fn within<F: Future>(self, work: F) -> F::Output {
        CARRIED.scope(self, work).await
    }

    /// Adds what is carried, where the call itself does not say otherwise.
    pub(super) fn add(headers: &mut HeaderMap) {
        // Outside of a call there is nothing to carry.
        let _nothing = CARRIED.try_with(|carried| {
            for (name, value) in carried.0.iter() {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        });
    }
}
