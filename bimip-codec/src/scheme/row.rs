//! `Message`, written from borrowed parts: a row of a mailbox, and what rows of many mailboxes have in common.

use core::fmt::{self, Write as _};
use std::sync::OnceLock;

use bimip_proto::{BodyKind, ConversationId, Message, Row, Seal};
use bytes::{Bytes, BytesMut};

use super::frame::to_ms;
use super::numbers::{self, kind, route};
use super::payload::payload;
use super::signal::Identity;
use super::wire::{Count, Fields, Short, Sink, bytes, int, nested, put, text, uint};
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
    /// Field 17.
    fn after<S: Sink>(&self, to: &mut S);
}

struct Placed<'a, T> {
    place: Place,
    common: &'a T,
}

impl<T: Around> Fields for Placed<'_, T> {
    fn write<S: Sink>(&self, to: &mut S) {
        self.common.before(to);
        text(to, 13, self.place.offset.as_str());
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
        Self { offset: Short::of(row.offset), prev: row.prev.0 }
    }
}

/// A message, taken apart.
struct Common<'a> {
    message: &'a Message,
    signal_id: Short,
    signal_offset: Short,
    payload: Bytes,
    conversation: ConversationId,
}

impl<'a> Common<'a> {
    fn of(message: &'a Message) -> Self {
        let Message { head, body } = message;
        Self {
            message,
            signal_id: Short::of(head.id),
            signal_offset: Short::of(head.id.sequence()),
            payload: payload(body, Some(head)),
            conversation: head.conversation(),
        }
    }
}

impl Around for Common<'_> {
    fn before<S: Sink>(&self, to: &mut S) {
        let Message { head, body } = self.message;
        text(to, 1, head.client_ref.as_ref().map_or("", |id| id.as_str()));
        text(to, 2, self.signal_id.as_str());
        nested(to, 3, &Identity::of(&head.from));
        nested(to, 4, &Identity::named(head.to.as_str()));
        let kind = if body.kind == BodyKind::Notification { kind::NOTIFICATION } else { kind::CHAT };
        int(to, 5, kind);
        int(to, 6, to_ms(head.client_time.unwrap_or(head.at)));
        bytes(to, 7, &self.payload);
        if let Some(Seal { encryption_type, encrypted, signature }) = &body.seal {
            text(to, 8, encryption_type);
            text(to, 9, encrypted);
            text(to, 10, signature);
        }
        int(to, 11, numbers::SENT);
        text(to, 12, self.signal_offset.as_str());
    }

    fn between<S: Sink>(&self, to: &mut S) {
        nested(to, 14, &Printed(&self.conversation));
        uint(to, 15, self.message.head.seq.0);
    }

    fn after<S: Sink>(&self, to: &mut S) {
        int(to, 17, to_ms(self.message.head.at));
    }
}

/// A text that is never empty, printed where it goes.
struct Printed<'a>(&'a ConversationId);

impl Fields for Printed<'_> {
    fn write<S: Sink>(&self, to: &mut S) {
        struct Text<'b, S>(&'b mut S);

        impl<S: Sink> fmt::Write for Text<'_, S> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0.put(text.as_bytes());
                Ok(())
            }
        }

        let written = write!(Text(to), "{}", self.0);
        debug_assert!(written.is_ok());
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
        let mut count = Count::default();
        common.before(&mut count);
        common.between(&mut count);
        common.after(&mut count);
        let mut encoded = BytesMut::with_capacity(count.bytes());
        common.before(&mut encoded);
        let between = encoded.len();
        common.between(&mut encoded);
        let after = encoded.len();
        common.after(&mut encoded);
        Self { encoded: encoded.freeze(), between, after }
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
