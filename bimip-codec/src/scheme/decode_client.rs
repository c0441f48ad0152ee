//! A client's frame, as a server reads it.

use bimip_proto::{
    Address, Body, BodyKind, Claim, ClientPacket, ConversationId, Device, DeviceName, Draft, Form, Offset,
    Ping, Said, Seal, Status, UserId, limits,
};
use bytes::Bytes;

use super::frame::{Fields, open};
use super::numbers::{self, kind, route};
use super::v1::message_scheme::Payload;
use super::v1::{Identity, Logout, Message, PingPong, Signal, TokenAuthority};
use crate::DecodeError;

const SERVED: [u32; 5] =
    [route::PING_PONG, route::TOKEN_AUTHORITY, route::MESSAGE, route::SIGNAL, route::LOGOUT];

/// Reads one frame.
pub(crate) fn decode_client(me: Option<&Device>, frame: Bytes) -> Result<Said, DecodeError> {
    let (origin, payload) = open(frame, &SERVED)?;
    let fields = Fields { origin };
    let me = me.map(|device| &device.user);
    let claim = |from: Option<&Identity>, field| claim(fields, me, from, field);
    let (claim, packet) = match payload {
        Payload::PingPong(it) => (claim(it.from.as_ref(), "from.eid")?, ping(fields, it)?),
        Payload::TokenAuthority(it) => (Claim::Own, sign_in(fields, it)?),
        Payload::Message(it) => (claim(it.from.as_ref(), "from.eid")?, message(fields, me, it)?),
        Payload::Signal(it) => (claim(it.from.as_ref(), "from.eid")?, signal(fields, &it)?),
        Payload::Logout(it) => (claim(it.to.as_ref(), "to.eid")?, logout(fields, &it)?),
        _ => return Err(DecodeError::Unsupported { origin }),
    };
    Ok(Said { claim, origin, packet })
}

/// Whoever says nothing about who speaks, claims nothing.
fn claim(
    fields: Fields,
    me: Option<&UserId>,
    from: Option<&Identity>,
    field: &'static str,
) -> Result<Claim, DecodeError> {
    match from.map_or("", |identity| &identity.eid) {
        "" => Ok(Claim::Own),
        eid if me.is_some_and(|me| me.as_str() == eid) => Ok(Claim::Own),
        eid => UserId::new(eid).map(Claim::Other).map_err(|_| fields.wrong(field)),
    }
}

fn ping(fields: Fields, ping: PingPong) -> Result<ClientPacket, DecodeError> {
    match ping.r#type {
        kind::PING => Ok(ClientPacket::Ping(Ping { id: ping.id.into() })),
        _ => Err(fields.wrong("type")),
    }
}

/// BM-AUTH-1: the first frame where no header signed the connection in.
fn sign_in(fields: Fields, token: TokenAuthority) -> Result<ClientPacket, DecodeError> {
    if token.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    if token.task != numbers::VALIDATE {
        return Err(DecodeError::Unsupported { origin: fields.origin });
    }
    let to = token.to.unwrap_or_default();
    let user = match to.eid.as_str() {
        "" => None,
        eid => Some(UserId::new(eid).map_err(|_| fields.wrong("to.eid"))?),
    };
    let device = match to.connection_resource_id.as_deref() {
        None | Some("") => None,
        Some(name) => Some(DeviceName::new(name).map_err(|_| fields.wrong("to.connection_resource_id"))?),
    };
    Ok(ClientPacket::SignIn { user, device, token: token.token.into() })
}

