//! One flipped bit, anywhere in the files of a store: what is read then is an error, or what was stored. Never fewer
//! rows, never other contents, no panic and no hang.
//!
//! `BIMIP_FLIPS=100000` flips so many bits of each store instead of some hundreds, `BIMIP_SEED=7` chooses others.
#![allow(clippy::unwrap_used, reason = "test code")]

#[path = "bit_flips/desk.rs"]
mod desk;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use bimip_server::storage::embedded::EmbeddedStorage;
use bimip_server::storage::{Storage, StorageError};
use desk::{Contents, Desk};
use tempfile::TempDir;

/// Bits flipped in each store, where nobody asks for more.
const FLIPS: usize = 600;
/// Files up to this size are flipped in every byte.
const SMALL_BYTES: u64 = 1_024;
/// At both ends of other files: headers, trailers, indexes.
const END_BYTES: u64 = 384;
/// Opening and reading a store of a few messages takes a moment; longer is a hang.
const HANGS: Duration = Duration::from_secs(60);

/// A file of the store, and the bit of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flip {
    file: PathBuf,
    byte: u64,
    bit: u8,
}

/// What came of a flip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    /// The store does not open.
    RefusedToOpen,
    /// Something cannot be read.
    RefusedToRead,
    /// A resend, or a new message, is refused.
    RefusedToWrite,
    /// Nothing depends on this bit.
    Harmless,
}

/// Where stores are made: in memory, where there is such a place, since thousands of them are opened.
fn place() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// A store that was closed three times: journals, tables of several ages, everything the engine keeps.
fn closed() -> (TempDir, Contents) {
    let directory = place();
    for life in 0..3 {
        let mut desk = Desk::open(directory.path()).unwrap();
        desk.live(life, 8);
        desk.close();
    }
    let contents = Desk::open(directory.path()).unwrap().read().unwrap();
    (directory, contents)
}

