//! Lists over several pages.

use futures::{StreamExt, TryStreamExt};
use reform_api::analytics::v1 as analytics;
use reform_api::analytics::v1::indicator_service_server::{IndicatorService, IndicatorServiceServer};
use reform_api::data::v1;
use reform_api::error::Reason;
use tonic::{Request, Response, Status};

use super::fake::{Answers, Fake, Script, indicators as page_of};
use super::{reason, status};

fn page(names: &[&str], next: &str) -> v1::ListRecordsResponse {
    let records = names.iter().map(|name| v1::Record { name: (*name).to_owned(), ..v1::Record::default() });
    v1::ListRecordsResponse {
        records: records.collect(),
        next_page_token: next.to_owned(),
        ..v1::ListRecordsResponse::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_goes_through_all_pages_and_over_an_empty_one() {
    let pages = vec![page(&["a", "b"], "1"), page(&[], "2"), page(&["c"], "")];
    let refusals = [status(Reason::Starting), status(Reason::Overloaded)].into();
    let fake = Fake::new(Script { pages, refusals, ..Script::default() });
    let records: Vec<_> = fake.data().list(v1::ListRecordsRequest::default()).try_collect().await.unwrap();
    let names: Vec<_> = records.iter().map(|record| record.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    // Two refusals and three pages.
    assert_eq!(fake.script(|script| script.called.len()), 5);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_asked_for_when_it_is_wanted() {
    let pages = vec![page(&["a", "b"], "1"), page(&["c"], "")];
    let fake = Fake::new(Script { pages, ..Script::default() });
    let mut records = fake.data().list(v1::ListRecordsRequest::default());
    assert_eq!(fake.script(|script| script.called.len()), 0);
    records.try_next().await.unwrap().unwrap();
    records.try_next().await.unwrap().unwrap();
    assert_eq!(fake.script(|script| script.called.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_ends_with_its_error() {
    let fake = Fake::new(Script { pages: vec![page(&["a"], "1"), page(&["b"], "")], ..Script::default() });
    let mut records = fake.data().list(v1::ListRecordsRequest::default());
    records.try_next().await.unwrap().unwrap();
    fake.script(|script| script.refusals.push_back(status(Reason::Compacted)));
    assert_eq!(reason(&records.try_next().await.unwrap_err()).as_deref(), Some("COMPACTED"));
    assert!(records.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_damaged_record_is_no_silent_gap() {
    let damaged = v1::ListRecordsResponse { unreadable: vec!["records/x".to_owned()], ..page(&["a"], "") };
    let fake = Fake::new(Script { pages: vec![damaged], ..Script::default() });
    let listed: Vec<_> = fake.data().list(v1::ListRecordsRequest::default()).collect().await;
    assert_eq!(listed.len(), 2);
    assert_eq!(reason(listed[1].as_ref().unwrap_err()).as_deref(), Some("CORRUPT_RECORD"));
    let pages: Vec<_> =
        fake.data().list_pages(v1::ListRecordsRequest::default()).try_collect().await.unwrap();
    assert_eq!(pages[0].unreadable, ["records/x"]);
}

#[tokio::test(start_paused = true)]
async fn indicators_are_listed_over_all_pages() {
    let request = analytics::ListIndicatorsRequest::default();
    let listed: Vec<_> = Fake::default().analytics().list(request).try_collect().await.unwrap();
    let names: Vec<_> = listed.iter().map(|indicator| indicator.name.as_str()).collect();
    assert_eq!(names, ["indicators/a", "indicators/b", "indicators/c"]);
}

/// A watch that is cut once: the first connection sends one answer, the second the same at a later revision, another
/// one, and that the store has changed.
fn followed(request: analytics::WatchIndicatorRequest) -> Answers<analytics::WatchIndicatorResponse> {
    let query = request.query.unwrap_or_default();
    let answer = |revision, formula_version| {
        let (indicator, store_id) = (query.indicator.clone(), "s".to_owned());
        let series = Vec::new();
        let answer =
            analytics::QueryIndicatorResponse { indicator, formula_version, store_id, revision, series };
        Ok(analytics::WatchIndicatorResponse { answer: Some(answer) })
    };
    let messages = match (query.store_id.as_str(), query.min_revision) {
        ("", 7) => vec![answer(7, 1), Err(status(Reason::ShuttingDown))],
        ("s", 0) => vec![answer(8, 1), answer(9, 2), Err(status(Reason::StoreChanged))],
        _ => vec![Err(status(Reason::Internal))],
    };
    Box::pin(futures::stream::iter(messages))
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_followed_across_connections_and_comes_once() {
    let query = analytics::QueryIndicatorRequest { min_revision: 7, ..Default::default() };
    let request = analytics::WatchIndicatorRequest { query: Some(query) };
    let mut answers = Fake::default().analytics().watch_indicator(request);
    let mut revisions = Vec::new();
    let ended = loop {
        match answers.next().await.unwrap() {
            Ok(answer) => revisions.push(answer.revision),
            Err(status) => break status,
        }
    };
    assert_eq!(revisions, [7, 9]);
    assert_eq!(reason(&ended).as_deref(), Some("STORE_CHANGED"));
}

/// The analytics service with three indicators on two pages.
pub(super) fn indicators() -> IndicatorServiceServer<impl IndicatorService> {
    IndicatorServiceServer::new(Indicators)
}

#[derive(Debug)]
struct Indicators;

macro_rules! indicator_service {
    ($($rpc:ident($request:ident) -> $answer:ident;)*) => {
        #[tonic::async_trait]
        impl IndicatorService for Indicators {
            $(
                async fn $rpc(
                    &self,
                    _: Request<analytics::$request>,
                ) -> Result<Response<analytics::$answer>, Status> {
                    Err(status(Reason::NotImplemented))
                }
            )*

            async fn list_indicators(
                &self,
                request: Request<analytics::ListIndicatorsRequest>,
            ) -> Result<Response<analytics::ListIndicatorsResponse>, Status> {
                let page = match request.get_ref().page_token.as_str() {
                    "" => page_of(&["a", "b"], "more"),
                    _ => page_of(&["c"], ""),
                };
                Ok(Response::new(page))
            }

            type WatchIndicatorStream = Answers<analytics::WatchIndicatorResponse>;

            async fn watch_indicator(
                &self,
                request: Request<analytics::WatchIndicatorRequest>,
            ) -> Result<Response<Self::WatchIndicatorStream>, Status> {
                Ok(Response::new(followed(request.into_inner())))
            }
        }
    };
}

indicator_service! {
    get_indicator(GetIndicatorRequest) -> Indicator;
    query_indicator(QueryIndicatorRequest) -> QueryIndicatorResponse;
    batch_query_indicators(BatchQueryIndicatorsRequest) -> BatchQueryIndicatorsResponse;
    explain_point(ExplainPointRequest) -> ExplainPointResponse;
    compare_revisions(CompareRevisionsRequest) -> CompareRevisionsResponse;
    list_conflicts(ListConflictsRequest) -> ListConflictsResponse;
    get_parameter(GetParameterRequest) -> GetParameterResponse;
    simulate_election(SimulateElectionRequest) -> SimulateElectionResponse;
    render_chart(RenderChartRequest) -> RenderChartResponse;
    get_status(GetStatusRequest) -> GetStatusResponse;
}
