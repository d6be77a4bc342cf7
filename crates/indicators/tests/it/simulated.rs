//! Stored elections under their own rules and under others.

use proptest::prelude::*;
use reform_indicators::QueryError;
use reform_indicators::number::Number;
use reform_indicators::seats::contest::Overrides;
use reform_indicators::seats::formula::Formula;
use reform_indicators::seats::simulate::{Asked, Simulated, simulate};
use reform_indicators::seats::threshold::{List, Rules, distribute};
use reform_model::election::{Contender, Election, ElectionResult, Tier};
use reform_model::vocabulary::{self, System, ThresholdRule, VoteBase};
use reform_model::{Body, Record};

use crate::build::*;

fn row(contender: Contender, votes: Option<i64>, seats: Option<i32>) -> ElectionResult {
    ElectionResult { contender, label: String::new(), votes, vote_share: None, seats }
}

/// A party's row by its id.
fn party(id: &str, votes: i64, seats: i32) -> ElectionResult {
    row(Contender::Party(name(id)), Some(votes), Some(seats))
}

/// Ten seats by D'Hondt, 5 % of all votes, against-all 40 of 1,000.
fn tier() -> Tier {
    Tier {
        seats: Some(10),
        system: Some(System::PartyList),
        threshold: Some(quantity("5")),
        formula: Some(vocabulary::Formula::Dhondt),
        results: vec![
            party("a", 500, 6),
            party("b", 300, 3),
            party("c", 110, 1),
            party("d", 50, 0),
            row(Contender::AgainstAll, Some(40), None),
        ],
        share_base: Some(VoteBase::ContendersAndAgainstAll),
        ..Tier::default()
    }
}

fn election(tiers: Vec<Tier>) -> Record {
    record("e", Body::Election(Election { tiers, ..Election::default() }))
}

fn run(record: Record, tier: Option<&str>, rules: Overrides) -> Result<Simulated, QueryError> {
    let asked = Asked::Stored { election: name("e"), tier: tier.map(ToOwned::to_owned), rules };
    simulate(&view(vec![record]), &asked)
}

fn seats(simulated: &Simulated) -> Vec<(&str, u32, bool)> {
    simulated.lists.iter().map(|won| (won.id.trim_start_matches("records/"), won.seats, won.enters)).collect()
}

fn own(tier: Tier) -> Simulated {
    run(election(vec![tier]), None, Overrides::default()).unwrap()
}

