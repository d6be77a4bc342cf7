//! `reform-status`: the furthest stage that each reform had come to at the end of each period.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use reform_model::reform::{Reform, Stage};
use reform_model::vocabulary::StageKind;
use reform_model::{Date, Day, Kind, Name, Record};

use super::{STAGE, dimension};
use crate::answer::{Answer, Builder, Code, Labels, Point};
use crate::catalogue::Definition;
use crate::counting::{Countable, Subject, key, labels};
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part, Reason};
use crate::query::{Origin, Query, QueryError};
use crate::span::{Bucket, Extent, Granularity, POINTS_MAX};
use crate::view::View;

/// The label that keeps apart what is decided, what is proposed and what is only planned.
const STATUS: &str = "status";

/// What it is.
pub const DEFINITION: Definition = Definition {
    id: "reform-status",
    title: "Stages of reforms",
    definition: "Reforms by the furthest stage that they had reached on the last day of each period, one series for \
                 each stage. The label status keeps apart what is DECIDED (adopted or further), PROPOSED (announced, \
                 or passed by one chamber) and PLANNED: a reform of which nothing has been reached and something is \
                 foreseen, from the day on which the earliest of its sources was published. A reform whose stage \
                 cannot be told on that day is in no count and is marked; one of which no stage and no such day is \
                 dated is excluded and counted. A stage that no reform has come to yet has no point.",
    formula: "number of reforms whose furthest stage with date ≤ day is the stage",
    formula_source: "",
    formula_version: 1,
    unit: "reforms",
    dimensions: &["area", "package", STAGE, "act"],
    parameters: &[],
    kinds: &[Kind::Reform, Kind::Source],
    granularities: Granularity::CALENDAR,
    compute: status,
};

/// Where a reform stands; the order is that of a reform's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Planned,
    Reached(Rank, StageKind),
}

/// The place of a stage in a reform's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Announced,
    PassedChamber,
    Adopted,
    InForce,
    FirstApplied,
    Ended,
}

impl Standing {
    fn of(kind: StageKind) -> Self {
        let rank = match kind {
            StageKind::Announced => Rank::Announced,
            StageKind::PassedChamber => Rank::PassedChamber,
            StageKind::Adopted => Rank::Adopted,
            StageKind::InForce => Rank::InForce,
            StageKind::FirstApplied => Rank::FirstApplied,
            StageKind::Repealed | StageKind::Expired => Rank::Ended,
        };
        Self::Reached(rank, kind)
    }

    fn stage(self) -> &'static str {
        match self {
            Standing::Planned => "PLANNED",
            Standing::Reached(_, kind) => kind.as_str(),
        }
    }

    fn status(self) -> &'static str {
        match self {
            Standing::Planned => "PLANNED",
            Standing::Reached(Rank::Announced | Rank::PassedChamber, _) => "PROPOSED",
            Standing::Reached(_, _) => "DECIDED",
        }
    }
}

/// A reform that may stand at a stage.
struct At<'a> {
    record: &'a Record,
    reform: &'a Reform,
    /// For the dimension.
    standing: Standing,
}

impl<'a> Countable<'a> for At<'a> {
    fn subject(&self) -> Subject<'a> {
        Subject::Record(self.record)
    }

    fn date(&self) -> Option<Date> {
        None
    }

    fn dimension(&self, name: &str) -> Option<Cow<'a, str>> {
        if name == STAGE { Some(Cow::from(self.standing.stage())) } else { dimension(self.reform, name) }
    }
}

/// A reform and the dates that it is judged by.
struct Life<'a> {
    record: &'a Record,
    reform: &'a Reform,
    /// Since when it is known as a plan; none for one that is no plan, or of which nobody says.
    planned_since: Option<Day>,
}

impl<'a> Life<'a> {
    fn new(view: &View, record: &'a Record, reform: &'a Reform) -> Self {
        let planned = reform.stages.iter().any(Stage::is_planned);
        let published = record.sources().into_iter().filter_map(|name| view.source(name)?.1.published_on);
        let planned_since = published.map(Date::last).min().filter(|_| planned);
        Self { record, reform, planned_since }
    }

    fn reached(&self) -> impl Iterator<Item = (StageKind, Date)> {
        let actual = self.reform.stages.iter().filter(|stage| !stage.is_planned());
        actual.filter_map(|stage| Some((stage.kind, stage.date?)))
    }

    fn is_dated(&self) -> bool {
        self.planned_since.is_some() || self.reached().next().is_some()
    }

    /// The standings that it may have on a day, and whether that is certain; none before its time.
    fn standings(&self, day: Day) -> BTreeMap<Standing, bool> {
        let certain = self.reached().filter(|(_, date)| date.last() <= day);
        let certain = certain.map(|(kind, _)| Standing::of(kind)).max();
        let least = certain.or(self.planned_since.filter(|since| *since <= day).map(|_| Standing::Planned));
        let possible = self.reached().filter(|(_, date)| date.first() <= day && day < date.last());
        let further: BTreeSet<Standing> =
            possible.map(|(kind, _)| Standing::of(kind)).filter(|one| Some(*one) > least).collect();
        let alone = further.is_empty();
        let further = further.into_iter().map(|standing| (standing, false));
        least.map(|least| (least, alone)).into_iter().chain(further).collect()
    }

