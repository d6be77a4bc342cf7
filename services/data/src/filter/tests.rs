use reform_api::data::v1;

use super::*;

mod naive;

const APPEAL: &str = r#"{
    "name": "records/a-1", "jurisdiction": "KZ", "title": "An Appeal of Spring", "revision": "7",
    "labels": {"facts": "S2-050", "empty": ""}, "createTime": "2026-01-02T03:04:05.5Z",
    "appeal": {"institution": "records/court", "filedOn": {"year": 2023, "month": 3},
        "admittedOn": {"year": 2023, "month": 3, "day": 19},
        "answeredOn": {"latest": {"year": 2024}}, "outcome": "returned"}
}"#;

const PARTY: &str = r#"{
    "name": "records/p-1", "title": "Party of Mountains", "titles": {"de": "Partei der Berge"},
    "party": {"names": [{"name": "Alpha", "language": "en"}, {"name": "Omega Union"}],
        "predecessors": ["records/p-0", "records/p-00"],
        "ended": {"kind": "KIND_MERGED", "date": {"year": 2020}}}
}"#;

const ELECTION: &str = r#"{
    "name": "records/e-1", "jurisdiction": "KZ", "title": "Election", "description": "Of the lower chamber",
    "election": {"heldOn": [{"year": 2023, "month": 3, "day": 19}, {"year": 2023, "month": 4}],
        "level": "LEVEL_NATIONAL", "cast": "0", "registered": "12035578",
        "turnoutReported": {"decimal": "54.21", "unit": "percent"},
        "tiers": [
            {"seats": 69, "results": [
                {"contender": {"party": "records/kz-party-amanat"}, "votes": "3431510"},
                {"contender": {"againstAll": true}, "votes": "10"}]},
            {"seats": 29, "system": "SYSTEM_SINGLE_MEMBER"}]}
}"#;

const OBSERVATION: &str = r#"{
    "name": "records/o-1", "title": "Figure",
    "observation": {"variable": "records/v", "basis": "BASIS_IN_PERIOD",
        "period": {"start": {"year": 2023}, "end": {"year": 2023}},
        "quantity": {"decimal": "5300", "comparator": "COMPARATOR_MORE_THAN", "unit": "USD"},
        "dimensions": {"sex": "women"}}
}"#;

fn encode(json: &str) -> Vec<u8> {
    let record: v1::Record = reform_api::json::parse("reform.data.v1.Record", json).unwrap();
    prost::Message::encode_to_vec(&record)
}

fn check(record: &str, table: &[(&str, Option<bool>)]) {
    let bytes = encode(record);
    for (text, expected) in table {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.evaluate(&bytes), *expected, "{text}");
        assert_eq!(filter.matches(&bytes), *expected == Some(true), "{text}");
    }
}

const TRUE: Option<bool> = Some(true);
const FALSE: Option<bool> = Some(false);

#[test]
fn texts_compare_by_equality_wildcard_substring_and_order() {
    check(
        APPEAL,
        &[
            ("", TRUE),
            ("kind = \"appeal\"", TRUE),
            ("kind = appeal", TRUE),
            ("kind = party", FALSE),
            ("kind != party", TRUE),
            ("kind:*", TRUE),
            ("name = records/a-1", TRUE),
            ("name = 'records/a-1'", TRUE),
            ("name = \"records/*\"", TRUE),
            ("name = \"*-1\"", TRUE),
            ("name = \"*s/a*\"", TRUE),
            ("name = \"*\"", TRUE),
            ("name = \"a*\"", FALSE),
            ("name != \"records/*\"", FALSE),
            ("name = records/*", FALSE),
            ("title:appeal", TRUE),
            ("title:\"of spring\"", TRUE),
            ("title:\"*SPRING*\"", TRUE),
            ("title:autumn", FALSE),
            ("title = appeal", FALSE),
            ("name >= records/a", TRUE),
            ("name < records/a", FALSE),
            ("uid = x", None),
            ("NOT uid = x", None),
            ("uid != x", None),
            ("uid:*", FALSE),
            ("appeal.outcome = returned", TRUE),
            ("appeal.channel != online", None),
        ],
    );
}

#[test]
fn logic_is_three_valued_and_or_binds_tighter() {
    check(
        APPEAL,
        &[
            ("uid = x OR kind = appeal", TRUE),
            ("uid = x AND kind = appeal", None),
            ("uid = x AND kind = party", FALSE),
            ("uid = x OR kind = party", None),
            ("kind = party AND kind = appeal OR kind = appeal", FALSE),
            ("(kind = party AND kind = appeal) OR kind = appeal", TRUE),
            ("kind = appeal jurisdiction = KZ", TRUE),
            ("-kind = party", TRUE),
            ("NOT (kind = party OR uid = x)", None),
        ],
    );
}

