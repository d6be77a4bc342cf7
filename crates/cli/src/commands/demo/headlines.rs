//! What the demo asks, and which points of the answers it shows: the list is data and ships with the records.

use std::collections::BTreeMap;

use reform_api::analytics::v1::{Origin, Point, QueryIndicatorRequest, QueryIndicatorResponse, Series};
use serde::Deserialize;

use crate::civil;
use crate::failure::Failure;
use crate::figure;

/// The further figures that a line shows: what a target was held against, and what a step left behind.
const VALUE: &str = "value";
const TARGET: &str = "target";
const BEFORE: &str = "before";

/// The list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Headlines {
    /// The figures, in the order of printing.
    #[serde(rename = "headline")]
    pub(super) list: Vec<Headline>,
    /// What the lines to paste are about.
    pub(super) tour: Tour,
}

/// One figure, or one series of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Headline {
    /// What the figure is, for a reader.
    pub(super) title: String,
    /// What to ask.
    indicator: String,
    /// Where; empty is everywhere.
    #[serde(default)]
    jurisdictions: Vec<String>,
    /// When, as on the command line.
    period: Option<String>,
    /// Parameters of the indicator.
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    /// Dimensions to break the figures down by.
    #[serde(default)]
    group_by: Vec<String>,
    /// Filter over dimensions.
    #[serde(default)]
    filter: String,
    /// Counted or published figures; absent is both.
    origin: Option<Provenance>,
    /// Labels that a series must have to be shown.
    #[serde(default)]
    labels: BTreeMap<String, String>,
    /// Which points are shown.
    #[serde(default)]
    show: Show,
    /// What a reader must know beside it.
    #[serde(default)]
    pub(super) note: String,
    /// The file of its picture; empty where it is not drawn.
    #[serde(default)]
    pub(super) file: String,
}

/// Where figures come from.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Provenance {
    Counted,
    Reported,
}

/// Which points of a series are shown.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Show {
    /// Each on a line.
    #[default]
    All,
    /// The first by time.
    First,
    /// The last by time.
    Last,
    /// One line: the figures joined by arrows.
    Steps,
}

/// What the lines to paste are about.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tour {
    /// The JSON form of an appeal to create.
    pub(super) appeal: String,
    /// The indicator that counts it.
    pub(super) indicator: String,
}

/// One line of the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// The period, or the event.
    pub(super) when: String,
    /// The figure.
    pub(super) figure: String,
    /// Its bounds.
    pub(super) bounds: String,
    /// What to know beside it.
    pub(super) caveats: String,
    /// Names of source records.
    pub(super) sources: Vec<String>,
    /// Number of all sources.
    pub(super) sources_total: i64,
}

impl Headlines {
    /// The list that ships with the records.
    pub(super) fn shipped() -> Result<Self, Failure> {
        Self::parse(reform_dataset::HEADLINES)
    }

    fn parse(text: &str) -> Result<Self, Failure> {
        toml::from_str(text).map_err(|error| Failure::Demo(format!("the list of headlines: {error}")))
    }

    /// The queries, each to be answered at `revision` or later.
    pub(super) fn queries(&self, revision: i64) -> Result<Vec<QueryIndicatorRequest>, Failure> {
        self.list.iter().map(|headline| headline.query(revision)).collect()
    }
}

impl Headline {
    /// What is asked, to be answered at `min_revision` or later.
    pub(super) fn query(&self, min_revision: i64) -> Result<QueryIndicatorRequest, Failure> {
        let period = self.period.as_deref().map(civil::parse_period).transpose();
        let period = period.map_err(|error| Failure::Demo(format!("{}: {error}", self.title)))?;
        let origin = match self.origin {
            None => Origin::Unspecified,
            Some(Provenance::Counted) => Origin::Counted,
            Some(Provenance::Reported) => Origin::Reported,
        };
        Ok(QueryIndicatorRequest {
            indicator: format!("indicators/{}", self.indicator),
            jurisdictions: self.jurisdictions.clone(),
            period,
            group_by: self.group_by.clone(),
            filter: self.filter.clone(),
            parameters: self.parameters.clone(),
            origin: origin.into(),
            min_revision,
            ..QueryIndicatorRequest::default()
        })
    }

    /// The lines of an answer; those of several series say which by the labels that differ.
    pub(super) fn lines(&self, answer: &QueryIndicatorResponse) -> Vec<Line> {
        let wanted =
            |series: &&Series| self.labels.iter().all(|(key, value)| series.labels.get(key) == Some(value));
        let series: Vec<&Series> = answer.series.iter().filter(wanted).collect();
        let mut lines = Vec::new();
        for one in &series {
            let mark = mark(one, &series);
            lines.extend(self.chosen(&one.points).into_iter().map(|mut line| {
                line.when.push_str(&mark);
                line
            }));
        }
        lines
    }

    fn chosen(&self, points: &[Point]) -> Vec<Line> {
        match self.show {
            Show::All => points.iter().map(line).collect(),
            Show::First => points.first().map(line).into_iter().collect(),
            Show::Last => points.last().map(line).into_iter().collect(),
            Show::Steps => steps(points).into_iter().collect(),
        }
    }
}

