//! An archive that is not whole is refused before anything is written.

use std::ops::Range;
use std::path::Path;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reform_archive::{Encoder, Head};
use reform_data::store::restore::{self, Error};

use crate::backups::{backup, written};
use crate::records::{appeal, large};
use crate::support::{Server, create};

const DAMAGED: u64 = 200;

/// An archive of about thirty chunks.
async fn archive() -> Vec<u8> {
    let server = Server::seeded().await;
    for n in 0..4 {
        server.commit((0..50).map(|m| create(appeal(&format!("n-{n}-{m}")))).collect()).await.unwrap();
        server.commit((0..5).map(|m| create(large(&format!("l-{n}-{m}"), 9_000))).collect()).await.unwrap();
    }
    backup(&server).await.0
}

/// Where the frames are: the head, the entries, the end.
fn frames(archive: &[u8]) -> Vec<Range<usize>> {
    let (mut frames, mut at) = (Vec::new(), 16);
    while at < archive.len() - 32 {
        let length = u32::from_le_bytes(archive[at + 1..at + 5].try_into().unwrap());
        let end = at + 9 + usize::try_from(length).unwrap();
        frames.push(at..end);
        at = end;
    }
    assert_eq!(at, archive.len() - 32);
    frames
}

/// One damage; how it is called.
fn damage(archive: &mut Vec<u8>, random: &mut StdRng) -> String {
    let frames = frames(archive);
    let at = random.random_range(0..archive.len());
    let pick = random.random_range(0..frames.len() - 1);
    let (one, two) = (frames[pick].clone(), frames[pick + 1].clone());
    match random.random_range(0..8) {
        0..3 => {
            let bit = random.random_range(0..8);
            archive[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} flipped")
        }
        3 => {
            archive.truncate(at);
            format!("cut at {at}")
        }
        4 => {
            let more = random.random_range(1..1_000);
            archive.extend((0..more).map(|_| random.random::<u8>()));
            format!("{more} bytes more")
        }
        5 => {
            archive[one.start..two.end].rotate_left(one.len());
            format!("frames {pick} and {} swapped", pick + 1)
        }
        6 => {
            archive.drain(one);
            format!("without frame {pick}")
        }
        _ => {
            let again = archive[one.clone()].to_vec();
            archive.splice(one.end..one.end, again);
            format!("frame {pick} twice")
        }
    }
}

/// Restores and verifies, which has to fail and leave nothing.
fn refused(path: &Path, what: &str) -> Error {
    let parent = tempfile::tempdir().unwrap();
    let into = parent.path().join("data");
    let error = restore::restore(path, &into, &mut |_| {}).expect_err(what);
    assert!(!into.exists(), "{what}: something is left");
    restore::verify(path, &mut |_| {}).expect_err(what);
    error
}

#[tokio::test]
async fn every_damaged_archive_is_refused_and_nothing_is_left() {
    let whole = archive().await;
    let (_folder, path) = written(&whole);
    restore::verify(&path, &mut |_| {}).unwrap();
    for seed in 0..DAMAGED {
        let mut archive = whole.clone();
        let what = damage(&mut archive, &mut StdRng::seed_from_u64(seed));
        std::fs::write(&path, &archive).unwrap();
        let error = refused(&path, &format!("seed {seed}: {what}"));
        assert!(matches!(error, Error::Archive(..)), "seed {seed}: {what}: {error}");
    }
}

#[tokio::test]
async fn an_archive_whose_checksums_hold_is_refused_for_what_it_says() {
    let whole = archive().await;
    let mut entries = Vec::new();
    let mut reader = reform_archive::Reader::new(&*whole).unwrap();
    while let Some(entry) = reader.next_entry().unwrap() {
        entries.push((entry.key, entry.value));
    }
    let head = reader.whole().unwrap().head;
    let encoded = |head: &Head, entries: &[(Vec<u8>, Vec<u8>)]| {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(head, &mut out);
        entries.iter().for_each(|(key, value)| encoder.entry(key, value, &mut out));
        encoder.finish(0, &mut out);
        written(&out)
    };
    let (_folder, path) = encoded(&head, &entries);
    restore::verify(&path, &mut |_| {}).unwrap();

    let newer = Head { store_format: 99, ..head.clone() };
    let (_folder, path) = encoded(&newer, &entries);
    assert!(matches!(refused(&path, "newer"), Error::Newer { found: 99, .. }));

    let last = entries.len() - 1;
    let mut flipped = entries.clone();
    flipped[3].1[40] ^= 1;
    let mut alien = entries.clone();
    alien.push((b"x".to_vec(), b"y".to_vec()));
    let mut swapped = entries.clone();
    swapped.swap(2, 3);
    let ahead = Head { revision: head.revision + 1, ..head.clone() };
    for (what, (_folder, path)) in [
        ("a chunk is damaged", encoded(&head, &flipped)),
        ("something else is in it", encoded(&head, &alien)),
        ("chunks are in another order", encoded(&head, &swapped)),
        ("the last chunk is missing", encoded(&head, &entries[..last])),
        ("the first chunk is missing", encoded(&head, &entries[1..])),
        ("its log ends before its head", encoded(&ahead, &entries)),
    ] {
        assert!(matches!(refused(&path, what), Error::Content { .. }), "{what}");
    }
}
