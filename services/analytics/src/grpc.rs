//! The contract: every handler converts, asks once, and converts back.
//!
//! `query` reads requests, `period` the dates and `page` the pages in them; `convert` writes answers; `simulate` does both
//! for elections; `fault` says which code a refusal is.

mod convert;
mod fault;
mod page;
mod period;
mod query;
mod simulate;

use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use prost::Message;
use reform_api::analytics::v1;
use reform_api::encoded;
use reform_api::encoded::indicator_service_server::{IndicatorService, IndicatorServiceServer};
use reform_indicators::parameter::lookup::look_up;
use reform_indicators::{View, conflicts, explain, seats};
use reform_runtime::calls::Deadline;
use reform_runtime::server;
use tokio::time::Instant;
use tonic::{Request, Response, Status};

use crate::answers::{Answers, Computed, Place, WAIT_MAX};
use crate::checkpoint::Folder;
use crate::grpc::query::{Format, PictureAsked, PointAsked};
use crate::picture;
use crate::refusal::Refusal;
use crate::state::State;
use crate::watching::Watching;

/// The largest answer.
const ANSWER_BYTES_MAX: usize = 3 << 20;

/// A wait ends this long before the caller's deadline, so that the caller hears why.
const DEADLINE_MARGIN: Duration = Duration::from_millis(100);

/// The service, ready to be routed.
pub(crate) fn service(
    answers: Answers,
    state: Arc<State>,
    checkpoints: Option<Folder>,
) -> IndicatorServiceServer<impl IndicatorService> {
    IndicatorServiceServer::new(Handlers { answers, state, checkpoints })
        .max_decoding_message_size(server::REQUEST_BYTES_MAX)
}

struct Handlers {
    answers: Answers,
    state: Arc<State>,
    checkpoints: Option<Folder>,
}

