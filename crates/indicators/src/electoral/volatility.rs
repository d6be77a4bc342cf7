//! `volatility`: how many votes changed hands between two elections.

use std::collections::BTreeMap;

use reform_model::Kind;

use crate::answer::{Answer, Builder, Code, Point};
use crate::catalogue::{Definition, Parameter};
use crate::electoral::chambers::{Held, INSTITUTION, INSTITUTION_PARAMETER, add_reported, chambers};
use crate::electoral::evidence;
use crate::electoral::lineage::{
    BY_MERGER, BY_NAME, BY_SUCCESSION, Families, LINEAGE, Line, Lineage, Standing, Sureness,
};
use crate::electoral::rows::{Key, VoteShares};
use crate::electoral::swing::{self, Share, Swing};
use crate::electoral::tiers::{
    Choice, SHARE_BASE_PARAMETER, ShareBase, TIER, TIER_PARAMETER, tier_label, warn_of_conflicts,
};
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part};
use crate::number::Number;
use crate::query::{Query, QueryError};
use crate::span::Granularity;
use crate::view::View;

/// The figure that says which election the votes are compared with.
const SINCE: &str = "since";

const LINEAGE_PARAMETER: Parameter = Parameter {
    key: LINEAGE,
    description: "when parties of two elections are one: BY_NAME, while a name stays valid; BY_SUCCESSION, also under \
                  a new name; BY_MERGER, also when one merged into the other between the elections",
    values: &[BY_NAME, BY_SUCCESSION, BY_MERGER],
    default_value: BY_SUCCESSION,
    required: false,
};

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "volatility",
    title: "Electoral volatility",
    definition: "The share of votes that changed hands since the election before, of the same chamber. Parties, \
                 alliances and candidates enter; against-all, independents and others do not. A renamed party is one, \
                 unless lineage says BY_NAME. By BY_MERGER merged parties count with their successor; a merger counts \
                 only when dated after the earlier election and not after the later, and one that may be widens the \
                 lower bound; an alliance follows its members when all go the same way. What is not recorded in either \
                 election may lie with anybody without a share there. The first recorded election has no point. CHAMBER \
                 means the votes of the list tier.",
    formula: "½ Σ |v(t) − v(t−1)|, v in percent",
    formula_source: "Pedersen, M. N. (1979), The Dynamics of European Party Systems: Changing Patterns of Electoral \
                     Volatility, European Journal of Political Research 7 (1), 1–26",
    formula_version: 3,
    unit: "percentage points",
    dimensions: &[INSTITUTION],
    parameters: &[INSTITUTION_PARAMETER, LINEAGE_PARAMETER, SHARE_BASE_PARAMETER, TIER_PARAMETER],
    kinds: &[Kind::Election, Kind::Institution, Kind::Observation, Kind::Party, Kind::Variable],
    granularities: Granularity::EVENTS,
    compute: volatility,
};

/// An election with the votes of the tier that is asked for.
struct Polled<'h, 'a> {
    held: &'h Held<'a>,
    tier: (usize, String),
    shares: VoteShares<'a>,
}

impl<'h, 'a> Polled<'h, 'a> {
    /// None when no vote share is recorded.
    fn of(held: &'h Held<'a>, choice: Choice, base: ShareBase) -> Option<Self> {
        let (place, tier) = choice.tier(held.election)?;
        let shares = base.shares(held.election, tier);
        (!shares.entrants.is_empty()).then(|| Self { held, tier: (place, tier_label(tier, place)), shares })
    }

    fn standing(&self) -> Standing<'a> {
        let contenders = self.shares.entrants.keys().chain(&self.shares.missing).cloned().collect();
        Standing { on: self.held.on, contenders }
    }

    fn conflicts(&self, point: &mut Point) {
        warn_of_conflicts(point, self.held, &format!("election.tiers[{}]", self.tier.0));
    }
}

