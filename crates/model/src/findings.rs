//! The soft rules: what contradicts another field. A record that breaks one is stored, and says so.
//!
//! A rule fires only when the contradiction is certain: imprecise dates and bounds that leave it open are silent.

use std::fmt;

use rust_decimal::Decimal;

use crate::date::Date;
use crate::election::{Election, Referendum, Tier};
use crate::participation::Appeal;
use crate::party::Party;
use crate::quantity::Quantity;
use crate::record::{Body, Name, Record};
use crate::vocabulary::{PetitionStageKind, StageKind};

/// Listed shares may add up to this much before `shares-sum` fires, in percent.
pub const SHARES_SUM_MAX: Decimal = Decimal::from_parts(1005, 0, 0, false, 1);
/// Computed and reported turnout may differ by this much before `turnout-gap` fires, in points.
pub const TURNOUT_GAP_MAX: Decimal = Decimal::from_parts(1, 0, 0, false, 1);

/// A soft rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// A later stage is dated before an earlier one.
    DatesOrder,
    /// The results of a tier hold more seats than the tier has.
    SeatsExceedTier,
    /// More valid votes than votes cast, or more votes cast than voters.
    ValidExceedsCast,
    /// The listed shares of a tier add up to more than 100.5.
    SharesSum,
    /// Reported turnout is more than 0.1 point away from cast / registered.
    TurnoutGap,
    /// A quantity's unit is not that of its variable.
    UnitMismatch,
    /// A citation is there twice, or another source has the same address.
    DuplicateSource,
}

impl Rule {
    /// Every rule.
    pub const ALL: &[Rule] = &[
        Rule::DatesOrder,
        Rule::SeatsExceedTier,
        Rule::ValidExceedsCast,
        Rule::SharesSum,
        Rule::TurnoutGap,
        Rule::UnitMismatch,
        Rule::DuplicateSource,
    ];

    /// As it stands in `Finding.rule`.
    pub fn as_str(self) -> &'static str {
        match self {
            Rule::DatesOrder => "dates-order",
            Rule::SeatsExceedTier => "seats-exceed-tier",
            Rule::ValidExceedsCast => "valid-exceeds-cast",
            Rule::SharesSum => "shares-sum",
            Rule::TurnoutGap => "turnout-gap",
            Rule::UnitMismatch => "unit-mismatch",
            Rule::DuplicateSource => "duplicate-source",
        }
    }

    /// The rule of that name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|rule| rule.as_str() == text)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A rule that a record breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub rule: Rule,
    /// Where.
    pub field_path: String,
    /// What is wrong, for a person.
    pub description: String,
}

/// What a record's neighbours say, for the rules that look beyond one record.
pub trait Surroundings {
    /// The unit of a variable; none when there is no such variable.
    fn variable_unit(&self, variable: &Name) -> Option<String>;
    /// Another live source with the same address.
    fn source_with_url(&self, url: &str, except: &Name) -> Option<Name>;
}

