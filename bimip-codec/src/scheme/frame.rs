//! The envelope of a frame, and the small conversions every payload needs.

use core::ops::Range;

use bimip_proto::{
    Address, ClientRef, ConversationId, Device, DeviceName, MessageId, MessageRef, UnixMs, UserId, limits,
};
use bytes::Bytes;
use prost::Message as _;

use super::numbers::route;
use super::read::{self, Broken, View};
use super::v1::message_scheme::Payload;
use super::v1::{Identity, MessageScheme};
use crate::{DecodeError, Frames};

/// The most users that a frame about a group is read with: more than may be asked for, so that who asks for a few too many is
/// refused by name, and far from what would take more memory than the frame has.
const GROUP_USERS: usize = 4 * limits::GROUP_ADD_USERS;

const MALFORMED: DecodeError = DecodeError::Malformed { at: "protobuf" };

/// A frame whose envelope was read, and whose payload was not.
pub(super) struct Envelope {
    /// The route, for answers.
    pub(super) origin: u32,
    frame: Bytes,
    /// The payload, where it comes in one piece.
    whole: Option<Range<usize>>,
}

/// Reads the envelope of a frame whose route is one of `served`.
///
/// BM-FRAME-1: the route is looked at before the payload is read, so that a frame nobody serves costs nothing: an
/// empty element of a list takes two bytes of a frame and a hundred of memory.
pub(super) fn open(frame: Bytes, served: &[u32]) -> Result<Envelope, DecodeError> {
    if frame.is_empty() {
        // Protobuf would read a frame in which every field is zero; nobody means that.
        return Err(DecodeError::Malformed { at: "empty frame" });
    }
    let outline = outline(&frame).map_err(|Broken| MALFORMED)?;
    let origin = u32::try_from(outline.route).unwrap_or_default();
    if !route::is_known(origin) {
        return Err(DecodeError::Unknown { origin });
    }
    let whole = match outline.payloads {
        Payloads::None => return Err(DecodeError::Missing { origin }),
        Payloads::One(tag, start, end) if tag == origin => Some(start..end),
        Payloads::Parts(tag) if tag == origin => None,
        _ => return Err(DecodeError::Mismatched { origin }),
    };
    if !served.contains(&origin) {
        return Err(DecodeError::Unsupported { origin });
    }
    if origin == route::BODY && parts(&frame).map_err(|Broken| MALFORMED)? > limits::BATCH_PARTS {
        return Err(DecodeError::Field { origin, field: "message" });
    }
    if origin == route::QUERY && rows(&frame).map_err(|Broken| MALFORMED)? > limits::PAGE_ROWS as usize {
        return Err(DecodeError::Field { origin, field: "rows" });
    }
    if origin == route::QUERY && recipients(&frame).map_err(|Broken| MALFORMED)?.is_none() {
        return Err(DecodeError::Field { origin, field: "recipients" });
    }
    if origin == route::GROUP && users(&frame).map_err(|Broken| MALFORMED)? > GROUP_USERS {
        return Err(DecodeError::Field { origin, field: "users" });
    }
    if origin == route::QUERY && !reactions_fit(&frame).map_err(|Broken| MALFORMED)? {
        return Err(DecodeError::Field { origin, field: "reactions" });
    }
    Ok(Envelope { origin, frame, whole })
}

impl Envelope {
    /// The payload, in memory of its own but for bytes.
    pub(super) fn payload(self) -> Result<Payload, DecodeError> {
        let scheme = MessageScheme::decode(self.frame).map_err(|_| MALFORMED)?;
        scheme.payload.ok_or(DecodeError::Missing { origin: self.origin })
    }

    /// The payload, read in place.
    pub(super) fn view<'a, T: View<'a>>(&'a self) -> Result<T, DecodeError> {
        let mut view = T::default();
        let read = match &self.whole {
            Some(whole) => view.merge(&self.frame[whole.clone()]),
            None => self.merge(&mut view),
        };
        read.map_err(|Broken| MALFORMED).map(|()| view)
    }

    /// A payload in several pieces: protobuf takes them for one.
    #[cold]
    fn merge<'a, T: View<'a>>(&'a self, view: &mut T) -> Result<(), Broken> {
        let mut fields = read::Fields(&self.frame);
        while let Some((tag, value)) = fields.next()? {
            if tag == self.origin {
                view.merge(value.bytes()?)?;
            }
        }
        Ok(())
    }

    /// A part of the frame, sharing its memory.
    pub(super) fn share(&self, part: &[u8]) -> Bytes {
        // An empty part may point anywhere.
        if part.is_empty() { Bytes::new() } else { self.frame.slice_ref(part) }
    }
}

struct Outline {
    route: u64,
    payloads: Payloads,
}

enum Payloads {
    None,
    /// Of one tag, from here to there.
    One(u32, usize, usize),
    /// Of one tag, in several pieces.
    Parts(u32),
    /// Of several tags.
    Several,
}

/// The top level of a frame.
fn outline(frame: &[u8]) -> Result<Outline, Broken> {
    let mut outline = Outline { route: 0, payloads: Payloads::None };
    let mut fields = read::Fields(frame);
    while let Some((tag, value)) = fields.next()? {
        if tag == 1 {
            outline.route = value.varint()?;
        } else if route::is_known(tag) {
            let len = value.bytes()?.len();
            let end = frame.len() - fields.0.len();
            outline.payloads = match outline.payloads {
                Payloads::None => Payloads::One(tag, end - len, end),
                Payloads::One(same, ..) | Payloads::Parts(same) if same == tag => Payloads::Parts(tag),
                _ => Payloads::Several,
            };
        }
    }
    Ok(outline)
}

