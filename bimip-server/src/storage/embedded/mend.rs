//! Opening again after the store failed.
//!
//! When a sync fails, the system forgets that the pages were never written: they stay in its memory, look like what
//! is on the disk, and are gone with the next power cut. An engine that reads its journal in the same boot would
//! take them for durable. So a store that fails leaves a note with the boot that it failed in; and when it is opened
//! in that boot again, its journals are first written anew, as other files, which are synced and then take the
//! place of the old ones. What is read from then on is on the disk, or the store does not open.
//!
//! * Only the journals are written anew: all other files of the engine are synced once, before anything refers to
//!   them, and never changed.
//! * The note is no promise, and need not be durable: with its boot ended, the pages are gone too. Where it cannot
//!   be written at all, files take no writes, and the store will not open either.
//! * It goes last, when the engine has opened the store. Whatever ends before that is done again: the new files are
//!   copies of the old ones, so it does not matter which of them are in place already.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::directory::engine;
use super::journal;
use crate::durable::sync_directory;
use crate::storage::StorageError;

/// Where Linux says which boot this is. Elsewhere every note counts as one of this boot: writing the journals anew
/// does no harm.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

fn note_path(store: &Path) -> PathBuf {
    store.join("failed")
}

/// Leaves a note that the store failed after this batch.
pub(super) fn note(store: &Path, batch: u64) -> io::Result<()> {
    let mut file = File::create(note_path(store))?;
    write!(file, "boot {}\nlast proven batch {batch}\n", boot().unwrap_or_default())?;
    // For a system that keeps nothing else; when it fails, nothing is worse than before.
    let _ = file.sync_all();
    Ok(())
}

/// Whether the store failed in this boot. `None` when it did not fail since it was opened last.
fn failed_here(store: &Path) -> io::Result<Option<bool>> {
    let note = match fs::read(note_path(store)) {
        Ok(note) => String::from_utf8_lossy(&note).into_owned(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let noted = note.lines().find_map(|line| line.strip_prefix("boot ")).filter(|boot| !boot.is_empty());
    // A note that was not written to its end is one too.
    Ok(Some(boot().zip(noted).is_none_or(|(now, noted)| now == noted)))
}

fn boot() -> Option<String> {
    let boot = fs::read_to_string(BOOT).ok()?;
    Some(boot.trim().to_owned()).filter(|boot| !boot.is_empty())
}

/// Before the engine opens its files: makes sure that what it will read is on the disk. Returns whether the store
/// had failed, for [`mended`].
pub(super) fn mend(store: &Path) -> Result<bool, StorageError> {
    match failed_here(store)? {
        None => return Ok(false),
        Some(false) => {}
        Some(true) => write_anew(store).map_err(StorageError::Unmended)?,
    }
    Ok(true)
}

/// The engine has opened the store: the note has done its work.
pub(super) fn mended(store: &Path) -> io::Result<()> {
    fs::remove_file(note_path(store))?;
    sync_directory(store)
}

fn write_anew(store: &Path) -> io::Result<()> {
    let (engine, drafts) = (engine(store), store.join("mend"));
    match fs::remove_dir_all(&drafts) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir(&drafts)?,
    }
    let mut ready = Vec::new();
    for (number, file) in journal::files(&engine)?.into_iter().enumerate() {
        let draft = drafts.join(number.to_string());
        copy(&file, &draft)?;
        ready.push((draft, file));
    }
    // Each is whole on the disk before the first takes a place.
    for (draft, file) in &ready {
        fs::rename(draft, file)?;
    }
    sync_directory(&engine)?;
    fs::remove_dir(&drafts)?;
    tracing::warn!(
        journals = ready.len(),
        "the store failed in this boot; its journals were written anew before they are read"
    );
    Ok(())
}

/// Through memory, byte by byte: the system's own ways to copy may share the blocks on the disk instead, and what
/// is on the disk is what cannot be trusted.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let bytes = fs::read(from)?;
    let written = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let mut file = File::create_new(to)?;
    file.write_all(&bytes[..written])?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(journals: &[(&str, &[u8])]) -> tempfile::TempDir {
        let store = tempfile::tempdir().unwrap();
        fs::create_dir(engine(store.path())).unwrap();
        for (name, bytes) in journals {
            fs::write(engine(store.path()).join(name), bytes).unwrap();
        }
        store
    }

    /// What tells one file from another under the same name.
    #[cfg(unix)]
    fn inodes(store: &Path) -> Vec<u64> {
        use std::os::unix::fs::MetadataExt;
        let files = journal::files(&engine(store)).unwrap();
        files.iter().map(|file| fs::metadata(file).unwrap().ino()).collect()
    }

    #[cfg(unix)]
    #[test]
    fn journals_are_other_files_with_the_same_bytes() {
        let contents: [&[u8]; 2] = [&[1, 0, 2, 0, 0, 0], &[0; 90_000]];
        let store = store(&[("0.jnl", contents[0]), ("1.jnl", contents[1]), ("version", b"v")]);
        assert!(!mend(store.path()).unwrap(), "without a note nothing is done");
        note(store.path(), 7).unwrap();
        for _ in 0..2 {
            // Open, so that their numbers are not given away.
            let files = journal::files(&engine(store.path())).unwrap();
            let _held: Vec<File> = files.iter().map(|file| File::open(file).unwrap()).collect();
            let before = inodes(store.path());
            assert!(mend(store.path()).unwrap(), "and again, until it is told that the store is open");
            let files = journal::files(&engine(store.path())).unwrap();
            assert!(files.iter().map(|file| fs::read(file).unwrap()).eq(contents));
            assert!(inodes(store.path()).iter().all(|inode| !before.contains(inode)));
        }
        mended(store.path()).unwrap();
        assert!(!mend(store.path()).unwrap());
        assert_eq!(fs::read_dir(store.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_ended_in_between_does_no_harm() {
        let store = store(&[("0.jnl", b"one"), ("1.jnl", b"two")]);
        note(store.path(), 7).unwrap();
        // One journal is in place already, the draft of the other is half written.
        fs::create_dir(store.path().join("mend")).unwrap();
        fs::write(store.path().join("mend/1"), b"tw").unwrap();
        assert!(mend(store.path()).unwrap());
        let files = journal::files(&engine(store.path())).unwrap();
        assert!(files.iter().map(|file| fs::read(file).unwrap()).eq([b"one", b"two"]));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_failed_in_another_boot_is_only_forgotten() {
        let store = store(&[("0.jnl", b"one")]);
        let before = inodes(store.path());
        fs::write(note_path(store.path()), "boot 00000000-0000-0000-0000-000000000000\n").unwrap();
        assert!(mend(store.path()).unwrap());
        assert_eq!(inodes(store.path()), before);
        fs::write(note_path(store.path()), "bo").unwrap();
        let _held = File::open(engine(store.path()).join("0.jnl")).unwrap();
        assert!(mend(store.path()).unwrap());
        assert_ne!(inodes(store.path()), before, "half a note may be of this boot");
    }

    #[test]
    fn a_disk_that_still_fails_keeps_the_store_closed() {
        let store = store(&[("0.jnl", b"one")]);
        note(store.path(), 7).unwrap();
        // A file where a directory has to be: no journal can be written.
        fs::write(store.path().join("mend"), b"").unwrap();
        let error = mend(store.path()).unwrap_err();
        assert!(matches!(error, StorageError::Unmended(_)), "{error}");
        assert!(note_path(store.path()).exists());
        assert_eq!(fs::read(engine(store.path()).join("0.jnl")).unwrap(), b"one");
    }
}
