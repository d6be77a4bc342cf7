//! From votes to seats: allocation formulas, thresholds, and whole elections under their own rules or others.
//!
//! In reading order: [`formula`]: which there are; [`divisor`] and [`quota`]: the two families, in exact integers;
//! [`allocation`]: what they give, ties included; [`threshold`]: who takes part, and both together; [`contest`]: the
//! lists, votes and rules of a stored election; [`simulate`]: a request answered, with indices beside the actual ones.

pub mod allocation;
pub mod contest;
pub mod divisor;
pub mod formula;
pub mod quota;
pub mod simulate;
pub mod threshold;
