//! What is expected of a point, and the records that it is worked out from.

use std::collections::BTreeMap;

use reform_indicators::answer::Labels;
use reform_indicators::{Answer, Point};
use reform_model::{Body, Date, Name, Period, Record};

use super::exact::{Figure, Q, alike, near, parsed, shown};

/// How far the conventions as written decide a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Decided {
    /// The value and both bounds.
    #[default]
    Whole,
    /// The value; the bounds must hold it.
    Value,
    /// That there is a point.
    Nothing,
}

/// What one point says.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub(super) figure: Option<Figure>,
    pub(super) decided: Decided,
    /// Numerator and denominator, where they are counted.
    pub(super) counts: Option<(i64, i64)>,
    pub(super) unknown: Option<i64>,
    pub(super) status: Option<String>,
    /// The further figures that say how much a running total grew.
    pub(super) figures: Option<BTreeMap<String, Q>>,
}

impl Said {
    pub(super) fn of(figure: Figure) -> Self {
        Self { figure: Some(figure), ..Self::default() }
    }

    pub(super) fn open() -> Self {
        Self { decided: Decided::Nothing, ..Self::default() }
    }

    fn agrees(&self, point: &Point) -> bool {
        let own = point.estimate.as_ref().map(Figure::from);
        let figure = match (self.decided, &self.figure, &own) {
            (Decided::Nothing, _, _) | (_, None, None) => true,
            (Decided::Whole, Some(expected), Some(own)) => alike(expected, own),
            (Decided::Value, Some(expected), Some(own)) => holds(expected, own),
            (Decided::Whole | Decided::Value, _, _) => false,
        };
        let counts = self
            .counts
            .is_none_or(|(above, below)| (point.numerator, point.denominator) == (Some(above), Some(below)));
        figure
            && counts
            && self.unknown.is_none_or(|unknown| unknown == point.unknown)
            && self.figures.as_ref().is_none_or(|figures| *figures == differences_of(point))
            && self.status.as_ref().is_none_or(|status| Some(status) == point.status.as_ref())
    }
}

fn differences_of(point: &Point) -> BTreeMap<String, Q> {
    let own =
        point.figures.iter().filter(|(key, _)| key.starts_with("difference") && *key != "difference_from");
    own.map(|(key, text)| (key.clone(), parsed(text))).collect()
}

/// The same value, inside whatever bounds there are.
fn holds(expected: &Figure, own: &Figure) -> bool {
    let (Some(value), Some(said)) = (&expected.value, &own.value) else { return expected.value == own.value };
    let lower = own.lower.as_ref().is_none_or(|(low, _)| low <= said || near(low, said));
    let upper = own.upper.as_ref().is_none_or(|(high, _)| said <= high || near(high, said));
    near(value, said) && lower && upper
}

/// The labels of a series, the period of a point as text, and its label.
pub(super) type Key = (Labels, String, String);
/// The points that have a figure, or a status.
pub(super) type Points = BTreeMap<Key, Said>;

pub(super) fn labels(pairs: &[(&str, &str)]) -> Labels {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn at(date: Date) -> String {
    Period { start: Some(date), end: Some(date) }.to_string()
}

/// The points of an answer against those expected: a line for each that is not as it should be.
pub(super) fn differences(answer: &Answer, expected: &Points) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left: BTreeMap<&Key, &Said> = expected.iter().collect();
    for series in &answer.series {
        for point in &series.points {
            let key = (series.labels.clone(), point.period.to_string(), point.label.clone());
            let own = shown(point.estimate.as_ref().map(Figure::from).as_ref());
            match left.remove(&key) {
                Some(said) if said.agrees(point) => {}
                Some(said) => lines.push(format!(
                    "{key:?}\n  answered {own} {:?} of {:?} {:?} unknown {}\n  expected {} {:?} {:?} {:?}\n  {:?}",
                    point.numerator,
                    point.denominator,
                    point.status,
                    point.unknown,
                    shown(said.figure.as_ref()),
                    said.counts,
                    said.status,
                    said.unknown,
                    point.caveats,
                )),
                None if point.estimate.is_none() && point.status.is_none() => {}
                None => lines.push(format!("{key:?}\n  answered {own} {:?}, expected no point", point.status)),
            }
        }
    }
    let missing = left.into_iter().filter(|(_, said)| said.figure.is_some() || said.status.is_some());
    lines.extend(
        missing
            .map(|(key, said)| format!("{key:?}\n  expected {}, not answered", shown(said.figure.as_ref()))),
    );
    lines
}

/// The records at the end of a history, by name.
#[derive(Debug, Clone, Default)]
pub(super) struct World(pub(super) BTreeMap<Name, Record>, pub(super) BTreeMap<Name, i64>);

impl World {
    pub(super) fn get(&self, name: &Name) -> Option<&Record> {
        self.0.get(name)
    }

    /// What `pick` takes out of the bodies, with the records.
    pub(super) fn all<'a, T>(&'a self, pick: impl Fn(&'a Body) -> Option<&'a T>) -> Vec<(&'a Record, &'a T)> {
        self.0.values().filter_map(|record| Some((record, pick(&record.body)?))).collect()
    }
}

macro_rules! kinds {
    ($($method:ident $variant:ident $type:ty;)*) => {
        impl World {
            $(pub(super) fn $method(&self) -> Vec<(&Record, &$type)> {
                self.all(|body| if let Body::$variant(own) = body { Some(own) } else { None })
            })*
        }
    };
}

kinds! {
    elections Election reform_model::election::Election;
    referendums Referendum reform_model::election::Referendum;
    parties Party reform_model::party::Party;
    reforms Reform reform_model::reform::Reform;
    petitions Petition reform_model::participation::Petition;
    appeals Appeal reform_model::participation::Appeal;
    decisions Decision reform_model::participation::Decision;
    events Event reform_model::institution::Event;
    sources Source reform_model::institution::Source;
    variables Variable reform_model::measure::Variable;
    observations Observation reform_model::measure::Observation;
    targets Target reform_model::measure::Target;
}