fn volatility(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let choice = Choice::of(query)?.of_votes();
    let (base, lineage) = (ShareBase::of(query), Lineage::of(query));
    let families = Families::of(view);
    let mut answer = Builder::default();
    for chamber in chambers(view, query)? {
        for pair in chamber.elections.windows(2) {
            let [earlier, later] = pair else { continue };
            if !later.is_asked(query) {
                continue;
            }
            let polled = |held| Polled::of(held, choice, base);
            // An election without votes on record is not passed over: what lies behind it is not the one before.
            if let (Some(earlier), Some(later)) = (polled(earlier), polled(later)) {
                let mut labels = chamber.labels.clone();
                labels.insert(TIER.to_owned(), later.tier.1.clone());
                let (mut point, swings) = point(&families, lineage, &earlier, &later);
                query.attach(&labels, &mut point, |_| {
                    let mut evidence = changes(view, &swings, earlier.held, later.held);
                    evidence::exclude_others(&mut evidence, later.held.record, &chamber.elections);
                    evidence
                });
                answer.push(labels, DEFINITION.unit, point);
            }
        }
    }
    add_reported(view, query, DEFINITION.id, &mut answer);
    Ok(answer.finish(DEFINITION.id, DEFINITION.formula_version))
}

fn point<'a>(
    families: &Families<'a>,
    lineage: Lineage,
    earlier: &Polled<'_, 'a>,
    later: &Polled<'_, 'a>,
) -> (Point, BTreeMap<Line<'a>, Swing>) {
    let (before, after) = (earlier.standing(), later.standing());
    let lines = |sureness| families.lines(lineage, sureness, &before, &after);
    let (certain, possible) = (lines(Sureness::Certain), lines(Sureness::Possible));
    let swung = |lines| swings(lines, &earlier.shares, &later.shares);
    let index = |swings: &BTreeMap<Line<'a>, Swing>| {
        swing::pedersen(swings.values(), (&earlier.shares.rest, &later.shares.rest))
    };
    let mut point = later.held.point();
    point.records = 2;
    point.set_sources(earlier.held.record.sources().into_iter().chain(later.held.record.sources()));
    point.figures.insert(SINCE.to_owned(), earlier.held.on.to_string());
    let swings = swung(&certain);
    let mut estimate = index(&swings);
    let unsure = certain.iter().filter(|(key, line)| possible.get(key) != Some(line)).count();
    if unsure > 0 {
        // Counting more contenders as one never makes the index larger.
        estimate.lower = index(&swung(&possible)).lower.filter(|_| estimate.lower.is_some());
        let message = "mergers that may lie between the elections are not counted in the value";
        point.warn(Code::ImpreciseDate, message, i64::try_from(unsure).unwrap_or(i64::MAX));
    }
    point.estimate =
        Some(estimate.scale(&Number::from(100))).filter(|estimate| *estimate != Estimate::default());
    earlier.shares.warn(&mut point);
    later.shares.warn(&mut point);
    earlier.conflicts(&mut point);
    later.conflicts(&mut point);
    (point, swings)
}

/// What each line brings: half its change, in the record where it last stood.
fn changes(
    view: &View,
    swings: &BTreeMap<Line<'_>, Swing>,
    earlier: &Held<'_>,
    later: &Held<'_>,
) -> Evidence {
    let mut evidence = Evidence::default();
    let shown = |share: &Share| {
        let none = || Estimate::exact(0);
        share.recorded.clone().unwrap_or_else(none).with_style(Style::Percent).display()
    };
    for (line, swing) in swings {
        let held = if swing.after.recorded.is_some() { later } else { earlier };
        let title = evidence::title(view, line.key());
        let note = format!("{title}: {} before, {} now", shown(&swing.before), shown(&swing.after));
        let number = swing.change().map(|change| &change * &Number::from(50));
        evidence.add(held.record, Part { number, note });
    }
    for held in [earlier, later] {
        evidence.add_once(held.record, Part::of(0, "everybody's votes stand beside the other election's"));
    }
    evidence
}

/// The votes of each line in both elections.
fn swings<'a>(
    lines: &BTreeMap<Key<'a>, Line<'a>>,
    earlier: &VoteShares<'a>,
    later: &VoteShares<'a>,
) -> BTreeMap<Line<'a>, Swing> {
    let mut swings = BTreeMap::<Line<'a>, Swing>::new();
    for (key, line) in lines {
        let before = &mut swings.entry(line.clone()).or_default().before;
        earlier.entrants.get(key).into_iter().for_each(|share| before.add(Some(share)));
        // Of two rows of one contender one may have a share.
        if earlier.missing.contains(key) {
            before.add(None);
        }
    }
    for (key, share) in &later.entrants {
        swings.entry(Line::of(key.clone())).or_default().after.add(Some(share));
    }
    for key in &later.missing {
        swings.entry(Line::of(key.clone())).or_default().after.add(None);
    }
    swings
}
