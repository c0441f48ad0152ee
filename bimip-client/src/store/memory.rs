//! A store that lasts as long as the process.

use std::sync::{Arc, Mutex, PoisonError};

use bimip_proto::{ClientRef, Draft, Head, Offset};
use bimip_session::client::Resume;

use super::{Store, StoreError};

/// Keeps drafts and the place in memory, and no rows: each one is the app's when it is told of it.
///
/// Clones share what is kept, so that a client can be stopped and started again within a process.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Resume>>,
}

impl MemoryStore {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What [`load`](Store::load) would give.
    #[must_use]
    pub fn kept(&self) -> Resume {
        self.with(|kept| kept.clone())
    }

    fn with<R>(&self, look: impl FnOnce(&mut Resume) -> R) -> R {
        // Nothing panics while it is held.
        look(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Store for MemoryStore {
    async fn load(&mut self) -> Result<Resume, StoreError> {
        Ok(self.kept())
    }

    async fn save_draft(&mut self, draft: &Draft) -> Result<(), StoreError> {
        self.with(|kept| match kept.unacked.iter_mut().find(|other| other.client_ref == draft.client_ref) {
            Some(same) => *same = draft.clone(),
            None => kept.unacked.push(draft.clone()),
        });
        Ok(())
    }

    async fn forget_draft(&mut self, client_ref: &ClientRef, _: Option<&Head>) -> Result<(), StoreError> {
        self.with(|kept| kept.unacked.retain(|draft| draft.client_ref.as_ref() != Some(client_ref)));
        Ok(())
    }

    async fn save_place(&mut self, epoch: u32, seen: Offset) -> Result<(), StoreError> {
        self.with(|kept| (kept.epoch, kept.seen) = (epoch, seen));
        Ok(())
    }
}
