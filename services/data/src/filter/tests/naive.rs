//! Random filters over random records agree with a naive judgement of the decoded record.

use proptest::prelude::*;
use prost::Message;
use reform_api::data::v1;
use reform_api::data::v1::record::Body;

use super::super::*;

/// An expression that can be written as a filter and judged on a decoded record.
#[derive(Debug, Clone)]
enum Wish {
    Field(usize, &'static str, i64),
    Not(Box<Wish>),
    And(Vec<Wish>),
    Or(Vec<Wish>),
}

const NAMES: [&str; 3] = ["records/a", "records/ab", "records/b"];
const FIELDS: [&str; 9] = [
    "jurisdiction",
    "labels.k",
    "appeal.institution",
    "appeal.filed_on",
    "party.never_registered",
    "party.predecessors",
    "election.registered",
    "election.tiers.seats",
    "election.tiers.results.contender.party",
];

fn literal(field: usize, number: i64) -> String {
    match FIELDS[field] {
        "appeal.filed_on" => (2020 + number).to_string(),
        "party.never_registered" => (number > 0).to_string(),
        "election.registered" | "election.tiers.seats" => number.to_string(),
        _ => NAMES[usize::try_from(number + 1).unwrap() % NAMES.len()].to_owned(),
    }
}

impl Wish {
    fn text(&self) -> String {
        let join = |all: &[Wish], by: &str| {
            let all: Vec<_> = all.iter().map(|wish| format!("({})", wish.text())).collect();
            all.join(by)
        };
        match self {
            Wish::Field(field, op, number) => format!("{} {op} {}", FIELDS[*field], literal(*field, *number)),
            Wish::Not(wish) => format!("NOT ({})", wish.text()),
            Wish::And(all) => join(all, " AND "),
            Wish::Or(all) => join(all, " OR "),
        }
    }

    /// Kleene's logic as numbers: false 0, unknown 1, true 2.
    fn judge(&self, record: &v1::Record) -> u8 {
        match self {
            Wish::Field(field, "!=", number) => 2 - compare(*field, "=", *number, record),
            Wish::Field(field, op, number) => compare(*field, op, *number, record),
            Wish::Not(wish) => 2 - wish.judge(record),
            Wish::And(all) => all.iter().map(|wish| wish.judge(record)).min().unwrap(),
            Wish::Or(all) => all.iter().map(|wish| wish.judge(record)).max().unwrap(),
        }
    }
}

fn holds<T: Ord>(op: &str, value: &T, literal: &T) -> u8 {
    let holds = match op {
        "=" => value == literal,
        "<" => value < literal,
        "<=" => value <= literal,
        ">" => value > literal,
        _ => value >= literal,
    };
    if holds { 2 } else { 0 }
}

fn of_list(truths: impl Iterator<Item = u8>) -> u8 {
    truths.max().unwrap_or(1)
}

fn compare(field: usize, op: &str, number: i64, record: &v1::Record) -> u8 {
    let text = literal(field, number);
    let set = |value: &String| if value.is_empty() { 1 } else { holds(op, value, &text) };
    match (FIELDS[field], record.body.as_ref().unwrap()) {
        ("jurisdiction", _) => set(&record.jurisdiction),
        ("labels.k", _) => record.labels.get("k").map_or(1, |value| holds(op, value, &text)),
        ("appeal.institution", Body::Appeal(appeal)) => set(&appeal.institution),
        ("appeal.filed_on", Body::Appeal(appeal)) => {
            let Some(date) = &appeal.filed_on else { return 1 };
            let first = i64::from(date.year.unwrap());
            let last = date.latest.as_ref().map_or(first, |latest| i64::from(latest.year.unwrap()));
            // Literals are whole years, so every year of the window is tried; they must agree.
            let truths: Vec<u8> = (first..=last).map(|year| holds(op, &year, &(2020 + number))).collect();
            match truths.first() {
                Some(first) if truths.iter().all(|truth| truth == first) => *first,
                _ => 1,
            }
        }
        ("party.never_registered", Body::Party(party)) => holds("=", &party.never_registered, &(number > 0)),
        ("party.predecessors", Body::Party(party)) => {
            of_list(party.predecessors.iter().map(|name| holds(op, name, &text)))
        }
        ("election.registered", Body::Election(election)) => {
            election.registered.map_or(1, |value| holds(op, &value, &number))
        }
        ("election.tiers.seats", Body::Election(election)) => {
            let seats = |tier: &v1::Tier| tier.seats.map_or(1, |seats| holds(op, &i64::from(seats), &number));
            of_list(election.tiers.iter().map(seats))
        }
        ("election.tiers.results.contender.party", Body::Election(election)) => {
            let result = |result: &v1::Result| match result.contender.as_ref().and_then(|it| it.who.as_ref())
            {
                Some(v1::contender::Who::Party(name)) => holds(op, name, &text),
                _ => 1,
            };
            of_list(election.tiers.iter().map(|tier| of_list(tier.results.iter().map(result))))
        }
        _ => 1,
    }
}

fn wish() -> impl Strategy<Value = Wish> {
    let op = |field: usize| match FIELDS[field] {
        "party.never_registered" => prop::sample::select(vec!["=", "!="]),
        _ => prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]),
    };
    let leaf = (0..FIELDS.len())
        .prop_flat_map(move |field| (Just(field), op(field), -1..3_i64))
        .prop_map(|(field, op, number)| Wish::Field(field, op, number));
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|wish| Wish::Not(Box::new(wish))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Wish::And),
            prop::collection::vec(inner, 1..4).prop_map(Wish::Or),
        ]
    })
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), name()]
}

