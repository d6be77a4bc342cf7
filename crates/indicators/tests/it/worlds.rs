//! Random histories of records of every kind: a view that was written to on the way answers as one made from what is
//! left, and as loops over the exported records that share nothing with the crate but the conventions.

mod calendar;
mod cast;
mod chance;
mod counts;
mod elections;
mod exact;
mod lives;
mod pledges;
mod polls;
mod promises;
mod published;
mod rates;
mod said;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use reform_indicators::view::{Change, View};
use reform_indicators::{Query, answer};
use reform_model::{Name, Record};

use crate::build::{name, period as period_of};
use said::{Points, World, differences};

#[derive(Debug, Clone)]
enum Step {
    /// A record is made, or gets a new version.
    Put(usize, u64),
    /// It is deleted, and perhaps purged.
    Remove(usize),
    /// What was deleted comes back as it was.
    Undelete(usize),
}

/// Most records are there from the beginning; then they are written to.
fn steps() -> impl Strategy<Value = Vec<Step>> {
    let id = || 0..cast::ids().len();
    let first = prop::collection::vec(prop::option::weighted(0.9, any::<u64>()), cast::ids().len());
    let first = first.prop_map(|seeds| {
        let made = seeds.into_iter().enumerate();
        made.filter_map(|(id, seed)| Some(Step::Put(id, seed?))).collect::<Vec<_>>()
    });
    let step = prop_oneof![
        8 => (id(), any::<u64>()).prop_map(|(id, seed)| Step::Put(id, seed)),
        2 => id().prop_map(Step::Remove),
        1 => id().prop_map(Step::Undelete),
    ];
    let later = prop::collection::vec(step, 0..60);
    (first, later).prop_map(|(first, later)| first.into_iter().chain(later).collect())
}

/// The view that followed the history, and the records that are left; nothing refers to what is not there.
fn lived(steps: &[Step]) -> (View, World) {
    let ids = cast::ids();
    let mut view = View::new("store");
    let mut world = World::default();
    let mut gone: BTreeMap<usize, Record> = BTreeMap::new();
    let mut revision = 0;
    let mut put = |view: &mut View, world: &mut World, record: Record| {
        revision += 1;
        view.apply(Change::Put(Arc::new(record.clone()), revision));
        world.1.insert(record.name.clone(), revision);
        world.0.insert(record.name.clone(), record);
    };
    for step in steps {
        match step {
            Step::Put(id, seed) => put(&mut view, &mut world, cast::made(&ids[*id], *seed)),
            Step::Remove(id) => {
                let name = name(&ids[*id]);
                view.apply(Change::Remove(name.clone()));
                if let Some(record) = world.0.remove(&name) {
                    gone.insert(*id, record);
                }
            }
            Step::Undelete(id) => {
                if let Some(record) = gone.remove(id).filter(|record| !world.0.contains_key(&record.name)) {
                    put(&mut view, &mut world, record);
                }
            }
        }
    }
    loop {
        let referred =
            world.0.values().flat_map(Record::references).map(|reference| reference.target.clone());
        let wanted: BTreeSet<Name> = referred
            .chain((0..cast::REPORTS.len()).map(|number| name(&format!("var-{number}"))))
            .filter(|target| !world.0.contains_key(target))
            .collect();
        if wanted.is_empty() {
            break;
        }
        wanted.into_iter().for_each(|target| put(&mut view, &mut world, cast::made(target.id(), 0)));
    }
    view.keep_up();
    (view, world)
}

fn from_scratch(view: &View, world: &World) -> View {
    let mut scratch = View::new("store");
    for record in world.0.values().rev() {
        scratch.apply(Change::Put(Arc::new(record.clone()), world.1[&record.name]));
    }
    scratch.set_revision(view.revision());
    scratch
}

/// The query in each of its variants: every pair is a parameter and its values.
fn variants(indicator: &str, parameters: &[(&str, &[&str])]) -> Vec<Query> {
    let mut all = vec![Query::new(indicator)];
    for (key, values) in parameters {
        let with = |query: &Query, value: &str| {
            let mut query = query.clone();
            if !value.is_empty() {
                query.parameters.insert((*key).to_owned(), value.to_owned());
            }
            query
        };
        all = all.iter().flat_map(|query| values.iter().map(move |value| with(query, value))).collect();
    }
    all
}

/// `REFORM_HISTORIES` says how many histories; `REFORM_SEED` begins elsewhere than CI.
fn runner() -> TestRunner {
    let number = |variable| std::env::var(variable).ok().map(|text| text.parse().expect(variable));
    let config = ProptestConfig {
        max_shrink_iters: 100,
        ..ProptestConfig::with_cases(number("REFORM_HISTORIES").unwrap_or(100))
    };
    let mut seed = [0; 32];
    seed[..4].copy_from_slice(&number("REFORM_SEED").unwrap_or_default().to_le_bytes());
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &seed))
}

