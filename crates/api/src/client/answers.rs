//! An answer that is followed across connections.

use futures::stream::{self, BoxStream, StreamExt};
use tonic::{Status, Streaming};

use super::attempts::{Attempts, is_passing, settled};
use super::caller::{ANSWER_BYTES_MAX, Caller};
use crate::analytics::v1;
use crate::analytics::v1::indicator_service_client::IndicatorServiceClient;

pub(super) fn stream(
    caller: Caller,
    request: v1::WatchIndicatorRequest,
) -> BoxStream<'static, Result<v1::QueryIndicatorResponse, Status>> {
    let attempts = caller.attempts();
    let answers = Answers { caller, request, attempts, open: None, last: None };
    stream::try_unfold(answers, |mut answers| async move {
        let answer = answers.next().await?;
        Ok(Some((answer, answers)))
    })
    .boxed()
}

struct Answers {
    caller: Caller,
    /// As it would be sent now: of the store of the last answer.
    request: v1::WatchIndicatorRequest,
    attempts: Attempts,
    open: Option<Streaming<v1::WatchIndicatorResponse>>,
    /// What was handed out last; a new connection begins with an answer that is often the same.
    last: Option<v1::QueryIndicatorResponse>,
}

impl Answers {
    async fn next(&mut self) -> Result<v1::QueryIndicatorResponse, Status> {
        loop {
            match self.message().await {
                Ok(answer) => {
                    self.attempts.reset();
                    let revision = answer.revision;
                    let is_news = self.last.as_mut().is_none_or(|last| {
                        last.revision = revision;
                        *last != answer
                    });
                    if is_news {
                        self.last = Some(answer.clone());
                        return Ok(answer);
                    }
                }
                Err(status) => {
                    self.open = None;
                    self.attempts.pause_when(is_passing(&status), status).await?;
                }
            }
        }
    }

    /// The next message of the stream, which is opened when there is none.
    async fn message(&mut self) -> Result<v1::QueryIndicatorResponse, Status> {
        if self.open.is_none() {
            let mut client = IndicatorServiceClient::new(self.caller.channel.clone())
                .max_decoding_message_size(ANSWER_BYTES_MAX);
            let request = self.caller.request(self.request.clone());
            self.open = Some(client.watch_indicator(request).await.map_err(settled)?.into_inner());
        }
        let open = self.open.as_mut().expect("it was opened above");
        let message = open.message().await.map_err(settled)?;
        let answer =
            message.ok_or_else(|| Status::unavailable("the stream ended"))?.answer.unwrap_or_default();
        if let Some(query) = &mut self.request.query {
            query.store_id.clone_from(&answer.store_id);
            // It was reached.
            query.min_revision = 0;
        }
        Ok(answer)
    }
}