fn message(fields: Fields, me: Option<&UserId>, message: Message) -> Result<ClientPacket, DecodeError> {
    if message.status > numbers::SENT || message.status < 0 {
        // BM-MARK-3: a message sent back with another status is a word about it, never a new message.
        return about(fields, message.status, "", &message.signal_id);
    }
    let kind = match message.r#type {
        kind::CHAT => BodyKind::Text,
        kind::NOTIFICATION => BodyKind::Notification,
        _ => return Err(fields.wrong("type")),
    };
    let client_ref = fields.client_ref(&message.id)?.ok_or_else(|| fields.wrong("id"))?;
    let to = address(fields, me, &message.conversation, message.to.as_ref())?;
    let client_time = match message.timestamp {
        0 => None,
        at => Some(fields.ms(at, "timestamp")?),
    };
    let seal = Seal {
        encryption_type: message.encryption_type,
        encrypted: message.encrypted,
        signature: message.signature,
    };
    let payload = message.payload;
    // A body too large on its own is refused by name. What a seal adds must still fit the recipient's frame.
    let sealed = payload.len() + seal.encryption_type.len() + seal.encrypted.len() + seal.signature.len();
    if payload.len() <= limits::BODY_BYTES && sealed > limits::BODY_BYTES {
        return Err(DecodeError::TooLong { len_bytes: sealed, max_bytes: limits::BODY_BYTES });
    }
    let seal = Some(seal).filter(|seal| *seal != Seal::default());
    let body = Body { kind, form: Form::Opaque, bytes: payload, seal };
    Ok(ClientPacket::Send(Draft { client_ref: Some(client_ref), to, client_time, body }))
}

/// BM-GROUP-1: `conversation` and `to` must not disagree about where a message goes, and a conversation that cannot
/// be read might have been a group.
fn address(
    fields: Fields,
    me: Option<&UserId>,
    conversation: &str,
    to: Option<&Identity>,
) -> Result<Address, DecodeError> {
    if conversation.is_empty() {
        return Ok(Address::User(fields.user(to, "to.eid")?));
    }
    match conversation.parse().map_err(|_| fields.wrong("conversation"))? {
        ConversationId::Group(group) => match to.map_or("", |identity| &identity.eid) {
            eid if eid.is_empty() || eid == group.as_str() => Ok(Address::Group(group)),
            _ => Err(fields.wrong("to.eid")),
        },
        direct => {
            let to = Address::User(fields.user(to, "to.eid")?);
            match me {
                Some(me) if ConversationId::of(me, &to) == direct => Ok(to),
                _ => Err(fields.wrong("conversation")),
            }
        }
    }
}

fn signal(fields: Fields, signal: &Signal) -> Result<ClientPacket, DecodeError> {
    match signal.r#type {
        kind::REQUEST => about(fields, signal.status, &signal.user_offset, &signal.signal_id),
        kind::EVENT => Err(DecodeError::Unsupported { origin: fields.origin }),
        _ => Err(fields.wrong("type")),
    }
}

/// A word about the mailbox up to `user_offset`, or about one message.
fn about(
    fields: Fields,
    status: i32,
    user_offset: &str,
    signal_id: &str,
) -> Result<ClientPacket, DecodeError> {
    if (numbers::FIRST_LIVE..=numbers::LAST_LIVE).contains(&status) {
        return Err(DecodeError::Unsupported { origin: fields.origin });
    }
    let status = numbers::status(status).ok_or_else(|| fields.wrong("status"))?;
    if status == Status::Delivered && !user_offset.is_empty() {
        return Ok(ClientPacket::Dispose(Offset(fields.decimal(user_offset, "user_offset")?)));
    }
    let message = fields.reference(signal_id)?;
    Ok(match status {
        Status::Delivered => ClientPacket::Delivered(vec![message]),
        status => ClientPacket::Mark { message, status },
    })
}

/// The end of this session. Ending others of the account is not served.
fn logout(fields: Fields, logout: &Logout) -> Result<ClientPacket, DecodeError> {
    match (logout.r#type, logout.scope) {
        (kind::REQUEST, 0 | numbers::SCOPE_DEVICE) => Ok(ClientPacket::Bye),
        (kind::REQUEST, 2 | 3) => Err(DecodeError::Unsupported { origin: fields.origin }),
        (kind::REQUEST, _) => Err(fields.wrong("scope")),
        _ => Err(fields.wrong("type")),
    }
}
