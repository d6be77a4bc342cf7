//! Tables of strangers become records, as a map says.
//!
//! In reading order:
//! - [`map`]: the language of maps, read and checked before a row is; [`mistakes`]: what is wrong with one, and where;
//! - [`cell`]: from the text of a cell to the text of a field; [`typed`]: from there to a value of the field's type;
//! - [`template`]: a record with holes, checked against the contract; [`ids`]: the names of records;
//! - [`rows`]: CSV as rows with their lines; [`reader`]: rows become batches.

mod cell;
mod ids;
mod map;
mod mistakes;
mod reader;
mod rows;
mod template;
mod typed;

pub(crate) use map::Map;
pub(crate) use reader::Reader;