/// The files of a store whose process was killed: one life in tables, one in the journal.
fn killed() -> (TempDir, Contents) {
    let (living, left) = (place(), place());
    let mut desk = Desk::open(living.path()).unwrap();
    desk.live(0, 8);
    desk.close();
    let mut desk = Desk::open(living.path()).unwrap();
    desk.live(1, 8);
    let contents = desk.read().unwrap();
    // What a killed process leaves is what its files hold while it lives.
    copy(living.path(), left.path()).unwrap();
    (left, contents)
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![directory.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// SplitMix64.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Every byte of small files and both ends of others, and then anywhere until there are so many. Where that is too
/// many, some of them.
fn plan(directory: &Path, flips: usize, seed: u64) -> Vec<Flip> {
    let mut chance = Chance(seed);
    let sizes: Vec<(PathBuf, u64)> = files(directory)
        .into_iter()
        .map(|file| (file.strip_prefix(directory).unwrap().to_owned(), fs::metadata(&file).unwrap().len()))
        .filter(|(_, size)| *size > 0)
        .collect();
    let mut plan = Vec::new();
    for (file, size) in &sizes {
        let ends = if *size <= SMALL_BYTES { 0..*size } else { 0..END_BYTES };
        let tail = if *size <= SMALL_BYTES { *size..*size } else { *size - END_BYTES..*size };
        plan.extend(ends.chain(tail).map(|byte| (file.clone(), byte)));
    }
    let total: u64 = sizes.iter().map(|(_, size)| size).sum();
    while plan.len() < flips * 2 {
        let mut at = chance.below(total);
        let (file, _) =
            sizes.iter().find(|(_, size)| at.checked_sub(*size).map(|rest| at = rest).is_none()).unwrap();
        plan.push((file.clone(), at));
    }
    let mut flips: Vec<Flip> = (0..flips.min(plan.len()))
        .map(|_| {
            let one = usize::try_from(chance.below(plan.len() as u64)).unwrap();
            let (file, byte) = plan.swap_remove(one);
            Flip { file, byte, bit: u8::try_from(chance.below(8)).unwrap() }
        })
        .collect();
    flips.sort_by(|one, other| (&one.file, one.byte).cmp(&(&other.file, other.byte)));
    flips
}

/// Opens a copy of the store with one bit flipped, and needs everything in it.
fn suffer(store: &Path, flip: &Flip, expected: &Contents) -> Result<Outcome, String> {
    let copied = place();
    copy(store, copied.path()).unwrap();
    let file = copied.path().join(&flip.file);
    let mut bytes = fs::read(&file).unwrap();
    bytes[usize::try_from(flip.byte).unwrap()] ^= 1 << flip.bit;
    fs::write(&file, &bytes).unwrap();

    let mut desk = match Desk::open(copied.path()) {
        Ok(desk) => desk,
        Err(error) => return named(&error).map(|()| Outcome::RefusedToOpen),
    };
    match desk.read() {
        Ok(contents) if contents == *expected => {}
        Ok(contents) => return Err(format!("other contents: {}", contents.difference(expected))),
        Err(error) => return named(&error).map(|()| Outcome::RefusedToRead),
    }
    let written = desk.go_on(expected)?;
    match desk.read() {
        Ok(contents) if contents.begins_like(expected) => {}
        Ok(contents) => return Err(format!("other contents later: {}", contents.difference(expected))),
        Err(error) => return named(&error).map(|()| Outcome::RefusedToRead),
    }
    Ok(if written { Outcome::Harmless } else { Outcome::RefusedToWrite })
}

/// An error is for somebody who has to do something about it.
fn named(error: &StorageError) -> Result<(), String> {
    match error {
        StorageError::Damaged { place, what } if !place.is_empty() && !what.is_empty() => Ok(()),
        StorageError::Format { .. } => Ok(()),
        StorageError::Engine(what) if !what.is_empty() => Ok(()),
        StorageError::Io(error) if !error.to_string().is_empty() => Ok(()),
        other => Err(format!("an error that names nothing: {other:?}")),
    }
}

/// All flips of a store, on all cores; the first that is served as something else is a failure.
fn survey(store: &Path, expected: &Contents) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<usize>().ok());
    let seed = number("BIMIP_SEED").unwrap_or(1) as u64;
    let plan = plan(store, number("BIMIP_FLIPS").unwrap_or(FLIPS), seed);
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(BTreeMap::<_, usize>::new()));
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(flip) = plan.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match watched(store, flip, expected) {
                        Ok(outcome) => *outcomes.lock().unwrap().entry(outcome).or_default() += 1,
                        Err(what) => failures.lock().unwrap().push(format!("{flip:?}: {what}")),
                    }
                }
            });
        }
    });
    let (outcomes, failures) = (outcomes.into_inner().unwrap(), failures.into_inner().unwrap());
    eprintln!("{} flips: {outcomes:?}", plan.len());
    assert!(
        failures.is_empty(),
        "{} of {} flips, seed {seed}:\n{}",
        failures.len(),
        plan.len(),
        failures.join("\n")
    );
    let refused = plan.len() - outcomes.get(&Outcome::Harmless).copied().unwrap_or_default();
    assert!(refused * 2 > plan.len(), "most bits matter, or nothing was flipped: {outcomes:?}");
}

/// A panic is a failure, and so is a hang.
fn watched(store: &Path, flip: &Flip, expected: &Contents) -> Result<Outcome, String> {
    let (done, wait) = mpsc::channel();
    thread::scope(|scope| {
        scope.spawn(|| {
            let outcome = catch_unwind(AssertUnwindSafe(|| suffer(store, flip, expected)));
            let _ = done.send(outcome.unwrap_or_else(|_| Err("a panic".to_owned())));
        });
        match wait.recv_timeout(HANGS) {
            Ok(outcome) => outcome,
            // A thread cannot be ended from outside, but the process can.
            Err(_) => {
                eprintln!("{flip:?}: it hangs");
                std::process::abort();
            }
        }
    })
}

// MISSION L3
#[test]
fn a_closed_store() {
    let (directory, contents) = closed();
    survey(directory.path(), &contents);
}

// MISSION L3
#[test]
fn what_a_killed_process_leaves() {
    let (directory, contents) = killed();
    survey(directory.path(), &contents);
}

#[test]
fn the_survey_sees_other_contents() {
    let (directory, contents) = killed();
    let mut desk = Desk::open(directory.path()).unwrap();
    assert_eq!(desk.read().unwrap(), contents);
    desk.live(7, 1);
    let later = desk.read().unwrap();
    assert_ne!(later, contents);
    assert!(later.begins_like(&contents) && !contents.begins_like(&later));
    drop(desk);
    EmbeddedStorage::open(directory.path()).unwrap().close().unwrap();
}