#[test]
fn dates_compare_by_what_their_digits_leave_open() {
    check(
        APPEAL,
        &[
            ("appeal.filed_on = 2023", TRUE),
            ("appeal.filed_on = \"2023-03\"", TRUE),
            ("appeal.filed_on = 2023-03-19", None),
            ("appeal.filed_on != 2023-03-19", None),
            ("appeal.filed_on = 2022", FALSE),
            ("appeal.filed_on >= 2023-03", TRUE),
            ("appeal.filed_on >= 2023-03-02", None),
            ("appeal.filed_on > 2023-03", FALSE),
            ("appeal.filed_on > 2023-02", TRUE),
            ("appeal.filed_on <= 2023-03-31", TRUE),
            ("appeal.filed_on <= 2023-03-30", None),
            ("appeal.filed_on < 2023-03", FALSE),
            ("appeal.filed_on < 2023-04", TRUE),
            ("appeal.filed_on.year = 2023", TRUE),
            ("appeal.filed_on.day = 19", None),
            ("appeal.admitted_on = 2023-03-19", TRUE),
            ("appeal.answered_on <= 2024", TRUE),
            ("appeal.answered_on < 2024", None),
            ("appeal.answered_on > 2024", FALSE),
            ("appeal.closed_on >= 2023", None),
            ("appeal.closed_on:*", FALSE),
            ("NOT appeal.closed_on:*", TRUE),
            ("appeal.filed_on:*", TRUE),
            ("create_time >= 2026", TRUE),
            ("create_time > 2026-01-01", TRUE),
            ("create_time = 2026-01-02", TRUE),
            ("create_time = \"2026-01-02T03:04:05.5Z\"", TRUE),
            ("create_time = \"2026-01-02T05:04:05.5+02:00\"", TRUE),
            ("create_time < \"2026-01-02T03:04:05Z\"", FALSE),
            ("delete_time:*", FALSE),
            ("delete_time > 2020", None),
        ],
    );
}

#[test]
fn a_field_of_another_kind_is_unknown() {
    check(
        PARTY,
        &[
            ("appeal.filed_on >= 2023", None),
            ("appeal.closed_on:*", None),
            ("NOT appeal.closed_on:*", None),
            ("appeal:*", FALSE),
            ("NOT appeal:*", TRUE),
            ("variable.legal_parameter = false", None),
            ("jurisdiction = KZ", None),
        ],
    );
}

#[test]
fn through_a_list_any_element_counts() {
    check(
        PARTY,
        &[
            ("party.names.name = Alpha", TRUE),
            ("party.names.name:omega", TRUE),
            ("party.names.name = Beta", FALSE),
            ("party.names.language = ru", None),
            ("party.names.name != Alpha", FALSE),
            ("party.predecessors = records/p-0", TRUE),
            ("party.predecessors:records/p-00", TRUE),
            ("party.predecessors:\"records/*\"", TRUE),
            ("party.predecessors:records", FALSE),
            ("party.predecessors:*", TRUE),
            ("party.successors:*", FALSE),
            ("party.successors:records/x", None),
            ("party.names:*", TRUE),
            ("party.never_registered = false", TRUE),
            ("party.never_registered:true", FALSE),
            ("party.ended.kind = MERGED", TRUE),
            ("party.ended.kind = KIND_BANNED", FALSE),
            ("party.ended.date < 2021", TRUE),
            ("titles.de:berge", TRUE),
            ("titles:de", TRUE),
            ("titles:fr", FALSE),
        ],
    );
    check(
        ELECTION,
        &[
            ("election.tiers.results.contender.party = \"records/kz-party-amanat\"", TRUE),
            ("election.tiers.results.contender.party = \"records/other\"", None),
            ("election.tiers.results.contender.against_all = true", TRUE),
            ("election.tiers.results.votes > 3431509.5", TRUE),
            ("election.tiers.results.votes > 3431510", None),
            ("election.tiers.seats = 29", TRUE),
            ("election.tiers.seats > 69", FALSE),
            ("election.tiers.system = SINGLE_MEMBER", TRUE),
            ("election.held_on = 2023-03-19", TRUE),
            ("election.held_on > 2023-04", FALSE),
            ("election.held_on > 2023-04-10", None),
            ("election.cast = 0", TRUE),
            ("election.valid = 0", None),
            ("election.registered = 12035578.0", TRUE),
            ("election.level:NATIONAL", TRUE),
            ("election.timing != EARLY", None),
            ("election.turnout_reported > 54.2", TRUE),
        ],
    );
}

