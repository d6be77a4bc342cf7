//! What elections say about parties: how many count, how many sit in a chamber, how many are there for the first time.
//!
//! In reading order: [`formulas`], published and pure; [`rows`]: the results of a tier as shares and seats; `chambers`:
//! the elections of each chamber; [`effective`] and [`parliamentary`]: the indicators.

mod chambers;
pub mod effective;
mod evidence;
pub mod formulas;
pub mod parliamentary;
pub mod rows;
#[cfg(test)]
mod tests;
mod tiers;
