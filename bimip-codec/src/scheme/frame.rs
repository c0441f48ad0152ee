//! The envelope of a frame, and the small conversions every payload needs.

use bimip_proto::{
    Address, ClientRef, ConversationId, Device, DeviceName, MessageId, MessageRef, UnixMs, UserId, limits,
};
use bytes::Bytes;
use prost::Message as _;

use super::numbers::route;
use super::v1::message_scheme::Payload;
use super::v1::{Identity, MessageScheme};
use crate::{DecodeError, Frames};

/// Reads a frame whose route is one of `served`; gives the route, for answers, and the payload.
///
/// BM-FRAME-1: the route is looked at before the payload is read, so that a frame nobody serves costs nothing: an
/// empty element of a list takes two bytes of a frame and a hundred of memory.
pub(super) fn open(frame: Bytes, served: &[u32]) -> Result<(u32, Payload), DecodeError> {
    const MALFORMED: DecodeError = DecodeError::Malformed { at: "protobuf" };
    if frame.is_empty() {
        // Protobuf would read a frame in which every field is zero; nobody means that.
        return Err(DecodeError::Malformed { at: "empty frame" });
    }
    let outline = outline(&frame).ok_or(MALFORMED)?;
    let origin = u32::try_from(outline.route).unwrap_or_default();
    if !route::is_known(origin) {
        return Err(DecodeError::Unknown { origin });
    }
    match outline.payloads {
        Payloads::None => return Err(DecodeError::Missing { origin }),
        Payloads::One(tag) if tag == u64::from(origin) => {}
        _ => return Err(DecodeError::Mismatched { origin }),
    }
    if !served.contains(&origin) {
        return Err(DecodeError::Unsupported { origin });
    }
    if origin == route::BODY && parts(&frame).ok_or(MALFORMED)? > limits::BATCH_PARTS {
        return Err(DecodeError::Field { origin, field: "message" });
    }
    let scheme = MessageScheme::decode(frame).map_err(|_| MALFORMED)?;
    Ok((origin, scheme.payload.ok_or(DecodeError::Missing { origin })?))
}

struct Outline {
    route: u64,
    payloads: Payloads,
}

enum Payloads {
    None,
    One(u64),
    Several,
}

/// The top level of a frame.
fn outline(frame: &[u8]) -> Option<Outline> {
    let mut outline = Outline { route: 0, payloads: Payloads::None };
    walk(frame, |tag, value| match value {
        Value::Number(value) if tag == 1 => outline.route = value,
        Value::Bytes(_) if u32::try_from(tag).is_ok_and(route::is_known) => {
            outline.payloads = match outline.payloads {
                Payloads::None => Payloads::One(tag),
                Payloads::One(same) if same == tag => Payloads::One(tag),
                _ => Payloads::Several,
            };
        }
        _ => {}
    })?;
    Some(outline)
}

/// How many payloads a frame of route 10 carries. A payload that comes in pieces is read as one, so they add up.
fn parts(frame: &[u8]) -> Option<usize> {
    let (mut parts, mut whole) = (0_usize, true);
    walk(frame, |tag, value| {
        if let (true, Value::Bytes(body)) = (tag == u64::from(route::BODY), value) {
            let inner = walk(body, |tag, value| {
                parts += usize::from(matches!((tag, value), (2 | 3, Value::Bytes(_))));
            });
            whole &= inner.is_some();
        }
    })?;
    whole.then_some(parts)
}

/// A field of a message, as far as its type on the wire says.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of one level, in order; `None` if it is no message.
fn walk<'a>(mut rest: &'a [u8], mut each: impl FnMut(u64, Value<'a>)) -> Option<()> {
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut rest)?),
            1 => {
                rest = rest.get(8..)?;
                Value::Fixed
            }
            2 => {
                let len = usize::try_from(varint(&mut rest)?).ok()?;
                let (bytes, after) = rest.split_at_checked(len)?;
                rest = after;
                Value::Bytes(bytes)
            }
            5 => {
                rest = rest.get(4..)?;
                Value::Fixed
            }
            _ => return None,
        };
        each(key >> 3, value);
    }
    Some(())
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Adds a frame with this payload under its route.
pub(super) fn put(payload: Payload, out: &mut Frames) {
    let route = match &payload {
        Payload::Awareness(_) => 2,
        Payload::PingPong(_) => 3,
        Payload::AwarenessVisibility(_) => 4,
        Payload::TokenAuthority(_) => 5,
        Payload::Message(_) => 6,
        Payload::Signal(_) => 7,
        Payload::PushNotification(_) => 8,
        Payload::LocationStream(_) => 9,
        Payload::Body(_) => 10,
        Payload::Error(_) => 11,
        Payload::Logout(_) => 12,
        Payload::Welcome(_) => 16,
    };
    let scheme = MessageScheme { route, payload: Some(payload) };
    out.frame(scheme.encoded_len(), |to| {
        // The only error is a full buffer, and this one grows.
        let written = scheme.encode(to);
        debug_assert!(written.is_ok());
    });
}

