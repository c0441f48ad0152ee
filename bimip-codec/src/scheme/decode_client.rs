//! A client's frame, as a server reads it.

use bimip_proto::{
    Body, BodyKind, Claim, ClientPacket, ClientRef, Device, Draft, Form, Offset, Ping, Reject, Said, Seal,
    Status, UserId, limits,
};
use bytes::Bytes;

use super::frame::{Fields, open};
use super::numbers::{self, kind, route};
use super::v1::message_scheme::Payload;
use super::v1::{Body as Batch, Identity, Message, PingPong, Signal};
use super::{account, live};
use crate::DecodeError;

const SERVED: [u32; 10] = [
    route::AWARENESS,
    route::PING_PONG,
    route::AWARENESS_VISIBILITY,
    route::TOKEN_AUTHORITY,
    route::MESSAGE,
    route::SIGNAL,
    route::PUSH_NOTIFICATION,
    route::LOCATION_STREAM,
    route::BODY,
    route::LOGOUT,
];

/// Reads one frame and adds what it says to `out`; on an error `out` is as it was.
pub(crate) fn decode_client(
    me: Option<&Device>,
    frame: Bytes,
    out: &mut Vec<Said>,
) -> Result<(), DecodeError> {
    let (origin, payload) = open(frame, &SERVED)?;
    let reading = Reading { fields: Fields { origin }, me };
    if let Payload::Body(it) = payload {
        return reading.batch(it, out);
    }
    out.push(reading.payload(payload)?);
    Ok(())
}

/// What every payload is read with.
#[derive(Clone, Copy)]
struct Reading<'a> {
    fields: Fields,
    me: Option<&'a Device>,
}

impl Reading<'_> {
    fn payload(self, payload: Payload) -> Result<Said, DecodeError> {
        let (fields, me) = (self.fields, self.me.map(|device| &device.user));
        let claim = |from: Option<&Identity>, field| claim(fields, me, from, field);
        let (claim, packet) = match payload {
            Payload::Awareness(it) => {
                (claim(it.from.as_ref(), "from.eid")?, ClientPacket::Aware(live::awareness(fields, &it)?))
            }
            Payload::PingPong(it) => (claim(it.from.as_ref(), "from.eid")?, ping(fields, it)?),
            Payload::AwarenessVisibility(it) => {
                let (id, visible) = account::visibility(fields, &it)?;
                (claim(it.from.as_ref(), "from.eid")?, ClientPacket::SetVisible { id, visible })
            }
            Payload::TokenAuthority(it) => (Claim::Own, account::token(fields, it)?),
            Payload::Message(it) => {
                let (claim, id) = (claim(it.from.as_ref(), "from.eid")?, ClientRef::new(&it.id).ok());
                (claim, by_name(id, message(fields, me, it))?)
            }
            Payload::Signal(it) => {
                let id = ClientRef::new(&it.id).ok();
                (claim(it.from.as_ref(), "from.eid")?, by_name(id, signal(fields, self.me, &it))?)
            }
            Payload::PushNotification(it) => {
                (claim(it.from.as_ref(), "from.eid")?, account::push(fields, self.me, it)?)
            }
            Payload::LocationStream(it) => {
                (claim(it.from.as_ref(), "from.eid")?, ClientPacket::Track(live::track(fields, &it)?))
            }
            Payload::Logout(it) => (claim(it.to.as_ref(), "to.eid")?, account::logout(fields, &it)?),
            _ => return Err(DecodeError::Unsupported { origin: fields.origin }),
        };
        Ok(Said { claim, origin: fields.origin, packet })
    }

    /// BM-BATCH-1: each part is what it would be alone, and one that cannot be read refuses them all.
    fn batch(self, body: Batch, out: &mut Vec<Said>) -> Result<(), DecodeError> {
        let route = u32::try_from(body.route).unwrap_or_default();
        let alone = Self { fields: Fields { origin: route }, ..self };
        let before = out.len();
        let parts: Vec<Payload> = match route {
            route::AWARENESS if body.message.is_empty() => {
                body.awareness_list.into_iter().map(Payload::Awareness).collect()
            }
            route::MESSAGE if body.awareness_list.is_empty() => {
                body.message.into_iter().map(Payload::Message).collect()
            }
            _ => return Err(self.fields.wrong("route")),
        };
        for part in parts {
            match alone.payload(part) {
                Ok(said) => out.push(said),
                Err(error) => {
                    out.truncate(before);
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// BM-ACK-2: what has a name is refused by it.
fn by_name(
    id: Option<ClientRef>,
    read: Result<ClientPacket, DecodeError>,
) -> Result<ClientPacket, DecodeError> {
    match (id, read) {
        (Some(id), Err(DecodeError::Field { field, .. })) => {
            Ok(ClientPacket::Unfit { id, reason: Reject::Field(field) })
        }
        (Some(id), Err(DecodeError::TooLong { .. })) => {
            Ok(ClientPacket::Unfit { id, reason: Reject::TooLarge })
        }
        (_, read) => read,
    }
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
    let to = fields.address(me, &message.conversation, message.to.as_ref())?;
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

fn signal(fields: Fields, me: Option<&Device>, signal: &Signal) -> Result<ClientPacket, DecodeError> {
    if signal.r#type != kind::REQUEST {
        return Err(fields.wrong("type"));
    }
    match numbers::act(signal.status) {
        Some(act) => Ok(ClientPacket::Signal(live::signal(fields, me, act, signal)?)),
        None => about(fields, signal.status, &signal.user_offset, &signal.signal_id),
    }
}

/// A word about the mailbox up to `user_offset`, or about one message.
fn about(
    fields: Fields,
    status: i32,
    user_offset: &str,
    signal_id: &str,
) -> Result<ClientPacket, DecodeError> {
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
