//! Whether the log goes on where it broke off: every revision is there once, and every chunk of it.

use super::chunk::CommitHeader;
use super::disk::Error;
use super::keys::{ChunkId, Revision};
use super::summary::{Covered, Summary};

/// Follows the log from its beginning.
#[derive(Debug, Clone)]
pub struct Continuity {
    chunk: Option<ChunkId>,
    revision: Revision,
    /// Whether the last commit has ended; a summary does not tell.
    complete: Option<bool>,
    /// Whether the last chunk could not be read, and what comes next is not known.
    blind: bool,
}

impl Default for Continuity {
    fn default() -> Self {
        Self { chunk: None, revision: 0, complete: Some(true), blind: false }
    }
}

impl Continuity {
    /// The last chunk so far.
    pub fn last_chunk(&self) -> Option<ChunkId> {
        self.chunk
    }

    /// The last revision so far.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Whether it must still be learnt if the last commit has ended.
    pub fn is_uncertain(&self) -> bool {
        self.complete.is_none()
    }

    /// Learns that from the last chunk itself.
    pub fn settle(&mut self, commits: &[CommitHeader]) {
        self.complete = commits.last().map(|commit| commit.complete);
    }

    /// Passes over a chunk that cannot be read: whatever comes after it follows.
    pub fn skip(&mut self, id: ChunkId) {
        *self = Self { chunk: Some(id), revision: id.revision, complete: None, blind: true };
    }

    /// The next chunk.
    ///
    /// # Errors
    /// [`Error::Gap`] when something is missing before or in it.
    pub fn chunk(&mut self, id: ChunkId, commits: &[CommitHeader]) -> Result<(), Error> {
        self.follows(id, commits.iter().map(|commit| commit.revision))?;
        let (last, before) = commits.split_last().ok_or(self.gap(id))?;
        if !before.iter().all(|commit| commit.complete) {
            return Err(self.gap(id));
        }
        *self =
            Self { chunk: Some(id), revision: last.revision, complete: Some(last.complete), blind: false };
        Ok(())
    }

    /// The next chunks, as their summary tells them.
    ///
    /// # Errors
    /// [`Error::Gap`] when something is missing before or among them.
    pub fn summary(&mut self, id: ChunkId, summary: &Summary) -> Result<(), Error> {
        self.follows(id, summary.commits().iter().map(|commit| commit.revision))?;
        let chunk = summary.chunks().last().and_then(Covered::id);
        let (Some(chunk), Some(last)) = (chunk, summary.commits().last()) else {
            return Err(self.gap(id));
        };
        *self = Self { chunk: Some(chunk), revision: last.revision, complete: None, blind: false };
        Ok(())
    }

    /// The end of the log.
    ///
    /// # Errors
    /// [`Error::Torn`] when its last commit has not ended.
    pub fn end(&self) -> Result<(), Error> {
        if self.complete == Some(false) { Err(Error::Torn(self.revision)) } else { Ok(()) }
    }

    fn follows(&self, id: ChunkId, revisions: impl Iterator<Item = Revision>) -> Result<(), Error> {
        let begins = ChunkId { revision: self.revision + 1, part: 0 };
        let part = match self.chunk {
            Some(chunk) if chunk.revision == self.revision => chunk.part.checked_add(1),
            Some(_) | None => Some(0),
        };
        let goes_on = part.map(|part| ChunkId { revision: self.revision, part });
        let expected = match self.complete {
            _ if self.blind => self.chunk.is_none_or(|chunk| chunk < id),
            Some(true) => id == begins,
            Some(false) => Some(id) == goes_on,
            None => id == begins || Some(id) == goes_on,
        };
        let counts = revisions.zip(id.revision..).all(|(revision, expected)| revision == expected);
        if expected && counts { Ok(()) } else { Err(self.gap(id)) }
    }

    fn gap(&self, next: ChunkId) -> Error {
        Error::Gap { after: self.revision, next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(revision: Revision, part: u16) -> ChunkId {
        ChunkId { revision, part }
    }

    fn commits(commits: &[(Revision, bool)]) -> Vec<CommitHeader> {
        let header = |(revision, complete): &_| CommitHeader {
            revision: *revision,
            complete: *complete,
            ..Default::default()
        };
        commits.iter().map(header).collect()
    }

    /// Revisions 1 and 2 in one chunk, 3 over three of them, 4.
    fn log() -> Vec<(ChunkId, Vec<CommitHeader>)> {
        vec![
            (id(1, 0), commits(&[(1, true), (2, true), (3, false)])),
            (id(3, 0), commits(&[(3, false)])),
            (id(3, 1), commits(&[(3, true), (4, false)])),
            (id(4, 0), commits(&[(4, true)])),
            (id(5, 0), commits(&[(5, true)])),
        ]
    }

    fn follow(log: &[(ChunkId, Vec<CommitHeader>)]) -> Result<(), Error> {
        let mut continuity = Continuity::default();
        log.iter().try_for_each(|(id, commits)| continuity.chunk(*id, commits))?;
        continuity.end()
    }

    #[test]
    fn a_chunk_that_is_missing_is_noticed_wherever_it_was() {
        follow(&log()).unwrap();
        for missing in 0..log().len() - 1 {
            let mut log = log();
            log.remove(missing);
            assert!(matches!(follow(&log), Err(Error::Gap { .. })), "chunk {missing}");
        }
        // What is missing at the end is noticed when it was the end of a commit.
        assert!(matches!(follow(&log()[..3]), Err(Error::Torn(4))));
        follow(&log()[..4]).unwrap();
    }

    #[test]
    fn chunks_in_another_order_and_commits_that_jump_are_noticed() {
        let mut swapped = log();
        swapped.swap(1, 2);
        assert!(follow(&swapped).is_err());
        assert!(follow(&[(id(1, 0), commits(&[(1, true), (3, true)]))]).is_err());
        assert!(follow(&[(id(1, 0), commits(&[(1, false), (2, true)]))]).is_err());
        assert!(follow(&[(id(1, 0), Vec::new())]).is_err());
        assert!(follow(&[(id(2, 0), commits(&[(2, true)]))]).is_err());
    }
}
