//! `turnout`: who voted, of those who could.

use reform_model::election::{Election, Referendum};
use reform_model::{Kind, Name, Record};

use crate::answer::{Answer, Builder, JURISDICTION, Labels, ORIGIN, labels};
use crate::catalogue::{Definition, Parameter};
use crate::electoral::chambers::{INSTITUTION, add_reported, check_institution, unresolved};
use crate::electoral::published::{Rated, add_rates};
use crate::query::{Origin, Query, QueryError};
use crate::span::Granularity;
use crate::view::View;
use crate::wilson;

/// The dimension and label that tells elections from referendums.
const KIND: &str = "kind";

const INSTITUTION_PARAMETER: Parameter = Parameter {
    key: INSTITUTION,
    description: "an institution record, for elections to it alone; without it every election and referendum",
    values: &[],
    default_value: "",
    required: false,
};

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "turnout",
    title: "Turnout",
    definition: "Votes cast among the voters on the roll, of elections and referendums; without both numbers there is \
                 no counted point. What the record gives as published is the reported series and stands beside the \
                 counted figure; where the two are more than 0.1 point apart, a caveat says so.",
    formula: "cast / registered, with a 95 % Wilson interval",
    formula_source: wilson::SOURCE,
    formula_version: 1,
    unit: "share of registered voters",
    dimensions: &[INSTITUTION, KIND],
    parameters: &[INSTITUTION_PARAMETER],
    kinds: &[Kind::Election, Kind::Institution, Kind::Observation, Kind::Referendum, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: turnout,
};

fn turnout(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let asked = query.record_parameter(INSTITUTION)?;
    if let Some(name) = &asked {
        check_institution(view, name)?;
    }
    let mut answer = Builder::default();
    for origin in [Origin::Counted, Origin::Reported] {
        let elections = view
            .elections()
            .filter(|(_, election)| asked.is_none() || election.institution == asked)
            .filter_map(|(record, election)| of_election(record, election, origin));
        let referendums = view
            .referendums()
            .filter(|_| asked.is_none())
            .filter_map(|(record, referendum)| of_referendum(record, referendum, origin));
        let rated = elections.chain(referendums);
        let rated = rated.filter(|rated| query.wants_jurisdiction(&rated.record.jurisdiction));
        add_rates(query, origin, rated, DEFINITION.unit, &mut answer);
    }
    add_reported(view, query, DEFINITION.id, &mut answer);
    Ok(answer.finish(DEFINITION.id, DEFINITION.formula_version))
}

fn of_election<'a>(record: &'a Record, election: &'a Election, origin: Origin) -> Option<Rated<'a>> {
    Some(Rated {
        record,
        on: *election.held_on.first()?,
        labels: labels_of(record, election.institution.as_ref(), origin),
        part: election.cast,
        whole: election.registered,
        published: election.turnout_reported.as_ref(),
        disputed: disputed(record),
    })
}

fn of_referendum<'a>(record: &'a Record, referendum: &'a Referendum, origin: Origin) -> Option<Rated<'a>> {
    Some(Rated {
        record,
        on: referendum.held_on?,
        labels: labels_of(record, None, origin),
        part: referendum.cast,
        whole: referendum.registered,
        published: referendum.turnout_reported.as_ref(),
        disputed: disputed(record),
    })
}

fn labels_of(record: &Record, institution: Option<&Name>, origin: Origin) -> Labels {
    let mut labels = labels([
        (JURISDICTION, record.jurisdiction.as_str()),
        (KIND, record.kind().as_str()),
        (ORIGIN, origin.as_str()),
    ]);
    if let Some(institution) = institution {
        labels.insert(INSTITUTION.to_owned(), institution.to_string());
    }
    labels
}

fn disputed(record: &Record) -> i64 {
    let fields = ["registered", "cast", "turnout_reported"];
    fields.iter().map(|field| unresolved(record, &format!("{}.{field}", record.kind()))).sum()
}
