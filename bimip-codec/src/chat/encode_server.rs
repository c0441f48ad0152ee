//! A server's packet, as a client reads it.

use bimip_proto::{
    Act, ClientRef, Device, Entry, Head, MessageRef, Names, Noted, Receipt, Reject, Revision, Row,
    ServerPacket, Signal, Status, limits,
};

use super::State;
use super::entity::{self, Made, Says};
use crate::events::encode_client::{name, named, put};
use crate::events::{self, kinds, time, words};
use crate::json::Writer;
use crate::{EncodeError, Frames};

/// Writes the frame of a packet. What this dialect has no words for writes nothing.
pub(crate) fn encode_server(
    state: &mut State,
    packet: &ServerPacket,
    shared: Option<&Made>,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    match packet {
        ServerPacket::Welcome(it) => {
            state.welcomed(it);
            return events::encode_server(packet, None, out);
        }
        ServerPacket::Pong { .. } | ServerPacket::Fault(_) | ServerPacket::Bye(_) => {
            return events::encode_server(packet, None, out);
        }
        ServerPacket::Accepted { head, offset, .. } => {
            put(entity::frame(state, [()], |to, ()| accepted(to, head, offset.0)), out);
        }
        ServerPacket::Rejected { client_ref, reason, retry_after_ms, .. } => {
            put(refused(state, kinds::SEND, client_ref.as_ref(), (*reason, *retry_after_ms)), out);
        }
        ServerPacket::Noted(it) => return noted(state, it, out),
        ServerPacket::Deliver(row) => {
            if let Some(frame) = deliver(state, row, shared) {
                put(frame, out);
            }
        }
        ServerPacket::Signal { from, signal } if matches!(signal.act, Act::Typing | Act::Cancelled) => {
            put(typing(from, signal), out);
        }
        ServerPacket::Declined { origin, id, reason, retry_after_ms } => {
            if !is_entity(*origin) {
                return events::encode_server(packet, None, out);
            }
            put(refused(state, *origin, id.as_ref(), (*reason, *retry_after_ms)), out);
        }
        _ => {}
    }
    Ok(())
}

/// Whether what was said stood in a payload.
pub(super) const fn is_entity(kind: u32) -> bool {
    matches!(kind, kinds::SEND | kinds::EDIT | kinds::DELETE | kinds::DELIVERED | kinds::READ_RECEIPT)
}

/// CH-ACK-1.
fn accepted(to: &mut Writer, head: &Head, offset: u64) {
    entity::write_parties(to, &head.from.user, &head.to);
    to.maybe("messageId", head.client_ref.as_ref().map(|it| it.as_str()));
    to.text("id", &head.id.to_string());
    to.raw("timestamp", &time::written(head.at));
    to.flag("receivedServer", true);
    to.flag("delivered", false);
    to.flag("read", false);
    to.number("seq", head.seq.0);
    to.text("kind", words::of_kind(head.kind));
    to.text("senderDeviceId", head.from.name.as_str());
    to.number("offset", offset);
}

type Why = (Reject, Option<u32>);

/// CH-ERR-1.
fn write_error(to: &mut Writer, request: u32, (reason, retry_after_ms): Why) {
    to.object("error", |to| {
        to.text("request", kinds::name(request));
        to.text("code", words::of_reject(reason));
        to.text("message", &reason.to_string());
        if let Some(ms) = retry_after_ms {
            to.number("retry_after_ms", ms);
        }
    });
}

fn refused(state: &State, request: u32, id: Option<&ClientRef>, why: Why) -> Writer {
    entity::frame(state, [()], |to, ()| {
        to.maybe("messageId", id.map(|it| it.as_str()));
        // Which of the two it was the answer to a revision does not say.
        write_error(to, if request == kinds::DELETE { kinds::EDIT } else { request }, why);
    })
}

/// CH-ACK-2. What cannot be asked here is not answered.
fn noted(state: &State, it: &Noted, out: &mut Frames) -> Result<(), EncodeError> {
    match it {
        Noted::Disposed(offset) => {
            let mut to = Writer::new(32);
            to.number("ack", offset.0);
            put(to, out);
        }
        Noted::Delivered(messages) => {
            let names = messages.iter().map(name).collect::<Result<Vec<_>, _>>()?;
            for names in names.chunks(limits::CHAT_ENTITIES) {
                put(
                    entity::frame(state, names, |to, name| {
                        to.text("messageId", name);
                        to.flag("receivedServer", true);
                        write_mark(to, Status::Delivered);
                    }),
                    out,
                );
            }
        }
        Noted::Marked { message, status } => {
            if let Some(frame) = marked(state, message, *status, |to| to.flag("receivedServer", true))? {
                put(frame, out);
            }
        }
        Noted::Refused { message, status, reason, retry_after_ms } => {
            let request = if *status == Status::Read { kinds::READ_RECEIPT } else { kinds::DELIVERED };
            let why = (*reason, *retry_after_ms);
            if let Some(frame) = marked(state, message, *status, |to| write_error(to, request, why))? {
                put(frame, out);
            }
        }
        Noted::Revised { client_ref, edition, offset } => put(
            entity::frame(state, [()], |to, ()| {
                to.text("messageId", client_ref.as_str());
                to.flag("receivedServer", true);
                to.number("edition", *edition);
                to.number("offset", offset.0);
            }),
            out,
        ),
        Noted::Unrevised { client_ref, reason, retry_after_ms } => {
            put(refused(state, kinds::EDIT, Some(client_ref), (*reason, *retry_after_ms)), out);
        }
        _ => {}
    }
    Ok(())
}

