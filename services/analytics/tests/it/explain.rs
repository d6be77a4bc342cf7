//! What is behind a point, what contradicts what, and what a legal parameter was.

use reform_api::analytics::v1;
use reform_api::data;
use reform_api::data::v1::Record;
use reform_api::error::Reason;
use tonic::Status;
use tonic_types::StatusExt;

use crate::fake::{Script, put};
use crate::pair::{Pair, appeal, appeals, assert_refused, record, store};

fn year(year: i32) -> data::v1::Period {
    let date = data::v1::Date { year: Some(year), ..Default::default() };
    data::v1::Period { start: Some(date.clone()), end: Some(date) }
}

fn ask(page_size: i32, page_token: &str) -> v1::ExplainPointRequest {
    v1::ExplainPointRequest {
        query: Some(appeals()),
        period: Some(year(2023)),
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    }
}

/// Three appeals of 2023, written by the revisions 2 to 4, and two of 2022.
fn history() -> Script {
    let mut script = store("a", 3);
    script.commits.push(vec![put(appeal("earlier-0", 2022)), put(appeal("earlier-1", 2022))]);
    script.released = script.commits.len();
    script
}

fn fields(status: &Status) -> Vec<String> {
    assert_refused(status, Reason::FieldViolations);
    let details = status.get_details_bad_request().unwrap();
    details.field_violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn pages_of_an_explanation_are_the_whole_of_it() {
    let mut pair = Pair::start(history()).await;
    pair.ask(5).await.unwrap();
    let whole = pair.client.explain_point(ask(0, "")).await.unwrap().into_inner();
    assert_eq!((whole.revision, whole.next_page_token.as_str()), (5, ""));
    assert_eq!(whole.formula, "number of appeals with filed_on in the period");
    let brought: Vec<_> =
        whole.contributions.iter().map(|one| (one.revision, one.contribution.as_str())).collect();
    assert_eq!(brought, [(2, "1"), (3, "1"), (4, "1")]);
    let left_out: Vec<_> = whole.exclusions.iter().map(|one| (one.revision, one.reason.as_str())).collect();
    assert_eq!(left_out, [(5, "OUTSIDE_PERIOD"); 2]);
    assert_eq!(whole.labels["jurisdiction"], "KZ");

    let mut walked = v1::ExplainPointResponse { next_page_token: String::new(), ..whole.clone() };
    (walked.contributions, walked.exclusions) = (Vec::new(), Vec::new());
    let mut token = String::new();
    let mut sizes = Vec::new();
    loop {
        let page = pair.client.explain_point(ask(2, &token)).await.unwrap().into_inner();
        sizes.push(page.contributions.len() + page.exclusions.len());
        walked.contributions.extend(page.contributions);
        walked.exclusions.extend(page.exclusions);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert_eq!(walked, whole);
}

#[tokio::test]
async fn a_token_holds_for_its_query_and_revision() {
    let mut pair = Pair::start(history()).await;
    pair.ask(5).await.unwrap();
    let token = pair.client.explain_point(ask(2, "")).await.unwrap().into_inner().next_page_token;
    let other = v1::ExplainPointRequest { period: Some(year(2022)), ..ask(2, &token) };
    assert_refused(&pair.client.explain_point(other).await.unwrap_err(), Reason::PageTokenInvalid);
    assert_refused(&pair.client.explain_point(ask(2, "00")).await.unwrap_err(), Reason::PageTokenInvalid);
    pair.client.explain_point(ask(3, &token)).await.unwrap();
    pair.data.commit(vec![put(appeal("later", 2023))]);
    pair.ask(6).await.unwrap();
    assert_refused(&pair.client.explain_point(ask(2, &token)).await.unwrap_err(), Reason::PageTokenInvalid);
}

#[tokio::test]
async fn what_names_no_point_is_a_wrong_field() {
    let mut pair = Pair::start(history()).await;
    pair.ask(5).await.unwrap();
    let bad_query = v1::QueryIndicatorRequest { granularity: 77, ..appeals() };
    for (request, expected) in [
        (
            v1::ExplainPointRequest { query: None, period: None, ..ask(-1, "") },
            vec!["page_size", "query", "period"],
        ),
        (v1::ExplainPointRequest { query: Some(bad_query), ..ask(0, "") }, vec!["query.granularity"]),
        (v1::ExplainPointRequest { period: Some(year(1999)), ..ask(0, "") }, vec!["period"]),
        (v1::ExplainPointRequest { label: "x".into(), ..ask(0, "") }, vec!["label"]),
        (
            v1::ExplainPointRequest { labels: [("channel".into(), "x".into())].into(), ..ask(0, "") },
            vec!["labels"],
        ),
    ] {
        assert_eq!(fields(&pair.client.explain_point(request).await.unwrap_err()), expected);
    }
}

fn observation(id: &str, year: i32, value: &str, more: &str) -> Record {
    record(&format!(
        r#"{{"name": "records/{id}", "jurisdiction": "KZ", "title": "{id}", {more}
            "citations": [{{"source": "records/source"}}], "observation": {{
            "variable": "records/v", "basis": "BASIS_IN_PERIOD",
            "period": {{"start": {{"year": {year}}}, "end": {{"year": {year}}}}},
            "quantity": {{"decimal": "{value}", "comparator": "COMPARATOR_EXACT"}}}}}}"#
    ))
}

