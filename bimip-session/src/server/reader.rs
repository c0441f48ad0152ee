//! One device's view of its mailbox.

use std::collections::VecDeque;
use std::sync::Arc;

use bimip_proto::{
    Address, BodyKind, Caps, CursorBy, Device, Entry, Head, Message, MessageId, Offset, Row, SoundName,
    UnixMs, Window,
};

use super::io::{Attachment, ConnId, ReadPage};
use super::weight;
use crate::ledger::Advance;

/// How much sound is about a millisecond of talk: 32 kbit/s, twice what the field's clients send.
const SOUND_BYTES_PER_MS: u64 = 4;

/// A cursor with a window: `disposed <= sent <= head`.
///
/// ```text
///        disposed          sent            head
///   ─────────┼───────────────┼───────────────┼──▶ offsets
///    stored  │   in flight   │ still to come │
///            │ (≤ the window)│ (in storage)  │
/// ```
///
/// Rows that the device wrote itself, or that its dialect has no words for, are passed over: they move `sent`
/// and never fly. What is in flight is kept as numbers, not as bodies, so a connection's memory does not grow
/// with its backlog.
#[derive(Debug)]
pub(super) struct Reader {
    device: Device,
    caps: Caps,
    window: Window,
    disposed: Offset,
    /// The cursor as storage proved it, or is about to.
    requested: Offset,
    sent: Offset,
    /// The last row that really flew: the next one's `prev`.
    shown: Offset,
    head: Offset,
    /// The mailbox is said to reach so far: looked at, and forgotten when there is nothing. Storage's word is `head`.
    hinted: Offset,
    /// That was said, or said again, while a page was on its way that may not know of it.
    hinted_since: bool,
    reading: bool,
    in_flight: VecDeque<Flying>,
    flying_bytes: u64,
    /// The next row did not fit. Nothing is read until something was disposed of.
    cramped: bool,
    barrier: Barrier,
    /// Talks up to this log record were missed and are played again.
    missed: u64,
    /// The client has said of a row that it is stored.
    disposes: bool,
    /// The client came back with rows up to here, as it says. They are not given to it again.
    claimed: Offset,
    /// Since when the window is known to be full without a word of storing.
    full_mono_ms: Option<u64>,
    /// It has been full for so long that no such word is waited for.
    gave_up: bool,
}

#[derive(Debug, Clone, Copy)]
struct Flying {
    offset: Offset,
    bytes: u64,
    /// The message that storing this row delivers, if its author is to be told.
    delivers: Option<MessageId>,
    /// It is a message: what every dialect that disposes has a word for.
    message: bool,
    /// When it flew.
    at: UnixMs,
}

/// Where a row is on its way to this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// At the cursor or behind it, as far as the device says.
    Behind,
    /// It flew, and the device has not said that it is stored.
    Flying(UnixMs),
    /// It comes in its turn, after so many rows that the device has not disposed of.
    Ahead { rows: u64, full: bool },
}

/// At most one question is out; rows sent meanwhile wait for the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Barrier {
    Quiet,
    Out,
}

/// What a new row came to.
#[derive(Debug)]
pub(super) enum Offer {
    Send(Row),
    PassedOver,
    /// It will be read from storage when its turn comes.
    Later,
}

/// What the word of a client that came back came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claimed {
    Known,
    /// There is no such row.
    Beyond,
}

/// What a disposal came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Disposal {
    /// The offset to answer with.
    pub(super) answered: Offset,
    /// Where the cursor stands before, as far as it was asked for.
    pub(super) from: Offset,
    /// Where the cursor is to stand: at least `answered`, and past what was passed over behind it.
    pub(super) cursor: Offset,
    /// What it delivers.
    pub(super) delivered: Vec<MessageId>,
    /// It named a row that was never sent.
    pub(super) clamped: bool,
}

impl Reader {
    pub(super) fn new(device: Device, caps: Caps, window: Window, at: &Attachment, head: Offset) -> Self {
        // A cursor beyond the head can only come from another epoch: clamp, and let the client find out.
        let head = head.max(at.head);
        let cursor = at.cursor.min(head);
        Self {
            device,
            caps,
            window,
            disposed: cursor,
            requested: cursor,
            sent: cursor,
            shown: cursor,
            head,
            hinted: Offset::ZERO,
            hinted_since: false,
            reading: false,
            in_flight: VecDeque::new(),
            flying_bytes: 0,
            cramped: false,
            barrier: Barrier::Quiet,
            missed: 0,
            disposes: false,
            claimed: Offset::ZERO,
            full_mono_ms: None,
            gave_up: false,
        }
    }

