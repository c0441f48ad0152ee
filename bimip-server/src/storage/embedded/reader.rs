//! Snapshots for pages and attachments.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bimip_proto::{Device, Entry, Offset, UserId};
use bimip_session::server::{Attachment, weight};

use super::engine::Engine;
use super::rows::Rows;
use crate::storage::{Reader, StorageError};

/// Reads an [`EmbeddedStorage`](super::EmbeddedStorage). The directory stays in use while one is alive.
#[derive(Clone)]
pub struct EmbeddedReader {
    engine: Arc<Engine>,
}

impl EmbeddedReader {
    pub(super) const fn new(engine: Arc<Engine>) -> Self {
        Self { engine }
    }

    /// What is proven, and a moment of the store that holds all of it. In this order: a batch that is proven
    /// between the two is not read yet, one that is not is never read.
    fn proven(&self) -> (u64, Rows<'_>) {
        let proven = self.engine.proven.load(Ordering::Acquire);
        (proven, Rows::now(&self.engine))
    }
}

impl std::fmt::Debug for EmbeddedReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedReader").field("epoch", &self.engine.epoch).finish_non_exhaustive()
    }
}

impl Reader for EmbeddedReader {
    fn attach(&self, device: &Device) -> Result<Attachment, StorageError> {
        let epoch = self.engine.epoch;
        let (proven, rows) = self.proven();
        let Some(user) = rows.user(&device.user)? else {
            return Ok(Attachment { epoch, cursor: Offset::ZERO, first: Offset(1), head: Offset::ZERO });
        };
        let cursor = match rows.device(user, &device.name)? {
            Some(device) => rows.cursor(device)?,
            None => Offset::ZERO,
        };
        let (first, head) = (rows.mailbox_first(user)?, rows.mailbox_head(user, proven)?);
        Ok(Attachment { epoch, cursor, first, head })
    }

    fn rows(
        &self,
        user: &UserId,
        after: Offset,
        max_rows: u32,
        max_bytes: u64,
    ) -> Result<Vec<(Offset, Arc<Entry>)>, StorageError> {
        let (proven, rows) = self.proven();
        let Some(user) = rows.user(user)? else { return Ok(Vec::new()) };
        let mut page = Vec::new();
        let mut bytes = 0;
        for row in rows.page(user, after, proven).take(max_rows as usize) {
            let (offset, entry) = row?;
            bytes += weight(&entry);
            if bytes > max_bytes && !page.is_empty() {
                break;
            }
            page.push((offset, entry));
        }
        Ok(page)
    }
}
