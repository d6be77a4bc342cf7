//! An answer now and whenever it has changed.
//!
//! Nothing is queued: the next answer is computed when the reader takes it, from the newest view there is then. So a slow
//! reader misses what lay between and never lags behind by more than what the transport holds.

use std::time::Duration;

use prost::Message;
use reform_api::analytics::v1::QueryIndicatorResponse;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::answers::{Answers, Computed, Place, Question, WAIT_MAX};
use crate::refusal::Refusal;
use crate::state::Progress;

/// The shortest time between two computations for one watcher, however many commits come.
const PAUSE_MIN: Duration = Duration::from_millis(100);

/// How an answer becomes a message of the contract.
pub(crate) type Convert = fn(Computed) -> Result<QueryIndicatorResponse, Refusal>;

/// One watcher.
#[derive(Debug)]
pub(crate) struct Watching {
    answers: Answers,
    question: Question,
    /// The store is that of the first answer.
    place: Place,
    convert: Convert,
    steps: watch::Receiver<Progress>,
    /// The revision of the last computation, and when it began.
    computed: i64,
    begun: Instant,
    /// Of the last answer that was sent, without its revision.
    sent: [u8; 32],
}

impl Watching {
    /// Waits for the place and computes the first answer.
    ///
    /// # Errors
    /// As for any query.
    pub(crate) async fn begin(
        answers: Answers,
        question: Question,
        place: Place,
        give_up: Instant,
        convert: Convert,
    ) -> Result<(QueryIndicatorResponse, Self), Refusal> {
        // Subscribed before it is computed, so that no commit falls between the two.
        let steps = answers.subscribe();
        let begun = Instant::now();
        let computed = answers.answer(vec![question.clone()], place.clone(), give_up).await?;
        let place = Place { store_id: computed.store_id.clone(), ..Place::default() };
        let revision = computed.revision;
        let answer = convert(computed)?;
        let sent = digest(&answer);
        Ok((answer, Self { answers, question, place, convert, steps, computed: revision, begun, sent }))
    }

    /// The next answer that differs from the one before in more than its revision.
    ///
    /// # Errors
    /// As for any query, and [`Refusal::StoreChanged`] once another store is followed.
    pub(crate) async fn next(&mut self) -> Result<QueryIndicatorResponse, Refusal> {
        loop {
            self.newer().await?;
            self.begun = Instant::now();
            let question = vec![self.question.clone()];
            let give_up = self.begun + WAIT_MAX;
            let computed = match self.answers.answer(question, self.place.clone(), give_up).await {
                Ok(computed) => computed,
                // The view is gone for the moment: the next one tells whether it is of the same store.
                Err(Refusal::Starting) => continue,
                Err(refusal) => return Err(refusal),
            };
            self.computed = computed.revision;
            let answer = (self.convert)(computed)?;
            let digest = digest(&answer);
            if self.sent != digest {
                self.sent = digest;
                return Ok(answer);
            }
        }
    }

    /// Waits until there is a view that was not answered from, and for the pause between two computations.
    async fn newer(&mut self) -> Result<(), Refusal> {
        let stop = self.answers.stopping().clone();
        let (computed, store_id) = (self.computed, &*self.place.store_id);
        let other = |progress: &Progress| {
            progress.applied.is_some_and(|applied| applied != computed || *progress.store_id != *store_id)
        };
        let waiting = async {
            let news = self.steps.wait_for(other).await.map(drop);
            sleep_until(self.begun + PAUSE_MIN).await;
            news
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(Refusal::ShuttingDown),
            news = waiting => news.map_err(|_| Refusal::ShuttingDown),
        }
    }
}

/// Stands for everything but the revision.
fn digest(answer: &QueryIndicatorResponse) -> [u8; 32] {
    let QueryIndicatorResponse { indicator, formula_version, store_id, revision: _, series } = answer;
    let mut digest = Sha256::new();
    for series in series {
        digest.update(series.encode_length_delimited_to_vec());
    }
    digest.update(formula_version.to_be_bytes());
    digest.update(indicator);
    digest.update(store_id);
    digest.finalize().into()
}
