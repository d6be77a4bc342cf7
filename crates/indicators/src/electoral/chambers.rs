//! The elections of each chamber, in order.

use std::collections::BTreeMap;

use reform_model::election::Election;
use reform_model::vocabulary::{InstitutionType, Resolution};
use reform_model::{Body, Date, Name, Period, Record};

use crate::answer::{Builder, JURISDICTION, Labels, ORIGIN, Point, labels};
use crate::catalogue::Parameter;
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::span::Granularity;
use crate::view::View;

/// The dimension and label of the institution.
pub(super) const INSTITUTION: &str = "institution";

/// The parameter that chooses an institution.
pub(super) const INSTITUTION_PARAMETER: Parameter = Parameter {
    key: INSTITUTION,
    description: "an institution record; without it every institution of type CHAMBER",
    values: &[],
    default_value: "",
    required: false,
};

/// An election with its first day.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) record: &'a Record,
    pub(super) election: &'a Election,
    pub(super) on: Date,
}

/// The elections of one institution.
#[derive(Debug)]
pub(super) struct Chamber<'a> {
    pub(super) labels: Labels,
    /// From the first to the last.
    pub(super) elections: Vec<Held<'a>>,
}

/// The chambers that are asked for, with all their dated elections, whatever the period of the query.
pub(super) fn chambers<'a>(view: &'a View, query: &Query) -> Result<Vec<Chamber<'a>>, QueryError> {
    let asked = query.record_parameter(INSTITUTION)?;
    if let Some(name) = &asked {
        check_institution(view, name)?;
    }
    let mut found = BTreeMap::<(&str, &Name), Vec<Held<'a>>>::new();
    for (record, election) in view.elections() {
        let (Some(institution), Some(on)) = (&election.institution, election.held_on.first()) else {
            continue;
        };
        let wanted = match &asked {
            Some(name) => name == institution,
            None => is_chamber(view, institution),
        };
        if wanted && query.wants_jurisdiction(&record.jurisdiction) && query.wants(Origin::Counted) {
            let elections = found.entry((&record.jurisdiction, institution)).or_default();
            elections.push(Held { record, election, on: *on });
        }
    }
    let chambers = found.into_iter().map(|((jurisdiction, institution), mut elections)| {
        elections.sort_by_key(|held| (held.on.first(), held.on.last()));
        let origin = Origin::Counted.as_str();
        let labels =
            labels([(JURISDICTION, jurisdiction), (INSTITUTION, institution.as_str()), (ORIGIN, origin)]);
        Chamber { labels, elections }
    });
    Ok(chambers
        .filter(|chamber| query.filter.as_ref().is_none_or(|filter| filter.matches(&chamber.labels)))
        .collect())
}

/// Adds the published series of the indicator, of the institution asked for.
pub(super) fn add_reported(view: &View, query: &Query, indicator: &'static str, answer: &mut Builder) {
    if !query.wants(Origin::Reported) {
        return;
    }
    let mut published = Builder::default();
    let reading = Reading { indicator, subject: INSTITUTION, granularity: Granularity::Event };
    reading.add(view, query, &mut published);
    let asked = query.record_parameter(INSTITUTION).ok().flatten();
    for series in published.finish(indicator, 0).series {
        let subject = series.labels.get(INSTITUTION);
        if asked.as_ref().is_none_or(|name| subject.is_some_and(|subject| subject == name.as_str())) {
            for point in series.points {
                answer.push(series.labels.clone(), series.unit.clone(), point);
            }
        }
    }
}

/// Refuses what is no institution on record.
pub(super) fn check_institution(view: &View, name: &Name) -> Result<(), QueryError> {
    let path = format!("parameters.{INSTITUTION}");
    match view.get(name).map(|entry| &entry.record.body) {
        Some(Body::Institution(_)) => Ok(()),
        Some(_) => Err(QueryError::field(path, "must name an institution")),
        None if view.contains(name) => Err(QueryError::field(path, "must name an institution")),
        None => Err(QueryError::NotFound { path, name: name.clone() }),
    }
}

fn is_chamber(view: &View, name: &Name) -> bool {
    view.get(name).is_some_and(|entry| {
        let Body::Institution(institution) = &entry.record.body else { return false };
        institution.institution_type == Some(InstitutionType::Chamber)
    })
}

impl Held<'_> {
    /// Whether the election certainly lies in the period of the query.
    pub(super) fn is_asked(&self, query: &Query) -> bool {
        crate::span::lies_within(self.period(), query.period)
    }

    /// The day of the first round.
    pub(super) fn period(&self) -> Period {
        Period { start: Some(self.on), end: Some(self.on) }
    }

    /// A point about this election, still without its figure.
    pub(super) fn point(&self) -> Point {
        let mut point = Point::new(self.period(), None);
        point.label.clone_from(&self.record.title);
        point.records = 1;
        point.set_sources(self.record.sources());
        point
    }

    /// The rival claims about fields below the path that nobody has settled.
    pub(super) fn unresolved(&self, path: &str) -> i64 {
        unresolved(self.record, path)
    }
}

/// The rival claims about a field of the record, or about one below it, that nobody has settled.
pub(super) fn unresolved(record: &Record, path: &str) -> i64 {
    let below = |rest: &str| rest.is_empty() || rest.starts_with(['.', '[']);
    let open = record.discrepancies.iter().filter(|discrepancy| {
        discrepancy.resolution == Resolution::Unresolved
            && discrepancy.field_path.strip_prefix(path).is_some_and(below)
    });
    i64::try_from(open.count()).unwrap_or(i64::MAX)
}
