//! What records are found by: each term is a 64-bit hash of a field and a value.
//!
//! Two values may share a term, so a term only proposes: whoever follows it looks at the record.

use std::hash::Hasher;

use reform_model::{Body, Kind, Record};
use siphasher::sip::SipHasher13;

/// Fields that hold references, below the record, without list indexes.
pub const REFERENCE_FIELDS: &[&str] = &[
    "citations.source",
    "discrepancies.source",
    "source.covers.subject",
    "variable.part_of",
    "institution.predecessors",
    "party.predecessors",
    "reform.package",
    "reform.parameter_changes.parameter",
    "election.institution",
    "election.tiers.results.contender.party",
    "election.tiers.results.contender.alliance.parties",
    "election.tiers.results.contender.candidate.party",
    "referendum.overtaken_by",
    "petition.institution",
    "appeal.institution",
    "decision.institution",
    "event.series",
    "observation.variable",
    "observation.subject",
    "observation.derived_from",
    "target.variable",
    "target.subject",
    "target.revised_from",
];

/// Every record of a kind in a jurisdiction.
pub fn scope(kind: Kind, jurisdiction: &str) -> u64 {
    hash(&["scope", kind.as_str(), jurisdiction])
}

/// Records whose reference field points at a record.
pub fn reference(field: &str, target: &str) -> u64 {
    hash(&["reference", field, target])
}

/// Records that carry a label with that value.
pub fn label(key: &str, value: &str) -> u64 {
    hash(&["label", key, value])
}

/// Sources at an address.
pub fn url(url: &str) -> u64 {
    hash(&["url", url])
}

/// The terms of a record, each once.
pub fn of(record: &Record) -> Vec<u64> {
    let mut terms = vec![scope(record.kind(), &record.jurisdiction)];
    for found in record.references() {
        terms.push(reference(&without_indexes(&found.field_path), found.target.as_str()));
    }
    terms.extend(record.labels.iter().map(|(key, value)| label(key, value)));
    if let Body::Source(source) = &record.body
        && !source.url.is_empty()
    {
        terms.push(url(&source.url));
    }
    terms.sort_unstable();
    terms.dedup();
    terms
}

/// `election.tiers[0].results[3].votes` as `election.tiers.results.votes`.
fn without_indexes(path: &str) -> String {
    let mut depth = 0;
    path.chars()
        .filter(|character| {
            match character {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => return depth == 0,
            }
            false
        })
        .collect()
}

/// The keys of the hash are constants: terms are stored.
fn hash(parts: &[&str]) -> u64 {
    let mut hasher = SipHasher13::new_with_keys(0x7265_666f_726d_2d31, 0x7465_726d_732d_7631);
    for part in parts {
        hasher.write(part.as_bytes());
        hasher.write_u8(0xff); // no UTF-8 text holds this byte
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_never_change_because_they_are_stored() {
        assert_ne!(scope(Kind::Appeal, "KZ"), scope(Kind::Appeal, ""));
        assert_ne!(label("a", "bc"), label("ab", "c"));
        assert_eq!(hash(&["reform"]), 3_737_726_150_518_532_345);
    }

    #[test]
    fn a_path_loses_its_indexes_only() {
        let path = "election.tiers[0].results[13].contender.party";
        assert_eq!(without_indexes(path), "election.tiers.results.contender.party");
    }
}