    /// Plays again the talks up to this log record: those were there before the connection was. What came later it heard,
    /// whether its row was sent at once, had to wait for the window, or is put into the mailbox only now (DM-FEED-2).
    pub(super) const fn replay_upto(&mut self, sequence: u64) {
        if self.caps.talks {
            self.missed = sequence;
        }
    }

    /// The sound of a talk of somebody else that this device missed.
    pub(super) fn missed(&self, _: Offset, entry: &Entry) -> Option<SoundName> {
        let Entry::Message(message) = entry else { return None };
        let theirs = message.head.is_for(&self.device.user);
        if message.head.id.sequence() > self.missed || !theirs { None } else { message.body.sound() }
    }

    /// What a row counts against the window: with the sound that is played before it, or a page of missed talks would
    /// fill a slow line for longer than silence is forgiven.
    fn weight(&self, offset: Offset, entry: &Entry) -> u64 {
        match entry {
            Entry::Message(Message { head: Head { kind: BodyKind::Voice { duration_ms }, .. }, .. })
                if self.missed(offset, entry).is_some() =>
            {
                weight(entry) + u64::from(*duration_ms) * SOUND_BYTES_PER_MS
            }
            _ => weight(entry),
        }
    }

    pub(super) const fn device(&self) -> &Device {
        &self.device
    }

    /// A row became durable.
    pub(super) fn offer(&mut self, at: UnixMs, offset: Offset, entry: &Arc<Entry>) -> Offer {
        self.head = self.head.max(offset);
        if self.reading || offset != self.sent.next() || !self.has_room_for(weight(entry)) {
            return Offer::Later;
        }
        self.advance(at, offset, entry)
    }

    /// It has nearly all that is in the mailbox, and room for more.
    pub(super) fn is_hungry(&self) -> bool {
        let ahead = self.head.0.saturating_sub(self.sent.0) + self.in_flight.len() as u64;
        ahead <= u64::from(self.window.rows / 2)
    }

    /// The mailbox may reach so far. Costs a read if that is news, and nothing if it is wrong.
    pub(super) fn hint(&mut self, upto: Offset) {
        if upto > self.sent {
            self.hinted = self.hinted.max(upto);
            self.hinted_since |= self.reading;
        }
    }

    /// Takes a page: what fits goes out, the rest is read again when there is room.
    pub(super) fn page(&mut self, at: UnixMs, rows: Vec<(Offset, Arc<Entry>)>, mut each: impl FnMut(Offer)) {
        self.reading = false;
        let before = self.sent;
        for (offset, entry) in rows {
            if offset <= self.sent {
                continue;
            }
            if offset != self.sent.next() {
                break;
            }
            if !self.has_room_for(weight(&entry)) {
                self.cramped = true;
                break;
            }
            self.head = self.head.max(offset);
            each(self.advance(at, offset, &entry));
        }
        if self.sent == before && !self.cramped && !self.hinted_since {
            self.hinted = Offset::ZERO;
        }
        self.check();
    }

    /// The page could not be read.
    pub(super) const fn page_failed(&mut self) {
        self.reading = false;
    }

    /// The next page to ask for, if one is due. Waits until half of the window is free, so that a slow reader
    /// does not cost a read for every row.
    pub(super) fn wants(&mut self, conn: ConnId) -> Option<ReadPage> {
        if self.reading || self.sent >= self.head.max(self.hinted) || !self.is_roomy() {
            return None;
        }
        let (rows, bytes) = self.free();
        self.reading = true;
        self.hinted_since = false;
        Some(ReadPage { conn, user: self.device.user.clone(), after: self.sent, rows: rows.max(1), bytes })
    }

    /// What of the window is free, in rows and in bytes.
    fn free(&self) -> (u32, u64) {
        let flying = u32::try_from(self.in_flight.len()).unwrap_or(u32::MAX);
        (self.window.rows.saturating_sub(flying), self.window.bytes.saturating_sub(self.flying_bytes))
    }

    /// Whether there is room for a page. A row that did not fit is not read again before something was disposed of.
    fn is_roomy(&self) -> bool {
        let (rows, bytes) = self.free();
        let roomy = self.has_room() && rows >= self.window.rows / 2 && bytes >= self.window.bytes / 2;
        self.in_flight.is_empty() || (roomy && !self.cramped)
    }

