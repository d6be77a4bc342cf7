//! The analytics service.

use futures::stream::BoxStream;
use tonic::Status;

use super::answers;
use super::caller::{ANSWER_BYTES_MAX, Caller, Settings, calls, handle};
use super::credentials::Credentials;
use super::link::Link;
use super::pages::{items, paged, pages};
use crate::analytics::v1;
use crate::analytics::v1::indicator_service_client::IndicatorServiceClient;

/// Indicators; see the [module](crate::client) for what every call keeps to.
#[derive(Debug, Clone)]
pub struct AnalyticsClient {
    caller: Caller,
}

handle!(AnalyticsClient);

fn indicators(channel: Link) -> IndicatorServiceClient<Link> {
    IndicatorServiceClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)
}

calls! { AnalyticsClient:
    /// One page of the indicators; [`AnalyticsClient::list`] reads all.
    indicators.list_indicators(v1::ListIndicatorsRequest) -> v1::ListIndicatorsResponse;
    /// What one indicator is.
    indicators.get_indicator(v1::GetIndicatorRequest) -> v1::Indicator;
    /// One indicator as series.
    indicators.query_indicator(v1::QueryIndicatorRequest) -> v1::QueryIndicatorResponse;
    /// Several queries at one revision.
    indicators.batch_query_indicators(v1::BatchQueryIndicatorsRequest) -> v1::BatchQueryIndicatorsResponse;
    /// One page of what is behind a point.
    indicators.explain_point(v1::ExplainPointRequest) -> v1::ExplainPointResponse;
    /// One page of what differs between two revisions; [`AnalyticsClient::compare`] reads all.
    indicators.compare_revisions(v1::CompareRevisionsRequest) -> v1::CompareRevisionsResponse;
    /// One page of the observations that contradict each other; [`AnalyticsClient::conflicts`] reads all.
    indicators.list_conflicts(v1::ListConflictsRequest) -> v1::ListConflictsResponse;
    /// A legal parameter on a day, and its steps.
    indicators.get_parameter(v1::GetParameterRequest) -> v1::GetParameterResponse;
    /// Votes turned into seats.
    indicators.simulate_election(v1::SimulateElectionRequest) -> v1::SimulateElectionResponse;
    /// The drawing of an answer.
    indicators.render_chart(v1::RenderChartRequest) -> v1::RenderChartResponse;
    /// Which revision is answered, and how far behind it is.
    indicators.get_status(v1::GetStatusRequest) -> v1::GetStatusResponse;
}

impl AnalyticsClient {
    /// Every indicator, page after page; `request.page_size` is how many are fetched at once.
    pub fn list(
        &self,
        request: v1::ListIndicatorsRequest,
    ) -> BoxStream<'static, Result<v1::Indicator, Status>> {
        let client = self.clone();
        items(pages(request, move |request| {
            let client = client.clone();
            async move { client.list_indicators(request).await }
        }))
    }

    /// The answer now and whenever it has changed, across restarts and broken connections; an answer that differs in its
    /// revision only is not handed out again. Ends with the first other error, such as STORE_CHANGED once another store
    /// is followed, or with UNAVAILABLE when [`Settings::retry_for`] went by without an answer.
    pub fn watch_indicator(
        &self,
        request: v1::WatchIndicatorRequest,
    ) -> BoxStream<'static, Result<v1::QueryIndicatorResponse, Status>> {
        answers::stream(self.caller.clone(), request)
    }

    /// Every point that differs between two revisions, page after page.
    pub fn compare(
        &self,
        request: v1::CompareRevisionsRequest,
    ) -> BoxStream<'static, Result<v1::PointChange, Status>> {
        let client = self.clone();
        items(pages(request, move |request| {
            let client = client.clone();
            async move { client.compare_revisions(request).await }
        }))
    }

    /// Every contradiction, page after page.
    pub fn conflicts(
        &self,
        request: v1::ListConflictsRequest,
    ) -> BoxStream<'static, Result<v1::Conflict, Status>> {
        let client = self.clone();
        items(pages(request, move |request| {
            let client = client.clone();
            async move { client.list_conflicts(request).await }
        }))
    }
}

paged!(v1::ListIndicatorsRequest, v1::ListIndicatorsResponse, indicators: v1::Indicator);
paged!(v1::CompareRevisionsRequest, v1::CompareRevisionsResponse, changes: v1::PointChange);
paged!(v1::ListConflictsRequest, v1::ListConflictsResponse, conflicts: v1::Conflict);