const ADOPTED: &str = r#"{"kind": "KIND_ADOPTED", "date": {"year": 2020}, "status": "STATUS_ACTUAL"}"#;

const VARIABLE: &str = r#"{"name": "records/v", "title": "V", "variable": {"unit": "members"}}"#;

#[tokio::test]
async fn conflicts_come_in_pages() {
    let claim = r#""discrepancies": [{"fieldPath": "observation.quantity", "claimed": "9",
        "resolution": "RESOLUTION_UNRESOLVED", "reason": "two tables differ"}],"#;
    let records = [
        record(VARIABLE),
        observation("a", 2022, "5", ""),
        observation("b", 2022, "7", r#""rank": "RANK_PREFERRED","#),
        observation("c", 2023, "8", claim),
    ];
    let mut pair = Pair::start(Script::new("a", vec![records.map(put).to_vec()])).await;
    pair.ask(1).await.unwrap();
    let list = |page_token: &str| v1::ListConflictsRequest {
        page_size: 1,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    let first = pair.client.list_conflicts(list("")).await.unwrap().into_inner();
    let last = pair.client.list_conflicts(list(&first.next_page_token)).await.unwrap().into_inner();
    assert_eq!((first.revision, last.next_page_token.as_str()), (1, ""));
    let [rivals, claimed] = [&first.conflicts[0], &last.conflicts[0]];
    assert_eq!(rivals.records, ["records/b", "records/a"]);
    assert_eq!((rivals.why.as_str(), rivals.period.clone()), ("rank", Some(year(2022))));
    assert_eq!(rivals.gap.as_ref().unwrap().value.as_deref(), Some("2"));
    assert_eq!(claimed.records, ["records/c"]);
    assert_eq!(claimed.why, "observation.quantity: claimed 9, UNRESOLVED: two tables differ");
    let other = v1::ListConflictsRequest { variable: "records/v".into(), ..list(&first.next_page_token) };
    assert_refused(&pair.client.list_conflicts(other).await.unwrap_err(), Reason::PageTokenInvalid);
    let nameless = v1::ListConflictsRequest { variable: "v".into(), ..list("") };
    assert_eq!(fields(&pair.client.list_conflicts(nameless).await.unwrap_err()), ["variable"]);
}

fn reform(id: &str, stages: &str, before: i64, after: i64, effective: &str) -> Record {
    let quantity = |number: i64| format!(r#"{{"decimal": "{number}", "comparator": "COMPARATOR_EXACT"}}"#);
    record(&format!(
        r#"{{"name": "records/{id}", "jurisdiction": "KZ", "title": "{id}",
            "citations": [{{"source": "records/source"}}], "reform": {{"area": "AREA_ELECTIONS", "stages": [{stages}],
            "parameterChanges": [{{"parameter": "records/v", "before": {}, "after": {} {effective}}}]}}}}"#,
        quantity(before),
        quantity(after)
    ))
}

