//! A client's frame, as a server reads it.

use bimip_proto::{
    Act, Address, Body, Claim, ClientPacket, ClientRef, Device, Draft, MessageRef, Offset, Reject, Revise,
    Said, Signal, Status, limits,
};

use super::attached;
use super::entity::read_address;
use crate::events::fields::{Value, fields};
use crate::events::kinds;
use crate::json::Object;
use crate::{DecodeError, events};

/// Reads one frame: each entity of its payload is a word of its own.
pub(crate) fn decode_client(
    me: Option<&Device>,
    frame: &[u8],
    out: &mut Vec<Said>,
) -> Result<(), DecodeError> {
    let whole = Object::parse_bytes(frame).ok_or(DecodeError::Malformed { at: "not one JSON object" })?;
    let [payload, ack, kind] = fields(whole, kinds::SEND, ["payload", "ack", "type"]);
    if payload.is_there() {
        return entities(me, payload, out);
    }
    if ack.is_there() {
        let [ack] = fields(whole, kinds::ACK, ["ack"]);
        let packet = ClientPacket::Dispose(Offset(ack.some_number()?));
        out.push(Said { claim: Claim::Own, origin: kinds::ACK, packet });
        return Ok(());
    }
    if !kind.is_there() {
        return Err(payload.wrong());
    }
    out.push(match kind.some_text()?.as_str() {
        "auth" | "ping" | "bye" => events::decode_client(me, frame)?,
        "typing" => {
            let reading = Reading { object: whole, origin: kinds::TYPING };
            Said { claim: reading.claim(me)?, origin: kinds::TYPING, packet: reading.typing()? }
        }
        _ => return Err(DecodeError::Unknown { origin: 0 }),
    });
    Ok(())
}

/// CH-ERR-2: what is wrong with one entity is said of that one, and the others are carried out.
fn entities(me: Option<&Device>, payload: Value<'_>, out: &mut Vec<Said>) -> Result<(), DecodeError> {
    let mut said = Vec::new();
    let whole = payload.each(limits::CHAT_ENTITIES, |raw| {
        said.push(entity(me, raw));
        true
    });
    if !whole || said.is_empty() {
        return Err(payload.wrong());
    }
    out.append(&mut said);
    Ok(())
}

fn entity(me: Option<&Device>, raw: &str) -> Said {
    let Some(object) = Object::parse(raw) else { return unfit(kinds::SEND, None, Reject::Field("payload")) };
    let sort = sort(object);
    let reading = Reading { object, origin: *sort.as_ref().unwrap_or(&kinds::SEND) };
    let said =
        sort.and_then(|origin| Ok(Said { claim: reading.claim(me)?, origin, packet: reading.packet()? }));
    said.unwrap_or_else(|error| {
        let reason = match error {
            DecodeError::TooLong { .. } => Reject::TooLarge,
            DecodeError::Field { field, .. } => Reject::Field(field),
            _ => Reject::Field("payload"),
        };
        unfit(reading.origin, reading.name(), reason)
    })
}

const fn unfit(origin: u32, id: Option<ClientRef>, reason: Reject) -> Said {
    Said { claim: Claim::Own, origin, packet: ClientPacket::Unfit { id, reason } }
}

/// CH-FRAME-3: what an entity is. Clients that write every field say `false` and nothing in those that they do not mean.
fn sort(object: Object<'_>) -> Result<u32, DecodeError> {
    let [deleted, edited, read, delivered, text, attachment] =
        fields(object, kinds::SEND, ["deleted", "edited", "read", "delivered", "messageText", "attachment"]);
    let is = |flag: Value<'_>| flag.flag().map(Option::unwrap_or_default);
    let (deleted, edited, read, delivered) = (is(deleted)?, is(edited)?, is(read)?, is(delivered)?);
    let says = text.unless_empty().is_there() || is(attachment)? || !uris(object, kinds::SEND)?.is_empty();
    Ok(if deleted {
        kinds::DELETE
    } else if edited {
        kinds::EDIT
    } else if says || !(read || delivered) {
        kinds::SEND
    } else if read {
        kinds::READ_RECEIPT
    } else {
        kinds::DELIVERED
    })
}