/// The rules that a record breaks, in the order of its fields.
pub fn findings(record: &Record, surroundings: &dyn Surroundings) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    duplicate_citations(record, &mut found);
    match &record.body {
        Body::Source(source) => {
            let rival = (!source.url.is_empty())
                .then(|| surroundings.source_with_url(&source.url, &record.name))
                .flatten();
            if let Some(rival) = rival {
                found.add(Rule::DuplicateSource, "source.url", format!("{rival} has the same address"));
            }
        }
        Body::Institution(institution) => {
            let steps = institution.lifecycle.iter().map(|step| step.date);
            in_order("institution.lifecycle", steps, &mut found);
        }
        Body::Party(party) => self::party(party, &mut found),
        Body::Reform(reform) => self::reform(reform, surroundings, &mut found),
        Body::Election(election) => self::election(election, &mut found),
        Body::Referendum(referendum) => self::referendum(referendum, &mut found),
        Body::Petition(petition) => self::petition(petition, &mut found),
        Body::Appeal(appeal) => self::appeal(appeal, &mut found),
        Body::Observation(observation) => {
            let unit = surroundings.variable_unit(&observation.variable);
            found.unit(unit.as_deref(), &observation.quantity, "observation.quantity.unit");
        }
        Body::Target(target) => self::target(target, surroundings, &mut found),
        Body::Variable(_) | Body::Package(_) | Body::Decision(_) | Body::Event(_) => {}
    }
    found.0
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, rule: Rule, field_path: impl Into<String>, description: impl Into<String>) {
        let (field_path, description) = (field_path.into(), description.into());
        self.0.push(Finding { rule, field_path, description });
    }

    /// `dates-order` when `later` certainly lies before `earlier`.
    fn order(&mut self, earlier: Option<Date>, later: Option<Date>, path: &str, than: &str) {
        if let (Some(earlier), Some(later)) = (earlier, later)
            && later.certainly_before(earlier)
        {
            self.add(Rule::DatesOrder, path, format!("{later} lies before {than} {earlier}"));
        }
    }

    fn unit(&mut self, expected: Option<&str>, quantity: &Quantity, path: &str) {
        if let Some(expected) = expected
            && !expected.is_empty()
            && !quantity.unit.is_empty()
            && expected != quantity.unit
        {
            let description = format!("'{}', but the variable is in '{expected}'", quantity.unit);
            self.add(Rule::UnitMismatch, path, description);
        }
    }

    /// `turnout-gap` between a published percentage and cast / registered.
    fn turnout(
        &mut self,
        cast: Option<i64>,
        registered: Option<i64>,
        reported: Option<&Quantity>,
        path: &str,
    ) {
        let (Some(cast), Some(registered), Some(reported)) = (cast, registered, reported) else { return };
        let Some(reported) = reported.value() else { return };
        let Some(computed) =
            (Decimal::from(cast) * Decimal::ONE_HUNDRED).checked_div(Decimal::from(registered))
        else {
            return;
        };
        if (computed - reported).abs() > TURNOUT_GAP_MAX {
            let description = format!("{reported} is printed, cast / registered is {:.2}", computed);
            self.add(Rule::TurnoutGap, path, description);
        }
    }

    fn exceeds(&mut self, part: Option<i64>, whole: Option<i64>, path: &str, names: (&str, &str)) {
        if let (Some(part), Some(whole)) = (part, whole)
            && part > whole
        {
            let description = format!("{} {part} exceed {} {whole}", names.0, names.1);
            self.add(Rule::ValidExceedsCast, path, description);
        }
    }
}

fn duplicate_citations(record: &Record, found: &mut Findings) {
    for (index, citation) in record.citations.iter().enumerate() {
        if record.citations[..index].contains(citation) {
            let description = format!("{} is cited twice for the same", citation.source);
            found.add(Rule::DuplicateSource, format!("citations[{index}].source"), description);
        }
    }
}

/// Each dated step against the last dated one before it.
fn in_order(path: &str, dates: impl Iterator<Item = Option<Date>>, found: &mut Findings) {
    let mut before = None;
    for (index, date) in dates.enumerate() {
        found.order(before, date, &format!("{path}[{index}].date"), "the step before it,");
        before = date.or(before);
    }
}

fn party(party: &Party, found: &mut Findings) {
    found.order(party.founded_on, party.registered_on, "party.registered_on", "the founding,");
    for (index, date) in party.re_registered_on.iter().enumerate() {
        let path = format!("party.re_registered_on[{index}]");
        found.order(party.registered_on, Some(*date), &path, "the registration,");
    }
    let ended = party.ended.and_then(|end| end.date);
    let began = party.registered_on.or(party.founded_on);
    found.order(began, ended, "party.ended.date", "the beginning,");
}

/// The place of a stage in a reform's life; stages of one place may come in any order.
fn stage_place(kind: StageKind) -> u8 {
    match kind {
        StageKind::Announced => 0,
        StageKind::PassedChamber => 1,
        StageKind::Adopted => 2,
        StageKind::InForce => 3,
        StageKind::FirstApplied => 4,
        StageKind::Repealed | StageKind::Expired => 5,
    }
}

fn reform(reform: &crate::reform::Reform, surroundings: &dyn Surroundings, found: &mut Findings) {
    for (index, stage) in reform.stages.iter().enumerate() {
        let earlier = reform.stages.iter().filter(|other| {
            other.is_planned() == stage.is_planned() && stage_place(other.kind) < stage_place(stage.kind)
        });
        for other in earlier {
            let than = format!("{},", other.kind);
            found.order(other.date, stage.date, &format!("reform.stages[{index}].date"), &than);
        }
    }
    for (index, change) in reform.parameter_changes.iter().enumerate() {
        let unit = surroundings.variable_unit(&change.parameter);
        for (field, quantity) in [("before", &change.before), ("after", &change.after)] {
            if let Some(quantity) = quantity {
                let path = format!("reform.parameter_changes[{index}].{field}.unit");
                found.unit(unit.as_deref(), quantity, &path);
            }
        }
    }
}

