//! `referendum-approval`: the share of yes.

use reform_model::election::Referendum;
use reform_model::vocabulary::VoteBase;
use reform_model::{Kind, Record};

use crate::answer::{Answer, Builder, JURISDICTION, ORIGIN, labels};
use crate::catalogue::{Definition, Parameter};
use crate::electoral::chambers::{add_reported, unresolved};
use crate::electoral::published::{Rated, add_rates};
use crate::query::{Origin, Query, QueryError};
use crate::span::Granularity;
use crate::view::View;
use crate::wilson;

/// The parameter, dimension and label of what the yes votes are a share of.
const BASE: &str = "base";
const AS_RECORDED: &str = "AS_RECORDED";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "referendum-approval",
    title: "Approval in referendums",
    definition: "Yes among the votes of the base, which is a label of the answer: VALID is yes and no together, CAST is \
                 every vote cast, invalid ones and ballots counted apart included. AS_RECORDED takes the base of the \
                 published percentages, and VALID where the record names none. A published share is the reported \
                 series, under its own base; where it is more than 0.1 point from the computed one, a caveat says so.",
    formula: "yes / base, with a 95 % Wilson interval",
    formula_source: wilson::SOURCE,
    formula_version: 1,
    unit: "share of votes",
    dimensions: &[BASE],
    parameters: &[Parameter {
        key: BASE,
        description: "what the yes votes are a share of",
        values: &[AS_RECORDED, "VALID", "CAST"],
        default_value: AS_RECORDED,
        required: false,
    }],
    kinds: &[Kind::Observation, Kind::Referendum, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: referendum_approval,
};

fn referendum_approval(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let asked = query
        .parameter(BASE)
        .and_then(|text| [VoteBase::Valid, VoteBase::Cast].into_iter().find(|base| base.as_str() == text));
    let mut answer = Builder::default();
    let referendums = view.referendums().filter(|(record, _)| query.wants_jurisdiction(&record.jurisdiction));
    let base = |referendum| asked.unwrap_or(own_base(referendum));
    let questions: Vec<Question<'_>> = referendums
        .map(|(record, referendum)| Question { record, referendum, base: base(referendum) })
        .collect();
    for origin in [Origin::Counted, Origin::Reported] {
        let rated = questions.iter().filter_map(|question| question.rated(origin));
        add_rates(query, origin, rated, DEFINITION.unit, &mut answer);
    }
    add_reported(view, query, DEFINITION.id, &mut answer);
    Ok(answer.finish(DEFINITION.id, DEFINITION.formula_version))
}

/// What the published percentages of a referendum are of.
fn own_base(referendum: &Referendum) -> VoteBase {
    match referendum.percent_base {
        Some(base @ (VoteBase::Cast | VoteBase::Registered)) => base,
        // Yes and no are the contenders of a referendum.
        Some(VoteBase::Valid | VoteBase::ContendersAndAgainstAll) | None => VoteBase::Valid,
    }
}

/// A referendum, with the base that it is asked for.
struct Question<'a> {
    record: &'a Record,
    referendum: &'a Referendum,
    base: VoteBase,
}

impl<'a> Question<'a> {
    /// What a series of that origin says about it; none for one that was not held.
    fn rated(&self, origin: Origin) -> Option<Rated<'a>> {
        let pairs = [
            (JURISDICTION, self.record.jurisdiction.as_str()),
            (BASE, self.base.as_str()),
            (ORIGIN, origin.as_str()),
        ];
        let own = self.base == own_base(self.referendum);
        let mut fields = vec!["referendum.yes", self.field()];
        if own {
            fields.extend(["referendum.percent_base", "referendum.yes_share_reported"]);
        }
        Some(Rated {
            record: self.record,
            on: self.referendum.held_on?,
            labels: labels(pairs),
            part: self.referendum.yes,
            whole: self.whole(),
            published: self.referendum.yes_share_reported.as_ref().filter(|_| own),
            disputed: fields.into_iter().map(|field| unresolved(self.record, field)).sum(),
        })
    }

    /// The votes of the base, where they are recorded.
    fn whole(&self) -> Option<i64> {
        let Referendum { yes, no, cast, registered, .. } = *self.referendum;
        match self.base {
            VoteBase::Valid | VoteBase::ContendersAndAgainstAll => yes?.checked_add(no?),
            VoteBase::Cast => cast,
            VoteBase::Registered => registered,
        }
    }

    /// The field that they stand in, beside yes.
    fn field(&self) -> &'static str {
        match self.base {
            VoteBase::Valid | VoteBase::ContendersAndAgainstAll => "referendum.no",
            VoteBase::Cast => "referendum.cast",
            VoteBase::Registered => "referendum.registered",
        }
    }
}
