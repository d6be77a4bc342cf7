//! The contract in Rust: generated messages and clients, and what both services do with them.
//!
//! In reading order:
//! - [`data`] and [`analytics`]: generated from `proto/`;
//! - [`descriptors`]: the descriptor pool that reflection, JSON, field paths and filters read;
//! - [`error`]: reasons, details and the one way a `Status` is made;
//! - [`json`]: the one JSON form of a message;
//! - [`field_path`]: paths of fields inside a record;
//! - [`convert`]: wire → domain, and what is refused on the way;
//! - [`encoded`]: the servers of the data service with records in answers as bytes;
//! - [`roles`]: who may call what; [`priority`]: what is refused first when there is too much;
//! - [`client`]: how another program calls the services.

pub mod client;
pub mod convert;
pub mod descriptors;
pub mod encoded;
pub mod error;
pub mod field_path;
mod generated;
pub mod json;
pub mod priority;
pub mod roles;

pub use generated::{analytics, data};
