//! A server's packet, as a client reads it.

use bimip_proto::{
    ClientRef, CloseReason, Device, Entry, Fault, Head, MessageRef, Names, Noted, Offset, Receipt, Reject,
    Row, ServerPacket, Status, Welcome,
};

use super::frame::{identity, put, reference_text, to_ms};
use super::numbers::{self, kind, route};
use super::row::{self, Made};
use super::signal::{Identity, Signal};
use super::v1;
use super::v1::message_scheme::Payload;
use super::wire::{self, Short};
use super::{account, group, live, query, reaction, revision, user};
use crate::{EncodeError, Frames};

/// BM-WELCOME-2: what a server of this version does beyond messages.
pub const FEATURES: [&str; 13] = [
    "dispose",
    "receipts",
    "notifications",
    "presence",
    "tokens",
    "push",
    "revisions",
    "queries",
    "groups",
    "users",
    "reactions",
    "kinds",
    "status",
];

/// Writes the frames of a packet. Live voice is not of this dialect and writes nothing.
pub(crate) fn encode_server(
    me: Option<&Device>,
    packet: &ServerPacket,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    match packet {
        ServerPacket::Welcome(it) => put(Payload::Welcome(welcome(it)), out),
        ServerPacket::Accepted { client_ref, head, offset } => {
            accepted(client_ref.as_ref(), head, *offset, out);
        }
        ServerPacket::Rejected { client_ref, reason, retry_after_ms, .. } => {
            let signal = Signal { id: ref_text(client_ref.as_ref()), ..answer(me, Status::Sent) };
            refuse(signal, *reason, *retry_after_ms, out);
        }
        ServerPacket::Noted(it) => noted(me, it, out),
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(it) => row::deliver(row, it, out),
            Entry::Receipt(it) => receipt(me, row, it, out),
            Entry::Revised(it) => revision::put_row(row, it, out),
            Entry::Group(it) => group::put_row(row, it, out),
            Entry::Reacted(it) => reaction::put_row(row, it, out),
            Entry::User(it) => user::put_row(row, it, out),
            _ => {}
        },
        ServerPacket::Pong { ping, at } => {
            let id = core::str::from_utf8(&ping.id).map_err(|_| EncodeError::Unsayable { field: "ping" })?;
            let pong = v1::PingPong {
                id: id.to_owned(),
                from: me.map(identity),
                r#type: kind::PONG,
                timestamp: to_ms(*at),
                details: String::new(),
            };
            put(Payload::PingPong(pong), out);
        }
        ServerPacket::Aware(it) => put(Payload::Awareness(live::aware(it)), out),
        ServerPacket::Around(list) => live::put_around(list, out),
        ServerPacket::Signal { from, signal } => live::put_signal(Some(from), signal, kind::EVENT, out),
        ServerPacket::Track { from, track } => live::put_track(Some(from), track, out),
        ServerPacket::Visible { id, visible } => {
            put(Payload::AwarenessVisibility(account::visible(me, id.as_ref(), *visible)), out);
        }
        ServerPacket::Token(it) => put(Payload::TokenAuthority(account::token_answer(me, it)?), out),
        ServerPacket::Answer { id, found } => query::put_answer(id, found, out),
        ServerPacket::Unanswered { id, reason, retry_after_ms } => {
            query::put_unanswered(id, *reason, *retry_after_ms, out);
        }
        ServerPacket::Declined { origin, id, reason, retry_after_ms } => {
            declined(me, *origin, id.as_ref(), *reason, *retry_after_ms, out);
        }
        ServerPacket::Fault(it) => put(Payload::Error(fault(it)), out),
        ServerPacket::Bye(reason) => put(bye(me, reason), out),
        _ => {}
    }
    Ok(())
}

/// As [`encode_server`], with what readers of a message have in common made once.
pub(crate) fn encode_shared(
    me: Option<&Device>,
    packet: &ServerPacket,
    shared: &Made,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    match packet {
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(it) => row::deliver_shared(row, it, shared, out),
            _ => return encode_server(me, packet, out),
        },
        _ => return encode_server(me, packet, out),
    }
    Ok(())
}

fn welcome(welcome: &Welcome) -> v1::Welcome {
    v1::Welcome {
        epoch: welcome.epoch.into(),
        resume_from: welcome.resume_from.0,
        head: welcome.head.0,
        window: welcome.window.rows,
        heartbeat_ms: welcome.heartbeat_ms,
        server_time: to_ms(welcome.server_time),
        connection_id: welcome.connection_id.to_string(),
        features: FEATURES.iter().map(ToString::to_string).collect(),
        first: welcome.first.0,
        dedup_days: welcome.dedup_days,
    }
}