/// The field that is refused.
fn refused(result: Result<Simulated, QueryError>) -> String {
    match result {
        Err(QueryError::Field { path, .. }) => path,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stored_election_has_its_own_rules() {
    let simulated = own(tier());
    // 50 of 1,000 are 5 %: against-all is no list and stays in the base.
    assert_eq!(seats(&simulated), [("a", 6, true), ("b", 3, true), ("c", 1, true), ("d", 0, true)]);
    assert_eq!(simulated.lists[3].share, Number::ratio(5, 100).unwrap());
    let actual: Vec<Option<i64>> = simulated.lists.iter().map(|won| won.actual).collect();
    assert_eq!(actual, [Some(6), Some(3), Some(1), Some(0)]);
    // What the rules give is what the record has, so every index is the same.
    assert_eq!(simulated.indices, simulated.actual);
    assert_eq!(simulated.indices.len(), 7);
    let exclusive = Tier { threshold_rule: Some(ThresholdRule::MoreThan), ..tier() };
    assert!(!own(exclusive).lists[3].enters);
}

#[test]
fn rules_of_the_request_win() {
    let of = |rules: Overrides| run(election(vec![tier()]), None, rules).unwrap();
    let threshold = Some(Number::scaled(12, 2));
    let higher = of(Overrides { threshold, ..Overrides::default() });
    assert_eq!(seats(&higher), [("a", 6, true), ("b", 4, true), ("c", 0, false), ("d", 0, false)]);
    // ½ (10 + 10 + 11 + 5) and ½ (10 + 0 + 1 + 5), in percentage points of all votes.
    let distance = |simulated: &Simulated| {
        let index = |indices: &reform_indicators::electoral::indices::Indices| {
            indices["disproportionality-loosemore-hanby"].value.clone().unwrap()
        };
        (index(&simulated.indices), index(&simulated.actual))
    };
    assert_eq!(distance(&higher), (Number::from(18), Number::from(8)));
    let formula = Formula::parse("SAINTE_LAGUE");
    let exclusive = Some(true);
    let other = of(Overrides { formula, exclusive, seats: Some(20), ..Overrides::default() });
    assert_eq!(seats(&other), [("a", 11, true), ("b", 7, true), ("c", 2, true), ("d", 0, false)]);
    let most = Some(Number::scaled(60, 2));
    let all = Overrides { threshold: most, minimum_lists: Some(2), ..Overrides::default() };
    assert_eq!(seats(&of(all)), [("a", 6, true), ("b", 4, true), ("c", 0, false), ("d", 0, false)]);
}

#[test]
fn the_base_is_that_of_the_threshold_else_that_of_the_shares() {
    let share = |tier: Tier, valid: Option<i64>, cast: Option<i64>| {
        let election =
            Election { tiers: vec![tier], valid, cast, registered: Some(4000), ..Election::default() };
        let simulated = run(record("e", Body::Election(election)), None, Overrides::default());
        simulated.map(|simulated| simulated.lists[0].share.clone())
    };
    let based = |threshold_base, share_base| Tier { threshold_base, share_base, ..tier() };
    let all = Some(VoteBase::ContendersAndAgainstAll);
    let half = |whole| Number::ratio(500, whole);
    assert_eq!(share(based(None, None), None, None).ok(), half(1000));
    assert_eq!(share(based(None, None), Some(1200), None).ok(), half(1200));
    assert_eq!(share(based(None, all), Some(1200), None).ok(), half(1000));
    assert_eq!(share(based(Some(VoteBase::Valid), all), None, None).ok(), half(1000));
    assert_eq!(share(based(Some(VoteBase::Cast), all), None, Some(2000)).ok(), half(2000));
    assert_eq!(share(based(Some(VoteBase::Registered), None), None, None).ok(), half(4000));
    let own = Tier { valid: Some(1100), ..based(Some(VoteBase::Valid), None) };
    assert_eq!(share(own, Some(1200), None).ok(), half(1100));
    let missing = share(based(Some(VoteBase::Cast), all), None, None);
    assert!(matches!(missing, Err(QueryError::Field { path, .. }) if path == "stored"));
}

#[test]
fn lists_are_contenders_of_any_kind_and_rows_of_one_are_added_up() {
    let mut results = vec![
        party("a", 300, 3),
        party("a", 100, 1),
        row(Contender::Alliance(vec![name("b"), name("c")]), Some(350), None),
        row(Contender::Other("Friends of the Park".to_owned()), Some(150), None),
        row(Contender::Independents, Some(100), None),
        row(Contender::AgainstAll, None, None),
    ];
    results[2].label = "B and C".to_owned();
    let simulated = own(Tier { results, ..tier() });
    let ids: Vec<(&str, u64)> = simulated.lists.iter().map(|won| (won.id.as_str(), won.votes)).collect();
    assert_eq!(
        ids,
        [("records/a", 400), ("B and C", 350), ("Friends of the Park", 150), ("independents", 100)]
    );
    let actual: Vec<Option<i64>> = simulated.lists.iter().map(|won| won.actual).collect();
    assert_eq!(actual, [Some(4), None, None, None]);
}

#[test]
fn a_tie_is_told_and_indices_hold_however_lots_fall() {
    let results = vec![party("a", 700, 3), party("b", 200, 1), party("c", 200, 0)];
    let tied = own(Tier { results, seats: Some(4), ..tier() });
    assert_eq!(seats(&tied), [("a", 3, true), ("b", 0, true), ("c", 0, true)]);
    let [tie] = tied.ties.as_slice() else { panic!("{:?}", tied.ties) };
    assert_eq!((tie.ids.len(), tie.seats, tie.rule), (2, 1, "equal quotients"));
    // Whoever wins it: 75 : 25 : 0 percent of the seats against 7 : 2 : 2 elevenths of the votes.
    assert_eq!(tied.indices["disproportionality-loosemore-hanby"].value, Number::ratio(200, 11));
    assert_eq!(tied.indices["wasted-votes"].value, Number::ratio(2, 11));
    // One seat between lists of 1,000 and 500 votes that are equal by quotients: the index depends on lots.
    let results = vec![party("a", 1000, 2), party("b", 500, 0)];
    let tied = own(Tier { results, seats: Some(2), ..tier() });
    let index = &tied.indices["effective-parties-seats"];
    assert_eq!((index.value.clone(), index.display().as_str()), (None, "1–2"));
    assert_eq!(tied.ties[0].ids, ["records/a", "records/b"]);
}

#[test]
fn the_tier_is_the_only_list_tier_or_the_one_named() {
    let single = Tier { system: Some(System::SingleMember), ..tier() };
    let of = |tiers: &[&Tier], asked| {
        run(election(tiers.iter().map(|tier| (*tier).clone()).collect()), asked, Overrides::default())
    };
    let list = tier();
    assert!(of(&[&single, &list], None).is_ok());
    assert!(of(&[&single, &list], Some("SINGLE_MEMBER")).is_ok());
    assert!(of(&[&single, &list], Some("1")).is_ok());
    assert_eq!(refused(of(&[&list, &list], None)), "tier");
    assert!(of(&[&list, &list], Some("0")).is_ok());
    assert_eq!(refused(of(&[&single, &single], None)), "stored");
    for wrong in ["2", "CHAMBER", "nonsense"] {
        assert_eq!(refused(of(&[&single, &list], Some(wrong))), "tier", "{wrong}");
    }
}

#[test]
fn what_a_record_does_not_say_is_refused_by_field() {
    let of = |tier: Tier| refused(run(election(vec![tier]), None, Overrides::default()));
    assert_eq!(of(Tier { formula: None, ..tier() }), "rules.formula");
    assert_eq!(of(Tier { formula: Some(vocabulary::Formula::Plurality), ..tier() }), "rules.formula");
    assert_eq!(of(Tier { seats: None, ..tier() }), "rules.seats");
    assert_eq!(of(Tier { threshold: Some(quantity("≈ 5")), ..tier() }), "rules.threshold_percent");
    let mut results = tier().results;
    results[1].votes = None;
    assert_eq!(of(Tier { results, ..tier() }), "stored");
    assert_eq!(of(Tier { results: vec![party("a", 0, 0)], ..tier() }), "stored");
    assert_eq!(of(Tier { results: Vec::new(), ..tier() }), "stored");
    let other = run(appeal("e", "2023"), None, Overrides::default());
    assert_eq!(refused(other), "stored");
    let asked = Asked::Stored { election: name("x"), tier: None, rules: Overrides::default() };
    let missing = simulate(&view(Vec::new()), &asked);
    assert!(
        matches!(missing, Err(QueryError::NotFound { path, name }) if path == "stored" && name.id() == "x")
    );
}

/// Every choice of so many of the places.
fn choices(places: &[usize], wanted: usize) -> Vec<Vec<usize>> {
    match places {
        _ if wanted == 0 => vec![Vec::new()],
        [] => Vec::new(),
        [first, rest @ ..] => {
            let with = choices(rest, wanted - 1).into_iter().map(|rest| [vec![*first], rest].concat());
            with.chain(choices(rest, wanted)).collect()
        }
    }
}

proptest! {
    /// However lots fall between equals for the last place of the minimum of lists, all others have the seats that were
    /// told, and with the tied ones there are as many as were to be filled.
    #[test]
    fn a_minimum_of_lists_promises_what_every_draw_gives(
        votes in prop::collection::vec(0_u64..12, 2..7),
        seats in 1_u32..12,
        percent in 0_i64..60,
        minimum_lists in 0_u32..5,
        exclusive in any::<bool>(),
    ) {
        prop_assume!(votes.iter().any(|votes| *votes > 0));
        let list = |votes: &u64| List { votes: *votes, exempt: false, threshold: None };
        let lists: Vec<List> = votes.iter().map(list).collect();
        let (total, threshold) = (Number::from(votes.iter().sum::<u64>()), Number::scaled(percent, 2));
        for formula in Formula::all() {
            let rules = Rules { formula, seats, threshold: threshold.clone(), exclusive, minimum_lists };
            let told = distribute(&lists, &total, &rules);
            let given: u32 = told.seats.iter().sum::<u32>() + told.ties.iter().map(|tie| tie.seats).sum::<u32>();
            let entered = told.enters.iter().zip(&votes).any(|(enters, votes)| *enters && *votes > 0);
            prop_assert!(given == seats || (given == 0 && !entered), "{rules:?}: {told:?}");
            // Who could still be drawn: those below the threshold with the most votes among the rest.
            let missing = usize::try_from(minimum_lists).unwrap().saturating_sub(told.enters.iter().filter(|enters| **enters).count());
            let left = (0..votes.len()).filter(|place| !told.enters[*place] && votes[*place] > 0);
            let most = left.clone().map(|place| votes[place]).max();
            let drawn: Vec<usize> = left.filter(|place| Some(votes[*place]) == most).collect();
            for lucky in choices(&drawn, missing.min(drawn.len())) {
                let takes_part = |place: usize| told.enters[place] || lucky.contains(&place);
                let own: Vec<u64> = (0..votes.len()).map(|place| if takes_part(place) { votes[place] } else { 0 }).collect();
                let allocation = formula.allocate(seats, &own);
                for place in (0..votes.len()).filter(|place| !drawn.contains(place)) {
                    prop_assert_eq!(allocation.seats[place], told.seats[place], "{:?} favours {:?}", &rules, &lucky);
                }
            }
        }
    }
}
