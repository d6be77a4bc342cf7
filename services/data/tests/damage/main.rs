//! Every file of a store with a bit flipped or a block zeroed: what comes out is what was written, or is named as damaged,
//! or the store refuses to open. Never another value, never less without a word, never a hang.
//!
//! `REFORM_FLIPS` and `REFORM_BLOCKS` say how many of each; CI does few. `REFORM_SEED` begins elsewhere.

#![allow(clippy::unwrap_used, reason = "a test fails where its helpers do")]
#![allow(clippy::print_stdout, reason = "the figures of a run by hand")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reform_api::data::v1;
use reform_data::filter::Filter;
use reform_data::store::history::Place;
use reform_data::store::list::{Order, Query};
use reform_data::store::{Commit, Draft, Error, Mutation, Options, Store};
use reform_model::Name;

/// A store that takes longer to open and to be read hangs.
const PATIENCE: Duration = Duration::from_secs(120);
const BLOCK_BYTES: usize = 512;

/// Names and encoded records at the head, and the records of every revision.
type Known = (BTreeMap<String, Vec<u8>>, Vec<Vec<(String, Vec<u8>)>>);

fn options() -> Options {
    Options { cache_bytes: 16 << 20, free_bytes_min: Some(0), ballast_bytes: 0 }
}

fn source(name: &str, title: &str, bytes: usize) -> v1::Record {
    let body = Some(v1::record::Body::Source(v1::Source::default()));
    let description = title.repeat(bytes / title.len());
    v1::Record { name: name.into(), title: title.into(), description, body, ..v1::Record::default() }
}

/// A stopped store of a few megabytes, closed in between so that sled has snapshots and replayed segments.
async fn filled(folder: &Path) {
    for session in 0..3 {
        let (store, writing) = Store::open(folder, &options()).unwrap();
        for n in 0..40 {
            let mutations = (0..25).map(|m| {
                let name = format!("records/r-{session}-{n}-{m}");
                let draft = Draft::new(source(&name, &format!("title {session}.{n}.{m}"), 3_000)).unwrap();
                Mutation::Create(Box::new(draft))
            });
            store.commit(Commit { mutations: mutations.collect(), ..Commit::default() }).await.unwrap();
            let name = Name::parse(&format!("records/r-{session}-{}-3", n / 2)).unwrap();
            let deleted = store.newest().get(&name).unwrap().operation().is_some_and(|done| done.removes());
            let mutation = if deleted {
                Mutation::Undelete { name, etag: String::new() }
            } else {
                Mutation::Delete { name, etag: String::new() }
            };
            store.commit(Commit { mutations: vec![mutation], ..Commit::default() }).await.unwrap();
        }
        store.close(writing).await.unwrap();
    }
}

/// What the store holds.
async fn known(folder: &Path) -> Known {
    let (store, writing) = Store::open(folder, &options()).unwrap();
    let snapshot = store.newest();
    let parts = snapshot.history(Place::default(), usize::MAX).unwrap();
    let mut records = BTreeMap::new();
    let history = parts.into_iter().map(|part| {
        let changes = part
            .changes
            .into_iter()
            .map(|stored| (stored.name().unwrap().to_owned(), snapshot.encoded(&stored).unwrap().to_vec()));
        let changes: Vec<_> = changes.collect();
        records.extend(changes.iter().cloned());
        changes
    });
    let history = history.collect();
    drop(snapshot);
    store.close(writing).await.unwrap();
    (records, history)
}

/// What became of a damaged store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// Nothing that is read was hit.
    Unharmed,
    /// So many records are damaged, and named.
    Damaged(usize),
    /// It does not open, and says why.
    Refused(String),
}

