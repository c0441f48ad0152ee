//! A disk that forgets what was not synced, and that can lie.

use std::convert::Infallible;

use bimip_proto::{Device, Offset};

use crate::ledger::{Book, Committed, Failed, Settlement, Ticket, Write, settle};
use crate::server::{Attachment, Page, ReadPage};

/// A way to break the storage contract, for testing the checkers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lie {
    /// Tickets are proven before their writes are durable.
    ProvenBeforeSync,
    /// A crash in the middle of a batch keeps half of it.
    TornBatch,
    /// What is stored under a key is forgotten.
    ForgottenKeys,
    /// What users said about messages is forgotten.
    ForgottenMarks,
    /// Cursors are forgotten.
    ForgottenCursors,
    /// Who came into a group and who left is forgotten.
    ForgottenMembers,
    /// Pages leave out a row.
    HoleyPages,
    /// Only the sender's mailbox gets the row.
    HalfDelivered,
}

/// `live` is what the running server sees, `durable` what survives a crash. Writes wait in between for the next
/// sync.
#[derive(Debug)]
pub(super) struct Disk {
    live: Book,
    durable: Book,
    waiting: Vec<Settlement>,
    lie: Option<Lie>,
}

impl Disk {
    pub(super) fn new(epoch: u32, lie: Option<Lie>) -> Self {
        Self { live: Book::new(epoch), durable: Book::new(epoch), waiting: Vec::new(), lie }
    }

    /// Settles a batch; it is durable after the next sync. A liar proves it at once.
    pub(super) fn write(&mut self, batch: Vec<Ticket>) -> (Vec<Committed>, Vec<Failed>) {
        let settled: Result<_, (_, Infallible)> = settle(batch, &self.live);
        let settlement = match settled {
            Ok(settlement) => settlement,
            Err((failed, _)) => return (Vec::new(), failed),
        };
        let writes = self.distorted(settlement.writes());
        self.live.apply(&writes);
        if self.lie == Some(Lie::ProvenBeforeSync) {
            return (settlement.committed(), Vec::new());
        }
        self.waiting.push(settlement);
        (Vec::new(), Vec::new())
    }

    /// Makes durable what waits, and proves it.
    pub(super) fn sync(&mut self) -> Vec<Committed> {
        if self.lie == Some(Lie::ProvenBeforeSync) {
            self.durable = self.live.clone();
        }
        let mut proven = Vec::new();
        for settlement in std::mem::take(&mut self.waiting) {
            let writes = self.distorted(settlement.writes());
            self.durable.apply(&writes);
            proven.extend(settlement.committed());
        }
        proven
    }

    /// The machine loses power: what waited is gone, and so are its tickets.
    pub(super) fn crash(&mut self) {
        if self.lie == Some(Lie::TornBatch)
            && let Some(first) = self.waiting.first()
        {
            let writes = first.writes();
            self.durable.apply(&writes[..writes.len() / 2]);
        }
        self.waiting.clear();
        self.live = self.durable.clone();
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn attach(&self, device: &Device) -> Attachment {
        self.durable.attach(device)
    }

    pub(super) fn page(&self, request: &ReadPage) -> Page {
        let mut rows = self.durable.page(&request.user, request.after, request.rows, request.bytes);
        if self.lie == Some(Lie::HoleyPages) && rows.len() > 2 {
            // The hole is hidden: the rows behind it move up.
            rows.remove(1);
            for (index, row) in (1..).zip(rows.iter_mut()) {
                row.0 = Offset(request.after.0 + index);
            }
        }
        Page { conn: request.conn, rows: Some(rows) }
    }

    /// What survives.
    pub(super) const fn durable(&self) -> &Book {
        &self.durable
    }

    fn distorted(&self, writes: &[Write]) -> Vec<Write> {
        let mut last = 0;
        let keeps = |write: &&Write| match (self.lie, write) {
            (Some(Lie::ForgottenKeys), Write::Key { .. })
            | (Some(Lie::ForgottenMarks), Write::Marks { .. })
            | (Some(Lie::ForgottenCursors), Write::Cursor { .. })
            | (Some(Lie::ForgottenMembers), Write::Member { .. }) => false,
            (Some(Lie::HalfDelivered), Write::Row { sequence, .. }) => {
                let second = std::mem::replace(&mut last, *sequence) == *sequence;
                !(second && sequence % 4 == 0)
            }
            _ => true,
        };
        writes.iter().filter(keeps).cloned().collect()
    }
}