#[test]
fn quantities_labels_and_words() {
    check(
        OBSERVATION,
        &[
            ("observation.quantity > 5000", TRUE),
            ("observation.quantity > 5300", TRUE),
            ("observation.quantity > 6000", None),
            ("observation.quantity <= 5300", FALSE),
            ("observation.quantity != 5300", TRUE),
            ("observation.quantity:*", TRUE),
            ("observation.quantity.unit = USD", TRUE),
            ("observation.quantity.comparator = COMPARATOR_MORE_THAN", TRUE),
            ("observation.quantity.decimal = \"5300\"", TRUE),
            ("observation.period.start >= \"2023\"", TRUE),
            ("observation.period:*", TRUE),
            ("observation.dimensions.sex = women", TRUE),
            ("labels:facts", FALSE),
            ("labels.facts = x", None),
            ("revision = 0", TRUE),
        ],
    );
    check(
        APPEAL,
        &[
            ("labels.facts = \"S2-050\"", TRUE),
            ("labels.facts:s2", TRUE),
            ("labels.\"facts\" = S2-051", FALSE),
            ("labels.empty = \"\"", TRUE),
            ("labels.other = x", None),
            ("labels.other:*", FALSE),
            ("labels:facts", TRUE),
            ("labels:\"fac*\"", TRUE),
            ("labels:*", TRUE),
            ("NOT labels:other", TRUE),
            ("revision > 6", TRUE),
            ("spring", TRUE),
            ("\"AN APPEAL\"", TRUE),
            ("-autumn", TRUE),
        ],
    );
    check(ELECTION, &[("chamber", TRUE), ("election", TRUE), ("-upper", TRUE)]);
}

#[test]
fn errors_carry_position_or_path() {
    let syntax = |text: &str, expected: usize| match Filter::parse(text) {
        Err(Error::Syntax { position, .. }) => assert_eq!(position, expected, "{text}"),
        other => panic!("{text}: {other:?}"),
    };
    syntax("kind =", 6);
    syntax("kind = a AND", 9);
    syntax("kind = \"open", 7);
    syntax("NOT NOT kind = a", 4);
    syntax("create_time > 2026-01-02T03:04:05Z", 27);
    syntax("kind = a and kind = b", 9);
    syntax("kind = a AND f(x)", 13);
    syntax("kind = (a OR b)", 7);
    syntax("\"kind\" = a", 1);
    syntax(&format!("\"((\" {}a{}", "(".repeat(17), ")".repeat(17)), 21);
    syntax(&"a ".repeat(101), 202);
    syntax(&"a".repeat(LENGTH_MAX + 1), LENGTH_MAX);
    assert!(Filter::parse(&"a ".repeat(100)).is_ok());
    assert!(Filter::parse(&format!("{}a{}", "(".repeat(16), ")".repeat(16))).is_ok());

    for path in ["appeal.filedOn", "nothing", "appeal.nothing", "title.x", "labels.a.b", "kind.x", "body.x"] {
        match Filter::parse(&format!("kind = a AND {path} = 1")) {
            Err(Error::UnknownField { path: found, .. }) => assert_eq!(found, path),
            other => panic!("{path}: {other:?}"),
        }
    }
    for (path, compared) in [
        ("appeal", "= x"),
        ("labels", "= x"),
        ("observation.period", ">= 2023"),
        ("observation.basis", "= SOMETIMES"),
        ("observation.basis", "= UNSPECIFIED"),
        ("observation.basis", "> STOCK_AT"),
        ("observation.quantity", "> many"),
        ("observation.quantity", "> 1e3"),
        ("election.registered", "> 1_000"),
        ("party.never_registered", "= maybe"),
        ("party.never_registered", "> false"),
        ("appeal.filed_on", ">= 2023-13"),
        ("appeal.filed_on", ">= 23"),
        ("appeal.filed_on", ">= 2023-03-19-01"),
        ("create_time", "> yesterday"),
        ("citations", ": x"),
    ] {
        match Filter::parse(&format!("{path} {compared}")) {
            Err(Error::Type { path: found, .. }) => assert_eq!(found, path),
            other => panic!("{path} {compared}: {other:?}"),
        }
    }
}

#[test]
fn an_error_keeps_its_reason_on_the_wire() {
    for (text, reason) in [
        ("kind =", Reason::FilterSyntax),
        ("nothing = 1", Reason::FilterUnknownField),
        ("appeal.filed_on = x", Reason::FilterType),
    ] {
        assert_eq!(Fault::from(Filter::parse(text).unwrap_err()).reason(), reason);
    }
}