/// Opens a store and reads all of it in every way.
fn read(folder: &Path, (records, history): &Known) -> Result<Outcome, String> {
    let (store, writing) = match Store::open(folder, &options()) {
        Ok(opened) => opened,
        Err(error) => return Ok(Outcome::Refused(error.to_string())),
    };
    let head = i64::try_from(history.len()).unwrap();
    if store.durable().revision != head {
        return Err(format!("it ends at {} and not at {head}", store.durable().revision));
    }
    let snapshot = store.newest();
    let mut damaged = 0;
    for (name, expected) in records {
        match snapshot.get(&Name::parse(name).unwrap()).and_then(|stored| snapshot.encoded(&stored)) {
            Ok(record) if record == *expected => {}
            Err(Error::Corrupt { record, .. }) if record == *name => damaged += 1,
            other => return Err(format!("{name} is read as {other:?}")),
        }
    }
    let filter = Filter::parse("").unwrap();
    for order in [Order::MainDate, Order::Name] {
        let query = Query { filter: &filter, order, show_deleted: true };
        let (mut from, mut listed, mut unreadable) = (None, 0, 0);
        loop {
            let page = snapshot.list(&query, from, 500).map_err(|error| format!("no list: {error}"))?;
            for stored in &page.items {
                let record = snapshot.encoded(stored).map_err(|error| error.to_string())?;
                let name = stored.name().unwrap();
                if records.get(name).is_none_or(|expected| record != *expected) {
                    return Err(format!("{name} is listed otherwise"));
                }
            }
            listed += page.items.len();
            unreadable += page.unreadable.len();
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        if (listed + unreadable, unreadable) != (records.len(), damaged) {
            return Err(format!("{listed} listed and {unreadable} unreadable, {damaged} damaged"));
        }
    }
    let damaged = damaged.max(follow(&store, history)?);
    drop(snapshot);
    // Writing into what is damaged may fail, and then says so.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(store.close(writing)).ok();
    Ok(if damaged == 0 { Outcome::Unharmed } else { Outcome::Damaged(damaged) })
}

/// Reads the whole history; how many changes are damaged.
fn follow(store: &Store, history: &[Vec<(String, Vec<u8>)>]) -> Result<usize, String> {
    let snapshot = store.newest();
    let parts =
        snapshot.history(Place::default(), usize::MAX).map_err(|error| format!("no feed: {error}"))?;
    if parts.len() != history.len() {
        return Err(format!("{} commits in the feed, {} written", parts.len(), history.len()));
    }
    let mut damaged = 0;
    for (part, expected) in parts.iter().zip(history) {
        let revision = part.commit.revision;
        if part.changes.len() != expected.len() || !part.complete {
            return Err(format!("revision {revision} has {} changes", part.changes.len()));
        }
        for (stored, (name, expected)) in part.changes.iter().zip(expected) {
            if stored.name() != Some(name) {
                return Err(format!("revision {revision} names {:?} and not {name}", stored.name()));
            }
            if stored.header.operation == i32::from(v1::ChangeType::Damaged) {
                damaged += 1;
            } else if snapshot.encoded(stored).map_err(|error| error.to_string())? != *expected {
                return Err(format!("{name} is told otherwise at {revision}"));
            }
        }
    }
    Ok(damaged)
}

/// The files of a store with their lengths, below its folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if fs::metadata(&path).unwrap().len() > 0 {
                files.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    files.sort();
    files
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(from.join(&file), target).unwrap();
    }
}

/// Damages one file of a copy; how that is called. Most hits are in the log of sled, where most bytes are, and of these
/// most where there is something.
fn damage(folder: &Path, block: bool, random: &mut StdRng) -> String {
    let files = files(folder);
    let log = files.iter().find(|file| file.ends_with("db")).unwrap();
    let file = if random.random_bool(0.6) { log } else { &files[random.random_range(0..files.len())] };
    let path = folder.join(file);
    let mut bytes = fs::read(&path).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).map_or(bytes.len(), |last| last + 1);
    let within = if random.random_bool(0.9) { used } else { bytes.len() };
    let at = random.random_range(0..within);
    let what = if block {
        let at = at / BLOCK_BYTES * BLOCK_BYTES;
        let end = bytes.len().min(at + BLOCK_BYTES);
        bytes[at..end].fill(0);
        format!("{} zeroed at {at}", file.display())
    } else {
        bytes[at] ^= 1 << random.random_range(0..8);
        format!("{} flipped at {at}", file.display())
    };
    fs::write(path, bytes).unwrap();
    what
}

/// Reads a damaged copy within [`PATIENCE`].
fn judged(whole: &Path, known: &Known, block: bool, seed: u64) -> (String, Outcome) {
    let folder = tempfile::tempdir().unwrap();
    copy(whole, folder.path());
    let what = damage(folder.path(), block, &mut StdRng::seed_from_u64(seed));
    let (done, outcome) = mpsc::channel();
    let (path, known) = (folder.path().to_owned(), known.clone());
    let reading = std::thread::spawn(move || done.send(read(&path, &known)).unwrap());
    match outcome.recv_timeout(PATIENCE) {
        Ok(Ok(outcome)) => {
            reading.join().unwrap();
            (what, outcome)
        }
        Ok(Err(wrong)) => panic!("seed {seed}: {what}: {wrong}"),
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("seed {seed}: {what}: it hangs"),
        Err(mpsc::RecvTimeoutError::Disconnected) => panic!("seed {seed}: {what}: it panics"),
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().map_or(default, |text| text.parse().unwrap())
}

#[tokio::test]
async fn whatever_bit_or_block_is_hit_nothing_wrong_is_served() {
    let whole = tempfile::tempdir().unwrap();
    filled(whole.path()).await;
    let known = known(whole.path()).await;
    let (path, seed) = (whole.path().to_owned(), number("REFORM_SEED", 0));
    let judging = tokio::task::spawn_blocking(move || {
        assert_eq!(read(&path, &known), Ok(Outcome::Unharmed));
        for (block, count) in [(false, number("REFORM_FLIPS", 16)), (true, number("REFORM_BLOCKS", 8))] {
            let mut tally = [0; 3];
            for seed in seed..seed + count {
                let (what, outcome) = judged(&path, &known, block, seed);
                println!("seed {seed}: {what}: {outcome:?}");
                let place = match &outcome {
                    Outcome::Unharmed => 0,
                    Outcome::Damaged(_) => 1,
                    Outcome::Refused(why) => {
                        assert!(
                            why.contains("restore a backup") || why.contains("newer program"),
                            "seed {seed}: {what}: {why}"
                        );
                        2
                    }
                };
                tally[place] += 1;
            }
            let [unharmed, damaged, refused] = tally;
            let kind = if block { "zeroed blocks" } else { "flipped bits" };
            println!(
                "{count} {kind}: {unharmed} unharmed, {damaged} damaged and named, {refused} refused to open"
            );
        }
    });
    judging.await.unwrap();
}
