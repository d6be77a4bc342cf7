//! Waits for a revision, then computes everything that one call asks for at one revision; `place` is which.

mod place;

use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost_types::Timestamp;
use reform_api::client::DataClient;
use reform_api::data::v1;
use reform_indicators::{Answer, Query, QueryError, View, catalogue};
use reform_runtime::background;
use reform_runtime::queue::Queue;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::aside::Aside;
use crate::compare::{self, Explained, Two};
use crate::past::{self, Limits, Past};
use crate::refusal::Refusal;
use crate::remembered::Remembered;
use crate::state::{Progress, State};
pub(crate) use place::{AsOf, Place};

/// The longest wait for a revision.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(10);

/// One question of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    /// What stands before the paths of its fields in an error.
    pub(crate) prefix: String,
    /// What is asked.
    pub(crate) query: Query,
}

/// Answers, and what they were computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Computed {
    /// The store.
    pub(crate) store_id: String,
    /// The revision of all of them.
    pub(crate) revision: i64,
    /// In the order of the questions.
    pub(crate) answers: Vec<Answer>,
}

/// Answers from the state, as far as the data service has told it.
#[derive(Debug, Clone)]
pub(crate) struct Answers {
    state: Arc<State>,
    data: DataClient,
    stop: CancellationToken,
    /// A computation holds a processor; more of them than processors would only wait for each other.
    computing: Queue,
    aside: Aside,
    remembered: Remembered,
    past: Past,
}

impl Answers {
    /// `stop` ends every wait.
    pub(crate) fn new(state: Arc<State>, data: DataClient, stop: CancellationToken, past: Limits) -> Self {
        Self {
            past: Past::new(data.clone(), state.clone(), stop.clone(), past),
            state,
            data,
            stop,
            computing: Queue::new(background::processors()),
            aside: Aside::default(),
            remembered: Remembered::default(),
        }
    }

    /// Bytes of answers that are kept.
    pub(crate) fn remembered_bytes(&self) -> usize {
        self.remembered.bytes()
    }

    /// Views of earlier revisions that are kept.
    pub(crate) fn past_views(&self) -> usize {
        self.past.count()
    }