/// The labels in which a series differs from the others, such as ` · reported`.
fn mark(one: &Series, all: &[&Series]) -> String {
    let differs = |key: &&String| all.iter().any(|other| other.labels.get(*key) != one.labels.get(*key));
    let values = one.labels.keys().filter(differs).filter_map(|key| one.labels.get(key));
    let short = |value: &String| value.trim_start_matches("records/").to_lowercase().replace('_', " ");
    values.map(|value| format!(" · {}", short(value))).collect()
}

fn line(point: &Point) -> Line {
    let mut figure = figure::figure(point);
    // A status says little without what was promised.
    if let (Some(value), Some(target)) = (figure::further(point, VALUE), figure::further(point, TARGET)) {
        figure.push_str(&format!(" ({value} against {target})"));
    }
    Line {
        // The title of the event repeats that of the headline.
        when: point.period.as_ref().map(civil::period).unwrap_or_default(),
        figure,
        bounds: figure::bounds(point),
        caveats: figure::caveats(point),
        sources: point.sources.clone(),
        sources_total: point.sources_total,
    }
}

/// All points as one line; bounds that are the same for all are said once.
fn steps(points: &[Point]) -> Option<Line> {
    let lines: Vec<Line> = points.iter().map(line).collect();
    let joined = |part: fn(&Line) -> &String| {
        let mut parts: Vec<&str> = lines.iter().map(|line| part(line).as_str()).collect();
        let same = parts.iter().all(|other| parts.first() == Some(other));
        if same {
            parts.truncate(1);
        }
        parts.join(" → ")
    };
    let mut sources: Vec<String> = Vec::new();
    for source in lines.iter().flat_map(|line| &line.sources) {
        if !sources.contains(source) {
            sources.push(source.clone());
        }
    }
    let listed = |line: &Line| i64::try_from(line.sources.len()).unwrap_or(i64::MAX);
    let unlisted: i64 = lines.iter().map(|line| line.sources_total.saturating_sub(listed(line))).sum();
    let last = lines.last()?;
    let before = points.first().and_then(|point| figure::further(point, BEFORE));
    let figures = before.into_iter().chain(lines.iter().map(|line| line.figure.clone()));
    Some(Line {
        when: last.when.clone(),
        figure: figures.collect::<Vec<_>>().join(" → "),
        bounds: joined(|line| &line.bounds),
        caveats: joined(|line| &line.caveats),
        sources_total: i64::try_from(sources.len()).unwrap_or(i64::MAX).saturating_add(unlisted),
        sources,
    })
}

#[cfg(test)]
mod tests {
    use reform_api::analytics::v1::Estimate;

    use super::*;

    fn point(display: &str, source: &str) -> Point {
        let value = Some(display.to_owned());
        let (lower, upper) = (value.clone(), value.clone());
        let estimate = Estimate { value, lower, upper, display: display.to_owned(), ..Estimate::default() };
        Point {
            estimate: Some(estimate),
            sources: vec![source.to_owned()],
            sources_total: 1,
            ..Point::default()
        }
    }

    fn headline(show: &str) -> Headline {
        let text =
            format!("[[headline]]\ntitle='t'\nindicator='i'\nshow='{show}'\n[tour]\nappeal=''\nindicator=''");
        Headlines::parse(&text).unwrap().list.remove(0)
    }

    #[test]
    fn the_shipped_list_reads() {
        let headlines = Headlines::shipped().unwrap();
        assert!(!headlines.queries(1).unwrap().is_empty());
        assert!(serde_json::from_str::<serde_json::Value>(&headlines.tour.appeal).is_ok());
    }

    #[test]
    fn steps_are_one_line_with_all_sources() {
        let mut first = point("5", "a");
        first.figures.insert("before".to_owned(), "7000".to_owned());
        let points = vec![first, point("4", "b"), point("3", "a")];
        let series = Series { points, ..Series::default() };
        let answer = QueryIndicatorResponse { series: vec![series], ..QueryIndicatorResponse::default() };
        let lines = headline("steps").lines(&answer);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].figure.as_str(), lines[0].bounds.as_str()), ("7,000 → 5 → 4 → 3", "exact"));
        assert_eq!((lines[0].sources.len(), lines[0].sources_total), (2, 2));
    }

    #[test]
    fn several_series_say_which_is_which() {
        let series = |origin: &str| Series {
            labels: [("origin", origin), ("jurisdiction", "X")]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            points: vec![point("1", "a")],
            ..Series::default()
        };
        let series = vec![series("COUNTED"), series("REPORTED")];
        let answer = QueryIndicatorResponse { series, ..QueryIndicatorResponse::default() };
        let lines = headline("last").lines(&answer);
        assert_eq!(
            lines.iter().map(|line| line.when.as_str()).collect::<Vec<_>>(),
            [" · counted", " · reported"]
        );
    }
}
