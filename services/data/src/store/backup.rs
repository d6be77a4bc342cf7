//! An archive of the log up to a revision, made while writes go on.
//!
//! The log up to a durable revision does not change but for history that is dropped from it, so the chunks are copied one
//! by one, at the pace of whoever takes the archive. The oldest revision is asked last: what was dropped meanwhile lies
//! below it. When it has come past the archive's own revision, what the archive should show may be gone, and it is void.

use reform_archive::{Encoder, Head};

use super::chunk::Chunk;
use super::disk;
use super::error::Error;
use super::keys::Revision;
use super::meta::STORE_FORMAT;
use super::read::Snapshot;

/// Bytes of a piece; the last one is shorter.
pub const PIECE_BYTES: usize = 256 * 1024;

/// An archive while it is made.
#[derive(Debug)]
pub struct Backup {
    snapshot: Snapshot,
    /// None once the archive has ended.
    encoder: Option<Encoder>,
    /// The next chunk's place in the log.
    place: usize,
    ready: Vec<u8>,
}

impl Snapshot {
    /// An archive of everything up to this revision.
    pub fn backup(&self) -> Backup {
        let mut ready = Vec::new();
        let head = Head {
            store_id: self.shared.meta.store_id.clone(),
            store_format: STORE_FORMAT,
            revision: self.revision,
            uid_key: self.shared.meta.uid_key.clone(),
        };
        let encoder = Some(Encoder::new(&head, &mut ready));
        Backup { snapshot: self.clone(), encoder, place: 0, ready }
    }
}

impl Backup {
    /// The newest revision in the archive.
    pub fn revision(&self) -> Revision {
        self.snapshot.revision
    }

    /// The next piece, at most [`PIECE_BYTES`]; none at the end.
    ///
    /// # Errors
    /// A chunk that is damaged: an archive holds what was written, or there is none. [`Error::Compacted`] when history was
    /// dropped up to a later revision meanwhile.
    pub fn next_piece(&mut self) -> Result<Option<Vec<u8>>, Error> {
        while self.ready.len() < PIECE_BYTES
            && let Some(encoder) = &mut self.encoder
        {
            let shared = &self.snapshot.shared;
            let id = shared.index.read().chunk(self.place);
            // A durable revision ends a chunk, so none is cut here.
            if let Some(id) = id.filter(|id| id.revision <= self.snapshot.revision) {
                let value = shared.disk.chunk_value(id)?;
                Chunk::open(id, value.clone()).map_err(|damage| disk::Error::Chunk { id, damage })?;
                encoder.entry(&id.chunk_key(), &value, &mut self.ready);
                self.place += 1;
            } else if let Some(encoder) = self.encoder.take() {
                let (revision, oldest) = (self.snapshot.revision, shared.compaction.borrow().oldest);
                if oldest > revision {
                    return Err(Error::Compacted { asked: revision, oldest });
                }
                encoder.finish(oldest, &mut self.ready);
            }
        }
        let rest = self.ready.split_off(PIECE_BYTES.min(self.ready.len()));
        let piece = std::mem::replace(&mut self.ready, rest);
        Ok((!piece.is_empty()).then_some(piece))
    }
}
