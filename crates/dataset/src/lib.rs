//! The shipped records on Kazakhstan, as JSON Lines in the JSON form of the protos.
//!
//! The data lies in `data/*.jsonl`, one record a line; this crate only embeds it. [`FILES`] is in import order: what a
//! record refers to stands in the same file or in an earlier one, so each file can be one commit.

/// File names and contents, in import order.
pub const FILES: &[(&str, &str)] = &[
    ("sources.jsonl", include_str!("../data/sources.jsonl")),
    ("variables.jsonl", include_str!("../data/variables.jsonl")),
    ("institutions.jsonl", include_str!("../data/institutions.jsonl")),
    ("reforms.jsonl", include_str!("../data/reforms.jsonl")),
    ("parties.jsonl", include_str!("../data/parties.jsonl")),
    ("elections.jsonl", include_str!("../data/elections.jsonl")),
    ("referendums.jsonl", include_str!("../data/referendums.jsonl")),
    ("petitions.jsonl", include_str!("../data/petitions.jsonl")),
    ("events.jsonl", include_str!("../data/events.jsonl")),
    ("court.jsonl", include_str!("../data/court.jsonl")),
    ("observations.jsonl", include_str!("../data/observations.jsonl")),
    ("targets.jsonl", include_str!("../data/targets.jsonl")),
];

/// All records, one JSON object each, in import order. No line is empty.
pub fn lines() -> impl Iterator<Item = &'static str> {
    FILES.iter().flat_map(|(_, text)| text.lines()).filter(|line| !line.trim().is_empty())
}

/// Which indicators the demo asks over these records and which points it shows, as TOML.
pub const HEADLINES: &str = include_str!("../data/headlines.toml");
