//! A small country of every kind of record: who there is, and each record as a seed makes it.

use reform_model::institution::{Coverage, Event, Institution, Source};
use reform_model::measure::{Observation, Reports, Variable};
use reform_model::participation::{Appeal, Decision};
use reform_model::party::{Party, PartyEnd};
use reform_model::record::{Citation, DatedName};
use reform_model::reform::{Package, ParameterChange, Reform, Stage};
use reform_model::vocabulary::{
    Act, Aggregation, Area, Basis, Direction, EventType, InstitutionType, Method, PartyEndKind, Rank,
    Release, StageKind, StageStatus,
};
use reform_model::{Body, Date, Kind, Period, Quantity, Record};

use super::chance::Chance;
use super::polls;
use crate::build::{date, name, period, quantity, record};

/// How many there are of each kind; an id is the kind's three letters and a number.
pub(super) const CAST: &[(&str, u64)] = &[
    ("src", 4),
    ("ins", 3),
    ("pkg", 2),
    ("var", 16),
    ("pty", 7),
    ("rfm", 7),
    ("ele", 6),
    ("ref", 3),
    ("pet", 8),
    ("app", 8),
    ("dec", 6),
    ("evt", 5),
    ("obs", 42),
    ("tgt", 6),
];

/// What each variable reports; those that report nothing are asked for by name.
pub(super) const REPORTS: [&str; 16] = [
    "",
    "",
    "reforms-per-year",
    "appeals-per-year",
    "unconstitutionality-rate.inconsistent",
    "unconstitutionality-rate.consistent",
    "unconstitutionality-rate.denominator",
    "quota-share.numerator",
    "quota-share.denominator",
    "quota-share",
    "appeals-per-100k.population",
    "registered-parties",
    "growth.records/var-0",
    "",
    "appointment-rate.numerator",
    "appointment-rate.denominator",
];

/// Every id.
pub(super) fn ids() -> Vec<String> {
    CAST.iter().flat_map(|(kind, count)| (0..*count).map(move |number| format!("{kind}-{number}"))).collect()
}

pub(super) fn number_of(id: &str) -> usize {
    id.split_once('-').unwrap().1.parse().unwrap()
}

/// The record of that id as the seed makes it.
pub(super) fn made(id: &str, seed: u64) -> Record {
    let number = number_of(id);
    let chance = Chance::new(seed ^ (number as u64) << 32);
    let body = match &id[..3] {
        "src" => source(&chance),
        "ins" => institution(number),
        "pkg" => Body::Package(Package::default()),
        "var" => variable(number, &chance),
        "pty" => party(number, &chance),
        "rfm" => reform(&chance),
        "ele" => polls::election(number, &chance),
        "ref" => polls::referendum(&chance),
        "pet" => polls::petition(&chance),
        "app" => appeal(&chance),
        "dec" => decision(&chance),
        "evt" => event(&chance),
        "obs" => observation(number, &chance),
        _ => super::promises::target(number, &chance),
    };
    let jurisdiction =
        if matches!(&id[..3], "obs" | "tgt" | "var" | "pty") || !chance.once_in(4) { "XX" } else { "YY" };
    let mut made = Record { jurisdiction: jurisdiction.to_owned(), ..record(id, body) };
    if matches!(made.kind(), Kind::Observation) {
        made.rank =
            chance.of(&[None, None, None, Some(Rank::Preferred), Some(Rank::Normal), Some(Rank::Deprecated)]);
    }
    let cited = if made.kind() == Kind::Source { 0 } else { chance.below(3) };
    made.citations.clear();
    for place in 0..cited {
        let source = name(&format!("src-{}", (place + chance.below(2)) % 4));
        made.citations.push(Citation { source, locator: String::new(), field_paths: Vec::new() });
    }
    made
}

/// A day of few years, or only a part of one, or a window.
pub(super) fn some_date(chance: &Chance) -> Date {
    let (year, month, day) = (chance.between(2020, 2023), chance.between(1, 12), chance.between(1, 28));
    match chance.below(12) {
        0 => date(&format!("{year}")),
        1 => date(&format!("{year}-{month:02}")),
        2 => date(&format!("{year}-{month:02}-{day:02}..{}", year + 1)),
        3 => date(&format!("..{year}-{month:02}-{day:02}")),
        _ => date(&format!("{year}-{month:02}-{day:02}")),
    }
}

pub(super) fn some_day(chance: &Chance) -> Date {
    let (year, month, day) = (chance.between(2020, 2023), chance.between(1, 12), chance.between(1, 28));
    date(&format!("{year}-{month:02}-{day:02}"))
}