    /// The device has stored everything up to `upto`.
    pub(super) fn dispose(&mut self, upto: Offset) -> Disposal {
        self.disposes = true;
        self.drop_flying(upto)
    }

    fn drop_flying(&mut self, upto: Offset) -> Disposal {
        let clamped = upto > self.sent;
        let answered = upto.min(self.sent);
        let (stood, from) = (self.disposed, self.requested);
        self.cramped = false;
        let mut delivered = Vec::new();
        while let Some(flying) = self.in_flight.front().copied().filter(|flying| flying.offset <= answered) {
            self.in_flight.pop_front();
            self.flying_bytes -= flying.bytes;
            delivered.extend(flying.delivers);
        }
        self.settle_cursor(answered);
        self.check();
        // Where the cursor stands, also if that is further than what was asked for.
        let answered = answered.max(stood);
        Disposal { answered, from, cursor: self.cursor(), delivered, clamped }
    }

    /// Where the cursor is to stand, noted as asked for.
    pub(super) fn cursor(&mut self) -> Offset {
        self.requested = self.requested.max(self.disposed);
        self.requested
    }

    /// A cursor that is far enough behind to ride along with the next commit of this device: one that only
    /// writes would otherwise read all it wrote again when it reconnects.
    pub(super) fn riding_cursor(&mut self) -> Option<Advance> {
        const LAG_ROWS: u64 = 64;
        if self.disposed.0 < self.requested.0 + LAG_ROWS {
            return None;
        }
        let (device, from) = (self.device.clone(), self.requested);
        Some(Advance { device, from, to: self.cursor() })
    }

    /// The question to send after the rows of this turn, if none is out.
    pub(super) fn barrier_due(&mut self) -> Option<u64> {
        let due = !self.in_flight.is_empty()
            && self.barrier == Barrier::Quiet
            && self.caps.cursor != CursorBy::Return
            && self.by_barrier() > Offset::ZERO;
        if due {
            self.barrier = Barrier::Out;
        }
        due.then_some(self.shown.0)
    }

    /// The question came back: rows up to `upto` arrived. A disposal for those who have no word of it. It delivers
    /// nothing, since arriving is not storing, but to a client that never says what it stores.
    pub(super) fn barrier(&mut self, upto: u64) -> Option<Disposal> {
        self.barrier = Barrier::Quiet;
        let before = self.requested;
        let upto = Offset(upto).min(self.by_barrier());
        if upto == Offset::ZERO {
            return None;
        }
        let mut disposal = self.drop_flying(upto);
        if !matches!(self.caps.cursor, CursorBy::Arrival | CursorBy::Return) {
            disposal.delivered.clear();
        }
        (disposal.cursor > before).then_some(disposal)
    }

    /// The client came back and says that it has everything up to `upto`. What is beyond the end of the mailbox was in
    /// another one, and says nothing about this. `None` for a client whose word is about what it was given on this connection.
    pub(super) fn claims(&mut self, upto: Offset) -> Option<Claimed> {
        if self.caps.cursor != CursorBy::Return {
            return None;
        }
        if upto > self.head {
            return Some(Claimed::Beyond);
        }
        self.claimed = self.claimed.max(upto);
        Some(Claimed::Known)
    }

    /// There are rows on their way that the client has, as it says: up to there.
    pub(super) fn claimed(&self) -> Option<Offset> {
        let first = self.in_flight.front().filter(|flying| flying.offset <= self.claimed);
        first.map(|_| self.claimed)
    }

    /// All that may be given is given, there is more, and the client says nothing meanwhile.
    pub(super) fn is_to_return(&self) -> bool {
        self.caps.cursor == CursorBy::Return
            && !self.disposes
            && !self.reading
            && !self.is_roomy()
            && self.claimed().is_none()
            && self.sent < self.head.max(self.hinted)
    }

    /// Now and then: is this a client that never says what it has stored? A window of rows was given to it, and for
    /// `patience_ms` it has not committed the first. A client that does commit must not be overtaken: what it has in
    /// its hands may be lost with it.
    pub(super) fn lose_patience(&mut self, mono_ms: u64, patience_ms: u64) {
        if self.caps.cursor != CursorBy::Message || self.disposes || (self.has_room() && !self.cramped) {
            self.full_mono_ms = None;
        } else {
            let since_ms = *self.full_mono_ms.get_or_insert(mono_ms);
            self.gave_up |= mono_ms.saturating_sub(since_ms) >= patience_ms;
        }
    }

