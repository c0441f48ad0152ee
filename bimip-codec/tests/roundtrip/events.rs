//! What a client of the JSON dialect understands of a packet.

use std::sync::Arc;

use bimip_proto::{
    Body, BodyKind, ClientPacket, ClientRef, Draft, Entry, Fault, Form, Found, Marks, Message, Noted, Reject,
    Revise, Row, ServerPacket, Status,
};

/// The packet with its bodies as this dialect tells them: a readable one is text or an object, whatever its sender said
/// it is.
pub(crate) fn told(packet: ServerPacket) -> ServerPacket {
    match packet {
        ServerPacket::Deliver(row) => {
            let entry = match (*row.entry).clone() {
                Entry::Message(it) => Entry::Message(message(it)),
                Entry::Revised(mut it) => {
                    it.body = it.body.map(body);
                    Entry::Revised(it)
                }
                entry => entry,
            };
            ServerPacket::Deliver(Row { entry: Arc::new(entry), ..row })
        }
        ServerPacket::Answer { id, found } => ServerPacket::Answer { id, found: found_as_told(found) },
        ServerPacket::Declined { origin, id, reason, retry_after_ms } => {
            declined(named(origin), id, reason, retry_after_ms)
        }
        ServerPacket::Fault(it) => ServerPacket::Fault(Fault { origin: named(it.origin), ..it }),
        packet => packet,
    }
}

/// What asked for it says what a refusal looks like: sending, editing, managing, asking.
fn declined(origin: u32, id: Option<ClientRef>, reason: Reject, retry_after_ms: Option<u32>) -> ServerPacket {
    match (origin, id) {
        (2, client_ref) => ServerPacket::Rejected { client_ref, to: None, reason, retry_after_ms },
        (7 | 8, Some(client_ref)) => {
            ServerPacket::Noted(Noted::Unrevised { client_ref, reason, retry_after_ms })
        }
        (14, Some(client_ref)) => {
            ServerPacket::Noted(Noted::Ungrouped { client_ref, reason, retry_after_ms })
        }
        (25, Some(client_ref)) => {
            ServerPacket::Noted(Noted::Unreacted { client_ref, reason, retry_after_ms })
        }
        (27, Some(client_ref)) => {
            ServerPacket::Noted(Noted::UserUnchanged { client_ref, reason, retry_after_ms })
        }
        (17..=19 | 26 | 28..=34, Some(id)) => ServerPacket::Unanswered { id, reason, retry_after_ms },
        (origin, id) => ServerPacket::Declined { origin, id, reason, retry_after_ms },
    }
}

/// What was asked is said by its name, which a number of another dialect may not have.
fn named(origin: u32) -> u32 {
    if origin <= 34 { origin } else { 0 }
}

fn found_as_told(found: Found) -> Found {
    match found {
        Found::History { mut messages, more } => {
            for it in &mut messages {
                it.message = message(it.message.clone());
                it.marks = marks(it.marks);
            }
            Found::History { messages, more }
        }
        Found::Conversations { mut conversations, more } => {
            for it in &mut conversations {
                it.last.message = message(it.last.message.clone());
                it.last.marks = marks(it.last.marks);
            }
            Found::Conversations { conversations, more }
        }
        Found::Status(Some(mut it)) => {
            for one in &mut it.recipients {
                one.marks = marks(one.marks);
                // Of devices that are not told there are no more.
                one.more_devices &= one.devices.is_some();
            }
            Found::Status(Some(it))
        }
        found => found,
    }
}

/// Said in words: read without delivered is not one of them.
fn marks(it: Marks) -> Marks {
    let all = [Status::Delivered, Status::Read, Status::Played, Status::Forwarded];
    all.into_iter().filter(|status| it.has(*status)).fold(Marks::NONE, Marks::with)
}

fn message(it: Message) -> Message {
    Message { body: body(it.body), ..it }
}

fn body(it: Body) -> Body {
    let form = match std::str::from_utf8(&it.bytes) {
        Ok(text) if it.is_readable() => match serde_json::from_str(text) {
            Ok(serde_json::Value::Object(_)) if it.form == Form::Content => Form::Content,
            Ok(serde_json::Value::Object(_)) if it.form != Form::Text => Form::Json,
            _ => Form::Text,
        },
        _ if it.is_readable() => Form::Opaque,
        _ => sealed(&it),
    };
    Body { form, ..it }
}

/// Of what cannot be read only a kind that always has content says that it is content.
fn sealed(it: &Body) -> Form {
    let shows = !matches!(it.kind, BodyKind::Text | BodyKind::Image);
    if shows && BodyKind::WITH_CONTENT.contains(&it.kind) { Form::Content } else { Form::Opaque }
}

/// What a server of the JSON dialect understands of a packet.
pub(crate) fn said(packet: ClientPacket) -> ClientPacket {
    let body = |it: Body| match it.form {
        Form::Content if !it.is_readable() => Body { form: sealed(&it), ..it },
        _ => it,
    };
    match packet {
        ClientPacket::Send(it) => ClientPacket::Send(Draft { body: body(it.body), ..it }),
        ClientPacket::Revise(it) => ClientPacket::Revise(Revise { body: it.body.map(body), ..it }),
        packet => packet,
    }
}
