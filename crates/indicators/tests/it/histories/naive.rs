//! The indicators of appeals again, from records one by one and without anything that could be clever.

use std::collections::{BTreeMap, BTreeSet};

use reform_indicators::answer::{Labels, Point};
use reform_indicators::durations::{Duration, percentile};
use reform_indicators::estimate::{Estimate, Style};
use reform_indicators::span::{Bucket, Extent, Granularity};
use reform_indicators::{Query, wilson};
use reform_model::participation::Appeal;
use reform_model::{Body, Date, Day, Name, Record};

/// What a point says, as far as it is counted here.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    estimate: Option<Estimate>,
    records: i64,
    numerator: Option<i64>,
    denominator: Option<i64>,
    unknown: i64,
    excluded: i64,
    sources: Vec<Name>,
}

impl Said {
    pub(super) fn of(point: &Point) -> Self {
        Self {
            estimate: point.estimate.clone(),
            records: point.records,
            numerator: point.numerator,
            denominator: point.denominator,
            unknown: point.unknown,
            excluded: point.excluded,
            sources: point.sources.clone(),
        }
    }
}

/// The points of an answer that lie in calendar periods with records.
pub(super) type Points = BTreeMap<(Labels, String), Said>;

/// The appeals of one series, and what is read of them.
struct Series<'a> {
    labels: Labels,
    appeals: Vec<(&'a Record, &'a Appeal)>,
}

fn dimension(appeal: &Appeal, name: &str) -> String {
    match name {
        "institution" => appeal.institution.as_ref().map(Name::to_string).unwrap_or_default(),
        "channel" => appeal.channel.clone(),
        other => panic!("{other} is asked for nowhere"),
    }
}

fn series<'a>(records: &'a [Record], query: &Query) -> Vec<Series<'a>> {
    let mut found: BTreeMap<Labels, Vec<_>> = BTreeMap::new();
    for record in records.iter().filter(|record| query.wants_jurisdiction(&record.jurisdiction)) {
        let Body::Appeal(appeal) = &record.body else { continue };
        let all = ["institution", "channel"].map(|name| (name.to_owned(), dimension(appeal, name)));
        if query.filter.as_ref().is_some_and(|filter| !filter.matches(&all.into_iter().collect())) {
            continue;
        }
        let own = [("jurisdiction", record.jurisdiction.clone()), ("origin", "COUNTED".to_owned())];
        let mut labels: Labels = own.map(|(key, value)| (key.to_owned(), value)).into_iter().collect();
        labels.extend(query.group_by.iter().map(|name| (name.clone(), dimension(appeal, name))));
        found.entry(labels).or_default().push((record, appeal));
    }
    found.into_iter().map(|(labels, appeals)| Series { labels, appeals }).collect()
}

fn is_reversed(appeal: &Appeal) -> bool {
    let before =
        |end: Option<Date>| end.zip(appeal.filed_on).is_some_and(|(end, filed)| end.certainly_before(filed));
    before(appeal.answered_on) || before(appeal.closed_on)
}

/// The days from the first to the last date on record, of the jurisdictions asked for or of one.
fn last_day(records: &[Record], wanted: impl Fn(&Record) -> bool) -> Extent {
    let mut extent = Extent::default();
    for record in records.iter().filter(|record| wanted(record)) {
        let Body::Appeal(appeal) = &record.body else { continue };
        let dates = [appeal.filed_on, appeal.answered_on, appeal.closed_on];
        dates.into_iter().flatten().for_each(|date| extent.add(date));
    }
    extent
}

/// Counts the appeals of each period one by one.
pub(super) fn counted(records: &[Record], query: &Query) -> Points {
    if query.indicator == "appeal-backlog" {
        return backlog(records, query);
    }
    let granularity = query.granularity.unwrap_or(Granularity::Year);
    let extent = last_day(records, |record| query.wants_jurisdiction(&record.jurisdiction));
    let end = extent.answered(query.period).map(|(_, last)| {
        Bucket::containing(granularity, last).within(query.period).map_or(last, |bucket| bucket.last)
    });
    let mut points = Points::new();
    for Series { labels, appeals } in series(records, query) {
        let decided =
            |appeal: &&(&Record, &Appeal)| appeal.1.closed_on.is_some() || !appeal.1.outcome.is_empty();
        let all_outcomes = series_outcomes(records, query);
        let outcomes: Vec<Option<&str>> = match query.indicator.as_str() {
            "appeal-outcomes" => all_outcomes.iter().map(|outcome| Some(outcome.as_str())).collect(),
            _ => vec![None],
        };
        for outcome in outcomes {
            let mut labels = labels.clone();
            labels.extend(outcome.map(|outcome| ("outcome".to_owned(), outcome.to_owned())));
            let own: Vec<_> = match outcome {
                None => appeals.clone(),
                Some(_) => appeals.iter().filter(decided).copied().collect(),
            };
            let when = |appeal: &Appeal| if outcome.is_some() { appeal.closed_on } else { appeal.filed_on };
            let undated = own.iter().filter(|(_, appeal)| when(appeal).is_none()).count() as i64;
            let mut buckets: BTreeMap<Bucket, Vec<_>> = BTreeMap::new();
            for (record, appeal) in own {
                let whole = when(appeal).and_then(|date| Bucket::of(granularity, date));
                let bucket = whole.and_then(|bucket| bucket.within(query.period));
                if let Some(bucket) =
                    bucket.filter(|bucket| when(appeal).is_some_and(|date| bucket.contains(date)))
                {
                    buckets.entry(bucket).or_default().push((record, appeal));
                }
            }
            for (bucket, appeals) in buckets {
                let mut said = said(query, &appeals, outcome, end);
                said.excluded += undated;
                let sources = appeals.iter().flat_map(|(record, _)| record.sources().into_iter().cloned());
                said.sources = sources.collect::<BTreeSet<_>>().into_iter().collect();
                points.insert((labels.clone(), bucket.period().to_string()), said);
            }
        }
    }
    points
}

