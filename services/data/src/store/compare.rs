//! Whether a store that was written anew says what the old one does.

use tokio_util::sync::CancellationToken;

use super::chunk::{Chunk, CommitHeader, SlotHeader};
use super::disk::{self, Disk};
use super::index::Found;
use super::keys::ChunkId;
use super::pack::{Error, Opened, Progress};
use super::read::Stored;

/// Before the first chunk.
const START: ChunkId = ChunkId { revision: 0, part: 0 };

/// Compares every commit, and every version that can be read, record by record in the order of creation.
pub(super) fn compare(
    old: &Opened,
    new: &Opened,
    stop: &CancellationToken,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), Error> {
    let differ = |what: String| Err(Error::Different(what));
    if (old.head, old.time_ms) != (new.head, new.time_ms) {
        return differ(format!("its newest revision is {}", new.head));
    }
    if old.index.live() != new.index.live() {
        return differ("it counts other records".to_owned());
    }
    compare_commits(&old.disk, &new.disk)?;
    let of = old.index.record_count();
    if new.index.record_count() != of {
        return differ(format!("it has {} records", new.index.record_count()));
    }
    let (mut old_slots, mut new_slots) = (Slots::new(&old.disk), Slots::new(&new.disk));
    for record in 0..of {
        if stop.is_cancelled() {
            return Err(Error::Stopped);
        }
        progress(Progress { step: "comparing", done: record as usize, of: of as usize });
        let purged = old.index.purged(record);
        if new.index.purged(record) != purged {
            return differ(format!("record {record} is purged in one of them"));
        }
        let oldest = old.meta.oldest_revision;
        let mut others = new.index.readable(record, oldest);
        for found in old.index.readable(record, oldest) {
            let Some(other) = others.next() else {
                return differ(format!("revision {} of record {record} is missing", found.revision));
            };
            let (mut stored, told) = (old_slots.read(found)?, new_slots.read(other)?);
            if purged.is_some() {
                let record = stored.bare().unwrap_or_default().into();
                stored = Stored { header: SlotHeader { bare: true, ..stored.header }, record, ..stored };
            }
            if (&stored.header, &stored.record, stored.revision, stored.time_ms)
                != (&told.header, &told.record, told.revision, told.time_ms)
            {
                return differ(format!("revision {} of record {record} is another one", found.revision));
            }
        }
        if let Some(other) = others.next() {
            return differ(format!("record {record} has a revision {} more", other.revision));
        }
    }
    Ok(())
}

fn compare_commits(old: &Disk, new: &Disk) -> Result<(), Error> {
    let mut others = commits(new);
    for commit in commits(old) {
        let commit = commit?;
        if others.next().transpose()?.as_ref() != Some(&commit) {
            return Err(Error::Different(format!("revision {} is not in it as it was", commit.revision)));
        }
    }
    match others.next() {
        Some(_) => Err(Error::Different("it has more revisions".to_owned())),
        None => Ok(()),
    }
}

/// The commits of a log, each once.
fn commits(disk: &Disk) -> impl Iterator<Item = Result<CommitHeader, disk::Error>> {
    let mut last = 0;
    let chunks = disk.chunks_after(START).map(|id| Ok(disk.chunk(id?)?.commits().to_vec()));
    let commits = chunks.flat_map(|commits| match commits {
        Ok(commits) => commits.into_iter().map(Ok).collect::<Vec<_>>(),
        Err(error) => vec![Err(error)],
    });
    let whole =
        commits.map(|commit| commit.map(|commit| CommitHeader { slots: 0, complete: true, ..commit }));
    whole.filter(move |commit| match commit {
        Ok(commit) => std::mem::replace(&mut last, commit.revision) != commit.revision,
        Err(_) => true,
    })
}

/// Reads slots, keeping the last chunk open.
struct Slots<'a> {
    disk: &'a Disk,
    open: Option<(ChunkId, Chunk)>,
}

impl<'a> Slots<'a> {
    fn new(disk: &'a Disk) -> Self {
        Self { disk, open: None }
    }

    fn read(&mut self, found: Found) -> Result<Stored, disk::Error> {
        let id = found.position.chunk;
        let open = self.open.take().filter(|(open, _)| *open == id);
        let (_, chunk) = match open {
            Some(open) => self.open.insert(open),
            None => self.open.insert((id, self.disk.chunk(id)?)),
        };
        chunk.stored(found.position.slot.into()).map_err(|damage| disk::Error::Chunk { id, damage })
    }
}
