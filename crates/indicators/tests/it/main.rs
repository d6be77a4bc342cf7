//! The rules of the indicators over small sets of records, with values worked out by hand.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like the tests themselves")]

mod bounds;
mod build;
mod completions;
mod conventions;
mod counted;
mod fold;
mod reported;
mod rivals;
mod spans;
