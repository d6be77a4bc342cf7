//! What elections and referendums say: how many parties count and sit in a chamber, how far seats are from votes, how many
//! votes changed hands or were wasted, who voted, and for what.
//!
//! In reading order: [`formulas`], [`disproportion`] and [`swing`], published and pure; [`rows`]: the results of a tier
//! as shares and seats; `tiers`: which tier is asked for; `chambers`: the elections of each chamber; `lineage`: which
//! contender was which before; `published`: rates beside what was printed. The indicators: [`effective`],
//! [`parliamentary`], [`disproportionality`], [`volatility`], [`wasted`], [`turnout`] and [`approval`]; `evidence`: what
//! is behind their points. [`indices`]: those that one tier alone has.

pub mod approval;
mod chambers;
pub mod disproportion;
pub mod disproportionality;
pub mod effective;
mod evidence;
pub mod formulas;
pub mod indices;
mod lineage;
pub mod parliamentary;
mod published;
pub mod rows;
pub mod swing;
#[cfg(test)]
mod tests;
pub(crate) mod tiers;
pub mod turnout;
pub mod volatility;
pub mod wasted;
