//! Snapshots for pages and attachments.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bimip_proto::{Ask, Device, Entry, Found, MessageRef, Offset, UserId};
use bimip_session::ledger::{Standing, find, listens, readable};
use bimip_session::server::{Attachment, weight};

use super::engine::Engine;
use super::memo::Memo;
use super::rows::Rows;
use super::view::BatchView;
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
            return Ok(Attachment {
                epoch,
                session: 0,
                cursor: Offset::ZERO,
                first: Offset(1),
                head: Offset::ZERO,
                sequence: proven,
                groups: Vec::new(),
                listens: Vec::new(),
                standing: Arc::default(),
                contacts: Vec::new(),
                behind: false,
                blocked: Arc::default(),
            });
        };
        let cursor = match rows.device(user, &device.name)? {
            Some(device) => rows.cursor(device)?,
            None => Offset::ZERO,
        };
        let (first, head) =
            (rows.mailbox_first(user)?, rows.mailbox_head(user, proven, self.engine.late.upto(user))?);
        let (groups, standing, contacts) =
            (rows.groups_of(user)?, rows.standing(user)?, rows.contacts(user)?);
        let blocked = Arc::new(rows.blocked(user)?.into_iter().collect());
        let (behind, mut memo) = (rows.is_behind(user)?, Memo::passing());
        // Where everybody speaks, as almost everywhere, it costs one small row for each group.
        let view = BatchView::new(rows, &mut memo, proven);
        let listens = listens(&view, &device.user, &groups)?;
        let (session, sequence) = (0, proven);
        Ok(Attachment {
            epoch,
            session,
            cursor,
            first,
            head,
            sequence,
            groups,
            listens,
            standing,
            contacts,
            behind,
            blocked,
        })
    }

    fn contacts(&self, user: &UserId) -> Result<Vec<UserId>, StorageError> {
        let rows = Rows::now(&self.engine);
        rows.user(user)?.map_or_else(|| Ok(Vec::new()), |user| rows.contacts(user))
    }

    fn standing(&self, user: &UserId) -> Result<Arc<Standing>, StorageError> {
        let rows = Rows::now(&self.engine);
        rows.user(user)?.map_or_else(|| Ok(Arc::default()), |user| rows.standing(user))
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
        for row in rows.page(user, after, proven, self.engine.late.upto(user)).take(max_rows as usize) {
            let (offset, entry) = row?;
            bytes += weight(&entry);
            if bytes > max_bytes && !page.is_empty() {
                break;
            }
            page.push((offset, entry));
        }
        Ok(page)
    }

    /// One question looks at many rows that say something about each other, and so at one moment of all of them.
    fn query(&self, user: &UserId, ask: &Ask) -> Result<Found, StorageError> {
        let mut memo = Memo::passing();
        find(ask, user, &BatchView::new(Rows::proven(&self.engine), &mut memo, u64::MAX))
    }

    /// As the commit thread sees it, but with a memory of its own, which is empty, and only up to what is proven.
    fn message(&self, user: &UserId, message: &MessageRef) -> Result<Option<Arc<Entry>>, StorageError> {
        let (proven, rows) = self.proven();
        let mut memo = Memo::passing();
        readable(message, user, &BatchView::new(rows, &mut memo, proven))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Storage;
    use crate::storage::embedded::EmbeddedStorage;
    use crate::storage::embedded::writer::Writer;
    use bimip_proto::{DeviceName, Receipt, Status, UnixMs};
    use bimip_session::ledger::Write;

    /// Between the commit of a batch and its proof, which only this crate can come between.
    #[test]
    fn what_is_written_but_not_proven_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let mut storage = EmbeddedStorage::open(directory.path()).unwrap();
        let reader = storage.reader();
        let user = UserId::new("u").unwrap();
        let device = Device::new(user.clone(), DeviceName::new("d").unwrap());
        let seen = || {
            let rows = reader.rows(&user, Offset::ZERO, 9, u64::MAX).unwrap();
            let at = reader.attach(&device).unwrap();
            (rows.len() as u64, at.head.0, at.sequence)
        };
        for sequence in 1..=3 {
            let receipt =
                Receipt { by: device.clone(), status: Status::Read, at: UnixMs(1), messages: Vec::new() };
            let writes = [
                Write::Log { sequence, entry: Arc::new(Entry::Receipt(receipt)) },
                Write::Row { user: user.clone(), offset: Offset(sequence), sequence },
            ];
            let mut writer =
                Writer::new(Rows::now(&storage.engine), &mut storage.memo, storage.tally, writes.len());
            for write in &writes {
                writer.add(write).unwrap();
            }
            let tally = writer.commit(fjall::PersistMode::SyncData).unwrap();
            assert_eq!(seen(), (sequence - 1, sequence - 1, sequence - 1), "written");
            storage.prove(tally);
            assert_eq!(seen(), (sequence, sequence, sequence), "proven");
        }
        // Rows that come from a feed are of records that were proven long before.
        for offset in 4..=5 {
            let mut writer = Writer::new(Rows::now(&storage.engine), &mut storage.memo, storage.tally, 1);
            writer.add(&Write::Row { user: user.clone(), offset: Offset(offset), sequence: 2 }).unwrap();
            let tally = writer.commit(fjall::PersistMode::SyncData).unwrap();
            assert_eq!(seen(), (offset - 1, offset - 1, 3), "written");
            storage.prove(tally);
            assert_eq!(seen(), (offset, offset, 3), "proven");
        }
    }
}
