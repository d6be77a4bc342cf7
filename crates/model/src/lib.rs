//! What a record means, without transport or storage.
//!
//! In reading order:
//! - [`vocabulary`]: the closed lists of the contract (comparators, stages, bases …);
//! - [`date`] and [`quantity`]: values that know how much of them is known;
//! - [`record`]: the record and what every kind shares; [`party`], [`election`], [`reform`], [`institution`],
//!   [`participation`] and [`measure`]: the kinds;
//! - [`references`]: every pointer from one record to another;
//! - [`findings`]: the soft rules, what contradicts another field.

pub mod date;
pub mod election;
pub mod findings;
pub mod institution;
pub mod measure;
pub mod participation;
pub mod party;
pub mod quantity;
pub mod record;
pub mod references;
pub mod reform;
pub mod vocabulary;

pub use date::{Date, Day, Period};
pub use quantity::{Decimal, Quantity};
pub use record::{Body, Kind, Name, Record};
