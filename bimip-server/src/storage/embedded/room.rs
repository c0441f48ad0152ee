//! Whether there is room on the disk for what is to be stored.
//!
//! A write that fails for want of room ends all writing until the store is opened again, and tables in the making
//! need room too. So before that happens messages are refused, while cursors and receipts, which are small, still
//! go in; and when somebody has made room, messages are taken again. Asking costs a microsecond, next to a sync.

use std::io;
use std::path::PathBuf;

use crate::durable::free_bytes;

/// Cursors and receipts are refused too when less than this part of what has to be free is left.
const CONTROL_PART: u64 = 8;
/// Messages are taken again when this part more is free than has to be, so that it does not go to and fro.
const AGAIN_PART: u64 = 4;

/// What may be stored now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    /// Everything.
    All,
    /// No messages.
    Control,
    /// Nothing.
    Nothing,
}

/// Asks how many bytes are free.
type Ask = Box<dyn FnMut() -> io::Result<u64> + Send>;

/// Looks after the room on a disk.
pub(super) struct Disk {
    ask: Ask,
    min_free_bytes: u64,
    room: Room,
}

impl Disk {
    /// The disk of a directory. Nothing is refused where its system cannot be asked, or `min_free_bytes` is 0.
    pub(super) fn of(directory: PathBuf, min_free_bytes: u64) -> Self {
        Self::asking(Box::new(move || free_bytes(&directory)), min_free_bytes)
    }

    pub(super) const fn asking(ask: Ask, min_free_bytes: u64) -> Self {
        Self { ask, min_free_bytes, room: Room::All }
    }

    /// What there is room for.
    pub(super) fn room(&mut self) -> Room {
        if self.min_free_bytes == 0 {
            return Room::All;
        }
        let Ok(free_bytes) = (self.ask)() else { return Room::All };
        let min_free_bytes = match self.room {
            Room::All => self.min_free_bytes,
            _ => self.min_free_bytes.saturating_add(self.min_free_bytes / AGAIN_PART),
        };
        let room = if free_bytes >= min_free_bytes {
            Room::All
        } else if free_bytes >= self.min_free_bytes / CONTROL_PART {
            Room::Control
        } else {
            Room::Nothing
        };
        if room != self.room {
            self.room = room;
            match room {
                Room::All => {
                    tracing::info!(free_bytes, "there is room on the disk again; messages are taken");
                }
                Room::Control => tracing::error!(
                    free_bytes,
                    min_free_bytes,
                    "the disk is nearly full: messages are refused until there is room again"
                ),
                Room::Nothing => {
                    tracing::error!(
                        free_bytes,
                        "the disk is full: everything is refused until there is room again"
                    );
                }
            }
        }
        room
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commit::tests::{cursor, message, tickets};
    use crate::storage::embedded::EmbeddedStorage;
    use crate::storage::{Reader, Storage};
    use bimip_proto::{Offset, UserId};
    use bimip_session::ledger::{Failed, Failure};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn messages_go_first_and_come_back_last() {
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let asked = Arc::clone(&free);
        let mut disk = Disk::asking(Box::new(move || Ok(asked.load(Ordering::Relaxed))), 800);
        let story = [
            (800, Room::All),
            (799, Room::Control),
            (900, Room::Control),
            (100, Room::Control),
            (99, Room::Nothing),
            (0, Room::Nothing),
            (999, Room::Control),
            (1_000, Room::All),
            (800, Room::All),
        ];
        for (bytes, room) in story {
            free.store(bytes, Ordering::Relaxed);
            assert_eq!(disk.room(), room, "{bytes} bytes free");
        }
    }

    // MISSION L3
    #[test]
    fn a_full_disk_refuses_messages_and_takes_them_again() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
        let free = Arc::new(AtomicU64::new(u64::MAX));
        let asked = Arc::clone(&free);
        storage.disk = Disk::asking(Box::new(move || Ok(asked.load(Ordering::Relaxed))), 800);
        let full = Some(Failure::Full);
        for (bytes, expected) in [
            (800, [None; 4]),
            (500, [full, None, full, None]),
            (50, [full; 4]),
            (800, [full, None, full, None]),
            (1_000, [None; 4]),
        ] {
            free.store(bytes, Ordering::Relaxed);
            let batch = tickets(vec![message(1), cursor(), message(1), cursor()]);
            let answers = storage.commit(batch);
            let answers: Vec<_> = answers.iter().map(|it| it.as_ref().err().map(Failed::failure)).collect();
            assert_eq!(answers, expected, "{bytes} bytes free");
            assert!(!storage.is_failed());
        }
        let rows = storage.reader().rows(&UserId::new("bob").unwrap(), Offset::ZERO, 99, u64::MAX).unwrap();
        assert_eq!(rows.len(), 4);
        storage.close().unwrap();
    }

    #[test]
    fn a_disk_that_cannot_say_refuses_nothing() {
        let unknown = || Err(io::ErrorKind::Unsupported.into());
        assert_eq!(Disk::asking(Box::new(unknown), u64::MAX).room(), Room::All);
        assert_eq!(Disk::asking(Box::new(|| Ok(0)), 0).room(), Room::All);
    }

    #[cfg(unix)]
    #[test]
    fn this_disk_can_say() {
        let directory = tempfile::tempdir().unwrap();
        assert!(free_bytes(directory.path()).unwrap() > 0);
        assert_eq!(Disk::of(directory.path().to_owned(), 1).room(), Room::All);
        // No disk has an eighth of these.
        assert_eq!(Disk::of(directory.path().to_owned(), u64::MAX).room(), Room::Nothing);
    }
}
