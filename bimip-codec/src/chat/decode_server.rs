//! A server's frame, as a client reads it.

use std::sync::Arc;

use bimip_proto::{
    Act, Address, Body, BodyKind, ConversationId, Device, Entry, Head, Message, MessageId, MessageRef, Names,
    Noted, Offset, Receipt, Revision, Row, Seq, ServerPacket, Signal, Status, limits,
};

use super::encode_server::is_entity;
use super::entity::read_address;
use super::{State, attached};
use crate::DecodeError;
use crate::events::fields::{Value, device, fields};
use crate::events::{self, kinds, words};
use crate::json::Object;

/// Reads one frame. The entities of a receipt stand in one frame, and are one row.
pub(crate) fn decode_server(
    state: &mut State,
    me: Option<&Device>,
    frame: &[u8],
) -> Result<Vec<ServerPacket>, DecodeError> {
    let whole = Object::parse_bytes(frame).ok_or(DecodeError::Malformed { at: "not one JSON object" })?;
    let [missed, payload, ack, kind] = fields(whole, 0, ["messages", "payload", "ack", "type"]);
    if missed.is_there() || payload.is_there() {
        let mut reading = Reading { heard: Vec::new(), room: limits::CHAT_ENTITIES };
        if missed.is_there() {
            missed.each_object(limits::CHAT_ENTITIES, |frame| {
                let [payload] = fields(frame, 0, ["payload"]);
                reading.entities(payload)
            })?;
        } else {
            reading.entities(payload)?;
        }
        return Ok(reading.heard);
    }
    if ack.is_there() {
        return Ok(vec![ServerPacket::Noted(Noted::Disposed(Offset(ack.some_number()?)))]);
    }
    let mut heard = Vec::new();
    match kind.some_text()?.as_str() {
        "typing" => heard.push(typing(whole)?),
        "welcome" | "pong" | "error" | "bye" | "refused" => {
            // None of them comes in parts.
            heard.extend(events::decode_server(&mut events::State::default(), me, frame)?);
        }
        _ => return Err(DecodeError::Unknown { origin: 0 }),
    }
    match heard.last() {
        Some(ServerPacket::Welcome(it)) => state.welcomed(it),
        // What is refused beside messages has no shape but this one.
        Some(ServerPacket::Declined { origin, .. }) if is_entity(*origin) => return Err(kind.wrong()),
        Some(ServerPacket::Rejected { .. } | ServerPacket::Noted(_) | ServerPacket::Unanswered { .. }) => {
            return Err(kind.wrong());
        }
        _ => {}
    }
    Ok(heard)
}

/// What was read of a frame.
struct Reading {
    heard: Vec<ServerPacket>,
    /// So many entities more, however they are put into lists.
    room: usize,
}

impl Reading {
    fn entities(&mut self, payload: Value<'_>) -> Result<(), DecodeError> {
        let (begun, most) = (self.heard.len(), self.room);
        payload.each_object(most, |object| {
            self.room -= 1;
            let packet = Entity(object).packet()?;
            let before = self.heard.get_mut(begun..).and_then(<[_]>::last_mut);
            if !before.is_some_and(|before| joins(before, &packet)) {
                self.heard.push(packet);
            }
            Ok(())
        })?;
        if self.room == most { Err(payload.wrong()) } else { Ok(()) }
    }
}

