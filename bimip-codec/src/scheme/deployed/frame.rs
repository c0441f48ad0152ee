//! The envelope of a frame, and which layout it is in.

use bimip_proto::{Device, UserId};
use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{decode_varint, encode_varint};

use super::numbers::{kind, route};
use super::wire::message_scheme::Payload;
use super::wire::{Identity, MessageScheme};
pub(super) use crate::scheme::frame::to_ms;
use crate::scheme::frame::write;
use crate::{DecodeError, Frames};

const MALFORMED: DecodeError = DecodeError::Malformed { at: "protobuf" };

/// BD-FRAME-1: reads a frame by the payload that is there, whatever the route. `served` are the payloads that are
/// read at all: an empty element of a list takes two bytes of a frame and a hundred of memory.
pub(super) fn open(frame: Bytes, served: &[u32]) -> Result<(u32, Payload), DecodeError> {
    if frame.is_empty() {
        return Err(DecodeError::Malformed { at: "empty frame" });
    }
    let mut found: Option<(u32, Bytes)> = None;
    let mut said = 0;
    for field in Fields(frame.clone()) {
        match field? {
            Field { tag: 1, value: Value::Number(number) } => said = number,
            Field { tag, value: Value::Bytes(bytes) } if route::is_known(tag) => {
                let origin = u32::try_from(tag).unwrap_or_default();
                if found.as_ref().is_some_and(|(before, _)| *before != origin) {
                    return Err(DecodeError::Mismatched { origin });
                }
                found = Some((origin, bytes));
            }
            _ => {}
        }
    }
    let origin = u32::try_from(said).unwrap_or_default();
    let Some((origin, payload)) = found else {
        let known = route::is_known(said);
        return Err(if known { DecodeError::Missing { origin } } else { DecodeError::Unknown { origin } });
    };
    if !served.contains(&origin) {
        return Err(DecodeError::Unsupported { origin });
    }
    let frame = match in_texts(origin, &payload)? {
        Some(payload) => {
            let mut frame = BytesMut::with_capacity(payload.len() + 12);
            put_bytes(&mut frame, origin.into(), &payload);
            frame.freeze()
        }
        None => frame,
    };
    let scheme = MessageScheme::decode(frame).map_err(|_| MALFORMED)?;
    Ok((origin, scheme.payload.ok_or(DecodeError::Missing { origin })?))
}

/// BD-LAYOUT-1 and 2: what sets the layouts of `Message` and `Signal` apart is which field has which wire type.
/// Refuses those that would be misread, and gives back the payload with offsets as texts if they came as numbers.
fn in_texts(origin: u32, payload: &Bytes) -> Result<Option<Bytes>, DecodeError> {
    if !matches!(origin, route::MESSAGE | route::SIGNAL) {
        return Ok(None);
    }
    let message = origin == route::MESSAGE;
    let (mut numbers, mut sender, mut seventh_is_number) = (false, false, None);
    for field in Fields(payload.clone()) {
        let field = field?;
        let number = matches!(field.value, Value::Number(_));
        match field.tag {
            2 | 3 => numbers |= number,
            // Who sends, here; the type, in the older layout.
            5 if message && number => return Err(older(origin)),
            5 if message => sender = true,
            7 => seventh_is_number = Some(number),
            // The time, here; who sends, in the older layout.
            5 if !number => return Err(older(origin)),
            // An error, here; another kind of type, in a later layout.
            9 if !message && number => {
                let rule = "must be a text: this is a later layout of the server, which is not spoken here";
                return Err(DecodeError::Rule { origin, field: "error", rule });
            }
            _ => {}
        }
    }
    if message && !sender && seventh_is_number == Some(false) {
        return Err(older(origin));
    }
    if !numbers {
        return Ok(None);
    }
    let mut texts = BytesMut::with_capacity(payload.len() + 40);
    for field in Fields(payload.clone()) {
        match field? {
            Field { tag: tag @ (2 | 3), value: Value::Number(number) } => {
                put_bytes(&mut texts, tag, number.to_string().as_bytes());
            }
            Field { tag, value: Value::Number(number) } => {
                encode_varint(tag << 3, &mut texts);
                encode_varint(number, &mut texts);
            }
            Field { tag, value: Value::Bytes(bytes) } => put_bytes(&mut texts, tag, &bytes),
            // Neither layout has any.
            Field { value: Value::Fixed, .. } => {}
        }
    }
    Ok(Some(texts.freeze()))
}

