//! Against the decided figures, hand-computed fractions and published examples.

use std::collections::BTreeMap;
use std::sync::Arc;

use reform_model::date::{Date, Day};
use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::institution::Institution;
use reform_model::measure::{Observation, Reports, Variable};
use reform_model::party::Party;
use reform_model::record::Discrepancy;
use reform_model::vocabulary::{Basis, Comparator, InstitutionType, Resolution, System, VoteBase};
use reform_model::{Body, Name, Period, Quantity, Record};

use crate::answer::{Answer, Code, Point};
use crate::estimate::Estimate;
use crate::number::Number;
use crate::query::{Query, QueryError};
use crate::view::{Change, View};

fn name(id: &str) -> Name {
    Name::from_id(id).unwrap()
}

fn record(id: &str, body: Body) -> Record {
    Record {
        name: name(id),
        jurisdiction: "XX".to_owned(),
        title: id.to_owned(),
        labels: BTreeMap::new(),
        citations: Vec::new(),
        discrepancies: Vec::new(),
        inferences: Vec::new(),
        rank: None,
        waivers: Vec::new(),
        body,
    }
}

fn view(records: impl IntoIterator<Item = Record>) -> View {
    let mut view = View::new("store");
    for (revision, record) in (1..).zip(records) {
        view.apply(Change::Put(Arc::new(record), revision));
        view.set_revision(revision);
    }
    view
}

fn institution(id: &str, kind: InstitutionType) -> Record {
    record(id, Body::Institution(Institution { institution_type: Some(kind), ..Institution::default() }))
}

fn party(id: &str, predecessors: &[&str]) -> Record {
    let predecessors = predecessors.iter().map(|id| name(id)).collect();
    record(id, Body::Party(Party { predecessors, ..Party::default() }))
}

fn contender(who: &str) -> Contender {
    match who {
        "independents" => Contender::Independents,
        "against-all" => Contender::AgainstAll,
        _ if who.contains('+') => Contender::Alliance(who.split('+').map(name).collect()),
        _ => Contender::Party(name(who)),
    }
}

fn quantity(decimal: &str, comparator: Comparator) -> Quantity {
    Quantity::new(decimal.parse().unwrap(), comparator, None, "percent".to_owned()).unwrap()
}

fn row(who: &str, votes: Option<i64>, share: Option<&str>, seats: Option<i32>) -> ElectionResult {
    let vote_share = share.map(|share| quantity(share, Comparator::Exact));
    ElectionResult { contender: contender(who), label: String::new(), votes, vote_share, seats }
}

fn tier(system: System, seats: i32, results: Vec<ElectionResult>) -> Tier {
    Tier { seats: Some(seats), system: Some(system), results, ..Tier::default() }
}

fn day(text: (i32, i32, i32)) -> Date {
    Date::exact(Day::new(text.0, text.1, text.2).unwrap())
}

fn election(id: &str, on: (i32, i32, i32), tiers: Vec<Tier>) -> Record {
    let election =
        Election { institution: Some(name("chamber")), held_on: vec![day(on)], tiers, ..Election::default() };
    record(id, Body::Election(election))
}

/// Who, list votes, list share, list seats, district seats.
type Line = (&'static str, i64, &'static str, i32, i32);

fn mixed(id: &str, on: (i32, i32, i32), lines: &[Line], districts: i32, independents: i32) -> Record {
    let list = |line: &Line| row(line.0, Some(line.1), Some(line.2), Some(line.3));
    let seats = lines.iter().map(|line| line.3).sum();
    let mut tiers = vec![tier(System::PartyList, seats, lines.iter().map(list).collect())];
    if districts > 0 {
        let mut rows: Vec<_> = lines.iter().map(|line| row(line.0, None, None, Some(line.4))).collect();
        rows.retain(|row| row.contender != Contender::AgainstAll);
        rows.push(row("independents", None, None, Some(independents)));
        tiers.push(tier(System::SingleMember, districts, rows));
    }
    election(id, on, tiers)
}