    /// How far the barrier may move the cursor; zero for not at all.
    fn by_barrier(&self) -> Offset {
        match self.caps.cursor {
            CursorBy::Barrier => self.shown,
            CursorBy::Arrival if !self.disposes => self.shown,
            CursorBy::Return => self.claimed.min(self.sent),
            CursorBy::Message if self.gave_up && !self.disposes => self.shown,
            CursorBy::Message => {
                let nameless = self.in_flight.iter().take_while(|flying| !flying.message);
                nameless.last().map_or(Offset::ZERO, |flying| flying.offset)
            }
            _ => Offset::ZERO,
        }
    }

    fn has_room(&self) -> bool {
        self.has_room_for(1)
    }

    /// One row always fits.
    fn has_room_for(&self, bytes: u64) -> bool {
        self.in_flight.is_empty()
            || (self.in_flight.len() < self.window.rows as usize
                && self.flying_bytes + bytes <= self.window.bytes)
    }

    fn advance(&mut self, at: UnixMs, offset: Offset, entry: &Arc<Entry>) -> Offer {
        self.sent = offset;
        if !self.shows(entry) {
            self.settle_cursor(self.disposed);
            self.check();
            return Offer::PassedOver;
        }
        let row = Row { prev: self.shown, offset, entry: Arc::clone(entry) };
        let bytes = self.weight(offset, entry);
        let (delivers, message) = (self.delivers(entry), matches!(**entry, Entry::Message(_)));
        self.in_flight.push_back(Flying { offset, bytes, delivers, message, at });
        self.flying_bytes += bytes;
        self.check();
        if offset <= self.claimed {
            return Offer::PassedOver;
        }
        self.shown = offset;
        Offer::Send(row)
    }

    /// Where a row is that this device is to have.
    pub(super) fn way_of(&self, offset: Offset) -> Way {
        if offset > self.sent {
            // Rows that are passed over are among those not sent yet: that is known when their turn comes.
            let rows = offset.0 - self.sent.0 - 1 + self.in_flight.len() as u64;
            return Way::Ahead { rows, full: self.cramped || !self.has_room() };
        }
        let flying = self.in_flight.binary_search_by_key(&offset, |flying| flying.offset);
        match flying.ok().and_then(|at| self.in_flight.get(at)) {
            Some(flying) => Way::Flying(flying.at),
            None => Way::Behind,
        }
    }

    /// Whether its dialect has words for a message that goes there, or for its deletion.
    pub(super) const fn hears_of(&self, to: &Address, deleted: bool) -> bool {
        (self.caps.groups || !matches!(to, Address::Group(_))) && (self.caps.revisions || !deleted)
    }

    /// The last row of the mailbox, as far as is known.
    pub(super) const fn head(&self) -> Offset {
        self.head
    }

    /// A row is not shown to the device that caused it, nor to a dialect that has no words for it.
    fn shows(&self, entry: &Entry) -> bool {
        let user = &self.device.user;
        let own = match entry {
            Entry::Message(message) => {
                let echo = self.caps.self_echo && message.head.is_to(user);
                message.head.from == self.device && !echo
            }
            Entry::Receipt(receipt) => receipt.by == self.device,
            Entry::Revised(revision) => revision.by == self.device,
            Entry::Reacted(reaction) => reaction.by == self.device,
            // The answer to a join and to a leave does not say what the group is.
            Entry::Group(change) => change.by == self.device && change.client_ref.is_some(),
            Entry::User(change) => change.by == self.device,
            _ => false,
        };
        !own && self.caps.speaks(user, entry)
    }

    fn delivers(&self, entry: &Entry) -> Option<MessageId> {
        match entry {
            Entry::Message(message) if message.head.is_for(&self.device.user) => Some(message.head.id),
            _ => None,
        }
    }

    fn settle_cursor(&mut self, upto: Offset) {
        let stands = if self.in_flight.is_empty() { self.sent } else { upto };
        self.disposed = self.disposed.max(stands);
    }

    /// A programmer's error here would lose messages quietly, so it is loud in release builds too.
    fn check(&self) {
        assert!(self.disposed <= self.sent && self.sent <= self.head, "reader out of order: {self:?}");
    }
}
