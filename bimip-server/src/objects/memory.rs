//! Objects in memory, for tests, demonstrations and examples.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{Objects, checked};

/// What a store in memory keeps at most when nothing else is said: a few hundred talks.
const ROOM_BYTES: usize = 64 * 1024 * 1024;

/// A map behind a lock. It is gone with the process, and takes no more when it is full.
#[derive(Debug)]
pub struct MemoryObjects {
    room_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    objects: HashMap<String, Bytes>,
    bytes: usize,
}

impl MemoryObjects {
    /// An empty one, for 64 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::with_room(ROOM_BYTES)
    }

    /// An empty one, for so many bytes.
    #[must_use]
    pub fn with_room(room_bytes: usize) -> Self {
        Self { room_bytes, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing that runs under the lock leaves it half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryObjects {
    fn default() -> Self {
        Self::new()
    }
}

impl Objects for MemoryObjects {
    fn put(&self, name: &str, object: &[u8]) -> io::Result<()> {
        let (name, mut kept) = (checked(name)?, self.kept());
        if kept.bytes + object.len() > self.room_bytes {
            return Err(ErrorKind::StorageFull.into());
        }
        kept.bytes += object.len();
        kept.objects.insert(name.to_owned(), Bytes::copy_from_slice(object));
        Ok(())
    }

    fn len(&self, name: &str) -> io::Result<Option<u64>> {
        Ok(self.kept().objects.get(checked(name)?).map(|object| object.len() as u64))
    }

    fn read(&self, name: &str, from: u64, most: usize) -> io::Result<Bytes> {
        let object = self.kept().objects.get(checked(name)?).cloned().ok_or(ErrorKind::NotFound)?;
        let from = usize::try_from(from).unwrap_or(usize::MAX).min(object.len());
        Ok(object.slice(from..from.saturating_add(most).min(object.len())))
    }
}
