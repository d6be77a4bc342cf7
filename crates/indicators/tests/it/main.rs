//! The rules of the indicators over small sets of records, with values worked out by hand.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail like the tests themselves")]

mod allocations;
mod appeals;
mod bounds;
mod build;
mod catalogue;
mod completions;
mod conflicting;
mod conventions;
mod counted;
mod explained;
mod fold;
mod histories;
mod inhabitants;
mod lives;
mod petitions;
mod published;
mod quantities;
mod reported;
mod rivals;
mod scale;
mod shares;
mod simulated;
mod spans;
mod worlds;
