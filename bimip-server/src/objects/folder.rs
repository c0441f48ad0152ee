//! Objects as files of a folder.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;

use super::{Objects, checked};
use crate::durable::{create_durably, free_bytes, sync_directory};

/// Where files are written before they get their names. None of them was ever promised to anybody.
const UNFINISHED: &str = "unfinished";

/// A folder of the local file system; a name is a path in it.
///
/// A file is written under another name, synced and renamed, and the folder is synced after it: under its own name
/// it is whole, or not there.
#[derive(Debug)]
pub struct FolderObjects {
    path: PathBuf,
    min_free_bytes: u64,
    next: AtomicU64,
}

impl FolderObjects {
    /// Opens a folder, and makes it where it is missing. While less than `min_free_bytes` are free on its disk, nothing
    /// is put into it; 0 lets it fill up. It is for one process: what another has not finished would be removed.
    ///
    /// # Errors
    /// When it cannot be made, or what was left unfinished in it cannot be removed.
    pub fn open(path: impl Into<PathBuf>, min_free_bytes: u64) -> io::Result<Self> {
        let path = path.into();
        let unfinished = path.join(UNFINISHED);
        create_durably(&unfinished)?;
        for left in fs::read_dir(&unfinished)? {
            fs::remove_file(left?.path())?;
        }
        Ok(Self { path, min_free_bytes, next: AtomicU64::new(1) })
    }

    fn place(&self, name: &str) -> io::Result<PathBuf> {
        Ok(self.path.join(checked(name)?))
    }
}

impl Objects for FolderObjects {
    fn put(&self, name: &str, object: &[u8]) -> io::Result<()> {
        let place = self.place(name)?;
        // Where the system cannot be asked, nothing is refused.
        let free_bytes = free_bytes(&self.path).unwrap_or(u64::MAX);
        if free_bytes < self.min_free_bytes {
            return Err(ErrorKind::StorageFull.into());
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let draft = self.path.join(UNFINISHED).join(number.to_string());
        let written = write(&draft, object).and_then(|()| publish(&draft, &place));
        if written.is_err() {
            // If this fails too, it is removed when the folder is opened again.
            let _ = fs::remove_file(&draft);
        }
        written
    }

    fn len(&self, name: &str) -> io::Result<Option<u64>> {
        match fs::metadata(self.place(name)?) {
            Ok(file) => Ok(Some(file.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn read(&self, name: &str, from: u64, most: usize) -> io::Result<Bytes> {
        let mut file = File::open(self.place(name)?)?;
        file.seek(SeekFrom::Start(from))?;
        let mut part = Vec::new();
        file.take(most as u64).read_to_end(&mut part)?;
        Ok(part.into())
    }
}

fn write(draft: &Path, object: &[u8]) -> io::Result<()> {
    let mut file = File::create_new(draft)?;
    file.write_all(object)?;
    file.sync_all()
}

fn publish(draft: &Path, place: &Path) -> io::Result<()> {
    let Some(folder) = place.parent() else { return Err(ErrorKind::InvalidInput.into()) };
    if !folder.exists() {
        create_durably(folder)?;
    }
    // Another thread, or a process that was killed, may have made the folder and not come to this yet.
    if let Some(parent) = folder.parent() {
        sync_directory(parent)?;
    }
    fs::rename(draft, place)?;
    sync_directory(folder)
}