    /// Tells every step of the state.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Progress> {
        self.state.subscribe()
    }

    /// The records that are set aside.
    pub(crate) fn aside(&self) -> &Aside {
        &self.aside
    }

    /// Cancelled when the service stops.
    pub(crate) fn stopping(&self) -> &CancellationToken {
        &self.stop
    }

    /// Answers all questions at one revision; gives up waiting for the place at `give_up`.
    pub(crate) async fn answer(
        &self,
        questions: Vec<Question>,
        place: Place,
        give_up: Instant,
    ) -> Result<Computed, Refusal> {
        let aside = self.aside.clone();
        self.read(place, give_up, move |view| compute(&aside, view, &questions)).await
    }

    /// Answers one question in the form that `encode` gives the answer; `asked` is the whole question, place left out. What
    /// was answered before from the same records is answered again at once.
    pub(crate) async fn encoded(
        &self,
        asked: Vec<u8>,
        question: Question,
        place: Place,
        give_up: Instant,
        encode: impl FnOnce(Computed) -> Result<Bytes, Refusal> + Send + 'static,
    ) -> Result<Bytes, Refusal> {
        let newest = place.as_of.is_none();
        if newest {
            self.reach(&place, give_up).await?;
            if let Some(view) = self.state.view()
                && place.check(&view).is_ok()
                && let Some(answer) = self.remembered.answer(&view, &asked)
            {
                self.state.counts.kept_hits.inc();
                return Ok(answer);
            }
            self.state.counts.kept_misses.inc();
        }
        let (aside, remembered) = (self.aside.clone(), self.remembered.clone());
        let compute = move |view: &View| {
            let answer = encode(compute(&aside, view, &[question])?)?;
            if newest {
                remembered.keep(view, asked, &answer);
            }
            Ok(answer)
        };
        self.read(place, give_up, compute).await
    }

    /// Computes anything of one indicator from the view at one revision, without the records that make it fail.
    pub(crate) async fn read_of<T: Send + 'static>(
        &self,
        indicator: String,
        place: Place,
        give_up: Instant,
        compute: impl Fn(&View) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let aside = self.aside.clone();
        self.read(place, give_up, move |view| aside.compute(view, &indicator, compute)).await
    }

    /// Computes anything from the view at one revision; gives up waiting for the place at `give_up`.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        place: Place,
        give_up: Instant,
        compute: impl FnOnce(&View) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let earlier = match place.as_of {
            None => {
                self.reach(&place, give_up).await?;
                None
            }
            Some(as_of) => Some(self.view(as_of, &place, give_up).await?),
        };
        let state = self.state.clone();
        self.computed(move || {
            if let Some(view) = earlier {
                return compute(&view);
            }
            // Since the wait the store may have changed.
            let view = state.view().ok_or(Refusal::Starting)?;
            place.check(&view)?;
            compute(&view)
        })
        .await
    }

    /// Computes on a thread of its own, as soon as a processor is free.
    async fn computed<T: Send + 'static>(
        &self,
        compute: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let permit = self
            .computing
            .turn()
            .await
            .map_err(|_late| Refusal::Overloaded("too much is computed at once"))?;
        let seconds = self.state.counts.compute.clone();
        background::run(move || {
            let _permit = permit;
            let begun = Instant::now();
            let computed = compute();
            seconds.observe(begun.elapsed().as_secs_f64());
            computed
        })
        .await
    }

    /// The view at a point in history; a revision that is not applied yet is waited for.
    pub(crate) async fn view(
        &self,
        as_of: AsOf,
        place: &Place,
        give_up: Instant,
    ) -> Result<Arc<View>, Refusal> {
        let revision = match as_of {
            AsOf::Revision(revision) => revision,
            AsOf::Time(time) => {
                // Only then is it known whose time is asked.
                self.reach(place, give_up).await?;
                self.revision_at(time, give_up).await?
            }
        };
        let reached = Place { min_revision: place.min_revision.max(revision), ..place.clone() };
        self.reach(&reached, give_up).await?;
        let view = self.state.view().ok_or(Refusal::Starting)?;
        reached.check(&view)?;
        if view.revision() == revision { Ok(view) } else { self.past.view(revision, give_up).await }
    }

    /// The last revision committed at or before a time.
    async fn revision_at(&self, time: Timestamp, give_up: Instant) -> Result<i64, Refusal> {
        let progress = self.state.progress();
        let point = Some(v1::as_of::Point::Time(time));
        let as_of = Some(v1::AsOf { store_id: progress.store_id.to_string(), point });
        // The revision of the count is all that is wanted: of what there is least of.
        let filter = "kind = \"variable\"".to_owned();
        let count = v1::CountRecordsRequest { filter, as_of, ..Default::default() };
        tokio::select! {
            counted = self.data.count_records(count) => match counted {
                Ok(counted) => Ok(counted.revision),
                Err(status) => Err(past::refusal(&status, progress.head, &progress)),
            },
            () = sleep_until(give_up) => Err(Place::default().not_reached(&progress)),
            () = self.stop.cancelled() => Err(Refusal::ShuttingDown),
        }
    }

    /// What differs between two revisions of an answer, the page of it that `page` chooses, and its token.
    pub(crate) async fn compare(
        &self,
        question: Question,
        revisions: Two<i64>,
        place: Place,
        give_up: Instant,
        page: impl FnOnce(&View, usize) -> Result<(Range<usize>, String), Refusal> + Send + 'static,
    ) -> Result<(Vec<Explained>, String), Refusal> {
        // The later one may have to be waited for; made after the earlier one it is made from that.
        self.reach(&Place { min_revision: revisions.after, ..place.clone() }, give_up).await?;
        let before = self.view(AsOf::Revision(revisions.before), &place, give_up).await?;
        let after = self.view(AsOf::Revision(revisions.after), &place, give_up).await?;
        let store_id = after.store_id().to_owned();
        if before.store_id() != store_id {
            let asked = before.store_id().to_owned();
            return Err(Refusal::StoreChanged { asked, followed: store_id });
        }
        // Explaining many points takes long, and ends with the caller.
        let gone = CancellationToken::new();
        let _present = gone.clone().drop_guard();
        let aside = self.aside.clone();
        let compared =
            move || compared(&aside, Two { before: &before, after: &after }, &question, page, &gone);
        let (mut explained, token) = self.computed(compared).await?;
        let names = explained.iter().flat_map(|one| one.suspects.iter().cloned()).collect();
        let changes = compare::changes(&self.data, &store_id, revisions, &names).await;
        let changes =
            changes.map_err(|status| past::refusal(&status, revisions.before, &self.state.progress()))?;
        for one in &mut explained {
            one.blame(&changes);
        }
        Ok((explained, token))
    }

    /// Waits until the view has reached the place.
    async fn reach(&self, place: &Place, give_up: Instant) -> Result<(), Refusal> {
        let mut steps = self.state.subscribe();
        let mut confirmed = false;
        let mut confirming = pin!(self.confirm(place));
        loop {
            let progress = steps.borrow_and_update().clone();
            if place.is_reached(&progress)? {
                return Ok(());
            }
            // A revision beyond the head that the feed told may be news, or an error of the caller.
            let confirm = !confirmed && progress.applied.is_some() && place.min_revision > progress.head;
            tokio::select! {
                step = steps.changed() => if step.is_err() { return Err(Refusal::ShuttingDown) },
                ahead = &mut confirming, if confirm => {
                    confirmed = true;
                    ahead?;
                }
                () = sleep_until(give_up) => return Err(place.not_reached(&progress)),
                () = self.stop.cancelled() => return Err(Refusal::ShuttingDown),
            }
        }
    }

    /// Asks the data service whether the revision exists; without an answer it is waited for like any other.
    async fn confirm(&self, place: &Place) -> Result<(), Refusal> {
        let Ok(status) = self.data.get_status(v1::GetStatusRequest {}).await else { return Ok(()) };
        let (store_id, head) = (status.store_id, status.head_revision);
        if *self.state.progress().store_id != store_id {
            return Ok(());
        }
        self.state.saw_head(&store_id, head);
        if head < place.min_revision {
            return Err(Refusal::RevisionAhead { wanted: place.min_revision, head });
        }
        Ok(())
    }
}

