//! A client's frame, as a server reads it.

use bimip_proto::{
    BodyKind, Claim, ClientPacket, ClientRef, Device, Draft, Offset, Ping, Reject, Said, Seal, Status, UserId,
};
use bytes::Bytes;

use super::frame::{Fields, fits, open};
use super::numbers::{self, kind, route};
use super::read::{Message, Signal};
use super::v1::message_scheme::Payload;
use super::v1::{self, Body as Batch, Identity, PingPong};
use super::{account, group, kind as content_kind, live, query, reaction, revision, user};
use crate::DecodeError;

const SERVED: [u32; 15] = [
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
    route::REVISION,
    route::QUERY,
    route::GROUP,
    route::REACTION,
    route::USER,
];

/// Reads one frame and adds what it says to `out`; on an error `out` is as it was.
pub(crate) fn decode_client(
    me: Option<&Device>,
    frame: Bytes,
    out: &mut Vec<Said>,
) -> Result<(), DecodeError> {
    let envelope = open(frame, &SERVED)?;
    let reading = Reading { fields: Fields { origin: envelope.origin }, me };
    let said = match envelope.origin {
        route::MESSAGE => {
            let it: Message<'_> = envelope.view()?;
            reading.message(&it, envelope.share(it.payload))?
        }
        route::SIGNAL => {
            let it: Signal<'_> = envelope.view()?;
            match numbers::act(it.status) {
                None => reading.signal(&it)?,
                Some(_) => reading.payload(envelope.payload()?)?,
            }
        }
        _ => match envelope.payload()? {
            Payload::Body(it) => return reading.batch(it, out),
            payload => reading.payload(payload)?,
        },
    };
    out.push(said);
    Ok(())
}

/// What every payload is read with.
#[derive(Clone, Copy)]
struct Reading<'a> {
    fields: Fields,
    me: Option<&'a Device>,
}

impl Reading<'_> {
    fn message(self, message: &Message<'_>, payload: Bytes) -> Result<Said, DecodeError> {
        let (fields, me) = (self.fields, self.me.map(|device| &device.user));
        let claim = claim(fields, me, message.from.eid, "from.eid")?;
        let packet = by_name(message.id, draft(fields, me, message, payload))?;
        Ok(Said { claim, origin: fields.origin, packet })
    }

    /// A signal that is not live.
    fn signal(self, signal: &Signal<'_>) -> Result<Said, DecodeError> {
        let fields = self.fields;
        let claim = claim(fields, self.me.map(|device| &device.user), signal.from.eid, "from.eid")?;
        let read = match signal.kind {
            kind::REQUEST => about(fields, signal.status, signal.user_offset, signal.signal_id),
            _ => Err(fields.wrong("type")),
        };
        let packet = by_name(signal.id, read)?;
        Ok(Said { claim, origin: fields.origin, packet })
    }

    /// What is read into memory of its own.
    fn payload(self, payload: Payload) -> Result<Said, DecodeError> {
        let (fields, me) = (self.fields, self.me.map(|device| &device.user));
        let claim = |from: Option<&Identity>, field| {
            claim(fields, me, from.map_or("", |identity| &identity.eid), field)
        };
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
            Payload::Message(it) => return self.message(&Message::from(&it), it.payload.clone()),
            Payload::Signal(it) => {
                let claim = claim(it.from.as_ref(), "from.eid")?;
                (claim, by_name(&it.id, signal(fields, self.me, &it))?)
            }
            Payload::PushNotification(it) => {
                (claim(it.from.as_ref(), "from.eid")?, account::push(fields, self.me, it)?)
            }
            Payload::LocationStream(it) => {
                (claim(it.from.as_ref(), "from.eid")?, ClientPacket::Track(live::track(fields, &it)?))
            }
            Payload::Revision(it) => {
                let (claim, id) = (claim(it.from.as_ref(), "from.eid")?, it.id.clone());
                (claim, by_name(&id, revision::read_request(fields, it))?)
            }
            Payload::Query(it) => {
                let claim = claim(it.from.as_ref(), "from.eid")?;
                (claim, by_name(&it.id, query::read_request(fields, me, &it))?)
            }
            Payload::Group(it) => {
                let (claim, id) = (claim(it.from.as_ref(), "from.eid")?, it.id.clone());
                (claim, by_name(&id, group::read_request(fields, it))?)
            }
            Payload::Reaction(it) => {
                let claim = claim(it.from.as_ref(), "from.eid")?;
                (claim, by_name(&it.id, reaction::read_request(fields, &it))?)
            }
            Payload::User(it) => {
                let (claim, id) = (claim(it.from.as_ref(), "from.eid")?, it.id.clone());
                (claim, by_name(&id, user::read_request(fields, it))?)
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
fn by_name(id: &str, read: Result<ClientPacket, DecodeError>) -> Result<ClientPacket, DecodeError> {
    let reason = match read {
        Err(DecodeError::Field { field, .. }) => Reject::Field(field),
        Err(DecodeError::TooLong { .. }) => Reject::TooLarge,
        read => return read,
    };
    ClientRef::new(id).map_or(read, |id| Ok(ClientPacket::Unfit { id: Some(id), reason }))
}

/// Whoever says nothing about who speaks, claims nothing.
fn claim(fields: Fields, me: Option<&UserId>, eid: &str, field: &'static str) -> Result<Claim, DecodeError> {
    match eid {
        "" => Ok(Claim::Own),
        eid if me.is_some_and(|me| me.as_str() == eid) => Ok(Claim::Own),
        eid => fields.eid(eid, field).map(Claim::Other),
    }
}

fn ping(fields: Fields, ping: PingPong) -> Result<ClientPacket, DecodeError> {
    match ping.r#type {
        kind::PING => Ok(ClientPacket::Ping(Ping { id: ping.id.into() })),
        _ => Err(fields.wrong("type")),
    }
}

fn draft(
    fields: Fields,
    me: Option<&UserId>,
    message: &Message<'_>,
    payload: Bytes,
) -> Result<ClientPacket, DecodeError> {
    if message.status > numbers::SENT || message.status < 0 {
        // BM-MARK-3: a message sent back with another status is a word about it, never a new message.
        return about(fields, message.status, "", message.signal_id);
    }
    let notifies = match message.kind {
        kind::CHAT => false,
        kind::NOTIFICATION if message.content_kind == 0 => true,
        kind::NOTIFICATION => return Err(fields.wrong("kind")),
        _ => return Err(fields.wrong("type")),
    };
    let client_ref = fields.client_ref(message.id)?.ok_or_else(|| fields.wrong("id"))?;
    let to = fields.address(me, message.conversation, message.to.eid)?;
    let client_time = match message.timestamp {
        0 => None,
        at => Some(fields.ms(at, "timestamp")?),
    };
    let seal = [message.encryption_type, message.encrypted, message.signature];
    fits(payload.len(), seal.iter().map(|text| text.len()).sum())?;
    let seal = seal.iter().any(|text| !text.is_empty()).then(|| {
        let [encryption_type, encrypted, signature] = seal.map(str::to_owned);
        Seal { encryption_type, encrypted, signature }
    });
    let mut body = content_kind::said(fields, message.content_kind, payload, seal)?;
    if notifies {
        body.kind = BodyKind::Notification;
    }
    Ok(ClientPacket::Send(Draft { client_ref: Some(client_ref), to, client_time, body }))
}

/// A live signal: all else is read in place.
fn signal(fields: Fields, me: Option<&Device>, signal: &v1::Signal) -> Result<ClientPacket, DecodeError> {
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
