//! A server's packet, as a client reads it.

use bimip_proto::{
    Act, Aware, ClientRef, CloseReason, ConversationId, Device, Entry, Fault, Head, MessageRef, Names, Noted,
    Receipt, Reject, Revision, Row, ServerPacket, Signal, Status, TokenAnswer, Welcome,
};

use super::encode_client::{name, named, put, utf8, write_awareness, write_log_out, write_track};
use super::message::{self, Made};
use super::{group, kinds, query, reaction, time, user, words};
use crate::json::Writer;
use crate::scheme::numbers;
use crate::{EncodeError, Frames};

/// Writes the events of a packet. Live voice is not of this dialect and writes nothing.
pub(crate) fn encode_server(
    packet: &ServerPacket,
    shared: Option<&Made>,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    match packet {
        ServerPacket::Welcome(it) => put(welcome(it), out),
        ServerPacket::Accepted { head, offset, .. } => put(accepted(head, offset.0), out),
        ServerPacket::Rejected { client_ref, reason, retry_after_ms, .. } => {
            put(refused_by_name(kinds::SEND, client_ref.as_ref(), *reason, *retry_after_ms), out);
        }
        ServerPacket::Noted(it) => put(noted(it)?, out),
        ServerPacket::Deliver(row) => deliver(row, shared, out),
        ServerPacket::Pong { ping, at } => {
            let mut to = named("pong");
            let id = utf8(&ping.id, "ping")?;
            to.maybe("id", Some(id).filter(|id| !id.is_empty()));
            to.raw("timestamp", &time::written(*at));
            put(to, out);
        }
        ServerPacket::Aware(it) => {
            let mut to = named("presence");
            write_aware(&mut to, it);
            put(to, out);
        }
        ServerPacket::Around(list) => {
            let mut to = named("around");
            to.objects("presences", list, write_aware);
            put(to, out);
        }
        ServerPacket::Signal { from, signal } => put(live(from, signal), out),
        ServerPacket::Track { from, track } => {
            let mut to = named("location");
            write_device(&mut to, from);
            write_track(&mut to, track);
            put(to, out);
        }
        ServerPacket::Visible { id, visible } => {
            let mut to = named("visibility");
            to.maybe("id", id.as_ref().map(|it| it.as_str()));
            to.flag("visible", *visible);
            put(to, out);
        }
        ServerPacket::Token(it) => put(token(it)?, out),
        ServerPacket::Answer { id, found } => {
            if let Some(answer) = query::answer(id, found) {
                put(answer, out);
            }
        }
        ServerPacket::Unanswered { id, reason, retry_after_ms } => {
            put(unanswered(id, *reason, *retry_after_ms), out);
        }
        ServerPacket::Declined { origin, id, reason, retry_after_ms } => {
            put(declined(*origin, id.as_ref(), *reason, *retry_after_ms), out);
        }
        ServerPacket::Fault(it) => put(fault(it), out),
        ServerPacket::Bye(reason) => put(bye(reason), out),
        _ => {}
    }
    Ok(())
}

/// EV-WELCOME-1.
fn welcome(it: &Welcome) -> Writer {
    let mut to = named("welcome");
    to.number("epoch", it.epoch);
    to.number("resume_from", it.resume_from.0);
    to.number("first", it.first.0);
    to.number("head", it.head.0);
    to.number("window", it.window.rows);
    to.number("heartbeat_ms", it.heartbeat_ms);
    to.raw("server_time", &time::written(it.server_time));
    to.text("connection_id", &it.connection_id.to_string());
    to.number("dedup_days", it.dedup_days);
    to.texts("features", crate::scheme::FEATURES);
    to
}