/// A number around `about`, under any comparator.
pub(super) fn some_quantity(chance: &Chance, low: i64, high: i64) -> Quantity {
    let number = chance.between(low, high);
    let tenths = if chance.once_in(3) { format!(".{}", chance.below(10)) } else { String::new() };
    match chance.below(14) {
        0 => quantity(&format!("> {number}{tenths}")),
        1 => quantity(&format!("≥ {number}{tenths}")),
        2 => quantity(&format!("< {number}{tenths}")),
        3 => quantity(&format!("≤ {number}{tenths}")),
        4 => quantity(&format!("≈ {number}{tenths}")),
        5 => quantity(&format!("{number}–{}", number + chance.between(0, 5))),
        _ => quantity(&format!("{number}{tenths}")),
    }
}

fn source(chance: &Chance) -> Body {
    let published_on = chance.maybe(&[date("2022-02-03"), date("2023-05"), date("2021-12-31"), date("2022")]);
    let mut covers = Vec::new();
    if chance.once_in(2) {
        let kind = chance.of(&[
            Kind::Reform,
            Kind::Party,
            Kind::Petition,
            Kind::Decision,
            Kind::Event,
            Kind::Appeal,
        ]);
        let over = chance.of(&["2021/2023", "2020-07-01/2022-12-31", "2019", "2022/", "2022-03/2022-11"]);
        let subject = chance.once_in(3).then(|| name("ins-0"));
        covers.push(Coverage { kind, subject, period: period(over) });
    }
    Body::Source(Source { published_on, covers, ..Source::default() })
}

fn institution(number: usize) -> Body {
    let kind = if number < 2 { InstitutionType::Chamber } else { InstitutionType::Court };
    Body::Institution(Institution { institution_type: Some(kind), ..Institution::default() })
}

fn variable(number: usize, chance: &Chance) -> Body {
    let (indicator, part) = REPORTS[number].split_once('.').unwrap_or((REPORTS[number], ""));
    let reports = Reports { indicator: indicator.to_owned(), part: part.to_owned() };
    let unit = if number == 10 { chance.of(&["people", "thousand people"]) } else { "units" };
    Body::Variable(Variable {
        reports: (!reports.indicator.is_empty()).then_some(reports),
        unit: unit.to_owned(),
        direction: chance.of(&[None, Some(Direction::HigherIsBetter), Some(Direction::LowerIsBetter)]),
        aggregation: chance.of(&[None, Some(Aggregation::Sum), Some(Aggregation::Last)]),
        legal_parameter: number == 13,
        ..Variable::default()
    })
}

/// Party 3 is party 0 under a new name, party 4 took in 1 and 2; the others stand alone.
fn party(number: usize, chance: &Chance) -> Body {
    let end = |kind, date| Some(PartyEnd { kind, date });
    let kinds = [PartyEndKind::Dissolved, PartyEndKind::Banned, PartyEndKind::Unknown];
    let date = chance.maybe(&[some_date(chance), date("2016-05-01"), date("2012"), date("2019-04-04")]);
    let merged = matches!(number, 1 | 2) && !chance.once_in(5);
    let ended = match chance.below(3) {
        _ if merged => end(PartyEndKind::Merged, date),
        0 => end(chance.of(&kinds), date),
        _ => None,
    };
    let predecessors = match number {
        3 => vec![name("pty-0")],
        4 => vec![name("pty-1"), name("pty-2")],
        _ => Vec::new(),
    };
    let used = |over: &str| if over.is_empty() { Period::default() } else { period(over) };
    let dated = |text: &str, over: &str| DatedName {
        name: text.to_owned(),
        language: String::new(),
        used: used(over),
    };
    let names = match chance.below(4) {
        0 => Vec::new(),
        1 => vec![dated(&format!("Party {number}"), "")],
        2 => vec![
            dated(&format!("Old {number}"), "/2015-12-31"),
            dated(&format!("New {number}"), "2016-01-01/"),
        ],
        _ => vec![dated(&format!("PARTY-{number}"), "")],
    };
    Body::Party(Party {
        names,
        founded_on: chance.once_in(3).then(|| some_date(chance)),
        registered_on: chance.maybe(&[some_date(chance), some_day(chance), some_day(chance)]),
        ended,
        predecessors,
        re_registered_on: Vec::new(),
        never_registered: chance.once_in(12),
    })
}

