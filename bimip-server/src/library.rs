//! What can be asked for beside the mailboxes: one message, and the sound of a talk.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bimip_proto::{Entry, MessageRef, SoundName, UserId};
use bytes::Bytes;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::objects::Objects;
use crate::sounds;
use crate::storage::{Reader, StorageError};

/// Recordings in memory at once because somebody plays them again: each is as large as the core lets a recording be.
const PLAYED: usize = 64;
/// Messages looked up at once. They wait for disks, like the reader threads, and strangers to the core ask for them.
const LOOKED_UP: usize = 16;
/// How long somebody waits for a turn: a slow reader must not make another miss more than the sound.
const PATIENCE: Duration = Duration::from_secs(5);

/// It lets go of the store when the node ends, whoever still holds it.
pub(crate) struct Library {
    messages: RwLock<Option<Arc<dyn Messages>>>,
    objects: Arc<dyn Objects>,
    lookups: Semaphore,
    playing: Semaphore,
}

/// A recording, and a right to hold it in memory.
pub(crate) struct Played<'l> {
    pub(crate) pieces: Vec<Bytes>,
    _turn: SemaphorePermit<'l>,
}

/// Why a message cannot be given.
#[derive(Debug)]
pub(crate) enum Unread {
    /// There is none that this user may read.
    Nothing,
    /// Too many ask.
    Busy,
    /// The store cannot be read, or is closed.
    Failed,
}

impl Library {
    pub(crate) fn new(reader: impl Reader, objects: Arc<dyn Objects>) -> Self {
        Self {
            messages: RwLock::new(Some(Arc::new(reader))),
            objects,
            lookups: Semaphore::new(LOOKED_UP),
            playing: Semaphore::new(PLAYED),
        }
    }

    pub(crate) fn objects(&self) -> Arc<dyn Objects> {
        Arc::clone(&self.objects)
    }

    /// Nothing is looked up any more: the store closes.
    pub(crate) fn close(&self) {
        *self.messages.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The message of that name, if `user` may read it.
    pub(crate) async fn message(&self, user: UserId, message: MessageRef) -> Result<Arc<Entry>, Unread> {
        let Ok(Ok(_turn)) = timeout(PATIENCE, self.lookups.acquire()).await else { return Err(Unread::Busy) };
        let messages = self.messages.read().unwrap_or_else(PoisonError::into_inner).clone();
        let messages = messages.ok_or(Unread::Failed)?;
        let found = spawn_blocking(move || messages.find(&user, &message)).await;
        match found {
            Ok(Ok(found)) => found.ok_or(Unread::Nothing),
            Ok(Err(error)) => {
                tracing::error!(%error, "a message could not be read");
                Err(Unread::Failed)
            }
            Err(_) => Err(Unread::Failed),
        }
    }

    /// The sound of a talk, to be played again.
    pub(crate) async fn play(&self, name: SoundName) -> io::Result<Played<'_>> {
        let turn = timeout(PATIENCE, self.playing.acquire()).await?.map_err(io::Error::other)?;
        let objects = self.objects();
        let pieces = spawn_blocking(move || sounds::pieces(&*objects, name)).await??;
        Ok(Played { pieces, _turn: turn })
    }
}

impl std::fmt::Debug for Library {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Library")
    }
}

/// A [`Reader`] without its type.
trait Messages: Send + Sync {
    fn find(&self, user: &UserId, message: &MessageRef) -> Result<Option<Arc<Entry>>, StorageError>;
}

impl<R: Reader> Messages for R {
    fn find(&self, user: &UserId, message: &MessageRef) -> Result<Option<Arc<Entry>>, StorageError> {
        self.message(user, message)
    }
}