/// EV-ACK-1.
fn accepted(head: &Head, offset: u64) -> Writer {
    let mut to = named("sent");
    to.maybe("client_id", head.client_ref.as_ref().map(|it| it.as_str()));
    to.text("message_id", &head.id.to_string());
    to.text("conversation_id", &head.conversation().to_string());
    to.number("seq", head.seq.0);
    to.text("sender_user_id", head.from.user.as_str());
    to.text("sender_device_id", head.from.name.as_str());
    to.text("message_type", words::of_kind(head.kind));
    to.number("offset", offset);
    to.text("status", "sent");
    to.raw("created_at", &time::written(head.at));
    to
}

/// EV-ERR-1.
fn why(mut to: Writer, reason: Reject, retry_after_ms: Option<u32>) -> Writer {
    to.text("code", words::of_reject(reason));
    to.text("message", &reason.to_string());
    if let Some(ms) = retry_after_ms {
        to.number("retry_after_ms", ms);
    }
    to
}

/// What asked for it says what the refusal looks like.
fn declined(origin: u32, id: Option<&ClientRef>, reason: Reject, retry_after_ms: Option<u32>) -> Writer {
    match (origin, id) {
        (kinds::SEND, id) => refused_by_name(kinds::SEND, id, reason, retry_after_ms),
        (kinds::EDIT | kinds::DELETE, Some(_)) => refused_by_name(kinds::EDIT, id, reason, retry_after_ms),
        (kinds::GROUP, Some(_)) => refused_by_name(kinds::GROUP, id, reason, retry_after_ms),
        (kinds::REACT, Some(_)) => refused_by_name(kinds::REACT, id, reason, retry_after_ms),
        (kinds::USER, Some(_)) => refused_by_name(kinds::USER, id, reason, retry_after_ms),
        (kind, Some(id)) if kinds::asks(kind) => unanswered(id, reason, retry_after_ms),
        _ => {
            let mut to = refused(origin);
            to.maybe("id", id.map(|it| it.as_str()));
            why(to, reason, retry_after_ms)
        }
    }
}

fn unanswered(id: &ClientRef, reason: Reject, retry_after_ms: Option<u32>) -> Writer {
    let mut to = named("refused");
    to.text("request", "query");
    to.text("id", id.as_str());
    why(to, reason, retry_after_ms)
}

fn noted(it: &Noted) -> Result<Writer, EncodeError> {
    Ok(match it {
        Noted::Disposed(offset) => {
            let mut to = named("acked");
            to.number("offset", offset.0);
            to
        }
        Noted::Delivered(messages) => {
            let names = messages.iter().map(name).collect::<Result<Vec<_>, _>>()?;
            let mut to = done(kinds::DELIVERED);
            to.texts("message_ids", names.iter().map(String::as_str));
            to
        }
        Noted::Marked { message, status } => about_mark(done(kinds::MARK), message, *status)?,
        Noted::Refused { message, status, reason, retry_after_ms } => {
            why(about_mark(refused(kinds::MARK), message, *status)?, *reason, *retry_after_ms)
        }
        Noted::Revised { client_ref, edition, offset } => {
            done_by_name(kinds::EDIT, client_ref.as_str(), *edition, offset.0)
        }
        Noted::Grouped { client_ref, edition, offset } => {
            done_by_name(kinds::GROUP, client_ref.as_str(), *edition, offset.0)
        }
        Noted::Unrevised { client_ref, reason, retry_after_ms } => {
            refused_by_name(kinds::EDIT, Some(client_ref), *reason, *retry_after_ms)
        }
        Noted::Ungrouped { client_ref, reason, retry_after_ms } => {
            refused_by_name(kinds::GROUP, Some(client_ref), *reason, *retry_after_ms)
        }
        Noted::Reacted { client_ref, edition, count, offset } => {
            let mut to = done_by_name(kinds::REACT, client_ref.as_str(), *edition, offset.0);
            to.number("count", *count);
            to
        }
        Noted::Unreacted { client_ref, reason, retry_after_ms } => {
            refused_by_name(kinds::REACT, Some(client_ref), *reason, *retry_after_ms)
        }
        Noted::UserChanged { client_ref, edition, offset } => {
            done_by_name(kinds::USER, client_ref.as_str(), *edition, offset.0)
        }
        Noted::UserUnchanged { client_ref, reason, retry_after_ms } => {
            refused_by_name(kinds::USER, Some(client_ref), *reason, *retry_after_ms)
        }
        Noted::Joined(group) => in_group(done(kinds::JOIN), group.as_str()),
        Noted::Left(group) => in_group(done(kinds::LEAVE), group.as_str()),
        Noted::Barred { group, reason, retry_after_ms } => {
            why(in_group(refused(kinds::JOIN), group.as_str()), *reason, *retry_after_ms)
        }
        Noted::PushToken { id, registered } => {
            let mut to = done(kinds::PUSH_TOKEN);
            to.maybe("id", id.as_ref().map(|it| it.as_str()));
            to.flag("registered", *registered);
            to
        }
        Noted::LoggedOut(what) => {
            let mut to = done(kinds::LOGOUT);
            write_log_out(&mut to, what);
            to
        }
        _ => return Err(EncodeError::NotSpoken),
    })
}

