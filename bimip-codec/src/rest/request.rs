//! What a request says, part by part.

use std::borrow::Cow;

use bimip_proto::{
    Address, ClientRef, ConversationId, Device, DeviceName, GroupId, MessageId, MessageRef, Query, Reject,
    UserId, limits,
};

use super::parameter::{Parameter, Place};
use super::refusal::Refusal;
use super::table::Route;
use crate::events::fields::{self, Value};
use crate::json::Object;

/// A request, as a door has it: who asks is known, the rest is as it came.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "doors make it")]
pub struct Request<'a> {
    /// Who is signed in, with which device.
    pub me: &'a Device,
    /// What stands in the path for the segments in braces, in their order, with percent signs decoded.
    pub path: &'a [&'a str],
    /// What stands after the question mark, as written.
    pub query: &'a str,
    /// The header `Idempotency-Key`.
    pub key: Option<&'a str>,
    /// A UUID that nobody else has: new for each request, and the same for the same key of the same device. It names what the
    /// request does not.
    pub fresh: &'a str,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Request<'a> {
    /// What holds for every route: its parameters are there once at most, and a body that is not read is none.
    pub(super) fn check(&self, route: &Route) -> Result<(), Refusal> {
        for known in route.of(Place::Query) {
            if pairs(self.query).filter(|(name, _)| *name == known.name).count() > 1 {
                return Err(Refusal::field(known.name));
            }
        }
        match self.key {
            Some(key) if !is_key(key) => Err(Refusal::field("Idempotency-Key")),
            _ => Ok(()),
        }
    }

    // ---- the path -----------------------------------------------------------------------------------------

    fn segment(&self, index: usize) -> &'a str {
        self.path.get(index).copied().unwrap_or_default()
    }

    /// HT-ID-1: what names no message is answered like a message that is not there.
    pub(super) fn message(&self) -> Result<MessageRef, Refusal> {
        named_message(self.segment(0))
    }

    pub(super) fn group(&self) -> Result<GroupId, Refusal> {
        GroupId::new(self.segment(0)).map_err(|_| Refusal::field("id"))
    }

    pub(super) fn device(&self) -> Result<DeviceName, Refusal> {
        DeviceName::new(self.segment(0)).map_err(|_| Refusal::field("id"))
    }

    /// The user in the segment at this place.
    pub(super) fn user(&self, index: usize) -> Result<UserId, Refusal> {
        UserId::new(self.segment(index)).map_err(|_| Refusal::field("user"))
    }

    pub(super) fn text(&self, index: usize) -> &'a str {
        self.segment(index)
    }

    pub(super) fn conversation(&self) -> Result<Address, Refusal> {
        // HT-ID-2: what names none is answered like one of others.
        conversation(&self.me.user, self.segment(0), "id").map_err(|_| Reject::NotMember.into())
    }

    // ---- the query ----------------------------------------------------------------------------------------

    fn parameter(&self, known: &Parameter) -> Result<Option<Cow<'a, str>>, Refusal> {
        parameter(self.query, known)
    }

    /// A whole number within the bounds of the table.
    pub(super) fn limit(&self, known: &Parameter) -> Result<u32, Refusal> {
        let super::shape::Shape::Whole { min, max } = known.shape else { return Ok(0) };
        let Some(text) = self.parameter(known)? else { return Ok(known.default.unwrap_or_default()) };
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse::<u32>().ok().filter(|it| plain && (min..=max).contains(&u64::from(*it)));
        number.ok_or_else(|| Refusal::field(known.name))
    }

    pub(super) fn message_id(&self, known: &Parameter) -> Result<Option<MessageId>, Refusal> {
        let text = self.parameter(known)?;
        let read = text.map(|text| text.parse().ok().filter(|id: &MessageId| !id.is_none()));
        read.map(|id| id.ok_or_else(|| Refusal::field(known.name))).transpose()
    }

    pub(super) fn user_in_query(&self, known: &Parameter) -> Result<Option<UserId>, Refusal> {
        let text = self.parameter(known)?;
        text.map(|text| UserId::new(&text).map_err(|_| Refusal::field(known.name))).transpose()
    }

    // ---- the body -----------------------------------------------------------------------------------------

    /// The body; an empty one says nothing.
    pub(super) fn object(&self) -> Result<Object<'a>, Refusal> {
        let body: &[u8] = if self.body.is_empty() { b"{}" } else { self.body };
        Object::parse_bytes(body).ok_or(Refusal::MALFORMED)
    }

    /// Fields of the body by their names.
    pub(super) fn fields<const N: usize>(&self, names: [&'static str; N]) -> Result<[Value<'a>; N], Refusal> {
        Ok(fields::fields(self.object()?, 0, names))
    }

    // ---- names --------------------------------------------------------------------------------------------

    /// HT-KEY-1: what the client calls it, or what nobody else is called.
    pub(super) fn name(&self) -> Result<ClientRef, Refusal> {
        let name = self.key.unwrap_or(self.fresh);
        ClientRef::new(name).map_err(|_| Refusal::field("Idempotency-Key"))
    }

    /// A question. Nobody says it again, so that its name is always a new one.
    pub(super) fn asks(&self, ask: bimip_proto::Ask) -> Result<bimip_proto::ClientPacket, Refusal> {
        let id = ClientRef::new(self.fresh).map_err(|_| Refusal::field("Idempotency-Key"))?;
        Ok(bimip_proto::ClientPacket::Query(Query { id, ask }))
    }
}