/// The six elections of the Mazhilis, 2004 to 2023, as in the shipped tables.
fn mazhilis() -> View {
    let y2004: &[Line] = &[
        ("amanat", 2_883_706, "60.61", 7, 35),
        ("aq-jol", 572_672, "12.04", 1, 0),
        ("asar", 541_239, "11.38", 1, 3),
        ("agrarian+civic", 336_177, "7.07", 1, 10),
        ("communist+dck", 163_824, "3.44", 0, 0),
        ("peoples", 94_140, "1.98", 0, 0),
        ("auyl", 82_523, "1.73", 0, 0),
        ("adilet", 36_379, "0.76", 0, 1),
        ("patriots", 26_287, "0.55", 0, 0),
        ("rukhaniyat", 20_826, "0.44", 0, 0),
    ];
    let y2007: &[Line] = &[
        ("amanat", 5_247_720, "88.41", 98, 0),
        ("osdp", 269_310, "4.54", 0, 0),
        ("aq-jol", 183_346, "3.09", 0, 0),
        ("auyl", 89_855, "1.51", 0, 0),
        ("peoples", 76_799, "1.29", 0, 0),
        ("patriots", 46_436, "0.78", 0, 0),
        ("rukhaniyat", 22_159, "0.37", 0, 0),
    ];
    let y2012: &[Line] = &[
        ("amanat", 5_621_436, "80.99", 83, 0),
        ("aq-jol", 518_405, "7.47", 8, 0),
        ("peoples", 498_788, "7.19", 7, 0),
        ("osdp", 116_534, "1.68", 0, 0),
        ("auyl", 82_623, "1.19", 0, 0),
        ("patriots", 57_732, "0.83", 0, 0),
        ("adilet", 45_702, "0.66", 0, 0),
    ];
    let y2016: &[Line] = &[
        ("amanat", 6_183_757, "82.2", 84, 0),
        ("aq-jol", 540_406, "7.18", 7, 0),
        ("peoples", 537_123, "7.14", 7, 0),
        ("auyl", 151_285, "2.01", 0, 0),
        ("osdp", 88_813, "1.18", 0, 0),
        ("adal", 21_484, "0.29", 0, 0),
    ];
    let y2021: &[Line] = &[
        ("amanat", 5_148_074, "71.09", 76, 0),
        ("aq-jol", 792_828, "10.95", 12, 0),
        ("peoples", 659_019, "9.1", 10, 0),
        ("auyl", 383_023, "5.29", 0, 0),
        ("adal", 258_618, "3.57", 0, 0),
    ];
    let y2023: &[Line] = &[
        ("amanat", 3_431_510, "53.9", 40, 22),
        ("auyl", 693_938, "10.9", 8, 0),
        ("respublica", 547_154, "8.59", 6, 0),
        ("aq-jol", 535_139, "8.41", 6, 0),
        ("peoples", 432_920, "6.8", 5, 0),
        ("osdp", 331_058, "5.2", 4, 0),
        ("baytaq", 146_431, "2.3", 0, 0),
        ("against-all", 248_291, "3.9", 0, 0),
    ];
    view([
        institution("chamber", InstitutionType::Chamber),
        party("adal", &["adilet", "rukhaniyat"]),
        party("amanat", &["asar", "civic", "agrarian", "adal"]),
        party("auyl", &["patriots"]),
        mixed("e2004", (2004, 9, 19), y2004, 67, 18),
        mixed("e2007", (2007, 8, 18), y2007, 0, 0),
        mixed("e2012", (2012, 1, 15), y2012, 0, 0),
        mixed("e2016", (2016, 3, 20), y2016, 0, 0),
        mixed("e2021", (2021, 1, 10), y2021, 0, 0),
        mixed("e2023", (2023, 3, 19), y2023, 29, 7),
    ])
}

fn ask(view: &View, indicator: &str, parameters: &[(&str, &str)]) -> Result<Answer, QueryError> {
    let mut query = Query::new(indicator);
    query.parameters =
        parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    crate::answer(view, &query)
}

fn points(view: &View, indicator: &str, parameters: &[(&str, &str)]) -> Vec<Point> {
    ask(view, indicator, parameters).unwrap().series.into_iter().flat_map(|series| series.points).collect()
}

fn values(view: &View, indicator: &str, parameters: &[(&str, &str)]) -> Vec<(String, String)> {
    let points = points(view, indicator, parameters);
    points.into_iter().map(|point| (point.label, point.estimate.unwrap().display())).collect()
}

fn last(view: &View, indicator: &str, parameters: &[(&str, &str)]) -> Estimate {
    points(view, indicator, parameters).pop().unwrap().estimate.unwrap()
}

