//! The shipped records on Kazakhstan, as JSON Lines in the JSON form of the protos.
//!
//! The data lies in `data/*.jsonl`, one record a line; this crate only embeds it. Files are numbered in import order:
//! what a record refers to stands in the same file or in an earlier one, so each file can be one commit.

/// File names and contents, in import order.
pub const FILES: &[(&str, &str)] = &[
    ("01-sources.jsonl", include_str!("../data/01-sources.jsonl")),
    ("02-variables.jsonl", include_str!("../data/02-variables.jsonl")),
    ("03-institutions.jsonl", include_str!("../data/03-institutions.jsonl")),
    ("04-reforms.jsonl", include_str!("../data/04-reforms.jsonl")),
    ("05-parties.jsonl", include_str!("../data/05-parties.jsonl")),
    ("06-elections.jsonl", include_str!("../data/06-elections.jsonl")),
    ("07-referendums.jsonl", include_str!("../data/07-referendums.jsonl")),
    ("08-petitions.jsonl", include_str!("../data/08-petitions.jsonl")),
    ("09-events.jsonl", include_str!("../data/09-events.jsonl")),
    ("10-court.jsonl", include_str!("../data/10-court.jsonl")),
    ("11-observations.jsonl", include_str!("../data/11-observations.jsonl")),
    ("12-targets.jsonl", include_str!("../data/12-targets.jsonl")),
];

/// All records, one JSON object each, in import order. No line is empty.
pub fn lines() -> impl Iterator<Item = &'static str> {
    FILES.iter().flat_map(|(_, text)| text.lines()).filter(|line| !line.trim().is_empty())
}

/// Which indicators the demo asks over these records and which points it shows, as TOML.
pub const HEADLINES: &str = include_str!("../data/headlines.toml");

/// The systems that the sources describe, as TOML: for each a filter that gives its records and one question to an
/// indicator, in the keys of [`HEADLINES`].
pub const SYSTEMS: &str = include_str!("../data/systems.toml");

/// Pictures of these records, as TOML: the keys of [`HEADLINES`] and the file of each.
pub const CHARTS: &str = include_str!("../data/charts.toml");
