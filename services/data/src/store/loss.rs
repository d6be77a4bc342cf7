//! Going on with a store that lost the end of its log.

use std::fmt;
use std::path::Path;

use super::disk::{Disk, Error};
use super::index::Index;
use super::keys::Revision;
use super::meta::Meta;
use super::recover;

/// What was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The newest revision that is there.
    pub head: Revision,
    /// The newest one that was there; none when nothing is missing.
    pub lost: Option<Revision>,
    /// The store's id from now on: revisions after its head will be others than those that were lost, and no follower of
    /// the old store may take them for the same.
    pub store_id: String,
}

impl fmt::Display for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { head, lost, store_id } = self;
        match lost {
            None => write!(f, "nothing is missing up to revision {head}"),
            Some(lost) => {
                write!(
                    f,
                    "revisions {} to {lost} are given up; this is store {store_id} from now on",
                    head + 1
                )
            }
        }
    }
}

/// Lets a stopped store open that ends before what was noted beside it.
///
/// # Errors
/// A store that does not open for another reason.
pub fn accept(folder: &Path, cache_bytes: u64) -> Result<Accepted, Error> {
    let (disk, meta) = Disk::open_there(folder, cache_bytes)?;
    let head = recover::recover(&disk, &mut Index::loading()).map_err(|error| disk.unopened(error))?.head;
    let lost = match disk.confirm(&meta, head) {
        Ok(()) => return Ok(Accepted { head, lost: None, store_id: meta.store_id }),
        Err(Error::Lost { noted, .. }) => noted,
        Err(error) => return Err(error),
    };
    let meta = Meta { store_id: Meta::new().store_id, ..meta };
    disk.write([(Meta::key(), meta.seal().into())])?;
    disk.note(&meta, head)?;
    disk.close()?;
    Ok(Accepted { head, lost: Some(lost), store_id: meta.store_id })
}