#[tokio::test]
async fn a_parameter_is_what_it_was_on_a_day() {
    let announced = r#"{"kind": "KIND_ANNOUNCED", "date": {"year": 2024}, "status": "STATUS_ACTUAL"}"#;
    let on = |year: i32| format!(r#", "effectiveOn": {{"year": {year}, "month": 5, "day": 25}}"#);
    let records = [
        record(VARIABLE),
        reform("planned", announced, 5000, 1000, ""),
        reform("undated", ADOPTED, 5000, 4000, ""),
        reform("first", ADOPTED, 20000, 5000, &on(2020)),
        appeal("no-variable", 2023),
    ];
    let mut pair = Pair::start(Script::new("a", vec![records.map(put).to_vec()])).await;
    pair.ask(1).await.unwrap();
    let ask = |day: Option<(i32, Option<i32>)>| v1::GetParameterRequest {
        parameter: "records/v".to_owned(),
        valid_at: day.map(|(year, day)| data::v1::Date {
            year: Some(year),
            month: Some(3),
            day,
            ..Default::default()
        }),
        ..Default::default()
    };
    let told = pair.client.get_parameter(ask(Some((2019, Some(1))))).await.unwrap().into_inner();
    let steps: Vec<_> = told.history.iter().map(|step| (step.reform.as_str(), step.planned)).collect();
    assert_eq!(steps, [("records/first", false), ("records/undated", false), ("records/planned", true)]);
    assert_eq!((told.history[0].stage.as_str(), told.history[1].from.clone()), ("EFFECTIVE", None));
    assert_eq!(told.revision, 1);
    let history = pair.client.get_parameter(ask(None)).await.unwrap().into_inner();
    assert_eq!((history.valid, history.history), (None, told.history));

    let refused = pair.client.get_parameter(ask(Some((2019, None)))).await.unwrap_err();
    assert_eq!(fields(&refused), ["valid_at"]);
    for (name, reason) in [
        ("records/nobody", Reason::RecordNotFound),
        ("records/no-variable", Reason::FieldViolations),
        ("", Reason::FieldViolations),
    ] {
        let request = v1::GetParameterRequest { parameter: name.to_owned(), ..ask(None) };
        assert_refused(&pair.client.get_parameter(request).await.unwrap_err(), reason);
    }
}

#[tokio::test]
async fn a_dated_step_holds_from_its_day_and_the_old_value_before() {
    let on = r#", "effectiveOn": {"year": 2020, "month": 5, "day": 25}"#;
    let records = [record(VARIABLE), reform("first", ADOPTED, 20000, 5000, on)];
    let mut pair = Pair::start(Script::new("a", vec![records.map(put).to_vec()])).await;
    pair.ask(1).await.unwrap();
    for (day, expected, reform) in [(24, "20000", ""), (25, "5000", "records/first")] {
        let valid_at =
            data::v1::Date { year: Some(2020), month: Some(5), day: Some(day), ..Default::default() };
        let request = v1::GetParameterRequest {
            parameter: "records/v".to_owned(),
            jurisdiction: "KZ".to_owned(),
            valid_at: Some(valid_at),
        };
        let valid = pair.client.get_parameter(request).await.unwrap().into_inner().valid.unwrap();
        let value = valid.value.unwrap();
        assert_eq!(
            (value.decimal.as_str(), value.unit.as_str(), valid.reform.as_str()),
            (expected, "members", reform)
        );
    }
}
