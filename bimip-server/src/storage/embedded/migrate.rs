//! Bringing a store of an older format up to date, where it lies.

use std::path::Path;

use super::directory::{FORMAT, note_format, note_writer};
use super::engine::Engine;
use super::opening::introduce;
use super::writer::Tally;
use crate::storage::StorageError;

/// Brings the store into the format of this program: one durable batch, and then the file that names the format.
/// Whatever ends the process, the next start does what is left.
///
/// From 1 to 2 no row changes: groups are new, and nobody is in one yet.
pub(super) fn migrate(
    engine: &Engine,
    store: &Path,
    found: u32,
    epoch: u32,
    tally: Tally,
) -> Result<Tally, StorageError> {
    let mut tally = tally;
    note_writer(store)?;
    if found != FORMAT {
        tally.batch += 1;
        introduce(&engine.db, &engine.small, epoch, tally)?;
    }
    note_format(store)?;
    tracing::info!(from = found, to = FORMAT, "the store was brought into the format of this version");
    Ok(tally)
}
