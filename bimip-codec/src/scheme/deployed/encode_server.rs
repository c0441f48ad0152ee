//! A server's packet, as a client reads it.

use bimip_proto::{
    Address, Alias, Aware, BodyKind, Channel, CloseReason, Device, Entry, Head, Message, MessageRef, Names,
    Noted, Parties, Receipt, Row, Seq, ServerPacket, Status, UserId,
};

use super::decode_client::RESUME;
use super::frame::{identity, named, put, to_ms};
use super::live;
use super::memory::{Asked, State};
use super::names::spoken;
use super::numbers::{self, kind, route};
use super::wire;
use super::wire::message_scheme::Payload;
use crate::json::Writer;
use crate::scheme::numbers::of_bye;
use crate::scheme::payload::payload;
use crate::{EncodeError, Frames};

/// Writes the frames of a packet. What the dialect has no words for writes nothing.
pub(crate) fn encode_server(
    state: &mut State,
    me: Option<&Device>,
    packet: &ServerPacket,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    let me = me.ok_or(EncodeError::NotSignedIn)?;
    match packet {
        ServerPacket::Welcome(it) => state.set_window(it.window.rows),
        ServerPacket::Accepted { head, .. } => {
            state.place(head.id, head.seq);
            put(Payload::Signal(accepted(head)), out);
        }
        ServerPacket::Rejected { client_ref, reason, .. } => {
            let id = client_ref.as_ref().map_or("", spoken);
            put(refused(me, id, &reason.to_string()), out);
        }
        ServerPacket::Noted(it) => noted(state, me, it, out),
        ServerPacket::Deliver(row) => match &*row.entry {
            Entry::Message(it) => deliver(state, me, row, it, out),
            Entry::Receipt(it) => receipt(state, me, it, out),
            _ => {}
        },
        ServerPacket::Pong { ping, at } => {
            let id = core::str::from_utf8(&ping.id).map_err(|_| EncodeError::Unsayable { field: "ping" })?;
            put(pong(me, id, to_ms(*at)), out);
        }
        ServerPacket::Aware(it) => put(Payload::Awareness(aware(it)), out),
        ServerPacket::Around(list) => list.iter().for_each(|it| put(Payload::Awareness(aware(it)), out)),
        ServerPacket::Signal { from, signal } if matches!(signal.to, Address::User(_)) => {
            put(Payload::Signal(live::put_signal(from, signal, kind::RESPONSE)), out);
        }
        ServerPacket::Track { from, track } if matches!(track.to, Address::User(_)) => {
            put(Payload::LocationStream(live::put_track(from, track)), out);
        }
        ServerPacket::Visible { id, visible } => {
            put(Payload::AwarenessVisibility(live::put_visible(me, id.as_ref(), *visible, 0)), out);
        }
        ServerPacket::Token(it) => {
            let answer =
                live::put_token(me, it.task, it.token.as_deref().unwrap_or_default(), kind::RESPONSE);
            put(Payload::TokenAuthority(answer.ok_or(EncodeError::Unsayable { field: "token" })?), out);
        }
        ServerPacket::Declined { origin, id, reason, .. } => {
            put(error(me, *origin, id.as_ref().map_or("", |id| id.as_str()), reason.to_string()), out);
        }
        ServerPacket::Fault(it) => put(error(me, it.origin, "", it.details.clone().into_owned()), out),
        ServerPacket::Bye(reason) => put(bye(me, reason), out),
        _ => {}
    }
    Ok(())
}