fn signal(signal: &Signal<'_>, out: &mut Frames) {
    wire::put(route::SIGNAL, signal, out);
}

fn ref_text(client_ref: Option<&ClientRef>) -> &str {
    client_ref.map_or("", |id| id.as_str())
}

/// BM-ACK-1.
fn accepted(client_ref: Option<&ClientRef>, head: &Head, offset: Offset, out: &mut Frames) {
    let (signal_id, sequence, offset) =
        (Short::id(head.id), Short::decimal(head.id.sequence()), Short::decimal(offset.0));
    let accepted = Signal {
        id: ref_text(client_ref),
        signal_id: signal_id.as_str(),
        signal_offset: sequence.as_str(),
        user_offset: offset.as_str(),
        status: numbers::SENT,
        timestamp: to_ms(head.at),
        from: Some(Identity::of(&head.from)),
        to: Some(Identity::named(head.to.as_str())),
        kind: kind::RESPONSE,
        ..Signal::default()
    };
    signal(&accepted, out);
}

/// BM-ACK-2.
fn refuse(answer: Signal<'_>, reason: Reject, retry_after_ms: Option<u32>, out: &mut Frames) {
    let refused = Signal {
        kind: kind::ERROR,
        code: numbers::of_reject(reason),
        error: &reason.to_string(),
        retry_after_ms: retry_after_ms.unwrap_or_default(),
        ..answer
    };
    signal(&refused, out);
}

fn answer(me: Option<&Device>, status: Status) -> Signal<'_> {
    Signal {
        status: numbers::of_status(status),
        to: me.map(Identity::of),
        kind: kind::RESPONSE,
        ..Signal::default()
    }
}

fn noted(me: Option<&Device>, noted: &Noted, out: &mut Frames) {
    match noted {
        Noted::Disposed(offset) => {
            let offset = Short::decimal(offset.0);
            signal(&Signal { user_offset: offset.as_str(), ..answer(me, Status::Delivered) }, out);
        }
        Noted::Delivered(messages) => {
            for message in messages {
                let name = Name::of(message);
                signal(&Signal { signal_id: name.as_str(), ..answer(me, Status::Delivered) }, out);
            }
        }
        Noted::Marked { message, status } => {
            signal(&Signal { signal_id: Name::of(message).as_str(), ..answer(me, *status) }, out);
        }
        Noted::Refused { message, status, reason, retry_after_ms } => {
            let name = Name::of(message);
            let signal = Signal { signal_id: name.as_str(), ..answer(me, *status) };
            refuse(signal, *reason, *retry_after_ms, out);
        }
        Noted::Revised { client_ref, edition, offset } => {
            revision::put_revised(client_ref, *edition, *offset, out);
        }
        Noted::Reacted { client_ref, edition, count, offset } => {
            reaction::put_reacted(client_ref, *edition, *count, *offset, out);
        }
        Noted::Unreacted { client_ref, reason, retry_after_ms } => {
            reaction::put_unreacted(client_ref, *reason, *retry_after_ms, out);
        }
        Noted::Grouped { client_ref, edition, offset } => {
            group::put_done(client_ref, *edition, *offset, out);
        }
        Noted::Ungrouped { client_ref, reason, retry_after_ms } => {
            group::put_refused(client_ref, *reason, *retry_after_ms, out);
        }
        Noted::UserChanged { client_ref, edition, offset } => {
            user::put_changed(client_ref, *edition, *offset, out);
        }
        Noted::UserUnchanged { client_ref, reason, retry_after_ms } => {
            user::put_unchanged(client_ref, *reason, *retry_after_ms, out);
        }
        Noted::Joined(it) => group::put_moved(it, numbers::JOIN, out),
        Noted::Left(it) => group::put_moved(it, numbers::LEAVE, out),
        Noted::Barred { group, reason, retry_after_ms } => {
            group::put_barred(group, *reason, *retry_after_ms, out);
        }
        Noted::Unrevised { client_ref, reason, retry_after_ms } => {
            revision::put_unrevised(client_ref, *reason, *retry_after_ms, out);
        }
        Noted::PushToken { id, registered } => {
            put(Payload::PushNotification(account::registered(me, id.as_ref(), *registered)), out);
        }
        Noted::LoggedOut(what) => {
            put(Payload::Logout(account::log_out(me, what, kind::RESPONSE, numbers::LOGOUT_SUCCESS)), out);
        }
        _ => {}
    }
}