fn appeal() -> impl Strategy<Value = Body> {
    let date = prop::option::of((2019..2023_i32, prop::option::of(0..3_i32)));
    (text(), date).prop_map(|(institution, date)| {
        let year = |year| v1::Date { year: Some(year), ..Default::default() };
        let filed_on = date.map(|(first, more)| v1::Date {
            latest: more.map(|more| Box::new(year(first + more))),
            ..year(first)
        });
        Body::Appeal(v1::Appeal { institution, filed_on, ..Default::default() })
    })
}

fn party() -> impl Strategy<Value = Body> {
    (any::<bool>(), prop::collection::vec(name(), 0..3)).prop_map(|(never_registered, predecessors)| {
        Body::Party(v1::Party { never_registered, predecessors, ..Default::default() })
    })
}

fn election() -> impl Strategy<Value = Body> {
    use v1::contender::Who;
    let who = prop_oneof![name().prop_map(Who::Party), Just(Who::Independents(true))];
    let result = prop::option::of(prop::option::of(who)).prop_map(|contender| v1::Result {
        contender: contender.map(|who| v1::Contender { who, ..Default::default() }),
        ..Default::default()
    });
    let tier = (prop::option::of(-1..3_i32), prop::collection::vec(result, 0..3))
        .prop_map(|(seats, results)| v1::Tier { seats, results, ..Default::default() });
    (prop::option::of(-1..3_i64), prop::collection::vec(tier, 0..3)).prop_map(|(registered, tiers)| {
        Body::Election(Box::new(v1::Election { registered, tiers, ..Default::default() }))
    })
}

fn record() -> impl Strategy<Value = v1::Record> {
    let body = prop_oneof![appeal(), party(), election()];
    (text(), prop::option::of(text()), body).prop_map(|(jurisdiction, label, body)| v1::Record {
        jurisdiction,
        labels: label.into_iter().map(|value| ("k".to_owned(), value)).collect(),
        body: Some(body),
        ..Default::default()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_filter_agrees_with_a_naive_judgement(wish in wish(), records in prop::collection::vec(record(), 1..3)) {
        // A record that is written in two pieces is one record.
        let bytes: Vec<u8> = records.iter().flat_map(Message::encode_to_vec).collect();
        let whole = v1::Record::decode(bytes.as_slice()).unwrap();
        let text = wish.text();
        let expected = match wish.judge(&whole) {
            0 => Some(false),
            1 => None,
            _ => Some(true),
        };
        let filter = Filter::parse(&text);
        prop_assert!(filter.is_ok(), "{}: {:?}", text, filter);
        prop_assert_eq!(filter.unwrap().evaluate(&bytes), expected, "{}", text);
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        let _ = Filter::parse(&text);
    }

    #[test]
    fn no_text_of_the_language_panics(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "(", ")", " ", "AND", "OR", "NOT", "-", "=", "!=", ">=", ":", "*", "\"", "'", "\\", ".", ",", "kind",
            "labels", "appeal.filed_on", "create_time", "2023-03", "2023-02-30", "0.5", "é", "\u{0}",
            "observation.quantity", "party.names", "true", "\"2026-01-01T00:00:00Z\"",
            "\"-9999-01-01T00:00:00+25:59\"", "99999999999999999999999999999999",
        ]), 0..40),
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        if let Ok(filter) = Filter::parse(&pieces.concat()) {
            filter.evaluate(&bytes);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), body in 20..34_u32) {
        let filter = Filter::parse(
            "election.tiers.results.votes > 1 OR appeal.filed_on > 2020 OR observation.quantity > 1 OR \
             create_time > 1999 OR labels.a = b OR word OR election.held_on = 2020 OR \
             variable.basis_allowed = STOCK_AT",
        ).unwrap();
        filter.evaluate(&bytes);
        let mut record = Vec::new();
        prost::encoding::bytes::encode(body, &bytes, &mut record);
        filter.evaluate(&record);
    }
}
