//! The place in the mailbox: seen, stored, disposed of.

use std::collections::VecDeque;

use bimip_proto::{Entry, MessageRef, Offset, Row, limits};

/// `disposed <= stored <= seen`: what the server was told, what the app has, what it was given.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) seen: Offset,
    stored: Offset,
    disposed: Offset,
    /// Rows stored since the last disposal, and when it is due.
    undisposed_rows: u64,
    due_mono_ms: Option<u64>,
    /// When a disposal may be said once more: rows that come again come by the hundred.
    again_mono_ms: u64,
    recent: Recent,
}

/// What to do with a row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    /// Give it to the app.
    New,
    /// The app has it: dispose of it again, the first word was lost.
    Stored,
    /// The app has it and said so: say so again, the first word was lost.
    Said(MessageRef),
    /// The app was given it and has not stored it yet.
    Seen,
    /// A row before it is missing: start over from the cursor.
    Missing,
}

impl Inbox {
    pub(super) fn new(seen: Offset) -> Self {
        Self { seen, stored: seen, disposed: seen, ..Self::default() }
    }

    /// The server delivers from here on. Only welcomes say so, and where there are any, rows have numbers.
    pub(super) fn jump(&mut self, to: Offset) {
        *self = Self::new(to);
    }

    /// A new connection: what was not disposed of comes again, and can be disposed of only then.
    pub(super) const fn rewind(&mut self) {
        self.due_mono_ms = None;
        self.undisposed_rows = 0;
        self.again_mono_ms = 0;
    }

    pub(super) fn arrives(&mut self, row: &Row) -> Arrival {
        if row.offset == Offset::ZERO {
            return self.recent.arrives(row);
        }
        if row.offset <= self.stored {
            return Arrival::Stored;
        }
        if row.offset <= self.seen {
            return Arrival::Seen;
        }
        if row.prev > self.seen {
            return Arrival::Missing;
        }
        self.seen = row.offset;
        Arrival::New
    }

    /// The app has everything up to here.
    pub(super) fn stored(&mut self, upto: Offset, mono_ms: u64, dispose_ms: u64) {
        let upto = upto.min(self.seen);
        if upto > self.stored {
            self.stored = upto;
            self.undisposed_rows += 1;
            self.due_mono_ms.get_or_insert(mono_ms + dispose_ms);
        }
    }

    /// The app says that these arrived.
    pub(super) fn said(&mut self, messages: &[MessageRef]) {
        self.recent.said(messages);
    }

    /// The server asks again about rows the app has: answered at once, and for those that come right after it once more.
    pub(super) fn dispose_again(&mut self, mono_ms: u64, dispose_ms: u64) {
        self.disposed = Offset::ZERO;
        if self.due_mono_ms.is_none() {
            let due = mono_ms.max(self.again_mono_ms);
            self.due_mono_ms = Some(due);
            self.again_mono_ms = due + dispose_ms;
        }
    }

    pub(super) const fn due(&self) -> Option<u64> {
        self.due_mono_ms
    }

    /// The offset to dispose of, when it is time.
    pub(super) fn disposal(&mut self, mono_ms: u64, after_rows: u64) -> Option<Offset> {
        let due = self.due_mono_ms.is_some_and(|due| due <= mono_ms) || self.undisposed_rows >= after_rows;
        if !due || self.stored <= self.disposed {
            return None;
        }
        self.due_mono_ms = None;
        self.undisposed_rows = 0;
        self.disposed = self.stored;
        Some(self.stored)
    }

    /// The offset to dispose of before a goodbye, due or not.
    pub(super) fn last_disposal(&mut self) -> Option<Offset> {
        self.due_mono_ms.and_then(|due| self.disposal(due, u64::MAX))
    }
}

/// The latest messages of a dialect whose rows have no numbers: what comes again after a cut is known by its name.
/// A window of them, twice: more than can be sent and not be known to have arrived.
#[derive(Debug, Default)]
struct Recent(VecDeque<(MessageRef, bool)>);

const RECENT: usize = 2 * limits::WINDOW_ROWS as usize;

impl Recent {
    fn arrives(&mut self, row: &Row) -> Arrival {
        let Entry::Message(message) = &*row.entry else { return Arrival::New };
        let name = message.head.reference();
        match self.0.iter().find(|(known, _)| *known == name) {
            Some((_, true)) => Arrival::Said(name),
            Some((_, false)) => Arrival::Seen,
            None => {
                if self.0.len() == RECENT {
                    self.0.pop_front();
                }
                self.0.push_back((name, false));
                Arrival::New
            }
        }
    }

    fn said(&mut self, messages: &[MessageRef]) {
        for (name, said) in &mut self.0 {
            *said |= messages.contains(name);
        }
    }
}