#[test]
fn hostile_texts_are_refused_and_not_followed() {
    for piece in ["(", "NOT ", "a.", "f(", "NOT (", "-(", "a = (", "\"", "((a) OR "] {
        assert!(Filter::parse(&piece.repeat(LENGTH_MAX / piece.len())).is_err(), "{piece}");
    }
    // To the grammar this is one word, negated.
    assert!(Filter::parse(&"-".repeat(LENGTH_MAX)).is_ok());
    let path = format!("appeal.filed_on{} = 2023", ".latest".repeat(500));
    assert!(matches!(Filter::parse(&path), Err(Error::UnknownField { .. })));
}

#[test]
fn clauses_are_what_every_match_fulfils() {
    let text = "kind = appeal (labels.facts = x AND appeal.filed_on >= 2023-03) AND -name = y AND \
                (uid = a OR uid = b) AND jurisdiction != DE AND name = \"records/*\" AND party.predecessors:records/p";
    let filter = Filter::parse(text).unwrap();
    let clauses: Vec<_> = filter.clauses().collect();
    let single = clauses.iter().filter_map(|clause| if let [only] = clause[..] { Some(only) } else { None });
    let found: Vec<_> = single.map(|term| (term.path, term.op, term.value.clone())).collect();
    let text = |text: &str| Literal::Text(text.to_owned());
    let (first, last) = (Day::new(2023, 3, 1).unwrap(), Day::new(2023, 3, 31).unwrap());
    let prefix = Pattern { text: "records/".to_owned(), open_start: false, open_end: true };
    assert_eq!(
        found,
        [
            ("kind", Op::Equal, text("appeal")),
            ("labels.facts", Op::Equal, text("x")),
            ("appeal.filed_on", Op::GreaterOrEqual, Literal::Days(first, last)),
            ("name", Op::Equal, Literal::Pattern(prefix)),
            ("party.predecessors", Op::Equal, text("records/p")),
        ]
    );
    let paths = |text: &str| -> Vec<String> {
        let filter = Filter::parse(text).unwrap();
        let clause =
            |clause: Vec<Comparison<'_>>| clause.iter().map(|term| term.path).collect::<Vec<_>>().join("|");
        filter.clauses().map(clause).collect()
    };
    assert_eq!(paths("uid = a OR name = b"), ["uid|name"]);
    assert_eq!(paths("(uid = a AND title = c) OR name = b"), ["uid|name", "title|name"]);
    assert!(paths("a OR uid = b").is_empty());
    assert!(paths("uid = a OR NOT uid = b").is_empty());
    let large = ["(uid = a AND title = b)"; 20].join(" OR ");
    assert_eq!(paths(&large).len(), 16);
    assert!(Filter::parse(" ").unwrap().is_empty());
}

#[test]
fn the_feed_knows_three_fields() {
    let filter =
        Filter::parse_for_feed("kind = party AND (jurisdiction = KZ OR name = \"records/x-*\")").unwrap();
    assert!(filter.matches("party", "KZ", "records/a"));
    assert!(filter.matches("party", "", "records/x-1"));
    assert!(!filter.matches("party", "DE", "records/a"));
    assert!(!filter.matches("appeal", "KZ", "records/a"));
    assert!(!Filter::parse_for_feed("jurisdiction != DE").unwrap().matches("party", "", "records/a"));
    assert!(Filter::parse_for_feed("").unwrap().matches("", "", ""));
    for (text, expected) in [("title = x", "title"), ("labels.kind = x", "labels.kind"), ("word", "word")] {
        match Filter::parse_for_feed(text) {
            Err(Error::UnknownField { path, .. }) => assert_eq!(path, expected),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn what_is_appended_merges_and_what_is_damaged_is_unset() {
    let both =
        [encode(PARTY), encode(r#"{"title": "Later", "party": {"successors": ["records/p-2"]}}"#)].concat();
    let evaluate = |text: &str, bytes: &[u8]| Filter::parse(text).unwrap().evaluate(bytes);
    assert_eq!(evaluate("title = Later AND party.names.name = Alpha", &both), TRUE);
    assert_eq!(evaluate("party.successors = records/p-2", &both), TRUE);
    // Another member of a oneof replaces the first one.
    let other = [both, encode(r#"{"decision": {}}"#)].concat();
    assert_eq!(evaluate("kind = decision AND -party:*", &other), TRUE);
    assert_eq!(evaluate("party.names.name = Alpha", &other), None);

    let whole = encode(ELECTION);
    let filter =
        Filter::parse("election.tiers.results.votes > 5 AND labels:x AND create_time > 2020").unwrap();
    for length in 0..whole.len() {
        filter.evaluate(&whole[..length]);
    }
    assert_eq!(evaluate("name = x", &[0x0a, 0xff, 0xff]), None);
    assert_eq!(evaluate("name = x", &[0x0a, 2, 0xff, 0xfe]), None);
}
