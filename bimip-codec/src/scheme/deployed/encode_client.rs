//! A client's packet, as a server reads it.

use bimip_proto::{Act, Address, BodyKind, ClientPacket, Device, Draft, MessageRef, Seq, Status};

use super::frame::{identity, named, put, to_ms};
use super::live;
use super::names::spoken;
use super::numbers::{self, kind};
use super::wire;
use super::wire::message_scheme::Payload;
use crate::scheme::payload::payload;
use crate::{EncodeError, Frames};

/// Writes the frames of a packet.
pub(crate) fn encode_client(
    me: Option<&Device>,
    packet: &ClientPacket,
    out: &mut Frames,
) -> Result<(), EncodeError> {
    let me = me.ok_or(EncodeError::NotSignedIn)?;
    match packet {
        ClientPacket::Send(it) => put(Payload::Message(message(me, it)?), out),
        ClientPacket::Delivered(messages) => {
            for message in messages {
                put(Payload::Signal(about(me, message, Status::Delivered)?), out);
            }
        }
        ClientPacket::Mark {
            message,
            status: status @ (Status::Read | Status::Played | Status::Forwarded),
        } => put(Payload::Signal(about(me, message, *status)?), out),
        ClientPacket::Ping(ping) => {
            let id = core::str::from_utf8(&ping.id).ok().filter(|id| !id.is_empty() && !id.starts_with('\0'));
            let ping = wire::PingPong {
                id: id.ok_or(EncodeError::Unsayable { field: "ping" })?.to_owned(),
                from: Some(identity(me)),
                r#type: kind::REQUEST,
                timestamp: SOME_TIME,
                details: String::new(),
            };
            put(Payload::PingPong(ping), out);
        }
        ClientPacket::Aware(it) => {
            let said = live::put_awareness(me, it, kind::REQUEST);
            if said.id.is_empty() || said.ttl == 0 || said.timestamp == 0 {
                return Err(EncodeError::Unsayable { field: "awareness" });
            }
            put(Payload::Awareness(said), out);
        }
        // What goes on is a question for missed messages here.
        ClientPacket::Signal(it) if it.act == Act::Resumed => return Err(EncodeError::NotSpoken),
        ClientPacket::Signal(it) if matches!(it.to, Address::User(_)) => {
            put(Payload::Signal(live::put_signal(me, it, kind::REQUEST)), out);
        }
        ClientPacket::Track(it) if matches!(it.to, Address::User(_)) => {
            put(Payload::LocationStream(live::put_track(me, it)), out);
        }
        ClientPacket::SetVisible { id: Some(id), visible } => {
            put(Payload::AwarenessVisibility(live::put_visible(me, Some(id), *visible, SOME_TIME)), out);
        }
        ClientPacket::Token { task, token } => {
            let request = live::put_token(me, *task, token, kind::REQUEST);
            put(Payload::TokenAuthority(request.ok_or(EncodeError::Unsayable { field: "token" })?), out);
        }
        ClientPacket::Bye => {
            let logout = wire::Logout {
                to: Some(identity(me)),
                r#type: kind::REQUEST,
                status: numbers::LOGOUT_PENDING,
                timestamp: SOME_TIME,
                details: String::new(),
            };
            put(Payload::Logout(logout), out);
        }
        _ => return Err(EncodeError::NotSpoken),
    }
    Ok(())
}

/// Servers ask for a time that no packet carries, and do nothing with it. This crate has no clock.
const SOME_TIME: i64 = 1;

fn about(me: &Device, message: &MessageRef, status: Status) -> Result<wire::Signal, EncodeError> {
    let place = match message {
        MessageRef::Place { conversation, seq } => conversation.peer_of(&me.user).zip(Some(seq)),
        _ => None,
    };
    let (peer, Seq(seq)) = place.ok_or(EncodeError::Unsayable { field: "message" })?;
    Ok(wire::Signal {
        signal_offset: seq.to_string(),
        user_offset: seq.to_string(),
        status: numbers::of_status(status),
        from: Some(identity(me)),
        to: Some(named(peer.as_str())),
        r#type: kind::REQUEST,
        ..Default::default()
    })
}

fn message(me: &Device, draft: &Draft) -> Result<wire::Message, EncodeError> {
    let id = draft.client_ref.as_ref().ok_or(EncodeError::Unsayable { field: "client_ref" })?;
    let at =
        draft.client_time.filter(|at| at.0 > 0).ok_or(EncodeError::Unsayable { field: "client_time" })?;
    let r#type = match draft.body.kind {
        BodyKind::Text => kind::CHAT,
        BodyKind::Notification => kind::NOTIFICATION,
        _ => return Err(EncodeError::Unsayable { field: "kind" }),
    };
    let Address::User(to) = &draft.to else { return Err(EncodeError::Unsayable { field: "to" }) };
    let seal = draft.body.seal.clone().unwrap_or_default();
    let encryption_type = match seal.encryption_type.as_str() {
        "" => "none".to_owned(),
        _ => seal.encryption_type,
    };
    Ok(wire::Message {
        id: spoken(id).to_owned(),
        from: Some(identity(me)),
        to: Some(named(to.as_str())),
        r#type,
        timestamp: to_ms(at),
        payload: payload(&draft.body, None),
        encryption_type,
        encrypted: seal.encrypted,
        signature: seal.signature,
        status: numbers::SENT,
        ..Default::default()
    })
}