    /// Whether it reached a stage beyond that one on an unknown day.
    fn goes_further(&self, standing: Standing) -> bool {
        let undated = self.reform.stages.iter().filter(|stage| !stage.is_planned() && stage.date.is_none());
        undated.into_iter().any(|stage| Standing::of(stage.kind) > standing)
    }

    /// The labels of its series when it stands there; none when the query does not ask for it.
    fn labels(&self, query: &Query, standing: Standing) -> Option<Labels> {
        let at = At { record: self.record, reform: self.reform, standing };
        let mut labels = labels(query, &key(query, &at)?);
        labels.insert(STAGE.to_owned(), standing.stage().to_owned());
        labels.insert(STATUS.to_owned(), standing.status().to_owned());
        Some(labels)
    }
}

fn status(view: &View, query: &Query) -> Result<Answer, QueryError> {
    let mut builder = Builder::default();
    if !query.wants(Origin::Counted) {
        return Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version));
    }
    let mut by_jurisdiction: BTreeMap<&str, Vec<Life<'_>>> = BTreeMap::new();
    for (record, reform) in
        view.reforms().filter(|(record, _)| query.wants_jurisdiction(&record.jurisdiction))
    {
        let lives = by_jurisdiction.entry(&record.jurisdiction).or_default();
        lives.push(Life::new(view, record, reform));
    }
    for lives in by_jurisdiction.values() {
        let mut extent = Extent::default();
        for life in lives {
            life.reached().for_each(|(_, date)| extent.add(date));
            life.planned_since.into_iter().for_each(|day| extent.day(day));
        }
        let granularity = query.granularity.unwrap_or(Granularity::Year);
        let buckets = Bucket::answered(granularity, extent, query.period)
            .ok_or_else(|| QueryError::field("granularity", format!("more than {POINTS_MAX} periods")))?;
        for ((labels, standing), counts) in tally(query, lives, &buckets) {
            let undated = lives.iter().filter(|life| !life.is_dated());
            let undated =
                undated.filter(|life| life.labels(query, standing).as_ref() == Some(&labels)).count();
            let mut known = false;
            for (bucket, count) in buckets.iter().zip(counts).skip_while(|(_, count)| count.is_empty()) {
                known |= count.certain > 0;
                let mut point = count.point(*bucket);
                // Before the first reform that certainly stood there nothing is certain.
                point.estimate = point.estimate.filter(|_| known);
                point.excluded = i64::try_from(undated).unwrap_or(i64::MAX);
                query.attach(&labels, &mut point, |_| evidence(query, lives, (&labels, standing), *bucket));
                builder.push(labels.clone(), DEFINITION.unit, point);
            }
        }
    }
    Ok(builder.finish(DEFINITION.id, DEFINITION.formula_version))
}

/// The reforms at one stage on one day.
#[derive(Debug, Clone, Default)]
struct Count<'a> {
    certain: i64,
    uncertain: i64,
    /// Of the certain ones, those that went further on an unknown day.
    open: i64,
    sources: BTreeSet<&'a Name>,
}

/// The counts of every series by period.
type Tally<'a> = BTreeMap<(Labels, Standing), Vec<Count<'a>>>;

fn tally<'a>(query: &Query, lives: &[Life<'a>], buckets: &[Bucket]) -> Tally<'a> {
    let mut tally: Tally<'a> = BTreeMap::new();
    for life in lives {
        for (index, bucket) in buckets.iter().enumerate() {
            for (standing, certain) in life.standings(bucket.last) {
                let Some(labels) = life.labels(query, standing) else { continue };
                let counts =
                    tally.entry((labels, standing)).or_insert_with(|| vec![Count::default(); buckets.len()]);
                let Some(count) = counts.get_mut(index) else { continue };
                if certain {
                    count.certain += 1;
                    count.open += i64::from(life.goes_further(standing));
                    count.sources.extend(life.record.sources());
                } else {
                    count.uncertain += 1;
                }
            }
        }
    }
    tally
}

impl Count<'_> {
    fn is_empty(&self) -> bool {
        self.certain + self.uncertain == 0
    }

    fn point(self, bucket: Bucket) -> Point {
        let estimate = Estimate::exact(self.certain).with_style(Style::Count);
        let mut point = Point::new(bucket.period(), Some(estimate));
        point.records = self.certain;
        point.set_sources(self.sources);
        if self.uncertain > 0 {
            let message = "reforms of which it is not certain whether they stood there are not counted";
            point.warn(Code::ImpreciseDate, message, self.uncertain);
        }
        if self.open > 0 {
            let message = "reforms that went further on a day that is not known";
            point.warn(Code::Undated, message, self.open);
        }
        point
    }
}

/// Every reform that the series could hold: those that stand there, and why the others do not.
fn evidence(
    query: &Query,
    lives: &[Life<'_>],
    (labels, standing): (&Labels, Standing),
    bucket: Bucket,
) -> Evidence {
    let mut evidence = Evidence::default();
    for life in lives.iter().filter(|life| life.labels(query, standing).as_ref() == Some(labels)) {
        let standings = life.standings(bucket.last);
        let reason = match standings.get(&standing) {
            Some(true) => {
                evidence.add(life.record, Part::one());
                continue;
            }
            Some(false) => Reason::ImpreciseDate,
            None if !life.is_dated() => Reason::Undated,
            None if standings.keys().next().is_some_and(|least| *least > standing) => Reason::Superseded,
            None => Reason::NotReached,
        };
        evidence.exclude(life.record, reason);
    }
    evidence
}
