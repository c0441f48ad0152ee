//! Opening a store, and making one.

use std::path::{Path, PathBuf};

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::Options;
use super::background::behind;
use super::directory::{self, Directory, FORMAT};
use super::engine::{Engine, damaged};
use super::keys;
use super::migrate::migrate;
use super::proven::Proven;
use super::rows::Rows;
use super::writer::{Tally, durable_batch, insert_sealed};
use super::{journal, manifest, mend};
use crate::storage::StorageError;

/// The least that the engine allows: it bounds what a start after a crash has to read.
const JOURNAL_BYTES: u64 = 64 * 1024 * 1024;
/// Rows in memory until they become a table, for each keyspace; up to five times as much while the background
/// is behind. Written into the store when it is made.
const MEMTABLE_BYTES: u64 = 16 * 1024 * 1024;
const LOG: &str = "log";
const SMALL: &str = "small";

/// An open store.
pub(super) struct Opened {
    pub(super) engine: Engine,
    pub(super) tally: Tally,
    pub(super) proven: Proven,
    /// Where it is.
    pub(super) store: PathBuf,
}

/// What a store says of itself.
pub(super) struct Look {
    pub(super) format: u32,
    pub(super) epoch: u32,
    pub(super) tally: Tally,
}

/// Opens the store in a directory, or makes one where there is none.
pub(super) fn open(path: &Path, options: &Options) -> Result<Opened, StorageError> {
    let directory = Directory::lock(path)?;
    if !directory.has_store()? {
        create(&directory, options)?;
    }
    let store = directory.store();
    let mended = mend::mend(&store)?;
    complete(&directory::engine(&store))?;
    let (proven, noted) = Proven::open(&directory::proven(&store))?;
    journal::check(&directory::engine(&store), noted)?;
    let (db, [log, small]) = start(&directory::engine(&store), options)?;
    let mut engine = Engine::new(db, log, small, directory.into_lock(), 0);
    let Look { format, epoch, mut tally } = look(&Rows::now(&engine))?;
    directory::readable(&store, format)?;
    if noted.is_some_and(|noted| noted > tally.batch) {
        return Err(damaged("the engine's journal", "batches at its end that were proven are missing"));
    }
    if format != FORMAT || !directory::is_noted(&store)? {
        tally = migrate(&engine, &store, format, epoch, tally)?;
    }
    // What the engine found it has made durable before it said so.
    proven.note(tally.batch)?;
    if mended {
        mend::mended(&store)?;
    }
    engine.epoch = epoch;
    engine.prove(tally.sequence);
    Ok(Opened { engine, tally, proven, store })
}

/// Makes an empty store. Its epoch is durable before the store has its name.
fn create(directory: &Directory, options: &Options) -> Result<(), StorageError> {
    let draft = directory.draft()?;
    let epoch = draw_epoch()?;
    let (db, [log, small]) = start(&directory::engine(&draft), options)?;
    introduce(&db, &small, epoch, Tally::default())?;
    db.persist(PersistMode::SyncAll)?;
    drop((small, log, db));
    let (proven, _) = Proven::open(&directory::proven(&draft))?;
    proven.note(0)?;
    proven.sync()?;
    directory.publish(&draft)
}

/// Writes what a store of this format says of itself, in one durable batch.
pub(super) fn introduce(
    db: &Database,
    small: &Keyspace,
    epoch: u32,
    tally: Tally,
) -> Result<(), StorageError> {
    let mut batch = durable_batch(db, 2);
    let identity = [u64::from(FORMAT), u64::from(epoch)].map(u64::to_be_bytes).concat();
    insert_sealed(&mut batch, small, &keys::IDENTITY, identity);
    insert_sealed(&mut batch, small, &keys::TALLY, tally.to_bytes());
    Ok(batch.commit()?)
}

/// A random number that is not 0.
fn draw_epoch() -> Result<u32, StorageError> {
    loop {
        let epoch = getrandom::u32().map_err(|error| std::io::Error::other(error.to_string()))?;
        if epoch != 0 {
            return Ok(epoch);
        }
    }
}

pub(super) fn start(path: &Path, options: &Options) -> Result<(Database, [Keyspace; 2]), StorageError> {
    let db = behind(|| open_engine(path, options))??;
    let keyspace = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
    let keyspaces = [db.keyspace(LOG, keyspace)?, db.keyspace(SMALL, keyspace)?];
    Ok((db, keyspaces))
}

/// Starts the engine's threads too.
fn open_engine(path: &Path, options: &Options) -> fjall::Result<Database> {
    Database::builder(path)
        .cache_size(options.cache_bytes)
        .worker_threads(options.worker_threads.max(1))
        .max_journaling_size(JOURNAL_BYTES)
        // Bodies are small and often encrypted; and what is not compressed can be checked without the engine.
        .journal_compression(CompressionType::None)
        .open()
}

/// The engine starts afresh where files that it looks for first are gone, and removes what is left of the rest.
/// Since a store is made in one piece, a file that is gone now was lost.
pub(super) fn complete(engine: &Path) -> Result<(), StorageError> {
    const GONE: &str = "it is not there";
    let keyspaces = engine.join("keyspaces");
    let mut files = vec![engine.join("version")];
    for number in ["0", "1", "2"] {
        files.push(keyspaces.join(number).join("current"));
    }
    for file in files {
        if !file.try_exists()? {
            return Err(damaged(format!("the engine's file {}", file.display()), GONE));
        }
    }
    if journal::files(engine)?.is_empty() {
        return Err(damaged("the engine's journal", GONE));
    }
    ["0", "1", "2"].iter().try_for_each(|number| manifest::check(&keyspaces.join(number)))
}

/// What the store says of itself, compared with what it has.
fn look(rows: &Rows<'_>) -> Result<Look, StorageError> {
    const MISSING: &str = "it is not there";
    let identity = rows.numbers(&keys::IDENTITY, || "the store's identity".to_owned())?;
    let [format, epoch] = identity.ok_or_else(|| damaged("the store's identity", MISSING))?;
    let format = u32::try_from(format).unwrap_or(u32::MAX);
    let epoch = u32::try_from(epoch).ok().filter(|epoch| *epoch != 0);
    let epoch = epoch.ok_or_else(|| damaged("the store's identity", "its epoch is none"))?;
    let tally = rows.numbers(&keys::TALLY, || "the store's tally".to_owned())?;
    let tally = Tally::from_numbers(tally.ok_or_else(|| damaged("the store's tally", MISSING))?);
    if rows.last_sequence()? != tally.sequence {
        return Err(damaged("the log", "it does not end where the store's tally says"));
    }
    if tally.sequence > 0 {
        rows.entry(tally.sequence)?;
    }
    Ok(Look { format, epoch, tally })
}
