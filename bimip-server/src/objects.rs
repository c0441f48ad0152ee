//! Object storage: what is too large or too seldom asked for to be kept in mailboxes. Today that is the sound of talks.
//!
//! A message names its object, so an object is durable before the message is committed. What a crash leaves between
//! the two is an object that nobody names: it harms nobody. Texts are not kept here a second time: the mailbox store
//! is where they are, and `/files/text` reads them from there.
//!
//! The interface is what folders and S3-compatible stores have in common: whole objects under names with slashes,
//! written once, read in parts. It is our own and small: the crate `object_store` in its smallest form would bring
//! three dozen others, a calendar and the tables of Unicode among them, to write a file, sync it and rename it.

mod folder;
mod memory;

use std::io;

use bytes::Bytes;

pub use self::folder::FolderObjects;
pub use self::memory::MemoryObjects;

/// A place for objects. Called from threads that may block.
///
/// Names are parts of letters, digits, `.` and `-`, with slashes between them; no part begins with a dot.
pub trait Objects: Send + Sync + 'static {
    /// Makes an object durable under a name that was not used before.
    ///
    /// # Errors
    /// When it is not durable, for whatever reason; then nothing may refer to it.
    fn put(&self, name: &str, object: &[u8]) -> io::Result<()>;

    /// How long an object is, in bytes; `None` when there is none of that name.
    ///
    /// # Errors
    /// When the store cannot be asked.
    fn len(&self, name: &str) -> io::Result<Option<u64>>;

    /// A part of an object: `most` bytes after the first `from`, fewer only at its end.
    ///
    /// # Errors
    /// [`NotFound`](io::ErrorKind::NotFound) when there is none of that name; else when it cannot be read.
    fn read(&self, name: &str, from: u64, most: usize) -> io::Result<Bytes>;
}

/// Refuses a name that could lead anywhere else.
fn checked(name: &str) -> io::Result<&str> {
    let plain = |part: &str| {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
        !part.is_empty() && !part.starts_with('.') && part.bytes().all(known)
    };
    if name.split('/').all(plain) { Ok(name) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps(objects: &dyn Objects) {
        assert_eq!(objects.len("a/b.opus").unwrap(), None);
        assert_eq!(objects.read("a/b.opus", 0, 9).unwrap_err().kind(), io::ErrorKind::NotFound);
        objects.put("a/b.opus", b"0123456789").unwrap();
        objects.put("a/empty", b"").unwrap();
        assert_eq!(objects.len("a/b.opus").unwrap(), Some(10));
        for (from, most, part) in
            [(0, 10, "0123456789"), (2, 3, "234"), (8, 99, "89"), (10, 1, ""), (99, 1, "")]
        {
            assert_eq!(objects.read("a/b.opus", from, most).unwrap(), part.as_bytes(), "{from} {most}");
        }
        assert_eq!(
            (objects.len("a/empty").unwrap(), objects.read("a/empty", 0, 1).unwrap().len()),
            (Some(0), 0)
        );
        for name in ["", "/", "../a", "a/../b", "a//b", ".hidden", "a/.b", "a\\b", "a b", "/a"] {
            assert!(objects.put(name, b"x").is_err(), "{name}");
            assert!(objects.read(name, 0, 1).is_err(), "{name}");
            assert!(objects.len(name).is_err(), "{name}");
        }
    }

    #[test]
    fn in_memory() {
        keeps(&MemoryObjects::new());
        let objects = MemoryObjects::with_room(4);
        objects.put("a", b"123").unwrap();
        assert_eq!(objects.put("b", b"12").unwrap_err().kind(), io::ErrorKind::StorageFull);
        objects.put("c", b"1").unwrap();
    }

    #[test]
    fn in_a_folder_that_is_opened_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/objects");
        keeps(&FolderObjects::open(&path, 0).unwrap());
        // What was not finished when the process ended is gone, everything else is there.
        std::fs::write(path.join("unfinished/7"), b"half").unwrap();
        let again = FolderObjects::open(&path, 0).unwrap();
        assert_eq!(again.read("a/b.opus", 0, 2).unwrap(), "01");
        assert!(std::fs::read_dir(path.join("unfinished")).unwrap().next().is_none());
        let full = FolderObjects::open(&path, u64::MAX - 1).unwrap();
        assert_eq!(full.put("a/c", b"x").unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
}
