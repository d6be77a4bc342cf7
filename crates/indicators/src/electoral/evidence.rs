//! What is behind a point about an election, row by row.

use std::collections::BTreeSet;

use reform_model::election::{ElectionResult, Tier};
use reform_model::{Name, Record};

use crate::electoral::chambers::Held;
use crate::electoral::rows::{Key, is_elected};
use crate::electoral::tiers::{CHAMBER, tier_label};
use crate::estimate::{Estimate, Style};
use crate::evidence::{Evidence, Part, Reason};
use crate::number::Number;
use crate::view::View;

/// The rows of the tier with that label, of all elected tiers for a whole chamber; the chamber's other elections are of
/// other times. The number of a row is its share of the votes as recorded, and the note says how it stands in the record.
pub(super) fn of_rows(view: &View, held: &Held<'_>, others: &[Held<'_>], label: &str) -> Evidence {
    let mut evidence = Evidence::default();
    for (index, tier) in held.election.tiers.iter().enumerate() {
        if tier_label(tier, index) == label || (label == CHAMBER && is_elected(tier)) {
            for row in &tier.results {
                evidence.add(held.record, row_part(view, tier, row));
            }
        }
    }
    exclude_others(&mut evidence, held.record, others);
    evidence
}

/// Parties that count one each, and the earlier elections that they were looked for in.
pub(super) fn of_parties(
    view: &View,
    held: &Held<'_>,
    parties: &BTreeSet<Key<'_>>,
    earlier: &[Held<'_>],
) -> Evidence {
    let mut evidence = Evidence::default();
    for key in parties {
        evidence.add(held.record, Part::of(1, title(view, key)));
    }
    if parties.is_empty() {
        evidence.add(held.record, Part::of(0, "no such party"));
    }
    for one in earlier {
        evidence.add(one.record, Part::of(0, "an earlier election"));
    }
    evidence
}

/// The other elections of the chamber.
pub(super) fn exclude_others(evidence: &mut Evidence, own: &Record, others: &[Held<'_>]) {
    for other in others.iter().filter(|other| other.record.name != own.name) {
        evidence.exclude(other.record, Reason::OutsidePeriod);
    }
}

fn row_part(view: &View, tier: &Tier, row: &ElectionResult) -> Part {
    let key = Key::of(row, tier.system);
    let share = row.vote_share.as_ref().map(|share| Estimate::from(share).scale(&Number::scaled(1, 2)));
    let mut note = if row.label.is_empty() { title(view, &key) } else { row.label.clone() };
    if let Some(share) = &share {
        note.push_str(&format!(", share {}", share.clone().with_style(Style::Percent).display()));
    }
    for (what, number) in [("votes", row.votes), ("seats", row.seats.map(i64::from))] {
        if let Some(number) = number {
            note.push_str(&format!(", {what} {number}"));
        }
    }
    if !key.enters() {
        note.push_str(&format!(", {}", Reason::NotAContender.as_str()));
    }
    Part { number: share.filter(|_| key.enters()).and_then(|share| share.value), note }
}

/// Whom a key stands for, for a reader.
pub(super) fn title(view: &View, key: &Key<'_>) -> String {
    let party =
        |name: &Name| view.get(name).map_or_else(|| name.id().to_owned(), |entry| entry.record.title.clone());
    match key {
        Key::Party(name) => party(name),
        Key::Alliance(names) => names.iter().map(|name| party(name)).collect::<Vec<_>>().join(" + "),
        Key::Candidate(name) | Key::Other(name) => (*name).to_owned(),
        Key::Independents => "independents".to_owned(),
        Key::AgainstAll => "against all".to_owned(),
    }
}