/// A word of the server's that is no refusal. BD-ACK-2: `error` is there, and empty.
fn word(status: i32) -> wire::Signal {
    wire::Signal { status, r#type: kind::RESPONSE, error: Some(String::new()), ..Default::default() }
}

/// BD-OFFSET-1: both offsets are the place of the message in its conversation; nothing where it is not known.
fn offset(seq: Seq) -> String {
    if seq == Seq(0) { String::new() } else { seq.0.to_string() }
}

/// BD-ACK-1.
fn accepted(head: &Head) -> wire::Signal {
    wire::Signal {
        id: head.client_ref.as_ref().map_or("", spoken).to_owned(),
        signal_offset: offset(head.seq),
        user_offset: offset(head.seq),
        timestamp: to_ms(head.at),
        from: Some(identity(&head.from)),
        to: Some(named(head.to.as_str())),
        ..word(numbers::SENT)
    }
}

/// BD-ERR-1: what became of a message that is not stored.
fn refused(me: &Device, id: &str, text: &str) -> Payload {
    let mut json = Writer::new(text.len());
    json.text("error", text);
    Payload::Message(wire::Message {
        id: id.to_owned(),
        from: Some(identity(me)),
        to: Some(identity(me)),
        r#type: kind::ERROR,
        payload: json.finish().into(),
        status: numbers::MESSAGE_ERROR,
        ..Default::default()
    })
}

/// BD-DELIVER-1.
fn deliver(state: &mut State, me: &Device, row: &Row, message: &Message, out: &mut Frames) {
    let Message { head, body } = message;
    let own = head.from.user == me.user;
    // Its caps say that it has no words for groups.
    let Address::User(to) = &head.to else { return };
    let peer = if own { to } else { &head.from.user };
    state.wrote(row.offset, peer.clone(), head.seq, own && *peer != me.user);
    if own {
        state.place(head.id, head.seq);
    }
    let seal = body.seal.clone().unwrap_or_default();
    let encryption_type = match seal.encryption_type.as_str() {
        "" => "none".to_owned(),
        _ => seal.encryption_type,
    };
    // Those who read it look whether it is theirs: the copy for a device of the recipient is addressed to it.
    let to = if head.is_to(&me.user) { identity(me) } else { named(to.as_str()) };
    let message = wire::Message {
        id: head.client_ref.as_ref().map_or_else(|| head.id.to_string(), |id| spoken(id).to_owned()),
        signal_offset: offset(head.seq),
        user_offset: offset(head.seq),
        from: Some(identity(&head.from)),
        to: Some(to),
        r#type: if body.kind == BodyKind::Notification { kind::NOTIFICATION } else { kind::CHAT },
        timestamp: to_ms(head.client_time.unwrap_or(head.at)),
        payload: payload(body, Some(head)),
        encryption_type,
        encrypted: seal.encrypted,
        signature: seal.signature,
        status: numbers::SENT,
    };
    put(Payload::Message(message), out);
}

/// BD-RECEIPT-1: one frame for each message of a conversation of two.
fn receipt(state: &State, me: &Device, receipt: &Receipt, out: &mut Frames) {
    let own = receipt.by.user == me.user;
    for names in &receipt.messages {
        let alias = names.alias.as_ref();
        if alias.is_some_and(|alias| alias.channel == Channel::Group) {
            continue;
        }
        let seq = state.place_of(names.id).unwrap_or_default();
        let to = if own { alias.and_then(author).map(named) } else { Some(identity(me)) };
        let signal = wire::Signal {
            id: id_of(names),
            signal_offset: offset(seq),
            user_offset: offset(seq),
            timestamp: to_ms(receipt.at),
            from: Some(identity(&receipt.by)),
            to,
            ..word(numbers::of_status(receipt.status))
        };
        put(Payload::Signal(signal), out);
    }
}

fn id_of(names: &Names) -> String {
    names.client_ref.as_ref().map_or_else(|| names.id.to_string(), |id| spoken(id).to_owned())
}

/// Who wrote the message, where the alias says so.
fn author(alias: &Alias) -> Option<&str> {
    match &alias.parties {
        Parties::Split { from, .. } => Some(from),
        Parties::Joined(_) => None,
    }
}

fn noted(state: &mut State, me: &Device, noted: &Noted, out: &mut Frames) {
    let mut say = |asked: Asked, error: Option<String>| {
        let (r#type, error) = match error {
            Some(error) => (kind::ERROR, error),
            None => (kind::RESPONSE, String::new()),
        };
        let signal = wire::Signal {
            id: asked.id,
            signal_offset: offset(asked.seq),
            user_offset: offset(asked.seq),
            status: asked.status,
            from: Some(identity(me)),
            to: Some(named(asked.peer.as_str())),
            r#type,
            error: Some(error),
            ..Default::default()
        };
        put(Payload::Signal(signal), out);
    };
    match noted {
        Noted::Disposed(upto) => state.disposed(*upto).into_iter().for_each(|asked| say(asked, None)),
        Noted::Delivered(messages) => {
            for (peer, seq) in messages.iter().filter_map(|message| place(me, message)) {
                say(state.answer(&peer, seq, Status::Delivered), None);
            }
        }
        Noted::Marked { message, status } => {
            if let Some((peer, seq)) = place(me, message) {
                say(state.answer(&peer, seq, *status), None);
            }
        }
        Noted::Refused { message, status, reason, .. } => {
            if let Some((peer, seq)) = place(me, message) {
                say(state.answer(&peer, seq, *status), Some(reason.to_string()));
            }
        }
        _ => {}
    }
}

/// The other side of a message's conversation, and its place there.
fn place(me: &Device, message: &MessageRef) -> Option<(UserId, Seq)> {
    match message {
        MessageRef::Place { conversation, seq } => Some((conversation.peer_of(&me.user)?.clone(), *seq)),
        _ => None,
    }
}

fn pong(me: &Device, id: &str, timestamp: i64) -> Payload {
    if let Some((id, peer)) = id.strip_prefix(RESUME).and_then(|rest| rest.rsplit_once('\0')) {
        let signal = wire::Signal {
            id: id.to_owned(),
            timestamp,
            from: Some(identity(me)),
            to: Some(named(peer)),
            ..word(numbers::RESUME)
        };
        return Payload::Signal(signal);
    }
    Payload::PingPong(wire::PingPong {
        id: id.to_owned(),
        from: Some(identity(me)),
        r#type: kind::RESPONSE,
        timestamp,
        details: String::new(),
    })
}

fn aware(it: &Aware) -> wire::Awareness {
    live::put_awareness(&it.from, &it.awareness, kind::RESPONSE)
}

/// BD-ERR-1: an error is of the route that it is about, from and to the client.
fn error(me: &Device, origin: u32, id: &str, text: String) -> Payload {
    let (myself, id) = (Some(identity(me)), id.to_owned());
    match origin {
        route::MESSAGE => refused(me, &id, &text),
        route::SIGNAL => Payload::Signal(wire::Signal {
            id,
            from: myself.clone(),
            to: myself,
            r#type: kind::ERROR,
            error: Some(text),
            ..Default::default()
        }),
        route::AWARENESS => Payload::Awareness(wire::Awareness {
            id,
            from: myself.clone(),
            to: myself,
            r#type: kind::ERROR,
            location_sharing: numbers::LOCATION_OFF,
            details: text,
            ..Default::default()
        }),
        route::PING_PONG => Payload::PingPong(wire::PingPong {
            id,
            from: myself,
            r#type: kind::ERROR,
            details: text,
            ..Default::default()
        }),
        route::VISIBILITY => Payload::AwarenessVisibility(wire::AwarenessVisibility {
            id,
            from: myself,
            r#type: kind::ERROR,
            details: text,
            ..Default::default()
        }),
        route::TOKEN_AUTHORITY => Payload::TokenAuthority(wire::TokenAuthority {
            to: myself,
            r#type: kind::ERROR,
            details: text,
            ..Default::default()
        }),
        route::LOGOUT => Payload::Logout(wire::Logout {
            to: myself,
            r#type: kind::ERROR,
            status: numbers::LOGOUT_FAILED,
            details: text,
            ..Default::default()
        }),
        origin => Payload::Error(wire::ErrorMessage {
            code: numbers::INVALID_REQUEST,
            error_origin: i32::try_from(origin).unwrap_or(i32::MAX),
            details: text,
            timestamp: 0,
        }),
    }
}

/// BD-BYE-1: done as asked, or with the word for why.
fn bye(me: &Device, reason: &CloseReason) -> Payload {
    let details = if *reason == CloseReason::Bye { "" } else { of_bye(reason) };
    Payload::Logout(wire::Logout {
        to: Some(identity(me)),
        r#type: kind::RESPONSE,
        status: numbers::LOGOUT_DISCONNECTED,
        timestamp: 0,
        details: details.to_owned(),
    })
}
