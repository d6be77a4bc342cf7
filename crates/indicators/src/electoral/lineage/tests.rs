//! Who is who, in elections of 2010 and 2014.

use std::sync::Arc;

use reform_model::party::PartyEnd;
use reform_model::record::DatedName;
use reform_model::{Body, Period, Record};

use super::*;
use crate::view::Change;

fn name(id: &str) -> Name {
    Name::from_id(id).unwrap()
}

fn year(year: i32) -> Date {
    Date::year(year).unwrap()
}

fn party(id: &str, predecessors: &[&str], ended: Option<(PartyEndKind, Option<Date>)>) -> Record {
    let party = Party {
        predecessors: predecessors.iter().map(|id| name(id)).collect(),
        ended: ended.map(|(kind, date)| PartyEnd { kind, date }),
        ..Party::default()
    };
    record(id, party)
}

fn record(id: &str, party: Party) -> Record {
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
        body: Body::Party(party),
    }
}

fn named(id: &str, names: &[(&str, Option<i32>, Option<i32>)]) -> Record {
    let names = names.iter().map(|(text, start, end)| DatedName {
        name: (*text).to_owned(),
        language: String::new(),
        used: Period { start: start.map(year), end: end.map(year) },
    });
    record(id, Party { names: names.collect(), ..Party::default() })
}

/// The lines from `earlier` to `later`: `a>b` where a counts with b, `a!` where it is not the later one of its name. A
/// `+` stands between members of an alliance.
fn lines(
    records: &[Record],
    lineage: Lineage,
    sureness: Sureness,
    earlier: &[&str],
    later: &[&str],
) -> Vec<String> {
    let mut view = View::new("store");
    for (revision, record) in (1..).zip(records) {
        view.apply(Change::Put(Arc::new(record.clone()), revision));
    }
    let all: BTreeSet<Name> = earlier.iter().chain(later).flat_map(|who| who.split('+')).map(name).collect();
    let find = |id: &str| all.get(&name(id)).unwrap();
    let key = |who: &&str| match who.split_once('+') {
        None => Key::Party(find(who)),
        Some(_) => Key::Alliance(who.split('+').map(find).collect()),
    };
    let standing = |on: i32, who: &[&str]| Standing {
        on: Date::exact(reform_model::Day::new(on, 6, 1).unwrap()),
        contenders: who.iter().map(key).collect(),
    };
    let families = Families::of(&view);
    let (before, after) = (standing(2010, earlier), standing(2014, later));
    let found = families.lines(lineage, sureness, &before, &after);
    let shown = |key: &Key<'_>| match key {
        Key::Party(name) => name.id().to_owned(),
        Key::Alliance(names) => names.iter().map(|name| name.id()).collect::<Vec<_>>().join("+"),
        Key::Candidate(_) | Key::Independents | Key::Other(_) | Key::AgainstAll => {
            unreachable!("only parties stand here")
        }
    };
    let line = |(key, line): (&Key<'_>, &Line<'_>)| {
        let sign = if line.renamed { "!" } else { "" };
        format!("{}>{}{sign}", shown(key), shown(&line.key))
    };
    found.iter().map(line).collect()
}

const MERGED: PartyEndKind = PartyEndKind::Merged;

#[test]
fn a_merger_counts_after_the_earlier_election_and_not_after_the_later() {
    let day = |year, month| Some(Date::exact(reform_model::Day::new(year, month, 1).unwrap()));
    for (date, certain, possible) in [
        (day(2010, 6), "old", "old"),
        (day(2010, 7), "new", "new"),
        (day(2014, 6), "new", "new"),
        (day(2014, 7), "old", "old"),
        // Too coarse to say, or not said at all.
        (Some(year(2010)), "old", "new"),
        (Some(year(2012)), "new", "new"),
        (Some(year(2014)), "old", "new"),
        (None, "old", "new"),
    ] {
        let records = [party("old", &[], Some((MERGED, date))), party("new", &["old"], None)];
        for (sureness, expected) in [(Sureness::Certain, certain), (Sureness::Possible, possible)] {
            let found = lines(&records, Lineage::Merger, sureness, &["old", "new"], &["new"]);
            assert_eq!(found, ["new>new".to_owned(), format!("old>{expected}")], "{date:?}");
            let found = lines(&records, Lineage::Succession, sureness, &["old", "new"], &["new"]);
            assert_eq!(found, ["new>new", "old>old"], "a merger is no new name");
        }
    }
}

