//! Reads a whole store and says what is wrong with it. Nothing in the store changes.

mod accounts;
mod checker;
mod feeds;
mod groups;
mod mailboxes;
mod reactions;
mod scratch;
mod users;

use std::fmt;
use std::path::Path;

use self::checker::Checker;
use self::scratch::Scratch;
use super::Options;
use super::directory::{self, Directory};
use super::engine::Engine;
use super::proven::Proven;
use super::rows::Rows;
use super::{journal, opening};
use crate::storage::StorageError;

/// What is heard while a store is read.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Heard<'a> {
    /// Something is not as it should be.
    Finding(&'a Finding),
    /// So many rows were read.
    Progress {
        /// Of both keyspaces together.
        rows: u64,
    },
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Where: keyspace and key, as bytes and in words.
    pub key: String,
    /// What is wrong there.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

/// What a store holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Summary {
    /// Users that have a number: who signed in and wrote, and who was written to.
    pub users: u64,
    /// Devices that have a number.
    pub devices: u64,
    /// Conversations of two.
    pub conversations: u64,
    /// Groups.
    pub groups: u64,
    /// Messages in the log.
    pub messages: u64,
    /// Receipts in the log.
    pub receipts: u64,
    /// Edits and deletions.
    pub revisions: u64,
    /// What happened to groups.
    pub group_changes: u64,
    /// Reactions, set and taken back.
    pub reactions: u64,
    /// What users changed of what they keep.
    pub user_changes: u64,
    /// Rows of mailboxes.
    pub mailbox_rows: u64,
    /// Rows of any kind.
    pub rows: u64,
    /// Keys and values of all rows.
    pub bytes: u64,
    /// How much was wrong.
    pub findings: u64,
}

/// Reads every row of the store in a directory: checksums, shapes, and that whatever a row refers to is there. The
/// store must not be in use, and is not written to; beside it a directory of links to its files is made for the time.
///
/// # Errors
/// When the store cannot be read at all: [`StorageError::InUse`] while a server runs on it, [`StorageError::Io`] where
/// there is none, [`StorageError::Damaged`] when the engine does not open it.
pub fn verify(path: impl AsRef<Path>, mut hear: impl FnMut(Heard<'_>)) -> Result<Summary, StorageError> {
    let directory = Directory::lock_existing(path.as_ref())?;
    let store = directory.store();
    directory.has_store()?;
    opening::complete(&directory::engine(&store))?;
    let noted = Proven::look(&directory::proven(&store))?;
    journal::check(&directory::engine(&store), noted)?;

    let scratch = Scratch::of(&directory::engine(&store), directory.path())?;
    let options = Options { worker_threads: 1, ..Options::default() };
    let (db, [log, small]) = opening::start(scratch.path(), &options)?;
    // The scratch directory goes when everything in it is closed.
    let engine = Engine::look_only(db, log, small, directory.into_lock());
    let mut checker = Checker::new(Rows::now(&engine), &mut hear);
    checker.check(noted);
    let summary = checker.finish();
    drop(engine);
    drop(scratch);
    Ok(summary)
}

#[cfg(test)]
mod tests;
