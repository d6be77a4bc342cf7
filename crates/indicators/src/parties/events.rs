//! `parties-registered-per-year` and `parties-ended-per-year`: the beginnings and the ends of parties.

use std::borrow::Cow;

use reform_model::party::{Party, PartyEnd};
use reform_model::{Date, Kind, Record};

use crate::answer::{Answer, Builder};
use crate::catalogue::Definition;
use crate::counting::{Countable, Frame, Subject};
use crate::evidence::Reason;
use crate::query::{Origin, Query, QueryError};
use crate::reported::Reading;
use crate::span::Granularity;
use crate::view::View;

const END_KIND: &str = "end_kind";

/// Parties registered.
pub const REGISTERED: Definition = Definition {
    id: "parties-registered-per-year",
    title: "Parties registered per period",
    definition: "Parties registered in the period. A later registration of the same party is no new one; a party that \
                 never was registered does not count at all, and one registered on an unknown day is in no period and \
                 is counted as excluded. A date too coarse for the period counts in none and is told (IMPRECISE_DATE); \
                 an empty period is zero only where a source is the complete register.",
    formula: "number of parties with registered_on in the period",
    formula_source: "",
    formula_version: 1,
    unit: "parties",
    dimensions: &[],
    parameters: &[],
    kinds: &[Kind::Party, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: registered,
};

/// Parties ended.
pub const ENDED: Definition = Definition {
    id: "parties-ended-per-year",
    title: "Parties ended per period",
    definition: "Parties that merged, were dissolved or banned, or ended in an unknown way in the period. One that \
                 ended on an unknown day is in no period and is counted as excluded. A date too coarse for the period \
                 counts in none and is told (IMPRECISE_DATE); an empty period is zero only where a source is the \
                 complete register.",
    formula: "number of parties with ended.date in the period",
    formula_source: "",
    formula_version: 1,
    unit: "parties",
    dimensions: &[END_KIND],
    parameters: &[],
    kinds: &[Kind::Party, Kind::Observation, Kind::Variable, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: ended,
};

/// A party, by the day of its registration.
struct Registered<'a> {
    record: &'a Record,
    party: &'a Party,
}

impl<'a> Countable<'a> for Registered<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        self.party.registered_on
    }

    fn dimension(&self, _: &str) -> Option<Cow<'a, str>> {
        None
    }

    fn exclusion(&self) -> Option<Reason> {
        self.party.never_registered.then_some(Reason::NeverRegistered)
    }
}

/// A party, by the day of its end.
struct Ended<'a> {
    record: &'a Record,
    end: Option<PartyEnd>,
}

impl<'a> Countable<'a> for Ended<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        self.end?.date
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        Some(Cow::from(self.end.filter(|_| name == END_KIND)?.kind.as_str()))
    }

    fn exclusion(&self) -> Option<Reason> {
        self.end.is_none().then_some(Reason::NotReached)
    }
}

fn registered(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let parties = view.parties().map(|(record, party)| Registered { record, party });
    count(view, query, &REGISTERED, parties)
}

fn ended(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let ended = view.parties().map(|(record, party)| Ended { record, end: party.ended });
    count(view, query, &ENDED, ended)
}

fn count<'a, T: Countable<'a>>(
    view: &'a View,
    query: &'a Query,
    definition: &Definition,
    items: impl Iterator<Item = T>,
) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if query.wants(Origin::Counted) {
        let frame = Frame {
            zero: Some(Kind::Party),
            subject: "",
            unit: definition.unit,
            granularity: Granularity::Year,
        };
        frame.count(view, query, items, &mut builder)?;
    }
    if query.wants(Origin::Reported) {
        let reading = Reading { indicator: definition.id, subject: "", granularity: Granularity::Year };
        reading.add(view, query, &mut builder);
    }
    Ok(builder.finish(definition.id, definition.formula_version))
}
