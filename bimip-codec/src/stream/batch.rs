//! What there is, for those who ask now and then.

use bimip_proto::{Offset, ServerPacket, Welcome};

use crate::json::Writer;
use crate::{EncodeError, Frames, Shared, events};

/// The rows of one answer, and where they stand in the mailbox: ST-SYNC-2.
#[derive(Debug)]
pub struct Batch {
    epoch: u32,
    first: Offset,
    since: Offset,
    next: Offset,
    head: Offset,
    rows: usize,
    events: Frames,
}

impl Batch {
    /// Nothing yet, of the mailbox that `welcome` speaks of, after what the client says that it has.
    #[must_use]
    pub fn new(welcome: &Welcome, has: Offset) -> Self {
        // What is beyond the end was in another mailbox.
        let since = if has > welcome.head { welcome.resume_from } else { welcome.resume_from.max(has) };
        Self {
            epoch: welcome.epoch,
            first: welcome.first,
            since,
            next: since,
            head: welcome.head,
            rows: 0,
            events: Frames::new(),
        }
    }

    /// Adds a row. What is no row, or one that the client has, is not of a batch.
    ///
    /// # Errors
    /// [`EncodeError`] when it cannot be written; the batch is then as it was.
    pub fn add(&mut self, packet: &ServerPacket, shared: Option<&Shared>) -> Result<(), EncodeError> {
        let ServerPacket::Deliver(row) = packet else { return Ok(()) };
        if row.offset <= self.next {
            return Ok(());
        }
        events::encode_server(packet, shared.map(|it| &it.events), &mut self.events)?;
        self.next = row.offset;
        self.head = self.head.max(row.offset);
        self.rows += 1;
        Ok(())
    }

    /// How many rows are in it.
    #[must_use]
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Whether there may be more than what the client then has.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.rows > 0 && self.next < self.head
    }

    /// The answer.
    #[must_use]
    pub fn finish(self) -> String {
        let bytes: usize = self.events.iter().map(|frame| frame.len() + 1).sum();
        let mut to = Writer::new(bytes + 160);
        to.number("epoch", self.epoch);
        to.number("first", self.first.0);
        to.number("since", self.since.0);
        to.number("next", self.next.0);
        to.number("head", self.head.0);
        to.flag("has_more", self.has_more());
        let mut events = String::with_capacity(bytes + 2);
        events.push('[');
        for (index, frame) in self.events.iter().enumerate() {
            if index > 0 {
                events.push(',');
            }
            // Frames of this dialect are JSON, which is UTF-8.
            events.push_str(core::str::from_utf8(frame).unwrap_or("null"));
        }
        events.push(']');
        to.raw("events", &events);
        to.finish()
    }
}