/// A device, as the wire names it.
pub(super) fn identity(device: &Device) -> Identity {
    Identity {
        eid: device.user.as_str().to_owned(),
        connection_resource_id: Some(device.name.as_str().to_owned()),
        node: None,
    }
}

/// A user or group, as the wire names it.
pub(super) fn named(eid: &str) -> Identity {
    Identity { eid: eid.to_owned(), connection_resource_id: None, node: None }
}

/// Milliseconds for a signed field. What is beyond it is not a time.
pub(super) fn to_ms(at: UnixMs) -> i64 {
    i64::try_from(at.0).unwrap_or(i64::MAX)
}

/// What fields are read with: errors name the route and the field.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    /// The route.
    pub(super) origin: u32,
}

impl Fields {
    pub(super) const fn wrong(self, field: &'static str) -> DecodeError {
        DecodeError::Field { origin: self.origin, field }
    }

    /// Milliseconds of a signed field: never before the epoch.
    pub(super) fn ms(self, value: i64, field: &'static str) -> Result<UnixMs, DecodeError> {
        u64::try_from(value).map(UnixMs).map_err(|_| self.wrong(field))
    }

    /// A decimal number without sign or leading zeros.
    pub(super) fn decimal(self, text: &str, field: &'static str) -> Result<u64, DecodeError> {
        let canonical = text == "0" || !text.starts_with(['0', '+']);
        text.parse().ok().filter(|_| canonical).ok_or_else(|| self.wrong(field))
    }

    pub(super) fn user(self, from: Option<&Identity>, field: &'static str) -> Result<UserId, DecodeError> {
        from.and_then(|identity| UserId::new(&identity.eid).ok()).ok_or_else(|| self.wrong(field))
    }

    pub(super) fn device(self, from: Option<&Identity>, field: &'static str) -> Result<Device, DecodeError> {
        let name = from.and_then(|identity| identity.connection_resource_id.as_deref());
        let name = name.and_then(|name| DeviceName::new(name).ok()).ok_or_else(|| self.wrong(field))?;
        Ok(Device::new(self.user(from, field)?, name))
    }

    /// BM-GROUP-1: `conversation` and `to` must not disagree about where something goes, and a conversation that
    /// cannot be read might have been a group.
    pub(super) fn address(
        self,
        me: Option<&UserId>,
        conversation: &str,
        to: Option<&Identity>,
    ) -> Result<Address, DecodeError> {
        if conversation.is_empty() {
            return Ok(Address::User(self.user(to, "to.eid")?));
        }
        match conversation.parse().map_err(|_| self.wrong("conversation"))? {
            ConversationId::Group(group) => match to.map_or("", |identity| &identity.eid) {
                eid if eid.is_empty() || eid == group.as_str() => Ok(Address::Group(group)),
                _ => Err(self.wrong("to.eid")),
            },
            direct => {
                let to = Address::User(self.user(to, "to.eid")?);
                match me {
                    Some(me) if ConversationId::of(me, &to) == direct => Ok(to),
                    _ => Err(self.wrong("conversation")),
                }
            }
        }
    }

    /// A client reference; empty is none.
    pub(super) fn client_ref(self, id: &str) -> Result<Option<ClientRef>, DecodeError> {
        if id.is_empty() { Ok(None) } else { ClientRef::new(id).map(Some).map_err(|_| self.wrong("id")) }
    }

    pub(super) fn message_id(self, text: &str) -> Result<MessageId, DecodeError> {
        text.parse().map_err(|_| self.wrong("signal_id"))
    }

    /// A message by id or, from clients that saw it elsewhere, by alias.
    pub(super) fn reference(self, text: &str) -> Result<MessageRef, DecodeError> {
        let alias = || text.parse().ok().map(MessageRef::Alias);
        text.parse().ok().map(MessageRef::Id).or_else(alias).ok_or_else(|| self.wrong("signal_id"))
    }
}

/// The text of a reference.
pub(super) fn reference_text(message: &MessageRef) -> String {
    match message {
        MessageRef::Id(id) => id.to_string(),
        MessageRef::Alias(alias) => alias.to_string(),
        _ => String::new(),
    }
}