fn election(election: &Election, found: &mut Findings) {
    for (index, pair) in election.held_on.windows(2).enumerate() {
        let path = format!("election.held_on[{}]", index + 1);
        found.order(Some(pair[0]), Some(pair[1]), &path, "the round before it,");
    }
    found.exceeds(election.cast, election.registered, "election.cast", ("votes cast", "registered voters"));
    found.exceeds(election.valid, election.cast, "election.valid", ("valid votes", "votes cast"));
    if let (Some(valid), Some(invalid)) = (election.valid, election.invalid)
        && election.cast.is_some_and(|cast| valid <= cast)
    {
        let sum = valid.checked_add(invalid);
        found.exceeds(sum, election.cast, "election.invalid", ("valid and invalid votes", "votes cast"));
    }
    found.turnout(
        election.cast,
        election.registered,
        election.turnout_reported.as_ref(),
        "election.turnout_reported",
    );
    for (index, tier) in election.tiers.iter().enumerate() {
        self::tier(index, tier, election.cast, found);
    }
}

fn tier(index: usize, tier: &Tier, cast: Option<i64>, found: &mut Findings) {
    let seats: i64 = tier.results.iter().filter_map(|result| result.seats).map(i64::from).sum();
    if let Some(total) = tier.seats
        && seats > i64::from(total)
    {
        let path = format!("election.tiers[{index}].results");
        found.add(Rule::SeatsExceedTier, path, format!("{seats} seats in a tier of {total}"));
    }
    let path = format!("election.tiers[{index}].valid");
    found.exceeds(tier.valid, cast, &path, ("valid votes", "votes cast"));
    let shares = tier.results.iter().filter_map(|result| result.vote_share.as_ref()?.value());
    let sum = shares.fold(Decimal::ZERO, |sum, share| sum.saturating_add(share));
    if sum > SHARES_SUM_MAX {
        let path = format!("election.tiers[{index}].results");
        found.add(Rule::SharesSum, path, format!("the listed shares add up to {sum}"));
    }
}

fn referendum(referendum: &Referendum, found: &mut Findings) {
    let Referendum { cast, registered, yes, no, invalid, other, .. } = referendum;
    found.exceeds(*cast, *registered, "referendum.cast", ("votes cast", "registered voters"));
    if let (Some(yes), Some(no)) = (yes, no) {
        let valid = yes.saturating_add(*no);
        let counted = valid.saturating_add(invalid.unwrap_or(0)).saturating_add(other.unwrap_or(0));
        found.exceeds(Some(counted), *cast, "referendum.yes", ("votes counted", "votes cast"));
    }
    let reported = referendum.turnout_reported.as_ref();
    found.turnout(*cast, *registered, reported, "referendum.turnout_reported");
    let shares = [&referendum.yes_share_reported, &referendum.no_share_reported];
    let sum: Decimal = shares.iter().filter_map(|share| share.as_ref()?.value()).sum();
    if sum > SHARES_SUM_MAX {
        found.add(Rule::SharesSum, "referendum.yes_share_reported", format!("yes and no add up to {sum}"));
    }
}

fn petition_place(kind: PetitionStageKind) -> u8 {
    match kind {
        PetitionStageKind::Submitted => 0,
        PetitionStageKind::Published | PetitionStageKind::Rejected => 1,
        PetitionStageKind::ThresholdReached => 2,
        PetitionStageKind::Sent => 3,
        PetitionStageKind::Answered => 4,
        PetitionStageKind::Closed => 5,
    }
}

fn petition(petition: &crate::participation::Petition, found: &mut Findings) {
    for (index, stage) in petition.stages.iter().enumerate() {
        for other in &petition.stages {
            if petition_place(other.kind) < petition_place(stage.kind) {
                let path = format!("petition.stages[{index}].date");
                found.order(other.date, stage.date, &path, &format!("{},", other.kind));
            }
        }
    }
}

fn appeal(appeal: &Appeal, found: &mut Findings) {
    let filed = appeal.filed_on;
    for (path, date) in [
        ("appeal.admitted_on", appeal.admitted_on),
        ("appeal.answered_on", appeal.answered_on),
        ("appeal.closed_on", appeal.closed_on),
        ("appeal.deadline_on", appeal.deadline_on),
    ] {
        found.order(filed, date, path, "the filing,");
    }
}

fn target(target: &crate::measure::Target, surroundings: &dyn Surroundings, found: &mut Findings) {
    let unit = surroundings.variable_unit(&target.variable);
    found.unit(unit.as_deref(), &target.quantity, "target.quantity.unit");
    if let Some(baseline) = &target.baseline {
        found.unit(unit.as_deref(), baseline, "target.baseline.unit");
    }
    for (index, milestone) in target.milestones.iter().enumerate() {
        let path = format!("target.milestones[{index}].quantity.unit");
        found.unit(unit.as_deref(), &milestone.quantity, &path);
    }
    found.order(target.baseline_on, target.deadline_on, "target.deadline_on", "the baseline,");
}