/// The text of a reference. An id needs no allocation, and is what nearly every message has.
enum Name {
    Id(Short),
    Alias(String),
}

impl Name {
    fn of(message: &MessageRef) -> Self {
        match message {
            MessageRef::Id(id) => Self::Id(Short::id(*id)),
            other => Self::Alias(reference_text(other)),
        }
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Id(id) => id.as_str(),
            Self::Alias(alias) => alias,
        }
    }
}

/// BM-DELIVER-2: one frame for each message; the place of the row comes with the last, so that a reader that got
/// only some of them has not got the row.
fn receipt(me: Option<&Device>, row: &Row, receipt: &Receipt, out: &mut Frames) {
    let part = Signal {
        status: numbers::of_status(receipt.status),
        timestamp: to_ms(receipt.at),
        from: Some(Identity::of(&receipt.by)),
        to: me.map(Identity::of),
        kind: kind::EVENT,
        ..Signal::default()
    };
    let offset = Short::decimal(row.offset.0);
    let last = Signal { user_offset: offset.as_str(), prev_offset: row.prev.0, ..part };
    let Some((final_names, names)) = receipt.messages.split_last() else {
        // A receipt about nothing is still a row.
        return signal(&last, out);
    };
    let about = |names: &Names, part: Signal<'_>, out: &mut Frames| {
        let reference = names.reference().as_ref().map(Name::of);
        let signal_id = reference.as_ref().map_or("", Name::as_str);
        signal(&Signal { id: ref_text(names.client_ref.as_ref()), signal_id, ..part }, out);
    };
    for names in names {
        about(names, part, out);
    }
    about(final_names, last, out);
}

/// BM-ERR-2: a message and a live signal are refused in their own words, everything else by an error that names its route.
fn declined(
    me: Option<&Device>,
    origin: u32,
    id: Option<&ClientRef>,
    reason: Reject,
    retry_after_ms: Option<u32>,
    out: &mut Frames,
) {
    if matches!(origin, route::SIGNAL | route::MESSAGE) {
        // What a signal said is not said again, its `id` tells; a message was to be sent.
        let status = if origin == route::MESSAGE { numbers::SENT } else { 0 };
        let about = Signal { id: ref_text(id), status, ..answer(me, Status::Sent) };
        return refuse(about, reason, retry_after_ms, out);
    }
    if let (route::GROUP, Some(id)) = (origin, id) {
        return group::put_refused(id, reason, retry_after_ms, out);
    }
    if let (route::USER, Some(id)) = (origin, id) {
        return user::put_unchanged(id, reason, retry_after_ms, out);
    }
    if let (route::REVISION, Some(id)) = (origin, id) {
        return revision::put_unrevised(id, reason, retry_after_ms, out);
    }
    if let (route::REACTION, Some(id)) = (origin, id) {
        return reaction::put_unreacted(id, reason, retry_after_ms, out);
    }
    if let (route::QUERY, Some(id)) = (origin, id) {
        return query::put_unanswered(id, reason, retry_after_ms, out);
    }
    let error = v1::ErrorMessage {
        code: numbers::of_reject(reason),
        error_origin: i32::try_from(origin).unwrap_or(i32::MAX),
        details: reason.to_string(),
        timestamp: 0,
        retry_after_ms: retry_after_ms.unwrap_or_default(),
    };
    put(Payload::Error(error), out);
}

fn fault(fault: &Fault) -> v1::ErrorMessage {
    v1::ErrorMessage {
        code: numbers::of_fault(fault.kind),
        error_origin: i32::try_from(fault.origin).unwrap_or(i32::MAX),
        details: fault.details.clone().into_owned(),
        timestamp: 0,
        retry_after_ms: 0,
    }
}

/// BM-BYE-1: a sign-in that failed is an error, everything else a logout.
fn bye(me: Option<&Device>, reason: &CloseReason) -> Payload {
    let details = numbers::of_bye(reason).to_owned();
    match reason {
        CloseReason::Refused | CloseReason::SignInTimeout => Payload::Error(v1::ErrorMessage {
            code: numbers::UNAUTHORIZED,
            error_origin: i32::try_from(route::TOKEN_AUTHORITY).unwrap_or_default(),
            details,
            timestamp: 0,
            retry_after_ms: 0,
        }),
        _ => Payload::Logout(v1::Logout {
            to: me.map(identity),
            r#type: kind::RESPONSE,
            status: numbers::LOGOUT_DISCONNECTED,
            timestamp: 0,
            details,
            scope: numbers::SCOPE_SESSION,
        }),
    }
}
