//! The rows of one mailbox, as the first device saw them.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use bimip_proto::{Entry, MessageId};

/// What was known of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Put {
    New,
    Same,
    Other,
}

#[derive(Debug, Default)]
pub(super) struct Mailbox {
    /// Prints of the rows from 1 on, each seen by a device that is given all of them.
    rows: Vec<u64>,
    /// Messages that the mailbox's own user wrote.
    own: Vec<bool>,
    /// Rows that a device that is not given all saw before.
    early: BTreeMap<u64, u64>,
    /// Rows that the device which caused them was not given.
    skipped: Vec<Range<u64>>,
    last: Option<MessageId>,
}

impl Mailbox {
    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    pub(super) fn put(&mut self, offset: u64, print: u64) -> Put {
        let next = self.len() + 1;
        if offset < next {
            let at = usize::try_from(offset - 1).unwrap_or(usize::MAX);
            return if self.rows.get(at) == Some(&print) { Put::Same } else { Put::Other };
        }
        if offset > next {
            let known = *self.early.entry(offset).or_insert(print);
            return if known == print { Put::Same } else { Put::Other };
        }
        self.rows.push(print);
        self.own.push(false);
        match self.early.remove(&offset) {
            Some(early) if early != print => Put::Other,
            _ => Put::New,
        }
    }

    pub(super) fn own(&mut self, offset: u64, own: bool) {
        if let Some(last) = usize::try_from(offset).ok().and_then(|offset| self.own.get_mut(offset - 1)) {
            *last = own;
        }
    }

    /// Whether this id is greater than the one of the message before.
    pub(super) fn rises(&mut self, id: MessageId) -> bool {
        self.last.replace(id).is_none_or(|last| last < id)
    }

    pub(super) fn skipped(&mut self, device: &str, rows: Range<u64>) {
        if !rows.is_empty() && device == crate::people::WRITER {
            self.skipped.push(rows);
        }
    }

    /// A row that a writer was not given, although it is not what it wrote itself.
    pub(super) fn skipped_wrongly(&self) -> Option<u64> {
        let rows = self.skipped.iter().flat_map(Range::clone);
        rows.into_iter().find(|offset| {
            let at = usize::try_from(offset - 1).unwrap_or(usize::MAX);
            self.own.get(at) == Some(&false)
        })
    }
}

/// All that a row says, in 64 bits.
pub(super) fn print_of(entry: &Entry) -> u64 {
    let mut hasher = DefaultHasher::new();
    match entry {
        Entry::Message(message) => {
            let head = &message.head;
            (1, head.id, &head.from, head.to.as_str(), head.seq.0).hash(&mut hasher);
            // Dialects wrap bodies, and the wrapped one is checked against its draft.
            crate::people::Key::find(&message.body.bytes).hash(&mut hasher);
        }
        Entry::Receipt(receipt) => {
            (2, &receipt.by, receipt.status, receipt.at.0).hash(&mut hasher);
            receipt.messages.iter().for_each(|names| names.id.hash(&mut hasher));
        }
        _ => {}
    }
    hasher.finish()
}