fn marked(
    state: &State,
    message: &MessageRef,
    status: Status,
    mut answer: impl FnMut(&mut Writer),
) -> Result<Option<Writer>, EncodeError> {
    let name = name(message)?;
    let known = matches!(status, Status::Delivered | Status::Read);
    Ok(known.then(|| {
        entity::frame(state, [()], |to, ()| {
            to.text("messageId", &name);
            write_mark(to, status);
            answer(to);
        })
    }))
}

/// Who has read it has it.
fn write_mark(to: &mut Writer, status: Status) {
    to.flag("delivered", true);
    to.flag("read", status == Status::Read);
}

/// CH-ROW-1: what was missed has a shape of its own.
fn deliver(state: &State, row: &Row, shared: Option<&Made>) -> Option<Writer> {
    if row.offset > state.head {
        return rows(state, row, shared);
    }
    let missed = rows(&State::default(), row, shared)?.finish();
    let mut to = Writer::new(missed.len() + 16);
    to.objects("messages", [missed], |to, frame| to.fields(&frame));
    Some(to)
}

fn rows(state: &State, row: &Row, shared: Option<&Made>) -> Option<Writer> {
    match &*row.entry {
        Entry::Message(it) => Some(entity::frame(state, [()], |to, ()| {
            match shared {
                Some(made) => to.fields(made.get(it)),
                None => entity::write(to, it),
            }
            write_place(to, row);
        })),
        Entry::Receipt(it) if matches!(it.status, Status::Delivered | Status::Read) => {
            Some(receipt(state, row, it))
        }
        Entry::Revised(it) => Some(entity::frame(state, [()], |to, ()| {
            revision(to, it);
            write_place(to, row);
        })),
        _ => None,
    }
}

fn write_place(to: &mut Writer, row: &Row) {
    to.number("offset", row.offset.0);
    to.number("prevOffset", row.prev.0);
}

/// CH-RCP-2: an entity for each message, all of one row.
fn receipt(state: &State, row: &Row, it: &Receipt) -> Writer {
    let nothing = [Names { id: bimip_proto::MessageId::NONE, alias: None, client_ref: None }];
    let messages = if it.messages.is_empty() { &nothing[..] } else { &it.messages };
    entity::frame(state, messages, |to, names| {
        let id = names.reference().and_then(|it| name(&it).ok());
        let called = names.client_ref.as_ref().map(|it| it.as_str());
        to.maybe("messageId", called.or(id.as_deref()));
        to.maybe("id", id.as_deref());
        to.text("receiverId", it.by.user.as_str());
        to.text("by", it.by.user.as_str());
        to.text("byDeviceId", it.by.name.as_str());
        to.flag("receivedServer", true);
        write_mark(to, it.status);
        to.raw("timestamp", &time::written(it.at));
        write_place(to, row);
    })
}

/// CH-REV-2.
fn revision(to: &mut Writer, it: &Revision) {
    let id = it.message.id.to_string();
    if let Some(address) = it.conversation.to_of(&it.by.user) {
        entity::write_parties(to, &it.by.user, &address);
    }
    to.text("messageId", &id);
    to.text("id", &id);
    to.raw("timestamp", &time::written(it.at));
    to.flag(if it.is_deletion() { "deleted" } else { "edited" }, true);
    let says = it.body.as_ref().map_or_else(Says::default, |body| Says::of(body, None));
    says.write(to);
    to.flag("receivedServer", true);
    to.number("seq", it.seq.0);
    if let Some(body) = &it.body {
        to.text("kind", words::of_kind(body.kind));
    }
    to.text("senderDeviceId", it.by.name.as_str());
    to.maybe("clientMessageId", it.message.client_ref.as_ref().map(|it| it.as_str()));
    to.text("revisionId", it.client_ref.as_str());
    to.number("edition", it.edition);
}

/// CH-LIVE-1.
fn typing(from: &Device, it: &Signal) -> Writer {
    let mut to = named("typing");
    entity::write_parties(&mut to, &from.user, &it.to);
    to.text("senderDeviceId", from.name.as_str());
    to.flag("isTyping", it.act == Act::Typing);
    if let Some(at) = it.at {
        to.raw("timestamp", &time::written(at));
    }
    to
}