const fn older(origin: u32) -> DecodeError {
    let rule = "is not where this layout has it: this is an older layout of the server; connect to /bimip for that of \
                bimip.v1";
    DecodeError::Rule { origin, field: "from", rule }
}

fn put_bytes(to: &mut BytesMut, tag: u64, bytes: &[u8]) {
    encode_varint(tag << 3 | 2, to);
    encode_varint(bytes.len() as u64, to);
    to.put_slice(bytes);
}

/// A field, as far as any protobuf reader can tell.
struct Field {
    tag: u64,
    value: Value,
}

enum Value {
    Number(u64),
    Bytes(Bytes),
    /// Of four or eight bytes.
    Fixed,
}

/// The fields of one level.
struct Fields(Bytes);

impl Fields {
    fn read(&mut self) -> Option<Field> {
        let key = decode_varint(&mut self.0).ok()?;
        let value = match key & 7 {
            0 => Value::Number(decode_varint(&mut self.0).ok()?),
            1 => self.skip(8)?,
            2 => {
                let len = usize::try_from(decode_varint(&mut self.0).ok()?).ok()?;
                if len > self.0.len() {
                    return None;
                }
                Value::Bytes(self.0.split_to(len))
            }
            5 => self.skip(4)?,
            _ => return None,
        };
        Some(Field { tag: key >> 3, value })
    }

    fn skip(&mut self, len: usize) -> Option<Value> {
        if len > self.0.len() {
            return None;
        }
        drop(self.0.split_to(len));
        Some(Value::Fixed)
    }
}

impl Iterator for Fields {
    type Item = Result<Field, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.read().ok_or(MALFORMED);
        if field.is_err() {
            self.0.clear();
        }
        Some(field)
    }
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
        Payload::Logout(it) if it.r#type == kind::REQUEST => 12,
        Payload::Logout(_) => route::LOGOUT_ANSWER,
    };
    let scheme = MessageScheme { route, payload: Some(payload) };
    write(&scheme, out);
}

/// A device, as the wire names it.
pub(super) fn identity(device: &Device) -> Identity {
    Identity {
        eid: device.user.as_str().to_owned(),
        connection_resource_id: Some(device.name.as_str().to_owned()),
        node: None,
    }
}

/// A user, as the wire names them.
pub(super) fn named(eid: &str) -> Identity {
    Identity { eid: eid.to_owned(), connection_resource_id: None, node: None }
}

/// What fields are read with: errors name the route, the field, and what it has to be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// The route.
    pub(super) origin: u32,
}

impl Rules {
    pub(super) const fn broken(self, field: &'static str, rule: &'static str) -> DecodeError {
        DecodeError::Rule { origin: self.origin, field, rule }
    }

    pub(super) const fn hold(
        self,
        holds: bool,
        field: &'static str,
        rule: &'static str,
    ) -> Result<(), DecodeError> {
        if holds { Ok(()) } else { Err(self.broken(field, rule)) }
    }

    pub(super) fn user(
        self,
        identity: Option<&Identity>,
        field: &'static str,
    ) -> Result<UserId, DecodeError> {
        let eid = identity.map_or("", |identity| &identity.eid);
        UserId::new(eid)
            .map_err(|_| self.broken(field, "must name a user: 1 to 256 bytes without '/' and '..'"))
    }

    /// A decimal number from 1 on, without sign or leading zeros.
    pub(super) fn offset(self, text: &str, field: &'static str) -> Result<u64, DecodeError> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
        let number = text.parse().ok().filter(|_| digits);
        number.ok_or_else(|| self.broken(field, "must be a decimal number from 1 on"))
    }
}