fn done(kind: u32) -> Writer {
    let mut to = named("done");
    to.text("request", kinds::name(kind));
    to
}

fn refused(kind: u32) -> Writer {
    let mut to = named("refused");
    to.text("request", kinds::name(kind));
    to
}

fn done_by_name(kind: u32, client_ref: &str, edition: u32, offset: u64) -> Writer {
    let mut to = done(kind);
    to.text("client_id", client_ref);
    to.number("edition", edition);
    to.number("offset", offset);
    to
}

fn refused_by_name(
    kind: u32,
    client_ref: Option<&ClientRef>,
    reason: Reject,
    retry_after_ms: Option<u32>,
) -> Writer {
    let mut to = refused(kind);
    to.maybe("client_id", client_ref.map(|it| it.as_str()));
    why(to, reason, retry_after_ms)
}

fn about_mark(mut to: Writer, message: &MessageRef, status: Status) -> Result<Writer, EncodeError> {
    to.text("message_id", &name(message)?);
    to.text("status", words::of_status(status));
    Ok(to)
}

fn in_group(mut to: Writer, group: &str) -> Writer {
    to.text("group_id", group);
    to
}

/// EV-ROW-1: where a row stands comes last, after what all who get it have in common.
fn place(mut to: Writer, row: &Row) -> Writer {
    to.number("offset", row.offset.0);
    to.number("prev_offset", row.prev.0);
    to
}

fn deliver(row: &Row, shared: Option<&Made>, out: &mut Frames) {
    match &*row.entry {
        Entry::Message(it) => {
            let mut to = named("new_message");
            match shared {
                Some(made) => to.raw("message", made.get(it)),
                None => to.object("message", |to| message::write(to, it)),
            }
            put(place(to, row), out);
        }
        Entry::Receipt(it) => receipt(row, it, out),
        Entry::Revised(it) => put(place(revision(it), row), out),
        Entry::Reacted(it) => {
            let mut to = named("message_reaction");
            reaction::write(&mut to, it);
            put(place(to, row), out);
        }
        Entry::User(it) => {
            let mut to = named("user");
            if user::write_change(&mut to, it) {
                put(place(to, row), out);
            }
        }
        Entry::Group(it) => {
            let mut to = named("group");
            group::write_change(&mut to, it);
            put(place(to, row), out);
        }
        _ => {}
    }
}

