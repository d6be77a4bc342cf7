//! `reform query`: an indicator as series of points.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use prost_types::Timestamp;
use reform_api::analytics::v1::query_indicator_request::AsOf;
use reform_api::analytics::v1::{
    Granularity, Origin, Point, QueryIndicatorRequest, QueryIndicatorResponse, Series,
};
use reform_api::data::v1::Period;
use reform_api::json;

use crate::args::{Global, Output};
use crate::client::Service;
use crate::commands::get::full_name;
use crate::commands::indicators;
use crate::failure::Failure;
use crate::{civil, figure, out};

/// Ask for an indicator.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reform query --list
  reform query registered-parties --jurisdiction XX --period 2019..2024
  reform query appeals-per-year --origin counted --group-by channel
  reform query effective-parties-votes -p share_base=CONTENDERS
  reform query registered-parties --as-of 12
  reform query appeals-per-year --min-revision 17 -o json")]
pub(crate) struct Query {
    /// Name of the indicator; indicators/ may be left out
    #[arg(required_unless_present = "list", value_name = "INDICATOR")]
    indicator: Option<String>,
    /// List the indicators and what each may be asked
    #[arg(long, conflicts_with = "indicator")]
    list: bool,
    #[command(flatten)]
    ask: Ask,
}

/// What a query may say beside the name of the indicator.
#[derive(Debug, Default, PartialEq, Args)]
pub(crate) struct Ask {
    /// Jurisdiction code, matched exactly; may be repeated; absent is all
    #[arg(short, long, value_name = "CODE")]
    jurisdiction: Vec<String>,
    /// START..END with years, months or days; either end may be missing
    #[arg(long, value_parser = civil::parse_period)]
    period: Option<Period>,
    /// Length of the periods
    #[arg(long, value_enum)]
    granularity: Option<Length>,
    /// Dimension to break the figures down by; may be repeated
    #[arg(long, value_name = "DIMENSION")]
    group_by: Vec<String>,
    /// Filter over dimensions of the indicator
    #[arg(long, default_value = "", hide_default_value = true)]
    filter: String,
    /// Parameter of the indicator; may be repeated
    #[arg(short, long = "parameter", value_name = "KEY=VALUE", value_parser = parse_pair)]
    parameters: Vec<(String, String)>,
    /// Counted from single records or published as totals; absent is both
    #[arg(long, value_enum)]
    origin: Option<Provenance>,
    /// Answer for this revision, or for the last one at a time such as 2024-05-06T07:08:09Z; absent is now
    #[arg(long, value_name = "REVISION|TIME", value_parser = parse_as_of)]
    as_of: Option<AsOf>,
    /// Wait until this revision is applied
    #[arg(long, default_value_t = 0, value_name = "REVISION")]
    min_revision: i64,
}

/// Length of a period.
#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Length {
    Year,
    HalfYear,
    Quarter,
    Month,
    Event,
}

/// Where figures come from.
#[derive(Debug, Clone, Copy, PartialEq, ValueEnum)]
enum Provenance {
    Counted,
    Reported,
}

/// Reads a revision, or a time with its zone.
fn parse_as_of(text: &str) -> Result<AsOf, String> {
    if let Ok(revision) = text.parse() {
        return Ok(AsOf::AsOfRevision(revision));
    }
    let time: jiff::Timestamp =
        text.parse().map_err(|_| "write a revision, or a time such as 2024-05-06T07:08:09Z")?;
    Ok(AsOf::AsOfTime(Timestamp { seconds: time.as_second(), nanos: time.subsec_nanosecond() }))
}