/// Random histories: each asks the view that lived, the view from scratch and the naive computation.
fn histories(queries: &[Query], naive: impl Fn(&World, &Query) -> Points) {
    let figures: Vec<Cell<usize>> = queries.iter().map(|_| Cell::new(0)).collect();
    let mut runner = runner();
    let result = runner.run(&steps(), |steps| {
        let (view, world) = lived(&steps);
        let scratch = from_scratch(&view, &world);
        for (query, figures) in queries.iter().zip(&figures) {
            let answered = answer(&view, query).unwrap();
            prop_assert_eq!(&answered, &answer(&scratch, query).unwrap(), "{:?}", query);
            let expected = naive(&world, query);
            let lines = differences(&answered, &expected);
            prop_assert!(lines.is_empty(), "{:?}\n{}", query, lines.join("\n"));
            let decided =
                |said: &&said::Said| said.figure.is_some() && said.decided != said::Decided::Nothing;
            figures.set(figures.get() + expected.values().filter(decided).count());
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    for (query, figures) in queries.iter().zip(figures) {
        assert!(figures.get() >= 20, "{query:?} has {} figures in all histories", figures.get());
    }
}

fn grouped(indicator: &str, by: &str) -> Query {
    Query { group_by: vec![by.to_owned()], ..Query::new(indicator) }
}

fn by_length(indicator: &str) -> Vec<Query> {
    lives::LENGTHS.map(|granularity| Query { granularity, ..Query::new(indicator) }).to_vec()
}

const BASES: (&str, &[&str]) = ("share_base", &["", "CONTENDERS"]);
const TIERS: (&str, &[&str]) = ("tier", &["", "CHAMBER"]);

#[test]
fn indices_of_elections_are_those_of_loops_over_the_rows() {
    let mut queries = variants("effective-parties-votes", &[BASES]);
    queries.extend(variants("effective-parties-seats", &[TIERS]));
    for indicator in [
        "disproportionality",
        "disproportionality-loosemore-hanby",
        "disproportionality-rae",
        "disproportionality-sainte-lague",
        "wasted-votes",
    ] {
        queries.extend(variants(indicator, &[BASES, TIERS]));
    }
    histories(&queries, elections::points);
}

#[test]
fn seated_parties_are_those_of_loops_over_the_rows() {
    let queries = ["parliamentary-parties", "new-parliamentary-parties"].map(Query::new);
    histories(&queries, rates::parliamentary);
}

#[test]
fn volatility_is_that_of_loops_over_the_rows() {
    let queries = variants("volatility", &[BASES, ("lineage", &["", "BY_MERGER", "BY_NAME"])]);
    histories(&queries, rates::volatility);
}

#[test]
fn turnout_and_approval_are_plain_rates() {
    histories(&[Query::new("turnout")], rates::turnout);
    histories(&variants("referendum-approval", &[("base", &["", "VALID", "CAST"])]), rates::approval);
}

#[test]
fn counts_by_period_are_those_of_loops_over_the_records() {
    let mut queries: Vec<Query> = Vec::new();
    for indicator in [
        "parties-registered-per-year",
        "petitions-per-year",
        "congress-meetings-per-year",
        "court-decisions-per-year",
    ] {
        queries.extend(by_length(indicator));
    }
    queries.extend(["reforms-per-year", "appeals-per-year", "registered-parties"].map(Query::new));
    queries.extend(variants("reforms-per-year", &[("stage", &["IN_FORCE", "PASSED_CHAMBER"])]));
    queries.extend([
        grouped("reforms-per-year", "area"),
        grouped("reforms-per-year", "stage"),
        grouped("parties-ended-per-year", "end_kind"),
        grouped("court-decisions-per-year", "institution"),
        grouped("appeals-per-year", "institution"),
        grouped("petitions-per-year", "state"),
        grouped("congress-meetings-per-year", "series"),
    ]);
    histories(&queries, published::both);
}

#[test]
fn the_lives_of_petitions_and_reforms_are_those_of_loops_over_the_records() {
    let mut success = by_length("petition-success-rate");
    success.push(grouped("petition-success-rate", "institution"));
    histories(&success, lives::success);
    histories(&[Query::new("petition-days-to-threshold")], lives::to_threshold);
    let mut lead = by_length("reform-lead-time");
    lead.extend(variants(
        "reform-lead-time",
        &[("from", &["ADOPTED"]), ("to", &["IN_FORCE", "FIRST_APPLIED"])],
    ));
    histories(&lead, lives::lead_time);
    histories(&by_length("reform-status"), lives::status);
}

#[test]
fn published_figures_are_those_of_loops_over_the_observations() {
    let of = |indicator: &str, variable: &'static str| variants(indicator, &[("variable", &[variable])]);
    let observed: Vec<Query> = ["records/var-0", "records/var-1", "records/var-3"]
        .iter()
        .flat_map(|name| of("observation-series", name))
        .collect();
    histories(&observed, published::observations);
    histories(&of("growth", "records/var-0"), published::growth);
    histories(&["quota-share", "appointment-rate"].map(Query::new), published::shares);
    histories(&[Query::new("unconstitutionality-rate")], published::norms);
    histories(&[Query::new("appeals-per-100k")], published::per_inhabitants);
}

#[test]
fn targets_and_parameters_are_those_of_loops_over_the_records() {
    let at = |period: &str| Query { period: Some(period_of(period)), ..Query::new("target-progress") };
    histories(&[Query::new("target-progress"), at("2020/2022-12-31"), at("2020/2023")], pledges::targets);
    let valid = variants("parameter-history", &[("valid_at", &["", "2022-07-01", "2023-12-31"])]);
    histories(&valid, pledges::parameters);
}