/// EV-RCP-1: one event for each message; the last one names the row.
fn receipt(row: &Row, it: &Receipt, out: &mut Frames) {
    let (event, at) = match it.status {
        Status::Read => ("message_read", "read_at"),
        Status::Played => ("message_played", "played_at"),
        Status::Forwarded => ("message_forwarded", "forwarded_at"),
        _ => ("message_delivered", "delivered_at"),
    };
    let begun = || {
        let mut to = named(event);
        to.text("reader_id", it.by.user.as_str());
        to.text("device_id", it.by.name.as_str());
        to.raw(at, &time::written(it.at));
        to
    };
    let last = it.messages.len().saturating_sub(1);
    for (index, names) in it.messages.iter().enumerate() {
        let mut to = begun();
        let id = names.reference().and_then(|it| name(&it).ok());
        to.maybe("message_id", id.as_deref());
        to.maybe("client_id", names.client_ref.as_ref().map(|it| it.as_str()));
        put(if index == last { place(to, row) } else { to }, out);
    }
    if it.messages.is_empty() {
        put(place(begun(), row), out);
    }
}

/// EV-REV-2.
fn revision(it: &Revision) -> Writer {
    let mut to = named(if it.is_deletion() { "message_deleted" } else { "message_edited" });
    write_names(&mut to, &it.message);
    to.text("conversation_id", &it.conversation.to_string());
    to.number("seq", it.seq.0);
    to.number("edition", it.edition);
    to.text("user_id", it.by.user.as_str());
    to.text("device_id", it.by.name.as_str());
    to.text("client_id", it.client_ref.as_str());
    if let Some(body) = &it.body {
        to.text("message_type", words::of_kind(body.kind));
        message::write_body(&mut to, body, None);
    }
    to.raw("timestamp", &time::written(it.at));
    to
}

/// What a row is about, by all the names that clients know.
pub(super) fn write_names(to: &mut Writer, names: &Names) {
    to.maybe("message_id", names.reference().and_then(|it| name(&it).ok()).as_deref());
    to.maybe("message_client_id", names.client_ref.as_ref().map(|it| it.as_str()));
}

fn write_device(to: &mut Writer, device: &Device) {
    to.text("user_id", device.user.as_str());
    to.text("device_id", device.name.as_str());
}

pub(crate) fn write_aware(to: &mut Writer, it: &Aware) {
    write_device(to, &it.from);
    write_awareness(to, &it.awareness);
}

/// EV-LIVE-1.
fn live(from: &Device, it: &Signal) -> Writer {
    let mut to = match it.act {
        Act::Typing | Act::Cancelled => {
            let mut to = named("typing");
            to.flag("is_typing", it.act == Act::Typing);
            to
        }
        act => {
            let mut to = named("signal");
            to.text("act", words::of_act(act));
            to
        }
    };
    write_device(&mut to, from);
    to.text("conversation_id", &ConversationId::of(&from.user, &it.to).to_string());
    to.maybe("id", it.id.as_ref().map(|it| it.as_str()));
    if let Some(at) = it.at {
        to.raw("timestamp", &time::written(at));
    }
    to
}

fn token(it: &TokenAnswer) -> Result<Writer, EncodeError> {
    let mut to = named("token");
    to.text("task", words::of_task(it.task));
    to.maybe("token", it.token.as_deref().map(|token| utf8(token, "token")).transpose()?);
    if let Some(at) = it.expires {
        to.raw("expires_at", &time::written(at));
    }
    Ok(to)
}

fn fault(it: &Fault) -> Writer {
    let mut to = named("error");
    let request = kinds::name(it.origin);
    to.maybe("request", Some(request).filter(|name| !name.is_empty()));
    to.text("code", &words::of_fault(it.kind));
    // What other dialects say by number stands in `request` here, by name.
    let numbered = format!("kind or route {}: ", it.origin);
    match &*it.details {
        "unknown kind or route 0" => to.text("message", "there is no event of this type"),
        details => to.text("message", details.trim_start_matches(&numbered)),
    }
    to
}

fn bye(reason: &CloseReason) -> Writer {
    let mut to = named("bye");
    to.text("reason", numbers::of_bye(reason));
    if let CloseReason::Replaced { by: Some(device) } = reason {
        to.text("device_id", device.as_str());
    }
    to
}
