//! Which point of an answer is meant.

use reform_api::analytics::v1::{Point, QueryIndicatorResponse, Series};
use reform_api::data::v1::Period;

use crate::failure::Failure;
use crate::{civil, figure};

/// Points listed at most where several are meant.
const LISTED_MAX: usize = 40;

/// What was said about the point.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) labels: Vec<(String, String)>,
    pub(super) at: Option<Period>,
    pub(super) title: Option<String>,
}

type Found<'a> = (&'a Series, &'a Point);

impl Wanted {
    /// The only point that fits.
    ///
    /// # Errors
    /// None does, or several do; the error lists what there is.
    pub(super) fn only<'a>(&self, answer: &'a QueryIndicatorResponse) -> Result<Found<'a>, Failure> {
        let of_series = answer.series.iter().filter(|series| self.labels_fit(series));
        let all: Vec<_> =
            of_series.flat_map(|series| series.points.iter().map(move |it| (series, it))).collect();
        let titled: Vec<_> = all.iter().copied().filter(|(_, point)| self.title_fits(point)).collect();
        let mut fitting: Vec<_> = titled.iter().copied().filter(|(_, point)| self.is_at(point)).collect();
        if fitting.is_empty() {
            fitting = titled.into_iter().filter(|(_, point)| self.is_within(point)).collect();
        }
        match fitting.as_slice() {
            [only] => Ok(*only),
            [] if all.is_empty() => Err(nothing(answer)),
            [] => Err(listed("no such point; there is", &all)),
            several => Err(listed("several points fit; say which", several)),
        }
    }

    fn labels_fit(&self, series: &Series) -> bool {
        self.labels.iter().all(|(key, value)| series.labels.get(key) == Some(value))
    }

    fn title_fits(&self, point: &Point) -> bool {
        self.title.as_ref().is_none_or(|title| *title == point.label)
    }

    fn is_at(&self, point: &Point) -> bool {
        self.at.is_none() || self.at == point.period
    }

    /// A year stands for the one election in it, a month for the one day.
    fn is_within(&self, point: &Point) -> bool {
        let (Some(at), Some(period)) = (&self.at, &point.period) else { return false };
        let (Some(at), true) = (&at.start, at.start == at.end) else { return false };
        let prefix = format!("{}-", civil::date(at));
        [&period.start, &period.end]
            .into_iter()
            .all(|end| end.as_ref().is_some_and(|end| civil::date(end).starts_with(&prefix)))
    }
}

fn nothing(answer: &QueryIndicatorResponse) -> Failure {
    if answer.series.is_empty() {
        return Failure::Usage(format!("{} has no points for this query", answer.indicator));
    }
    let labels = answer.series.iter().map(|series| format!("\n {}", flags(series)));
    Failure::Usage(format!("no series has these labels; there is{}", labels.collect::<String>()))
}

fn listed(what: &str, points: &[Found<'_>]) -> Failure {
    let mut text = format!("{what}:");
    for (series, point) in points.iter().take(LISTED_MAX) {
        let at = point.period.as_ref().map(at).unwrap_or_default();
        let title =
            if point.label.is_empty() { String::new() } else { format!(" --title {:?}", point.label) };
        text.push_str(&format!("\n {} --at {at}{title}   ({})", flags(series), figure::figure(point)));
    }
    if points.len() > LISTED_MAX {
        text.push_str(&format!("\n  and {} more", points.len() - LISTED_MAX));
    }
    Failure::Usage(text)
}

fn flags(series: &Series) -> String {
    series.labels.iter().map(|(key, value)| format!(" --label '{key}={value}'")).collect()
}

/// A period as `--at` takes it.
fn at(period: &Period) -> String {
    let Period { start, end } = period;
    let text = |date: &Option<_>| date.as_ref().map(civil::date).unwrap_or_default();
    if start == end { text(start) } else { format!("{}..{}", text(start), text(end)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> QueryIndicatorResponse {
        let point = |at: &str| Point { period: Some(civil::parse_period(at).unwrap()), ..Point::default() };
        let series = |origin: &str, points: &[&str]| Series {
            labels: [("origin".to_owned(), origin.to_owned())].into(),
            points: points.iter().map(|at| point(at)).collect(),
            ..Series::default()
        };
        let series = vec![series("COUNTED", &["2021-01-10", "2023-03-19"]), series("REPORTED", &["2023"])];
        QueryIndicatorResponse { series, ..QueryIndicatorResponse::default() }
    }

    fn wanted(origin: Option<&str>, at: Option<&str>) -> Wanted {
        let labels = origin.map(|origin| ("origin".to_owned(), origin.to_owned())).into_iter().collect();
        Wanted { labels, at: at.map(|at| civil::parse_period(at).unwrap()), title: None }
    }

    #[test]
    fn what_is_clear_may_be_left_out() {
        let answer = answer();
        let found = |origin, at| wanted(origin, at).only(&answer).map(|(_, point)| figure::when(point)).ok();
        assert_eq!(found(Some("REPORTED"), None).as_deref(), Some("2023"));
        assert_eq!(found(None, Some("2023")).as_deref(), Some("2023"), "the exact period goes first");
        assert_eq!(found(Some("COUNTED"), Some("2023")).as_deref(), Some("2023-03-19"));
        assert_eq!(found(None, Some("2021-01")).as_deref(), Some("2021-01-10"));
        assert_eq!(found(Some("COUNTED"), None), None);
    }

    #[test]
    fn what_is_not_clear_is_listed() {
        let answer = answer();
        let text = |origin, at| wanted(origin, at).only(&answer).unwrap_err().to_string();
        assert!(
            text(None, None).contains("--label 'origin=COUNTED' --at 2021-01-10"),
            "{}",
            text(None, None)
        );
        assert!(text(None, Some("1999")).starts_with("no such point"), "{}", text(None, Some("1999")));
        assert!(text(Some("X"), None).contains("origin=REPORTED"), "{}", text(Some("X"), None));
    }
}
