//! Every request without a connection, and checkpoints without a file: for trials that hand them anything. No service uses
//! this.

use std::sync::Arc;

use bytes::Bytes;
use reform_runtime::parsers;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::answers::Answers;
use crate::config::Config;
use crate::fold;
use crate::held::Held;
use crate::state::State;
use crate::{checkpoint, grpc, source};

/// The service over a view that follows nothing.
#[derive(Debug)]
pub struct Requests {
    answers: Answers,
    state: Arc<State>,
}

impl Requests {
    /// A view of these encoded records; `data` is asked for earlier ones. Needs a runtime.
    pub fn new(records: &[Bytes], data: http::Uri) -> Self {
        let config = Config::new(data);
        let state = Arc::new(State::new(config.staleness_max));
        state.restore(held(records));
        let data = source::client(&config.data, &config.credentials);
        let answers = Answers::new(state.clone(), data, CancellationToken::new(), config.past);
        Self { answers, state }
    }

    /// Whether a request of that method is read and found right; nothing is asked of the view.
    pub fn is_right(method: &str, bytes: &[u8]) -> bool {
        grpc::is_right(method, bytes)
    }

    /// What a method answers to these messages: its first message.
    ///
    /// # Errors
    /// What the method says.
    pub async fn ask(&self, path: &str, messages: &[&[u8]]) -> Result<Bytes, Status> {
        let service = grpc::service(self.answers.clone(), self.state.clone(), None);
        parsers::ask(service, path, messages).await
    }
}

/// The checkpoint of a view of these encoded records.
///
/// # Panics
/// Memory ends.
pub fn checkpoint(records: &[Bytes]) -> Vec<u8> {
    let mut bytes = Vec::new();
    checkpoint::write_to(&mut bytes, &held(records)).expect("memory takes all");
    bytes
}

/// Whether the bytes are a checkpoint that can be used.
pub fn is_checkpoint(bytes: &[u8]) -> bool {
    checkpoint::read_from(bytes).is_ok()
}

fn held(records: &[Bytes]) -> Held {
    let folded: Vec<_> = records.iter().zip(1..).map(|(bytes, n)| fold::exported(bytes, n)).collect();
    Held::new().after(&folded).at("parsers", i64::try_from(records.len()).unwrap_or(i64::MAX))
}