impl Question {
    /// The refusal of an error in this question.
    pub(crate) fn refusal(&self, error: QueryError) -> Refusal {
        Refusal::Query { prefix: self.prefix.clone(), error }
    }
}

fn compute(aside: &Aside, view: &View, questions: &[Question]) -> Result<Computed, Refusal> {
    let (store_id, revision) = (view.store_id().to_owned(), view.revision());
    let answers = questions.iter().map(|question| answer(aside, view, question));
    Ok(Computed { store_id, revision, answers: answers.collect::<Result<_, _>>()? })
}

fn answer(aside: &Aside, view: &View, question: &Question) -> Result<Answer, Refusal> {
    let answer =
        aside.compute(view, &question.query.indicator, |view| catalogue::answer(view, &question.query));
    answer.map_err(|error| question.refusal(error))
}

fn compared(
    aside: &Aside,
    views: Two<&View>,
    question: &Question,
    page: impl FnOnce(&View, usize) -> Result<(Range<usize>, String), Refusal>,
    gone: &CancellationToken,
) -> Result<(Vec<Explained>, String), Refusal> {
    let answer = |view| answer(aside, view, question);
    let mut moved = compare::moved(Two { before: answer(views.before)?, after: answer(views.after)? });
    let rest = |view| aside.rest(view, &question.query.indicator);
    let (before, after) = (rest(views.before), rest(views.after));
    let (range, token) = page(views.after, moved.len())?;
    let explained = moved.drain(range).map(|moved| {
        if gone.is_cancelled() {
            return Err(Refusal::Internal);
        }
        let views = Two { before: &*before, after: &*after };
        Explained::of(views, &question.query, moved).map_err(|error| question.refusal(error))
    });
    Ok((explained.collect::<Result<_, _>>()?, token))
}
