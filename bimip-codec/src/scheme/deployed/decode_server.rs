//! A server's frame, as a client reads it.

use std::borrow::Cow;
use std::sync::Arc;

use bimip_proto::{
    Act, Address, Body, BodyKind, ClientRef, ConversationId, Device, DeviceName, Entry, Fault, FaultKind,
    Form, Head, Message, MessageId, MessageRef, Names, Noted, Offset, Ping, Receipt, Reject, Row, Seal, Seq,
    ServerPacket, Status, UnixMs,
};

use bytes::Bytes;

use super::frame::{Rules, open};
use super::live;
use super::numbers::{self, kind, route};
use super::wire;
use super::wire::message_scheme::Payload;
use crate::DecodeError;
use crate::json::Object;
use crate::scheme::numbers::bye;

const SERVED: [u32; 9] = [
    route::AWARENESS,
    route::PING_PONG,
    route::VISIBILITY,
    route::TOKEN_AUTHORITY,
    route::MESSAGE,
    route::SIGNAL,
    route::LOCATION,
    route::ERROR,
    route::LOGOUT,
];

/// Reads one frame.
pub(crate) fn decode_server(me: Option<&Device>, frame: Bytes) -> Result<ServerPacket, DecodeError> {
    let (origin, payload) = open(frame, &SERVED)?;
    let me = me.ok_or(DecodeError::OutOfPlace { origin })?;
    let rules = Rules { origin };
    Ok(match payload {
        Payload::Message(it) if it.r#type == kind::ERROR => error_of_message(rules, &it)?,
        Payload::Message(it) => message(rules, it)?,
        Payload::Signal(it) => signal(rules, me, &it)?,
        Payload::PingPong(it) if it.r#type == kind::RESPONSE => {
            rules.hold(!it.id.starts_with('\0'), "id", "must not begin with a zero")?;
            ServerPacket::Pong { ping: Ping { id: it.id.into() }, at: ms(rules, it.timestamp)? }
        }
        Payload::Logout(it) if it.r#type == kind::RESPONSE => {
            ServerPacket::Bye(bye(if it.details.is_empty() { "bye" } else { &it.details }))
        }
        Payload::Error(it) => fault(u32::try_from(it.error_origin).unwrap_or_default(), it.details),
        Payload::Logout(wire::Logout { r#type: kind::ERROR, details, .. })
        | Payload::PingPong(wire::PingPong { r#type: kind::ERROR, details, .. })
        | Payload::Awareness(wire::Awareness { r#type: kind::ERROR, details, .. })
        | Payload::TokenAuthority(wire::TokenAuthority { r#type: kind::ERROR, details, .. })
        | Payload::AwarenessVisibility(wire::AwarenessVisibility { r#type: kind::ERROR, details, .. }) => {
            fault(origin, details)
        }
        Payload::Awareness(it) if it.r#type == kind::RESPONSE => {
            ServerPacket::Aware(live::read_aware(rules, &it)?)
        }
        Payload::TokenAuthority(it) if it.r#type == kind::RESPONSE => {
            ServerPacket::Token(live::read_token(rules, it)?)
        }
        Payload::AwarenessVisibility(it) => {
            let (id, visible) = live::visible(rules, &it)?;
            ServerPacket::Visible { id, visible }
        }
        Payload::LocationStream(it) => {
            let from = device(rules, it.from.as_ref(), "from")?;
            ServerPacket::Track { from, track: live::track(rules, &it)? }
        }
        _ => return Err(rules.broken("type", "must be 2 (RESPONSE) or 3 (ERROR)")),
    })
}

/// Codes are texts here; only those of drafts and marks are read back, by the texts of [`Reject`].
const fn fault(origin: u32, details: String) -> ServerPacket {
    ServerPacket::Fault(Fault { kind: FaultKind::Field, origin, details: Cow::Owned(details) })
}

fn reject(text: &str) -> Reject {
    let known = [
        Reject::Conflict,
        Reject::NotYourself,
        Reject::NoSuchMessage,
        Reject::TooLarge,
        Reject::Unsupported,
        Reject::Busy,
        Reject::Unavailable,
    ];
    known.into_iter().find(|reason| reason.to_string() == text).unwrap_or(Reject::Unsupported)
}

fn ms(rules: Rules, value: i64) -> Result<UnixMs, DecodeError> {
    u64::try_from(value).map(UnixMs).map_err(|_| rules.broken("timestamp", "must not be below 0"))
}

fn device(
    rules: Rules,
    identity: Option<&wire::Identity>,
    field: &'static str,
) -> Result<Device, DecodeError> {
    let name = identity.and_then(|identity| identity.connection_resource_id.as_deref());
    let name = name.and_then(|name| DeviceName::new(name).ok());
    let name = name.ok_or_else(|| rules.broken(field, "must name a device"))?;
    Ok(Device::new(rules.user(identity, field)?, name))
}

fn client_ref(rules: Rules, id: &str) -> Result<Option<ClientRef>, DecodeError> {
    match id {
        "" => Ok(None),
        id => ClientRef::new(id).map(Some).map_err(|_| rules.broken("id", "must have at most 128 bytes")),
    }
}

fn place(rules: Rules, text: &str) -> Result<Seq, DecodeError> {
    if text.is_empty() { Ok(Seq(0)) } else { rules.offset(text, "signal_offset").map(Seq) }
}

/// When to try again after a refusal that may pass. The layout says why, and not when.
fn wait_ms(reason: Reject) -> Option<u32> {
    matches!(reason, Reject::Busy | Reject::Unavailable).then_some(1_000)
}

/// An error that names a message is about a draft.
fn error_of_message(rules: Rules, message: &wire::Message) -> Result<ServerPacket, DecodeError> {
    let text = Object::parse_bytes(&message.payload).and_then(|object| object.text("error"));
    let text = text.ok_or_else(|| rules.broken("payload", "must be JSON with an error"))?;
    Ok(match client_ref(rules, &message.id)? {
        None => fault(rules.origin, text),
        client_ref => {
            let reason = reject(&text);
            ServerPacket::Rejected { client_ref, to: None, reason, retry_after_ms: wait_ms(reason) }
        }
    })
}

fn message(rules: Rules, message: wire::Message) -> Result<ServerPacket, DecodeError> {
    let kind = match message.r#type {
        kind::CHAT => BodyKind::Text,
        kind::NOTIFICATION => BodyKind::Notification,
        _ => return Err(rules.broken("type", "must be 1, 2 or 3")),
    };
    let at = ms(rules, message.timestamp)?;
    let head = Head {
        id: MessageId::NONE,
        from: device(rules, message.from.as_ref(), "from")?,
        to: Address::User(rules.user(message.to.as_ref(), "to.eid")?),
        client_ref: client_ref(rules, &message.id)?,
        client_time: Some(at),
        at,
        stamp: at,
        seq: place(rules, &message.signal_offset)?,
        kind,
    };
    let seal = Seal {
        encryption_type: message.encryption_type,
        encrypted: message.encrypted,
        signature: message.signature,
    };
    let body = Body { kind, form: Form::Opaque, bytes: message.payload, seal: Some(seal) };
    Ok(row(Entry::Message(Message { head, body })))
}

/// Rows have no numbers here.
fn row(entry: Entry) -> ServerPacket {
    ServerPacket::Deliver(Row { prev: Offset::ZERO, offset: Offset::ZERO, entry: Arc::new(entry) })
}

fn signal(rules: Rules, me: &Device, signal: &wire::Signal) -> Result<ServerPacket, DecodeError> {
    let status = numbers::status(signal.status);
    match (signal.r#type, status) {
        (kind::RESPONSE, None) if signal.status == numbers::SENT => accepted(rules, signal),
        (kind::RESPONSE, Some(status)) => {
            let by = device(rules, signal.from.as_ref(), "from")?;
            if by != *me {
                return receipt(rules, by, status, signal);
            }
            let message = named(rules, me, signal)?;
            Ok(ServerPacket::Noted(match status {
                Status::Delivered => Noted::Delivered(vec![message]),
                status => Noted::Marked { message, status },
            }))
        }
        (kind::ERROR, Some(status)) => {
            let (message, text) = (named(rules, me, signal)?, signal.error.as_deref().unwrap_or_default());
            let reason = reject(text);
            Ok(ServerPacket::Noted(Noted::Refused {
                message,
                status,
                reason,
                retry_after_ms: wait_ms(reason),
            }))
        }
        (kind::ERROR, None) => Ok(fault(rules.origin, signal.error.clone().unwrap_or_default())),
        (kind::RESPONSE, None) => {
            let from = device(rules, signal.from.as_ref(), "from")?;
            let act = numbers::act(signal.status).or_else(|| {
                // From oneself, it is the answer to the question.
                (signal.status == numbers::RESUME && from.user != me.user).then_some(Act::Resumed)
            });
            let act = act.ok_or(DecodeError::Unsupported { origin: rules.origin })?;
            Ok(ServerPacket::Signal { from, signal: live::signal(rules, act, signal)? })
        }
        _ => Err(rules.broken("type", "must be 2 (RESPONSE) or 3 (ERROR)")),
    }
}

/// A copy of a message that is stored is answered by "sent" too; both say that the server has it.
fn accepted(rules: Rules, signal: &wire::Signal) -> Result<ServerPacket, DecodeError> {
    let (client_ref, at) = (client_ref(rules, &signal.id)?, ms(rules, signal.timestamp)?);
    let head = Head {
        id: MessageId::NONE,
        from: device(rules, signal.from.as_ref(), "from")?,
        to: Address::User(rules.user(signal.to.as_ref(), "to.eid")?),
        client_ref: client_ref.clone(),
        client_time: None,
        at,
        stamp: at,
        seq: place(rules, &signal.signal_offset)?,
        kind: BodyKind::Text,
    };
    Ok(ServerPacket::Accepted { client_ref, head, offset: Offset::ZERO })
}

fn receipt(
    rules: Rules,
    by: Device,
    status: Status,
    signal: &wire::Signal,
) -> Result<ServerPacket, DecodeError> {
    let names = Names { id: MessageId::NONE, alias: None, client_ref: client_ref(rules, &signal.id)? };
    let at = ms(rules, signal.timestamp)?;
    Ok(row(Entry::Receipt(Receipt { by, status, at, messages: vec![names] })))
}

fn named(rules: Rules, me: &Device, signal: &wire::Signal) -> Result<MessageRef, DecodeError> {
    let peer = rules.user(signal.to.as_ref(), "to.eid")?;
    let seq = Seq(rules.offset(&signal.signal_offset, "signal_offset")?);
    Ok(MessageRef::Place { conversation: ConversationId::direct(me.user.clone(), peer), seq })
}