#[test]
fn the_decided_figures_of_2023_hold() {
    let view = mazhilis();
    // The fractions are 1/Σp² worked out by hand; the decimals are those of the table of decisions.
    for (indicator, parameters, fraction, shown) in [
        ("effective-parties-votes", vec![], (50_000_000, 16_235_531), "3.0797"),
        ("effective-parties-votes", vec![("tier", "CHAMBER")], (50_000_000, 16_235_531), "3.0797"),
        // 69² / (40² + 8² + 6² + 6² + 5² + 4²)
        ("effective-parties-seats", vec![], (4761, 1777), "2.6792"),
        ("effective-parties-seats", vec![("tier", "0")], (4761, 1777), "2.6792"),
        // 98² / (62² + 8² + 6² + 6² + 5² + 4² + 7²)
        ("effective-parties-seats", vec![("tier", "CHAMBER")], (9604, 4070), "2.3597"),
        // 22 of 22: independents are a row of a whole chamber only.
        ("effective-parties-seats", vec![("tier", "SINGLE_MEMBER")], (1, 1), "1"),
    ] {
        let estimate = last(&view, indicator, &parameters);
        assert!(estimate.is_exact(), "{indicator} {parameters:?}");
        assert_eq!(estimate.value, Number::ratio(fraction.0, fraction.1), "{indicator} {parameters:?}");
        assert_eq!(estimate.display(), shown);
    }
    let contenders = last(&view, "effective-parties-votes", &[("share_base", "CONTENDERS")]);
    assert!(contenders.is_exact());
    assert_eq!(contenders.display(), "2.8441");
}

#[test]
fn shares_are_taken_as_recorded() {
    let view = mazhilis();
    let values = values(&view, "effective-parties-votes", &[]);
    let expected = ["2.4889", "1.2737", "1.4987", "1.4567", "1.8878", "3.0797"];
    assert_eq!(values.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), expected);
    let first = points(&view, "effective-parties-votes", &[]).remove(0).estimate.unwrap();
    assert_eq!(first.value.unwrap().to_decimal_string()[..7], *"2.48889");
}

#[test]
fn six_parties_of_which_three_are_new_sit_after_2023() {
    let view = mazhilis();
    let shown = |indicator| values(&view, indicator, &[]);
    let pairs = |values: &[(&str, &str)]| -> Vec<(String, String)> {
        values.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect()
    };
    // In 2004 the alliance of two parties counts once.
    let all =
        [("e2004", "5"), ("e2007", "1"), ("e2012", "3"), ("e2016", "3"), ("e2021", "3"), ("e2023", "6")];
    assert_eq!(shown("parliamentary-parties"), pairs(&all));
    let new = [("e2007", "0"), ("e2012", "1"), ("e2016", "0"), ("e2021", "0"), ("e2023", "3")];
    assert_eq!(shown("new-parliamentary-parties"), pairs(&new));
    let named = points(&view, "new-parliamentary-parties", &[]).pop().unwrap();
    assert_eq!(named.figures["parties"], "auyl, osdp, respublica");
}

#[test]
fn a_predecessor_or_an_alliance_that_had_seats_makes_a_party_old() {
    let list = |rows: &[(&str, i32)]| {
        let rows: Vec<_> = rows.iter().map(|(who, seats)| row(who, None, None, Some(*seats))).collect();
        tier(System::PartyList, rows.iter().filter_map(|row| row.seats).sum(), rows)
    };
    let view = view([
        institution("chamber", InstitutionType::Chamber),
        // A circle of predecessors ends.
        party("grandchild", &["child"]),
        party("child", &["parent", "grandchild"]),
        party("parent", &[]),
        election("first", (2000, 1, 1), vec![list(&[("parent", 5), ("a+b", 5), ("seatless", 0)])]),
        election(
            "second",
            (2004, 1, 1),
            vec![list(&[("grandchild", 2), ("a", 2), ("b+c", 2), ("c+d", 2), ("seatless", 2)])],
        ),
    ]);
    assert_eq!(
        values(&view, "new-parliamentary-parties", &[]),
        [("second".to_owned(), "2".to_owned())],
        "only c+d and the party that won nothing before"
    );
    assert_eq!(values(&view, "parliamentary-parties", &[])[1].1, "5");
}