fn reform(chance: &Chance) -> Body {
    let kinds = [
        StageKind::Announced,
        StageKind::PassedChamber,
        StageKind::Adopted,
        StageKind::InForce,
        StageKind::FirstApplied,
        StageKind::Repealed,
    ];
    let mut stages = Vec::new();
    for kind in kinds {
        for _ in 0..chance.of(&[0, 1, 1, 1, 2]) {
            let status = chance.of(&[
                None,
                Some(StageStatus::Actual),
                Some(StageStatus::Actual),
                Some(StageStatus::Planned),
            ]);
            let date = (!chance.once_in(8)).then(|| some_date(chance));
            stages.push(Stage { kind, date, status });
        }
    }
    let mut parameter_changes = Vec::new();
    if chance.once_in(2) {
        let effective_on =
            if chance.once_in(5) { None } else { Some(chance.of(&[some_day(chance), some_date(chance)])) };
        let after = chance.maybe(&[some_quantity(chance, 1, 40)]);
        let change =
            ParameterChange { parameter: name("var-13"), before: None, after, effective_on, direction: None };
        parameter_changes.push(change);
    }
    Body::Reform(Reform {
        area: chance.maybe(&[Area::Elections, Area::Economy]),
        package: chance.maybe(&[name("pkg-0"), name("pkg-1")]),
        legal_act: chance.maybe(&[Act::Law, Act::Decree]),
        stages,
        parameter_changes,
    })
}

fn appeal(chance: &Chance) -> Body {
    let institution = chance.maybe(&[name("ins-0"), name("ins-2")]);
    let filed_on = chance.maybe(&[some_date(chance), some_day(chance)]);
    Body::Appeal(Appeal { institution, filed_on, ..Appeal::default() })
}

fn decision(chance: &Chance) -> Body {
    let norms =
        |chance: &Chance, high| (!chance.once_in(6)).then(|| i32::try_from(chance.between(0, high)).unwrap());
    Body::Decision(Decision {
        institution: chance.maybe(&[name("ins-0"), name("ins-2")]),
        date: chance.maybe(&[some_date(chance), some_day(chance)]),
        norms_consistent: norms(chance, 9),
        norms_inconsistent: norms(chance, 4),
        norms_interpreted: None,
    })
}

fn event(chance: &Chance) -> Body {
    Body::Event(Event {
        event_type: chance.maybe(&[EventType::Meeting, EventType::Congress]),
        date: chance.maybe(&[some_date(chance), some_day(chance)]),
        number: None,
        series: chance.maybe(&[name("ins-0"), name("ins-2")]),
        region: chance.of(&["", "north"]).to_owned(),
    })
}

/// Which variable each observation is of, and between which numbers it lies.
pub(super) const OBSERVED: [(usize, i64, i64); 12] = [
    (0, 1, 60),
    (0, 1, 60),
    (0, 1, 60),
    (1, 0, 30),
    (2, 0, 12),
    (3, 0, 90),
    (4, 0, 9),
    (5, 5, 30),
    (6, 6, 40),
    (7, 0, 30),
    (8, 30, 60),
    (10, 900, 1200),
];

fn observation(number: usize, chance: &Chance) -> Body {
    let (variable, low, high) = match number {
        12 => (9, 0, 1),
        13 | 14 => (11, 1, 9),
        15 => (12, -5, 9),
        16 | 17 => (13, 1, 40),
        18..=20 => (0, 1, 60),
        21 | 22 => (7, 0, 30),
        23 => (8, 30, 60),
        36..=38 => (14, 0, 30),
        39..=41 => (15, 30, 60),
        _ => OBSERVED[number % OBSERVED.len()],
    };
    // A share is of a day or of a span, and some indicators have no subject.
    let basis = match matches!(variable, 7..=9 | 14 | 15) {
        true => chance.of(&[Basis::InPeriod, Basis::StockAt, Basis::StockAt]),
        false => chance.of(&[Basis::InPeriod, Basis::InPeriod, Basis::StockAt, Basis::CumulativeSince]),
    };
    let subject = chance.once_in(4) && !matches!(variable, 2 | 11);
    let over = match basis {
        Basis::InPeriod => chance.of(&[
            "2021",
            "2022",
            "2022",
            "2023",
            "2022-01/2022-06",
            "2022-07/2022-12",
            "2021-01-01/2021-03-31",
        ]),
        Basis::StockAt => chance.of(&["/2021-12-31", "/2022-12-31", "/2022-06-30", "/2022-12", "2022-12-31"]),
        Basis::CumulativeSince => {
            chance.of(&["2020/2021", "2021/2022", "2020/2022", "2021/2023-06-30", "/2022-12-31"])
        }
    };
    Body::Observation(Observation {
        variable: name(&format!("var-{variable}")),
        subject: subject.then(|| name("ins-0")),
        period: period(over),
        basis,
        quantity: some_quantity(chance, low, high),
        method: chance.of(&[
            None,
            None,
            Some(Method::Counted),
            Some(Method::Estimated),
            Some(Method::Derived),
            Some(Method::Forecast),
        ]),
        release: chance.of(&[
            None,
            None,
            Some(Release::Provisional),
            Some(Release::Final),
            Some(Release::Revised),
        ]),
        published_on: chance.once_in(3).then(|| some_day(chance)),
        derived_from: Vec::new(),
        dimensions: if chance.once_in(8) {
            [("sex".to_owned(), "f".to_owned())].into()
        } else {
            Default::default()
        },
    })
}
