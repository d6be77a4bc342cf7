//! The fold alone, in this process: changes that are read already go into a view.

use std::sync::Arc;
use std::time::Instant;

use anyhow::anyhow;
use reform_api::convert;
use reform_indicators::{Change, View};

use crate::report::{self, Row, Samples};
use crate::synthetic::Appeals;

/// Appeals that are folded, at most: they are held as whole records meanwhile.
const FOLDED_MAX: u64 = 500_000;

/// Appeals folded per second.
///
/// # Errors
/// When an appeal is not valid.
pub(super) fn row(appeals: &Appeals, records: u64, rounds: u32) -> anyhow::Result<Row> {
    let made = (1..=records.min(FOLDED_MAX)).map(|number| {
        let record = convert::record(&appeals.named(number));
        record.map(Arc::new).map_err(|violations| anyhow!("appeal {number}: {violations:?}"))
    });
    let made = made.collect::<anyhow::Result<Vec<_>>>()?;
    let mut rates = Samples::default();
    for _ in 0..rounds {
        let changes: Vec<Change> = made.iter().map(|record| Change::Put(Arc::clone(record), 1)).collect();
        let mut view = View::new("benchmark");
        let begun = Instant::now();
        changes.into_iter().for_each(|change| view.apply(change));
        rates.push(made.len() as f64 / begun.elapsed().as_secs_f64());
    }
    report::progress(&format!("fold: {:.0} appeals/s", rates.median().unwrap_or(f64::NAN)));
    Ok(Row::new("fold_per_s", "fold in the pure crate, appeals/s", rates))
}