fn series_outcomes(records: &[Record], query: &Query) -> BTreeSet<String> {
    let wanted = records.iter().filter(|record| query.wants_jurisdiction(&record.jurisdiction));
    let outcomes = wanted.filter_map(|record| {
        let Body::Appeal(appeal) = &record.body else { return None };
        (!appeal.outcome.is_empty()).then(|| appeal.outcome.clone())
    });
    outcomes.collect()
}

fn said(query: &Query, appeals: &[(&Record, &Appeal)], outcome: Option<&str>, end: Option<Day>) -> Said {
    let count =
        |is_it: &dyn Fn(&Appeal) -> bool| appeals.iter().filter(|(_, appeal)| is_it(appeal)).count() as i64;
    let rate = |good: i64, bad: i64, unknown: i64, excluded: i64| {
        let some = (good + bad > 0).then_some(());
        Said {
            estimate: some.and_then(|()| wilson::rate(&Estimate::exact(good), &Estimate::exact(bad))),
            records: good + bad,
            numerator: some.map(|()| good),
            denominator: some.map(|()| good + bad),
            unknown,
            excluded,
            sources: Vec::new(),
        }
    };
    match (query.indicator.as_str(), outcome) {
        ("appeals-per-year", _) => {
            let all = count(&|_| true);
            let style = Style::Count;
            Said { estimate: Some(Estimate::exact(all).with_style(style)), records: all, ..Said::default() }
        }
        ("appeal-outcomes", Some(asked)) => rate(
            count(&|appeal| !is_reversed(appeal) && appeal.outcome == asked),
            count(&|appeal| !is_reversed(appeal) && !appeal.outcome.is_empty() && appeal.outcome != asked),
            count(&|appeal| !is_reversed(appeal) && appeal.outcome.is_empty()),
            count(&is_reversed),
        ),
        ("appeals-on-time", _) => {
            let of = |wanted: &str| count(&|appeal| verdict(appeal, end.unwrap_or(Day::MIN)) == wanted);
            rate(of("good"), of("bad"), of("unknown"), of("reversed"))
        }
        _ => times(query, appeals),
    }
}

fn verdict(appeal: &Appeal, end: Day) -> &'static str {
    match (is_reversed(appeal), appeal.deadline_on, appeal.answered_on, appeal.closed_on) {
        (true, ..) => "reversed",
        (_, None, ..) => "unknown",
        (_, Some(deadline), Some(answered), _) if answered.last() <= deadline.first() => "good",
        (_, Some(deadline), Some(answered), _) if answered.first() > deadline.last() => "bad",
        (_, Some(deadline), None, None) if deadline.last() < end => "bad",
        _ => "unknown",
    }
}

fn times(query: &Query, appeals: &[(&Record, &Appeal)]) -> Said {
    let until_closed = query.parameters.contains_key("measure");
    let (mut days, mut said) = (Vec::new(), Said::default());
    for (_, appeal) in appeals {
        let end = if until_closed { appeal.closed_on } else { appeal.answered_on };
        let length = appeal.filed_on.zip(end).and_then(|(filed, end)| Duration::between(filed, end));
        match length.and_then(Duration::days) {
            _ if is_reversed(appeal) => said.excluded += 1,
            _ if end.is_none() => said.unknown += 1,
            Some(length) => days.push(length),
            None => said.excluded += 1,
        }
    }
    days.sort_unstable();
    said.records = days.len() as i64;
    // One by one: the histogram is what is tested.
    let single: Vec<(i64, i64)> = days.iter().map(|days| (*days, 1)).collect();
    said.estimate = percentile(&single, 1, 2).map(|median| Estimate::between(median.clone(), median));
    said
}

fn backlog(records: &[Record], query: &Query) -> Points {
    let mut points = Points::new();
    for Series { labels, appeals } in series(records, query) {
        let place = labels["jurisdiction"].clone();
        let extent = last_day(records, |record| record.jurisdiction == place);
        let granularity = query.granularity.unwrap_or(Granularity::Year);
        let dated = |appeal: &&(&Record, &Appeal)| appeal.1.filed_on.is_some() && !is_reversed(appeal.1);
        for bucket in Bucket::answered(granularity, extent, query.period).unwrap() {
            let (mut said, mut begun, mut known) = (Said::default(), false, false);
            said.excluded = appeals.iter().filter(|appeal| !dated(appeal)).count() as i64;
            for (record, appeal) in appeals.iter().filter(dated) {
                let filed = appeal.filed_on.unwrap();
                begun |= filed.first() <= bucket.last;
                known |= filed.last() <= bucket.last;
                if filed.last() <= bucket.last
                    && appeal.closed_on.is_none_or(|closed| closed.first() > bucket.last)
                {
                    said.records += 1;
                    said.sources.extend(record.sources().into_iter().cloned());
                }
            }
            said.sources.sort();
            said.sources.dedup();
            let style = Style::Count;
            said.estimate = known.then(|| Estimate::exact(said.records).with_style(style));
            if begun {
                points.insert((labels.clone(), bucket.period().to_string()), said);
            }
        }
    }
    points
}
