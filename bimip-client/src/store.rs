//! Where a device keeps what must outlive it: the trait, its contract, and what can go wrong.

pub mod conformance;
#[cfg(feature = "disk")]
mod disk;
mod memory;

use std::error::Error;
use std::path::PathBuf;

use bimip_proto::Device;
use thiserror::Error;

#[cfg(feature = "disk")]
pub use self::disk::DiskStore;
pub use self::memory::MemoryStore;

/// The longest key that a store is given: two ids of 256 bytes, each byte of them three characters, and a place.
pub const KEY_BYTES: usize = 2 * 1024;

/// The longest value that a store is given: the largest body and all that is known about it.
pub const VALUE_BYTES: usize = 1024 * 1024;

/// The most changes in one commit: what one read of a socket brings, and what follows from it.
pub const COMMIT_CHANGES: usize = 16 * 1024;

/// An ordered map from bytes to bytes, with durable commits of several changes at once.
///
/// What the bytes mean is decided by this crate, once for every store: drafts, marks, places, histories, and their
/// formats. So a store is about forty lines over whatever an application has already: a table with a key and a
/// value will do. [`conformance`] checks one.
///
/// # The contract
///
/// 1. **Durable, then returned.** When [`commit`](Self::commit) returns, the changes are as durable as the store
///    makes anything.
/// 2. **All or nothing.** A crash leaves every change of a commit or none of it. The same holds for a reader that
///    looks while a commit is under way.
/// 3. **In order.** Of several changes of one key in a commit the last one counts; commits count in the order in
///    which they were made.
/// 4. **Read what is written.** [`get`](Self::get) and [`scan`](Self::scan) give what the last commit that returned
///    has left, to the byte: values of 0 to [`VALUE_BYTES`], keys of 1 to [`KEY_BYTES`].
/// 5. **Sorted.** Keys compare as bytes, without a sign, a shorter one before a longer one that begins with it.
/// 6. **Bounded and whole.** A scan gives [`limit`](Scan::limit) entries, and fewer only where there are no more.
/// 7. **Idempotent.** A key that is put again is replaced; deleting what is not there is no error.
/// 8. **Fail-stop.** After a commit that failed nothing more is asked, and the store may refuse everything until it is
///    opened again. What that commit was given is then there as a whole, or not at all.
/// 9. **Nothing is thrown away.** A store that cannot be read is an error, never an empty one.
/// 10. **One owner.** Two processes cannot write one store.
///
/// # Threads
///
/// Calls block: the driver makes them on tokio's threads for blocking work. Commits come one at a time; reads come from
/// anywhere, also while a commit is under way. A store over an asynchronous database waits for it here, for example
/// by tokio's `Handle::block_on`.
pub trait Store: Send + Sync + 'static {
    /// Makes these changes, durably and all together.
    ///
    /// # Errors
    /// [`StoreError`]: the client ends.
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError>;

    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`].
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// The entries of a range, in the order that the scan says.
    ///
    /// # Errors
    /// [`StoreError`].
    fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, StoreError>;
}

/// A key and its value.
pub type Entry = (Vec<u8>, Vec<u8>);

/// What becomes of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a key and what it is to hold")]
pub struct Change {
    /// Which key.
    pub key: Vec<u8>,
    /// Its value from now on; `None` deletes it.
    pub value: Option<Vec<u8>>,
}

/// A range of keys, and how it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores read it")]
pub struct Scan {
    /// The first key of the range, if it is there.
    pub from: Vec<u8>,
    /// The range ends before this key.
    pub until: Vec<u8>,
    /// From the last to the first.
    pub backwards: bool,
    /// The most entries to give.
    pub limit: usize,
}

/// The store cannot keep or give what it is asked to.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has it.
    #[error("the store in {} is used by another process; end that one first, or give each device a folder", path.display())]
    InUse {
        /// Where it is.
        path: PathBuf,
    },
    /// It was written by a version that this one does not know.
    #[error(
        "the store has format {found}, and this version reads format {known}; it was left as it is: open it with the \
         version that wrote it, or start in another folder"
    )]
    Format {
        /// The number in the store.
        found: u32,
        /// The number that this version writes.
        known: u32,
    },
    /// It belongs to another device.
    #[error("the store belongs to {found}, and this is {device}; give each device a store of its own")]
    OtherDevice {
        /// Whose it is.
        found: String,
        /// Who asked.
        device: Box<Device>,
    },
    /// It holds what is no store, or not what was written.
    #[error("the store holds what cannot be read ({what}); nothing was changed in it")]
    Unreadable {
        /// Which part.
        what: String,
    },
    /// The store failed.
    #[error("the store failed: {0}")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

impl StoreError {
    /// For whatever a database says.
    pub fn failed(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Failed(error.into())
    }

    pub(crate) fn unreadable(what: impl Into<String>) -> Self {
        Self::Unreadable { what: what.into() }
    }
}
