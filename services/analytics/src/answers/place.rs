//! Where in history a call wants its answers, and whether the state is there.

use prost_types::Timestamp;
use reform_indicators::View;

use crate::refusal::Refusal;
use crate::state::Progress;

/// Where in history a call wants its answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// This revision, or a later one.
    pub(crate) min_revision: i64,
    /// The store of the revision; empty is any.
    pub(crate) store_id: String,
    /// Exactly this point in history; none is the newest applied.
    pub(crate) as_of: Option<AsOf>,
}

/// A point in history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AsOf {
    /// A revision.
    Revision(i64),
    /// The last revision committed at or before this time.
    Time(Timestamp),
}

impl Place {
    /// Whether so much is applied.
    pub(super) fn is_reached(&self, progress: &Progress) -> Result<bool, Refusal> {
        let Some(applied) = progress.applied else {
            return if self.min_revision > 0 { Ok(false) } else { Err(Refusal::Starting) };
        };
        self.check_store(&progress.store_id)?;
        Ok(applied >= self.min_revision)
    }

    /// Refuses a view that is of another store, or not far enough.
    pub(super) fn check(&self, view: &View) -> Result<(), Refusal> {
        self.check_store(view.store_id())?;
        let revision = view.revision();
        if revision < self.min_revision {
            return Err(Refusal::CatchingUp { wanted: self.min_revision, applied: revision, head: revision });
        }
        Ok(())
    }

    fn check_store(&self, followed: &str) -> Result<(), Refusal> {
        if self.store_id.is_empty() || self.store_id == followed {
            return Ok(());
        }
        Err(Refusal::StoreChanged { asked: self.store_id.clone(), followed: followed.to_owned() })
    }

    /// The refusal for who cannot wait any longer.
    pub(super) fn not_reached(&self, progress: &Progress) -> Refusal {
        match progress.applied {
            Some(applied) => Refusal::CatchingUp { wanted: self.min_revision, applied, head: progress.head },
            None => Refusal::Starting,
        }
    }
}