#[test]
fn an_alliance_follows_its_members_when_all_go_the_same_way() {
    let ended = Some((MERGED, Some(year(2012))));
    let both = [party("a", &[], ended), party("b", &[], ended), party("c", &["a", "b"], None)];
    let of = |records: &[Record]| lines(records, Lineage::Merger, Sureness::Certain, &["a+b"], &["c"]);
    assert_eq!(of(&both), ["a+b>c"]);
    let one = [party("a", &[], ended), party("b", &[], None), party("c", &["a"], None)];
    assert_eq!(of(&one), ["a+b>a+b"]);
    // One that stands again is the same, whatever became of its members.
    assert_eq!(lines(&both, Lineage::Merger, Sureness::Certain, &["a+b"], &["a+b", "c"]), ["a+b>a+b"]);
}

#[test]
fn a_record_that_continues_another_is_the_same_party() {
    let follow = |records: &[Record], earlier: &[&str]| {
        lines(records, Lineage::Succession, Sureness::Certain, earlier, &["new"])
    };
    let dissolved = Some((PartyEndKind::Dissolved, None));
    let chain =
        [party("old", &[], dissolved), party("middle", &["old"], dissolved), party("new", &["middle"], None)];
    assert_eq!(follow(&chain, &["old"]), ["old>new"]);
    // Who stood beside it took it in, and two did not both become one by a new name.
    assert_eq!(
        follow(&[party("old", &[], None), party("new", &["old"], None)], &["old", "new"])[1],
        "old>old"
    );
    let two = [party("a", &[], None), party("b", &[], None), party("new", &["a", "b"], None)];
    assert_eq!(follow(&two, &["a", "b"]), ["a>a", "b>b"]);
    // Nothing says which part of a split party went where.
    let split = [party("old", &[], None), party("new", &["old"], None), party("other", &["old"], None)];
    assert_eq!(follow(&split, &["old"]), ["old>old"]);
    // A circle ends, and a party without a record is itself.
    let circle = [party("a", &["b"], dissolved), party("b", &["a"], dissolved)];
    assert_eq!(follow(&circle, &["a", "nobody"]).len(), 2);
}

#[test]
fn a_name_holds_while_it_is_valid() {
    let by_name = |records: &[Record], earlier: &[&str], later: &[&str]| {
        lines(records, Lineage::Name, Sureness::Certain, earlier, later)
    };
    let renamed = named("a", &[("Old", None, Some(2012)), ("New", Some(2013), None)]);
    assert_eq!(by_name(&[renamed], &["a"], &["a"]), ["a>a!"]);
    // Spellings of one name, and a further name beside one that stays.
    let spelled = named("a", &[("Aq Jol", None, None), ("Ak Zhol", None, None)]);
    assert_eq!(by_name(&[spelled], &["a"], &["a"]), ["a>a"]);
    let signs = named("a", &[("The  PARTY", None, Some(2012)), ("the-party", Some(2013), None)]);
    assert_eq!(by_name(&[signs], &["a"], &["a"]), ["a>a"]);
    // Another record carries the name on.
    let bearers = [named("a", &[("One", None, None)]), named("b", &[("One", None, None)])];
    assert_eq!(by_name(&bearers, &["a"], &["b"]), ["a>b"]);
    assert_eq!(by_name(&bearers, &["a", "b"], &["b"]), ["a>a!", "b>b"]);
    // Without a name on record it is the same party.
    assert_eq!(by_name(&[], &["a"], &["a"]), ["a>a"]);
}