/// Whether a packet is one with the one before it, which then has it.
fn joins(before: &mut ServerPacket, packet: &ServerPacket) -> bool {
    match (before, packet) {
        (ServerPacket::Noted(Noted::Delivered(all)), ServerPacket::Noted(Noted::Delivered(more))) => {
            all.extend_from_slice(more);
            true
        }
        (ServerPacket::Deliver(row), ServerPacket::Deliver(part))
            if (row.prev, row.offset) == (part.prev, part.offset) =>
        {
            match (Arc::get_mut(&mut row.entry), &*part.entry) {
                (Some(Entry::Receipt(all)), Entry::Receipt(more)) => {
                    all.messages.extend_from_slice(&more.messages);
                    true
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// One entity of a payload.
#[derive(Clone, Copy)]
struct Entity<'a>(Object<'a>);

impl<'a> Entity<'a> {
    fn fields<const N: usize>(self, names: [&'static str; N]) -> [Value<'a>; N] {
        fields(self.0, 0, names)
    }

    fn is(self, flag: &'static str) -> Result<bool, DecodeError> {
        let [flag] = self.fields([flag]);
        Ok(flag.flag()?.unwrap_or_default())
    }

    fn packet(self) -> Result<ServerPacket, DecodeError> {
        let [error, by, text, edition] = self.fields(["error", "by", "messageText", "edition"]);
        if let Some(error) = error.object()? {
            return self.refused(error);
        }
        if by.is_there() {
            return self.receipt();
        }
        if self.is("edited")? || self.is("deleted")? {
            return self.revision();
        }
        if text.is_there() {
            return self.message();
        }
        if edition.is_there() {
            let [client_ref, offset] = self.fields(["messageId", "offset"]);
            return Ok(ServerPacket::Noted(Noted::Revised {
                client_ref: client_ref.some_client_ref()?,
                edition: edition.small()?,
                offset: Offset(offset.some_number()?),
            }));
        }
        match self.mark()? {
            Some(status) => {
                let message = self.name()?;
                Ok(ServerPacket::Noted(match status {
                    Status::Read => Noted::Marked { message, status },
                    _ => Noted::Delivered(vec![message]),
                }))
            }
            None => self.accepted(),
        }
    }

    fn mark(self) -> Result<Option<Status>, DecodeError> {
        Ok(match (self.is("read")?, self.is("delivered")?) {
            (true, _) => Some(Status::Read),
            (false, true) => Some(Status::Delivered),
            (false, false) => None,
        })
    }

    fn name(self) -> Result<MessageRef, DecodeError> {
        let [name] = self.fields(["messageId"]);
        name.message()
    }

    fn refused(self, error: Object<'_>) -> Result<ServerPacket, DecodeError> {
        let [client_ref] = self.fields(["messageId"]);
        let [request, code, retry] = fields(error, 0, ["request", "code", "retry_after_ms"]);
        let reason = words::reject(&code.some_text()?);
        let retry_after_ms = Some(retry.small()?).filter(|ms| *ms > 0);
        if let Some(status) = self.mark()? {
            let message = self.name()?;
            return Ok(ServerPacket::Noted(Noted::Refused { message, status, reason, retry_after_ms }));
        }
        let client_ref = client_ref.client_ref()?;
        Ok(match (request.some_word(kinds::number)?, client_ref) {
            (kinds::SEND, client_ref) => {
                ServerPacket::Rejected { client_ref, to: None, reason, retry_after_ms }
            }
            (kinds::EDIT | kinds::DELETE, Some(client_ref)) => {
                ServerPacket::Noted(Noted::Unrevised { client_ref, reason, retry_after_ms })
            }
            (origin, id) if is_entity(origin) => {
                let origin = if origin == kinds::DELETE { kinds::EDIT } else { origin };
                ServerPacket::Declined { origin, id, reason, retry_after_ms }
            }
            _ => return Err(request.wrong()),
        })
    }

    fn place(self) -> Result<(Offset, Offset), DecodeError> {
        let [offset, prev] = self.fields(["offset", "prevOffset"]);
        Ok((Offset(prev.some_number()?), Offset(offset.some_number()?)))
    }

    fn row(self, entry: Entry) -> Result<ServerPacket, DecodeError> {
        let (prev, offset) = self.place()?;
        Ok(ServerPacket::Deliver(Row { prev, offset, entry: Arc::new(entry) }))
    }

    fn receipt(self) -> Result<ServerPacket, DecodeError> {
        let [id, called, by, name, at] = self.fields(["id", "messageId", "by", "byDeviceId", "timestamp"]);
        let status = self.mark()?.ok_or_else(|| by.wrong())?;
        let mut names = Names { id: MessageId::NONE, alias: None, client_ref: None };
        let id_text = id.text()?;
        if id.is_there() {
            match id.message()? {
                MessageRef::Id(id) => names.id = id,
                MessageRef::Alias(alias) => names.alias = Some(alias),
                _ => {}
            }
        }
        // Of a message that its sender gave no name the id stands there twice.
        if called.text()? != id_text {
            names.client_ref = called.client_ref()?;
        }
        let named = names.reference().is_some() || names.client_ref.is_some();
        self.row(Entry::Receipt(Receipt {
            by: device(by, name)?,
            status,
            at: at.some_time()?,
            messages: if named { vec![names] } else { Vec::new() },
        }))
    }

    fn sender(self) -> Result<Device, DecodeError> {
        let [user, name] = self.fields(["senderId", "senderDeviceId"]);
        device(user, name)
    }

    fn kind(self) -> Result<Option<BodyKind>, DecodeError> {
        let [kind, duration] = self.fields(["kind", "durationMs"]);
        let kind = kind.text()?;
        if duration.is_there() && kind.as_deref() == Some("voice") {
            return Ok(Some(BodyKind::Voice { duration_ms: duration.small()? }));
        }
        Ok(kind.and_then(|word| words::kind(&word)))
    }

    fn body(self) -> Result<Body, DecodeError> {
        let [text, uris] = self.fields(["messageText", "attachmentURI"]);
        let kind = self.kind()?.unwrap_or(BodyKind::Text);
        if let BodyKind::Voice { duration_ms } = kind {
            return Ok(Body::voice(duration_ms, None));
        }
        let (text, uris) = (text.text()?.unwrap_or_default(), uris.one_or_more(limits::ATTACHMENTS)?);
        let body =
            attached::told(kind, &text, &uris).map_err(|field| DecodeError::Field { origin: 0, field })?;
        let (len_bytes, max_bytes) = (body.bytes.len(), limits::BODY_BYTES);
        if len_bytes > max_bytes { Err(DecodeError::TooLong { len_bytes, max_bytes }) } else { Ok(body) }
    }

    /// What a message and its acknowledgement have in common.
    fn head(self, client_ref: &'static str, kind: BodyKind) -> Result<Head, DecodeError> {
        let [id, at, seq, client_ref, client_time] =
            self.fields(["id", "timestamp", "seq", client_ref, "clientTimestamp"]);
        let at = at.some_time()?;
        Ok(Head {
            id: id.message_id()?.ok_or_else(|| id.wrong())?,
            from: self.sender()?,
            to: address(self.0)?,
            client_ref: client_ref.client_ref()?,
            client_time: client_time.time()?,
            at,
            stamp: at,
            seq: Seq(seq.some_number()?),
            kind,
        })
    }

    fn accepted(self) -> Result<ServerPacket, DecodeError> {
        let [offset] = self.fields(["offset"]);
        let head = self.head("messageId", self.kind()?.unwrap_or(BodyKind::Text))?;
        let (client_ref, offset) = (head.client_ref.clone(), Offset(offset.some_number()?));
        Ok(ServerPacket::Accepted { client_ref, head, offset })
    }

    fn message(self) -> Result<ServerPacket, DecodeError> {
        let body = self.body()?;
        let head = self.head("clientMessageId", body.kind)?;
        self.row(Entry::Message(Message { head, body }))
    }

    fn revision(self) -> Result<ServerPacket, DecodeError> {
        let [id, called, client_ref, at, seq, edition] =
            self.fields(["id", "clientMessageId", "revisionId", "timestamp", "seq", "edition"]);
        let by = self.sender()?;
        let message = Names {
            id: id.message_id()?.ok_or_else(|| id.wrong())?,
            alias: None,
            client_ref: called.client_ref()?,
        };
        self.row(Entry::Revised(Revision {
            message,
            conversation: ConversationId::of(&by.user, &address(self.0)?),
            seq: Seq(seq.some_number()?),
            edition: edition.small()?,
            client_ref: client_ref.some_client_ref()?,
            at: at.some_time()?,
            body: if self.is("deleted")? { None } else { Some(self.body()?) },
            by,
        }))
    }
}

fn address(object: Object<'_>) -> Result<Address, DecodeError> {
    let [user, group] = fields(object, 0, ["receiverId", "groupId"]);
    read_address(user, group)
}

fn typing(object: Object<'_>) -> Result<ServerPacket, DecodeError> {
    let [is_typing, at] = fields(object, 0, ["isTyping", "timestamp"]);
    let act = if is_typing.flag()?.unwrap_or(true) { Act::Typing } else { Act::Cancelled };
    let signal = Signal { id: None, to: address(object)?, act, at: at.time()? };
    Ok(ServerPacket::Signal { from: Entity(object).sender()?, signal })
}