#[test]
fn seats_that_nobody_recorded_widen_the_count() {
    let rows = |seats: [Option<i32>; 3]| {
        ["a", "b", "c"].into_iter().zip(seats).map(|(who, seats)| row(who, None, None, seats)).collect()
    };
    for (seats, total, shown, index) in [
        ([Some(6), Some(4), None], 10, "2", Some((25, 13))),
        ([Some(6), None, Some(0)], 10, "2", Some((25, 13))),
        ([Some(6), None, None], 10, "1–3", None),
        ([Some(6), Some(4), Some(0)], 11, "2", Some((25, 13))),
    ] {
        let view = view([
            institution("chamber", InstitutionType::Chamber),
            election("first", (2000, 1, 1), vec![tier(System::PartyList, total, rows(seats))]),
        ]);
        assert_eq!(last(&view, "parliamentary-parties", &[]).display(), shown, "{seats:?}");
        let point = points(&view, "effective-parties-seats", &[]).pop().unwrap();
        let expected = index.map(|(a, b)| Estimate::exact(Number::ratio(a, b).unwrap()));
        assert_eq!(point.estimate, expected, "{seats:?}");
        assert_eq!(point.caveats.iter().any(|caveat| caveat.code == Code::Missing), index.is_none());
    }
    // Where nothing says how many seats there are, the recorded ones give a figure and no bounds.
    let tier = Tier { seats: None, ..tier(System::PartyList, 0, rows([Some(6), Some(4), None])) };
    let view =
        view([institution("chamber", InstitutionType::Chamber), election("first", (2000, 1, 1), vec![tier])]);
    let point = points(&view, "effective-parties-seats", &[]).pop().unwrap();
    assert_eq!(point.estimate.unwrap().display(), "≈ 1.9231");
    assert!(point.caveats.iter().any(|caveat| caveat.code == Code::Missing));
}

#[test]
fn indirect_seats_and_offices_are_in_no_denominator() {
    let list = tier(System::PartyList, 8, vec![row("a", None, None, Some(4)), row("b", None, None, Some(4))]);
    let indirect = Tier { seats: Some(92), system: Some(System::Indirect), ..Tier::default() };
    let view = view([
        institution("chamber", InstitutionType::Chamber),
        election("first", (2000, 1, 1), vec![list, indirect]),
    ]);
    assert_eq!(last(&view, "effective-parties-seats", &[("tier", "CHAMBER")]), Estimate::exact(2));
    assert_eq!(last(&view, "parliamentary-parties", &[]).display(), "2");
}

#[test]
fn an_office_is_asked_for_by_name_or_not_at_all() {
    let candidate = |name: &str, share: &str| ElectionResult {
        contender: Contender::Candidate { name: name.to_owned(), party: None },
        label: String::new(),
        votes: None,
        vote_share: Some(quantity(share, Comparator::Exact)),
        seats: None,
    };
    let office = tier(System::SingleOffice, 1, vec![candidate("a", "50"), candidate("b", "50")]);
    let view =
        view([institution("chamber", InstitutionType::Other), election("first", (2000, 1, 1), vec![office])]);
    assert!(ask(&view, "effective-parties-votes", &[]).unwrap().series.is_empty());
    let asked = [("institution", "records/chamber"), ("tier", "SINGLE_OFFICE")];
    assert_eq!(last(&view, "effective-parties-votes", &asked), Estimate::exact(2));
    let missing = ask(&view, "effective-parties-votes", &[("institution", "nobody")]);
    assert!(matches!(missing, Err(QueryError::NotFound { path, .. }) if path == "parameters.institution"));
    let wrong = ask(&view, "effective-parties-seats", &[("tier", "BALCONY")]);
    assert!(matches!(wrong, Err(QueryError::Field { path, .. }) if path == "parameters.tier"));
}

