//! What a call that is served hands on to the calls that it makes: by what it is found in logs and traces.

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::request_id::{REQUEST_ID, RequestId};

tokio::task_local! {
    static CARRIED: Carried;
}

/// What goes with every call that is made while a call is served.
#[derive(Debug, Clone, Default)]
pub struct Carried {
    id: Option<RequestId>,
    /// Its place in a trace, as metadata.
    trace: Vec<(HeaderName, HeaderValue)>,
}

impl Carried {
    /// The id of a call, and its place in a trace.
    pub fn new(id: RequestId, trace: Vec<(HeaderName, HeaderValue)>) -> Self {
        Self { id: Some(id), trace }
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
        let _nothing = CARRIED.try_with(|Self { id, trace }| {
            if let Some(id) = id {
                headers.entry(REQUEST_ID).or_insert_with(|| id.header());
            }
            for (name, value) in trace {
                headers.entry(name).or_insert_with(|| value.clone());
            }
        });
    }
}