/// HT-KEY-1.
fn is_key(key: &str) -> bool {
    (1..=limits::CLIENT_REF_BYTES).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A message by either id.
pub(super) fn named_message(text: &str) -> Result<MessageRef, Refusal> {
    fields::reference(text).ok_or_else(|| Reject::NoSuchMessage.into())
}

/// EV-TO-1, and HT-ID-2: the conversation of two others is not there.
pub(super) fn conversation(me: &UserId, text: &str, field: &'static str) -> Result<Address, Refusal> {
    match text.parse() {
        Ok(ConversationId::Group(group)) => Ok(Address::Group(group)),
        Ok(direct) => direct.peer_of(me).cloned().map(Address::User).ok_or_else(|| Reject::NotMember.into()),
        Err(_) if text.starts_with("d:") || text.starts_with("g:") => Err(Refusal::field(field)),
        Err(_) => GroupId::new(text).map(Address::Group).map_err(|_| Refusal::field(field)),
    }
}

/// Where something goes: `conversation_id` or `to`, or both if they say the same.
pub(super) fn address(me: &UserId, conversation_id: Value<'_>, to: Value<'_>) -> Result<Address, Refusal> {
    let peer = to.user()?;
    let Some(text) = conversation_id.text()? else {
        return peer.map(Address::User).ok_or_else(|| Refusal::field("conversation_id"));
    };
    let address = conversation(me, &text, "conversation_id")?;
    match (&address, peer) {
        (Address::User(user), Some(peer)) if *user != peer => Err(Refusal::field("to")),
        (Address::Group(_), Some(_)) => Err(Refusal::field("to")),
        _ => Ok(address),
    }
}

/// What a query says of a parameter.
pub(super) fn parameter<'a>(query: &'a str, known: &Parameter) -> Result<Option<Cow<'a, str>>, Refusal> {
    let Some((_, raw)) = pairs(query).find(|(name, _)| *name == known.name) else { return Ok(None) };
    decoded(raw).map(Some).ok_or_else(|| Refusal::field(known.name))
}

/// Names and values of a query. The names of the table need no decoding.
fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// As forms write it: `+` is a space, `%20` a byte. `None` where the bytes are no UTF-8 or a percent sign is no byte.
fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    if !raw.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Some(Cow::Borrowed(raw));
    }
    let mut bytes = raw.bytes();
    let mut read = Vec::with_capacity(raw.len());
    while let Some(byte) = bytes.next() {
        read.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                u8::try_from(16 * digit()? + digit()?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(read).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn queries_are_read_as_forms_write_them() {
        for (raw, text) in [("a%20b+c", "a b c"), ("%C3%A9", "é"), ("", ""), ("x=y", "x=y")] {
            assert_eq!(decoded(raw).as_deref(), Some(text));
        }
        for raw in ["%", "%2", "%zz", "%ff", "a%+1"] {
            assert_eq!(decoded(raw), None, "{raw}");
        }
        assert_eq!(pairs("a=1&b&a=%3D=").collect::<Vec<_>>(), [("a", "1"), ("b", ""), ("a", "%3D=")]);
    }

    proptest! {
        #[test]
        fn any_query_is_safe(raw: String) {
            for (_, value) in pairs(&raw) {
                let _ = decoded(value);
            }
        }
    }
}