/// Reads `KEY=VALUE`.
pub(crate) fn parse_pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    if key.is_empty() { Err("write KEY=VALUE".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}

pub(crate) async fn run(global: &Global, query: Query) -> Result<ExitCode, Failure> {
    let peer = global.connect(Service::Analytics).await?;
    match query.indicator {
        Some(indicator) => {
            let answer = peer.analytics().query_indicator(query.ask.request(&indicator)).await;
            write(&answer.map_err(|status| peer.failed(status))?, global.output)?;
        }
        None => indicators::list(&peer, global.output).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Ask {
    /// The filter, when nothing else is said.
    pub(crate) fn only_filter(self) -> Option<String> {
        let filter = self.filter.clone();
        (self == Self { filter: filter.clone(), ..Self::default() }).then_some(filter)
    }

    /// The query.
    pub(crate) fn request(self, indicator: &str) -> QueryIndicatorRequest {
        let granularity = match self.granularity {
            None => Granularity::Unspecified,
            Some(Length::Year) => Granularity::Year,
            Some(Length::HalfYear) => Granularity::HalfYear,
            Some(Length::Quarter) => Granularity::Quarter,
            Some(Length::Month) => Granularity::Month,
            Some(Length::Event) => Granularity::Event,
        };
        let origin = match self.origin {
            None => Origin::Unspecified,
            Some(Provenance::Counted) => Origin::Counted,
            Some(Provenance::Reported) => Origin::Reported,
        };
        QueryIndicatorRequest {
            indicator: full_name("indicators", indicator),
            jurisdictions: self.jurisdiction,
            period: self.period,
            granularity: granularity.into(),
            group_by: self.group_by,
            filter: self.filter,
            parameters: self.parameters.into_iter().collect(),
            origin: origin.into(),
            min_revision: self.min_revision,
            as_of: self.as_of,
            ..QueryIndicatorRequest::default()
        }
    }
}

/// Writes an answer.
pub(crate) fn write(answer: &QueryIndicatorResponse, output: Output) -> Result<(), Failure> {
    match output {
        Output::Json => out::say(&json::line("reform.analytics.v1.QueryIndicatorResponse", answer)?)?,
        Output::Csv => write_csv(std::slice::from_ref(answer))?,
        Output::Table => {
            let QueryIndicatorResponse { indicator, formula_version, store_id, revision, series } = answer;
            for series in series {
                out::say(&format!("{} [{}]", pairs(&series.labels, ", "), series.unit))?;
                out::say(&out::table(TABLE_HEADER, series.points.iter().map(row)))?;
            }
            let empty = if series.is_empty() { ": no records to answer from" } else { "" };
            out::say(&format!(
                "{indicator}, formula version {formula_version}, revision {revision} of store {store_id}{empty}"
            ))?;
        }
    }
    Ok(())
}

/// One row a point, of all answers under one header.
pub(crate) fn write_csv(answers: &[QueryIndicatorResponse]) -> Result<(), Failure> {
    let rows = answers.iter().flat_map(|answer| {
        let points =
            answer.series.iter().flat_map(|series| series.points.iter().map(move |point| (series, point)));
        points.map(move |(series, point)| csv_row(answer, series, point))
    });
    Ok(out::csv(CSV_HEADER, rows)?)
}

const TABLE_HEADER: &[&str] =
    &["when", "figure", "bounds", "records", "caveats", "further figures", "sources"];

fn row(point: &Point) -> [String; 7] {
    [
        figure::when(point),
        figure::figure(point),
        figure::bounds(point),
        point.records.to_string(),
        figure::caveats(point),
        pairs(&point.figures, ", "),
        point.sources_total.to_string(),
    ]
}

const CSV_HEADER: &[&str] = &[
    "indicator",
    "revision",
    "labels",
    "unit",
    "start",
    "end",
    "label",
    "display",
    "value",
    "lower",
    "upper",
    "lower_open",
    "upper_open",
    "approximate",
    "records",
    "numerator",
    "denominator",
    "unknown",
    "excluded",
    "status",
    "caveats",
    "figures",
    "sources",
    "sources_total",
];

fn csv_row(answer: &QueryIndicatorResponse, series: &Series, point: &Point) -> [String; 24] {
    let period = point.period.clone().unwrap_or_default();
    let date = |date: Option<_>| date.as_ref().map(civil::date).unwrap_or_default();
    let estimate = point.estimate.clone().unwrap_or_default();
    let count = |count: Option<i64>| count.map(|count| count.to_string()).unwrap_or_default();
    [
        answer.indicator.clone(),
        answer.revision.to_string(),
        pairs(&series.labels, ";"),
        series.unit.clone(),
        date(period.start),
        date(period.end),
        point.label.clone(),
        estimate.display,
        estimate.value.unwrap_or_default(),
        estimate.lower.unwrap_or_default(),
        estimate.upper.unwrap_or_default(),
        estimate.lower_open.to_string(),
        estimate.upper_open.to_string(),
        estimate.approximate.to_string(),
        point.records.to_string(),
        count(point.numerator),
        count(point.denominator),
        point.unknown.to_string(),
        point.excluded.to_string(),
        point.status.clone(),
        figure::caveats(point),
        pairs(&point.figures, ";"),
        point.sources.join(";"),
        point.sources_total.to_string(),
    ]
}

/// `key=value` pairs as one text.
pub(crate) fn pairs(map: &BTreeMap<String, String>, between: &str) -> String {
    map.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(between)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Args, Command};

    #[test]
    fn every_flag_reaches_the_request() {
        let text = "reform query reforms-per-year -j XX --period 2019..2024 --granularity half-year --group-by area \
                    -p stage=IN_FORCE --origin counted --min-revision 7";
        let Command::Query(query) = Args::try_parse_from(text.split_whitespace()).unwrap().command else {
            panic!("another command");
        };
        let request = query.ask.request(&query.indicator.unwrap());
        assert_eq!(request.indicator, "indicators/reforms-per-year");
        assert_eq!((request.granularity(), request.origin()), (Granularity::HalfYear, Origin::Counted));
        assert_eq!(request.parameters["stage"], "IN_FORCE");
        assert_eq!((request.min_revision, request.jurisdictions.len(), request.group_by.len()), (7, 1, 1));
        assert_eq!(request.period.as_ref().map(civil::period).unwrap(), "2019 to 2024");
    }

    #[test]
    fn a_point_in_history_is_a_revision_or_a_time() {
        assert_eq!(parse_as_of("17"), Ok(AsOf::AsOfRevision(17)));
        let expected = Timestamp { seconds: 7, nanos: 500_000_000 };
        assert_eq!(parse_as_of("1970-01-01T00:00:07.5Z"), Ok(AsOf::AsOfTime(expected)));
        assert!(parse_as_of("yesterday").is_err());
    }

    #[test]
    fn a_query_needs_an_indicator_or_list() {
        assert!(Args::try_parse_from(["reform", "query"]).is_err());
        assert!(Args::try_parse_from(["reform", "query", "--list"]).is_ok());
        assert!(Args::try_parse_from(["reform", "query", "x", "-p", "novalue"]).is_err());
    }
}
