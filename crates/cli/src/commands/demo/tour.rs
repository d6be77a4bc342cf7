//! Three lines to paste into another terminal.

use super::headlines::Headlines;
use super::pair::Pair;

/// The lines, with the ports of this run; `revision` is the newest one now.
pub(super) fn text(pair: &Pair, headlines: &Headlines, revision: i64) -> String {
    let (data, analytics) = (pair.data(), pair.analytics());
    let create = format!(r#"{{"record":{},"reason":"a try"}}"#, headlines.tour.appeal.trim());
    let query = format!(
        r#"{{"indicator":"indicators/{}","origin":"ORIGIN_COUNTED","minRevision":{}}}"#,
        headlines.tour.indicator,
        revision + 1
    );
    format!(
        "Try it: what is served, a new appeal, and the indicator that counts it at once:\n\n\
         grpcurl -plaintext {data} list && grpcurl -plaintext {analytics} list\n\
         grpcurl -plaintext -d '{create}' {data} reform.data.v1.RecordService/CreateRecord\n\
         grpcurl -plaintext -d '{query}' {analytics} reform.analytics.v1.IndicatorService/QueryIndicator\n\n\
         Or: reform --data http://{data} --analytics http://{analytics} status"
    )
}
