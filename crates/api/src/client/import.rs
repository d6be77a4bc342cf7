//! Batches that are sent until they are answered.

use std::collections::VecDeque;

use bytes::Bytes;
use futures::stream::{self, BoxStream, Fuse, Stream, StreamExt};
use prost::Message;
use tokio::sync::mpsc;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;

use super::attempts::{Attempts, broken, settled};
use super::caller::{ANSWER_BYTES_MAX, Caller};
use super::write::repeatable;
use crate::data::v1;
use crate::data::v1::import_options::OnInvalid;

/// Batches that are on their way at once; each has at most 3 MiB.
const WINDOW: usize = 8;

/// `v1::ImportRecordsRequest` with its batch encoded: it is kept and sent again without a copy of its records.
#[derive(Clone, PartialEq, Message)]
struct Sent {
    #[prost(message, optional, tag = "1")]
    options: Option<v1::ImportOptions>,
    #[prost(bytes = "bytes", optional, tag = "2")]
    batch: Option<Bytes>,
}

pub(super) fn stream(
    caller: Caller,
    options: v1::ImportOptions,
    batches: impl Stream<Item = v1::ImportBatch> + Send + 'static,
) -> BoxStream<'static, Result<v1::ImportRecordsResponse, Status>> {
    let attempts = caller.attempts();
    let import = Import {
        caller,
        options,
        batches: batches.boxed().fuse(),
        window: VecDeque::with_capacity(WINDOW),
        answered: 0,
        refused: false,
        attempts,
        call: None,
    };
    stream::try_unfold(
        import,
        |mut import| async move { Ok(import.next().await?.map(|answer| (answer, import))) },
    )
    .boxed()
}

struct Import {
    caller: Caller,
    options: v1::ImportOptions,
    batches: Fuse<BoxStream<'static, v1::ImportBatch>>,
    /// Batches without an answer, the oldest first.
    window: VecDeque<Bytes>,
    /// Batches with one, over all calls.
    answered: i64,
    /// Whether the last answer ends the import.
    refused: bool,
    attempts: Attempts,
    call: Option<Call>,
}

/// One stream to the service and back.
struct Call {
    /// None once all was sent.
    requests: Option<mpsc::Sender<Sent>>,
    answers: Streaming<v1::ImportRecordsResponse>,
    /// Batches that were answered in earlier calls: the service numbers from 0 in each.
    before: i64,
}

/// What happens next in a call.
enum Event {
    Answer(Option<v1::ImportRecordsResponse>),
    Batch(Option<v1::ImportBatch>),
}

impl Import {
    async fn next(&mut self) -> Result<Option<v1::ImportRecordsResponse>, Status> {
        loop {
            match self.step().await {
                Ok(Event::Batch(batch)) => self.send(batch),
                Ok(Event::Answer(Some(answer))) => return self.take(answer).map(Some),
                Ok(Event::Answer(None)) => return self.end().map(|()| None),
                Err(status) => {
                    self.call = None;
                    // Nothing may follow a batch that was refused, and a dry run forgot what it saw.
                    if self.refused || (self.options.dry_run && self.answered > 0) {
                        return Err(status);
                    }
                    self.attempts.pause(status).await?;
                }
            }
        }
    }

    async fn step(&mut self) -> Result<Event, Status> {
        if self.call.is_none() {
            // A service may say nothing at all before the first batch, so one is there when the call begins.
            if self.window.is_empty()
                && let Some(batch) = self.batches.next().await
            {
                return Ok(Event::Batch(Some(batch)));
            }
            if self.window.is_empty() && self.answered > 0 {
                return Ok(Event::Answer(None));
            }
            self.call = Some(self.open().await?);
        }
        let call = self.call.as_mut().expect("it was opened above");
        let wants_batch = call.requests.is_some() && self.window.len() < WINDOW;
        tokio::select! {
            answer = call.answers.message() => answer.map(Event::Answer).map_err(settled),
            batch = self.batches.next(), if wants_batch => Ok(Event::Batch(batch)),
        }
    }

    /// A new call, with the options and every batch without an answer on its way.
    async fn open(&mut self) -> Result<Call, Status> {
        // There is always room: what is in the channel was not answered yet, so it is in the window, or the options.
        let (requests, mut sent) = mpsc::channel(WINDOW + 1);
        let options = Sent { options: Some(self.options.clone()), batch: None };
        let unanswered = self.window.iter().map(|batch| Sent { options: None, batch: Some(batch.clone()) });
        for message in std::iter::once(options).chain(unanswered) {
            requests.try_send(message).expect("the receiver is here and has room");
        }
        let requests = (!self.batches.is_done()).then_some(requests);
        let mut grpc = Grpc::new(self.caller.channel.clone()).max_decoding_message_size(ANSWER_BYTES_MAX);
        grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let request = self.caller.request(stream::poll_fn(move |context| sent.poll_recv(context)));
        let path = PathAndQuery::from_static("/reform.data.v1.RecordService/ImportRecords");
        let codec = ProstCodec::<Sent, v1::ImportRecordsResponse>::default();
        let answers = grpc.streaming(request, path, codec).await.map_err(settled)?.into_inner();
        Ok(Call { requests, answers, before: self.answered })
    }

    /// Keeps a batch and puts it on its way; none is the end of the batches.
    fn send(&mut self, batch: Option<v1::ImportBatch>) {
        let requests = self.call.as_mut().map(|call| &mut call.requests);
        let Some(batch) = batch else {
            if let Some(requests) = requests {
                *requests = None;
            }
            return;
        };
        let batch = Bytes::from(repeatable(batch).encode_to_vec());
        if let Some(Some(requests)) = requests {
            // A call that takes no more says why in its answers.
            let _ = requests.try_send(Sent { options: None, batch: Some(batch.clone()) });
        }
        self.window.push_back(batch);
    }

    fn take(&mut self, mut answer: v1::ImportRecordsResponse) -> Result<v1::ImportRecordsResponse, Status> {
        answer.batch += self.call.as_ref().map_or(0, |call| call.before);
        if answer.batch != self.answered || self.window.pop_front().is_none() {
            return Err(broken(format!("an answer to batch {} came out of turn", answer.batch)));
        }
        self.answered += 1;
        self.refused = self.options.on_invalid() != OnInvalid::Skip && answer.problems_total > 0;
        self.attempts.reset();
        Ok(answer)
    }

    fn end(&self) -> Result<(), Status> {
        if self.refused || (self.window.is_empty() && self.batches.is_done()) {
            return Ok(());
        }
        Err(broken(format!("the import ended with {} batches unanswered", self.window.len())))
    }
}
