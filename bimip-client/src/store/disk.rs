//! The embedded store: one file, by redb.
//!
//! Chosen for a device rather than for a server. redb is pure Rust without dependencies, has no threads of its own, keeps
//! everything in one file that a phone can back up, is done with a commit when `fsync` is, and reads while it writes. What
//! speaks against it on a server, that a commit writes whole pages, is nothing at the rate at which a person writes and
//! reads. fjall, which our server uses, runs threads and keeps a folder of journals and tables.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use redb::{Database, Durability, ReadableDatabase, TableDefinition};

use super::{Change, Entry, Scan, Store, StoreError};

const TABLE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("bimip");
const FILE: &str = "device.redb";
/// Where a new store is made, before it gets its name.
const NEW: &str = "device.redb.new";
const LOCK: &str = "lock";
/// Pages kept in memory. A device reads the end of a few conversations.
const CACHE_BYTES: usize = 4 * 1024 * 1024;

/// Keeps everything in a folder of its own, readable by its owner only. Nothing in it is encrypted, a refreshed token
/// included: on a disk that others may read, encrypt the folder.
///
/// Every commit is made durable before it returns: twice 5 ms where the disk takes 5 ms for an `fsync`. A crash in a commit is mended when the folder is opened, at once, however large it is. What
/// cannot be read is never written to: [`open`](Self::open) says what is wrong.
#[derive(Debug)]
pub struct DiskStore {
    database: Database,
    path: PathBuf,
    /// Held for as long as the store is open.
    _lock: File,
}

impl DiskStore {
    /// Opens the store in this folder, or makes both.
    ///
    /// # Errors
    /// [`StoreError::InUse`] where another process has it, [`StoreError::Unreadable`] where its file is damaged or none of
    /// ours, [`StoreError::Failed`] for what the file system says.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, StoreError> {
        let folder = folder.as_ref();
        make_private(folder).map_err(|error| at(folder, error))?;
        let path = folder.join(LOCK);
        let lock = File::create(&path).map_err(|error| at(&path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StoreError::InUse { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(at(&path, error)),
        }
        let path = folder.join(FILE);
        if !path.try_exists().map_err(|error| at(&path, error))? {
            make(folder, &path)?;
        }
        let database = redb::Builder::new().set_cache_size(CACHE_BYTES).open(&path);
        let database =
            database.map_err(|error| StoreError::unreadable(format!("{}: {error}", path.display())))?;
        Ok(Self { database, path, _lock: lock })
    }

    /// The file that holds everything.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes an empty store under another name and then gives it its own, so that a crash on the way leaves no half of one. What
/// is left of such a crash was never anybody's store.
fn make(folder: &Path, path: &Path) -> Result<(), StoreError> {
    let new = folder.join(NEW);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at(&new, error)),
        _ => {}
    }
    let database = Database::create(&new).map_err(StoreError::failed)?;
    let transaction = database.begin_write().map_err(StoreError::failed)?;
    drop(transaction.open_table(TABLE).map_err(StoreError::failed)?);
    transaction.commit().map_err(StoreError::failed)?;
    drop(database);
    // Also in a folder that others may look into.
    #[cfg(unix)]
    fs::set_permissions(&new, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(|error| at(&new, error))?;
    fs::rename(&new, path).map_err(|error| at(path, error))?;
    // The name is durable when the folder is.
    #[cfg(unix)]
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| at(folder, error))?;
    Ok(())
}

fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

fn at(path: &Path, error: io::Error) -> StoreError {
    StoreError::failed(format!("{}: {error}", path.display()))
}

impl Store for DiskStore {
    fn commit(&self, changes: &[Change]) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(StoreError::failed)?;
        transaction.set_durability(Durability::Immediate).map_err(StoreError::failed)?;
        // Opening after a crash then reads what is there instead of walking through all of it.
        transaction.set_quick_repair(true);
        {
            let mut table = transaction.open_table(TABLE).map_err(StoreError::failed)?;
            for Change { key, value } in changes {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice()),
                    None => table.remove(key.as_slice()),
                }
                .map_err(StoreError::failed)?;
            }
        }
        transaction.commit().map_err(StoreError::failed)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.database.begin_read().map_err(StoreError::failed)?;
        let table = transaction.open_table(TABLE).map_err(StoreError::failed)?;
        Ok(table.get(key).map_err(StoreError::failed)?.map(|value| value.value().to_vec()))
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Entry>, StoreError> {
        if scan.from >= scan.until {
            return Ok(Vec::new());
        }
        let transaction = self.database.begin_read().map_err(StoreError::failed)?;
        let table = transaction.open_table(TABLE).map_err(StoreError::failed)?;
        let mut range =
            table.range(scan.from.as_slice()..scan.until.as_slice()).map_err(StoreError::failed)?;
        let mut found = Vec::new();
        while found.len() < scan.limit {
            let next = if scan.backwards { range.next_back() } else { range.next() };
            let Some(entry) = next else { break };
            let (key, value) = entry.map_err(StoreError::failed)?;
            found.push((key.value().to_vec(), value.value().to_vec()));
        }
        Ok(found)
    }
}
