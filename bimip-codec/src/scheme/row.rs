//! `Message`, written from borrowed parts: a row of a mailbox, and what rows of many mailboxes have in common.

use core::fmt;
use std::sync::OnceLock;

use bimip_proto::{BodyKind, ConversationId, Head, Message, Row, Seal};
use bytes::Bytes;

use super::frame::to_ms;
use super::numbers::{self, kind, route};
use super::payload::rewritten;
use super::signal::Identity;
use super::wire::{Count, Fields, Room, Short, Sink, bytes, int, nested, put, text, uint};
use crate::Frames;

/// BM-DELIVER-1: a row that is a message.
pub(super) fn deliver(row: &Row, message: &Message, out: &mut Frames) {
    put(route::MESSAGE, &Placed { place: Place::of(row), common: &Common::of(message) }, out);
}

/// As [`deliver`], with all but the place in the mailbox made once for all readers.
pub(super) fn deliver_shared(row: &Row, message: &Message, shared: &Made, out: &mut Frames) {
    let made = shared.0.get_or_init(|| Parts::of(&Common::of(message)));
    put(route::MESSAGE, &Placed { place: Place::of(row), common: made }, out);
}

/// What was made of a message for the first reader.
#[derive(Debug, Default)]
pub(crate) struct Made(OnceLock<Parts>);

/// The fields that readers have in common, around those of their own: numbers are written in their order.
trait Around {
    /// Fields 1 to 12.
    fn before<S: Sink>(&self, to: &mut S);
    /// Fields 14 and 15.
    fn between<S: Sink>(&self, to: &mut S);
    /// Fields 17 and 18.
    fn after<S: Sink>(&self, to: &mut S);
}

struct Placed<'a, T> {
    place: Place,
    common: &'a T,
}

impl<T: Around> Fields for Placed<'_, T> {
    fn write<S: Sink>(&self, to: &mut S) {
        self.common.before(to);
        bytes(to, 13, self.place.offset.as_bytes());
        self.common.between(to);
        uint(to, 16, self.place.prev);
        self.common.after(to);
    }
}

/// Where a row stands in a reader's mailbox.
struct Place {
    offset: Short,
    prev: u64,
}

impl Place {
    fn of(row: &Row) -> Self {
        Self { offset: Short::decimal(row.offset.0), prev: row.prev.0 }
    }
}

/// A message, taken apart.
struct Common<'a> {
    message: &'a Message,
    signal_id: Short,
    signal_offset: Short,
    /// Where it is not the body as it is.
    payload: Option<Bytes>,
    conversation: Conversation,
}

impl<'a> Common<'a> {
    fn of(message: &'a Message) -> Self {
        let Message { head, body } = message;
        Self {
            message,
            signal_id: Short::id(head.id),
            signal_offset: Short::decimal(head.id.sequence()),
            payload: rewritten(body, Some(head)),
            conversation: Conversation::of(head),
        }
    }
}

impl Around for Common<'_> {
    fn before<S: Sink>(&self, to: &mut S) {
        let Message { head, body } = self.message;
        text(to, 1, head.client_ref.as_ref().map_or("", |id| id.as_str()));
        bytes(to, 2, self.signal_id.as_bytes());
        nested(to, 3, &Identity::of(&head.from));
        nested(to, 4, &Identity::named(head.to.as_str()));
        let kind = if body.kind == BodyKind::Notification { kind::NOTIFICATION } else { kind::CHAT };
        int(to, 5, kind);
        int(to, 6, to_ms(head.client_time.unwrap_or(head.at)));
        bytes(to, 7, self.payload.as_ref().unwrap_or(&body.bytes));
        if let Some(Seal { encryption_type, encrypted, signature }) = &body.seal {
            text(to, 8, encryption_type);
            text(to, 9, encrypted);
            text(to, 10, signature);
        }
        int(to, 11, numbers::SENT);
        bytes(to, 12, self.signal_offset.as_bytes());
    }

    fn between<S: Sink>(&self, to: &mut S) {
        bytes(to, 14, self.conversation.as_bytes());
        uint(to, 15, self.message.head.seq.0);
    }

    fn after<S: Sink>(&self, to: &mut S) {
        int(to, 17, to_ms(self.message.head.at));
        int(to, 18, numbers::of_kind(&self.message.body));
    }
}

/// The name of a conversation, which is never empty. Printed once, and without an allocation where the ids are not
/// long: it is counted and written after that.
struct Conversation {
    short: [u8; Self::SHORT_BYTES],
    len: usize,
    /// Where it is not short.
    long: String,
}

impl Conversation {
    /// Two ids as apps make them, UUIDs of 36 characters for one, and what stands around them.
    const SHORT_BYTES: usize = 96;

    fn of(head: &Head) -> Self {
        let mut name = Self { short: [0; Self::SHORT_BYTES], len: 0, long: String::new() };
        let written = ConversationId::write_of(&head.from.user, &head.to, &mut name);
        debug_assert!(written.is_ok(), "nothing that is written to here fails");
        name
    }

    fn as_bytes(&self) -> &[u8] {
        if self.long.is_empty() { &self.short[..self.len] } else { self.long.as_bytes() }
    }
}

impl fmt::Write for Conversation {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        if let (true, Some(room)) = (self.long.is_empty(), self.short.get_mut(self.len..end)) {
            room.copy_from_slice(text.as_bytes());
            self.len = end;
            return Ok(());
        }
        if self.long.is_empty() {
            self.long.push_str(core::str::from_utf8(&self.short[..self.len]).unwrap_or_default());
        }
        self.long.push_str(text);
        Ok(())
    }
}

/// The common fields, encoded, and where those of a reader go.
#[derive(Debug)]
struct Parts {
    encoded: Bytes,
    between: usize,
    after: usize,
}

impl Parts {
    fn of(common: &Common<'_>) -> Self {
        let length = |write: &dyn Fn(&mut Count)| {
            let mut count = Count::default();
            write(&mut count);
            count.bytes()
        };
        let between = length(&|to| common.before(to));
        let after = between + length(&|to| common.between(to));
        let mut encoded = vec![0; after + length(&|to| common.after(to))];
        let mut room = Room(&mut encoded);
        common.before(&mut room);
        common.between(&mut room);
        common.after(&mut room);
        Self { encoded: encoded.into(), between, after }
    }
}

impl Around for Parts {
    fn before<S: Sink>(&self, to: &mut S) {
        to.put(&self.encoded[..self.between]);
    }

    fn between<S: Sink>(&self, to: &mut S) {
        to.put(&self.encoded[self.between..self.after]);
    }

    fn after<S: Sink>(&self, to: &mut S) {
        to.put(&self.encoded[self.after..]);
    }
}
