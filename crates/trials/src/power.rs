//! A power cut: after a kill, what the service had not synced is taken back, from the journal of its disk
//! (`disk/shim.c`).
//!
//! A disk may have stored any part of what it was not told to sync. So a cut takes back all of it, or all from some write
//! on, or sectors here and there. Names (files made, renamed, removed) come back in order, as a file system with a journal
//! brings them back; the sync of a folder keeps them, and that of a new file
//! keeps its own.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rand::Rng;
use rand::rngs::StdRng;

use crate::disk::Disk;

/// What a disk writes at once.
const SECTOR_BYTES: u64 = 512;

/// What a power cut took back.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cut {
    /// Writes, whole or in part.
    pub writes: usize,
    /// Names.
    pub names: usize,
}

/// What a call has changed, in the numbers of `disk/shim.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Written,
    Truncated,
    Synced,
    Created,
    Unlinked,
    Renamed,
    MadeFolder,
}

/// One entry of the journal.
#[derive(Debug)]
struct Entry {
    kind: Kind,
    sequence: u64,
    inode: u64,
    /// Where a change begins; what a sync reached.
    offset: u64,
    length: u64,
    /// Of the file before; not zero for the sync of a folder.
    size: u64,
    path: PathBuf,
    /// What was there before; for names, where the file is now.
    before: Vec<u8>,
}

impl Disk {
    /// Cuts the power of a service that was killed.
    pub fn cut_power(&self, random: &mut StdRng) -> Cut {
        let journal = fs::read(self.beside().join("journal")).unwrap_or_default();
        let entries = parse(&journal);
        let mut synced: HashMap<u64, u64> = HashMap::new();
        let mut names_synced = 0;
        for entry in entries.iter().filter(|entry| entry.kind == Kind::Synced) {
            let until = synced.entry(entry.inode).or_default();
            *until = entry.offset.max(*until);
            let made = entries.iter().filter(|made| made.kind == Kind::Created && made.path == entry.path);
            let made = made.map(|made| made.sequence).filter(|made| *made <= entry.offset).max();
            let until = if entry.size > 0 { Some(entry.offset) } else { made };
            names_synced = names_synced.max(until.unwrap_or_default());
        }
        let names = entries.iter().filter(|entry| entry.is_name() && entry.sequence > names_synced);
        let names: Vec<&Entry> = names.collect();
        let kept = random.random_range(0..=names.len());
        names[kept..].iter().rev().for_each(|entry| entry.take_back_name());

        let mut paths = HashMap::new();
        find(&self.folder(), &mut paths);
        find(&self.beside(), &mut paths);
        let mut changes: BTreeMap<u64, Vec<&Entry>> = BTreeMap::new();
        for entry in &entries {
            let until = synced.get(&entry.inode).copied().unwrap_or_default();
            if matches!(entry.kind, Kind::Written | Kind::Truncated) && entry.sequence > until {
                changes.entry(entry.inode).or_default().push(entry);
            }
        }
        let mut cut = Cut { writes: 0, names: names.len() - kept };
        for (inode, changes) in changes {
            // A file whose making was taken back is gone.
            let Some(path) = paths.get(&inode) else { continue };
            let file = OpenOptions::new().read(true).write(true).open(path).unwrap();
            cut.writes += changes.len();
            take_back(&file, &changes, random);
        }
        for kept in fs::read_dir(self.beside()).unwrap() {
            fs::remove_file(kept.unwrap().path()).unwrap();
        }
        cut
    }
}

/// The entries up to where the kill came.
fn parse(mut journal: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    while let Some((head, rest)) = journal.split_at_checked(64) {
        let mut numbers = head.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
        let mut number = || numbers.next().expect("there are eight");
        let kind = match number() {
            1 => Kind::Written,
            2 => Kind::Truncated,
            3 => Kind::Synced,
            4 => Kind::Created,
            5 => Kind::Unlinked,
            6 => Kind::Renamed,
            7 => Kind::MadeFolder,
            other => panic!("the journal has a kind {other}"),
        };
        let (sequence, inode, offset, length, size) = (number(), number(), number(), number(), number());
        let (path, before) = (usize::try_from(number()).unwrap(), usize::try_from(number()).unwrap());
        let Some((path, rest)) = rest.split_at_checked(path) else { break };
        let Some((before, rest)) = rest.split_at_checked(before) else { break };
        let path = PathBuf::from(std::str::from_utf8(path).unwrap());
        entries.push(Entry { kind, sequence, inode, offset, length, size, path, before: before.to_vec() });
        journal = rest;
    }
    entries
}

/// The path of every file below a folder, by inode.
fn find(folder: &Path, paths: &mut HashMap<u64, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find(&path, paths);
        } else {
            paths.insert(path.metadata().unwrap().ino(), path);
        }
    }
}

impl Entry {
    fn is_name(&self) -> bool {
        matches!(self.kind, Kind::Created | Kind::Unlinked | Kind::Renamed | Kind::MadeFolder)
    }

    /// A call that the kill came before has changed nothing: then there is nothing to take back.
    fn take_back_name(&self) {
        let text = std::str::from_utf8(&self.before).unwrap();
        match self.kind {
            Kind::Created => drop(fs::remove_file(&self.path)),
            Kind::MadeFolder => drop(fs::remove_dir(&self.path)),
            Kind::Unlinked => fs::rename(text, &self.path).unwrap(),
            Kind::Renamed => {
                let (to, kept) = text.split_once('\n').unwrap();
                if !self.path.exists() {
                    fs::rename(to, &self.path).unwrap();
                }
                if !kept.is_empty() {
                    fs::rename(kept, to).unwrap();
                }
            }
            Kind::Written | Kind::Truncated | Kind::Synced => {}
        }
    }
}

/// Takes back changes of one file, which are in order.
fn take_back(file: &File, changes: &[&Entry], random: &mut StdRng) {
    let only_writes = changes.iter().all(|change| change.kind == Kind::Written);
    let kept = match random.random_range(0..3) {
        0 => 0,
        1 if only_writes => return tear(file, changes, random),
        _ => random.random_range(0..=changes.len()),
    };
    for change in changes[kept..].iter().rev() {
        file.write_all_at(&change.before, change.offset).unwrap();
        file.set_len(change.size).unwrap();
    }
}

/// Takes back sectors here and there: of each the writes from some one on.
fn tear(file: &File, changes: &[&Entry], random: &mut StdRng) {
    let mut kept: HashMap<u64, usize> = HashMap::new();
    for (number, change) in changes.iter().enumerate().rev() {
        let end = change.offset + change.length;
        let mut at = change.offset;
        while at < end {
            let next = (at / SECTOR_BYTES + 1) * SECTOR_BYTES;
            let until = next.min(end);
            let kept =
                *kept.entry(at / SECTOR_BYTES).or_insert_with(|| random.random_range(0..=changes.len()));
            if number >= kept {
                let begin = usize::try_from(at - change.offset).unwrap();
                let mut before = vec![0; usize::try_from(until - at).unwrap()];
                let there = change.before.get(begin..).unwrap_or_default();
                let there = &there[..there.len().min(before.len())];
                before[..there.len()].copy_from_slice(there);
                file.write_all_at(&before, at).unwrap();
            }
            at = until;
        }
    }
    let sizes = changes.iter().map(|change| change.size).chain([file.metadata().unwrap().len()]);
    let sizes: Vec<u64> = sizes.collect();
    file.set_len(sizes[random.random_range(0..sizes.len())]).unwrap();
}