/// How many payloads a frame of route 10 carries. A payload that comes in pieces is read as one, so they add up.
fn parts(frame: &[u8]) -> Result<usize, Broken> {
    elements(frame, route::BODY, &[2, 3])
}

/// How many rows a frame of route 18 carries, likewise.
fn rows(frame: &[u8]) -> Result<usize, Broken> {
    elements(frame, route::QUERY, &[10, 25, 26, 28, 29])
}

/// Whether a frame of route 18 has no more recipients than there may be, and none of them more devices.
fn recipients(frame: &[u8]) -> Result<Option<()>, Broken> {
    const RECIPIENTS: u32 = 33;
    const DEVICES: u32 = 9;
    let (mut users, mut payloads) = (0, read::Fields(frame));
    while let Some((tag, value)) = payloads.next()? {
        if tag != route::QUERY {
            continue;
        }
        let mut inside = read::Fields(value.bytes()?);
        while let Some((tag, value)) = inside.next()? {
            let user = match value {
                read::Value::Bytes(user) if tag == RECIPIENTS => user,
                _ => continue,
            };
            users += 1;
            if users > limits::STATUS_USERS || elements_of(user, &[DEVICES])? > 2 * limits::STATUS_DEVICES {
                return Ok(None);
            }
        }
    }
    Ok(Some(()))
}

/// How many users a frame of route 19 names.
fn users(frame: &[u8]) -> Result<usize, Broken> {
    elements(frame, route::GROUP, &[10])
}

/// Whether a frame of route 18 carries no more reactions than an answer may, and names no more users with them.
fn reactions_fit(frame: &[u8]) -> Result<bool, Broken> {
    let (mut counts, mut fits) = (0, true);
    each(frame, route::QUERY, &mut |query| {
        each(query, 10, &mut |row| {
            each(row, 10, &mut |count| {
                counts += 1;
                let mut users = 0;
                each(count, 4, &mut |_| {
                    users += 1;
                    Ok(())
                })?;
                fits &= users <= limits::REACTION_USERS;
                Ok(())
            })
        })
    })?;
    Ok(fits && counts <= limits::PAGE_REACTIONS)
}

/// Every field of this tag that is bytes.
fn each(message: &[u8], tag: u32, take: &mut dyn FnMut(&[u8]) -> Result<(), Broken>) -> Result<(), Broken> {
    let mut fields = read::Fields(message);
    while let Some((found, value)) = fields.next()? {
        if found == tag
            && let Ok(bytes) = value.bytes()
        {
            take(bytes)?;
        }
    }
    Ok(())
}

/// How many elements the lists of a payload have, `lists` by their tags.
fn elements(frame: &[u8], payload: u32, lists: &[u32]) -> Result<usize, Broken> {
    let (mut elements, mut fields) = (0, read::Fields(frame));
    while let Some((tag, value)) = fields.next()? {
        if tag != payload {
            continue;
        }
        elements += elements_of(value.bytes()?, lists)?;
    }
    Ok(elements)
}

fn elements_of(message: &[u8], lists: &[u32]) -> Result<usize, Broken> {
    let (mut elements, mut inside) = (0, read::Fields(message));
    while let Some((tag, value)) = inside.next()? {
        elements += usize::from(lists.contains(&tag) && value.bytes().is_ok());
    }
    Ok(elements)
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
        Payload::Revision(_) => 17,
        Payload::Query(_) => 18,
        Payload::Group(_) => 19,
        Payload::Reaction(_) => 21,
        Payload::User(_) => 20,
    };
    let scheme = MessageScheme { route, payload: Some(payload) };
    write(&scheme, out);
}

/// Adds a frame of a message, of either layout.
pub(super) fn write(scheme: &impl prost::Message, out: &mut Frames) {
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

    pub(super) fn eid(self, eid: &str, field: &'static str) -> Result<UserId, DecodeError> {
        UserId::new(eid).map_err(|_| self.wrong(field))
    }

    pub(super) fn user(self, from: Option<&Identity>, field: &'static str) -> Result<UserId, DecodeError> {
        self.eid(from.map_or("", |identity| &identity.eid), field)
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
        to: &str,
    ) -> Result<Address, DecodeError> {
        if conversation.is_empty() {
            return self.eid(to, "to.eid").map(Address::User);
        }
        match conversation.parse().map_err(|_| self.wrong("conversation"))? {
            ConversationId::Group(group) if to.is_empty() || to == group.as_str() => {
                Ok(Address::Group(group))
            }
            ConversationId::Group(_) => Err(self.wrong("to.eid")),
            direct => {
                let to = Address::User(self.eid(to, "to.eid")?);
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

/// A body too large on its own is refused by name. What a seal adds must still fit the readers' frames.
pub(super) const fn fits(body_bytes: usize, seal_bytes: usize) -> Result<(), DecodeError> {
    let len_bytes = body_bytes + seal_bytes;
    if body_bytes <= limits::BODY_BYTES && len_bytes > limits::BODY_BYTES {
        return Err(DecodeError::TooLong { len_bytes, max_bytes: limits::BODY_BYTES });
    }
    Ok(())
}

/// The text of a reference.
pub(super) fn reference_text(message: &MessageRef) -> String {
    match message {
        MessageRef::Id(id) => id.to_string(),
        MessageRef::Alias(alias) => alias.to_string(),
        _ => String::new(),
    }
}