type Answered<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl IndicatorService for Handlers {
    async fn list_indicators(
        &self,
        request: Request<v1::ListIndicatorsRequest>,
    ) -> Answered<v1::ListIndicatorsResponse> {
        let (page, next_page_token) = query::page(request.into_inner())?;
        let indicators = page.iter().map(|definition| convert::indicator(definition)).collect();
        Ok(Response::new(v1::ListIndicatorsResponse { indicators, next_page_token }))
    }

    async fn get_indicator(&self, request: Request<v1::GetIndicatorRequest>) -> Answered<v1::Indicator> {
        let definition = query::definition(request.into_inner())?;
        Ok(Response::new(convert::indicator(definition)))
    }

    async fn query_indicator(
        &self,
        request: Request<v1::QueryIndicatorRequest>,
    ) -> Answered<encoded::Answer> {
        let give_up = give_up(&request);
        let request = request.into_inner();
        let anywhere =
            v1::QueryIndicatorRequest { min_revision: 0, store_id: String::new(), ..request.clone() };
        let (question, place) = query::one(request)?;
        let encode = |computed| Ok(only(computed)?.encode_to_vec().into());
        let answer = self.answers.encoded(anywhere.encode_to_vec(), question, place, give_up, encode).await?;
        Ok(Response::new(encoded::Answer(answer)))
    }

    async fn batch_query_indicators(
        &self,
        request: Request<v1::BatchQueryIndicatorsRequest>,
    ) -> Answered<v1::BatchQueryIndicatorsResponse> {
        let give_up = give_up(&request);
        let (questions, place) = query::batch(request.into_inner())?;
        let computed = self.answers.answer(questions, place, give_up).await?;
        within_limit(v1::BatchQueryIndicatorsResponse { answers: convert::answers(computed) })
    }

    type WatchIndicatorStream = tonic::codegen::BoxStream<v1::WatchIndicatorResponse>;

    async fn watch_indicator(
        &self,
        request: Request<v1::WatchIndicatorRequest>,
    ) -> Answered<Self::WatchIndicatorStream> {
        let give_up = give_up(&request);
        let (question, place) = query::watched(request.into_inner())?;
        let (first, watching) = Watching::begin(self.answers.clone(), question, place, give_up, only).await?;
        let later = stream::try_unfold(watching, |mut watching| async move {
            let answer = watching.next().await?;
            Ok::<_, Status>(Some((answer, watching)))
        });
        let answers = stream::iter([Ok(first)]).chain(later);
        let message = |answer| v1::WatchIndicatorResponse { answer: Some(answer) };
        Ok(Response::new(answers.map_ok(message).boxed()))
    }

    async fn explain_point(
        &self,
        request: Request<v1::ExplainPointRequest>,
    ) -> Answered<v1::ExplainPointResponse> {
        let give_up = give_up(&request);
        let (PointAsked { question, labels, period, label }, place, page) =
            query::point(request.into_inner())?;
        let indicator = question.query.indicator.clone();
        let explained = self.answers.read_of(indicator, place, give_up, move |view| {
            let found = explain(view, &question.query, &labels, period, &label);
            let found = found.map_err(|error| question.refusal(error))?;
            let (range, next_page_token) =
                page.of(view, found.contributions.len() + found.exclusions.len())?;
            let page = convert::explanation(found, range);
            Ok(v1::ExplainPointResponse { revision: view.revision(), next_page_token, ..page })
        });
        within_limit(explained.await?)
    }

    async fn compare_revisions(
        &self,
        request: Request<v1::CompareRevisionsRequest>,
    ) -> Answered<v1::CompareRevisionsResponse> {
        let give_up = give_up(&request);
        let (question, revisions, place, page) = query::comparison(request.into_inner())?;
        let page = move |view: &View, total| page.of(view, total);
        let (changes, next_page_token) =
            self.answers.compare(question, revisions, place, give_up, page).await?;
        let changes = changes.into_iter().map(convert::moved).collect();
        within_limit(v1::CompareRevisionsResponse { changes, next_page_token })
    }

    async fn list_conflicts(
        &self,
        request: Request<v1::ListConflictsRequest>,
    ) -> Answered<v1::ListConflictsResponse> {
        let give_up = give_up(&request);
        let (jurisdictions, variable, page) = query::conflicts(request.into_inner())?;
        let listed = self.answers.read(Place::default(), give_up, move |view| {
            let mut all = conflicts(view, &jurisdictions, variable.as_ref());
            let (range, next_page_token) = page.of(view, all.len())?;
            let conflicts = all.drain(range).map(convert::conflict).collect();
            Ok(v1::ListConflictsResponse { conflicts, next_page_token, revision: view.revision() })
        });
        within_limit(listed.await?)
    }

    async fn get_parameter(
        &self,
        request: Request<v1::GetParameterRequest>,
    ) -> Answered<v1::GetParameterResponse> {
        let give_up = give_up(&request);
        let (name, jurisdiction, valid_at) = query::parameter(request.into_inner())?;
        let told = self.answers.read(Place::default(), give_up, move |view| {
            let told = look_up(view, &name, &jurisdiction, valid_at)
                .map_err(|error| Refusal::Query { prefix: String::new(), error })?;
            Ok(convert::parameter_told(told, view.revision()))
        });
        within_limit(told.await?)
    }

    async fn simulate_election(
        &self,
        request: Request<v1::SimulateElectionRequest>,
    ) -> Answered<v1::SimulateElectionResponse> {
        let give_up = give_up(&request);
        let asked = simulate::asked(request.into_inner())?;
        let told = self.answers.read(Place::default(), give_up, move |view| {
            let simulated = seats::simulate::simulate(view, &asked)
                .map_err(|error| Refusal::Query { prefix: String::new(), error })?;
            Ok(simulate::response(simulated, view.revision()))
        });
        within_limit(told.await?)
    }

    async fn render_chart(
        &self,
        request: Request<v1::RenderChartRequest>,
    ) -> Answered<v1::RenderChartResponse> {
        let give_up = give_up(&request);
        let (PictureAsked { question, filter, format, size }, place) = query::picture(request.into_inner())?;
        let indicator = question.query.indicator.clone();
        let drawn = self.answers.read_of(indicator, place, give_up, move |view| {
            let chart = picture::of(view, &question, &filter)?;
            let (image, content_type) = match format {
                Format::Svg => (chart.svg(size).into_bytes(), "image/svg+xml"),
                Format::Png => (chart.png(size), "image/png"),
            };
            let content_type = content_type.to_owned();
            Ok(v1::RenderChartResponse { image: image.into(), content_type, revision: view.revision() })
        });
        within_limit(drawn.await?)
    }

    async fn get_status(&self, _: Request<v1::GetStatusRequest>) -> Answered<v1::GetStatusResponse> {
        let set_aside = self.state.view().map_or(0, |view| self.answers.aside().count(&view));
        let status = convert::status(&self.state);
        let status = v1::GetStatusResponse { quarantined: status.quarantined + set_aside, ..status };
        let mut response = Response::new(status);
        if let Some(folder) = self.checkpoints.clone() {
            let age = tokio::task::spawn_blocking(move || folder.age()).await.unwrap_or_default();
            let age = age.map_or(-1, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
            response.metadata_mut().insert(reform_api::CHECKPOINT_AGE, age.into());
        }
        Ok(response)
    }
}

/// Whether a request of that method is read and found right; nothing is asked of a view.
pub(crate) fn is_right(method: &str, bytes: &[u8]) -> bool {
    fn right<M: Message + Default, T, E>(bytes: &[u8], read: impl Fn(M) -> Result<T, E>) -> bool {
        M::decode(bytes).is_ok_and(|message| read(message).is_ok())
    }
    match method {
        "ListIndicators" => right(bytes, query::page),
        "GetIndicator" => right(bytes, query::definition),
        "QueryIndicator" => right(bytes, query::one),
        "BatchQueryIndicators" => right(bytes, query::batch),
        "WatchIndicator" => right(bytes, query::watched),
        "ExplainPoint" => right(bytes, query::point),
        "CompareRevisions" => right(bytes, query::comparison),
        "ListConflicts" => right(bytes, query::conflicts),
        "GetParameter" => right(bytes, query::parameter),
        "SimulateElection" => right(bytes, simulate::asked),
        "RenderChart" => right(bytes, query::picture),
        _ => v1::GetStatusRequest::decode(bytes).is_ok(),
    }
}

/// When a wait for a revision ends.
fn give_up<T>(request: &Request<T>) -> Instant {
    let latest = Instant::now() + WAIT_MAX;
    Deadline::of(request).map_or(latest, |deadline| deadline.before(DEADLINE_MARGIN).min(latest))
}

/// The answer to the only question.
fn only(computed: Computed) -> Result<v1::QueryIndicatorResponse, Refusal> {
    limited(convert::answers(computed).pop().ok_or(Refusal::Internal)?)
}

fn within_limit<M: Message>(answer: M) -> Answered<M> {
    Ok(Response::new(limited(answer)?))
}

fn limited<M: Message>(answer: M) -> Result<M, Refusal> {
    let bytes = answer.encoded_len();
    if bytes > ANSWER_BYTES_MAX { Err(Refusal::TooLarge { bytes }) } else { Ok(answer) }
}

#[cfg(test)]
mod tests {
    use reform_api::error::{Reason, reason};

    use super::*;

    #[test]
    fn an_answer_over_three_mebibytes_is_refused() {
        // A field of this length has a tag of one byte and a length of four.
        let of = |bytes: usize| v1::WatchIndicatorResponse {
            answer: Some(v1::QueryIndicatorResponse {
                store_id: "x".repeat(bytes - 10),
                ..Default::default()
            }),
        };
        assert!(within_limit(of(ANSWER_BYTES_MAX)).is_ok());
        let status = within_limit(of(ANSWER_BYTES_MAX + 1)).unwrap_err();
        assert_eq!(reason(&status).as_deref(), Some(Reason::AnswerTooLarge.as_str()));
    }
}