fn uris(object: Object<'_>, origin: u32) -> Result<Vec<String>, DecodeError> {
    let [uris] = fields(object, origin, ["attachmentURI"]);
    uris.unless_empty().one_or_more(limits::ATTACHMENTS)
}

/// What an entity is read with.
#[derive(Clone, Copy)]
struct Reading<'a> {
    object: Object<'a>,
    origin: u32,
}

impl<'a> Reading<'a> {
    /// An id that is an empty string is none (CH-FRAME-3).
    fn ids<const N: usize>(self, names: [&'static str; N]) -> [Value<'a>; N] {
        fields(self.object, self.origin, names).map(Value::unless_empty)
    }

    /// CH-ID-2: nobody has to say who they are, and whoever says it must be right.
    fn claim(self, me: Option<&Device>) -> Result<Claim, DecodeError> {
        let [from] = self.ids(["senderId"]);
        Ok(match from.user()? {
            Some(user) if me.map(|device| &device.user) != Some(&user) => Claim::Other(user),
            _ => Claim::Own,
        })
    }

    /// What the client calls it, where that can be read.
    fn name(self) -> Option<ClientRef> {
        let [name] = self.ids(["messageId"]);
        name.client_ref().ok().flatten()
    }

    fn packet(self) -> Result<ClientPacket, DecodeError> {
        match self.origin {
            kinds::DELETE => self.revise(false),
            kinds::EDIT => self.revise(true),
            kinds::READ_RECEIPT => Ok(ClientPacket::Mark { message: self.message()?, status: Status::Read }),
            kinds::DELIVERED => Ok(ClientPacket::Delivered(vec![self.message()?])),
            _ => self.draft(),
        }
    }

    fn draft(self) -> Result<ClientPacket, DecodeError> {
        let [client_ref, client_time] = self.ids(["messageId", "timestamp"]);
        let (client_ref, client_time) = (client_ref.client_ref()?, client_time.time()?);
        Ok(ClientPacket::Send(Draft { client_ref, to: self.address()?, client_time, body: self.body()? }))
    }

    fn revise(self, edits: bool) -> Result<ClientPacket, DecodeError> {
        let [client_ref, message] = self.ids(["messageId", "id"]);
        let (client_ref, message) = (client_ref.some_client_ref()?, message.message()?);
        let body = edits.then(|| self.body()).transpose()?;
        Ok(ClientPacket::Revise(Revise { client_ref, message, body }))
    }

    /// CH-RCP-1: a client that knows no other name says the one in `messageId`.
    fn message(self) -> Result<MessageRef, DecodeError> {
        let [id, message] = self.ids(["id", "messageId"]);
        if id.is_there() { id.message() } else { message.message() }
    }

    /// CH-TO-1.
    fn address(self) -> Result<Address, DecodeError> {
        let [user, group] = self.ids(["receiverId", "groupId"]);
        read_address(user, group)
    }

    /// CH-SEND-2.
    fn body(self) -> Result<Body, DecodeError> {
        let [text, attachment, attached] =
            fields(self.object, self.origin, ["messageText", "attachment", "attachmentURI"]);
        let uris = uris(self.object, self.origin)?;
        if attachment.flag()? == Some(true) && uris.is_empty() {
            return Err(attached.wrong());
        }
        let text = if uris.is_empty() { text.some_text()? } else { text.text()?.unwrap_or_default() };
        let body = attached::body(&text, &uris)
            .map_err(|field| DecodeError::Field { origin: self.origin, field })?;
        let (len_bytes, max_bytes) = (body.bytes.len(), limits::BODY_BYTES);
        if len_bytes > max_bytes { Err(DecodeError::TooLong { len_bytes, max_bytes }) } else { Ok(body) }
    }

    /// CH-LIVE-1.
    fn typing(self) -> Result<ClientPacket, DecodeError> {
        let [is_typing, at] = self.ids(["isTyping", "timestamp"]);
        let act = if is_typing.flag()?.unwrap_or(true) { Act::Typing } else { Act::Cancelled };
        Ok(ClientPacket::Signal(Signal { id: None, to: self.address()?, act, at: at.time()? }))
    }
}
