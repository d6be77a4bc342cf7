//! Indicators over the records of one store: pure functions, without transport, storage or a clock.
//!
//! In reading order:
//! - [`number`] and [`estimate`]: exact numbers, and figures whose bounds travel; [`wilson`]: rates;
//! - [`span`]: the periods of a series;
//! - [`view`]: the records, folded from changes; `columns`: the appeals among them;
//! - [`query`], [`filter`] and [`mod@answer`]: what is asked and what comes back; [`evidence`]: what is behind one point;
//! - [`selection`], [`coverage`], [`counting`], [`interval`] and [`reported`]: which observation is used, what an empty
//!   period means, what two running totals say, and the frames of counted and of published series;
//! - [`durations`]: means, percentiles and classes of days;
//! - [`reforms`], [`parties`], [`appeals`], [`court`], [`norms`], [`petitions`], [`congress`], [`observed`], [`growth`] and
//!   [`shares`]: indicators;
//! - [`electoral`]: elections and chambers; [`seats`]: from votes to seats; [`target`]: promises; [`parameter`]: numbers in laws;
//! - [`catalogue`]: every indicator, and the one function that answers a query; [`mod@explain`]: what is behind a point of
//!   the answer; [`mod@conflicts`]: what contradicts what.

pub mod answer;
pub mod appeals;
pub mod catalogue;
mod columns;
pub mod conflicts;
pub mod congress;
pub mod counting;
pub mod court;
pub mod coverage;
pub mod durations;
pub mod electoral;
pub mod estimate;
pub mod evidence;
pub mod explain;
pub mod filter;
pub mod growth;
pub mod interval;
pub mod norms;
pub mod number;
pub mod observed;
pub mod parameter;
pub mod parties;
pub mod petitions;
pub mod query;
pub mod reforms;
pub mod reported;
pub mod seats;
pub mod selection;
pub mod shares;
pub mod span;
pub mod target;
pub mod view;
mod weight;
pub mod wilson;

pub use answer::{Answer, Point, Series};
pub use catalogue::answer;
pub use conflicts::conflicts;
pub use explain::explain;
pub use query::{Query, QueryError};
pub use view::{Change, View};