#[test]
fn a_row_without_a_share_uses_the_votes_of_the_share_base() {
    for (base, expected) in [
        // Both have half of what is counted: 1 / (¼ + ¼).
        (Some(VoteBase::ContendersAndAgainstAll), (2, 1)),
        // 40 of 80 valid and 40 of 100 cast.
        (Some(VoteBase::Valid), (2, 1)),
        (None, (2, 1)),
        (Some(VoteBase::Cast), (25, 8)),
    ] {
        let rows = vec![row("a", Some(40), None, None), row("b", Some(40), None, None)];
        let tier = Tier { share_base: base, ..tier(System::PartyList, 2, rows) };
        let mut election = election("first", (2000, 1, 1), vec![tier]);
        if let Body::Election(body) = &mut election.body {
            (body.valid, body.cast) = (Some(80), Some(100));
        }
        let view = view([institution("chamber", InstitutionType::Chamber), election]);
        let estimate = last(&view, "effective-parties-votes", &[]);
        assert_eq!(estimate.value, Number::ratio(expected.0, expected.1), "{base:?}");
    }
}

#[test]
fn the_rest_is_one_party_at_worst_and_nobody_at_best() {
    let rows = vec![
        row("a", None, Some("50"), None),
        row("b", None, Some("30"), None),
        row("against-all", None, Some("10"), None),
    ];
    let view = view([
        institution("chamber", InstitutionType::Chamber),
        election("first", (2000, 1, 1), vec![tier(System::PartyList, 2, rows)]),
    ]);
    let estimate = last(&view, "effective-parties-votes", &[]);
    // Σp² = 0.34; the rest of 10 % as one party adds 0.01.
    assert_eq!(estimate.value, Number::ratio(50, 17));
    assert_eq!(estimate.upper.unwrap().number, Number::ratio(50, 17).unwrap());
    assert_eq!(estimate.lower.unwrap().number, Number::ratio(20, 7).unwrap());
}

#[test]
fn a_dispute_about_the_tier_is_told() {
    let mut view = mazhilis();
    let mut disputed = (*view.find("records/e2023").unwrap().record).clone();
    let claim = |path: &str, claimed: &str| Discrepancy {
        field_path: path.to_owned(),
        claimed: claimed.to_owned(),
        source: None,
        resolution: Resolution::Unresolved,
        reason: String::new(),
    };
    // One more seat for a party that has four anyway, and one fewer for the independents: still six parties.
    disputed.discrepancies = vec![
        claim("election.tiers[1].results[5].seats", "1"),
        claim("election.tiers[1].results[7].seats", "6"),
    ];
    view.apply(Change::Put(Arc::new(disputed.clone()), 11));
    let conflicts = |view: &View, indicator: &str, parameters: &[(&str, &str)]| {
        let point = points(view, indicator, parameters).pop().unwrap();
        point.caveats.iter().find(|caveat| caveat.code == Code::Conflict).map_or(0, |caveat| caveat.count)
    };
    assert_eq!(conflicts(&view, "effective-parties-seats", &[]), 0);
    assert_eq!(conflicts(&view, "effective-parties-seats", &[("tier", "CHAMBER")]), 2);
    assert_eq!(conflicts(&view, "parliamentary-parties", &[]), 0);
    disputed.discrepancies.push(claim("election.tiers[0].results[6].seats", "1"));
    view.apply(Change::Put(Arc::new(disputed), 12));
    assert_eq!(conflicts(&view, "parliamentary-parties", &[]), 1);
}

#[test]
fn published_counts_are_a_series_of_their_own() {
    let reports = Some(Reports { indicator: "parliamentary-parties".to_owned(), part: String::new() });
    let on = Some(day((2023, 3, 29)));
    let observation = Observation {
        variable: name("var"),
        subject: Some(name("chamber")),
        period: Period { start: on, end: on },
        basis: Basis::StockAt,
        quantity: quantity("6", Comparator::Exact),
        method: None,
        release: None,
        published_on: None,
        derived_from: Vec::new(),
        dimensions: BTreeMap::new(),
    };
    let mut view = mazhilis();
    let variable = record("var", Body::Variable(Variable { reports, ..Variable::default() }));
    for record in [variable, record("observation", Body::Observation(observation))] {
        view.apply(Change::Put(Arc::new(record), 11));
    }
    let origins = |parameters: &[(&str, &str)]| -> Vec<String> {
        let answer = ask(&view, "parliamentary-parties", parameters).unwrap();
        answer.series.into_iter().map(|series| series.labels["origin"].clone()).collect()
    };
    let mut both = origins(&[]);
    both.sort();
    assert_eq!(both, ["COUNTED", "REPORTED"]);
    assert_eq!(origins(&[("institution", "chamber")]).len(), 2);
}
