//! What contradicts what.

use reform_indicators::conflicts;
use reform_indicators::conflicts::Conflict;
use reform_model::Record;
use reform_model::record::Discrepancy;
use reform_model::vocabulary::{Basis, Rank, Resolution};

use crate::build::*;

fn claim(path: &str, claimed: &str, resolution: Resolution, record: Record) -> Record {
    let discrepancy = Discrepancy {
        field_path: path.to_owned(),
        claimed: claimed.to_owned(),
        source: Some(name("speech")),
        resolution,
        reason: "why".to_owned(),
    };
    Record { discrepancies: vec![discrepancy], ..record }
}

/// Records, rule and gap in one line each.
fn lines(found: &[Conflict]) -> Vec<String> {
    let line = |one: &Conflict| {
        let records = one.records.iter().map(|name| name.id()).collect::<Vec<_>>().join(" ");
        let gap = one.gap.as_ref().map_or("none".to_owned(), |gap| gap.display());
        format!("{records}: {} [{gap}]", one.why)
    };
    found.iter().map(line).collect()
}

#[test]
fn rivals_and_claims_are_listed_in_order() {
    let of = |id: &str, over: &str, value: &str| observation(id, "v", Basis::InPeriod, over, value);
    let records = vec![
        variable("v", "", None),
        of("z", "2022", "18.78"),
        ranked(Rank::Preferred, of("o1", "2022", "18.7")),
        of("o2", "2021", "24–33"),
        of("o3", "2021", "40"),
        claim("observation.quantity", "20", Resolution::Unresolved, of("o4", "2020", "18")),
        claim("observation.period", "2019", Resolution::ALL[0], of("o5", "2019", "18")),
        claim("appeal.filed_on", "2021", Resolution::Unresolved, appeal("a", "2022")),
        of("alone", "2018", "1"),
    ];
    let view = view(records);
    let found = conflicts(&view, &[], None);
    let settled = Resolution::ALL[0].as_str();
    assert_eq!(
        lines(&found),
        [
            format!("o5: observation.period: claimed 2019 (records/speech), {settled}: why [none]"),
            "o4: observation.quantity: claimed 20 (records/speech), UNRESOLVED: why [2]".to_owned(),
            "o2 o3: name of the record [7–16]".to_owned(),
            "o1 z: rank [0.08]".to_owned(),
            "a: appeal.filed_on: claimed 2021 (records/speech), UNRESOLVED: why [none]".to_owned(),
        ]
    );
    assert_eq!(conflicts(&view, &["YY".to_owned()], None), []);
    assert_eq!(conflicts(&view, &["XX".to_owned()], Some(&name("v"))).len(), 4);
    let claimed = &found[4];
    assert_eq!((&claimed.variable, &claimed.subject), (&None, &Some(name("a"))));
}

#[test]
fn a_group_without_a_usable_one_is_a_conflict_too() {
    let of = |id: &str, value: &str| {
        ranked(Rank::Deprecated, observation(id, "v", Basis::InPeriod, "2022", value))
    };
    let found = conflicts(&view(vec![of("o1", "5"), of("o2", "5")]), &[], None);
    assert_eq!(lines(&found), ["o1 o2: none may be used [0]"]);
}
