//! The history of one record.

use reform_model::Name;

use super::chunk::CommitHeader;
use super::error::Error;
use super::index::Found;
use super::keys::Revision;
use super::list::PAGE_BYTES_MAX;
use super::read::{Snapshot, Stored};

/// One version of a record, and the commit that wrote it.
#[derive(Debug, Clone)]
pub struct Past {
    /// The commit.
    pub commit: CommitHeader,
    /// The record after it.
    pub stored: Stored,
}

impl Snapshot {
    /// The versions of a record that can be read, the newest first: at most so many of those before a revision, and
    /// whether there are more.
    ///
    /// # Errors
    /// [`Error::Compacted`] when the history before that revision was dropped.
    pub fn revisions(
        &self,
        name: &Name,
        before: Option<Revision>,
        size: usize,
    ) -> Result<(Vec<Past>, bool), Error> {
        let newest = self.shared.stored_by_name(name, self.revision)?;
        let (newest, _) = newest.ok_or_else(|| Error::NotFound(name.clone()))?;
        let oldest = self.shared.compaction.borrow().oldest;
        if let Some(before) = before.filter(|before| *before <= oldest) {
            return Err(self.shared.compacted(before));
        }
        let before = before.unwrap_or(Revision::MAX).min(self.revision.saturating_add(1));
        let versions: Vec<Found> = {
            let index = self.shared.index.read();
            let readable = index.readable(newest.record, oldest);
            readable.filter(|version| version.revision < before).take(size + 1).collect()
        };
        let (mut pasts, mut bytes) = (Vec::new(), 0);
        for version in &versions {
            let past = self.past(*version)?;
            bytes += past.stored.record.len();
            if pasts.len() == size || (bytes > PAGE_BYTES_MAX && !pasts.is_empty()) {
                return Ok((pasts, true));
            }
            pasts.push(past);
        }
        Ok((pasts, false))
    }

    fn past(&self, version: Found) -> Result<Past, Error> {
        let (id, slot) = (version.position.chunk, usize::from(version.position.slot));
        let chunk = self.shared.disk.chunk(id)?;
        let stored = self.shared.slot(&chunk, id, slot)?;
        let commit = chunk.commit_of(slot).cloned().unwrap_or_default();
        Ok(Past { commit, stored })
    }
}
